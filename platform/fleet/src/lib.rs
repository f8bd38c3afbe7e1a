#![doc = include_str!("../README.md")]

mod leadership;
mod liveness;
mod migrations;
#[cfg(test)]
mod simulation;
mod state;
mod store;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ::store::{Store, StoreError, Tx};
use kernel::{Clock, Entropy, limits};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use utoipa::ToSchema;

use self::leadership::Lead;
pub use self::leadership::Leadership;
pub use self::migrations::MIGRATIONS;
use self::state::View;

/// What the others are told when somebody came, died or resigned.
const TOPIC: &str = "fleet";
/// Of an instance's random name, bytes.
const ID_BYTES: usize = 8;
/// After a look that failed.
const AGAIN: Duration = Duration::from_millis(500);

/// A process of a fleet, as people look at it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Instance {
    /// Names its stay: a process that was taken for dead comes back under another one.
    pub id: String,
    /// Host and process.
    pub holder: String,
    /// What it does.
    pub roles: Vec<String>,
    /// Of its binary.
    pub version: String,
    /// By its own clock, Unix milliseconds.
    pub started_at_ms: i64,
    /// When it was last heard of by its own clock, Unix milliseconds.
    pub renewed_at_ms: i64,
    /// What it leads in, unless it has died since.
    pub leads: Vec<String>,
    /// It is the process that was asked.
    pub here: bool,
}

/// What this process says about itself.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) holder: String,
    pub(crate) roles: Vec<String>,
    pub(crate) version: &'static str,
    pub(crate) started_at_ms: i64,
}

/// This process among those on its database. Clones are handles to the same.
#[derive(Clone)]
pub struct Fleet(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    entropy: Entropy,
    member: Member,
    /// The embedded engine has one process, which its lock proves.
    alone: bool,
    /// Zero of the monotonic clock that `state` counts by.
    origin: Instant,
    view: Mutex<View>,
    /// The row that this process had last.
    id: Mutex<String>,
    stands: Mutex<BTreeMap<String, watch::Sender<Lead>>>,
    /// It stands for something new, or a connection came or went: worth a look.
    news: Notify,
    /// What runs because this process leads.
    working: TaskTracker,
}

