//! Files that are not what was written: refused with what to do, or recovered to the last whole commit.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use rusqlite::Connection;
use store::{FILE, Store, StoreError};
use tempfile::TempDir;

use crate::conformance::{MIGRATIONS, add, all};
use crate::embedded::open;
use crate::mounts::Mount;

/// A closed database of some pages.
async fn closed(rows: usize) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), MIGRATIONS).expect("opened");
    for n in 0..rows {
        add(&store, &format!("row {n} {}", "x".repeat(200))).await.expect("written");
    }
    store.close().await;
    dir
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(path).expect("there");
    file.seek(SeekFrom::Start(at)).expect("sought");
    file.write_all(bytes).expect("written");
}

fn refusal(dir: &Path) -> StoreError {
    open(dir, MIGRATIONS).err().expect("refused")
}

#[tokio::test]
async fn a_damaged_file_is_refused_with_the_way_back() {
    type Break = fn(&Path);
    let ways: [(&str, Break); 5] = [
        ("garbage header", |path| overwrite(path, 0, &[0xAA; 100])),
        ("every fourth page overwritten", |path| {
            let pages = path.metadata().expect("there").len() / 2048;
            (1..pages).step_by(4).for_each(|page| overwrite(path, page * 2048, &[0x5A; 600]));
        }),
        ("cut in the middle", |path| {
            let file = OpenOptions::new().write(true).open(path).expect("there");
            file.set_len(file.metadata().expect("there").len() / 2).expect("cut");
        }),
        ("cut to nothing", |path| OpenOptions::new().write(true).open(path).expect("there").set_len(0).expect("cut")),
        ("one link between pages turned", |path| overwrite(path, 2048 * 3, &[13, 0, 0, 0xFF, 0xFF])),
    ];
    for (name, break_it) in ways {
        let dir = closed(200).await;
        break_it(&dir.path().join(FILE));
        let error = refusal(dir.path());
        assert!(matches!(error, StoreError::Damaged(_)), "{name}: {error:?}");
        assert!(error.to_string().contains("mainspring restore FILE --replace"), "{name}: {error}");
    }
}

#[tokio::test]
async fn damage_that_shows_later_ends_readiness_until_somebody_looks() {
    let dir = closed(200).await;
    let store = open(dir.path(), MIGRATIONS).expect("whole when it was opened");
    store.probe(0).await.expect("ready");
    let path = dir.path().join(FILE);
    let pages = path.metadata().expect("there").len() / 2048;
    (6..pages).for_each(|page| overwrite(&path, page * 2048, &[0x5A; 600]));
    let read: Result<Vec<(String,)>, StoreError> =
        store.read(async |tx| tx.all("SELECT words FROM notes", &[]).await).await;
    assert!(matches!(read, Err(StoreError::Damaged(_))), "{read:?}");
    let unharmed: Result<u64, StoreError> =
        store.write(async |tx| tx.execute("UPDATE identity SET id = id", &[]).await).await;
    unharmed.expect("another table can be written");
    assert!(matches!(store.probe(0).await, Err(StoreError::Damaged(_))), "that makes nothing whole");
}

#[tokio::test]
async fn a_file_that_is_gone_while_its_log_is_there_is_not_begun_anew() {
    let dir = closed(3).await;
    std::fs::rename(dir.path().join(FILE), dir.path().join("mainspring.db-wal")).expect("renamed");
    let error = refusal(dir.path());
    assert!(matches!(error, StoreError::Damaged(_)), "{error:?}");
}

#[tokio::test]
async fn another_programs_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(FILE);
    let theirs = Connection::open(&path).expect("opened");
    theirs.execute_batch("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup')").expect("written");
    drop(theirs);
    let before = std::fs::read(&path).expect("read");
    let error = refusal(dir.path());
    assert!(matches!(error, StoreError::Foreign(_)), "{error:?}");
    assert_eq!(std::fs::read(&path).expect("read"), before);
}

#[tokio::test]
async fn a_database_that_another_program_locks_is_refused_by_name() {
    let dir = closed(3).await;
    let theirs = Connection::open(dir.path().join(FILE)).expect("opened");
    theirs.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    let error = refusal(dir.path());
    assert!(matches!(error, StoreError::InUse(_)), "{error:?}");
    theirs.execute_batch("ROLLBACK").expect("released");
    assert_eq!(all(&open(dir.path(), MIGRATIONS).expect("opened")).await.len(), 3);
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_refused_with_advice() {
    let Some(disk) = Mount::small(4) else { return };
    let data = disk.path().join("data");
    open(&data, MIGRATIONS).expect("opened").close().await;
    disk.freeze();
    let error = refusal(&data);
    assert!(matches!(error, StoreError::Directory { .. }), "{error:?}");
    assert!(error.to_string().contains("--data"), "{error}");
}

/// The directory of a store that was killed after these rows: the log holds them, the file does not.
async fn killed(rows: usize) -> TempDir {
    let living = tempfile::tempdir().expect("a directory");
    let store = open(living.path(), MIGRATIONS).expect("opened");
    // A snapshot from before the rows: no checkpoint moves them into the file.
    let reader = Connection::open(living.path().join(FILE)).expect("opened");
    reader.execute_batch("BEGIN; SELECT count(*) FROM notes;").expect("begun");
    for n in 0..rows {
        add(&store, &format!("row {n}")).await.expect("written");
    }
    let dir = tempfile::tempdir().expect("a directory");
    for name in ["mainspring.db-wal", FILE] {
        std::fs::copy(living.path().join(name), dir.path().join(name)).expect("copied");
    }
    drop(reader);
    store.close().await;
    dir
}

async fn recovered(dir: &Path) -> usize {
    let store: Store = open(dir, MIGRATIONS).expect("opened");
    let rows = all(&store).await;
    assert!(rows.iter().enumerate().all(|(n, words)| *words == format!("row {n}")), "a prefix, in order: {rows:?}");
    assert_eq!(store.check().await.expect("read"), None);
    store.close().await;
    rows.len()
}

#[tokio::test]
async fn a_broken_log_is_read_up_to_its_last_whole_commit() {
    let whole = killed(50).await;
    assert_eq!(recovered(whole.path()).await, 50);
    for (cut, turned) in [(1, false), (40_000, false), (3_000, true), (60_000, true)] {
        let dir = killed(50).await;
        let log = dir.path().join("mainspring.db-wal");
        let length = log.metadata().expect("there").len();
        assert!(length > 100_000, "the log holds the rows: {length}");
        if turned {
            let mut file = std::fs::File::open(&log).expect("there");
            file.seek(SeekFrom::Start(length - cut)).expect("sought");
            let mut byte = [0];
            file.read_exact(&mut byte).expect("read");
            overwrite(&log, length - cut, &[byte[0] ^ 0x10]);
        } else {
            OpenOptions::new().write(true).open(&log).expect("there").set_len(length - cut).expect("cut");
        }
        let rows = recovered(dir.path()).await;
        println!("log {} {cut} bytes before its end: {rows} of 50 rows", if turned { "turned" } else { "cut" });
        assert!(rows < 50, "the damaged commit is not applied");
    }
}
