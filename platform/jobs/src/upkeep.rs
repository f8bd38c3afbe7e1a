//! What happens to jobs by themselves: their time comes, their worker dies, their history ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ::store::{StoreError, Tx};
use kernel::limits;
use tokio::sync::{mpsc, oneshot};

use crate::lease::Beat;
use crate::runner::{self, Queue};
use crate::settle::{self, ToSettle};
use crate::state::State;
use crate::store::{self, Effects};
use crate::{Handler, Jobs, Kind, Life, Served, bulk, fleet, progress};

/// The longest sleep of a loop that tends the table; a signal or a due job ends it earlier.
pub(crate) const TICK: Duration = Duration::from_secs(5);
/// Dead leases that one write deals with.
const LEASES: usize = 100;
/// How much later than it is due a process of a fleet looks at a job, milliseconds at most: whoever looks first leaves nothing to do.
const SPREAD_MS: u64 = 30;

/// How long jobs stay to be looked at after they have ended, milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Completed ones.
    pub completed_ms: i64,
    /// Cancelled ones.
    pub cancelled_ms: i64,
    /// Dead letters.
    pub discarded_ms: i64,
}

impl Keep {
    /// All alike.
    pub const fn all(keep_ms: i64) -> Self {
        Self { completed_ms: keep_ms, cancelled_ms: keep_ms, discarded_ms: keep_ms }
    }
}

impl Jobs {
    /// Starts serving: the kinds that this process runs, `concurrency` slots for each of their queues.
    ///
    /// # Panics
    /// When called twice, without a slot, or when two kinds have one name: all are mistakes of the wiring.
    pub fn serve(&self, kinds: Vec<(Kind, Handler)>, concurrency: usize) {
        assert!(concurrency > 0, "a queue needs a slot");
        let (settle, outcomes) = mpsc::channel(limits::JOB_SETTLE_BATCH * 4);
        let mut served = Served {
            kinds: std::collections::HashMap::new(),
            queues: std::collections::HashMap::new(),
            settle,
            runtime: tokio::runtime::Handle::current(),
        };
        for (kind, handler) in kinds.into_iter().chain(bulk::kinds(self)) {
            let waiting = self.waiting(kind.queue).expect("more queues than a process remembers");
            served.queues.entry(kind.queue).or_insert_with(|| Arc::new(Queue::new(waiting, concurrency)));
            let other = served.kinds.insert(kind.name, (kind, handler));
            assert!(other.is_none(), "two kinds of job are called {}", kind.name);
        }
        let queues: Vec<_> = served.queues.values().cloned().collect();
        assert!(self.0.served.set(served).is_ok(), "jobs are served once");
        tokio::spawn(settle::serve(self.clone(), outcomes));
        for queue in queues {
            self.0.tasks.spawn(runner::serve(self.clone(), queue));
        }
        self.attend();
        self.0.tasks.spawn(progress::serve(self.clone()));
        self.0.tasks.spawn(upkeep(self.clone()));
    }

    /// Stops claiming, waits for running attempts up to `grace`, gives back what never started and writes every outcome;
    /// when the store takes none, it gives up after another `grace`, and those jobs run again later.
    pub async fn stop(&self, grace: Duration) {
        self.0.stop.cancel();
        self.0.tasks.close();
        if tokio::time::timeout(grace, self.0.tasks.wait()).await.is_err() {
            tracing::warn!(
                running = self.0.tasks.len(),
                "attempts still run at the end of the grace time; they run again later"
            );
        }
        let (written, flushed) = oneshot::channel();
        let flush = async {
            let Some(served) = self.0.served.get() else { return };
            // An error means that the settler has ended already, or gave up on a closed store: there is nothing to write.
            if served.settle.send(ToSettle::End(written)).await.is_ok() {
                let _ = flushed.await;
            }
        };
        if tokio::time::timeout(grace, flush).await.is_err() {
            tracing::warn!("the store takes no outcomes; the last jobs run again later");
        }
        self.0.ended.cancel();
        if self.0.life == Life::Renewed {
            let lease = self.0.lease;
            // Unless something runs on under it; then the others wait until it is silent for long enough.
            let forget = self.0.store.write_relaxed(async move |tx| store::leases::forget(tx, lease).await);
            if !matches!(tokio::time::timeout(grace, forget).await, Ok(Ok(()))) {
                tracing::debug!("the lease of this process is forgotten later");
            }
        }
    }

