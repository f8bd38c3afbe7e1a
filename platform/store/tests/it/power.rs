//! What survives a power cut: a disk in a file, copied at one moment as it is without its memory.

use store::{Durability, Store, StoreError, params};

use crate::conformance::{MIGRATIONS, all};
use crate::mounts::Mount;

fn open(mount: &Mount, durability: Durability) -> Store {
    let (clock, entropy) = (kernel::Clock::system(), kernel::Entropy::system());
    Store::embedded(&mount.path().join("data"), durability, MIGRATIONS, &clock, &entropy).expect("opened")
}

/// Writes rows one after the other; how many the disk holds right after the last answer.
async fn kept(durability: Durability, relaxed: bool, rows: usize) -> Option<usize> {
    let disk = Mount::disk(64)?;
    let store = open(&disk, durability);
    for n in 0..rows {
        let words = format!("row {n}");
        let write =
            async move |tx: &mut store::Tx| tx.execute("INSERT INTO notes (words) VALUES ($1)", params![&words]).await;
        let written: Result<u64, StoreError> =
            if relaxed { store.write_relaxed(write).await } else { store.write(write).await };
        written.expect("acknowledged");
    }
    let cut = disk.after_a_power_cut();
    let again = open(&cut, durability);
    assert_eq!(again.check().await.expect("read"), None, "the database is whole in every case");
    let kept = all(&again).await;
    assert!(
        kept.iter().enumerate().all(|(n, words)| *words == format!("row {n}")),
        "from the front, in order: {kept:?}"
    );
    again.close().await;
    store.close().await;
    Some(kept.len())
}

#[tokio::test]
async fn full_keeps_every_acknowledged_write_over_a_power_cut() {
    let Some(kept) = kept(Durability::Full, false, 300).await else { return };
    assert_eq!(kept, 300);
}

#[tokio::test]
async fn normal_and_relaxed_keep_the_database_and_may_lose_the_end() {
    let Some(normal) = kept(Durability::Normal, false, 300).await else { return };
    let Some(relaxed) = kept(Durability::Full, true, 300).await else { return };
    println!("of 300 acknowledged right before a power cut: {normal} in `normal`, {relaxed} relaxed in `full`");
    // If they kept all, nothing here would tell a sync from none.
    assert!(normal < 300 && relaxed < 300, "{normal}, {relaxed}");
}

#[tokio::test]
async fn normal_is_on_the_disk_after_its_timer() {
    let Some(disk) = Mount::disk(64) else { return };
    let store = open(&disk, Durability::Normal);
    crate::conformance::add(&store, "waits for the timer").await.expect("acknowledged");
    let before = store.stats().checkpoints_total;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while store.stats().checkpoints_total == before {
        assert!(std::time::Instant::now() < deadline, "no checkpoint within twenty seconds");
        // A read takes its turn on another thread: this polls without spinning hot.
        let _ = all(&store).await;
    }
    let cut = disk.after_a_power_cut();
    assert_eq!(all(&open(&cut, Durability::Normal)).await, ["waits for the timer"]);
    store.close().await;
}
