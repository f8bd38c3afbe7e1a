//! What is decided beside the work itself: what a queue may do at most, what is stopped, what counts as the same job, how long
//! ended jobs are kept. A policy is declared in code and can be changed while everything runs;
//! what was changed is stored, holds in every process, and wins over what is declared.

use std::collections::{BTreeSet, HashMap};

use ::store::{StoreError, Tx};
use kernel::{Problem, limits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use crate::claim::Rate;
pub use crate::unique::Unique;
pub use crate::upkeep::Keep;
use crate::{Jobs, fleet, store};

/// The limits of a queue over all processes. What is absent is unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct QueuePolicy {
    /// Jobs that run at one time.
    pub concurrency: Option<u32>,
    /// Jobs of one key that run at one time. Jobs without a key are not counted.
    pub key_concurrency: Option<u32>,
    /// Jobs that begin.
    pub rate: Option<Rate>,
    /// Jobs of one key that begin. Jobs without a key are not counted.
    pub key_rate: Option<Rate>,
}

impl QueuePolicy {
    /// Whether it limits anything.
    pub(crate) fn limits(&self) -> bool {
        *self != Self::default()
    }

    /// Whether the end of a job makes room for another.
    pub(crate) fn counts(&self) -> bool {
        self.concurrency.is_some() || self.key_concurrency.is_some()
    }

    /// What is wrong with it.
    pub(crate) fn check(&self) -> Result<(), Problem> {
        let wrong = |pointer: &str| {
            Problem::bad_request("policy_invalid", "A limit is 1 at least.").field(pointer, "1 at least")
        };
        for (pointer, limit) in [("/concurrency", self.concurrency), ("/key_concurrency", self.key_concurrency)] {
            if limit == Some(0) {
                return Err(wrong(pointer));
            }
        }
        for (pointer, rate) in [("/rate", self.rate), ("/key_rate", self.key_rate)] {
            if rate.is_some_and(|rate| rate.jobs == 0 || rate.period_ms == 0 || rate.burst == Some(0)) {
                return Err(wrong(pointer));
            }
        }
        Ok(())
    }
}

/// What this process knows of policies and pauses. Claims read the table; this is for what must not.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    pub(crate) declared: HashMap<String, QueuePolicy>,
    pub(crate) stored: HashMap<String, QueuePolicy>,
    pub(crate) paused_queues: BTreeSet<String>,
    pub(crate) paused_kinds: BTreeSet<String>,
}

impl Policies {
    /// Whether jobs of this kind may start without a look at the table.
    pub(crate) fn is_free(&self, queue: &str, kind: &str) -> bool {
        !self.of(queue).limits() && !self.paused_queues.contains(queue) && !self.paused_kinds.contains(kind)
    }

    pub(crate) fn of(&self, queue: &str) -> QueuePolicy {
        self.stored.get(queue).or_else(|| self.declared.get(queue)).copied().unwrap_or_default()
    }
}

/// What can be paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pausable {
    /// A queue: nothing of it begins.
    Queue,
    /// A kind, in whatever queue.
    Kind,
}

/// A queue as it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QueueRow {
    /// Its name.
    pub queue: String,
    /// Whether this process runs jobs of it.
    pub served: bool,
    /// Whether nothing of it begins.
    pub paused: bool,
    /// What holds for it.
    pub policy: QueuePolicy,
    /// Whether that is not what the code declares.
    pub changed: bool,
    /// Jobs that wait for a worker; counting stops at 100,000.
    pub available: i64,
    /// Since when the oldest of them could begin, Unix milliseconds.
    pub oldest_at_ms: Option<i64>,
    /// Jobs that run; counting stops at 100,000.
    pub executing: i64,
}

/// A kind as it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KindRow {
    /// Its name.
    pub kind: String,
    /// The queue it is enqueued to; absent for a kind that this process does not serve.
    pub queue: Option<String>,
    /// Whether nothing of it begins.
    pub paused: bool,
}

