//! Where jobs wait, as this process remembers it: one memory a queue, for its own loop and for workers over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use ::store::StoreError;
use kernel::limits;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::claim::{Look, Place, Seen, Shut, Turns};
use crate::store::{self, Effects, Ready};
use crate::{Jobs, fleet};

/// Between two looks through the table that nothing asked for, milliseconds: hints may be lost, the table is the truth.
pub(crate) const POLL_MS: i64 = 5_000;
/// While what is dead cannot be removed, a look through the table takes as long as there is of it. Those that nothing asked for begin
/// so many times what the last one took after it, or [`POLL_MAX_MS`].
const LOOKS_SHARE: u32 = 20;
/// A database that was slow for a minute must not keep a lost hint from being found for twenty, milliseconds.
const POLL_MAX_MS: i64 = 60_000;
/// Lanes read in one look through the table.
const LANES_READ: usize = 200;

pub(crate) struct Waiting {
    pub(crate) name: String,
    pub(crate) turns: Mutex<Turns>,
    /// For the queue's own loop.
    pub(crate) wake: Notify,
    /// For workers over HTTP.
    pub(crate) knock: Notify,
    /// When it was last looked through because time had passed, Unix milliseconds.
    doubted_ms: AtomicI64,
    /// From one look that nothing asked for to the next, milliseconds.
    poll_ms: AtomicI64,
}

impl Waiting {
    fn new(name: String) -> Self {
        Self {
            name,
            turns: Mutex::new(Turns::new()),
            wake: Notify::new(),
            knock: Notify::new(),
            doubted_ms: AtomicI64::new(0),
            poll_ms: AtomicI64::new(POLL_MS),
        }
    }

    fn woken(&self) {
        self.wake.notify_one();
        self.knock.notify_waiters();
    }

    pub(crate) fn doubt(&self) {
        self.turns.lock().doubt();
        self.woken();
    }

    /// For a queue that has no loop here: whoever asks looks through it now and then.
    pub(crate) fn doubt_by_age(&self, now_ms: i64) {
        if self.doubted_ms.load(Ordering::Relaxed).abs_diff(now_ms)
            >= self.poll_ms.load(Ordering::Relaxed).unsigned_abs()
        {
            self.doubted_ms.store(now_ms, Ordering::Relaxed);
            self.turns.lock().doubt();
        }
    }

    /// From one look that nothing asked for to the next.
    pub(crate) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms.load(Ordering::Relaxed).unsigned_abs())
    }

    pub(crate) fn give_back(&self, look: Look, seen: Vec<Seen>, shut: Option<Shut>) {
        self.turns.lock().give_back(look, seen, shut);
        self.woken();
    }
}

impl Jobs {
    /// The memory of a queue; `None` when this process remembers [`limits::JOB_QUEUES`] others.
    pub(crate) fn waiting(&self, queue: &str) -> Option<Arc<Waiting>> {
        let mut queues = self.0.queues.lock();
        if let Some(waiting) = queues.get(queue) {
            return Some(waiting.clone());
        }
        if queues.len() >= limits::JOB_QUEUES {
            return None;
        }
        let waiting = Arc::new(Waiting::new(queue.to_owned()));
        queues.insert(queue.to_owned(), waiting.clone());
        Some(waiting)
    }

    /// A job may wait there now.
    pub(crate) fn came(&self, queue: &str, place: Place) {
        let Some(waiting) = self.0.queues.lock().get(queue).cloned() else { return };
        waiting.turns.lock().came(place);
        waiting.woken();
    }

    /// A job of this key has ended, or been handed back: there may be room under a limit.
    pub(crate) fn job_ended(&self, queue: &str, key: &str) {
        if self.0.policies.read().of(queue).counts() {
            self.hint(fleet::ROOM);
        }
        let Some(waiting) = self.0.queues.lock().get(queue).cloned() else { return };
        if waiting.turns.lock().ended(key) {
            waiting.woken();
        }
    }

    /// Jobs wait in these queues, none says where.
    pub(crate) fn look_into(&self, queues: &[String]) {
        let known = self.0.queues.lock();
        for waiting in queues.iter().filter_map(|queue| known.get(queue)) {
            waiting.turns.lock().hint();
            waiting.woken();
        }
    }

    /// Jobs that a limit counts have ended in other processes.
    pub(crate) fn ended_elsewhere(&self) {
        for waiting in self.0.queues.lock().values() {
            if waiting.turns.lock().ended_elsewhere() {
                waiting.woken();
            }
        }
    }

    pub(crate) fn doubt_all(&self) {
        self.0.queues.lock().values().for_each(|waiting| waiting.doubt());
    }

    /// Tells the engine what a committed transaction did.
    pub(crate) fn apply(&self, effects: Effects) {
        if !effects.ready.is_empty() {
            self.hint(fleet::READY);
        }
        for Ready { queue, place } in effects.ready {
            self.came(&queue, place);
        }
        if let Some(due_ms) = effects.due_ms {
            self.due_at(due_ms);
        }
        for id in effects.stop {
            if !self.stop_running(id) {
                self.hint(fleet::CONTROL);
            }
        }
        if effects.loose {
            self.0.upkeep.notify_one();
            self.hint(fleet::CONTROL);
        }
        self.changed();
    }

    /// Reads where jobs wait, if not all of it may be known.
    pub(crate) async fn look_through(&self, waiting: &Waiting) -> Result<(), StoreError> {
        if !waiting.turns.lock().take_stale() {
            return Ok(());
        }
        let (began, mut last) = (Instant::now(), None);
        loop {
            let (queue, after) = (waiting.name.clone(), last.take());
            let read = self.0.store.read(async move |tx| store::places(tx, &queue, after, LANES_READ).await).await;
            let places = read?;
            last = places.last().map(|place| place.lane.clone());
            let whole = places.len() < LANES_READ;
            let mut turns = waiting.turns.lock();
            places.into_iter().for_each(|place| turns.came(place));
            if whole || turns.is_crowded() {
                let poll_ms: i64 = (began.elapsed() * LOOKS_SHARE).as_millis().try_into().unwrap_or(i64::MAX);
                waiting.poll_ms.store(poll_ms.clamp(POLL_MS, POLL_MAX_MS), Ordering::Relaxed);
                return Ok(());
            }
        }
    }
}
