//! Backups and what comes back from them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kernel::{Clock, Entropy};
use store::backup::{self, Contents, Order};
use store::{FILE, Migration, Restored, Store, StoreError, params};
use tempfile::TempDir;

use crate::conformance::{MIGRATIONS, add, all};
use crate::embedded::{fresh, open};
use crate::mounts::Mount;

const KEY: &str = "the.key";

fn order(to: &Path) -> Order {
    Order { to: to.to_owned(), with: vec![KEY], along: None, made_by: "a test".into(), made_at_ms: 1_767_225_600_000 }
}

fn restore(file: &Path, dir: &Path, replace: bool) -> Result<Restored, StoreError> {
    restore_with(file, dir, replace, MIGRATIONS)
}

fn restore_with(file: &Path, dir: &Path, replace: bool, known: &[Migration]) -> Result<Restored, StoreError> {
    Store::restore(file, dir, replace, &[KEY], None, known, (&Clock::manual(1_767_225_600_000), &Entropy::system()))
}

/// A store with rows and a key, and a backup of it.
async fn backed_up(rows: usize) -> (TempDir, Store, std::path::PathBuf, Contents) {
    let (dir, store) = fresh();
    std::fs::write(dir.path().join(KEY), b"sealed with this").expect("written");
    for n in 0..rows {
        add(&store, &format!("row {n}")).await.expect("written");
    }
    let file = dir.path().join("backup.db");
    let contents = store.backup(order(&file), |_| true).await.expect("made");
    (dir, store, file, contents)
}

#[tokio::test]
async fn a_backup_comes_back_elsewhere_whole_and_private() {
    let (_dir, store, file, contents) = backed_up(100).await;
    add(&store, "after the backup").await.expect("written");
    assert_eq!(file.metadata().expect("there").permissions().mode() & 0o777, 0o600);
    assert_eq!((contents.database.as_str(), contents.files.as_slice()), (store.id(), &[KEY.to_owned()][..]));
    assert!(contents.tables.contains(&("notes".into(), 100)), "{contents:?}");
    let read = backup::read(&file).expect("whole");
    assert_eq!((read.rows(), read.made_by.as_str()), (contents.rows(), "a test"));

    let elsewhere = tempfile::tempdir().expect("a directory");
    let data = elsewhere.path().join("data");
    let restored = restore(&file, &data, false).expect("restored");
    assert!(restored.aside.is_empty());
    assert_eq!(std::fs::read(data.join(KEY)).expect("the key"), b"sealed with this");
    for name in [FILE, KEY] {
        assert_eq!(data.join(name).metadata().expect("there").permissions().mode() & 0o777, 0o600, "{name}");
    }
    let again = open(&data, MIGRATIONS).expect("opened");
    assert_eq!(all(&again).await, (0..100).map(|n| format!("row {n}")).collect::<Vec<_>>());
    assert_ne!(again.id(), store.id(), "positions of the old one mean nothing here");
    assert_eq!(add(&again, "goes on").await.expect("written"), 101, "numbers go on where they were");
    let tables: Result<Vec<(String,)>, StoreError> =
        again.read(async |tx| tx.all("SELECT name FROM sqlite_master WHERE name LIKE 'backup%'", &[]).await).await;
    assert!(tables.expect("read").is_empty(), "the manifest stays with the backup");
}

