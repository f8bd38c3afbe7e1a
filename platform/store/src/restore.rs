//! Puts a backup in the place of a data directory's database, all or nothing.
//!
//! The new files are made whole beside the old ones, in `restore.partial`. One rename to `restoring` decides: from then on every
//! start, this one or a later one, takes the old files aside and moves the new ones in; those of a [`folder`] elsewhere as well.

mod folder;

use std::ffi::OsString;
use std::fs::{DirBuilder, File};
use std::io::{Error, ErrorKind, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use kernel::{Clock, Entropy};
use rusqlite::backup::{Backup, StepResult};

use crate::backup::archive::Tally;
use crate::backup::{self, Contents};
use crate::sqlite::connect;
use crate::{Migration, StoreError, migrate};

const PARTIAL: &str = "restore.partial";
const DECIDED: &str = "restoring";
/// Within [`DECIDED`]: what was there before.
const OLD: &str = "replaced";
/// Within [`DECIDED`]: the folder elsewhere whose files are replaced along.
const ALONG: &str = "along";
/// The database of an archive, until it is read.
const DATABASE: &str = "restore.database";
/// What belongs to a database beside its file.
const LOGS: [&str; 2] = ["mainspring.db-wal", "mainspring.db-shm"];

/// What became of a restore.
#[derive(Clone, Debug)]
pub struct Restored {
    /// What was restored.
    pub contents: Contents,
    /// Where the files that were there before lie now.
    pub aside: Vec<PathBuf>,
}

impl crate::Store {
    /// Restores the backup `file` into the data directory `dir`, with the files that are named in `with`. Jobs
    /// and positions go back to the moment of the backup, so the database gets a new [`crate::Store::id`]: whoever holds a
    /// position of the old one begins afresh instead of missing what has the same number now. The files that a backup carries replace
    /// those in the folder `along`; without one they stay in the backup, and without any of them the folder stays as it is.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while a server runs on it, [`StoreError::Backup`] when `file` is no whole backup or when
    /// there is a database and `replace` is not said, [`StoreError::Newer`] when this binary is older than the backup.
    pub fn restore(
        file: &Path,
        dir: &Path,
        replace: bool,
        with: &[&str],
        along: Option<&Path>,
        migrations: &[Migration],
        (clock, entropy): (&Clock, &Entropy),
    ) -> Result<Restored, StoreError> {
        let ready = |database: &Path| {
            let (backup, contents) = backup::open(database)?;
            migrate::refuse_newer(&backup, migrations)?;
            Ok::<_, StoreError>((backup, contents))
        };
        let archive = backup::archived(file)?;
        // Nothing is made in a directory for a backup that is none.
        let alone = if archive.is_none() { Some(ready(file)?) } else { None };
        let _lock = connect::lock(dir)?;
        finish(dir, clock)?;
        let scratch = backup::Partial(dir.join(DATABASE));
        let (backup, mut contents) = match (alone, archive) {
            (None, Some(tally)) => {
                backup::take_database(file, &scratch.0, tally)?;
                ready(&scratch.0)?
            }
            (Some(alone), _) => alone,
            (None, None) => return Err(StoreError::Missing),
        };
        contents.objects = archive.map_or(0, |tally| tally.files);
        let along = along.zip(archive).filter(|(_, tally)| tally.files > 0);
        let here = [connect::FILE].into_iter().chain(LOGS).chain(with.iter().copied());
        if let Some(name) = here.into_iter().find(|name| dir.join(name).exists())
            && !replace
        {
            let dir = dir.display();
            return Err(StoreError::Backup(format!(
                "{dir} holds {name} already; restore into an empty directory, or with --replace, which keeps it aside"
            )));
        }
        if let Some((root, _)) = along
            && !replace
            && root.exists()
            && backup::archive::size(root).map_err(|source| connect::directory(root, source))?.0 > 0
        {
            let root = root.display();
            return Err(StoreError::Backup(format!(
                "{root} holds files already; say --replace, which keeps them aside"
            )));
        }
        let along = along.map(|(root, tally)| Ok((std::path::absolute(root)?, tally))).transpose();
        let along = along.map_err(|source| connect::directory(dir, source))?;
        let served = along.as_ref().map(|(root, _)| folder::lock(root)).transpose()?;
        let along = along.as_ref().map(|(root, tally)| (root.as_path(), *tally));
        let staged = stage(&backup, dir, with, along.map(|(root, tally)| (file, root, tally)), entropy);
        if let (Err(_), Some((root, _)), false) = (&staged, along, dir.join(DECIDED).exists()) {
            // The error that is told is the first one.
            let _ = folder::discard(root);
        }
        staged?;
        let aside = complete(dir, clock, served)?;
        Ok(Restored { contents, aside })
    }

    /// Completes a restore that was interrupted, where there is one. Whoever reads a file of the data directory before the store
    /// is opened calls this first; opening the store does it as well.
    ///
    /// # Errors
    /// [`StoreError::Locked`] while the restore is still at work, [`StoreError::Directory`].
    pub fn complete_restore(dir: &Path, clock: &Clock) -> Result<(), StoreError> {
        if !dir.join(DECIDED).exists() {
            return Ok(());
        }
        let _lock = connect::lock(dir)?;
        finish(dir, clock).map(drop)
    }

    /// Whether a restore was interrupted that the next start completes. Nothing is changed.
    ///
    /// # Errors
    /// Those for which that start could not: [`StoreError::Backup`] while the volume with its files is away, [`StoreError::Directory`].
    pub fn restore_waits(dir: &Path) -> Result<bool, StoreError> {
        let decided = dir.join(DECIDED);
        if !decided.exists() {
            return Ok(false);
        }
        decided_elsewhere(dir, &decided).map(|_| true)
    }
}

/// Makes the new files, whole and synced, and decides.
fn stage(
    backup: &rusqlite::Connection,
    dir: &Path,
    with: &[&str],
    along: Option<(&Path, &Path, Tally)>,
    entropy: &Entropy,
) -> Result<(), StoreError> {
    let cannot = |source: Error| connect::directory(dir, source);
    let partial = dir.join(PARTIAL);
    DirBuilder::new().mode(0o700).create(&partial).map_err(cannot)?;
    if let Some((_, root, _)) = along {
        // Before anything comes: whoever finds this undecided knows what to remove.
        let mut says = connect::private_file(&partial.join(ALONG)).map_err(cannot)?;
        says.write_all(root.as_os_str().as_bytes()).and_then(|()| says.sync_all()).map_err(cannot)?;
    }
    let file = partial.join(connect::FILE);
    let handle = connect::private_file(&file).map_err(cannot)?;
    let mut copy = connect::copy(&file)?;
    if Backup::new(backup, &mut copy)?.step(-1)? != StepResult::Done {
        return Err(StoreError::Backup("another program keeps the backup locked".into()));
    }
    copy.execute_batch("DROP TABLE backup_facts; DROP TABLE backup_tables; DROP TABLE backup_files;")?;
    copy.execute("UPDATE identity SET id = ?1", [entropy.token(8)])?;
    drop(copy);
    handle.sync_all().map_err(cannot)?;
    let files = backup::list(backup, "SELECT name, 0, bytes FROM backup_files")?;
    for name in with {
        // A file that the backup does not hold is emptied: one of the old database has nothing to say to the new one.
        let bytes = files.iter().find(|(held, ..)| held == name).map_or(&[][..], |(.., bytes)| bytes);
        let mut file = connect::private_file(&partial.join(name)).map_err(cannot)?;
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(cannot)?;
    }
    if let Some((archive, root, tally)) = along {
        folder::fill(archive, root, tally).map_err(|source| backup::untaken(archive, root, source))?;
    }
    let decide = || {
        File::open(&partial)?.sync_all()?;
        std::fs::rename(&partial, dir.join(DECIDED))?;
        File::open(dir)?.sync_all()?;
        backup::sync_parent(dir)
    };
    decide().map_err(cannot)
}

/// Completes a restore that was decided: where the files that were there before lie now. Can be interrupted and repeated at
/// every line.
/// What one that was not decided left is removed.
pub(crate) fn finish(dir: &Path, clock: &Clock) -> Result<Vec<PathBuf>, StoreError> {
    complete(dir, clock, None)
}

/// `served` is the lock of the folder elsewhere, where it is held.
fn complete(dir: &Path, clock: &Clock, served: Option<File>) -> Result<Vec<PathBuf>, StoreError> {
    let (decided, cannot) = (dir.join(DECIDED), |source| connect::directory(dir, source));
    if !decided.exists() {
        return sweep(dir).map(|()| Vec::new()).map_err(cannot);
    }
    let along = decided_elsewhere(dir, &decided)?;
    let _served = match (&along, served) {
        (Some(root), None) => Some(folder::lock(root)?),
        (_, served) => served,
    };
    move_in(dir, &decided, along.as_deref(), clock).map_err(cannot)
}

/// The folder elsewhere in which files of a decided restore wait.
fn decided_elsewhere(dir: &Path, decided: &Path) -> Result<Option<PathBuf>, StoreError> {
    match elsewhere(decided).map_err(|source| connect::directory(dir, source))? {
        Some(root) if !folder::waits(&root) => {
            let root = root.display();
            Err(StoreError::Backup(format!(
                "a restore is not complete: its files wait in {root}, which is not there; mount it and start again"
            )))
        }
        along => Ok(along),
    }
}

/// The folder elsewhere, where there is a note of one.
fn elsewhere(restore: &Path) -> Result<Option<PathBuf>, Error> {
    match std::fs::read(restore.join(ALONG)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        read => Ok(Some(PathBuf::from(OsString::from_vec(read?)))),
    }
}

/// Removes what a restore left that was killed before it was decided.
fn sweep(dir: &Path) -> Result<(), Error> {
    let partial = dir.join(PARTIAL);
    if let Some(root) = elsewhere(&partial)?.filter(|root| folder::waits(root)) {
        // Where somebody serves it or restores into it, what is there may be theirs.
        if let Ok(_lock) = folder::lock(&root) {
            folder::discard(&root)?;
        }
    }
    folder::gone(std::fs::remove_dir_all(partial))?;
    folder::gone(std::fs::remove_file(dir.join(DATABASE)))
}

/// A name for what was there until now.
fn dated(name: &str, clock: &Clock) -> String {
    format!("{name}-{}", kernel::clock::rfc3339(clock.now_ms()).replace(':', "-"))
}

fn move_in(dir: &Path, decided: &Path, along: Option<&Path>, clock: &Clock) -> Result<Vec<PathBuf>, Error> {
    let old = decided.join(OLD);
    DirBuilder::new().recursive(true).mode(0o700).create(&old)?;
    let mut aside = Vec::new();
    // First, and its note last: until the folder is done, this is decided and not complete.
    if let Some(root) = along {
        aside.extend(folder::swap(root, clock)?);
        std::fs::remove_file(decided.join(ALONG))?;
        File::open(decided)?.sync_all()?;
        folder::arrived(root)?;
    }
    // A log without its database would be applied to the new one: it goes first, and only while the new one is not there.
    let logs = LOGS.into_iter().filter(|_| decided.join(connect::FILE).exists());
    for name in logs.filter(|name| dir.join(name).exists()) {
        std::fs::rename(dir.join(name), old.join(name))?;
    }
    let names: Vec<_> =
        std::fs::read_dir(decided)?.map(|entry| Ok(entry?.file_name())).collect::<Result<_, Error>>()?;
    for name in names.iter().filter(|name| *name != OLD) {
        if dir.join(name).exists() {
            std::fs::rename(dir.join(name), old.join(name))?;
        }
        std::fs::rename(decided.join(name), dir.join(name))?;
    }
    if std::fs::read_dir(&old)?.next().is_some() {
        let to = dir.join(dated("replaced", clock));
        std::fs::rename(&old, &to)?;
        aside.insert(0, to);
    } else {
        std::fs::remove_dir(&old)?;
    }
    std::fs::remove_dir(decided)?;
    File::open(dir)?.sync_all()?;
    Ok(aside)
}
