//! Backups that carry files: what comes back, and what is refused.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use kernel::{Clock, Entropy};
use sha2::{Digest, Sha256};
use store::backup::{self, Contents, Order};
use store::{FILE, Restored, Store, StoreError};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use crate::conformance::{MIGRATIONS, add, all};
use crate::embedded::{fresh, open};
use crate::mounts::Mount;

const FILES: [(&str, usize); 4] =
    [("chat/0a/fil_10a", 700_000), ("chat/9z/fil_09z", 0), ("chat/9z/fil_09z.preview", 12), ("chat-x/9z/a9z", 513)];

fn bytes_of(name: &str, length: usize) -> Vec<u8> {
    name.bytes().cycle().take(length).collect()
}

pub(crate) fn put(root: &Path, name: &str, bytes: &[u8]) {
    let path = root.join(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    std::fs::write(path, bytes).expect("written");
}

pub(crate) fn order(to: &Path, along: &Path) -> Order {
    let along = Some(along.to_owned());
    Order { to: to.to_owned(), with: vec![], along, made_by: "a test".into(), made_at_ms: 1_767_225_600_000 }
}

pub(crate) fn restore(file: &Path, dir: &Path, root: &Path, replace: bool) -> Result<Restored, StoreError> {
    let now = Clock::manual(1_767_225_600_000);
    Store::restore(file, dir, replace, &[], Some(root), MIGRATIONS, (&now, &Entropy::system()))
}

/// A store with rows and files, and a backup of both.
pub(crate) async fn backed_up() -> (TempDir, Store, PathBuf, Contents) {
    let (dir, store) = fresh();
    let root = dir.path().join("objects");
    for (name, length) in FILES {
        put(&root, name, &bytes_of(name, length));
    }
    put(&root, ".coming/half", b"what is being written is no file yet");
    for n in 0..7 {
        add(&store, &format!("row {n}")).await.expect("written");
    }
    let file = dir.path().join("backup");
    let contents = store.backup(order(&file, &root), |_| true).await.expect("made");
    (dir, store, file, contents)
}

/// All files below a folder, but what begins with a point.
pub(crate) fn listed(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(root).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        match path.is_dir() {
            _ if name.starts_with('.') => {}
            true => found.extend(listed(&path).into_iter().map(|below| format!("{name}/{below}"))),
            false => found.push(name),
        }
    }
    found.sort();
    found
}

