//! What concurrent writes share, and what nobody may keep.

use std::time::{Duration, Instant};

use kernel::limits::{self, STORE_LOG_BYTES as LOG_BYTES};
use store::{Store, StoreError, Tx, params};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::conformance::{add, all};
use crate::embedded::fresh;

/// Counts to a number that takes many seconds, in SQL.
const SLOW: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000)";

/// Holds the writer's thread inside a closure until the answer is dropped or sent to, so that what comes next waits together.
async fn hold(store: &Store) -> (oneshot::Sender<()>, JoinHandle<Result<(), StoreError>>) {
    let ((release, released), (inside, entered)) = (oneshot::channel::<()>(), oneshot::channel::<()>());
    let held = store.clone();
    let write = tokio::spawn(async move {
        held.write(async move |_: &mut Tx| {
            let _ = inside.send(());
            let _ = released.blocking_recv();
            Ok(())
        })
        .await
    });
    entered.await.expect("the writer runs it");
    (release, write)
}

/// Lets every task that was spawned reach the place where it waits.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn writes_that_wait_together_share_one_commit_and_one_sync() {
    let (_dir, store) = fresh();
    for writers in [1_u64, 8, 64, 500] {
        let (release, held) = hold(&store).await;
        let before = store.stats();
        let writes: Vec<_> = (0..writers)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move { add(&store, &format!("{writers}/{n}")).await })
            })
            .collect();
        settle().await;
        drop(release);
        held.await.expect("joined").expect("written");
        for write in writes {
            write.await.expect("joined").expect("written");
        }
        let after = store.stats();
        let (commits, done) = (after.commits_total - before.commits_total, after.writes_total - before.writes_total);
        println!("{writers} writers: {done} writes in {commits} commits");
        assert_eq!(done, writers + 1);
        // The held one, and then all that waited; a batch that took long is cut in parts.
        assert!(commits <= 2 + writers / 50, "{commits} commits for {writers} writes");
    }
}

#[tokio::test]
async fn a_slow_write_holds_up_the_others_of_its_batch_no_longer_than_itself() {
    let (_dir, store) = fresh();
    let (release, held) = hold(&store).await;
    let before = store.stats().commits_total;
    let slow = store.clone();
    let first = tokio::spawn(async move {
        let written: Result<u64, StoreError> = slow
            .write(async |tx| {
                let begun = Instant::now();
                while begun.elapsed() < Duration::from_millis(2 * limits::STORE_BATCH_MS) {
                    std::hint::spin_loop();
                }
                tx.execute("INSERT INTO notes (words) VALUES ('slow')", &[]).await
            })
            .await;
        written
    });
    settle().await;
    let second = tokio::spawn({
        let store = store.clone();
        async move { add(&store, "quick").await }
    });
    settle().await;
    drop(release);
    held.await.expect("joined").expect("written");
    first.await.expect("joined").expect("written");
    second.await.expect("joined").expect("written");
    assert_eq!(store.stats().commits_total - before, 3, "the held one, the slow one alone, the quick one after it");
}

#[tokio::test]
async fn a_write_that_takes_too_long_is_interrupted_and_its_companions_are_told_to_come_back() {
    let (_dir, store) = fresh();
    let (release, held) = hold(&store).await;
    let writes: Vec<_> = ["before", "endless", "after"]
        .into_iter()
        .map(|words| {
            let store = store.clone();
            tokio::spawn(async move {
                let written: Result<(), StoreError> = store
                    .write(async move |tx| {
                        tx.execute("INSERT INTO notes (words) VALUES ($1)", params![words]).await?;
                        if words == "endless" {
                            tx.execute(
                                &format!("{SLOW} INSERT INTO notes (weight, words) SELECT max(i), 'x' FROM n"),
                                &[],
                            )
                            .await?;
                        }
                        Ok(())
                    })
                    .await;
                written
            })
        })
        .collect();
    settle().await;
    drop(release);
    held.await.expect("joined").expect("written");
    let mut outcomes = Vec::new();
    for write in writes {
        outcomes.push(write.await.expect("joined"));
    }
    assert!(matches!(outcomes[1], Err(StoreError::TooLong)), "{outcomes:?}");
    assert!(outcomes.iter().flat_map(|outcome| outcome.as_ref().err()).all(StoreError::is_temporary), "{outcomes:?}");
    // Whoever was told that it is written, is; whoever was told no, is not.
    let kept = all(&store).await;
    for (words, outcome) in ["before", "endless", "after"].iter().zip(&outcomes) {
        assert_eq!(kept.iter().any(|kept| kept == words), outcome.is_ok(), "{words}: {outcome:?}, {kept:?}");
    }
    add(&store, "the store goes on").await.expect("written");
}

