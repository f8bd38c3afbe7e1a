//! Writes outcomes, many to a commit.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use ::store::{StoreError, Tx};
use kernel::limits;
use tokio::sync::{mpsc, oneshot};

use crate::execute::with_error;
use crate::progress::{self, Said};
use crate::state::{Outcome, State};
use crate::store::{self, Claimed, Effects, Settlement};
use crate::{Jobs, Life, fleet};

/// Pause before a failed write is tried again: outcomes are never dropped while the process lives.
const AGAIN: Duration = Duration::from_millis(500);
/// An outcome that is refused more often than this, in some five seconds, ends its job as a dead letter.
const PATIENCE: u32 = 9;

/// What the settler is told.
pub(crate) enum ToSettle {
    /// An attempt ended.
    Outcome(Unsettled),
    /// Answer when everything said before is written, and end.
    End(oneshot::Sender<()>),
}

/// How an attempt ended, and what it said.
#[derive(Clone)]
pub(crate) struct Unsettled {
    pub(crate) settlement: Settlement,
    pub(crate) job: Arc<Claimed>,
    pub(crate) said: Said,
}

impl Unsettled {
    /// What is written of an outcome that the store refuses for what is in it.
    fn buried(&self, why: &StoreError, now_ms: i64) -> Self {
        let reason = format!("the outcome cannot be stored: {}", kernel::problem::chain(why));
        let errors = with_error(&self.job.errors, self.job.attempt, Some(reason), now_ms);
        let settlement = Settlement { outcome: Outcome::Discard, errors, ..self.settlement.clone() };
        Self { settlement, job: self.job.clone(), said: Said::default() }
    }
}

/// Settles as long as the store takes it.
pub(crate) async fn serve(jobs: Jobs, mut queue: mpsc::Receiver<ToSettle>) {
    let mut told = Vec::with_capacity(limits::JOB_SETTLE_BATCH);
    let mut refused = Refused::new();
    loop {
        // When this much is refused, nothing more is taken until it is not: then attempts keep their slots.
        let takes = refused.len() < limits::JOB_SETTLE_BATCH;
        tokio::select! {
            count = queue.recv_many(&mut told, limits::JOB_SETTLE_BATCH), if takes => if count == 0 {
                return;
            },
            () = tokio::time::sleep(AGAIN), if !refused.is_empty() => {}
        }
        let (mut outcomes, mut end) = (Vec::with_capacity(told.len()), None);
        for told in told.drain(..) {
            match told {
                ToSettle::Outcome(outcome) => outcomes.push(outcome),
                ToSettle::End(written) => end = Some(written),
            }
        }
        let Ok(left) = write_all(&jobs, outcomes, refused).await else { return };
        refused = left;
        while end.is_some() && !refused.is_empty() {
            // Whoever waits for the end has a limit of its own.
            tokio::time::sleep(AGAIN).await;
            let Ok(left) = write_alone(&jobs, refused).await else { return };
            refused = left;
        }
        if let Some(written) = end {
            // Whoever asked may have stopped waiting.
            let _ = written.send(());
            return;
        }
    }
}

/// Outcomes that the store refuses for what is in them, or for what its schema is, and how often it has.
type Refused = Vec<(u32, Unsettled)>;

/// Writes these together, and each alone when that is refused: one that cannot be written must not keep the others from it. An
/// error means that the store is closed.
async fn write_all(jobs: &Jobs, outcomes: Vec<Unsettled>, mut refused: Refused) -> Result<Refused, StoreError> {
    let (outcomes, doubted) = end_plain(jobs, outcomes).await;
    if !outcomes.is_empty() {
        let outcomes = Arc::new(outcomes);
        match write_these(jobs, outcomes.clone(), doubted).await {
            Ok(()) => {}
            Err(StoreError::Closed) => return Err(StoreError::Closed),
            Err(error) => {
                tracing::warn!(error = %kernel::problem::chain(&error), "outcomes are refused; each is written alone");
                refused.extend(outcomes.iter().map(|outcome| (0, outcome.clone())));
            }
        }
    }
    write_alone(jobs, refused).await
}

/// What is still refused.
async fn write_alone(jobs: &Jobs, refused: Refused) -> Result<Refused, StoreError> {
    let mut left = Refused::new();
    for (times, outcome) in refused {
        let mut done = write_these(jobs, Arc::new(vec![outcome.clone()]), false).await;
        if let Err(why) = &done
            && times >= PATIENCE
        {
            tracing::error!(job = outcome.job.id, error = %kernel::problem::chain(why), "an outcome cannot be stored");
            done = write_these(jobs, Arc::new(vec![outcome.buried(why, jobs.0.clock.now_ms())]), false).await;
        }
        match done {
            Ok(()) => {}
            Err(StoreError::Closed) => return Err(StoreError::Closed),
            Err(_) => left.push((times + 1, outcome)),
        }
    }
    Ok(left)
}