impl Fleet {
    /// Enters the fleet of a database. Whoever leads is known once [`Fleet::run`] runs; on the embedded engine this process does,
    /// at once and without a write.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn new(
        store: Store,
        clock: Clock,
        entropy: Entropy,
        holder: String,
        roles: Vec<String>,
    ) -> Result<Self, StoreError> {
        let alone = store.stats().engine == "sqlite";
        let started_at_ms = clock.now_ms();
        let member = Member { holder, roles, version: env!("CARGO_PKG_VERSION"), started_at_ms };
        let id = Mutex::new(entropy.token(ID_BYTES));
        let (view, stands, news, working) = Default::default();
        let origin = Instant::now();
        let inner = Inner { store, clock, entropy, member, alone, origin, view, id, stands, news, working };
        let fleet = Self(Arc::new(inner));
        if !alone {
            fleet.look().await?;
        }
        Ok(fleet)
    }

    /// Renews this process's place, takes over from the dead, and at `stop` ends what [`Fleet::while_leading`] runs and resigns, so
    /// that another goes on at once. Cancel `stop` after what this process leads in has ended, and before the store is closed.
    pub async fn run(self, stop: CancellationToken) {
        if self.0.alone {
            return stop.cancelled().await;
        }
        tokio::join!(self.keep_looking(&stop), stop.run_until_cancelled(self.mind_connections()));
        if let Err(error) = self.resign().await {
            tracing::warn!(error = %kernel::problem::chain(&error), "this process did not resign; others go on when it is silent");
        }
    }

    async fn keep_looking(&self, stop: &CancellationToken) {
        let mut told = self.0.store.told(TOPIC);
        loop {
            told.mark_unchanged();
            let pause = match self.look().await {
                Ok(next) => next,
                Err(error) => {
                    tracing::warn!(error = %kernel::problem::chain(&error), "this process's place in the fleet is not renewed");
                    AGAIN
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                Ok(()) = told.changed() => {}
                () = self.0.news.notified() => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Stands for the lead in something, for as long as this process runs.
    pub fn lead(&self, name: &str) -> Leadership {
        let begin = || {
            self.0.news.notify_one();
            watch::channel(if self.0.alone { Lead::Always } else { Lead::No }).0
        };
        Leadership(self.0.stands.lock().entry(name.to_owned()).or_insert_with(begin).subscribe())
    }

    /// Runs `work` while this process leads in `name`: from the beginning each time that it is elected, dropped when it is deposed
    /// or told to stop. Ends with `stop`, or when `work` ends by itself.
    pub async fn while_leading<F>(&self, name: &str, stop: &CancellationToken, work: impl Fn() -> F)
    where
        F: Future<Output = ()>,
    {
        let leadership = self.lead(name);
        while stop.run_until_cancelled(leadership.elected()).await.is_some() {
            let _working = self.0.working.token();
            tokio::select! {
                () = work() => return,
                () = leadership.deposed() => tracing::warn!(name, "this process no longer leads"),
                () = stop.cancelled() => return,
            }
        }
    }

    /// Names this process's stay: another one once it was taken for dead.
    pub fn stay(&self) -> String {
        self.0.id.lock().clone()
    }

    /// Whether a stay has not ended, in the caller's transaction. What is written by the process of a stay that has must not count.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lives(&self, tx: &mut Tx, stay: &str) -> Result<bool, StoreError> {
        if self.0.alone { Ok(*self.0.id.lock() == *stay) } else { self::store::is_there(tx, stay).await }
    }

    /// Every process of the fleet; the dead ones for some seconds more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn instances(&self) -> Result<Vec<Instance>, StoreError> {
        let id = self.0.id.lock().clone();
        if self.0.alone {
            return Ok(vec![self.only(id)]);
        }
        let mut instances = self.0.store.read(async |tx| self::store::instances(tx).await).await?;
        instances.iter_mut().for_each(|it| it.here = it.id == id);
        Ok(instances)
    }

    fn only(&self, id: String) -> Instance {
        let Member { holder, roles, version, started_at_ms } = self.0.member.clone();
        Instance {
            id,
            holder,
            roles,
            version: version.to_owned(),
            started_at_ms,
            renewed_at_ms: self.0.clock.now_ms(),
            leads: self.0.stands.lock().keys().cloned().collect(),
            here: true,
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// One look, and what follows from it; how long until the next.
    async fn look(&self) -> Result<Duration, StoreError> {
        let (sent_ms, connection) = (self.now_ms(), self.0.view.lock().connection());
        let look = self::store::Look {
            member: self.0.member.clone(),
            id: self.0.id.lock().clone(),
            spare: self.0.entropy.token(ID_BYTES),
            connection,
            silent: self.0.view.lock().silent(sent_ms),
            names: self.0.stands.lock().keys().cloned().collect(),
            now_ms: self.0.clock.now_ms(),
        };
        let store = self.0.store.clone();
        let write = async move |tx: &mut Tx| {
            let found = self::store::look(tx, &look).await?;
            if found.news {
                tx.on_commit(move || store.tell(TOPIC));
            }
            Ok::<_, StoreError>(found)
        };
        let found = self.0.store.write(write).await?;
        let now_ms = self.now_ms();
        let mut view = self.0.view.lock();
        view.looked(sent_ms, connection, now_ms, &found);
        *self.0.id.lock() = found.id;
        self.publish(&view);
        Ok(Duration::from_millis(view.next_ms(now_ms) - now_ms))
    }

    fn publish(&self, view: &View) {
        for (name, told) in &*self.0.stands.lock() {
            let fence = view.fence_ms(name).map(|at_ms| self.0.origin + Duration::from_millis(at_ms));
            let lead = fence.map_or(Lead::No, Lead::Until);
            let before = told.send_replace(lead);
            if (before == Lead::No) != (lead == Lead::No) {
                tracing::info!(name, leads = lead != Lead::No, "the lead changed hands");
            }
        }
    }

    /// Ends what runs because this process leads, and then lets the others know that it no longer does.
    async fn resign(&self) -> Result<(), StoreError> {
        {
            let mut view = self.0.view.lock();
            view.resign();
            self.publish(&view);
        }
        self.0.working.close();
        if timeout(Duration::from_millis(limits::FLEET_FENCE_MS), self.0.working.wait()).await.is_err() {
            tracing::warn!("what this process led in does not end; it resigns all the same");
        }
        let (id, store) = (self.0.id.lock().clone(), self.0.store.clone());
        let write = async move |tx: &mut Tx| {
            tx.on_commit(move || store.tell(TOPIC));
            self::store::resign(tx, &id).await
        };
        self.0.store.write(write).await
    }
}
