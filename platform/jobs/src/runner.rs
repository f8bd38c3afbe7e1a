//! Runs jobs: one loop a queue, woken by commits, by freed slots and by a timer.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ::store::StoreError;
use futures_util::FutureExt;
use futures_util::future::{Fuse, FusedFuture};
use kernel::limits;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::claim::{self, Ask, Lane};
use crate::execute::Attempt;
use crate::store::{self, Effects};
use crate::waiting::{POLL_MS, Waiting};
use crate::{Engine, Jobs};

const POLL: Duration = Duration::from_millis(POLL_MS as u64);
/// A batch that is through within this time is followed by one of twice the size.
const SHORT: Duration = Duration::from_millis(20);
/// Pause before a failed claim is tried again.
const AGAIN: Duration = Duration::from_secs(1);

/// A queue as this process serves it.
pub(crate) struct Queue {
    pub(crate) waiting: Arc<Waiting>,
    slots: Arc<Semaphore>,
    concurrency: usize,
    /// Whether the loop is claiming, or has claimed what waits for a slot. Then newcomers queue up behind.
    behind: AtomicBool,
}

impl Queue {
    pub(crate) fn new(waiting: Arc<Waiting>, concurrency: usize) -> Self {
        let slots = Arc::new(Semaphore::new(concurrency));
        Self { waiting, slots, concurrency, behind: AtomicBool::new(false) }
    }

    fn slot(self: &Arc<Self>, engine: &Engine) -> Option<Slot> {
        let counted = engine.tasks.token();
        let fence = engine.fence()?;
        let permit = self.slots.clone().try_acquire_owned().ok()?;
        Some(Slot { queue: self.clone(), fence, permit: Some(permit), _counted: counted })
    }
}

/// A place to run, taken before the job exists. Whichever way it is given back, the queue's loop hears of it, and the
/// engine does not end before.
pub(crate) struct Slot {
    queue: Arc<Queue>,
    /// Of the time when it was taken.
    pub(crate) fence: CancellationToken,
    permit: Option<OwnedSemaphorePermit>,
    _counted: TaskTrackerToken,
}

impl Drop for Slot {
    fn drop(&mut self) {
        // First the place, then the word: the other way round the loop might look too early and sleep.
        self.permit.take();
        self.queue.waiting.wake.notify_one();
    }
}

impl Jobs {
    /// A slot for a job that is about to be inserted, unless others wait in front of it or limits must be asked.
    pub(crate) fn free_slot(&self, queue: &str, kind: &str) -> Option<Slot> {
        let served = self.0.served.get()?;
        let queue_here = served.queues.get(queue)?;
        if queue_here.behind.load(Ordering::Acquire) || !served.kinds.contains_key(kind) {
            return None;
        }
        let waits = |lane: &Lane| served.kinds.contains_key(lane.kind.as_str());
        if queue_here.waiting.turns.lock().anybody(waits) || !self.0.policies.read().is_free(queue, kind) {
            return None;
        }
        // Counted first and asked afterwards: a stop that this does not see yet waits for the slot.
        let slot = queue_here.slot(&self.0)?;
        (!self.0.stop.is_cancelled()).then_some(slot)
    }
}

/// Serves one queue until the engine stops, then gives back what it never started.
pub(crate) async fn serve(jobs: Jobs, queue: Arc<Queue>) {
    let engine = &jobs.0;
    let usual = (queue.concurrency * 2).min(limits::JOB_CLAIM_BATCH);
    let (mut want, mut looked) = (usual, Instant::now());
    let mut waiting: VecDeque<Attempt> = VecDeque::new();
    let mut only_free = false;
    let mut claiming = pin!(Fuse::terminated());
    // Beside the claims: it passes what is dead, which may be much of it.
    let mut looking = pin!(Fuse::terminated());
    let mut poll = tokio::time::interval(POLL);
    poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let serves = |lane: &Lane| jobs.kind(&lane.kind).is_some();
    while !engine.stop.is_cancelled() {
        start_some(&jobs, &queue, &mut waiting);
        // The next batch is claimed while this one still runs, so that slots never wait for the store.
        let idle = claiming.is_terminated();
        let free = queue.slots.available_permits().saturating_sub(waiting.len());
        let room = if only_free { free > 0 } else { waiting.len() * 2 < want };
        queue.behind.store(true, Ordering::Release);
        let fence = engine.fence();
        let look = idle && room && fence.is_some() && queue.waiting.turns.lock().ready(engine.clock.now_ms(), serves);
        if looking.is_terminated() && fence.is_some() && queue.waiting.turns.lock().wants_look() {
            looking.set(jobs.look_through(&queue.waiting).fuse());
        }
        let knows = looking.is_terminated();
        queue.behind.store(look || !idle || !knows || !waiting.is_empty(), Ordering::Release);
        if let Some(fence) = fence.filter(|_| look) {
            // Jobs so short that the last batch is through already: fewer and larger batches cost the store less. Long ones are
            // not hoarded, another process may have slots for them.
            want = if looked.elapsed() < SHORT { (want * 2).min(limits::JOB_CLAIM_BATCH) } else { usual };
            looked = Instant::now();
            claiming.set(take(&jobs, &queue, want, free, fence).fuse());
        }
        let nap = queue.waiting.turns.lock().next_ms().map_or(POLL, |at_ms| {
            Duration::from_millis(at_ms.saturating_sub(engine.clock.now_ms()).max(1) as u64).min(POLL)
        });
        tokio::select! {
            claimed = &mut claiming, if !claiming.is_terminated() => match claimed {
                Ok(batch) => {
                    only_free = batch.only_free;
                    waiting.extend(batch.attempts);
                }
                Err(error) => {
                    failed(&queue, &error, "claiming");
                    // What was taken out of the turns is found again by looking through the table; and so is what may have been
                    // claimed, if the connection broke at the commit.
                    poll.reset_after(AGAIN);
                    engine.doubted.notify_one();
                }
            },
            looked = &mut looking, if !knows => if let Err(error) = looked {
                failed(&queue, &error, "looking for waiting jobs");
                poll.reset_after(AGAIN);
            },
            () = queue.waiting.wake.notified() => {}
            _ = poll.tick() => {
                queue.waiting.doubt();
                poll.reset_after(queue.waiting.poll());
            }
            () = tokio::time::sleep(nap), if idle && !look => {}
            () = engine.stop.cancelled() => {}
        }
    }
    if !claiming.is_terminated()
        && let Ok(batch) = claiming.await
    {
        waiting.extend(batch.attempts);
    }
    jobs.hand_back(waiting.into()).await;
}

