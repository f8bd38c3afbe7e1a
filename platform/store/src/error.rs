//! What a caller of the store can decide on.

use std::sync::Arc;

use kernel::Problem;

/// A statement, a commit or an opening that failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Too many writes are waiting. Nothing was done; come back later.
    #[error("the store has too many writes waiting")]
    Busy,
    /// The disk is full, gone or failing. Nothing of this write is stored.
    #[error("the store cannot write or read now")]
    Unavailable(#[source] Arc<rusqlite::Error>),
    /// A sync failed once: what is on disk is unknown, so nothing is accepted until a restart has read it again.
    #[error("the store stopped after a failed sync; restart to recover")]
    Poisoned,
    /// The store is shut.
    #[error("the store is closed")]
    Closed,
    /// A statement is wrong, or a value is not of the type that was asked for: a bug of ours.
    #[error("a statement failed")]
    Statement(#[source] Arc<rusqlite::Error>),
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
    #[error("the data directory {dir} cannot be used")]
    Directory {
        /// The directory.
        dir: String,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// A migration failed; the database is as it was before.
    #[error("migration {0} failed")]
    Migration(String, #[source] Arc<rusqlite::Error>),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            Some(
                Code::DiskFull
                | Code::SystemIoFailure
                | Code::ReadOnly
                | Code::CannotOpen
                | Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::OutOfMemory
                | Code::DatabaseCorrupt
                | Code::NotADatabase,
            ) => Self::Unavailable(Arc::new(error)),
            _ => Self::Statement(Arc::new(error)),
        }
    }
}

impl StoreError {
    /// Whether trying again later can help.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable(_) | Self::Poisoned | Self::Closed)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_temporary() { Self::unavailable(5, error) } else { Self::internal(error) }
    }
}