/// Writes these together, again and again while that can help. `failed` when a write of them has failed already.
async fn write_these(jobs: &Jobs, batch: Arc<Vec<Unsettled>>, mut failed: bool) -> Result<(), StoreError> {
    loop {
        let (own, outcomes) = (jobs.clone(), batch.clone());
        match jobs.0.store.write_relaxed(async move |tx| write(tx, own, outcomes).await).await {
            Ok(refused) => {
                batch.iter().for_each(|it| jobs.forget(&it.job));
                if refused > 0 {
                    metrics::counter!("jobs_settlements_refused_total").increment(refused);
                    tracing::warn!(refused, "outcomes refused: the jobs are no longer this worker's");
                }
                if refused > 0 && failed {
                    // They may have been written by the commit whose answer was lost, and what followed was not told.
                    jobs.wake();
                    jobs.hint(fleet::READY);
                    jobs.hint(fleet::ROOM);
                }
                // Once more, for whoever looks at the figures above.
                jobs.changed();
                return Ok(());
            }
            Err(error) => {
                metrics::counter!("jobs_settlements_failed_total").increment(1);
                if matches!(error, StoreError::Closed) || !error.is_temporary() {
                    return Err(error);
                }
                if !std::mem::replace(&mut failed, true) {
                    tracing::warn!(error = %kernel::problem::chain(&error), "outcomes wait for the store");
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// Ends what has merely completed by one statement, beside the other writes, where several processes share a store on a server. What
/// is left, with how it went: `true` when some of it may have been written nevertheless.
async fn end_plain(jobs: &Jobs, outcomes: Vec<Unsettled>) -> (Vec<Unsettled>, bool) {
    let is_plain = |it: &Unsettled| it.settlement.outcome == Outcome::Complete && !it.said.anything();
    if jobs.0.life != Life::Renewed || !outcomes.iter().any(is_plain) {
        return (outcomes, false);
    }
    let (plain, mut left): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(is_plain);
    let (own, plain) = (jobs.clone(), Arc::new(plain));
    let batch = plain.clone();
    let written: Result<HashSet<i64>, StoreError> = jobs
        .0
        .store
        .write_beside(async move |tx| {
            if !tx.takes_lists() {
                return Ok(HashSet::new());
            }
            let claims = batch.iter().map(|it| (it.job.id, it.job.claim));
            let ended = store::complete_many(tx, own.0.lease, claims, own.0.clock.now_ms()).await?;
            let told = ended.clone();
            tx.on_commit(move || {
                let ended = batch.iter().filter(|it| told.contains(&it.job.id));
                ended.for_each(|it| own.job_ended(&it.job.queue, &it.job.key));
            });
            Ok(ended)
        })
        .await;
    let ended = written.as_ref().ok();
    for it in plain.iter() {
        if ended.is_some_and(|ended| ended.contains(&it.job.id)) {
            jobs.forget(&it.job);
        } else {
            left.push(it.clone());
        }
    }
    jobs.changed();
    (left, written.is_err())
}

/// Settles a batch in one transaction; how many were refused.
async fn write(tx: &mut Tx, jobs: Jobs, batch: Arc<Vec<Unsettled>>) -> Result<u64, StoreError> {
    let (lease, now_ms) = (jobs.0.lease, jobs.0.clock.now_ms());
    let (mut refused, mut effects, mut ended) = (0, Effects::default(), Vec::with_capacity(batch.len()));
    for (at, Unsettled { settlement, job, said }) in batch.iter().enumerate() {
        progress::write(tx, lease, job, said, now_ms).await?;
        if store::settle(tx, lease, settlement, now_ms, &mut effects).await? {
            ended.push(at);
        } else {
            refused += 1;
        }
    }
    tx.on_commit(move || {
        for Unsettled { settlement, job, said } in ended.into_iter().map(|at| &batch[at]) {
            jobs.job_ended(&job.queue, &job.key);
            let state = match settlement.outcome {
                Outcome::Complete => State::Completed,
                Outcome::Discard => State::Discarded,
                Outcome::Stop => State::Cancelled,
                Outcome::RetryAt(_) | Outcome::Snooze(_) => State::Retryable,
            };
            jobs.tell_end(job, said, state);
        }
        jobs.apply(effects);
    });
    Ok(refused)
}
