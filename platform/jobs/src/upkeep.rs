//! What happens to jobs by themselves: their time comes, their worker dies, their history ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ::store::{StoreError, Tx};
use kernel::limits;
use tokio::sync::{mpsc, oneshot};

use crate::runner::{self, Queue};
use crate::settle::{self, ToSettle};
use crate::state::State;
use crate::store::{self, Effects};
use crate::{Handler, Jobs, Kind, Life, Served, bulk, progress};

/// The longest sleep of the loop; a signal or a due job ends it earlier.
const TICK: Duration = Duration::from_secs(5);

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
        let Some(served) = self.0.served.get() else { return };
        let (written, flushed) = oneshot::channel();
        let flush = async {
            // An error means that the settler has ended already, or gave up on a closed store: there is nothing to write.
            if served.settle.send(ToSettle::End(written)).await.is_ok() {
                let _ = flushed.await;
            }
        };
        if tokio::time::timeout(grace, flush).await.is_err() {
            tracing::warn!("the store takes no outcomes; the last jobs run again later");
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
                let prune = async move |tx: &mut Tx| store::prune(tx, state, before_ms, limit).await;
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

    /// Takes back what dead leases hold: how many jobs run again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rescue(&self) -> Result<u64, StoreError> {
        let (mine, life) = (self.0.lease, self.0.life);
        let mut rescued = 0;
        loop {
            let (own, now_ms) = (self.clone(), self.0.clock.now_ms());
            let silent_since_ms = if life == Life::Locked { i64::MAX } else { now_ms - limits::LEASE_MS };
            let (leases, again, last) = self
                .0
                .store
                .write(async move |tx| {
                    let (mut again, mut last, mut effects) = (0, 0, Effects::default());
                    let leases = store::leases::dead(tx, mine, silent_since_ms, now_ms).await?;
                    let limit = limits::JOB_PROMOTE_BATCH as i64;
                    for lease in &leases {
                        let (a, l) = store::crash(tx, *lease, limit, now_ms, &mut effects).await?;
                        (again, last) = (again + a, last + l);
                        store::leases::forget(tx, *lease).await?;
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
            }
            // A lease whose jobs are all taken back is forgotten, so that the next turn of the loop sees others.
            if leases == 0 {
                return Ok(rescued);
            }
        }
    }

    async fn promote(&self) -> Result<(), StoreError> {
        let (own, now_ms) = (self.clone(), self.0.clock.now_ms());
        let promote = async move |tx: &mut Tx| {
            let mut effects = Effects::default();
            store::promote(tx, now_ms, limits::JOB_PROMOTE_BATCH as i64, &mut effects).await?;
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
        let lease = self.0.lease;
        self.0
            .store
            .read(async move |tx| {
                Ok(Outlook {
                    due_ms: store::next_due(tx).await?,
                    lease_ends_ms: store::leases::next_end(tx).await?,
                    loose: store::ties::is_loose(tx).await?,
                    called_off: store::called_off(tx, lease).await?,
                })
            })
            .await
    }

    async fn renew(&self) -> Result<(), StoreError> {
        let (lease, now_ms) = (self.0.lease, self.0.clock.now_ms());
        let holder = self.0.holder.clone();
        self.0.store.write_relaxed(async move |tx| store::leases::renew(tx, lease, &holder, now_ms).await).await
    }
}

/// One loop for all of it: safe to run in every process at once, takes no input.
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
        tokio::select! {
            () = jobs.0.upkeep.notified() => {}
            () = jobs.0.stop.cancelled() => {}
            () = tokio::time::sleep(until_due.min(TICK)) => {}
        }
    }
}

struct Outlook {
    due_ms: Option<i64>,
    lease_ends_ms: Option<i64>,
    loose: bool,
    called_off: Vec<i64>,
}

/// An idle process only reads; it writes when something is due.
async fn turn(jobs: &Jobs) -> Result<Option<i64>, StoreError> {
    if jobs.0.life == Life::Renewed {
        jobs.renew().await?;
        jobs.rescue().await?;
        jobs.learn_policies().await?;
    }
    let outlook = jobs.outlook().await?;
    outlook.called_off.into_iter().for_each(|id| jobs.stop_running(id));
    let now_ms = jobs.0.clock.now_ms();
    let mut next = None;
    for (at_ms, is_lease) in [(outlook.due_ms, false), (outlook.lease_ends_ms, true)] {
        match at_ms {
            Some(at_ms) if at_ms <= now_ms && is_lease => drop(jobs.rescue().await?),
            Some(at_ms) if at_ms <= now_ms => jobs.promote().await?,
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
