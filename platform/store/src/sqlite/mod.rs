//! The embedded engine: one file, one writer thread, one thread for checkpoints, a few readers.

pub(crate) mod connect;
mod deadline;
mod log;
mod session;
mod writer;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use kernel::{Clock, Entropy, limits};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use self::deadline::Deadline;
use self::log::{Checkpointer, Log};
pub(crate) use self::session::Session;
use self::writer::{Figures, Writer, run_now};
use crate::hints::Hints;
use crate::tx::Link;
use crate::write::{Door, Pace, Waiting};
use crate::{Durability, Examined, Migration, Stats, StoreError, Tx, backup, migrate, restore};

pub(crate) struct Sqlite {
    id: String,
    dir: PathBuf,
    durability: Durability,
    writes: Door,
    reads: Door,
    threads: Mutex<Vec<JoinHandle<()>>>,
    writer: Thread,
    figures: Arc<Figures>,
    log: Arc<Log>,
    /// Nobody else is on this file: nothing is told, and nothing heard.
    hints: Hints,
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
        let lock = connect::lock(dir)?;
        restore::finish(dir, clock)?;
        let file = dir.join(connect::FILE);
        let prepare = || {
            let (mut connection, deadline) = connect::writer(dir)?;
            migrate::migrate(&mut connection, migrations, clock)?;
            let id = connect::identity(&connection, entropy)?;
            Ok((connection, deadline, id))
        };
        let in_use =
            |error: StoreError| if error.is_lock() { StoreError::InUse(file.display().to_string()) } else { error };
        let (mut connection, deadline, id) = prepare().map_err(in_use)?;
        let page_bytes: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;

