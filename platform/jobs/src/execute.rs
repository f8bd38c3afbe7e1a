//! One attempt: the handler is run, told to stop, timed, and judged.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::store::StoreError;
use futures_util::FutureExt;
use kernel::limits;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::kind::{Failure, Kind};
use crate::progress::Said;
use crate::runner::Slot;
use crate::settle::{ToSettle, Unsettled};
use crate::state::{self, Outcome};
use crate::store::{self, Claimed, Effects, Settlement};
use crate::{Engine, Handler, Jobs, Run};

/// A claimed job, the word that calls it off, and the word that this process may no longer run what it had claimed by then.
#[derive(Clone)]
pub(crate) struct Attempt {
    pub(crate) job: Arc<Claimed>,
    pub(crate) stop: CancellationToken,
    pub(crate) fence: CancellationToken,
}

/// Attempts of this process by the number of their job, from the commit that claimed them to the one that settled them: which
/// claim it is, and the word.
pub(crate) type Running = std::collections::HashMap<i64, (u32, CancellationToken)>;

impl Jobs {
    pub(crate) fn attempt(&self, job: Claimed, fence: CancellationToken) -> Attempt {
        Attempt { job: Arc::new(job), stop: CancellationToken::new(), fence }
    }

    /// From the commit of the claim on, a cancellation finds the attempt.
    pub(crate) fn register(&self, attempts: &[Attempt]) {
        let mut running = self.0.running.lock();
        for Attempt { job, stop, .. } in attempts {
            running.insert(job.id, (job.claim, stop.clone()));
        }
    }

    /// Whether this claim was registered and is not settled yet.
    pub(crate) fn knows(&self, id: i64, claim: u32) -> bool {
        self.0.running.lock().get(&id).is_some_and(|(known, _)| *known == claim)
    }

    pub(crate) fn forget(&self, job: &Claimed) {
        let mut running = self.0.running.lock();
        if running.get(&job.id).is_some_and(|(claim, _)| *claim == job.claim) {
            running.remove(&job.id);
        }
    }

    /// Tells an attempt of this process that its job is called off; whether there is one.
    pub(crate) fn stop_running(&self, id: i64) -> bool {
        self.0.running.lock().get(&id).map(|(_, stop)| stop.cancel()).is_some()
    }

    /// Runs one claimed job in its slot.
    pub(crate) fn start(&self, attempt: Attempt, slot: Slot) {
        let Some(served) = self.0.served.get() else { return };
        let Some((kind, handler)) = served.kinds.get(attempt.job.kind.as_str()) else { return };
        served.runtime.spawn(execute(self.clone(), *kind, handler.clone(), attempt, slot));
    }

    pub(crate) async fn hand_back(&self, unstarted: Vec<Attempt>) {
        if unstarted.is_empty() {
            return;
        }
        let (own, lease, now_ms) = (self.clone(), self.0.lease, self.0.clock.now_ms());
        let jobs: Vec<_> = unstarted.iter().map(|attempt| attempt.job.clone()).collect();
        let given: Result<(), StoreError> = self
            .0
            .store
            .write(async move |tx| {
                let mut effects = Effects::default();
                for Attempt { job, .. } in &unstarted {
                    store::hand_back(tx, lease, job.id, job.claim, now_ms, &mut effects).await?;
                }
                tx.on_commit(move || {
                    unstarted.iter().for_each(|attempt| own.job_ended(&attempt.job.queue, &attempt.job.key));
                    own.apply(effects);
                });
                Ok(())
            })
            .await;
        jobs.iter().for_each(|job| self.forget(job));
        if let Err(error) = given {
            tracing::warn!(error = %kernel::problem::chain(&error), "claimed jobs stay claimed until they are found again");
            self.0.doubted.notify_one();
        }
    }
}

