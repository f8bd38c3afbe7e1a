//! Time passes: the loop that looks, and the one write that deals with what it found.

use std::time::Duration;

use ::store::{StoreError, Tx};
use jobs::{EnqueueError, Enqueued, NewJob};
use kernel::problem::chain;
use kernel::{TraceId, limits};
use tokio_util::sync::CancellationToken;

use crate::calendar::{Mark, Tick};
use crate::reading::{Firing, Outcome};
use crate::state::{self, Look, Overlap};
use crate::store::{self, Stored};
use crate::{Schedules, TOPIC, state::admits};

/// The longest sleep of the loop: so soon does it notice that the wall clock was moved, or that another process has added
/// a schedule.
const LOOK: Duration = Duration::from_secs(5);
/// The pause after a failed look.
const AGAIN: Duration = Duration::from_secs(1);

/// A schedule that is due, and what is to be done about it.
pub(crate) struct Prepared {
    of: Stored,
    look: Look,
    unfinished: bool,
    /// The stored specification no longer makes sense: a zone that the database dropped.
    broken: Option<String>,
}

impl Schedules {
    /// Fires ticks until told to stop, in a fleet while this process leads in it. Safe to run in every process at once: a tick is
    /// a row.
    pub async fn run(self, stop: CancellationToken) {
        let leadership = self.0.fleet.get().map(|fleet| fleet.lead(TOPIC));
        let mut told = self.0.store.told(TOPIC);
        if let Err(error) = self.refresh().await {
            tracing::warn!(error = %chain(&error), "the next ticks could not be computed anew; the stored ones count");
        }
        while !stop.is_cancelled() {
            let waits = leadership.as_ref().filter(|leadership| !leadership.leads());
            let sleep = if waits.is_none() { self.look().await } else { LOOK };
            let elected = async {
                match waits {
                    Some(leadership) => leadership.elected().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.0.look.notified() => {}
                () = elected => {}
                Ok(()) = told.changed() => self.heard(),
                () = stop.cancelled() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    /// Deals with what is due; how long to sleep then.
    async fn look(&self) -> Duration {
        match self.turn().await {
            Ok(None) => LOOK,
            Ok(Some(next_ms)) => {
                let until_ms = next_ms.saturating_sub(self.0.clock.now_ms()).max(1);
                Duration::from_millis(until_ms.unsigned_abs()).min(LOOK)
            }
            Err(error) => {
                tracing::warn!(error = %chain(&error), "schedules could not be looked at; tried again");
                AGAIN
            }
        }
    }

    /// Deals with every tick up to now; when the next one is.
    ///
    /// # Errors
    /// [`StoreError`]: then what was not committed is found by the next look.
    pub async fn turn(&self) -> Result<Option<i64>, StoreError> {
        loop {
            let now_ms = self.0.clock.now_ms();
            let due = self.0.store.read(async move |tx| store::due(tx, now_ms).await).await?;
            let full = due.len() == limits::SCHEDULE_BATCH;
            let mut batch = Vec::new();
            let mut ticks = 0;
            for of in due {
                let prepared = self.prepare(of, now_ms).await?;
                ticks += prepared.look.fire.len();
                batch.push(prepared);
                // A write of this size does not hold up the others.
                if ticks >= limits::SCHEDULE_CATCH_UP as usize {
                    self.commit(std::mem::take(&mut batch), now_ms).await?;
                    ticks = 0;
                }
            }
            self.commit(batch, now_ms).await?;
            if !full {
                return self.0.store.read(async |tx| store::next_due(tx).await).await;
            }
        }
    }

    pub(crate) async fn prepare(&self, of: Stored, now_ms: i64) -> Result<Prepared, StoreError> {
        let (look, broken) = match of.spec.timing(of.since_ms) {
            Ok(timing) => (state::look(&timing, of.spec.policy(), of.mark, now_ms), None),
            Err(invalid) => (Look::nothing(of.mark), Some(invalid.to_string())),
        };
        let unfinished = !look.fire.is_empty() && self.unfinished(&of).await?;
        Ok(Prepared { of, look, unfinished, broken })
    }

    /// Whether the job that a tick of this schedule would overlap has not ended.
    pub(crate) async fn unfinished(&self, of: &Stored) -> Result<bool, StoreError> {
        let id = of.id;
        let job = match of.spec.overlap {
            Overlap::Allow => None,
            Overlap::Skip => of.last_job,
            Overlap::Queue => {
                let back = limits::SCHEDULE_IN_LINE - 1;
                self.0.store.read(async move |tx| store::job_before(tx, id, back).await).await?
            }
        };
        let Some(job) = job else { return Ok(false) };
        // A job that is no longer kept has ended long ago.
        Ok(self.0.jobs.find(job).await?.is_some_and(|job| !job.state.is_end()))
    }

    pub(crate) async fn commit(&self, batch: Vec<Prepared>, now_ms: i64) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        let schedules = self.clone();
        let write = async move |tx: &mut Tx| {
            let mut fired = Vec::new();
            for prepared in &batch {
                schedules.fire(tx, prepared, now_ms, &mut fired).await?;
            }
            Ok::<_, StoreError>(fired)
        };
        let fired = self.0.store.write(write).await?;
        for firing in fired {
            metrics::counter!("schedule_firings_total", "outcome" => firing.outcome.word()).increment(1);
            if let (Some(late_ms), Outcome::Enqueued) = (firing.late_ms(), firing.outcome) {
                metrics::histogram!("schedule_lateness_seconds").record(late_ms as f64 / 1000.0);
            }
        }
        self.changed();
        Ok(())
    }

    /// Everything that a look at one schedule leads to, in the caller's transaction: all of it, or none.
    async fn fire(
        &self,
        tx: &mut Tx,
        prepared: &Prepared,
        now_ms: i64,
        fired: &mut Vec<Firing>,
    ) -> Result<(), StoreError> {
        let Prepared { of, look, .. } = prepared;
        if !store::advance(tx, of, look.mark, look.next_ms).await? {
            // Another process dealt with it, or somebody changed it: it is looked at again.
            return Ok(());
        }
        if let Some(why) = &prepared.broken {
            let firing = Firing { note: Some(why.clone()), ..Firing::new(of.id, None, Outcome::Refused, now_ms) };
            store::insert_firing(tx, &firing).await?;
            fired.push(firing);
        }
        if look.left_out > 0 {
            let firing = Firing::new(of.id, look.left_out_last_ms, Outcome::Missed, now_ms);
            let firing = Firing { left_out: look.left_out, ..firing };
            store::insert_firing(tx, &firing).await?;
            fired.push(firing);
        }
        let mut unfinished = prepared.unfinished;
        for tick in &look.fire {
            let admitted = admits(of.spec.overlap, unfinished);
            let firing = self.fire_tick(tx, of, Some(*tick), admitted, now_ms).await?;
            unfinished |= of.spec.overlap == Overlap::Skip && firing.as_ref().is_some_and(|it| it.job.is_some());
            fired.extend(firing);
        }
        store::prune(tx, of.id).await
    }

    /// Fires one tick, or without a tick because somebody asked for it. `None` when the tick has fired already.
    pub(crate) async fn fire_tick(
        &self,
        tx: &mut Tx,
        of: &Stored,
        tick: Option<Tick>,
        admitted: bool,
        now_ms: i64,
    ) -> Result<Option<Firing>, StoreError> {
        let outcome = if admitted { Outcome::Enqueued } else { Outcome::Overlapped };
        let mut firing = Firing::new(of.id, tick.map(|tick| tick.at_ms), outcome, now_ms);
        let Some(id) = store::insert_firing(tx, &firing).await? else { return Ok(None) };
        firing.id = id;
        if admitted {
            match self.0.jobs.enqueue(tx, self.job(of, tick.map_or(now_ms, |tick| tick.at_ms))).await {
                Ok(Enqueued::New(job) | Enqueued::Known(job)) => {
                    firing.job = Some(job);
                    store::remember_job(tx, of.id, job).await?;
                }
                Err(EnqueueError::Store(error)) => return Err(error),
                // One schedule whose job cannot be made must not hold up the others.
                Err(error) => {
                    firing.outcome = Outcome::Refused;
                    firing.note = Some(error.to_string());
                }
            }
            store::settle_firing(tx, id, &firing).await?;
        }
        Ok(Some(firing))
    }

    /// The job of a tick. It says when it was meant for: `run_at_ms` is the tick, and the jitter.
    fn job(&self, of: &Stored, tick_ms: i64) -> NewJob {
        let engine = &self.0;
        let spec = &of.spec;
        let kind = engine.jobs.kind(&spec.kind);
        let queue = spec.queue.as_deref().or(kind.map(|kind| kind.queue)).unwrap_or("default");
        let jitter_ms = engine.entropy.below(spec.jitter_ms.unsigned_abs() + 1) as i64;
        let job = NewJob::dynamic(&spec.kind, queue, &spec.args).at(tick_ms + jitter_ms);
        let job = job.trace(Some(TraceId::new(&engine.entropy).to_string()));
        let job = match kind {
            Some(kind) => job.priority(kind.priority).attempts(kind.max_attempts),
            None => job,
        };
        match spec.overlap {
            Overlap::Queue => job.in_order(format!("schedule:{}", of.id)),
            Overlap::Allow | Overlap::Skip => job,
        }
    }

    /// Computes every next tick anew: after an update of the zones' rules the stored ones may be the old ones.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let page = self.0.store.read(async move |tx| store::list(tx, after, limits::PAGE).await).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.id;
            let active = page.into_iter().filter(|of| of.paused_at_ms.is_none());
            let moved = active.filter_map(|of| {
                let timing = of.spec.timing(of.since_ms).ok()?;
                let next_ms = timing.next(of.mark).map(|tick| tick.at_ms);
                (next_ms != of.next_ms).then_some((of, next_ms))
            });
            let moved: Vec<_> = moved.collect();
            if !moved.is_empty() {
                tracing::info!(schedules = moved.len(), "next ticks computed anew");
                let write = async move |tx: &mut Tx| {
                    for (of, next_ms) in &moved {
                        store::advance(tx, of, of.mark, *next_ms).await?;
                    }
                    Ok::<_, StoreError>(())
                };
                self.0.store.write(write).await?;
            }
        }
    }
}

impl Look {
    /// Nothing to do, now or ever.
    fn nothing(mark: Mark) -> Self {
        Self { fire: Vec::new(), left_out: 0, left_out_last_ms: None, mark, next_ms: None }
    }
}