#[tokio::test]
async fn a_read_that_takes_too_long_is_interrupted() {
    let (_dir, store) = fresh();
    let begun = Instant::now();
    let read: Result<(i64,), StoreError> =
        store.read(async |tx| tx.one(&format!("{SLOW} SELECT max(i) FROM n"), &[]).await).await;
    assert!(matches!(read, Err(StoreError::TooLong)), "{read:?}");
    assert!(begun.elapsed() < Duration::from_millis(limits::STORE_READ_MS + 2_000), "{:?}", begun.elapsed());
    assert!(all(&store).await.is_empty(), "the reader serves the next");
}

const BLOB: usize = 256 * 1024;

/// Writes so many bytes, each row over the one before, so that only the log grows.
async fn churn(store: &Store, bytes: u64) {
    for n in 0..bytes / BLOB as u64 {
        let written: Result<u64, StoreError> = store
            .write_relaxed(async move |tx| {
                // SQLite writes no page whose bytes stay the same.
                let blob = vec![n as u8; BLOB];
                tx.execute(
                    "INSERT INTO notes (id, words, bytes) VALUES (1, 'churn', $1)
                     ON CONFLICT (id) DO UPDATE SET bytes = excluded.bytes",
                    params![&blob],
                )
                .await
            })
            .await;
        written.expect("written");
    }
}

#[tokio::test]
async fn the_log_starts_over_and_no_commit_waits_for_a_whole_checkpoint() {
    let (_dir, store) = fresh();
    churn(&store, 4 * LOG_BYTES).await;
    let stats = store.stats();
    println!("{stats:?}");
    // Where the checkpointer gets no turn, the writer copies when the log has twice its length and one share.
    assert!(stats.wal_bytes < 2 * LOG_BYTES + 2 * limits::STORE_CHECKPOINT_BYTES, "{stats:?}");
    assert!(stats.checkpoints_total >= 4, "{stats:?}");
    assert_eq!(store.check().await.expect("checked"), None);
}

#[tokio::test]
async fn a_read_cannot_make_the_log_grow_for_ever() {
    let (_dir, store) = fresh();
    add(&store, "first").await.expect("written");
    let ((release, released), (inside, entered)) = (oneshot::channel::<()>(), oneshot::channel::<()>());
    let reading = tokio::spawn({
        let store = store.clone();
        async move {
            let read: Result<(i64,), StoreError> = store
                .read(async move |tx| {
                    let _: (i64,) = tx.one("SELECT count(*) FROM notes", &[]).await?;
                    let _ = inside.send(());
                    let _ = released.blocking_recv();
                    tx.one("SELECT count(*) FROM notes", &[]).await
                })
                .await;
            read
        }
    });
    entered.await.expect("it reads");
    churn(&store, limits::STORE_LOG_MAX_BYTES + 2 * LOG_BYTES).await;
    let held = store.stats();
    assert!(held.wal_bytes > LOG_BYTES * 4, "the snapshot holds it: {held:?}");
    drop(release);
    let read = reading.await.expect("joined");
    assert!(matches!(read, Err(StoreError::TooLong)), "{read:?}");
    churn(&store, 2 * LOG_BYTES).await;
    let after = store.stats();
    assert!(after.wal_bytes <= 2 * LOG_BYTES + 1_000_000, "the file is given back: {after:?}");
}
