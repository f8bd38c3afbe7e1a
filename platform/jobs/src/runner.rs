//! Runs jobs: one loop a queue, woken by commits, by freed slots and by a timer.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ::store::{StoreError, Tx};
use futures_util::FutureExt;
use futures_util::future::{Fuse, FusedFuture};
use kernel::limits;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::MissedTickBehavior;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument;

use crate::kind::{Failure, Kind, Run};
use crate::settle::ToSettle;
use crate::state::{self, Outcome};
use crate::store::{self, Claimed, Insert, Settlement};
use crate::{Engine, Handler, Jobs};

/// Between two looks at the table that nothing asked for: hints may be lost, the table is the truth.
const POLL: Duration = Duration::from_secs(5);
/// Pause before a failed claim is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long jobs of an unknown kind are left to binaries that know it, milliseconds.
const PUT_OFF_MS: i64 = 60_000;

/// A queue as this process serves it.
pub(crate) struct Queue {
    name: &'static str,
    slots: Arc<Semaphore>,
    concurrency: usize,
    /// Whether jobs may have come into the table since the loop last looked.
    hint: AtomicBool,
    /// Whether the loop is claiming, or has claimed what waits for a slot. With either flag, newcomers queue up behind.
    behind: AtomicBool,
    wake: Notify,
}

impl Queue {
    pub(crate) fn new(name: &'static str, concurrency: usize) -> Self {
        let slots = Arc::new(Semaphore::new(concurrency));
        let (hint, behind) = (AtomicBool::new(true), AtomicBool::new(false));
        Self { name, slots, concurrency, hint, behind, wake: Notify::new() }
    }

    pub(crate) fn work_came(&self) {
        self.hint.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    fn someone_waits(&self) -> bool {
        self.hint.load(Ordering::Acquire) || self.behind.load(Ordering::Acquire)
    }

    fn slot(self: &Arc<Self>, engine: &Engine) -> Option<Slot> {
        let counted = engine.tasks.token();
        let permit = self.slots.clone().try_acquire_owned().ok()?;
        Some(Slot { queue: self.clone(), permit: Some(permit), _counted: counted })
    }
}

/// A place to run, taken before the job exists. Whichever way it is given back, the queue's loop hears of it, and the
/// engine does not end before.
pub(crate) struct Slot {
    queue: Arc<Queue>,
    permit: Option<OwnedSemaphorePermit>,
    _counted: TaskTrackerToken,
}

impl Drop for Slot {
    fn drop(&mut self) {
        // First the place, then the word: the other way round the loop might look too early and sleep.
        self.permit.take();
        self.queue.wake.notify_one();
    }
}

impl Jobs {
    /// A slot for a job that is about to be inserted, unless others wait in front of it.
    pub(crate) fn free_slot(&self, kind: &Kind) -> Option<Slot> {
        let served = self.0.served.get()?;
        let queue = served.queues.get(kind.queue)?;
        if queue.someone_waits() || !served.kinds.contains_key(kind.name) {
            return None;
        }
        // Counted first and asked afterwards: a stop that this does not see yet waits for the slot.
        let slot = queue.slot(&self.0)?;
        (!self.0.stop.is_cancelled()).then_some(slot)
    }

    /// Starts the job, or wakes whoever will, once the transaction that inserted it is committed.
    pub(crate) fn after_commit(&self, tx: &mut Tx, id: i64, job: Insert, slot: Option<Slot>) {
        let jobs = self.clone();
        tx.on_commit(move || {
            jobs.changed();
            let Some(served) = jobs.0.served.get() else { return };
            let Some(slot) = slot else {
                if job.run_at_ms > job.now_ms {
                    jobs.due_at(job.run_at_ms);
                } else if let Some(queue) = served.queues.get(job.queue) {
                    queue.work_came();
                }
                return;
            };
            let claimed = Claimed {
                id,
                kind: job.kind.to_owned(),
                priority: i64::from(job.priority),
                attempt: 1,
                max_attempts: job.max_attempts,
                claim: 1,
                run_at_ms: job.run_at_ms,
                event_position: job.event_position,
                trace: job.trace,
                args: job.args,
                errors: "[]".to_owned(),
            };
            if jobs.0.stop.is_cancelled() {
                let jobs = jobs.clone();
                served.runtime.spawn(async move {
                    hand_back(&jobs, vec![claimed]).await;
                    drop(slot);
                });
            } else {
                jobs.start(claimed, slot);
            }
        });
    }

