//! Writes outcomes, many to a commit.

use std::sync::Arc;
use std::time::Duration;

use ::store::{StoreError, Tx};
use kernel::limits;
use tokio::sync::{mpsc, oneshot};

use crate::Jobs;
use crate::progress::{self, Said};
use crate::state::{Outcome, State};
use crate::store::{self, Claimed, Effects, Settlement};

/// Pause before a failed write is tried again: outcomes are never dropped while the process lives.
const AGAIN: Duration = Duration::from_millis(500);

/// What the settler is told.
pub(crate) enum ToSettle {
    /// An attempt ended.
    Outcome(Unsettled),
    /// Answer when everything said before is written, and end.
    End(oneshot::Sender<()>),
}

/// How an attempt ended, and what it said.
pub(crate) struct Unsettled {
    pub(crate) settlement: Settlement,
    pub(crate) job: Arc<Claimed>,
    pub(crate) said: Said,
}

/// Settles as long as the store takes it.
pub(crate) async fn serve(jobs: Jobs, mut queue: mpsc::Receiver<ToSettle>) {
    let mut batch = Vec::with_capacity(limits::JOB_SETTLE_BATCH);
    while queue.recv_many(&mut batch, limits::JOB_SETTLE_BATCH).await > 0 {
        let (mut outcomes, mut end) = (Vec::with_capacity(batch.len()), None);
        for told in batch.drain(..) {
            match told {
                ToSettle::Outcome(outcome) => outcomes.push(outcome),
                ToSettle::End(written) => end = Some(written),
            }
        }
        if write_all(&jobs, outcomes).await.is_err() {
            return;
        }
        if let Some(written) = end {
            // Whoever asked may have stopped waiting.
            let _ = written.send(());
            return;
        }
    }
}

/// Writes until it is written; an error means that the store is closed.
async fn write_all(jobs: &Jobs, outcomes: Vec<Unsettled>) -> Result<(), StoreError> {
    if outcomes.is_empty() {
        return Ok(());
    }
    let outcomes = Arc::new(outcomes);
    let mut said = false;
    loop {
        let (batch, own) = (outcomes.clone(), jobs.clone());
        match jobs.0.store.write_relaxed(async move |tx| write(tx, own, batch).await).await {
            Ok(refused) => {
                if refused > 0 {
                    metrics::counter!("jobs_settlements_refused_total").increment(refused);
                    tracing::warn!(refused, "outcomes refused: the jobs are no longer this worker's");
                }
                // Once more, for whoever looks at the figures above.
                jobs.changed();
                return Ok(());
            }
            Err(StoreError::Closed) => return Err(StoreError::Closed),
            Err(error) => {
                metrics::counter!("jobs_settlements_failed_total").increment(1);
                if !std::mem::replace(&mut said, true) {
                    tracing::warn!(error = %kernel::problem::chain(&error), "outcomes wait for the store");
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
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
