#![doc = include_str!("../README.md")]

mod http;
mod kind;
mod migrations;
#[cfg(test)]
mod model_test;
mod reading;
mod runner;
mod settle;
pub mod state;
mod store;
mod upkeep;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use kernel::{Clock, Entropy, limits};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::http::routes;
pub use self::kind::{Failure, Handler, Kind, Run, handler};
pub use self::migrations::MIGRATIONS;
pub use self::reading::{Counts, JobRow, Query};
use self::runner::Queue;
use self::settle::ToSettle;
use self::state::State;
use self::store::Insert;
use ::store::{Store, StoreError, Tx};

/// The job engine of this process. Clones are handles to the same one.
#[derive(Clone)]
pub struct Jobs(pub(crate) Arc<Engine>);

pub(crate) struct Engine {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) lease: i64,
    pub(crate) holder: String,
    pub(crate) life: Life,
    pub(crate) served: OnceLock<Served>,
    pub(crate) upkeep: Notify,
    /// When the upkeep loop looks for due jobs by itself; `i64::MAX` while it is looking.
    pub(crate) looks_at_ms: AtomicI64,
    pub(crate) changes: AtomicU64,
    pub(crate) changed: Notify,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

/// What this process runs.
pub(crate) struct Served {
    pub(crate) kinds: HashMap<&'static str, (Kind, Handler)>,
    pub(crate) queues: HashMap<&'static str, Arc<Queue>>,
    pub(crate) settle: mpsc::Sender<ToSettle>,
    pub(crate) runtime: tokio::runtime::Handle,
}

/// How it is known that a worker lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// A lock proves that this is the only process: every older lease is dead.
    Locked,
    /// Leases are renewed; one that is silent for [`limits::LEASE_MS`] is dead.
    Renewed,
}

/// A job to enqueue.
#[derive(Clone, Debug)]
pub struct NewJob {
    kind: Kind,
    args: String,
    run_at_ms: Option<i64>,
    priority: Option<i16>,
    unique_key: Option<String>,
    event_position: Option<i64>,
    trace: Option<String>,
}

/// What enqueuing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// A job was added.
    New(i64),
    /// An unfinished job of this kind has the same unique key; nothing was added.
    Known(i64),
}