pub(crate) fn names() -> Vec<String> {
    let mut names: Vec<_> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn files_come_back_with_the_rows_and_any_tar_opens_the_backup() {
    let (_dir, _store, file, contents) = backed_up().await;
    assert_eq!((contents.objects, contents.size_bytes), (4, file.metadata().expect("there").len()));
    let read = backup::read(&file).expect("whole");
    assert_eq!((read.objects, read.rows(), read.size_bytes), (4, contents.rows(), contents.size_bytes));

    let by_hand = tempfile::tempdir().expect("a directory");
    let opened = Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(by_hand.path()).output().expect("tar");
    assert!(opened.status.success(), "{opened:?}");
    for sums in ["SHA256SUMS", "SHA256SUMS.sha256"] {
        let mut check = Command::new("sha256sum");
        let checked = check.args(["--check", "--strict", sums]).current_dir(by_hand.path()).output().expect("sums");
        assert!(checked.status.success(), "{checked:?}");
    }
    assert_eq!(backup::read(&by_hand.path().join(FILE)).expect("a backup as well").rows(), contents.rows());

    let elsewhere = tempfile::tempdir().expect("a directory");
    let (data, root) = (elsewhere.path().join("data"), elsewhere.path().join("on another disk"));
    let restored = restore(&file, &data, &root, false).expect("restored");
    assert!(restored.aside.is_empty() && restored.contents.objects == 4, "{restored:?}");
    assert_eq!(listed(&root), names());
    for (name, length) in FILES {
        assert!(std::fs::read(root.join(name)).expect("there") == bytes_of(name, length), "{name}");
    }
    assert_eq!(all(&open(&data, MIGRATIONS).expect("opened")).await.len(), 7);
    let left: Vec<_> = std::fs::read_dir(&root).expect("listed").map(|entry| entry.expect("one").file_name()).collect();
    assert_eq!(left.len(), 4, "with a lock and a place to write: {left:?}");
}

#[tokio::test]
async fn the_files_that_were_there_are_kept_and_a_backup_without_any_leaves_them() {
    let (dir, store, file, _) = backed_up().await;
    let (old, other) = fresh();
    other.close().await;
    drop(other);
    let root = old.path().join("objects");
    put(&root, "chat/0a/fil_10a", b"another one");
    put(&root, "chat/ff/old", b"only here");
    put(&root, "lost+found/1", b"of the file system");
    let refused = restore(&file, old.path(), &root, false).expect_err("refused").to_string();
    assert!(refused.contains("--replace"), "{refused}");
    let restored = restore(&file, old.path(), &root, true).expect("restored");
    let [_, aside] = restored.aside.as_slice() else { panic!("{restored:?}") };
    assert_eq!(listed(aside), ["chat/0a/fil_10a", "chat/ff/old"]);
    assert_eq!(listed(&root), [names(), vec!["lost+found/1".to_owned()]].concat());
    assert_eq!(std::fs::metadata(root.join("chat/0a/fil_10a")).expect("there").len(), 700_000);

    let (alone, empty) = (dir.path().join("alone"), dir.path().join("empty"));
    std::fs::create_dir(&empty).expect("made");
    let contents = store.backup(order(&alone, &empty), |_| true).await.expect("made");
    assert_eq!(contents.objects, 0);
    assert!(std::fs::read(&alone).expect("read").starts_with(b"SQLite format 3\0"), "one file, as ever");
    let later = (&Clock::manual(1_767_225_700_000), &Entropy::system());
    Store::restore(&alone, old.path(), true, &[], Some(&root), MIGRATIONS, later).expect("restored");
    assert_eq!(std::fs::metadata(root.join("chat/0a/fil_10a")).expect("there").len(), 700_000);
}

#[tokio::test]
async fn an_archive_that_was_torn_or_turned_is_refused_before_anything_is_touched() {
    let (dir, _store, file, _) = backed_up().await;
    let target = tempfile::tempdir().expect("a directory");
    let (data, root) = (target.path().join("data"), target.path().join("objects"));
    let bytes = std::fs::read(&file).expect("read");
    let bad = dir.path().join("bad");
    let refused = |bytes: &[u8], what: &str| {
        std::fs::write(&bad, bytes).expect("written");
        let error = restore(&bad, &data, &root, true).expect_err(what);
        assert!(matches!(error, StoreError::Backup(_)), "{what}: {error:?}");
        assert!(!data.exists() && !root.exists(), "{what}");
    };
    // The last two blocks say that nothing follows; before them lies the line about the sums.
    for kept in [0, 1, 100, 512, 513, 5_000, bytes.len() / 2, bytes.len() - 2_048, bytes.len() - 1_100] {
        refused(&bytes[..kept], &format!("{kept} bytes of it"));
    }
    let whole = bytes.len();
    for at in [0, 130, 600, 20_000, whole - 700_000, whole - 6_000, whole - 3_000, whole - 1_536] {
        let mut turned = bytes.clone();
        turned[at] ^= 1;
        refused(&turned, &format!("byte {at} of {whole}"));
    }
}

type Forge = Box<dyn Fn(&mut Forged)>;

/// Entries of an archive, with sums that fit them.
struct Forged {
    tar: Builder<Vec<u8>>,
    lines: String,
}

impl Forged {
    fn begun(database: &[u8]) -> Self {
        let mut it = Self { tar: Builder::new(Vec::new()), lines: String::new() };
        it.plain(FILE, database);
        it
    }

    fn raw(&mut self, mut header: Header, name: &str, bytes: &[u8]) {
        // As whoever forges writes it: what `set_path` would refuse.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        self.tar.append(&header, bytes).expect("written");
        let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        writeln_to(&mut self.lines, &format!("{digest}  {name}"));
    }

    fn plain(&mut self, name: &str, bytes: &[u8]) {
        self.raw(Header::new_ustar(), name, bytes);
    }

    fn of(&mut self, kind: EntryType, name: &str, to: &str) {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_link_name(to).expect("a name");
        self.raw(header, name, b"");
    }

    fn sealed(mut self) -> Vec<u8> {
        let lines = self.lines.clone();
        self.plain("SHA256SUMS", lines.as_bytes());
        let seal = self.lines.lines().last().expect("a line").to_owned() + "\n";
        self.plain("SHA256SUMS.sha256", seal.as_bytes());
        self.tar.into_inner().expect("ended")
    }
}

fn writeln_to(lines: &mut String, line: &str) {
    lines.push_str(line);
    lines.push('\n');
}

/// What must not be in an archive, each by its name.
fn forgeries() -> Vec<(&'static str, Forge)> {
    let plain = |name: &'static str| -> Forge { Box::new(move |it| it.plain(name, b"x")) };
    let mut forgeries: Vec<(&str, Forge)> = vec![
        ("a symlink", Box::new(|it| it.of(EntryType::Symlink, "objects/chat/aa/bb", "/etc/passwd"))),
        ("a link", Box::new(|it| it.of(EntryType::Link, "objects/chat/aa/bb", "mainspring.db"))),
        ("a folder", Box::new(|it| it.of(EntryType::Directory, "objects/chat/aa/bb", "x"))),
        ("a device", Box::new(|it| it.of(EntryType::Block, "objects/chat/aa/bb", "x"))),
        ("a name twice", Box::new(|it| (0..2).for_each(|_| it.plain("objects/chat/aa/bb", b"x")))),
        (
            "a name before another",
            Box::new(|it| ["b1", "a1"].iter().for_each(|id| it.plain(&format!("objects/chat/aa/{id}"), b"x"))),
        ),
        ("the database twice", Box::new(|it| it.plain(FILE, b"x"))),
        ("sums before the end", Box::new(|it| it.plain("SHA256SUMS", b""))),
        (
            "names elsewhere",
            Box::new(|it| {
                let mut long = Header::new_gnu();
                long.set_entry_type(EntryType::GNULongName);
                it.raw(long, "././@LongLink", b"objects/chat/aa/../../../x\0");
                it.plain("objects/chat/aa/bb", b"x");
            }),
        ),
        (
            "an extended header",
            Box::new(|it| {
                let mut header = Header::new_ustar();
                header.set_entry_type(EntryType::XHeader);
                it.raw(header, "objects/chat/aa/bb", b"20 path=../../../x\n\n");
            }),
        ),
    ];
    for name in [
        "../x",
        "/etc/x",
        "objects/../x",
        "objects/chat/../x",
        "objects/chat/aa/..",
        "objects/chat/aa/.x",
        "objects/chat/aa",
        "objects/chat/aa/b/c",
        "objects//aa/bb",
        "objects/.coming/aa/bb",
        "objects/chat/aa/b b",
        "objects\\chat\\aa\\bb",
        "mainspring.key",
        "objects/chat/aa/\u{e4}",
        "",
    ] {
        forgeries.push((name, plain(name)));
    }
    forgeries
}

#[tokio::test]
async fn a_forged_archive_writes_nowhere_even_when_its_sums_fit() {
    let (dir, store) = fresh();
    add(&store, "a row").await.expect("written");
    let database = dir.path().join("database");
    let no_files = Order { along: None, ..order(&database, dir.path()) };
    store.backup(no_files, |_| true).await.expect("made");
    let database = std::fs::read(&database).expect("read");
    let target = tempfile::tempdir().expect("a directory");
    let (data, root, bad) = (target.path().join("data"), target.path().join("objects"), dir.path().join("bad"));

    let attempt = |forge: &dyn Fn(&mut Forged)| {
        let mut forged = Forged::begun(&database);
        forge(&mut forged);
        std::fs::write(&bad, forged.sealed()).expect("written");
        restore(&bad, &data, &root, true)
    };
    for (what, forge) in &forgeries() {
        let error = attempt(forge).expect_err(what);
        assert!(matches!(error, StoreError::Backup(_)), "{what}: {error:?}");
        assert_eq!(std::fs::read_dir(target.path()).expect("listed").count(), 0, "{what}");
    }
    let mut more = Forged::begun(&database).sealed();
    more.truncate(more.len() - 1024);
    let mut after = Forged { tar: Builder::new(Vec::new()), lines: String::new() };
    after.plain("objects/chat/aa/bb", b"x");
    more.write_all(&after.tar.into_inner().expect("ended")).expect("written");
    std::fs::write(&bad, more).expect("written");
    assert!(matches!(restore(&bad, &data, &root, true), Err(StoreError::Backup(_))), "something after its end");

    attempt(&|it| it.plain("objects/chat/aa/bb", b"x")).expect("what is forged well enough is a backup");
    assert_eq!(listed(&root), ["chat/aa/bb"]);
}

#[tokio::test]
async fn a_backup_of_files_that_ends_early_leaves_nothing() {
    let (dir, store, ..) = backed_up().await;
    let (root, to) = (dir.path().join("objects"), dir.path().join("second"));
    let left = || {
        let names =
            std::fs::read_dir(dir.path()).expect("listed").filter_map(|it| it.ok()?.file_name().into_string().ok());
        names.filter(|name| name.starts_with("second")).collect::<Vec<_>>()
    };
    let mut most = 0;
    for stops in 1.. {
        let mut told = Vec::new();
        let (tell, heard) = std::sync::mpsc::sync_channel(1_000);
        let made = store.backup(order(&to, &root), move |it| {
            tell.send(it).expect("heard");
            told.push(it);
            told.len() < stops
        });
        let made = made.await;
        let heard: Vec<_> = heard.try_iter().collect();
        most = heard.len();
        assert!(heard.is_sorted_by_key(|it| it.copied) && heard.iter().all(|it| it.copied <= it.total), "{heard:?}");
        if made.is_ok() {
            break;
        }
        assert!(left().is_empty(), "{:?} after {stops}", left());
    }
    assert!(most > 3, "it could be stopped {most} times, among the files too");
    assert_eq!(left(), ["second"]);
    if let Some(small) = Mount::small(20) {
        put(&root, "chat/aa/large", &vec![7; 6_000_000]);
        let full =
            store.backup(order(&small.path().join("b"), &root), |_| true).await.expect_err("no room").to_string();
        assert!(full.contains("filled its disk"), "{full}");
        assert_eq!(std::fs::read_dir(small.path()).expect("listed").count(), 0);
    }
}

/// Every state in which a kill can leave the folder of files, once a restore is decided.
#[tokio::test]
async fn a_restore_of_files_that_was_killed_is_completed_by_the_next_start() {
    let (_dir, _store, file, _) = backed_up().await;
    for step in 0..6 {
        let (old, other) = fresh();
        other.close().await;
        drop(other);
        let root = old.path().join("objects");
        put(&root, "chat/ff/old", b"only here");
        put(&root, "radio/ff/old", b"only here");
        let staged = tempfile::tempdir().expect("a directory");
        restore(&file, staged.path(), &staged.path().join("objects"), false).expect("restored");
        // What comes is the files alone.
        std::fs::remove_file(staged.path().join("objects/.lock")).expect("there");
        std::fs::remove_dir(staged.path().join("objects/.coming")).expect("there");
        let decided = old.path().join("restoring");
        std::fs::create_dir(&decided).expect("made");
        std::fs::rename(staged.path().join(FILE), decided.join(FILE)).expect("staged");
        std::fs::write(decided.join("along"), root.to_str().expect("plain")).expect("staged");
        std::fs::rename(staged.path().join("objects"), root.join(".restoring")).expect("staged");
        std::fs::create_dir(root.join(".replaced")).expect("made");
        let moves = [
            ("chat", ".replaced/chat"),
            ("radio", ".replaced/radio"),
            (".restoring", ".arriving"),
            (".arriving/chat", "chat"),
            (".arriving/chat-x", "chat-x"),
        ];
        for (from, to) in moves.iter().take(step) {
            std::fs::rename(root.join(from), root.join(to)).expect("moved");
        }
        Store::complete_restore(old.path(), &Clock::manual(1_767_225_600_000)).expect("completed");
        assert_eq!(listed(&root), names(), "after {step} steps");
        let aside = root.join(".replaced-2026-01-01T00-00-00.000Z");
        assert_eq!(listed(&aside), ["chat/ff/old", "radio/ff/old"], "after {step} steps");
        assert!(!decided.exists());
        assert_eq!(all(&open(old.path(), MIGRATIONS).expect("opened")).await.len(), 7);
    }
}
