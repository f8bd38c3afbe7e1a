//! Files that are replaced along with the database, in a folder wherever it lies, perhaps on a disk of its own: what comes and what was
//! there stay inside it, so that nothing is copied when it counts.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use kernel::Clock;

use crate::StoreError;
use crate::backup;
use crate::backup::archive::{self, Piece, Tally};
use crate::sqlite::connect;

/// What comes, until it is decided and what was there has gone from its place.
const COMING: &str = ".restoring";
/// The same from then on: it says which names are the new ones.
const ARRIVING: &str = ".arriving";
const OLD: &str = ".replaced";
/// Where a server writes what is no file yet. Without it nobody takes the folder for one that is there.
const BEGUN: &str = ".coming";
/// Shared by those who serve the folder.
const LOCK: &str = ".lock";

/// Makes a folder and those above it, each of which survives a power cut.
fn private(folder: &Path) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    folder.parent().map_or(Ok(()), private)?;
    DirBuilder::new().mode(0o700).create(folder)?;
    backup::sync_parent(folder)
}

/// Takes the folder from those who would serve it, as long as the answer lives.
pub(super) fn lock(root: &Path) -> Result<File, StoreError> {
    let cannot = |source| connect::directory(root, source);
    private(root).map_err(cannot)?;
    let lock = connect::private_file(&root.join(LOCK)).map_err(cannot)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(root.display().to_string())),
        Err(TryLockError::Error(source)) => Err(cannot(source)),
    }
}

/// Whether the folder is there, of which a decided restore knows that something comes.
pub(super) fn waits(root: &Path) -> bool {
    [COMING, ARRIVING].iter().any(|name| root.join(name).is_dir())
}

/// Puts the files of an archive beside those that are there, whole and synced. `expected` is what was found in it before.
pub(super) fn fill(file: &Path, root: &Path, expected: Tally) -> Result<(), Error> {
    let coming = root.join(COMING);
    // The mark is of a restore that was done but for this.
    discard(root).and_then(|()| arrived(root)).and_then(|()| private(&coming)).map_err(backup::unwritten)?;
    let found = archive::read(file, &mut |piece, bytes| {
        let Piece::Object(place) = piece else { return Ok(()) };
        let to = coming.join(place);
        private(to.parent().unwrap_or(&coming)).map_err(backup::unwritten)?;
        backup::put(bytes, &to)?.sync_all().map_err(backup::unwritten)
    })?;
    if found != expected {
        return Err(Error::other("it was changed while it was read"));
    }
    let synced = || {
        for part in archive::names(&coming)? {
            let part = coming.join(part);
            for folder in archive::names(&part)? {
                File::open(part.join(folder))?.sync_all()?;
            }
            File::open(&part)?.sync_all()?;
        }
        File::open(&coming)?.sync_all()?;
        File::open(root)?.sync_all()
    };
    synced().map_err(backup::unwritten)
}

/// Removes what came for a restore that was not decided.
pub(super) fn discard(root: &Path) -> Result<(), Error> {
    gone(std::fs::remove_dir_all(root.join(COMING)))
}

/// Removes the mark that [`swap`] leaves, when nobody asks for it any more.
pub(super) fn arrived(root: &Path) -> Result<(), Error> {
    gone(std::fs::remove_dir(root.join(ARRIVING)))
}

pub(super) fn gone(removed: Result<(), Error>) -> Result<(), Error> {
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Puts what came in the place of what was there; where that lies now. Can be interrupted and repeated at every line: the folder in
/// which it came stays, as the mark of a folder that is there.
pub(super) fn swap(root: &Path, clock: &Clock) -> Result<Option<PathBuf>, Error> {
    let (coming, arriving, old) = (root.join(COMING), root.join(ARRIVING), root.join(OLD));
    let sync = || File::open(root)?.sync_all();
    if coming.exists() {
        private(&old)?;
        for name in archive::names(root)? {
            // Not what an operator or a file system keeps there.
            if root.join(&name).is_dir() {
                std::fs::rename(root.join(&name), old.join(&name))?;
            }
        }
        sync()?;
        std::fs::rename(&coming, &arriving)?;
        sync()?;
    }
    if arriving.exists() {
        for name in archive::names(&arriving)? {
            std::fs::rename(arriving.join(&name), root.join(&name))?;
        }
    }
    private(&root.join(BEGUN))?;
    let mut aside = None;
    if old.exists() {
        if std::fs::read_dir(&old)?.next().is_some() {
            let to = root.join(super::dated(".replaced", clock));
            std::fs::rename(&old, &to)?;
            aside = Some(to);
        } else {
            std::fs::remove_dir(&old)?;
        }
    }
    sync()?;
    Ok(aside)
}
