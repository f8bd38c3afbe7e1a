#![doc = include_str!("../README.md")]

mod batches;
pub mod bulk;
mod claim;
mod enqueue;
mod execute;
mod fleet;
mod gather;
mod http;
mod intervene;
mod kind;
mod lease;
mod migrations;
mod new_job;
pub mod policy;
mod progress;
mod reading;
mod remote;
pub mod rows;
mod run;
mod runner;
mod settle;
#[cfg(test)]
mod simulation;
pub mod state;
mod store;
mod unique;
mod upkeep;
mod waiting;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use kernel::{Clock, Entropy, limits};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, Semaphore, broadcast, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::execute::Running;
use self::gather::Gathered;
pub use self::http::routes;
pub use self::kind::{Failure, Handler, Kind, handler};
use self::lease::{Hold, Watch};
pub use self::migrations::MIGRATIONS;
pub use self::new_job::{EnqueueError, Enqueued, NewJob};
use self::policy::Policies;
pub use self::policy::QueuePolicy;
use self::progress::{Progress, Reports};
pub use self::reading::{Counts, JobRow, Query};
pub use self::run::Run;
use self::runner::Queue;
use self::settle::ToSettle;
use self::waiting::Waiting;
use ::store::{Store, StoreError};

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
    pub(crate) hold: Mutex<Hold>,
    /// The hold is another one: it was renewed, or lost.
    pub(crate) renewed: Notify,
    pub(crate) watch: Mutex<Watch>,
    /// Up to here the jobs of others have been looked at.
    pub(crate) newest: AtomicI64,
    /// Something may have been committed that this process was not told of.
    pub(crate) doubted: Notify,
    pub(crate) attends: AtomicBool,
    pub(crate) served: OnceLock<Served>,
    pub(crate) upkeep: Notify,
    /// When the upkeep loop looks for due jobs by itself; `i64::MAX` while it is looking.
    pub(crate) looks_at_ms: AtomicI64,
    pub(crate) changes: AtomicU64,
    pub(crate) changed: Notify,
    pub(crate) policies: RwLock<Policies>,
    pub(crate) queues: Mutex<HashMap<String, Arc<Waiting>>>,
    pub(crate) running: Mutex<Running>,
    pub(crate) reports: Mutex<Reports>,
    pub(crate) report: Notify,
    pub(crate) progress: broadcast::Sender<Progress>,
    /// Workers over HTTP that may wait at one time.
    pub(crate) waiters: Arc<Semaphore>,
    /// Nothing more begins.
    pub(crate) stop: CancellationToken,
    /// Nothing more runs: the lease may go.
    pub(crate) ended: CancellationToken,
    pub(crate) tasks: TaskTracker,
    pub(crate) gathered: Gathered,
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
    /// One of several processes: leases are renewed, and one that is silent for [`limits::LEASE_MS`] is dead.
    Renewed,
}

impl Engine {
    /// The word that will end what begins now; `None` while this process must not begin anything.
    pub(crate) fn fence(&self) -> Option<CancellationToken> {
        self.hold.lock().fence(Instant::now())
    }
}

impl Jobs {
    /// Takes a lease, and with [`Life::Locked`] takes back what older leases still hold. Nothing runs before
    /// [`Jobs::serve`]; with [`Life::Renewed`] nothing is renewed before that or [`Jobs::attend`], one of which must come soon.
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
        let (now_ms, asked_at) = (clock.now_ms(), Instant::now());
        let name = holder.clone();
        let lease = store.write(async move |tx| self::store::leases::take(tx, &name, now_ms).await).await?;
        // What is there already is looked through by whoever serves a queue.
        let newest = store.read(async |tx| self::store::newest(tx).await).await?;
        let engine = Engine {
            store,
            clock,
            entropy,
            lease,
            holder,
            life,
            hold: Mutex::new(if life == Life::Locked { Hold::for_ever() } else { Hold::since(asked_at) }),
            renewed: Notify::new(),
            watch: Mutex::default(),
            newest: AtomicI64::new(newest),
            doubted: Notify::new(),
            attends: AtomicBool::new(false),
            served: OnceLock::new(),
            upkeep: Notify::new(),
            looks_at_ms: AtomicI64::new(i64::MAX),
            changes: AtomicU64::new(0),
            changed: Notify::new(),
            policies: RwLock::default(),
            queues: Mutex::default(),
            running: Mutex::default(),
            reports: Mutex::default(),
            report: Notify::new(),
            progress: broadcast::channel(limits::JOB_REPORTS).0,
            waiters: Arc::new(Semaphore::new(limits::JOB_WAITERS)),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
            tasks: TaskTracker::new(),
            gathered: Gathered::default(),
        };
        let jobs = Self(Arc::new(engine));
        jobs.learn_policies().await?;
        if life == Life::Locked {
            jobs.rescue().await?;
        }
        Ok(jobs)
    }

    /// Looks at the queues again: for tests whose clock was moved.
    pub fn wake(&self) {
        self.0.upkeep.notify_one();
        self.doubt_all();
    }

    /// A number that grows whenever this process changed a job, and within a second when another one did.
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

    /// A kind that this process serves.
    pub fn kind(&self, name: &str) -> Option<Kind> {
        self.0.served.get()?.kinds.get(name).map(|(kind, _)| *kind)
    }

    /// The lease of this process.
    pub fn lease(&self) -> i64 {
        self.0.lease
    }

    /// A job waits for this time: an upkeep loop must look by then.
    pub(crate) fn due_at(&self, due_ms: i64) {
        if self.0.served.get().is_none() {
            self.hint(fleet::CONTROL);
        }
        if due_ms < self.0.looks_at_ms.load(Ordering::SeqCst) {
            self.0.upkeep.notify_one();
        }
    }

    /// Tells the other processes, if there may be any.
    pub(crate) fn hint(&self, topic: &'static str) {
        if self.0.life == Life::Renewed {
            self.0.store.tell(topic);
        }
    }

    pub(crate) fn changed(&self) {
        self.0.changes.fetch_add(1, Ordering::Release);
        self.0.changed.notify_waiters();
    }
}
