//! What a directory may suffer.

use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::FutureExt;
use kernel::{Clock, Entropy};
use objects::{Error, Name, Objects};

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let entries = entries.filter(|path| !path.ends_with(".lock"));
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn what_was_begun_is_no_object_and_is_removed_when_nobody_comes_back_for_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let objects = Objects::in_directory(dir.path(), &clock, &entropy).expect("opened");
    objects.put(&Name::new("chat", "fil_aa").expect("a name"), Bytes::from_static(b"x")).await.expect("put");
    assert_eq!(files(dir.path()).len(), 1, "nothing is left of the writing");
    // Two processes died while they wrote, one of them long ago.
    for (name, hours) in [("old", 2), ("new", 0)] {
        let path = dir.path().join(".coming").join(name);
        let file = std::fs::File::create(path).expect("a file");
        let at_ms = u64::try_from(clock.now_ms()).expect("a time") - hours * 3_600_000;
        file.set_modified(UNIX_EPOCH + Duration::from_millis(at_ms)).expect("a time");
    }
    Objects::in_directory(dir.path(), &clock, &entropy).expect("opened");
    let left: Vec<_> = files(&dir.path().join(".coming"));
    assert_eq!(left, [dir.path().join(".coming/new")], "the other one may be writing");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_on_the_machine_reads_them() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().join("deep/objects");
    let objects = Objects::in_directory(&root, &Clock::system(), &Entropy::system()).expect("opened");
    objects.put(&Name::new("chat", "fil_aa").expect("a name"), Bytes::from_static(b"x")).await.expect("put");
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode(&root), mode(&root.join("chat/aa")), mode(&root.join("chat/aa/fil_aa"))), (0o700, 0o700, 0o600));
}

#[tokio::test]
async fn a_place_that_went_away_says_nothing_of_its_objects() {
    let dir = tempfile::tempdir().expect("a directory");
    let (root, aside) = (dir.path().join("objects"), dir.path().join("aside"));
    let objects = Objects::in_directory(&root, &Clock::system(), &Entropy::system()).expect("opened");
    let name = Name::new("chat", "fil_aa").expect("a name");
    objects.put(&name, Bytes::from_static(b"x")).await.expect("put");
    std::fs::rename(&root, &aside).expect("taken away");
    std::fs::create_dir(&root).expect("an empty mount point");
    assert!(matches!(objects.get(&name, 0..1).await, Err(Error::Away(_))));
    assert!(matches!(objects.delete(&name).await, Err(Error::Away(_))), "else its row would be forgotten");
    std::fs::remove_dir(&root).expect("empty");
    std::fs::rename(&aside, &root).expect("back");
    assert_eq!(objects.get(&name, 0..1).await.expect("asked"), Some(Bytes::from_static(b"x")));
    objects.delete(&name).await.expect("removed");
    assert_eq!(objects.get(&name, 0..1).await.expect("asked"), None);
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_away_and_keeps_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let objects = Objects::in_directory(dir.path(), &Clock::system(), &Entropy::system()).expect("opened");
    // A file stands where the folder of the part would be.
    std::fs::write(dir.path().join("chat"), b"").expect("written");
    let name = Name::new("chat", "fil_aa").expect("a name");
    assert!(matches!(objects.put(&name, Bytes::from_static(b"x")).await, Err(Error::Away(_))));
    assert!(files(&dir.path().join(".coming")).is_empty());
}

#[tokio::test]
async fn nothing_is_removed_while_somebody_copies_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let objects = Objects::in_directory(dir.path(), &Clock::system(), &Entropy::system()).expect("opened");
    let (one, other) = (Name::new("chat", "fil_aa").expect("a name"), Name::new("chat", "fil_bb").expect("a name"));
    objects.put(&one, Bytes::from_static(b"x")).await.expect("put");
    let held = objects.hold().await.expect("there").expect("a directory");
    assert!(held.root().join("chat/aa/fil_aa").exists());
    let mut removing = Box::pin(objects.delete(&one));
    assert!((&mut removing).now_or_never().is_none(), "it waits");
    objects.put(&other, Bytes::from_static(b"y")).await.expect("others go on");
    assert_eq!(objects.get(&one, 0..1).await.expect("asked"), Some(Bytes::from_static(b"x")));
    drop(held);
    removing.await.expect("removed");
    assert_eq!(objects.get(&one, 0..1).await.expect("asked"), None);
    std::fs::remove_dir_all(dir.path().join(".coming")).expect("taken away");
    assert!(matches!(objects.hold().await, Err(Error::Away(_))), "a copy of nothing would pass for one of everything");
}

#[test]
fn several_serve_a_directory_and_none_while_it_is_replaced() {
    let dir = tempfile::tempdir().expect("a directory");
    let open = || Objects::in_directory(dir.path(), &Clock::system(), &Entropy::system());
    let both = [open().expect("opened"), open().expect("opened as well")];
    let replacing = std::fs::File::open(dir.path().join(".lock")).expect("the lock");
    assert!(replacing.try_lock().is_err());
    drop(both);
    replacing.lock().expect("alone");
    assert!(open().is_err());
    drop(replacing);
    open().expect("opened");
}