#[tokio::test]
async fn a_backup_while_writers_go_on_holds_what_was_acknowledged_before_it() {
    let (dir, store) = fresh();
    for n in 0..40 {
        let filled: Result<u64, StoreError> = store
            .write(async move |tx| {
                tx.execute(
                    "INSERT INTO notes (words, bytes) VALUES ($1, $2)",
                    params![&format!("big {n}"), &vec![n as u8; 500_000]],
                )
                .await
            })
            .await;
        filled.expect("written");
    }
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..8)
        .map(|w| {
            let (store, stop, written) = (store.clone(), stop.clone(), written.clone());
            tokio::spawn(async move {
                let mut slowest = Duration::ZERO;
                for n in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let begun = Instant::now();
                    add(&store, &format!("{w}/{n}")).await.expect("written");
                    slowest = slowest.max(begun.elapsed());
                    written.fetch_add(1, Ordering::Relaxed);
                }
                slowest
            })
        })
        .collect();
    while written.load(Ordering::Relaxed) < 200 {
        tokio::task::yield_now().await;
    }
    let before = written.load(Ordering::Relaxed);
    let file = dir.path().join("backup.db");
    let begun = Instant::now();
    let contents = store.backup(order(&file), |_| true).await.expect("made");
    let (took, during) = (begun.elapsed(), written.load(Ordering::Relaxed) - before);
    stop.store(true, Ordering::Relaxed);
    let mut slowest = Duration::ZERO;
    for writer in writers {
        slowest = slowest.max(writer.await.expect("joined"));
    }
    println!("{} KiB in {took:?}, {during} writes meanwhile, the slowest {slowest:?}", contents.size_bytes / 1024);
    assert!(during > 0, "writers go on");
    let kept = contents.tables.iter().find(|(name, _)| name == "notes").expect("there").1;
    assert!(kept >= before + 40, "{kept} rows, {before} acknowledged before it began");
    assert!(kept <= store_rows(&store).await, "{kept}");
}

async fn store_rows(store: &Store) -> u64 {
    let count: Result<(u64,), StoreError> =
        store.read(async |tx| tx.one("SELECT count(*) FROM notes", &[]).await).await;
    count.expect("read").0
}

#[tokio::test]
async fn nothing_is_replaced_unasked_and_what_was_there_is_kept() {
    let (_dir, _store, file, _) = backed_up(5).await;
    let (old, other) = fresh();
    add(&other, "the old one").await.expect("written");
    assert!(matches!(restore(&file, old.path(), true), Err(StoreError::Locked(_))), "a server runs on it");
    other.close().await;
    drop(other);
    std::fs::write(old.path().join(KEY), b"the old key").expect("written");
    let refused = restore(&file, old.path(), false).expect_err("refused").to_string();
    assert!(refused.contains("--replace"), "{refused}");
    let restored = restore(&file, old.path(), true).expect("restored");
    let aside = restored.aside.first().expect("kept");
    assert!(aside.display().to_string().contains("replaced-2026-01-01T00-00-00"), "{aside:?}");
    assert_eq!(all(&open(aside, MIGRATIONS).expect("opened")).await, ["the old one"]);
    assert_eq!(std::fs::read(aside.join(KEY)).expect("kept"), b"the old key");
    assert_eq!(all(&open(old.path(), MIGRATIONS).expect("opened")).await.len(), 5);
    assert_eq!(std::fs::read(old.path().join(KEY)).expect("new"), b"sealed with this");
}

#[tokio::test]
async fn a_backup_that_is_none_is_refused_before_anything_is_touched() {
    let (dir, store, file, _) = backed_up(50).await;
    let target = tempfile::tempdir().expect("a directory");
    let refused = |file: &Path, what: &str| {
        let error = restore(file, target.path(), true).expect_err(what);
        assert!(matches!(error, StoreError::Backup(_)), "{what}: {error:?}");
        assert!(!target.path().join(FILE).exists(), "{what}");
    };
    refused(&dir.path().join("nothing"), "no file");
    let text = dir.path().join("text");
    std::fs::write(&text, "not a database, whatever its length may be ".repeat(100)).expect("written");
    refused(&text, "a text");
    refused(&dir.path().join(FILE), "the database itself");
    // One bit of one value: no page is malformed, only the digest tells.
    let bytes = std::fs::read(&file).expect("read");
    let at = bytes.windows(6).position(|window| window == b"row 33").expect("the row is there");
    let turned = dir.path().join("turned");
    let mut copy = bytes.clone();
    copy[at + 5] ^= 1;
    std::fs::write(&turned, &copy).expect("written");
    refused(&turned, "one bit of a value");
    let cut = dir.path().join("cut");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).expect("written");
    refused(&cut, "half a file");
    let newer: Vec<Migration> = Vec::new();
    assert!(matches!(restore_with(&file, target.path(), true, &newer), Err(StoreError::Newer(_))));
    let exists = store.backup(order(&file), |_| true).await.expect_err("refused").to_string();
    assert!(exists.contains("exists already"), "{exists}");
}