        let (figures, log) = (Arc::new(Figures::default()), Arc::new(Log::new(page_bytes.into())));
        let grown = log.clone();
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            grown.is_at(pages.unsigned_abs().into());
            Ok(())
        }))?;
        let (writes, waiting) = Door::new();
        let (reads, queue) = Door::new();
        let queue = Arc::new(Mutex::new(queue));
        let mut readers = Vec::new();
        for _ in 0..limits::STORE_READERS {
            let mut connection = connect::reader(&file)?;
            let deadline = Deadline::on(&mut connection)?;
            readers.push(deadline.clone());
            let (queue, figures) = (queue.clone(), figures.clone());
            spawn("store-reader", move || serve_reads(Session::new(connection, deadline), &queue, &figures));
        }
        let (noted, kept, full) = (figures.clone(), log.clone(), durability == Durability::Full);
        let write = move || Writer::new(Session::new(connection, deadline), waiting, noted, kept, full).run();
        let connection = connect::checkpointer(&file)?;
        let checkpointer = Checkpointer { connection, log: log.clone(), figures: figures.clone(), readers };
        let threads = vec![spawn("store-writer", write), spawn("store-log", move || checkpointer.run())];
        let writer = threads[0].thread().clone();
        Ok(Self {
            id,
            dir: dir.to_owned(),
            durability,
            writes,
            reads,
            threads: Mutex::new(threads),
            writer,
            figures,
            log,
            hints: Hints::default(),
            _lock: lock,
        })
    }

    pub(crate) async fn write<T, E, F>(&self, write: F, pace: Pace) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let urgent = pace != Pace::Lazy;
        self.writes
            .pass(write, pace, || {
                if urgent {
                    self.writer.unpark()
                }
            })
            .await
    }

    pub(crate) async fn read<T, E, F>(&self, read: F) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.reads.pass(read, Pace::Relaxed, || {}).await
    }

    pub(crate) async fn check(&self) -> Result<Option<String>, StoreError> {
        let file = self.dir.join(connect::FILE);
        let looked = tokio::task::spawn_blocking(move || connect::damage(&connect::reader(&file)?)).await;
        looked.unwrap_or(Err(StoreError::Panicked))
    }

    pub(crate) async fn probe(&self, min_free_bytes: u64) -> Result<(), StoreError> {
        self.read(async |tx| tx.one::<(i64,)>("SELECT 1", &[]).await).await?;
        match self.figures.failing() {
            None => {}
            Some(error @ StoreError::Damaged(_)) => return Err(error),
            // Nobody may be writing any more, because of this very answer: find out whether it would work again.
            Some(_) => {
                let _: u64 =
                    self.write(async |tx| tx.execute("UPDATE identity SET id = id", &[]).await, Pace::Synced).await?;
            }
        }
        const MIB: u64 = 1024 * 1024;
        match connect::free_bytes(&self.dir) {
            Ok(free) if free < min_free_bytes => {
                Err(StoreError::LittleRoom { free_mb: free / MIB, wanted_mb: min_free_bytes / MIB })
            }
            Ok(_) => Ok(()),
            Err(source) => Err(connect::directory(&self.dir, source)),
        }
    }

    pub(crate) async fn backup(
        &self,
        order: backup::Order,
        progress: impl FnMut(backup::Progress) -> bool + Send + 'static,
    ) -> Result<backup::Contents, StoreError> {
        let dir = self.dir.clone();
        let made = tokio::task::spawn_blocking(move || backup::make(&dir, &order, progress)).await;
        made.unwrap_or(Err(StoreError::Panicked))
    }

    pub(crate) fn hints(&self) -> &Hints {
        &self.hints
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn stats(&self) -> Stats {
        let size = |suffix: &str| {
            let path = self.dir.join(format!("{}{suffix}", connect::FILE));
            std::fs::metadata(path).map_or(0, |meta| meta.len())
        };
        Stats {
            engine: "sqlite",
            durability: self.durability,
            size_bytes: size(""),
            wal_bytes: size("-wal"),
            wal_used_bytes: self.log.bytes(),
            free_bytes: connect::free_bytes(&self.dir).ok(),
            commits_total: self.figures.commits.load(Ordering::Relaxed),
            writes_total: self.figures.writes.load(Ordering::Relaxed),
            checkpoints_total: self.log.checkpoints.load(Ordering::Relaxed),
            last_commit_ms: self.figures.last_commit_us.load(Ordering::Relaxed) as f64 / 1000.0,
            last_checkpoint_ms: self.log.last_checkpoint_us.load(Ordering::Relaxed) as f64 / 1000.0,
            connections: 0,
            connections_most: 0,
            connections_total: 0,
            oldest_transaction_s: 0,
            waiting_writes: self.writes.waiting(),
            waiting_reads: self.reads.waiting(),
            replica: None,
        }
    }

    pub(crate) async fn close(&self) {
        self.reads.shut();
        self.writes.shut();
        let threads = std::mem::take(&mut *self.threads.lock());
        // They end when the writer has served what was accepted; a panic of one has been printed already.
        let end = move || threads.into_iter().for_each(|thread| drop(thread.join()));
        let _ = tokio::task::spawn_blocking(end).await;
    }
}

pub(crate) fn examine(dir: &Path, migrations: &[Migration]) -> Result<Examined, StoreError> {
    let _lock = connect::lock(dir)?;
    let (connection, _) = connect::writer(dir)?;
    migrate::refuse_newer(&connection, migrations)?;
    let pending = migrate::pending(&connection, migrations)?;
    Ok(Examined { damage: connect::damage(&connection)?, pending })
}

fn serve_reads(session: Session, queue: &Mutex<mpsc::Receiver<Box<dyn Waiting>>>, figures: &Figures) {
    let session = Rc::new(session);
    let mut tx = Tx::new(Link::Sqlite(session.clone()));
    loop {
        // Holding the lock while waiting is meant: one reader waits, the others wait for its place.
        let read = queue.lock().blocking_recv();
        let Some(mut read) = read else { return };
        session.deadline.set(Duration::from_millis(limits::STORE_READ_MS));
        let begun = session.connection.execute_batch("BEGIN");
        run_now(&mut *read, &mut tx);
        read.answer(Ok(()));
        session.deadline.clear();
        if begun.is_ok() && !session.connection.is_autocommit() {
            let _ = session.connection.execute_batch("COMMIT");
        }
        if let Some(error) = session.trouble.take() {
            figures.note(&error);
        }
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).expect("the system has no thread to give")
}
