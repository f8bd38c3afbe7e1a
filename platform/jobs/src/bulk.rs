//! One thing done to many jobs: chosen by a filter, counted before, done by a job of its own in bounded steps.

use ::store::{StoreError, Tx};
use kernel::limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kind::{Failure, Handler, Kind, handler};
use crate::new_job::{EnqueueError, Enqueued, NewJob};
use crate::state::State;
use crate::store::bulk::{Among, Candidate};
use crate::store::{self, Cancelled, Effects};
use crate::{Jobs, Run};

const KIND: Kind = Kind::new("mainspring.jobs.bulk").on("mainspring").timeout_ms(3_600_000);
/// Jobs read at once, and changed in one write at most.
const STEP: i64 = 500;
/// A dry run stops counting there.
const COUNT_MOST: u64 = 100_000;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Ended jobs begin anew, with all their attempts.
    Redrive,
    /// Unfinished jobs are called off.
    Cancel,
}

/// Which jobs; what is absent does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// In this state. For a redrive `discarded` unless said.
    pub state: Option<State>,
    /// Of this kind.
    pub kind: Option<String>,
    /// In this queue.
    pub queue: Option<String>,
    /// With this text in an error.
    pub error: Option<String>,
    /// Ended (redrive) or enqueued (cancel) at this time or later, Unix milliseconds.
    pub from_ms: Option<i64>,
    /// Ended (redrive) or enqueued (cancel) before this time, Unix milliseconds.
    pub to_ms: Option<i64>,
    /// Of this batch.
    pub batch: Option<i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Work {
    action: Action,
    filter: Filter,
    /// What has not ended before, or was enqueued later, is left alone: a job that fails again is not begun anew twice.
    asked_at_ms: i64,
}

impl Work {
    fn among(&self) -> Among {
        match (self.filter.batch, self.action) {
            (Some(batch), _) => Among::Batch(batch),
            (None, Action::Redrive) => Among::Ended(self.filter.state.unwrap_or(State::Discarded)),
            (None, Action::Cancel) => Among::All,
        }
    }

    fn wants(&self, job: &Candidate) -> bool {
        let Filter { state, kind, queue, error, from_ms, to_ms, .. } = &self.filter;
        let (fits, at_ms) = match self.action {
            Action::Redrive => (job.state == state.unwrap_or(State::Discarded), job.finished_at_ms),
            Action::Cancel => (!job.state.is_end() && state.is_none_or(|it| it == job.state), Some(job.created_at_ms)),
        };
        let at_ms = at_ms.unwrap_or(i64::MAX);
        let before = match self.action {
            Action::Redrive => at_ms < self.asked_at_ms,
            Action::Cancel => at_ms <= self.asked_at_ms,
        };
        // The engine's own jobs, this one among them, are nobody's to call off in bulk.
        before
            && fits
            && job.kind != KIND.name
            && from_ms.is_none_or(|from_ms| at_ms >= from_ms)
            && to_ms.is_none_or(|to_ms| at_ms < to_ms)
            && kind.as_ref().is_none_or(|kind| *kind == job.kind)
            && queue.as_ref().is_none_or(|queue| *queue == job.queue)
            && error.as_ref().is_none_or(|error| job.errors.contains(error.as_str()))
    }
}

/// How many jobs a filter fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Matching {
    /// So many.
    pub count: u64,
    /// Whether there are more: counting stops at 100,000.
    pub more: bool,
}

impl Jobs {
    /// How many jobs would be changed now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn count_matching(&self, action: Action, filter: Filter) -> Result<Matching, StoreError> {
        let work = Work { action, filter, asked_at_ms: self.0.clock.now_ms() };
        let (mut after, mut count) = ((i64::MIN, i64::MIN), 0);
        loop {
            let page = self.page(&work, after).await?;
            count += page.iter().filter(|job| work.wants(job)).count() as u64;
            match page.last() {
                Some(last) if count < COUNT_MOST => after = (last.at_ms, last.id),
                last => return Ok(Matching { count, more: last.is_some() }),
            }
        }
    }

    /// Enqueues the job that does it, with its progress in percent of the jobs that fitted first; its number.
    ///
    /// # Errors
    /// [`EnqueueError`].
    pub async fn enqueue_bulk(&self, tx: &mut Tx, action: Action, filter: Filter) -> Result<i64, EnqueueError> {
        let work = Work { action, filter, asked_at_ms: self.0.clock.now_ms() };
        let (Enqueued::New(id) | Enqueued::Known(id)) = self.enqueue(tx, NewJob::new(KIND, &work)).await?;
        Ok(id)
    }

    /// As [`Jobs::enqueue_bulk`], in a transaction of its own.
    pub(crate) async fn enqueue_bulk_now(&self, action: Action, filter: Filter) -> Result<i64, EnqueueError> {
        let jobs = self.clone();
        self.0.store.write(async move |tx| jobs.enqueue_bulk(tx, action, filter).await).await
    }

    async fn page(&self, work: &Work, after: (i64, i64)) -> Result<Vec<Candidate>, StoreError> {
        let among = work.among();
        self.0.store.read(async move |tx| store::bulk::page(tx, among, after, STEP).await).await
    }

    /// How many of them were changed.
    async fn change(&self, action: Action, ids: Vec<i64>) -> Result<u64, StoreError> {
        let (own, now_ms) = (self.clone(), self.0.clock.now_ms());
        self.0
            .store
            .write_relaxed(async move |tx| {
                let (mut changed, mut effects) = (0, Effects::default());
                for id in ids {
                    let done = match action {
                        Action::Redrive => store::run_now(tx, id, now_ms, &mut effects).await?,
                        Action::Cancel => store::cancel(tx, id, now_ms, &mut effects).await? != Cancelled::No,
                    };
                    changed += u64::from(done);
                }
                tx.on_commit(move || own.apply(effects));
                Ok(changed)
            })
            .await
    }
}

/// The kind that every process serves for this.
pub(crate) fn kinds(jobs: &Jobs) -> Vec<(Kind, Handler)> {
    // A weak handle: the engine holds its handlers, and must not hold itself by them.
    let engine = std::sync::Arc::downgrade(&jobs.0);
    let run = handler(move |run| {
        let engine = engine.clone();
        async move {
            let Some(engine) = engine.upgrade() else { return Err(Failure::Lost) };
            work_off(Jobs(engine), run).await
        }
    });
    vec![(KIND, run)]
}

/// Does it page by page. After a crash it begins again: what was changed no longer fits.
async fn work_off(jobs: Jobs, run: Run) -> Result<(), Failure> {
    let work: Work = run.args()?;
    let most = jobs.count_matching(work.action, work.filter.clone()).await?.count.max(1);
    let (mut after, mut fitted, mut changed) = ((i64::MIN, i64::MIN), 0, 0);
    while !run.cancellation().is_cancelled() {
        let page = jobs.page(&work, after).await?;
        let Some(last) = page.last() else { break };
        after = (last.at_ms, last.id);
        let ids: Vec<i64> = page.iter().filter(|job| work.wants(job)).map(|job| job.id).collect();
        fitted += ids.len() as u64;
        if !ids.is_empty() {
            changed += jobs.change(work.action, ids).await?;
            let percent = (fitted * 100 / most).min(99);
            run.progress(u8::try_from(percent).unwrap_or(99), format!("{changed} of {fitted} changed"));
        }
    }
    run.result(&serde_json::json!({ "matched": fitted, "changed": changed }))
}

const _: () = assert!(STEP as usize <= limits::JOB_PROMOTE_BATCH);