#[tokio::test]
async fn a_backup_that_ends_early_leaves_nothing() {
    let (dir, store, ..) = backed_up(5).await;
    let to = dir.path().join("second.db");
    assert!(store.backup(order(&to), |_| false).await.is_err());
    let left: Vec<_> =
        std::fs::read_dir(dir.path()).expect("listed").filter_map(|e| e.ok()?.file_name().into_string().ok()).collect();
    assert!(!left.iter().any(|name| name.starts_with("second.db")), "{left:?}");
    if let Some(small) = Mount::small(4) {
        let full = store.backup(order(&small.path().join("b.db")), |_| true).await.expect_err("no room").to_string();
        assert!(full.contains("filled its disk"), "{full}");
        assert_eq!(std::fs::read_dir(small.path()).expect("listed").count(), 0);
    }
    add(&store, "the store goes on").await.expect("written");
}

#[tokio::test]
async fn a_directory_that_nobody_serves_is_backed_up_with_what_a_killed_server_left() {
    let (dir, store, ..) = backed_up(5).await;
    let to = dir.path().join("offline.db");
    assert!(matches!(backup::of_directory(dir.path(), &order(&to), |_| true), Err(StoreError::Locked(_))));
    let copy = tempfile::tempdir().expect("a directory");
    add(&store, "only in the log").await.expect("written");
    for name in ["mainspring.db-wal", FILE] {
        std::fs::copy(dir.path().join(name), copy.path().join(name)).expect("copied");
    }
    let contents = backup::of_directory(copy.path(), &order(&to), |_| true).expect("made");
    assert!(contents.tables.contains(&("notes".into(), 6)), "{contents:?}");
}

/// Every state that a crash within a restore can leave: made by taking back the steps one by one.
#[tokio::test]
async fn a_restore_that_was_interrupted_is_completed_by_the_next_start() {
    let (_dir, _store, file, _) = backed_up(7).await;
    for step in 0..5 {
        let (old, other) = fresh();
        add(&other, "the old one").await.expect("written");
        // A log that belongs to the old file, and would ruin the new one.
        let log = std::fs::read(old.path().join("mainspring.db-wal")).expect("read");
        other.close().await;
        drop(other);
        let staged = tempfile::tempdir().expect("a directory");
        restore(&file, staged.path(), false).expect("restored");
        let at = |name: &str| old.path().join(name);
        std::fs::write(at("mainspring.db-wal"), &log).expect("written");
        let decided = at("restoring");
        std::fs::create_dir_all(decided.join("replaced")).expect("made");
        for name in [FILE, KEY] {
            std::fs::rename(staged.path().join(name), decided.join(name)).expect("staged");
        }
        let moves: [(std::path::PathBuf, std::path::PathBuf); 4] = [
            (at("mainspring.db-wal"), decided.join("replaced/mainspring.db-wal")),
            (decided.join(KEY), at(KEY)),
            (at(FILE), decided.join("replaced").join(FILE)),
            (decided.join(FILE), at(FILE)),
        ];
        for (from, to) in moves.iter().take(step) {
            std::fs::rename(from, to).expect("moved");
        }
        Store::complete_restore(old.path(), &Clock::system()).expect("completed");
        let store = open(old.path(), MIGRATIONS).expect("opened");
        assert_eq!(all(&store).await.len(), 7, "after {step} steps");
        assert_eq!(store.check().await.expect("read"), None);
        assert_eq!(std::fs::read(at(KEY)).expect("the key"), b"sealed with this");
        assert!(!decided.exists());
        store.close().await;
    }
}