async fn execute(jobs: Jobs, kind: Kind, handler: Handler, attempt: Attempt, slot: Slot) {
    let Attempt { job, stop, fence } = attempt;
    let (completed, said) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Said::default())));
    let run = Run {
        jobs: jobs.clone(),
        job: job.clone(),
        stop: stop.clone(),
        completed: completed.clone(),
        said: said.clone(),
    };
    let trace_id = job.trace.as_deref().unwrap_or_default();
    let span = tracing::info_span!("job", id = job.id, kind = kind.name, attempt = job.attempt, trace_id);
    let waited_ms = jobs.0.clock.now_ms().saturating_sub(job.run_at_ms);
    metrics::histogram!("jobs_wait_seconds", "queue" => kind.queue).record(waited_ms.max(0) as f64 / 1000.0);
    let started = Instant::now();
    // The handler is called, and after a time-out dropped, inside the guarded future: a panic there is caught as well.
    let longest = Duration::from_millis(kind.timeout_ms);
    let ends = async move { tokio::time::timeout(longest, async move { handler(run).await }).await };
    let attempt = async move {
        if stop.is_cancelled() {
            return Ok(Err(Failure::Lost));
        }
        tokio::select! {
            ended = ends => ended,
            () = out_of_patience(&stop, kind.grace_ms) => Ok(Err(Failure::Lost)),
            () = fence.cancelled() => Ok(Err(Failure::Retry("its process could not renew its lease".to_owned()))),
        }
    };
    let outcome = match AssertUnwindSafe(attempt).catch_unwind().instrument(span.clone()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Failure::Retry(format!("took longer than {} ms", kind.timeout_ms))),
        Err(panic) => Err(Failure::Retry(format!("panicked: {}", panic_words(panic.as_ref())))),
    };
    metrics::histogram!("jobs_run_seconds", "kind" => kind.name).record(started.elapsed().as_secs_f64());
    jobs.0.reports.lock().remove(&job.id);
    let settlement = span.in_scope(|| judge(&jobs.0, &kind, &job, outcome, completed.load(Ordering::Acquire)));
    if let (Some(settlement), Some(served)) = (settlement, jobs.0.served.get()) {
        let said = std::mem::take(&mut *said.lock());
        // The settler outlives the runs; were it gone, the job would be rescued as crashed.
        let _ = served.settle.send(ToSettle::Outcome(Unsettled { settlement, job, said })).await;
    } else {
        jobs.forget(&job);
    }
    // Only now: outcomes that wait for a slow store hold their slots, so that no more than these can gather.
    drop(slot);
}

/// The job is called off, and the handler took no notice for too long.
async fn out_of_patience(stop: &CancellationToken, grace_ms: u64) {
    stop.cancelled().await;
    tokio::time::sleep(Duration::from_millis(grace_ms)).await;
}

/// What an attempt's end means for the job; `None` when it is settled already.
fn judge(
    engine: &Engine,
    kind: &Kind,
    job: &Claimed,
    outcome: Result<(), Failure>,
    completed: bool,
) -> Option<Settlement> {
    let now_ms = engine.clock.now_ms();
    let (outcome, error) = match outcome {
        _ if completed => {
            count(Outcome::Complete, kind.name);
            return None;
        }
        Ok(()) => (Outcome::Complete, None),
        // Called off, or given to another worker: only in the first case is there anything to settle.
        Err(Failure::Lost) => (Outcome::Stop, None),
        Err(Failure::Snooze(at_ms)) => (Outcome::Snooze(at_ms), None),
        Err(Failure::Discard(error)) => (Outcome::Discard, Some(error)),
        Err(Failure::Retry(error)) => {
            (state::after_failure(job.attempt, job.max_attempts, now_ms, engine.entropy.unit()), Some(error))
        }
        Err(Failure::RetryAt(_, error)) if job.attempt >= job.max_attempts => (Outcome::Discard, Some(error)),
        Err(Failure::RetryAt(at_ms, error)) => (Outcome::RetryAt(at_ms), Some(error)),
    };
    count(outcome, kind.name);
    if let Some(error) = &error {
        tracing::warn!(error, outcome = outcome.word(), "attempt failed");
    }
    let errors = with_error(&job.errors, job.attempt, error, now_ms);
    Some(Settlement { id: job.id, claim: job.claim, outcome, errors })
}

/// `kind` is one that the code knows: names that come from outside would make figures without end.
pub(crate) fn count(outcome: Outcome, kind: &'static str) {
    metrics::counter!("jobs_total", "kind" => kind, "outcome" => outcome.word()).increment(1);
}

/// The last [`limits::JOB_ATTEMPTS`] errors are kept, however many attempts a kind allows.
pub(crate) fn with_error(errors: &str, attempt: u32, error: Option<String>, now_ms: i64) -> String {
    let Some(mut message) = error else { return errors.to_owned() };
    message.truncate(message.floor_char_boundary(limits::JOB_ERROR_BYTES));
    let mut errors: Vec<serde_json::Value> = serde_json::from_str(errors).unwrap_or_default();
    errors.drain(..(errors.len() + 1).saturating_sub(limits::JOB_ATTEMPTS as usize));
    errors.push(serde_json::json!({ "attempt": attempt, "at_ms": now_ms, "message": message }));
    serde_json::Value::from(errors).to_string()
}

fn panic_words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}
