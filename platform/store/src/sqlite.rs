//! The embedded engine: one file, one writer thread, a few readers.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use kernel::{Clock, Entropy, limits};
use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, oneshot};

use crate::writer::{Figures, Waiting, Write, Writer, run_now};
use crate::{Durability, Migration, Stats, StoreError, Tx, migrate};

/// The database's file in the data directory.
pub const FILE: &str = "mainspring.db";
const LOCK: &str = "mainspring.lock";
/// Pages of write-ahead log between two checkpoints: 16 MiB of 4 KiB pages.
const CHECKPOINT_PAGES: i64 = 4000;

type Read = Box<dyn FnOnce(&mut Tx) + Send>;

pub(crate) struct Sqlite {
    id: String,
    file: PathBuf,
    durability: Durability,
    writes: Mutex<Option<mpsc::Sender<Box<dyn Waiting>>>>,
    reads: Mutex<Option<mpsc::Sender<Read>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    figures: Arc<Figures>,
    _lock: File,
}

impl Sqlite {
    pub(crate) fn open(
        dir: &Path,
        durability: Durability,
        migrations: &[Migration],
        clock: &Clock,
        entropy: &Entropy,
    ) -> Result<Self, StoreError> {
        let lock = lock(dir)?;
        let file = dir.join(FILE);
        private_file(&file).map_err(|source| directory(dir, source))?;
        let mut connection = connect(&file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        migrate::migrate(&mut connection, migrations, clock)?;
        let id = identity(&connection, entropy)?;

        let figures = Arc::new(Figures::default());
        let (writes, queue) = mpsc::channel(limits::STORE_WAITING_WRITES);
        let writer = Writer {
            tx: Tx::new(connection),
            queue,
            figures: figures.clone(),
            full: durability == Durability::Full,
            syncing: None,
        };
        let writer = spawn("store-writer", move || writer.run());
        let (reads, queue) = mpsc::channel::<Read>(limits::STORE_WAITING_WRITES);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..limits::STORE_READERS {
            let tx = Tx::new(connect(&file, OpenFlags::SQLITE_OPEN_READ_ONLY)?);
            let queue = queue.clone();
            spawn("store-reader", move || serve_reads(tx, &queue));
        }
        Ok(Self {
            id,
            file,
            durability,
            writes: Mutex::new(Some(writes)),
            reads: Mutex::new(Some(reads)),
            writer: Mutex::new(Some(writer)),
            figures,
            _lock: lock,
        })
    }

    pub(crate) async fn write<T, E, F>(&self, write: F, synced: bool) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let queue = self.writes.lock().clone().ok_or(StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let place = tokio::time::timeout(Duration::from_millis(limits::STORE_ADMISSION_MS), queue.reserve());
        let place = place.await.map_err(|_| StoreError::Busy)?.map_err(|_| StoreError::Closed)?;
        place.send(Box::new(Write::new(write, reply, synced)));
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub(crate) async fn read<T, E, F>(&self, read: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let queue = self.reads.lock().clone().ok_or(StoreError::Closed)?;
        let (reply, answer) = oneshot::channel();
        let job: Read = Box::new(move |tx| {
            let _ = reply.send(run_now(read, tx));
        });
        let place = tokio::time::timeout(Duration::from_millis(limits::STORE_ADMISSION_MS), queue.reserve());
        place.await.map_err(|_| StoreError::Busy)?.map_err(|_| StoreError::Closed)?.send(job);
        answer.await.map_err(|_| StoreError::Closed)?
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn stats(&self) -> Stats {
        let size = |suffix: &str| {
            let path = format!("{}{suffix}", self.file.display());
            std::fs::metadata(path).map_or(0, |meta| meta.len())
        };
        Stats {
            engine: "sqlite",
            durability: self.durability,
            size_bytes: size(""),
            wal_bytes: size("-wal"),
            commits_total: self.figures.commits.load(Ordering::Relaxed),
            writes_total: self.figures.writes.load(Ordering::Relaxed),
            last_commit_ms: self.figures.last_commit_us.load(Ordering::Relaxed) as f64 / 1000.0,
        }
    }

    pub(crate) async fn close(&self) {
        self.reads.lock().take();
        self.writes.lock().take();
        let Some(writer) = self.writer.lock().take() else { return };
        // The thread ends when it has served what was accepted; a panic of it has been printed already.
        let _ = tokio::task::spawn_blocking(move || writer.join()).await;
    }
}

fn serve_reads(mut tx: Tx, queue: &Mutex<mpsc::Receiver<Read>>) {
    loop {
        // Holding the lock while waiting is meant: one reader waits, the others wait for its place.
        let read = queue.lock().blocking_recv();
        let Some(read) = read else { return };
        let begun = tx.connection.execute_batch("BEGIN");
        read(&mut tx);
        if begun.is_ok() && !tx.connection.is_autocommit() {
            let _ = tx.connection.execute_batch("COMMIT");
        }
    }
}

fn connect(file: &Path, access: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "cache_size", -8192)?;
    // The journals of savepoints are temporary files otherwise, and cost more than the writes they guard.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

fn identity(connection: &Connection, entropy: &Entropy) -> Result<String, StoreError> {
    connection.execute_batch("CREATE TABLE IF NOT EXISTS identity (id TEXT NOT NULL)")?;
    connection
        .execute("INSERT INTO identity (id) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM identity)", [entropy.token(8)])?;
    Ok(connection.query_row("SELECT id FROM identity", [], |row| row.get(0))?)
}

fn lock(dir: &Path) -> Result<File, StoreError> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|source| directory(dir, source))?;
    let lock = private_file(&dir.join(LOCK)).map_err(|source| directory(dir, source))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Locked(dir.display().to_string())),
        Err(std::fs::TryLockError::Error(source)) => Err(directory(dir, source)),
    }
}

fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn directory(dir: &Path, source: std::io::Error) -> StoreError {
    StoreError::Directory { dir: dir.display().to_string(), source: Arc::new(source) }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).expect("the system has no thread to give")
}
