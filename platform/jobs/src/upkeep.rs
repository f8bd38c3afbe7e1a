//! What happens to jobs by themselves: their time comes, their worker dies, their history ends.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ::store::StoreError;
use kernel::limits;
use tokio::sync::{mpsc, oneshot};

use crate::runner::{self, Queue};
use crate::settle::{self, ToSettle};
use crate::{Handler, Jobs, Kind, Life, Served, store};

/// The longest sleep of the loop; a signal or a due job ends it earlier.
const TICK: Duration = Duration::from_secs(5);

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
        for (kind, handler) in kinds {
            served.queues.entry(kind.queue).or_insert_with(|| Arc::new(Queue::new(kind.queue, concurrency)));
            let other = served.kinds.insert(kind.name, (kind, handler));
            assert!(other.is_none(), "two kinds of job are called {}", kind.name);
        }
        let queues: Vec<_> = served.queues.values().cloned().collect();
        assert!(self.0.served.set(served).is_ok(), "jobs are served once");
        tokio::spawn(settle::serve(self.clone(), outcomes));
        for queue in queues {
            self.0.tasks.spawn(runner::serve(self.clone(), queue));
        }
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

    /// Removes finished jobs older than `keep_ms`; how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prune(&self, keep_ms: i64) -> Result<u64, StoreError> {
        let before_ms = self.0.clock.now_ms() - keep_ms;
        let mut pruned = 0;
        loop {
            let batch = limits::JOB_PROMOTE_BATCH as i64;
            let removed = self.0.store.write_relaxed(async move |tx| store::prune(tx, before_ms, batch).await).await?;
            pruned += removed;
            if removed < batch as u64 {
                return Ok(pruned);
            }
        }
    }

    /// Takes back what dead leases hold: how many jobs run again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rescue(&self) -> Result<u64, StoreError> {
        let (mine, life, now_ms) = (self.0.lease, self.0.life, self.0.clock.now_ms());
        let silent_since_ms = if life == Life::Locked { i64::MAX } else { now_ms - limits::LEASE_MS };
        let mut rescued = 0;
        loop {
            let (leases, again, last) = self
                .0
                .store
                .write(async move |tx| {
                    let (mut again, mut last) = (0, 0);
                    let leases = store::dead_leases(tx, mine, silent_since_ms).await?;
                    for lease in &leases {
                        let (a, l) = store::crash(tx, *lease, limits::JOB_PROMOTE_BATCH as i64, now_ms).await?;
                        (again, last) = (again + a, last + l);
                        store::forget_lease(tx, *lease).await?;
                    }
                    Ok::<_, StoreError>((leases.len(), again, last))
                })
                .await?;
            rescued += again;
            if again + last > 0 {
                metrics::counter!("jobs_rescued_total").increment(again);
                tracing::warn!(again, discarded = last, leases, "took back the jobs of dead workers");
                self.changed();
                self.wake();
            }
            // A lease whose jobs are all taken back is forgotten, so that the next turn of the loop sees others.
            if leases == 0 {
                return Ok(rescued);
            }
        }
    }

    async fn promote(&self) -> Result<Option<i64>, StoreError> {
        let now_ms = self.0.clock.now_ms();
        let batch = limits::JOB_PROMOTE_BATCH as i64;
        let (queues, next) = self
            .0
            .store
            .write_relaxed(async move |tx| {
                let queues = store::promote(tx, now_ms, batch).await?;
                Ok::<_, StoreError>((queues, store::next_due(tx).await?))
            })
            .await?;
        if !queues.is_empty() {
            self.changed();
        }
        if let Some(served) = self.0.served.get() {
            queues.iter().filter_map(|queue| served.queues.get(queue.as_str())).for_each(|queue| queue.work_came());
        }
        Ok(next)
    }

    async fn due(&self) -> Result<Option<i64>, StoreError> {
        self.0.store.read(async |tx| store::next_due(tx).await).await
    }

    async fn renew(&self) -> Result<(), StoreError> {
        let (lease, now_ms) = (self.0.lease, self.0.clock.now_ms());
        let holder = self.0.holder.clone();
        self.0.store.write_relaxed(async move |tx| store::renew_lease(tx, lease, &holder, now_ms).await).await
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

async fn turn(jobs: &Jobs) -> Result<Option<i64>, StoreError> {
    if jobs.0.life == Life::Renewed {
        jobs.renew().await?;
        jobs.rescue().await?;
    }
    // An idle process only reads; it writes when something is due.
    match jobs.due().await? {
        Some(due) if due <= jobs.0.clock.now_ms() => jobs.promote().await,
        next => Ok(next),
    }
}
