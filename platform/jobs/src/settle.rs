//! Writes outcomes, many to a commit.

use std::time::Duration;

use ::store::StoreError;
use kernel::limits;
use tokio::sync::{mpsc, oneshot};

use crate::Jobs;
use crate::state::Outcome;
use crate::store::{self, Settlement};

/// Pause before a failed write is tried again: outcomes are never dropped while the process lives.
const AGAIN: Duration = Duration::from_millis(500);

/// What the settler is told.
pub(crate) enum ToSettle {
    /// An attempt ended.
    Outcome(Settlement),
    /// Answer when everything said before is written, and end.
    End(oneshot::Sender<()>),
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
        let due =
            outcomes.iter().filter_map(|it| if let Outcome::RetryAt(at_ms) = it.outcome { Some(at_ms) } else { None });
        let due = due.min();
        if write_all(&jobs, outcomes).await.is_err() {
            return;
        }
        jobs.changed();
        if let Some(due_ms) = due {
            jobs.due_at(due_ms);
        }
        if let Some(written) = end {
            // Whoever asked may have stopped waiting.
            let _ = written.send(());
            return;
        }
    }
}

/// Writes until it is written; an error means that the store is closed.
async fn write_all(jobs: &Jobs, outcomes: Vec<Settlement>) -> Result<(), StoreError> {
    if outcomes.is_empty() {
        return Ok(());
    }
    let engine = &jobs.0;
    let outcomes = std::sync::Arc::new(outcomes);
    let mut said = false;
    loop {
        let (batch, lease, now_ms) = (outcomes.clone(), engine.lease, engine.clock.now_ms());
        let written: Result<u64, StoreError> = engine
            .store
            .write_relaxed(async move |tx| {
                let mut refused = 0;
                for it in batch.iter() {
                    refused += u64::from(!store::settle(tx, lease, it, now_ms).await?);
                }
                Ok(refused)
            })
            .await;
        match written {
            Ok(refused) => {
                if refused > 0 {
                    metrics::counter!("jobs_settlements_refused_total").increment(refused);
                    tracing::warn!(refused, "outcomes refused: the jobs are no longer this worker's");
                }
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
