//! Restores of files that were interrupted, or that somebody else stands in the way of.

use std::fs;

use kernel::Clock;
use store::{FILE, Store, StoreError};

use crate::archives::{backed_up, listed, names, order, put, restore};
use crate::conformance::{MIGRATIONS, add, all};
use crate::embedded::open;
use crate::mounts::Mount;

#[tokio::test]
async fn a_decided_restore_waits_for_a_volume_that_is_not_mounted() {
    let (_dir, _store, file, _) = backed_up().await;
    let target = tempfile::tempdir().expect("a directory");
    let (data, root, away) = (target.path().join("data"), target.path().join("volume"), target.path().join("away"));
    restore(&file, &data, &root, false).expect("restored");
    // As a kill right after the decision leaves it.
    let decided = data.join("restoring");
    fs::create_dir(&decided).expect("made");
    fs::rename(data.join(FILE), decided.join(FILE)).expect("staged");
    fs::write(decided.join("along"), root.to_str().expect("plain")).expect("staged");
    fs::create_dir(root.join(".restoring")).expect("made");
    for part in ["chat", "chat-x"] {
        fs::rename(root.join(part), root.join(".restoring").join(part)).expect("staged");
    }
    let clock = Clock::manual(1_767_225_600_000);
    let refused = || {
        let refused = Store::complete_restore(&data, &clock).expect_err("refused").to_string();
        assert!(refused.contains("mount it") && decided.join("along").exists(), "{refused}");
        assert_eq!(Store::restore_waits(&data).expect_err("looked at").to_string(), refused);
    };
    assert!(Store::restore_waits(&data).expect("mounted"));
    fs::rename(&root, &away).expect("unmounted");
    refused();
    fs::create_dir(&root).expect("a mount point");
    refused();
    assert!(open(&data, MIGRATIONS).is_err(), "no start without it");
    fs::remove_dir_all(&root).expect("empty");
    fs::rename(&away, &root).expect("mounted");
    // Served by another process: nothing moves under it.
    let serving = fs::File::open(root.join(".lock")).expect("the lock");
    serving.lock_shared().expect("shared");
    assert!(matches!(Store::complete_restore(&data, &clock), Err(StoreError::Locked(_))));
    drop(serving);
    Store::complete_restore(&data, &clock).expect("completed");
    assert!(listed(&root) == names() && !decided.exists() && !root.join(".arriving").exists());
    assert!(!Store::restore_waits(&data).expect("none"));
    assert_eq!(all(&open(&data, MIGRATIONS).expect("opened")).await.len(), 7);
}

#[tokio::test]
async fn a_mark_outlives_the_move_and_is_no_hindrance() {
    let (_dir, _store, file, _) = backed_up().await;
    let target = tempfile::tempdir().expect("a directory");
    let (data, root) = (target.path().join("data"), target.path().join("objects"));
    restore(&file, &data, &root, false).expect("restored");
    // Killed when the files had moved and the note was still there; and right after.
    fs::create_dir(root.join(".arriving")).expect("made");
    fs::create_dir(data.join("restoring")).expect("made");
    fs::write(data.join("restoring/along"), root.to_str().expect("plain")).expect("staged");
    Store::complete_restore(&data, &Clock::manual(1_767_225_600_000)).expect("completed");
    assert!(listed(&root) == names() && !root.join(".arriving").exists());
    fs::create_dir(root.join(".arriving")).expect("made");
    restore(&file, &data, &root, true).expect("restored");
    assert!(listed(&root) == names() && !root.join(".arriving").exists());
}

#[tokio::test]
async fn files_that_somebody_serves_are_not_replaced() {
    let (_dir, _store, file, _) = backed_up().await;
    let target = tempfile::tempdir().expect("a directory");
    let (data, root) = (target.path().join("data"), target.path().join("objects"));
    put(&root, ".lock", b"");
    let serving = fs::File::open(root.join(".lock")).expect("the lock");
    serving.lock_shared().expect("shared");
    assert!(matches!(restore(&file, &data, &root, true), Err(StoreError::Locked(_))));
    assert!(listed(&root).is_empty() && !data.join(FILE).exists());
    drop(serving);
    restore(&file, &data, &root, true).expect("restored");
}

#[tokio::test]
async fn what_a_restore_left_that_was_not_decided_is_removed_by_the_next_start() {
    let (dir, store, ..) = backed_up().await;
    store.close().await;
    drop(store);
    let root = dir.path().join("objects");
    put(&root, ".restoring/chat/aa/half", b"half");
    put(dir.path(), "restore.partial/mainspring.db", b"half");
    put(dir.path(), "restore.partial/along", root.to_str().expect("plain").as_bytes());
    put(dir.path(), "restore.database", b"half");
    assert_eq!(all(&open(dir.path(), MIGRATIONS).expect("opened")).await.len(), 7);
    for left in ["restore.partial", "restore.database", "objects/.restoring"] {
        assert!(!dir.path().join(left).exists(), "{left}");
    }
    assert_eq!(listed(&root), names());
}

#[tokio::test]
async fn a_full_disk_is_not_told_as_a_damaged_backup() {
    let (_dir, _store, file, _) = backed_up().await;
    let Some(small) = Mount::small(1) else { return };
    let target = tempfile::tempdir().expect("a directory");
    let told = |data: &std::path::Path, root: &std::path::Path| {
        restore(&file, data, root, false).expect_err("no room").to_string()
    };
    let full = small.path().join("full");
    fs::write(&full, vec![7; 1_040_000]).expect("written");
    let words = [
        told(&small.path().join("data"), &target.path().join("o")),
        told(&target.path().join("d"), &small.path().join("o")),
    ];
    for words in words {
        assert!(words.contains("cannot be written") && !words.contains("damaged"), "{words}");
    }
    fs::remove_file(full).expect("removed");
    restore(&file, &target.path().join("d"), &small.path().join("o"), false).expect("there is room for the files");
}

#[tokio::test]
async fn the_first_file_that_comes_while_the_rows_are_copied_is_in_the_backup() {
    let (dir, store, ..) = backed_up().await;
    let (root, to) = (dir.path().join("none yet"), dir.path().join("second"));
    fs::create_dir(&root).expect("made");
    put(&root, "chat/a file", b"of somebody else");
    put(&root, "chat/file", b"of somebody else");
    add(&store, "names it").await.expect("written");
    let coming = root.clone();
    let made = store.backup(order(&to, &root), move |_| {
        put(&coming, "chat/aa/first", b"the first");
        true
    });
    assert_eq!(made.await.expect("made").objects, 1);
}
