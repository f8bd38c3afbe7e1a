#![doc = include_str!("../README.md")]

mod error;
mod migrate;
mod sqlite;
mod tx;
mod value;
mod writer;

use std::path::Path;
use std::sync::Arc;

use kernel::{Clock, Entropy};

pub use error::StoreError;
pub use migrate::Migration;
pub use sqlite::FILE;
pub use tx::Tx;
pub use value::{FromRow, FromValue, Row, Value};

/// The durable floor. Clones are handles to the same store.
#[derive(Clone)]
pub struct Store(Arc<sqlite::Sqlite>);

/// What an acknowledged write survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// Power loss: synced before the answer.
    Full,
    /// A killed process: written before the answer, synced by the next checkpoint.
    Normal,
}

/// The store's figures, for health and metrics.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Stats {
    /// `sqlite`.
    pub engine: &'static str,
    /// `full` or `normal`.
    pub durability: Durability,
    /// The database file, bytes.
    pub size_bytes: u64,
    /// The write-ahead log, bytes.
    pub wal_bytes: u64,
    /// Commits since the start.
    pub commits_total: u64,
    /// Writes since the start; divided by the commits, how many shared one.
    pub writes_total: u64,
    /// The last commit, sync included, milliseconds.
    pub last_commit_ms: f64,
}

impl Store {
    /// Opens (and creates) the embedded database of a data directory, and brings its schema up to `migrations`.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it, [`StoreError::Newer`] when a newer binary wrote it,
    /// [`StoreError::Unavailable`] when the disk says no.
    pub fn embedded(
        dir: &Path,
        durability: Durability,
        migrations: &[Migration],
        clock: &Clock,
        entropy: &Entropy,
    ) -> Result<Self, StoreError> {
        sqlite::Sqlite::open(dir, durability, migrations, clock, entropy).map(|engine| Self(Arc::new(engine)))
    }

    /// Runs `write` in a transaction and answers after its commit. An error rolls back this write alone.
    ///
    /// # Errors
    /// What the closure returns, or a [`StoreError`] of the commit: then nothing of this write is stored.
    pub async fn write<T, E, F>(&self, write: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.0.write(write, true).await
    }

    /// As [`Store::write`], for what may be done again after a power cut: it does not wait for a sync of its own.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_relaxed<T, E, F>(&self, write: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.0.write(write, false).await
    }

    /// Runs `read` on one consistent snapshot; writing in it fails.
    ///
    /// # Errors
    /// What the closure returns, or a [`StoreError`].
    pub async fn read<T, E, F>(&self, read: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.0.read(read).await
    }

    /// Looks whether the database is whole; else the first thing that is wrong with it. Reads the whole file.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn check(&self) -> Result<Option<String>, StoreError> {
        let (found,): (String,) = self.read(async |tx| tx.one("PRAGMA quick_check(1)", &[]).await).await?;
        Ok((found != "ok").then_some(found))
    }

    /// A text that names this database for ever: positions of durable channels carry it as their epoch.
    pub fn id(&self) -> &str {
        self.0.id()
    }

    /// The figures of this moment.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// Finishes the waiting writes, folds the write-ahead log into the file and closes it. Later calls fail.
    pub async fn close(&self) {
        self.0.close().await;
    }
}
