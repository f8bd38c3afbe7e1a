//! The one thread that writes: group commit.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use kernel::limits;
use tokio::sync::{mpsc, oneshot};

use crate::{StoreError, Tx};

/// A write that waits for its turn. `run` is called once, then `answer` once, on the writer's thread.
pub(crate) trait Waiting: Send {
    /// Runs the closure; `false` when it failed and must be rolled back.
    fn run(&mut self, tx: &mut Tx) -> bool;
    /// Tells the caller. `commit` is the fate of the transaction that all writes of the batch shared.
    fn answer(self: Box<Self>, commit: Result<(), StoreError>);
    /// Whether somebody was promised that this write survives power loss.
    fn synced(&self) -> bool;
}

pub(crate) struct Write<F, T, E> {
    closure: Option<F>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
    synced: bool,
}

impl<F, T, E> Write<F, T, E> {
    pub(crate) fn new(closure: F, reply: oneshot::Sender<Result<T, E>>, synced: bool) -> Self {
        Self { closure: Some(closure), outcome: None, reply, synced }
    }
}

impl<F, T, E> Waiting for Write<F, T, E>
where
    F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, tx: &mut Tx) -> bool {
        let Some(closure) = self.closure.take() else { return false };
        self.outcome = Some(run_now(closure, tx));
        matches!(self.outcome, Some(Ok(_)))
    }

    fn answer(self: Box<Self>, commit: Result<(), StoreError>) {
        let outcome = match (commit, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Err(error), Some(Ok(_)) | None) => Err(error.into()),
            (Err(_), Some(Err(own))) => Err(own),
            (Ok(()), None) => Err(StoreError::Closed.into()),
        };
        // The caller may have gone; the write is committed all the same.
        let _ = self.reply.send(outcome);
    }

    fn synced(&self) -> bool {
        self.synced
    }
}

/// Polls the closure's future once. Every statement of an embedded [`Tx`] is ready at once, so a future that is not ready
/// awaited something else, and would have held up every other writer.
pub(crate) fn run_now<F, T, E>(closure: F, tx: &mut Tx) -> Result<T, E>
where
    F: AsyncFnOnce(&mut Tx) -> Result<T, E>,
    E: From<StoreError>,
{
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let future = pin!(closure(tx));
        future.poll(&mut Context::from_waker(Waker::noop()))
    }));
    match polled {
        Ok(Poll::Ready(outcome)) => outcome,
        Ok(Poll::Pending) => Err(StoreError::Awaited.into()),
        Err(_) => Err(StoreError::Panicked.into()),
    }
}

#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) commits: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) last_commit_us: AtomicU64,
    pub(crate) poisoned: AtomicBool,
}

pub(crate) struct Writer {
    pub(crate) tx: Tx,
    pub(crate) queue: mpsc::Receiver<Box<dyn Waiting>>,
    pub(crate) figures: Arc<Figures>,
    /// Whether a synced write really syncs (`full`), or only reaches the operating system (`normal`).
    pub(crate) full: bool,
    pub(crate) syncing: Option<bool>,
}

impl Writer {
    /// Serves until every handle is dropped or the queue is closed.
    pub(crate) fn run(mut self) {
        let mut batch = Vec::with_capacity(limits::STORE_BATCH_WRITES);
        while self.queue.blocking_recv_many(&mut batch, limits::STORE_BATCH_WRITES) > 0 {
            let commit = if self.figures.poisoned.load(Ordering::Relaxed) {
                Err(StoreError::Poisoned)
            } else {
                self.commit_together(&mut batch)
            };
            match &commit {
                Ok(()) => self.tx.hooks.drain(..).for_each(|hook| hook()),
                Err(error) => {
                    self.tx.hooks.clear();
                    tracing::error!(error = %kernel::problem::chain(error), writes = batch.len(), "commit failed");
                }
            }
            for write in batch.drain(..) {
                write.answer(commit.clone());
            }
        }
        // Best effort: what stays in the log is read from there at the next start.
        let _ = self.tx.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    fn commit_together(&mut self, batch: &mut [Box<dyn Waiting>]) -> Result<(), StoreError> {
        let started = Instant::now();
        let sync = self.full && batch.iter().any(|write| write.synced());
        if self.syncing != Some(sync) {
            self.tx.connection.pragma_update(None, "synchronous", if sync { "FULL" } else { "NORMAL" })?;
            self.syncing = Some(sync);
        }
        self.statement("BEGIN IMMEDIATE")?;
        let outcome = self.run_all(batch).and_then(|()| self.statement("COMMIT"));
        if let Err(error) = outcome {
            if !self.tx.connection.is_autocommit() {
                let _ = self.statement("ROLLBACK");
            }
            if is_failed_sync(&error) {
                self.figures.poisoned.store(true, Ordering::Relaxed);
            }
            return Err(error);
        }
        self.figures.commits.fetch_add(1, Ordering::Relaxed);
        self.figures.writes.fetch_add(batch.len() as u64, Ordering::Relaxed);
        let took = started.elapsed();
        self.figures.last_commit_us.store(took.as_micros() as u64, Ordering::Relaxed);
        metrics::histogram!("store_commit_seconds").record(took.as_secs_f64());
        metrics::counter!("store_writes_total").increment(batch.len() as u64);
        Ok(())
    }

    fn run_all(&mut self, batch: &mut [Box<dyn Waiting>]) -> Result<(), StoreError> {
        for write in batch {
            let hooks = self.tx.hooks.len();
            self.statement("SAVEPOINT one")?;
            if !write.run(&mut self.tx) {
                self.tx.hooks.truncate(hooks);
                if self.tx.connection.is_autocommit() {
                    // A full or failing disk made SQLite give up the whole transaction, savepoints and all.
                    let full = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL);
                    return Err(rusqlite::Error::SqliteFailure(full, None).into());
                }
                self.statement("ROLLBACK TO one")?;
            }
            self.statement("RELEASE one")?;
        }
        Ok(())
    }

    fn statement(&self, sql: &str) -> Result<(), StoreError> {
        Ok(self.tx.connection.prepare_cached(sql)?.raw_execute().map(drop)?)
    }
}

fn is_failed_sync(error: &StoreError) -> bool {
    let StoreError::Unavailable(error) = error else { return false };
    let code = error.sqlite_error().map_or(0, |e| e.extended_code);
    matches!(code, rusqlite::ffi::SQLITE_IOERR_FSYNC | rusqlite::ffi::SQLITE_IOERR_DIR_FSYNC)
}