    /// Runs one claimed job in its slot.
    fn start(&self, job: Claimed, slot: Slot) {
        let Some(served) = self.0.served.get() else { return };
        let Some((kind, handler)) = served.kinds.get(job.kind.as_str()) else { return };
        served.runtime.spawn(execute(self.clone(), *kind, handler.clone(), Arc::new(job), slot));
    }
}

/// Serves one queue until the engine stops, then gives back what it never started.
pub(crate) async fn serve(jobs: Jobs, queue: Arc<Queue>) {
    let engine = &jobs.0;
    let want = (queue.concurrency * 2).min(limits::JOB_CLAIM_BATCH);
    let mut waiting: VecDeque<Claimed> = VecDeque::new();
    let mut last_ones = false;
    let mut claiming = pin!(Fuse::terminated());
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !engine.stop.is_cancelled() {
        while !waiting.is_empty() {
            let Some(slot) = queue.slot(engine) else { break };
            let Some(job) = waiting.pop_front() else { break };
            jobs.start(job, slot);
        }
        // The next batch is claimed while this one still runs, so that slots never wait for the store.
        let idle = claiming.is_terminated();
        let free = queue.slots.available_permits().saturating_sub(waiting.len());
        let room = if last_ones { free > 0 } else { waiting.len() * 2 < want };
        let look = idle && room && queue.hint.load(Ordering::Acquire);
        queue.behind.store(look || !idle || !waiting.is_empty(), Ordering::Release);
        if look {
            queue.hint.store(false, Ordering::Release);
            claiming.set(claim(&jobs, queue.name, want, free).fuse());
        }
        tokio::select! {
            claimed = &mut claiming, if !claiming.is_terminated() => match claimed {
                Ok(batch) => {
                    if batch.more {
                        queue.hint.store(true, Ordering::Release);
                    }
                    last_ones = batch.last_ones;
                    waiting.extend(batch.jobs);
                }
                Err(error) => {
                    tracing::warn!(queue = queue.name, error = %kernel::problem::chain(&error), "claiming failed");
                    poll.reset_after(AGAIN);
                }
            },
            () = queue.wake.notified() => {}
            _ = poll.tick() => queue.hint.store(true, Ordering::Release),
            () = engine.stop.cancelled() => {}
        }
    }
    if !claiming.is_terminated()
        && let Ok(batch) = claiming.await
    {
        waiting.extend(batch.jobs);
    }
    hand_back(&jobs, waiting.into()).await;
}

/// What a look at the table brought.
struct Batch {
    jobs: Vec<Claimed>,
    /// Whether there may be more.
    more: bool,
    /// Whether some are left in the table because they must not wait here for a slot.
    last_ones: bool,
}

/// Claims the next jobs of a queue. In the same transaction, jobs of kinds that this binary does not know are left for
/// later, and jobs at their last attempt that would wait here for a slot (there are `free`) go back: were this process to
/// die, that attempt would be gone though it never began.
async fn claim(jobs: &Jobs, queue: &'static str, limit: usize, free: usize) -> Result<Batch, StoreError> {
    let (own, lease, now_ms) = (jobs.clone(), jobs.0.lease, jobs.0.clock.now_ms());
    let batch = jobs
        .0
        .store
        .write_relaxed(async move |tx| {
            let claimed = store::claim(tx, queue, lease, limit, now_ms).await?;
            let more = claimed.len() == limit;
            let mut batch = Batch { jobs: Vec::with_capacity(claimed.len()), more, last_ones: false };
            for job in claimed {
                if !own.0.served.get().is_some_and(|served| served.kinds.contains_key(job.kind.as_str())) {
                    store::put_off(tx, lease, job.id, job.claim, now_ms.saturating_add(PUT_OFF_MS)).await?;
                } else if batch.jobs.len() >= free && job.attempt >= job.max_attempts {
                    store::hand_back(tx, lease, job.id, job.claim).await?;
                    (batch.more, batch.last_ones) = (true, true);
                } else {
                    batch.jobs.push(job);
                }
            }
            Ok::<_, StoreError>(batch)
        })
        .await?;
    jobs.changed();
    Ok(batch)
}

async fn hand_back(jobs: &Jobs, unstarted: Vec<Claimed>) {
    if unstarted.is_empty() {
        return;
    }
    let lease = jobs.0.lease;
    let given: Result<(), StoreError> = jobs
        .0
        .store
        .write(async move |tx| {
            for job in &unstarted {
                store::hand_back(tx, lease, job.id, job.claim).await?;
            }
            Ok(())
        })
        .await;
    match given {
        Ok(()) => jobs.changed(),
        Err(error) => {
            tracing::warn!(error = %kernel::problem::chain(&error), "claimed jobs stay claimed until they are rescued");
        }
    }
}

async fn execute(jobs: Jobs, kind: Kind, handler: Handler, job: Arc<Claimed>, slot: Slot) {
    let completed = Arc::new(AtomicBool::new(false));
    let run = Run { jobs: jobs.clone(), job: job.clone(), completed: completed.clone() };
    let trace_id = job.trace.as_deref().unwrap_or_default();
    let span = tracing::info_span!("job", id = job.id, kind = kind.name, attempt = job.attempt, trace_id);
    let waited_ms = jobs.0.clock.now_ms().saturating_sub(job.run_at_ms);
    metrics::histogram!("jobs_wait_seconds", "queue" => kind.queue).record(waited_ms.max(0) as f64 / 1000.0);
    let started = Instant::now();
    // The handler is called, and after a time-out dropped, inside the guarded future: a panic there is caught as well.
    let longest = Duration::from_millis(kind.timeout_ms);
    let attempt = async move { tokio::time::timeout(longest, async move { handler(run).await }).await };
    let outcome = match AssertUnwindSafe(attempt).catch_unwind().instrument(span.clone()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(Failure::Retry(format!("took longer than {} ms", kind.timeout_ms))),
        Err(panic) => Err(Failure::Retry(format!("panicked: {}", panic_words(panic.as_ref())))),
    };
    let took = started.elapsed().as_secs_f64();
    metrics::histogram!("jobs_run_seconds", "kind" => kind.name).record(took);
    let settlement = span.in_scope(|| judge(&jobs.0, &kind, &job, outcome, completed.load(Ordering::Acquire)));
    if let (Some(settlement), Some(served)) = (settlement, jobs.0.served.get()) {
        // The settler outlives the runs; were it gone, the job would be rescued as crashed.
        let _ = served.settle.send(ToSettle::Outcome(settlement)).await;
    }
    // Only now: outcomes that wait for a slow store hold their slots, so that no more than these can gather.
    drop(slot);
}

/// What an attempt's end means for the job; `None` when it is settled already, or is no longer ours to settle.
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
            count("completed", kind);
            return None;
        }
        Ok(()) => (Outcome::Complete, None),
        Err(Failure::Lost) => {
            count("lost", kind);
            tracing::warn!("the job was given to another worker; this attempt's outcome is refused");
            return None;
        }
        Err(Failure::Discard(error)) => (Outcome::Discard, Some(error)),
        Err(Failure::Retry(error)) => {
            (state::after_failure(job.attempt, job.max_attempts, now_ms, engine.entropy.unit()), Some(error))
        }
        Err(Failure::RetryAt(_, error)) if job.attempt >= job.max_attempts => (Outcome::Discard, Some(error)),
        Err(Failure::RetryAt(at_ms, error)) => (Outcome::RetryAt(at_ms), Some(error)),
    };
    let word = match outcome {
        Outcome::Complete => "completed",
        Outcome::RetryAt(_) => "retried",
        Outcome::Discard => "discarded",
    };
    count(word, kind);
    if let Some(error) = &error {
        tracing::warn!(error, outcome = word, "attempt failed");
    }
    Some(Settlement { id: job.id, claim: job.claim, outcome, errors: with_error(job, error, now_ms) })
}

fn count(outcome: &'static str, kind: &Kind) {
    metrics::counter!("jobs_total", "kind" => kind.name, "outcome" => outcome).increment(1);
}

/// The last [`limits::JOB_ATTEMPTS`] errors are kept, however many attempts a kind allows.
fn with_error(job: &Claimed, error: Option<String>, now_ms: i64) -> String {
    let Some(mut message) = error else { return job.errors.clone() };
    message.truncate(message.floor_char_boundary(limits::JOB_ERROR_BYTES));
    let mut errors: Vec<serde_json::Value> = serde_json::from_str(&job.errors).unwrap_or_default();
    errors.drain(..(errors.len() + 1).saturating_sub(limits::JOB_ATTEMPTS as usize));
    errors.push(serde_json::json!({ "attempt": job.attempt, "at_ms": now_ms, "message": message }));
    serde_json::Value::from(errors).to_string()
}

fn panic_words(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}