impl Jobs {
    /// Queues that are served, limited or paused, or in which jobs wait or run.
    pub(crate) async fn queue_rows(&self) -> Result<Vec<QueueRow>, StoreError> {
        let mut names: BTreeSet<String> = self.served_queues();
        {
            let policies = self.0.policies.read();
            names
                .extend(policies.declared.keys().chain(policies.stored.keys()).chain(&policies.paused_queues).cloned());
        }
        let busy = async |tx: &mut Tx| store::policy::queues(tx, &[0, 2], limits::PAGE).await;
        names.extend(self.0.store.read(busy).await?);
        let mut rows = Vec::with_capacity(names.len());
        for queue in names {
            let name = queue.clone();
            let load = async move |tx: &mut Tx| store::policy::load(tx, &name, crate::reading::COUNT_MOST).await;
            let (available, oldest_at_ms, executing): store::policy::Load = self.0.store.read(load).await?;
            let (policies, served) = (self.0.policies.read(), self.served_queues().contains(&queue));
            let (policy, changed) = (policies.of(&queue), policies.stored.contains_key(&queue));
            let paused = policies.paused_queues.contains(&queue);
            rows.push(QueueRow { queue, served, paused, policy, changed, available, oldest_at_ms, executing });
        }
        Ok(rows)
    }

    /// Kinds that are served or paused.
    pub(crate) fn kind_rows(&self) -> Vec<KindRow> {
        let mut paused = self.0.policies.read().paused_kinds.clone();
        let served = self.0.served.get().into_iter().flat_map(|served| served.kinds.values());
        let mut rows: Vec<KindRow> = served
            .map(|(kind, _)| KindRow {
                kind: kind.name.to_owned(),
                queue: Some(kind.queue.to_owned()),
                paused: paused.remove(kind.name),
            })
            .collect();
        rows.extend(paused.into_iter().map(|kind| KindRow { kind, queue: None, paused: true }));
        rows.sort_by(|one, other| one.kind.cmp(&other.kind));
        rows
    }

    fn served_queues(&self) -> BTreeSet<String> {
        let served = self.0.served.get();
        served.map(|served| served.queues.keys().map(|queue| (*queue).to_owned()).collect()).unwrap_or_default()
    }

    /// Says what a queue may do unless somebody has changed it: for the wiring, before [`Jobs::serve`].
    pub fn declare(&self, queue: impl Into<String>, policy: QueuePolicy) {
        self.0.policies.write().declared.insert(queue.into(), policy);
    }

    /// Changes what a queue may do, in every process, from the next claim on; `None` goes back to what is declared.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn set_policy(&self, queue: &str, policy: Option<QueuePolicy>) -> Result<(), StoreError> {
        let name = queue.to_owned();
        self.0.store.write(async move |tx| store::policy::set(tx, &name, policy.as_ref()).await).await?;
        self.decided().await
    }

    /// Begins nothing more of a queue or kind; what runs goes on. It is stored: a restart changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pause(&self, what: Pausable, name: &str) -> Result<(), StoreError> {
        let (paused, now_ms) = (name.to_owned(), self.0.clock.now_ms());
        self.0.store.write(async move |tx| store::policy::pause(tx, what, &paused, now_ms).await).await?;
        self.decided().await
    }

    /// Goes on with a queue or kind.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn resume(&self, what: Pausable, name: &str) -> Result<(), StoreError> {
        let paused = name.to_owned();
        self.0.store.write(async move |tx| store::policy::resume(tx, what, &paused).await).await?;
        self.decided().await
    }

    async fn decided(&self) -> Result<(), StoreError> {
        self.hint(fleet::CONTROL);
        self.learn_policies().await?;
        // A claim may have met what was decided elsewhere before it was known here.
        self.doubt_all();
        Ok(())
    }

    /// Reads what is stored. What is new may let jobs begin.
    pub(crate) async fn learn_policies(&self) -> Result<(), StoreError> {
        let (stored, paused) = self.0.store.read(async |tx| store::policy::all(tx).await).await?;
        let (queues, kinds): (Vec<_>, Vec<_>) = paused.into_iter().partition(|(what, _)| *what == Pausable::Queue);
        let paused_queues: BTreeSet<_> = queues.into_iter().map(|(_, name)| name).collect();
        let paused_kinds: BTreeSet<_> = kinds.into_iter().map(|(_, name)| name).collect();
        {
            let mut known = self.0.policies.write();
            if (&known.stored, &known.paused_queues, &known.paused_kinds) == (&stored, &paused_queues, &paused_kinds) {
                return Ok(());
            }
            (known.stored, known.paused_queues, known.paused_kinds) = (stored, paused_queues, paused_kinds);
        }
        self.doubt_all();
        self.changed();
        Ok(())
    }
}