    /// Removes jobs that ended longer ago than `keep` says, in bounded batches; how many. Batches go when the longest-kept
    /// of their jobs would. A job that is removed no longer keeps its unique key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prune(&self, keep: Keep) -> Result<u64, StoreError> {
        let (now_ms, limit) = (self.0.clock.now_ms(), limits::JOB_PROMOTE_BATCH as i64);
        let mut pruned = 0;
        let ends = [
            (State::Completed, keep.completed_ms),
            (State::Cancelled, keep.cancelled_ms),
            (State::Discarded, keep.discarded_ms),
        ];
        for (state, keep_ms) in ends {
            let before_ms = now_ms.saturating_sub(keep_ms);
            loop {
                // Found beside the writers: it passes what was removed before and cannot be cleared away yet.
                let first = async move |tx: &mut Tx| store::first_ended(tx, state, before_ms).await;
                let Some(from_ms) = self.0.store.read(first).await? else { break };
                let prune = async move |tx: &mut Tx| store::prune(tx, state, (from_ms, before_ms), limit).await;
                let removed: u64 = self.0.store.write_relaxed(prune).await?;
                pruned += removed;
                if removed < limit as u64 {
                    break;
                }
            }
        }
        let before_ms = now_ms.saturating_sub(keep.completed_ms.max(keep.cancelled_ms).max(keep.discarded_ms));
        let rest = async move |tx: &mut Tx| {
            store::policy::forget_rates(tx, now_ms, limit).await?;
            store::batches::prune(tx, before_ms, limit).await
        };
        let _batches: u64 = self.0.store.write_relaxed(rest).await?;
        Ok(pruned)
    }

    /// Takes back what the dead had: how many jobs run again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rescue(&self) -> Result<u64, StoreError> {
        let dead = match self.0.life {
            Life::Renewed => self.pulse().await?,
            Life::Locked => {
                let mine = self.0.lease;
                self.0.store.read(async move |tx| store::leases::others(tx, mine).await).await?
            }
        };
        self.take_back(dead).await
    }

    /// Takes back what dead processes had, and what was claimed under leases that have ended: how many jobs run again. Done by
    /// several at once, it is done once.
    pub(crate) async fn take_back(&self, mut dead: Vec<Beat>) -> Result<u64, StoreError> {
        let mut rescued = 0;
        loop {
            let (own, mine, now_ms) = (self.clone(), self.0.lease, self.0.clock.now_ms());
            let some: Vec<Beat> = dead.split_off(dead.len().saturating_sub(LEASES));
            let (leases, again, last) = self
                .0
                .store
                .write(async move |tx| {
                    let (mut again, mut last, mut effects) = (0, 0, Effects::default());
                    let mut leases = store::leases::end(tx, now_ms).await?;
                    for beat in some {
                        if store::leases::bury(tx, beat).await? {
                            leases.push(beat.0);
                        }
                    }
                    // The lease goes first: were its holder to come back, it must see that its jobs may be others'. What is left of
                    // them is found as nobody's.
                    leases.extend(store::leases::unheld(tx, mine).await?);
                    leases.dedup();
                    let limit = limits::JOB_PROMOTE_BATCH as i64;
                    for lease in &leases {
                        let (a, l) = store::crash(tx, *lease, limit, now_ms, &mut effects).await?;
                        (again, last) = (again + a, last + l);
                    }
                    tx.on_commit(move || own.apply(effects));
                    Ok::<_, StoreError>((leases.len(), again, last))
                })
                .await?;
            rescued += again;
            if again + last > 0 {
                metrics::counter!("jobs_rescued_total").increment(again);
                tracing::warn!(again, ended = last, leases, "took back the jobs of dead workers");
                self.changed();
                self.wake();
                self.hint(fleet::READY);
                self.hint(fleet::ROOM);
            }
            if leases == 0 && dead.is_empty() {
                return Ok(rescued);
            }
        }
    }

    async fn promote(&self, from_ms: i64) -> Result<(), StoreError> {
        let (own, now_ms) = (self.clone(), self.0.clock.now_ms());
        let promote = async move |tx: &mut Tx| {
            let mut effects = Effects::default();
            store::promote(tx, (from_ms, now_ms), limits::JOB_PROMOTE_BATCH as i64, &mut effects).await?;
            tx.on_commit(move || own.apply(effects));
            Ok(())
        };
        self.0.store.write_relaxed(promote).await
    }

    /// Goes on with what one write could not decide; whether there is more.
    async fn loosen(&self) -> Result<(), StoreError> {
        let (own, now_ms) = (self.clone(), self.0.clock.now_ms());
        let loosen = async move |tx: &mut Tx| {
            let mut effects = Effects::default();
            effects.loose = store::ties::loosen(tx, limits::JOB_LOOSE_BATCH, now_ms, &mut effects).await?;
            tx.on_commit(move || own.apply(effects));
            Ok(())
        };
        self.0.store.write_relaxed(loosen).await
    }

    /// What there is to do, and when next.
    async fn outlook(&self) -> Result<Outlook, StoreError> {
        let (lease, alone) = (self.0.lease, self.0.life == Life::Locked);
        self.0
            .store
            .read(async move |tx| {
                Ok(Outlook {
                    due_ms: store::next_due(tx).await?,
                    lease_ends_ms: store::leases::next_end(tx).await?,
                    unheld: !alone && !store::leases::unheld(tx, lease).await?.is_empty(),
                    loose: store::ties::is_loose(tx).await?,
                    called_off: store::called_off(tx, lease).await?,
                })
            })
            .await
    }
}