/// Why a job was not enqueued.
#[derive(Debug, thiserror::Error)]
pub enum EnqueueError {
    /// The arguments are over [`limits::JOB_ARGS_BYTES`] or are no JSON.
    #[error("the arguments of a {0} job are too large or cannot be written as JSON")]
    Args(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NewJob {
    /// A job of `kind`, to run at once.
    pub fn new(kind: Kind, args: &impl serde::Serialize) -> Self {
        // An argument that cannot be written is found when the job is enqueued, where there is an error to return.
        let args = serde_json::to_string(args).unwrap_or_default();
        Self { kind, args, run_at_ms: None, priority: None, unique_key: None, event_position: None, trace: None }
    }

    /// Not before `run_at_ms` (Unix milliseconds).
    #[must_use]
    pub fn at(self, run_at_ms: i64) -> Self {
        Self { run_at_ms: Some(run_at_ms), ..self }
    }

    /// Lower runs earlier; a kind's own is 0 unless it says otherwise.
    #[must_use]
    pub fn priority(self, priority: i16) -> Self {
        Self { priority: Some(priority), ..self }
    }

    /// At most one unfinished job of this kind has this key.
    #[must_use]
    pub fn unique(self, key: impl Into<String>) -> Self {
        Self { unique_key: Some(key.into()), ..self }
    }

    /// The event that caused it.
    #[must_use]
    pub fn event(self, position: i64) -> Self {
        Self { event_position: Some(position), ..self }
    }

    /// The trace it belongs to.
    #[must_use]
    pub fn trace(self, trace: Option<String>) -> Self {
        Self { trace, ..self }
    }
}

impl Jobs {
    /// Takes a lease, and with [`Life::Locked`] takes back what older leases still hold. Nothing runs before
    /// [`Jobs::serve`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn new(
        store: Store,
        clock: Clock,
        entropy: Entropy,
        holder: String,
        life: Life,
    ) -> Result<Self, StoreError> {
        let now_ms = clock.now_ms();
        let name = holder.clone();
        let lease = store.write(async move |tx| self::store::take_lease(tx, &name, now_ms).await).await?;
        let engine = Engine {
            store,
            clock,
            entropy,
            lease,
            holder,
            life,
            served: OnceLock::new(),
            upkeep: Notify::new(),
            looks_at_ms: AtomicI64::new(i64::MAX),
            changes: AtomicU64::new(0),
            changed: Notify::new(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let jobs = Self(Arc::new(engine));
        if life == Life::Locked {
            jobs.rescue().await?;
        }
        Ok(jobs)
    }

    /// Enqueues in the caller's transaction.
    ///
    /// # Errors
    /// [`EnqueueError`].
    pub async fn enqueue(&self, tx: &mut Tx, job: NewJob) -> Result<Enqueued, EnqueueError> {
        let engine = &self.0;
        if job.args.is_empty() || job.args.len() > limits::JOB_ARGS_BYTES {
            return Err(EnqueueError::Args(job.kind.name));
        }
        let now_ms = engine.clock.now_ms();
        let run_at_ms = job.run_at_ms.unwrap_or(now_ms);
        let due = run_at_ms <= now_ms;
        let slot = if due { self.free_slot(&job.kind) } else { None };
        let insert = Insert {
            queue: job.kind.queue,
            kind: job.kind.name,
            state: if due { State::Available } else { State::Scheduled },
            priority: job.priority.unwrap_or(job.kind.priority),
            max_attempts: job.kind.max_attempts,
            run_at_ms,
            now_ms,
            lease: slot.is_some().then_some(engine.lease),
            unique_key: job.unique_key,
            event_position: job.event_position,
            trace: job.trace,
            args: job.args,
        };
        let Some(id) = self::store::insert(tx, &insert).await? else {
            let key = insert.unique_key.unwrap_or_default();
            let known = self::store::find_unique(tx, insert.kind, &key).await?;
            return Ok(Enqueued::Known(known.unwrap_or_default()));
        };
        self.after_commit(tx, id, insert, slot);
        Ok(Enqueued::New(id))
    }

    /// Enqueues in a transaction of its own.
    ///
    /// # Errors
    /// [`EnqueueError`].
    pub async fn enqueue_now(&self, job: NewJob) -> Result<Enqueued, EnqueueError> {
        let jobs = self.clone();
        self.0.store.write(async move |tx| jobs.enqueue(tx, job).await).await
    }

    /// Looks at the queues again: for tests whose clock was moved, and for hints from elsewhere.
    pub fn wake(&self) {
        self.0.upkeep.notify_one();
        if let Some(served) = self.0.served.get() {
            served.queues.values().for_each(|queue| queue.work_came());
        }
    }

    /// A number that grows whenever this process changed a job.
    pub fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    /// Waits until [`Jobs::changes`] is no longer `seen`. Read the number before you look at the jobs: then no change
    /// falls between the look and the wait.
    pub async fn change_since(&self, seen: u64) {
        loop {
            let mut changed = std::pin::pin!(self.0.changed.notified());
            changed.as_mut().enable();
            if self.changes() != seen {
                return;
            }
            changed.await;
        }
    }

    /// The lease of this process.
    pub fn lease(&self) -> i64 {
        self.0.lease
    }

    /// A job waits for this time: the upkeep loop must look by then.
    pub(crate) fn due_at(&self, due_ms: i64) {
        if due_ms < self.0.looks_at_ms.load(Ordering::SeqCst) {
            self.0.upkeep.notify_one();
        }
    }

    pub(crate) fn changed(&self) {
        self.0.changes.fetch_add(1, Ordering::Release);
        self.0.changed.notify_waiters();
    }
}
