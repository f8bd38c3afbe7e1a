//! The bounded queue between publishers and the one task that serves a connection.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use futures_util::task::AtomicWaker;
use parking_lot::{Mutex, MutexGuard};

use crate::broadcast::Broadcast;
use crate::codes::Disconnect;
use crate::slow::Slow;

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
    /// Of what waits, the publications that may be given up.
    loose: Option<Box<Loosened>>,
    /// The task was told that something waits, or will be in a moment.
    told: Told,
    closing: Option<Disconnect>,
    /// The end does not wait for anything to be written.
    at_once: bool,
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
    /// Somebody wakes it when what waits has waited long enough.
    Soon,
    Woken,
}

/// What became of a publication.
pub(crate) enum Posted {
    /// With the task that has to be woken for it. Whatever the queue's policy, nothing is to be done for it any more.
    Now(Option<Waker>),
    /// It waits; whoever calls wakes the connection when its time has come.
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
            state.give_up();
            drop(state);
            return self.waker.take();
        }
        self.append(state, item, bytes)
    }

    /// Appends a publication. Where there is no room its manner says what becomes of it.
    pub(crate) fn publish(&self, item: T, bytes: usize, of: &Arc<Broadcast>) -> Posted {
        let mut state = self.state.lock();
        if state.closing.is_some() {
            return Posted::Now(None);
        }
        let slow = of.manner.slow;
        if state.bytes > 0 && state.bytes + bytes > self.bound_bytes {
            metrics::counter!("realtime_slow_total", "policy" => slow.name()).increment(1);
            match slow {
                Slow::Drop => return Posted::Now(None),
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
                drop(state);
                return Posted::Now(self.waker.take());
            }
        }
        if matches!(slow, Slow::Recover | Slow::Conflate(_)) {
            let at = state.waiting.len();
            state.loose.get_or_insert_default().all.push(Loose { at, bytes, of: of.clone() });
        }
        if of.manner.delay_ms == 0 {
            return Posted::Now(self.append(state, item, bytes));
        }
        state.bytes += bytes;
        state.waiting.push_back(item);
        if state.told != Told::Nothing {
            return Posted::Now(None);
        }
        state.told = Told::Soon;
        Posted::Later
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
        state.bytes += bytes;
        state.waiting.push_back(item);
        let before = std::mem::replace(&mut state.told, Told::Woken);
        drop(state);
        if before == Told::Woken { None } else { self.waker.take() }
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
        self.state.lock().closing.get_or_insert(why);
        self.waker.wake();
    }

    /// Ends the connection without what waits: its right to hear it has ended.
    pub(crate) fn cut(&self, why: Disconnect) {
        let mut state = self.state.lock();
        state.closing.get_or_insert(why);
        state.at_once = true;
        (state.waiting, state.loose) = Default::default();
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
        (state.loose, state.told) = (None, Told::Nothing);
        if !state.waiting.is_empty() {
            std::mem::swap(&mut state.waiting, taken);
        }
        state.closing
    }
}

impl<T> Default for State<T> {
    fn default() -> Self {
        let (waiting, loose) = Default::default();
        Self { waiting, bytes: 0, loose, told: Told::Nothing, closing: None, at_once: false }
    }
}

impl<T> State<T> {
    /// The client is too slow for what it asked for.
    fn give_up(&mut self) {
        (self.waiting, self.loose) = Default::default();
        self.closing = Some(Disconnect::SLOW);
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
mod tests {
    use bus::Publication;
    use bytes::Bytes;

    use super::*;
    use crate::slow::Manner;

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

    fn of(channel: &str, data: &'static str, manner: Manner) -> Arc<Broadcast> {
        let publication = Publication {
            offset: 0,
            epoch: "".into(),
            time_ms: 0,
            data: Bytes::from_static(data.as_bytes()),
            info: None,
        };
        Broadcast::new(channel.into(), Arc::new(publication), manner)
    }

    fn slow(slow: Slow) -> Manner {
        Manner { slow, delay_ms: 0 }
    }

    fn taken<T: Copy>(outbox: &Outbox<T>) -> Vec<T> {
        let mut taken = VecDeque::new();
        outbox.take(&mut taken, 0);
        taken.into()
    }

    #[test]
    fn what_waits_of_a_channel_is_given_up_and_nothing_else() {
        let outbox = Outbox::new(10);
        let (a, b) = (of("r:a", "1", slow(Slow::Recover)), of("r:b", "1", slow(Slow::Recover)));
        for (n, it) in [(1, &a), (2, &b), (3, &a)] {
            assert!(matches!(outbox.publish(n, 3, it), Posted::Now(_)));
        }
        outbox.answer(4, 1);
        assert!(matches!(outbox.publish(5, 3, &a), Posted::Lost));
        assert!(matches!(outbox.publish(6, 3, &b), Posted::Now(_)), "there is room again");
        assert!(matches!(outbox.publish(7, 9, &b), Posted::Lost));
        assert_eq!((taken(&outbox), outbox.closing()), (vec![4], None));
    }

    #[test]
    fn the_latest_of_each_replaces_what_waits_of_it() {
        let outbox = Outbox::new(10);
        let by = slow(Slow::Conflate(Some("k")));
        let (one, two) = (of("c:a", r#"{"k":1}"#, by), of("c:a", r#"{"k":2}"#, by));
        let other = of("c:b", r#"{"k":1}"#, by);
        for (n, it) in [(1, &one), (2, &two), (3, &other), (4, &one), (5, &two)] {
            assert!(matches!(outbox.publish(n, 3, it), Posted::Now(_)));
        }
        assert_eq!(taken(&outbox), [3, 4, 5]);
        // Those are being written still, and as much again may wait.
        for n in 6..100 {
            assert!(matches!(outbox.publish(n, 3, &one), Posted::Now(_)));
        }
        assert_eq!((taken(&outbox), outbox.closing()), (vec![99], None));
        outbox.publish(100, 8, &one);
        outbox.publish(101, 8, &two);
        assert_eq!(outbox.given_up(), Some(Disconnect::SLOW), "even the latest is too much");
    }

    #[test]
    fn what_does_not_fit_is_dropped() {
        let outbox = Outbox::new(10);
        let it = of("d:a", "1", slow(Slow::Drop));
        for n in 0..100 {
            assert!(matches!(outbox.publish(n, 4, &it), Posted::Now(_)));
        }
        assert_eq!((taken(&outbox), outbox.closing()), (vec![0, 1], None));
    }

    #[test]
    fn what_may_wait_is_told_once_and_what_may_not_takes_it_along() {
        let outbox = Outbox::new(100);
        let late = of("l:a", "1", Manner { delay_ms: 5, ..Manner::default() });
        assert!(matches!(outbox.publish(1, 1, &late), Posted::Later));
        assert!(matches!(outbox.publish(2, 1, &late), Posted::Now(None)));
        outbox.register(Waker::noop());
        assert!(outbox.post(3, 1).is_some(), "this one does not wait");
        assert_eq!(taken(&outbox), [1, 2, 3]);
        assert!(matches!(outbox.publish(4, 1, &late), Posted::Later));
    }
}
