//! The bounded queue between publishers and the one task that serves a connection.

use std::collections::VecDeque;
use std::task::Waker;

use futures_util::task::AtomicWaker;
use parking_lot::{Mutex, MutexGuard};

use crate::codes::Disconnect;

/// Room that an idle queue keeps, entries.
const IDLE_ENTRIES: usize = 4;

/// Appending never waits; taking is for the one task whose waker is registered.
pub(crate) struct Outbox<T> {
    state: Mutex<State<T>>,
    waker: AtomicWaker,
    bound_bytes: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// Of what waits and of what was taken and is not yet written.
    bytes: usize,
    closing: Option<Disconnect>,
    /// The end does not wait for anything to be written.
    at_once: bool,
}

impl<T> Outbox<T> {
    pub(crate) fn new(bound_bytes: usize) -> Self {
        let state = State { waiting: VecDeque::new(), bytes: 0, closing: None, at_once: false };
        Self { state: Mutex::new(state), waker: AtomicWaker::new(), bound_bytes }
    }

    /// Appends what others publish. Over the bound the queue is given up and the connection closed; a single item is
    /// let through whatever its size, so that a big publication does not bar its channel for good.
    pub(crate) fn push(&self, item: T, bytes: usize) {
        if let Some(waker) = self.post(item, bytes) {
            waker.wake();
        }
    }

    /// As [`Outbox::push`]; whoever calls wakes the task, if there is one to wake.
    #[must_use]
    pub(crate) fn post(&self, item: T, bytes: usize) -> Option<Waker> {
        let mut state = self.state.lock();
        if state.closing.is_some() {
            return None;
        }
        if state.bytes > 0 && state.bytes + bytes > self.bound_bytes {
            state.waiting = VecDeque::new();
            state.closing = Some(Disconnect::SLOW);
            state.at_once = true;
            drop(state);
            return self.waker.take();
        }
        self.append(state, item, bytes)
    }

    /// Appends the answer to a request of the client: always has room, because requests wait for [`Outbox::has_room`].
    pub(crate) fn answer(&self, item: T, bytes: usize) {
        let state = self.state.lock();
        if state.closing.is_none()
            && let Some(waker) = self.append(state, item, bytes)
        {
            waker.wake();
        }
    }

    fn append(&self, mut state: MutexGuard<'_, State<T>>, item: T, bytes: usize) -> Option<Waker> {
        let was_empty = state.waiting.is_empty();
        state.bytes += bytes;
        state.waiting.push_back(item);
        drop(state);
        if was_empty { self.waker.take() } else { None }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.state.lock().bytes < self.bound_bytes
    }

    /// Ends the connection after what waits already; the first reason stands.
    pub(crate) fn close(&self, why: Disconnect) {
        self.state.lock().closing.get_or_insert(why);
        self.waker.wake();
    }

    /// Ends the connection without what waits: its right to hear it has ended.
    pub(crate) fn cut(&self, why: Disconnect) {
        let mut state = self.state.lock();
        state.closing.get_or_insert(why);
        state.at_once = true;
        state.waiting = VecDeque::new();
        drop(state);
        self.waker.wake();
    }

    /// Why what is not yet written is given up, if it is: nobody took it, or the right to it has ended.
    pub(crate) fn given_up(&self) -> Option<Disconnect> {
        let state = self.state.lock();
        state.closing.filter(|_| state.at_once)
    }

    /// Why the connection ends, once it is to.
    pub(crate) fn closing(&self) -> Option<Disconnect> {
        self.state.lock().closing
    }

    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Swaps everything that waits into the empty `taken`. `written` bytes of what was taken before are off the account.
    /// Returns the reason to close, once there is one.
    pub(crate) fn take(&self, taken: &mut VecDeque<T>, written: usize) -> Option<Disconnect> {
        debug_assert!(taken.is_empty());
        if taken.capacity() > IDLE_ENTRIES {
            *taken = VecDeque::new();
        }
        let mut state = self.state.lock();
        state.bytes = state.bytes.saturating_sub(written);
        if !state.waiting.is_empty() {
            std::mem::swap(&mut state.waiting, taken);
        }
        state.closing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_the_bound_the_queue_is_given_up() {
        let outbox = Outbox::new(10);
        let mut taken = VecDeque::new();
        outbox.push(1, 50);
        assert_eq!(outbox.take(&mut taken, 0), None);
        assert_eq!(taken, [1], "a single one passes");
        outbox.push(2, 1);
        taken.clear();
        assert_eq!(outbox.take(&mut taken, 50), Some(Disconnect::SLOW), "what is taken counts until it is written");
        assert!(taken.is_empty());
        outbox.close(Disconnect::SHUTDOWN);
        outbox.answer(3, 1);
        assert_eq!(outbox.take(&mut taken, 0), Some(Disconnect::SLOW), "the first reason stands");
        assert!(taken.is_empty());
    }

    #[test]
    fn a_cut_takes_back_what_waits() {
        let outbox = Outbox::new(10);
        let mut taken = VecDeque::new();
        outbox.push(1, 5);
        outbox.cut(Disconnect::FORCED);
        outbox.answer(2, 1);
        assert_eq!(outbox.take(&mut taken, 0), Some(Disconnect::FORCED));
        assert!(taken.is_empty() && outbox.given_up() == Some(Disconnect::FORCED));
        let leaving = Outbox::<u8>::new(10);
        leaving.close(Disconnect::SHUTDOWN);
        assert_eq!(leaving.given_up(), None, "an orderly end writes what waits");
        leaving.cut(Disconnect::FORCED);
        assert_eq!(leaving.given_up(), Some(Disconnect::SHUTDOWN), "the first reason stands");
    }

    #[test]
    fn answers_always_have_room_and_requests_wait() {
        let outbox = Outbox::new(10);
        outbox.answer("a", 9);
        assert!(outbox.has_room());
        outbox.answer("b", 9);
        assert!(!outbox.has_room());
        let mut taken = VecDeque::new();
        assert_eq!(outbox.take(&mut taken, 0), None);
        taken.clear();
        outbox.take(&mut taken, 18);
        assert!(outbox.has_room());
    }
}