/// One loop for all of it: safe to run in every process at once, takes no input. Whatever one of them has done, the others no
/// longer find.
async fn upkeep(jobs: Jobs) {
    while !jobs.0.stop.is_cancelled() {
        // Jobs that are committed while it looks may be missed by the look: they say so, whenever they are due.
        jobs.0.looks_at_ms.store(i64::MAX, Ordering::SeqCst);
        let next = match turn(&jobs).await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(error = %kernel::problem::chain(&error), "upkeep of jobs failed; it is tried again");
                None
            }
        };
        jobs.0.looks_at_ms.store(next.unwrap_or(i64::MAX), Ordering::SeqCst);
        let until_due =
            next.map_or(TICK, |due| Duration::from_millis(due.saturating_sub(jobs.0.clock.now_ms()).max(1) as u64));
        let alone = jobs.0.life == Life::Locked || until_due <= Duration::from_millis(1);
        let spread_ms = if alone { 0 } else { jobs.0.entropy.below(SPREAD_MS) };
        tokio::select! {
            () = jobs.0.upkeep.notified() => {}
            () = jobs.0.stop.cancelled() => {}
            () = tokio::time::sleep(until_due.min(TICK) + Duration::from_millis(spread_ms)) => {}
        }
    }
}

struct Outlook {
    due_ms: Option<i64>,
    lease_ends_ms: Option<i64>,
    unheld: bool,
    loose: bool,
    called_off: Vec<i64>,
}

/// An idle process only reads; it writes when something is due.
async fn turn(jobs: &Jobs) -> Result<Option<i64>, StoreError> {
    let outlook = jobs.outlook().await?;
    for id in outlook.called_off {
        jobs.stop_running(id);
    }
    if outlook.unheld {
        jobs.take_back(Vec::new()).await?;
    }
    let now_ms = jobs.0.clock.now_ms();
    let mut next = None;
    for (at_ms, is_lease) in [(outlook.due_ms, false), (outlook.lease_ends_ms, true)] {
        match at_ms {
            Some(at_ms) if at_ms <= now_ms && is_lease => drop(jobs.take_back(Vec::new()).await?),
            Some(at_ms) if at_ms <= now_ms => jobs.promote(at_ms).await?,
            Some(at_ms) => {
                next = Some(next.map_or(at_ms, |next: i64| next.min(at_ms)));
                continue;
            }
            None => continue,
        }
        // There may be more of it.
        next = Some(now_ms);
    }
    if outlook.loose {
        jobs.loosen().await?;
        next = Some(now_ms);
    }
    Ok(next)
}
