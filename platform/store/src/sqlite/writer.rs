//! The one thread that writes: group commit.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use kernel::limits;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::log::Log;
use super::session::Session;
use crate::tx::Link;
use crate::write::{Pace, Waiting};
use crate::{StoreError, Tx};

/// Polls the closure's future once; whether it is to be kept. Every statement of an embedded [`Tx`] is ready at once, so a
/// future that is not ready awaited something else, and would have held up every other writer.
pub(crate) fn run_now(closure: &mut dyn Waiting, tx: &mut Tx) -> bool {
    let polled =
        catch_unwind(AssertUnwindSafe(|| closure.run(tx).as_mut().poll(&mut Context::from_waker(Waker::noop()))));
    match polled {
        Ok(Poll::Ready(())) => {}
        Ok(Poll::Pending) => closure.refuse(StoreError::Awaited),
        Err(_) => closure.refuse(StoreError::Panicked),
    }
    closure.kept()
}

#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) commits: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) last_commit_us: AtomicU64,
    poisoned: AtomicBool,
    /// Why the last commit failed, until one succeeds; damage stays.
    failing: Mutex<Option<StoreError>>,
}

impl Figures {
    /// A commit or a checkpoint failed. After a failed sync nobody knows what is on the disk: the system may have dropped the
    /// pages and forgotten that they were never written.
    pub(crate) fn note(&self, error: &StoreError) {
        if error.is_failed_sync() {
            self.poisoned.store(true, Ordering::Relaxed);
        }
        if error.is_of_the_disk() {
            *self.failing.lock() = Some(error.clone());
        }
    }

    fn recovered(&self) {
        let mut failing = self.failing.lock();
        if !matches!(*failing, Some(StoreError::Damaged(_))) {
            *failing = None;
        }
    }

    pub(crate) fn failing(&self) -> Option<StoreError> {
        if self.poisoned.load(Ordering::Relaxed) { Some(StoreError::Poisoned) } else { self.failing.lock().clone() }
    }
}

pub(crate) struct Writer {
    pub(crate) session: Rc<Session>,
    pub(crate) tx: Tx,
    pub(crate) queue: mpsc::Receiver<Box<dyn Waiting>>,
    pub(crate) figures: Arc<Figures>,
    pub(crate) log: Arc<Log>,
    /// Whether a synced write really syncs (`full`), or only reaches the operating system (`normal`).
    pub(crate) full: bool,
    pub(crate) syncing: Option<bool>,
}

impl Writer {
    /// On the thread that it will run on.
    pub(crate) fn new(
        session: Session,
        queue: mpsc::Receiver<Box<dyn Waiting>>,
        figures: Arc<Figures>,
        log: Arc<Log>,
        full: bool,
    ) -> Self {
        let session = Rc::new(session);
        let tx = Tx::new(Link::Sqlite(session.clone()));
        Self { session, tx, queue, figures, log, full, syncing: None }
    }

    /// Serves until every handle is dropped or the queue is closed.
    pub(crate) fn run(mut self) {
        let mut batch = VecDeque::with_capacity(limits::STORE_BATCH_WRITES);
        let mut taken = Vec::with_capacity(limits::STORE_BATCH_WRITES);
        while self.queue.blocking_recv_many(&mut taken, limits::STORE_BATCH_WRITES) > 0 {
            self.wait_for_company(&mut taken);
            batch.extend(taken.drain(..));
            while !batch.is_empty() {
                let (ran, commit) = self.commit_together(&mut batch);
                match &commit {
                    Ok(()) => self.tx.hooks.drain(..).for_each(|hook| hook()),
                    Err(error) => {
                        self.tx.hooks.clear();
                        self.figures.note(error);
                        tracing::error!(error = %kernel::problem::chain(error), writes = ran, "commit failed");
                    }
                }
                for write in batch.drain(..ran) {
                    write.answer(commit.clone());
                }
                if let Err(error) = self.log.help(&self.session.connection) {
                    self.figures.note(&error.into());
                }
            }
        }
        self.log.close();
        // Best effort: what stays in the log is read from there at the next start.
        let _ = self.session.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
    }

