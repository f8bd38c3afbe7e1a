//! A disk without room: refused, not lost, and back by itself.

use kernel::Problem;
use store::{Store, StoreError, params};

use crate::conformance::{MIGRATIONS, all};
use crate::embedded::{fresh, open};
use crate::mounts::Mount;

/// Writes until a write is refused: what was acknowledged, and the refusal.
async fn fill(store: &Store) -> (Vec<String>, StoreError) {
    let mut acknowledged = Vec::new();
    loop {
        let words = format!("row {}", acknowledged.len());
        let (row, bytes) = (words.clone(), vec![acknowledged.len() as u8; 20_000]);
        let written: Result<(), StoreError> = store
            .write(async move |tx| {
                // Two rows that belong together.
                tx.execute("INSERT INTO notes (words, bytes) VALUES ($1, $2)", params![&row, &bytes]).await?;
                tx.execute("INSERT INTO notes (words) VALUES ($1)", params![&format!("{row}, its other half")]).await?;
                Ok(())
            })
            .await;
        match written {
            Ok(()) => acknowledged.extend([words.clone(), format!("{words}, its other half")]),
            Err(error) => return (acknowledged, error),
        }
    }
}

async fn refuses_and_recovers(store: &Store, wanted: u64, make_room: impl AsyncFnOnce()) -> Vec<String> {
    let (mut acknowledged, error) = fill(store).await;
    println!("{} rows, then: {error:?}", acknowledged.len());
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    assert!(wanted == 0 || store.probe(wanted).await.is_err(), "readiness goes");
    assert_eq!(all(store).await, acknowledged, "reads go on, and see nothing half-written");
    let problem = Problem::from(error);
    assert!(format!("{problem:?}").contains("503"), "{problem:?}");
    make_room().await;
    store.probe(wanted).await.expect("it recovers without a restart");
    let again = crate::conformance::add(store, "after").await;
    again.expect("writes go on");
    acknowledged.push("after".to_owned());
    assert_eq!(all(store).await, acknowledged);
    assert_eq!(store.check().await.expect("read"), None);
    acknowledged
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing_and_room_brings_it_back() {
    let Some(disk) = Mount::small(12) else { return };
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![0; 4 * 1024 * 1024]).expect("written");
    let data = disk.path().join("data");
    let store = open(&data, MIGRATIONS).expect("opened");
    let kept =
        refuses_and_recovers(&store, 1024 * 1024, async || std::fs::remove_file(&ballast).expect("removed")).await;
    store.close().await;
    drop(store);
    assert_eq!(all(&open(&data, MIGRATIONS).expect("opened again")).await, kept);
}

#[tokio::test]
async fn a_database_at_its_largest_refuses_and_loses_nothing() {
    // The same where nobody may mount: SQLite's own bound stands for the disk's.
    let (_dir, store) = fresh();
    let limit = async |pages: i64| {
        let set: Result<(i64,), StoreError> =
            store.write(async move |tx| tx.one(&format!("PRAGMA max_page_count = {pages}"), &[]).await).await;
        set.expect("set");
    };
    limit(500).await;
    refuses_and_recovers(&store, 0, async || limit(1_000_000).await).await;
}

#[tokio::test]
async fn little_room_is_said_before_it_is_none() {
    let Some(disk) = Mount::small(8) else { return };
    let store = open(&disk.path().join("data"), MIGRATIONS).expect("opened");
    store.probe(1024 * 1024).await.expect("room enough");
    let error = store.probe(64 * 1024 * 1024).await.expect_err("too little");
    assert!(matches!(error, StoreError::LittleRoom { wanted_mb: 64, free_mb: 0..=8 }), "{error:?}");
    crate::conformance::add(&store, "written all the same").await.expect("it fits");
}
