#![doc = include_str!("../README.md")]

pub mod backup;
pub mod hints;
pub mod lagging;
pub mod transfer;

mod error;
mod liveness;
mod migrate;
mod postgres;
mod restore;
mod sqlite;
mod tx;
mod value;
mod write;

use std::path::Path;
use std::sync::Arc;

use kernel::{Clock, Entropy, Secret};
use write::Pace;

pub use error::StoreError;
pub use migrate::Migration;
pub use restore::Restored;
pub use sqlite::connect::{FILE, free_bytes, lock};
pub use tx::Tx;
pub use value::{FromRow, FromValue, Row, Value};

/// The durable floor. Clones are handles to the same store.
#[derive(Clone)]
pub struct Store(Engine);

#[derive(Clone)]
enum Engine {
    Sqlite(Arc<sqlite::Sqlite>),
    Postgres(Arc<postgres::Postgres>),
}

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
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    /// `full` or `normal`.
    pub durability: Durability,
    /// The database file, bytes.
    pub size_bytes: u64,
    /// The write-ahead log's file, bytes. It is written over from its front, not cut.
    pub wal_bytes: u64,
    /// Of these, in use since the log last began at its front.
    pub wal_used_bytes: u64,
    /// What is left on the disk, bytes; unknown where the system does not say.
    pub free_bytes: Option<u64>,
    /// Commits since the start.
    pub commits_total: u64,
    /// Writes since the start; divided by the commits, how many shared one.
    pub writes_total: u64,
    /// Checkpoints since the start: copies of the log into the file.
    pub checkpoints_total: u64,
    /// The last commit, sync included, milliseconds.
    pub last_commit_ms: f64,
    /// The last checkpoint, milliseconds. No writer waited for it.
    pub last_checkpoint_ms: f64,
    /// Connections to the server that are open; 0 on the embedded engine, as are the others of its kind.
    pub connections: u64,
    /// How many there may be.
    pub connections_most: u64,
    /// Connections made since the start: more than may be open, when some were lost.
    pub connections_total: u64,
    /// Age of the oldest transaction that anybody has open on the server, seconds, as [`Store::oldest_transaction`] found it last.
    pub oldest_transaction_s: u64,
    /// Writes that wait for their turn.
    pub waiting_writes: u64,
    /// Reads that wait for a connection.
    pub waiting_reads: u64,
    /// The replica that answers reads that may lag, where there is one.
    pub replica: Option<lagging::Standing>,
}

/// A transaction on the database server, whoever's: rows that it may still see are kept for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldTransaction {
    /// The server's process.
    pub pid: i64,
    /// Since it began, seconds.
    pub age_s: i64,
    /// What its program calls itself.
    pub program: String,
}

/// A database that nobody serves, looked at without changing it.
#[derive(Clone, Debug)]
pub struct Examined {
    /// The first thing that is wrong with it. All of it was read.
    pub damage: Option<String>,
    /// Migrations that the next start will run.
    pub pending: Vec<String>,
}

impl Store {
    /// Looks at the database of a data directory that no server runs on.
    ///
    /// # Errors
    /// As [`Store::embedded`].
    pub fn examine(dir: &Path, migrations: &[Migration]) -> Result<Examined, StoreError> {
        sqlite::examine(dir, migrations)
    }

    /// Looks at a PostgreSQL database, whoever else uses it.
    ///
    /// # Errors
    /// As [`Store::postgres`].
    pub async fn examine_postgres(url: &Secret, migrations: &[Migration]) -> Result<Examined, StoreError> {
        postgres::Postgres::examine(url, migrations).await
    }

    /// Opens (and creates) the embedded database of a data directory, and brings its schema up to `migrations`.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it, [`StoreError::Newer`] when a newer binary wrote it,
    /// [`StoreError::Address`] when it has moved elsewhere ([`transfer`]), [`StoreError::Unavailable`] when the disk says no.
    pub fn embedded(
        dir: &Path,
        durability: Durability,
        migrations: &[Migration],
        clock: &Clock,
        entropy: &Entropy,
    ) -> Result<Self, StoreError> {
        transfer::refuse_moved(dir)?;
        sqlite::Sqlite::open(dir, durability, migrations, clock, entropy)
            .map(|engine| Self(Engine::Sqlite(Arc::new(engine))))
    }

    /// Connects to a PostgreSQL database (14 or newer, UTF-8) that several processes may share, and brings its schema up to
    /// `migrations`.
    ///
    /// # Errors
    /// [`StoreError::Address`] when the URL cannot be used, [`StoreError::Unavailable`] when the server does not answer,
    /// [`StoreError::Newer`] when a newer binary migrated it.
    pub async fn postgres(
        url: &Secret,
        durability: Durability,
        migrations: &[Migration],
        clock: &Clock,
        entropy: &Entropy,
    ) -> Result<Self, StoreError> {
        let engine = postgres::Postgres::open((url, None), durability, migrations, clock, entropy).await?;
        Ok(Self(Engine::Postgres(Arc::new(engine))))
    }

