//! What a caller of the store can decide on.

use std::error::Error;
use std::sync::Arc;

use kernel::Problem;
use rusqlite::ffi;

/// What an engine said.
type Cause = Arc<dyn Error + Send + Sync>;

/// A statement, a commit or an opening that failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Too many writes are waiting. Nothing was done; come back later.
    #[error("the store has too many writes waiting")]
    Busy,
    /// The disk is full, gone or failing, or the server is away. Nothing of this write is stored, unless the connection was lost
    /// during its very commit: then nobody knows, and it must be safe to repeat.
    #[error("the store cannot write or read now")]
    Unavailable(#[source] Cause),
    /// A sync failed once: what is on disk is unknown, so nothing is accepted until a restart has read it again.
    #[error("the store stopped after a failed sync; restart to recover")]
    Poisoned,
    /// A closure kept its connection too long and was interrupted, or shared its transaction with one that did. Nothing of
    /// this write is stored.
    #[error("the store gave up on a closure that took too long")]
    TooLong,
    /// The disk has less room than the operator wants it to have. Writes go on while they fit.
    #[error("the disk has {free_mb} MiB left, less than the {wanted_mb} MiB of store.min_free_mb: make room")]
    LittleRoom {
        /// What is left, MiB.
        free_mb: u64,
        /// What should be left, MiB.
        wanted_mb: u64,
    },
    /// The file is not what was written: somebody else wrote to it, or the disk is failing.
    #[error(
        "the database is damaged ({0}); restore a backup: `mainspring restore FILE --replace` keeps this one aside"
    )]
    Damaged(String),
    /// The file is a database of another program.
    #[error("{0} is a database of another program; choose another --data directory, or move that file away")]
    Foreign(String),
    /// Another program holds a lock on the database.
    #[error("another program keeps {0} locked; close it (a database browser, a copy job)")]
    InUse(String),
    /// A backup could not be made or is not one; the text says which and what to do.
    #[error("{0}")]
    Backup(String),
    /// The store is shut.
    #[error("the store is closed")]
    Closed,
    /// A statement is wrong, or a value is not of the type that was asked for: a bug of ours.
    #[error("a statement failed")]
    Statement(#[source] Cause),
    /// A row that there must be is not there: a bug of ours.
    #[error("a statement found nothing where it must find a row")]
    Missing,
    /// A column holds another type than the caller asked for: a bug of ours.
    #[error("column {column} is not {wanted}")]
    Decode {
        /// Position in the row, from 0.
        column: usize,
        /// The type asked for.
        wanted: &'static str,
    },
    /// A write awaited something other than its transaction: a bug of ours.
    #[error("a transaction awaited something other than its own statements")]
    Awaited,
    /// The closure of a write panicked; it was rolled back.
    #[error("a transaction panicked and was rolled back")]
    Panicked,
    /// Another process has this data directory.
    #[error("another Mainspring runs on {0}: stop it, or choose another --data directory")]
    Locked(String),
    /// A newer binary migrated this database.
    #[error("the database was written by a newer Mainspring ({0}); run that version, or restore an older backup")]
    Newer(String),
    /// The data directory cannot be made or opened.
    #[error("the data directory {dir} cannot be used; make it writable for this user, or choose another with --data")]
    Directory {
        /// The directory.
        dir: String,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// A migration failed; the database is as it was before.
    #[error("migration {0} failed")]
    Migration(String, #[source] Cause),
    /// A migration needs a table that somebody holds, a dump or a transaction left open; the database is as it was before.
    #[error("migration {migration} got no lock on its table{by}; start again")]
    Held {
        /// `part/version`.
        migration: String,
        /// Who holds it and what to do, in brackets; empty where nobody does any more.
        by: String,
    },
    /// The address of the database cannot be used; the text says why.
    #[error("the database cannot be used: {0}")]
    Address(String),
    /// This machine's clock and the database's differ by more than a fleet bears.
    #[error("this machine's clock is {0} ms off the database's: set both by NTP; leases and schedules depend on it")]
    Clock(i64),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Damaged(error.to_string()),
            Some(Code::OperationInterrupted) => Self::TooLong,
            Some(
                Code::DiskFull
                | Code::SystemIoFailure
                | Code::ReadOnly
                | Code::CannotOpen
                | Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::OutOfMemory,
            ) => Self::Unavailable(Arc::new(error)),
            _ => Self::Statement(Arc::new(error)),
        }
    }
}

impl StoreError {
    /// Whether trying again later can help.
    pub fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Busy
                | Self::Unavailable(_)
                | Self::Poisoned
                | Self::Closed
                | Self::TooLong
                | Self::LittleRoom { .. }
                | Self::Damaged(_)
        )
    }

    /// Whether the next write would probably fail the same way.
    pub(crate) fn is_of_the_disk(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Damaged(_))
    }

    fn sqlite(&self) -> Option<&rusqlite::Error> {
        let Self::Unavailable(error) = self else { return None };
        error.downcast_ref()
    }

    pub(crate) fn is_failed_sync(&self) -> bool {
        let code = self.sqlite().and_then(rusqlite::Error::sqlite_error).map_or(0, |e| e.extended_code);
        matches!(code, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
    }

    pub(crate) fn is_lock(&self) -> bool {
        use rusqlite::ErrorCode as Code;
        matches!(
            self.sqlite().and_then(rusqlite::Error::sqlite_error_code),
            Some(Code::DatabaseBusy | Code::DatabaseLocked)
        )
    }

    pub(crate) fn unreachable(words: &'static str) -> Self {
        Self::Unavailable(Arc::from(Box::<dyn Error + Send + Sync>::from(words)))
    }

    pub(crate) fn full_disk() -> Self {
        rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_FULL), None).into()
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_temporary() { Self::unavailable(5, error) } else { Self::internal(error) }
    }
}