fn failed(queue: &Queue, error: &StoreError, what: &'static str) {
    let (queue, error) = (&queue.waiting.name, kernel::problem::chain(error));
    tracing::warn!(queue, %error, "{what} failed");
}

/// Starts what waits for a slot, as far as there are free ones.
fn start_some(jobs: &Jobs, queue: &Arc<Queue>, waiting: &mut VecDeque<Attempt>) {
    // Claimed before the lease was away for a while: they may be others' by now.
    let mut stale = Vec::new();
    while !waiting.is_empty() {
        let Some(slot) = queue.slot(&jobs.0) else { break };
        match waiting.pop_front() {
            Some(attempt) if attempt.fence.is_cancelled() => stale.push(attempt),
            Some(attempt) => jobs.start(attempt, slot),
            None => {}
        }
    }
    if !stale.is_empty() {
        let own = jobs.clone();
        jobs.0.tasks.spawn(async move { own.hand_back(stale).await });
    }
}

/// What a look at the table brought.
struct Batch {
    attempts: Vec<Attempt>,
    /// Whether some are left in the table because they must not wait here for a slot.
    only_free: bool,
}

/// Claims from the lanes whose turn it is. In the same transaction, jobs at their last attempt that would wait here for a slot (there
/// are `free`) go back: were this process to die, that attempt would be gone though it never began.
async fn take(
    jobs: &Jobs,
    queue: &Queue,
    want: usize,
    free: usize,
    fence: CancellationToken,
) -> Result<Batch, StoreError> {
    let (own, engine, waiting) = (jobs.clone(), &jobs.0, &queue.waiting);
    let serves = |lane: &Lane| jobs.kind(&lane.kind).is_some();
    let mut look = waiting.turns.lock().take(want.min(limits::JOB_LANES_LOOK), serves);
    if look.places.is_empty() {
        return Ok(Batch { attempts: Vec::new(), only_free: false });
    }
    let ask = Ask {
        queue: waiting.name.clone(),
        lease: engine.lease,
        want,
        free,
        now_ms: engine.clock.now_ms(),
        declared: engine.policies.read().declared.get(&waiting.name).copied().unwrap_or_default(),
        places: std::mem::take(&mut look.places),
    };
    let (mut given, places, attempts, only_free) = engine
        .store
        .write_relaxed(async move |tx| {
            let mut given = claim::claim(tx, &ask).await?;
            let (mut kept, mut effects) = (Vec::with_capacity(given.jobs.len()), Effects::default());
            for job in given.jobs.drain(..) {
                if kept.len() >= ask.free && job.attempt >= job.max_attempts {
                    store::hand_back(tx, ask.lease, job.id, job.claim, ask.now_ms, &mut effects).await?;
                    given.only_free = true;
                } else {
                    kept.push(own.attempt(job, fence.clone()));
                }
            }
            let (only_free, registered) = (given.only_free, kept.clone());
            tx.on_commit(move || {
                own.register(&registered);
                own.apply(effects);
            });
            Ok::<_, StoreError>((given, ask.places, kept, only_free))
        })
        .await?;
    look.places = places;
    waiting.give_back(look, std::mem::take(&mut given.seen), given.shut);
    if !attempts.is_empty() {
        jobs.changed();
    }
    Ok(Batch { attempts, only_free })
}