    /// As [`Store::postgres`], where `url` leads through a pooler in transaction mode (pgbouncer), and `direct` to the server
    /// itself: the schema is brought up to date there, and hints are heard there.
    ///
    /// # Errors
    /// As [`Store::postgres`]; [`StoreError::Address`] also when they lead to different databases.
    pub async fn pooled(
        url: &Secret,
        direct: &Secret,
        durability: Durability,
        migrations: &[Migration],
        clock: &Clock,
        entropy: &Entropy,
    ) -> Result<Self, StoreError> {
        let engine = postgres::Postgres::open((url, Some(direct)), durability, migrations, clock, entropy).await?;
        Ok(Self(Engine::Postgres(Arc::new(engine))))
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
        self.paced(write, Pace::Synced).await
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
        self.paced(write, Pace::Relaxed).await
    }

    /// As [`Store::write_relaxed`], for what nobody waits for: it may wait up to [`kernel::limits::STORE_LINGER_MS`] for a commit
    /// that somebody does wait for, and rides with it.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_lazy<T, E, F>(&self, write: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.paced(write, Pace::Lazy).await
    }

    /// As [`Store::write_relaxed`], and on PostgreSQL beside whatever else is being written, by this process or others: it waits for
    /// none of them, and they do not wait for it. For statements that are right by themselves, each looking at the rows it changes,
    /// and for nothing that reads first and writes then. It may fail with [`StoreError::Busy`] where another write has its row.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_beside<T, E, F>(&self, write: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.0 {
            Engine::Sqlite(engine) => engine.write(write, Pace::Relaxed).await,
            Engine::Postgres(engine) => engine.write_beside(write).await,
        }
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
        match &self.0 {
            Engine::Sqlite(engine) => engine.read(read).await,
            Engine::Postgres(engine) => engine.read(read).await,
        }
    }

    /// Looks whether the database is whole; else the first thing that is wrong with it. Reads the whole file.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn check(&self) -> Result<Option<String>, StoreError> {
        match &self.0 {
            Engine::Sqlite(engine) => engine.check().await,
            // The server looks after its own files.
            Engine::Postgres(_) => Ok(None),
        }
    }

    /// Looks whether the store can serve: it reads, it writes again if the last commit failed, and its disk has this much
    /// room. Safe to ask every few seconds.
    ///
    /// # Errors
    /// [`StoreError::LittleRoom`], or what a read or a write would meet.
    pub async fn probe(&self, min_free_bytes: u64) -> Result<(), StoreError> {
        match &self.0 {
            Engine::Sqlite(engine) => engine.probe(min_free_bytes).await,
            Engine::Postgres(engine) => engine.probe().await,
        }
    }

    /// Makes a backup of this moment while everything goes on: [`backup`]. `progress` is told after each half megabyte, on a
    /// thread of its own, and ends the backup by answering `false`. Meanwhile the log of the embedded engine grows by
    /// what is written.
    ///
    /// # Errors
    /// [`StoreError::Backup`] with the reason; nothing is left behind.
    pub async fn backup(
        &self,
        order: backup::Order,
        progress: impl FnMut(backup::Progress) -> bool + Send + 'static,
    ) -> Result<backup::Contents, StoreError> {
        match &self.0 {
            Engine::Sqlite(engine) => engine.backup(order, progress).await,
            Engine::Postgres(_) => Err(StoreError::Backup(
                "a PostgreSQL database is backed up by its own tools: pg_dump, or pg_basebackup with the archive of its log"
                    .to_owned(),
            )),
        }
    }

    /// By how much this clock is ahead of the database's own, milliseconds; 0 on the embedded engine, which has none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clock_off_ms(&self, clock: &Clock) -> Result<i64, StoreError> {
        match &self.0 {
            Engine::Sqlite(_) => Ok(0),
            Engine::Postgres(engine) => engine.clock_off_ms(clock).await,
        }
    }

    /// The transaction that has been open for the longest time, if its role lets this one see it; none on the embedded engine, which
    /// ends its own.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn oldest_transaction(&self) -> Result<Option<OldTransaction>, StoreError> {
        match &self.0 {
            Engine::Sqlite(_) => Ok(None),
            Engine::Postgres(engine) => engine.oldest_transaction().await,
        }
    }

    /// A text that names this database for ever: positions of durable channels carry it as their epoch.
    pub fn id(&self) -> &str {
        match &self.0 {
            Engine::Sqlite(engine) => engine.id(),
            Engine::Postgres(engine) => engine.id(),
        }
    }

    /// The figures of this moment.
    pub fn stats(&self) -> Stats {
        match &self.0 {
            Engine::Sqlite(engine) => engine.stats(),
            Engine::Postgres(engine) => engine.stats(),
        }
    }

    /// Finishes the waiting writes, folds the write-ahead log into the file and closes it. Later calls fail.
    pub async fn close(&self) {
        match &self.0 {
            Engine::Sqlite(engine) => engine.close().await,
            Engine::Postgres(engine) => engine.close().await,
        }
    }

    async fn paced<T, E, F>(&self, write: F, pace: Pace) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.0 {
            Engine::Sqlite(engine) => engine.write(write, pace).await,
            Engine::Postgres(engine) => engine.write(write, pace).await,
        }
    }
}
