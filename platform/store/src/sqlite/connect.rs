//! Opens the database of a data directory, or says why not and what to do.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Entropy, limits};
use rusqlite::{Connection, OpenFlags};

use super::deadline::Deadline;
use crate::StoreError;

/// The database's file in the data directory.
pub const FILE: &str = "mainspring.db";
const LOCK: &str = "mainspring.lock";
/// Written into the file's header: "Mspr".
pub(crate) const APPLICATION: i32 = 0x4d73_7072;
/// A commit writes whole pages, and most of what it changes are single entries of indexes: half the usual size wrote 38 % less a
/// delivery and cost no processor time (1 KiB wrote 57 % less and did cost some). A file keeps the size it was made with.
const PAGE_BYTES: u32 = 2048;

/// The one connection that writes, and its time limit. The file is made where there is none, and refused where it is not ours
/// or not whole.
pub(crate) fn writer(dir: &Path) -> Result<(Connection, Deadline), StoreError> {
    let file = dir.join(FILE);
    present(dir, &file)?;
    private_file(&file).map_err(|source| directory(dir, source))?;
    let mut connection = connect(&file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    claim(&connection, &file)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        let source = Error::new(ErrorKind::Unsupported, "its file system has no shared memory, as network mounts");
        return Err(directory(dir, source));
    }
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    // What a long read or a backup let grow is given back when the log starts over.
    connection.pragma_update(None, "journal_size_limit", 2 * limits::STORE_LOG_BYTES as i64)?;
    let deadline = Deadline::on(&mut connection)?;
    deadline.set(Duration::from_millis(limits::STORE_OPEN_CHECK_MS));
    let damage = damage(&connection);
    deadline.clear();
    match damage {
        Ok(None) | Err(StoreError::TooLong) => Ok((connection, deadline)),
        Ok(Some(what)) => Err(StoreError::Damaged(what)),
        Err(error) => Err(error),
    }
}

/// A connection that only reads.
pub(crate) fn reader(file: &Path) -> Result<Connection, StoreError> {
    connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// A connection for checkpoints: it writes nothing of its own.
pub(crate) fn checkpointer(file: &Path) -> Result<Connection, StoreError> {
    let connection = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(connection)
}

/// A connection that writes into a file nobody else knows yet. Whoever makes the file syncs it.
pub(crate) fn copy(file: &Path) -> Result<Connection, StoreError> {
    let connection = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    Ok(connection)
}

/// The first thing that is wrong with the database, if anything is. Reads the whole file.
pub(crate) fn damage(connection: &Connection) -> Result<Option<String>, StoreError> {
    let found: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    Ok((found != "ok").then_some(found))
}

/// The text that names this database for ever.
pub(crate) fn identity(connection: &Connection, entropy: &Entropy) -> Result<String, StoreError> {
    connection.execute_batch("CREATE TABLE IF NOT EXISTS identity (id TEXT NOT NULL)")?;
    connection
        .execute("INSERT INTO identity (id) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM identity)", [entropy.token(8)])?;
    Ok(connection.query_row("SELECT id FROM identity", [], |row| row.get(0))?)
}

/// Makes the data directory where there is none, and takes it for this process alone as long as the answer lives.
pub fn lock(dir: &Path) -> Result<File, StoreError> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|source| directory(dir, source))?;
    let lock = private_file(&dir.join(LOCK)).map_err(|source| directory(dir, source))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Locked(dir.display().to_string())),
        Err(std::fs::TryLockError::Error(source)) => Err(directory(dir, source)),
    }
}

pub(crate) fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

pub(crate) fn directory(dir: &Path, source: Error) -> StoreError {
    StoreError::Directory { dir: dir.display().to_string(), source: Arc::new(source) }
}

/// Bytes that this user may still write on the disk of a directory.
///
/// # Errors
/// When the system does not say.
pub fn free_bytes(dir: &Path) -> std::io::Result<u64> {
    let disk = rustix::fs::statvfs(dir)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// What SQLite would take for a new database, and is the remains of an old one.
fn present(dir: &Path, file: &Path) -> Result<(), StoreError> {
    let log = dir.join(format!("{FILE}-wal")).metadata().is_ok_and(|meta| meta.len() > 0);
    match file.metadata() {
        Ok(meta) if meta.len() == 0 => {
            Err(StoreError::Damaged(format!("{} is empty; where nothing was ever stored, remove it", file.display())))
        }
        Err(error) if error.kind() == ErrorKind::NotFound && log => {
            Err(StoreError::Damaged(format!("{} is gone, its log is still there", file.display())))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Marks a new database as ours, and refuses one that is not.
fn claim(connection: &Connection, file: &Path) -> Result<(), StoreError> {
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    if application == APPLICATION {
        return Ok(());
    }
    let count = |table: &str| -> Result<i64, StoreError> {
        let sql = "SELECT count(*) FROM sqlite_master WHERE ?1 = '' OR name = ?1";
        Ok(connection.query_row(sql, [table], |row| row.get(0))?)
    };
    if application != 0 || (count("")? > 0 && (count("migrations")? == 0 || count("identity")? == 0)) {
        return Err(StoreError::Foreign(file.display().to_string()));
    }
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    Ok(connection.pragma_update(None, "application_id", APPLICATION)?)
}

fn connect(file: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_millis(limits::STORE_LOCK_MS))?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "cache_size", -8192)?;
    // The journals of savepoints are temporary files otherwise, and cost more than the writes they guard.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}
