//! The bounded queue between publishers and a connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

use crate::broadcast::Broadcast;
use crate::codes::Disconnect;
use crate::slow::Slow;

/// Room that an idle queue keeps, entries.
pub(crate) const IDLE_ENTRIES: usize = 4;

/// Appending never waits; taking is for one at a time: the task whose waker is registered, or who holds the connection's line.
pub(crate) struct Outbox<T> {
    state: Mutex<State<T>>,
    waker: AtomicWaker,
    bound_bytes: usize,
}

struct State<T> {
    waiting: VecDeque<T>,
    /// Of what waits and of what was taken and is not yet written.
    bytes: usize,
    /// Of what waits, the publications that may be given up.
    loose: Option<Box<Loosened>>,
    /// Whether somebody sees to what waits.
    told: Told,
    /// Apart as well.
    closing: Option<Box<Closing>>,
    /// The end does not wait for anything to be written.
    at_once: bool,
}

/// Why a connection ends.
struct Closing {
    why: Disconnect,
    /// What is said in place of the reason's own words.
    words: Option<Box<str>>,
}

/// Apart, because a queue of most connections never has any.
#[derive(Default)]
struct Loosened {
    all: Vec<Loose>,
}

/// A publication that waits and may be given up.
struct Loose {
    /// Its place in the queue.
    at: usize,
    bytes: usize,
    of: Arc<Broadcast>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Nothing,
    /// Somebody sees to it when it has waited long enough.
    Soon,
    Woken,
}

/// What became of a publication.
pub(crate) enum Posted {
    /// Whatever the queue's policy, nothing is to be done for it any more.
    Done,
    /// It waits; whoever calls sees that it is written.
    Now,
    /// The same, when its time has come.
    Later,
    /// It was given up with the others of its channel: the subscription has to begin anew.
    Lost,
}

impl<T> Outbox<T> {
    pub(crate) fn new(bound_bytes: usize) -> Self {
        let state = State::default();
        Self { state: Mutex::new(state), waker: AtomicWaker::new(), bound_bytes }
    }

    /// Appends what others publish. Over the bound the queue is given up and the connection closed; a single item is
    /// let through whatever its size, so that a big publication does not bar its channel for good.
    pub(crate) fn push(&self, item: T, bytes: usize) {
        if self.post(item, bytes) {
            self.waker.wake();
        }
    }

    /// As [`Outbox::push`]; whether whoever calls has to see that it is written.
    #[must_use]
    pub(crate) fn post(&self, item: T, bytes: usize) -> bool {
        let mut state = self.state.lock();
        if state.closing.is_some() {
            return false;
        }
        if state.bytes > 0 && state.bytes + bytes > self.bound_bytes {
            state.give_up();
            return true;
        }
        state.append(item, bytes)
    }

    /// Appends a publication. Where there is no room its manner says what becomes of it.
    pub(crate) fn publish(&self, item: T, bytes: usize, of: &Arc<Broadcast>) -> Posted {
        let mut state = self.state.lock();
        if state.closing.is_some() {
            return Posted::Done;
        }
        let slow = of.manner.slow;
        if state.bytes > 0 && state.bytes + bytes > self.bound_bytes {
            metrics::counter!("realtime_slow_total", "policy" => slow.name()).increment(1);
            match slow {
                Slow::Drop => return Posted::Done,
                Slow::Recover => {
                    state.let_go(|other| other.channel() == of.channel());
                    return Posted::Lost;
                }
                Slow::Conflate(by) => state.let_go(|other| of.replaces(other, by)),
                Slow::Disconnect => {}
            }
            // What is being written cannot be taken back: as much again may wait, where it is only the latest.
            let fits = matches!(slow, Slow::Conflate(_)) && state.loose_bytes() + bytes <= self.bound_bytes;
            if !fits {
                state.give_up();
                return Posted::Now;
            }
        }
        if matches!(slow, Slow::Recover | Slow::Conflate(_)) {
            let at = state.waiting.len();
            state.loose.get_or_insert_default().all.push(Loose { at, bytes, of: of.clone() });
        }
        if of.manner.delay_ms == 0 {
            return if state.append(item, bytes) { Posted::Now } else { Posted::Done };
        }
        state.bytes += bytes;
        state.waiting.push_back(item);
        if state.told != Told::Nothing {
            return Posted::Done;
        }
        state.told = Told::Soon;
        Posted::Later
    }

