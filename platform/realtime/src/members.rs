//! Every open connection of the process, and the second that each is looked at next.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use kernel::Entropy;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::broadcast::Broadcast;
use crate::centrifuge::client::Client;
use crate::codes::Disconnect;
use crate::feed::FeedState;

/// Seconds that the wheel can look ahead; more than any interval in use.
const SLOTS: usize = 64;
/// Between two groups that are sent away.
const SLICE: Duration = Duration::from_millis(50);

/// One open connection, as the core sees it.
#[derive(Clone)]
pub(crate) enum Member {
    Socket(Arc<Client>),
    Feed(Arc<FeedState>),
}

impl Member {
    pub(crate) fn id(&self) -> u64 {
        match self {
            Self::Socket(client) => client.id,
            Self::Feed(feed) => feed.id,
        }
    }

    /// Queues the publication. Whoever calls wakes the connection's task.
    #[must_use]
    pub(crate) fn deliver(&self, broadcast: &Arc<Broadcast>) -> Option<Waker> {
        match self {
            Self::Socket(client) => {
                let message = broadcast.message(client.wire);
                client.outbox.post(message.clone(), message.len())
            }
            Self::Feed(feed) => feed.outbox.post(broadcast.clone(), broadcast.weight()),
        }
    }

    pub(crate) fn close(&self, why: Disconnect) {
        match self {
            Self::Socket(client) => client.outbox.close(why),
            Self::Feed(feed) => feed.outbox.close(why),
        }
    }

    /// The member missed a publication of the channel and is no longer subscribed: it must read the history again.
    pub(crate) fn lost(&self, channel: &str) {
        match self {
            Self::Socket(client) => client.lost(channel),
            Self::Feed(feed) => feed.outbox.close(Disconnect::INSUFFICIENT_STATE),
        }
    }

    /// The member may no longer read the channel.
    pub(crate) fn turned_out(&self, channel: &str) {
        match self {
            Self::Socket(client) => client.turned_out(channel),
            Self::Feed(feed) => feed.outbox.close(Disconnect::CLOSED),
        }
    }

    /// Does what is due and says in how many seconds to come again.
    fn tick(&self, entropy: &Entropy) -> Option<usize> {
        match self {
            Self::Socket(client) => client.tick(entropy),
            Self::Feed(feed) => Some(feed.beat()),
        }
    }
}

pub(crate) struct Members {
    next_id: AtomicU64,
    seats: AtomicUsize,
    /// Who came since the last tick, seated or not.
    arrived: AtomicUsize,
    all_left: Notify,
    all: Mutex<HashMap<u64, Member>>,
    wheel: Mutex<Wheel>,
}

struct Wheel {
    slots: Vec<Vec<u64>>,
    now: usize,
}

impl Members {
    pub(crate) fn new() -> Self {
        Self {
            next_id: AtomicU64::new(1),
            seats: AtomicUsize::new(0),
            arrived: AtomicUsize::new(0),
            all_left: Notify::new(),
            all: Mutex::default(),
            wheel: Mutex::new(Wheel { slots: vec![Vec::new(); SLOTS], now: 0 }),
        }
    }

    pub(crate) fn fresh_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Registers a member that is looked at in `first_s` seconds for the first time.
    pub(crate) fn enter(&self, member: Member, first_s: usize) {
        let id = member.id();
        self.all.lock().insert(id, member);
        self.wheel.lock().insert(id, first_s);
    }

    pub(crate) fn find(&self, id: u64) -> Option<Member> {
        self.all.lock().get(&id).cloned()
    }

    pub(crate) fn leave(&self, id: u64) {
        self.all.lock().remove(&id);
    }

    /// Closes everybody within `window`, a few at a time and in no order: they do not all come back elsewhere at once.
    pub(crate) async fn close_all(&self, why: Disconnect, window: Duration) {
        let mut all: Vec<Member> = self.all.lock().values().cloned().collect();
        let slices = (window.as_millis() / SLICE.as_millis()).max(1) as usize;
        let slice = all.len().div_ceil(slices).max(1);
        let mut pace = tokio::time::interval(SLICE);
        while !all.is_empty() {
            pace.tick().await;
            all.drain(all.len().saturating_sub(slice)..).for_each(|member| member.close(why));
        }
    }

    pub(crate) fn tick(&self, entropy: &Entropy) {
        self.arrived.store(0, Ordering::Release);
        let due = self.wheel.lock().advance();
        for id in due {
            let member = self.all.lock().get(&id).cloned();
            if let Some(next_s) = member.and_then(|member| member.tick(entropy)) {
                self.wheel.lock().insert(id, next_s);
            }
        }
    }

    /// Whether one more may come within this second.
    pub(crate) fn arrives(&self, most: usize) -> bool {
        self.arrived.fetch_add(1, Ordering::AcqRel) < most
    }

    /// A place for one connection, while fewer than `bound` are taken.
    pub(crate) fn seat(self: &Arc<Self>, bound: usize) -> Option<Seat> {
        let taken =
            self.seats.fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| (taken < bound).then(|| taken + 1));
        taken.ok()?;
        metrics::gauge!("realtime_connections").increment(1);
        Some(Seat(self.clone()))
    }

    pub(crate) fn seated(&self) -> usize {
        self.seats.load(Ordering::Acquire)
    }

    /// Resolves when no seat is taken.
    pub(crate) async fn all_left(&self) {
        loop {
            let left = self.all_left.notified();
            if self.seated() == 0 {
                return;
            }
            left.await;
        }
    }
}

impl Wheel {
    fn insert(&mut self, id: u64, in_s: usize) {
        let slot = (self.now + in_s.clamp(1, SLOTS - 1)) % SLOTS;
        self.slots[slot].push(id);
    }

    fn advance(&mut self) -> Vec<u64> {
        self.now = (self.now + 1) % SLOTS;
        std::mem::take(&mut self.slots[self.now])
    }
}

/// One of the connections that the process may hold, until it is dropped.
pub(crate) struct Seat(Arc<Members>);

impl Drop for Seat {
    fn drop(&mut self) {
        metrics::gauge!("realtime_connections").decrement(1);
        if self.0.seats.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.all_left.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Refused;

    #[test]
    fn so_many_arrive_in_a_second_and_the_others_are_told_when_to_come() {
        let members = Arc::new(Members::new());
        assert_eq!([0; 4].map(|_| members.arrives(2)), [true, true, false, false]);
        members.tick(&Entropy::seeded(1));
        assert!(members.arrives(2), "a second later");
        let crowded = kernel::Problem::from(Refused::Crowded { retry_after_s: 3 });
        assert_eq!((crowded.status().as_u16(), crowded.code()), (429, "too_many_arrivals"));
    }

    #[test]
    fn seats_are_bounded_and_come_back() {
        let members = Arc::new(Members::new());
        let seat = members.seat(1);
        assert!(seat.is_some() && members.seat(1).is_none());
        drop(seat);
        assert_eq!((members.seated(), members.seat(1).is_some()), (0, true));
    }
}
