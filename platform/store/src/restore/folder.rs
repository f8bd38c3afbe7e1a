//! Files that are replaced along with the database, in a folder wherever it lies, perhaps on a disk of its own: what comes and what was
//! there stay inside it, so that nothing is copied when it counts.

use std::fs::{DirBuilder, File};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use kernel::Clock;

use crate::backup::archive::{self, Piece, Tally};
use crate::sqlite::connect;

/// What comes, until it is decided and what was there has gone from its place.
const COMING: &str = ".restoring";
/// The same from then on: it says which names are the new ones.
const ARRIVING: &str = ".arriving";
const OLD: &str = ".replaced";

fn private(folder: &Path) -> Result<(), Error> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Puts the files of an archive beside those that are there, whole and synced. `expected` is what was found in it before.
pub(super) fn fill(file: &Path, root: &Path, expected: Tally) -> Result<(), Error> {
    discard(root)?;
    let coming = root.join(COMING);
    private(&coming)?;
    let found = archive::read(file, &mut |piece, bytes| {
        let Piece::Object(place) = piece else { return Ok(()) };
        let to = coming.join(place);
        private(to.parent().unwrap_or(&coming))?;
        let mut out = connect::private_file(&to)?;
        std::io::copy(bytes, &mut out)?;
        out.sync_all()
    })?;
    if found != expected {
        return Err(Error::other("the backup was changed while it was read"));
    }
    for part in archive::names(&coming)? {
        let part = coming.join(part);
        for folder in archive::names(&part)? {
            File::open(part.join(folder))?.sync_all()?;
        }
        File::open(&part)?.sync_all()?;
    }
    File::open(&coming)?.sync_all()?;
    File::open(root)?.sync_all()
}

/// Removes what came for a restore that was not decided.
pub(super) fn discard(root: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(root.join(COMING)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Puts what came in the place of what was there; where that lies now. Can be interrupted and repeated at every line.
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
        sync()?;
        std::fs::remove_dir(&arriving)?;
    }
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