    /// Appends the answer to a request of the client: always has room, because requests wait for [`Outbox::has_room`].
    pub(crate) fn answer(&self, item: T, bytes: usize) {
        let mut state = self.state.lock();
        if state.closing.is_none() && state.append(item, bytes) {
            drop(state);
            self.waker.wake();
        }
    }

    pub(crate) fn has_room(&self) -> bool {
        self.room() > 0
    }

    /// Bytes that may still wait.
    pub(crate) fn room(&self) -> usize {
        self.bound_bytes.saturating_sub(self.state.lock().bytes)
    }

    /// Ends the connection after what waits already; the first reason stands.
    pub(crate) fn close(&self, why: Disconnect) {
        self.end(why, None, false);
    }

    /// Ends the connection without what waits: its right to hear it has ended.
    pub(crate) fn cut(&self, why: Disconnect) {
        self.end(why, None, true);
    }

    /// As [`Outbox::cut`] where it is to be `at_once`, else as [`Outbox::close`], with these words.
    pub(crate) fn end(&self, why: Disconnect, words: Option<&str>, at_once: bool) {
        let mut state = self.state.lock();
        state.closing.get_or_insert_with(|| Box::new(Closing { why, words: words.map(Into::into) }));
        if at_once {
            state.at_once = true;
            (state.waiting, state.loose) = Default::default();
        }
        drop(state);
        self.waker.wake();
    }

    /// What is said of the end in place of its reason's own words, if anything.
    pub(crate) fn words(&self) -> Option<Box<str>> {
        self.state.lock().closing.as_ref()?.words.clone()
    }

    /// Why what is not yet written is given up, if it is: nobody took it, or the right to it has ended.
    pub(crate) fn given_up(&self) -> Option<Disconnect> {
        let state = self.state.lock();
        state.why().filter(|_| state.at_once)
    }

    /// Why the connection ends, once it is to.
    pub(crate) fn closing(&self) -> Option<Disconnect> {
        self.state.lock().why()
    }

    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// `written` bytes of what was taken are off the account. Whether there was no room before.
    pub(crate) fn wrote(&self, written: usize) -> bool {
        let mut state = self.state.lock();
        let was_full = state.bytes >= self.bound_bytes;
        state.bytes = state.bytes.saturating_sub(written);
        was_full
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
        (state.loose, state.told) = (None, Told::Nothing);
        if !state.waiting.is_empty() {
            std::mem::swap(&mut state.waiting, taken);
        }
        state.why()
    }
}

impl<T> Default for State<T> {
    fn default() -> Self {
        let (waiting, loose) = Default::default();
        Self { waiting, bytes: 0, loose, told: Told::Nothing, closing: None, at_once: false }
    }
}

impl<T> State<T> {
    fn why(&self) -> Option<Disconnect> {
        self.closing.as_ref().map(|closing| closing.why)
    }

    /// Whether nobody was told yet.
    fn append(&mut self, item: T, bytes: usize) -> bool {
        self.bytes += bytes;
        self.waiting.push_back(item);
        std::mem::replace(&mut self.told, Told::Woken) != Told::Woken
    }

    /// The client is too slow for what it asked for.
    fn give_up(&mut self) {
        (self.waiting, self.loose) = Default::default();
        self.closing = Some(Box::new(Closing { why: Disconnect::SLOW, words: None }));
        self.at_once = true;
    }

    /// Of publications that may be given up.
    fn loose_bytes(&self) -> usize {
        self.loose.iter().flat_map(|loose| &loose.all).map(|loose| loose.bytes).sum()
    }

    /// Gives up what waits and `goes`.
    fn let_go(&mut self, goes: impl Fn(&Broadcast) -> bool) {
        let Some(loose) = self.loose.take() else { return };
        let (gone, mut kept): (Vec<_>, Vec<_>) = loose.all.into_iter().partition(|loose| goes(&loose.of));
        let mut at = 0;
        let mut next = gone.iter().map(|loose| loose.at).peekable();
        self.waiting.retain(|_| {
            let stays = next.next_if_eq(&at).is_none();
            at += 1;
            stays
        });
        self.bytes -= gone.iter().map(|loose| loose.bytes).sum::<usize>();
        let mut before = gone.iter().map(|loose| loose.at).peekable();
        let mut fewer = 0;
        for loose in &mut kept {
            while before.next_if(|at| *at < loose.at).is_some() {
                fewer += 1;
            }
            loose.at -= fewer;
        }
        self.loose = (!kept.is_empty()).then(|| Box::new(Loosened { all: kept }));
    }
}

#[cfg(test)]
mod tests;
