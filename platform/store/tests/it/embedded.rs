//! What only the embedded engine promises.

use std::os::unix::fs::PermissionsExt;

use kernel::{Clock, Entropy};
use store::{Durability, Migration, Store, StoreError};

use crate::conformance::{self, MIGRATIONS, add, all};

pub(crate) fn open(dir: &std::path::Path, migrations: &[Migration]) -> Result<Store, StoreError> {
    Store::embedded(dir, Durability::Full, migrations, &Clock::system(), &Entropy::system())
}

/// A new store in a directory of its own, which goes with the first value.
pub(crate) fn fresh() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), MIGRATIONS).expect("opened");
    (dir, store)
}

#[tokio::test]
async fn the_embedded_engine_conforms() {
    let dirs = tempfile::tempdir().expect("a directory");
    let next = std::sync::atomic::AtomicU32::new(0);
    conformance::suite(async || {
        let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        open(&dirs.path().join(n.to_string()), MIGRATIONS).expect("opened")
    })
    .await;
}

#[tokio::test]
async fn a_second_process_is_refused_and_the_files_are_private() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let first = open(&data, MIGRATIONS).expect("opened");
    let refused = open(&data, MIGRATIONS).err().expect("refused").to_string();
    assert!(refused.contains("another Mainspring runs"), "{refused}");
    add(&first, "x").await.expect("written");
    for entry in std::fs::read_dir(&data).expect("listed") {
        let entry = entry.expect("entry");
        let mode = entry.metadata().expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
    }
    assert_eq!(std::fs::metadata(&data).expect("metadata").permissions().mode() & 0o777, 0o700);
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart_under_the_same_identity() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), MIGRATIONS).expect("opened");
    add(&store, "kept").await.expect("written");
    let id = store.id().to_owned();
    store.close().await;
    drop(store);
    let again = open(dir.path(), MIGRATIONS).expect("opened again");
    assert_eq!(all(&again).await, ["kept"]);
    assert_eq!(again.id(), id);
}

/// What a release adds, and what one changes.
pub(crate) const ADDS: Migration = Migration {
    part: "test",
    version: 2,
    sql: "-- expands\nALTER TABLE notes ADD COLUMN colour TEXT NOT NULL DEFAULT 'none'",
};
pub(crate) const CHANGES: Migration =
    Migration { part: "test", version: 3, sql: "ALTER TABLE notes RENAME COLUMN colour TO color" };

#[tokio::test]
async fn an_older_binary_starts_again_where_a_newer_one_only_added() {
    let dir = tempfile::tempdir().expect("a directory");
    open(dir.path(), &[MIGRATIONS, &[ADDS]].concat()).expect("opened").close().await;
    let older = open(dir.path(), MIGRATIONS).expect("nothing that it needs is another");
    add(&older, "old").await.expect("written");
    older.close().await;
    drop(older);
    let newer = [MIGRATIONS, &[ADDS, CHANGES]].concat();
    assert_eq!(Store::examine(dir.path(), &newer).expect("looked at").pending, ["test/3"]);
    open(dir.path(), &newer).expect("opened").close().await;
    let refused = open(dir.path(), MIGRATIONS).err();
    assert!(matches!(&refused, Some(StoreError::Newer(step)) if step == "test/3"), "{refused:?}");
}

#[tokio::test]
async fn a_newer_or_foreign_database_is_refused_with_advice() {
    let dir = tempfile::tempdir().expect("a directory");
    let next = Migration { part: "test", version: 2, sql: "CREATE TABLE later (x BIGINT)" };
    open(dir.path(), &[MIGRATIONS[0], next]).expect("opened").close().await;
    let newer = open(dir.path(), MIGRATIONS).err().expect("refused").to_string();
    assert!(newer.contains("newer Mainspring (test/2)"), "{newer}");
    assert!(matches!(Store::examine(dir.path(), MIGRATIONS), Err(StoreError::Newer(_))));
    let later = Migration { part: "test", version: 3, sql: "CREATE TABLE later_still (x BIGINT)" };
    let examined = Store::examine(dir.path(), &[MIGRATIONS[0], next, later]).expect("looked at");
    assert_eq!((examined.pending.as_slice(), &examined.damage), (&["test/3".to_owned()][..], &None));
    open(dir.path(), &[MIGRATIONS[0], next]).expect("not changed by looking").close().await;

    let foreign = tempfile::tempdir().expect("a directory");
    std::fs::write(foreign.path().join("mainspring.db"), "this is no database, however long it may be ".repeat(100))
        .expect("written");
    assert!(matches!(open(foreign.path(), MIGRATIONS), Err(StoreError::Damaged(_))));
}

#[tokio::test]
async fn a_broken_migration_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("a directory");
    let broken = Migration { part: "test", version: 2, sql: "CREATE TABLE half (x BIGINT); SELECT nonsense" };
    assert!(
        matches!(open(dir.path(), &[MIGRATIONS[0], broken]), Err(StoreError::Migration(name, _)) if name == "test/2")
    );
    let mended = Migration { part: "test", version: 2, sql: "CREATE TABLE half (x BIGINT)" };
    open(dir.path(), &[MIGRATIONS[0], mended]).expect("opened");
}

async fn add_lazily(store: &Store) -> Result<u64, StoreError> {
    store
        .write_lazy(async |tx| tx.execute("INSERT INTO notes (words) SELECT 'lazy ' || count(*) FROM notes", &[]).await)
        .await
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_rides_with_one_that_somebody_waits_for() {
    const PAIRS: u64 = 50;
    let (_dir, store) = fresh();
    let before = store.stats().commits_total;
    for pair in 0..PAIRS {
        let words = pair.to_string();
        // Polled in this order: the lazy one is in the queue first.
        let (lazy, other) = tokio::join!(add_lazily(&store), add(&store, &words));
        lazy.expect("written");
        other.expect("written");
    }
    let commits = store.stats().commits_total - before;
    assert!((PAIRS..PAIRS * 3 / 2).contains(&commits), "{commits} commits of {PAIRS} pairs");
    assert_eq!(all(&store).await.len() as u64, 2 * PAIRS);
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_goes_alone_when_nobody_comes() {
    const ALONE: u64 = 10;
    let (_dir, store) = fresh();
    let (begun, before) = (std::time::Instant::now(), store.stats().commits_total);
    for _ in 0..ALONE {
        add_lazily(&store).await.expect("written");
    }
    assert_eq!(store.stats().commits_total - before, ALONE);
    assert!(begun.elapsed().as_millis() as u64 >= ALONE * kernel::limits::STORE_LINGER_MS, "it did not look out");
}