    /// Lazy writes alone wait a little for one that is not: every commit writes whole pages, and two that share one write
    /// most of them once. Whoever sends such a one unparks this thread.
    fn wait_for_company(&mut self, taken: &mut Vec<Box<dyn Waiting>>) {
        let until = Instant::now() + Duration::from_millis(limits::STORE_LINGER_MS);
        while taken.iter().all(|write| write.pace() == Pace::Lazy) && taken.len() < limits::STORE_BATCH_WRITES {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::park_timeout(left);
            taken.extend(
                std::iter::from_fn(|| self.queue.try_recv().ok()).take(limits::STORE_BATCH_WRITES - taken.len()),
            );
        }
    }

    /// Runs writes from the front of `batch` and commits them; how many, and the fate that they share.
    fn commit_together(&mut self, batch: &mut VecDeque<Box<dyn Waiting>>) -> (usize, Result<(), StoreError>) {
        if self.figures.poisoned.load(Ordering::Relaxed) {
            return (batch.len(), Err(StoreError::Poisoned));
        }
        let (started, mut ran) = (Instant::now(), 0);
        let outcome = self
            .begin(batch.iter().any(|write| write.pace() == Pace::Synced))
            .and_then(|()| self.run_some(batch, started, &mut ran))
            .and_then(|()| self.statement("COMMIT"));
        if let Err(error) = outcome {
            if !self.session.connection.is_autocommit() {
                let _ = self.statement("ROLLBACK");
            }
            // Whoever has not run yet would have met the same disk.
            return (if ran == 0 { batch.len() } else { ran }, Err(error));
        }
        match self.session.trouble.take() {
            Some(error) => self.figures.note(&error),
            None => self.figures.recovered(),
        }
        self.figures.commits.fetch_add(1, Ordering::Relaxed);
        self.figures.writes.fetch_add(ran as u64, Ordering::Relaxed);
        let took = started.elapsed();
        self.figures.last_commit_us.store(took.as_micros() as u64, Ordering::Relaxed);
        metrics::histogram!("store_commit_seconds").record(took.as_secs_f64());
        metrics::counter!("store_writes_total").increment(ran as u64);
        (ran, Ok(()))
    }

    fn begin(&mut self, synced: bool) -> Result<(), StoreError> {
        let sync = self.full && synced;
        if self.syncing != Some(sync) {
            self.session.connection.pragma_update(None, "synchronous", if sync { "FULL" } else { "NORMAL" })?;
            self.syncing = Some(sync);
        }
        self.statement("BEGIN IMMEDIATE")
    }

    /// Runs writes until none is left or the batch has taken its time: who ran first waits for no more than that.
    fn run_some(
        &mut self,
        batch: &mut VecDeque<Box<dyn Waiting>>,
        started: Instant,
        ran: &mut usize,
    ) -> Result<(), StoreError> {
        for write in batch {
            if *ran > 0 && started.elapsed() >= Duration::from_millis(limits::STORE_BATCH_MS) {
                break;
            }
            *ran += 1;
            let hooks = self.tx.hooks.len();
            self.statement("SAVEPOINT one")?;
            self.session.deadline.set(Duration::from_millis(limits::STORE_WRITE_MS));
            let kept = run_now(&mut **write, &mut self.tx);
            let late = self.session.deadline.clear();
            if !kept {
                self.tx.hooks.truncate(hooks);
                if self.session.connection.is_autocommit() {
                    // SQLite gave up the whole transaction, savepoints and all.
                    return Err(if late { StoreError::TooLong } else { StoreError::full_disk() });
                }
                self.statement("ROLLBACK TO one")?;
            }
            self.statement("RELEASE one")?;
        }
        Ok(())
    }

    fn statement(&self, sql: &str) -> Result<(), StoreError> {
        Ok(self.session.connection.prepare_cached(sql)?.raw_execute().map(drop)?)
    }
}
