//! Every open connection of the process, and when each is looked at next.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use kernel::Entropy;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::address::Addresses;
use crate::codes::Disconnect;
pub(crate) use crate::member::Member;
pub(crate) use crate::seat::Seat;
use crate::wheel::Wheel;
use crate::witness::{Moment, What, Witnessing};

/// Between two groups that are sent away.
const SLICE: Duration = Duration::from_millis(50);

pub(crate) struct Members {
    next_id: AtomicU64,
    seats: AtomicUsize,
    pub(crate) addresses: Addresses,
    /// Who came since the last tick, seated or not.
    arrived: AtomicUsize,
    all_left: Notify,
    all: Mutex<All>,
    witnessing: Arc<Witnessing>,
    wheel: Mutex<Wheel>,
}

/// Everybody, by number, by person and by end.
#[derive(Default)]
struct All {
    here: HashMap<u64, Here>,
    people: HashMap<Arc<str>, Vec<u64>>,
    ends: BTreeSet<(i64, u64)>,
}

struct Here {
    member: Member,
    /// Under which it is found among the people; none for nobody.
    person: Option<Arc<str>>,
    /// Under which it is found among the ends.
    ends_ms: Option<i64>,
    /// It was let in, which was told.
    told: bool,
}

impl Members {
    pub(crate) fn new(witnessing: Arc<Witnessing>) -> Self {
        Self {
            next_id: AtomicU64::new(1),
            seats: AtomicUsize::new(0),
            addresses: Addresses::default(),
            arrived: AtomicUsize::new(0),
            all_left: Notify::new(),
            all: Mutex::default(),
            witnessing,
            wheel: Mutex::new(Wheel::new(1)),
        }
    }

    pub(crate) fn fresh_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// So often a second somebody may be looked at; said at set-up, as nobody is here yet.
    pub(crate) fn look(&self, per_second: usize) {
        *self.wheel.lock() = Wheel::new(per_second);
    }

    /// Registers a member that is looked at in `first_s` seconds for the first time.
    pub(crate) fn enter(&self, member: Member, first_s: usize) {
        self.enter_for(member, Duration::from_secs(first_s as u64));
    }

    /// The same, where that is no matter of whole seconds.
    pub(crate) fn enter_for(&self, member: Member, first: Duration) {
        let id = member.id();
        self.all.lock().enter(member);
        self.wheel.lock().insert(id, first);
    }

    /// Whom the member acts for, and until when, has changed. One that is not here is left alone.
    pub(crate) fn known_anew(&self, member: &Member) {
        let mut all = self.all.lock();
        if let Some(before) = all.leave(member.id()) {
            all.enter(member.clone()).told = before.told;
        }
    }

    /// The member was let in.
    pub(crate) fn is_in(&self, id: u64) {
        let mut all = self.all.lock();
        if let Some(here) = all.here.get_mut(&id)
            && self.witnessing.listens()
            && !std::mem::replace(&mut here.told, true)
        {
            self.witnessing.connected(&here.member);
        }
    }

    /// Everybody who was let in, as that.
    pub(crate) fn told(&self) -> Vec<Moment> {
        let all = self.all.lock();
        let told = all.here.values().filter(|here| here.told);
        told.map(|here| self.witnessing.moment(&here.member, What::Connected)).collect()
    }

    pub(crate) fn find(&self, id: u64) -> Option<Member> {
        self.all.lock().here.get(&id).map(|here| here.member.clone())
    }

    /// Everybody here who acts for this user.
    pub(crate) fn of(&self, user: &str) -> Vec<Member> {
        let all = self.all.lock();
        let ids = all.people.get(user).into_iter().flatten();
        ids.filter_map(|id| all.here.get(id)).map(|here| here.member.clone()).collect()
    }

    /// Everybody here who is somebody.
    pub(crate) fn known(&self) -> Vec<Member> {
        let all: Vec<Member> = self.everybody();
        all.into_iter().filter(|member| member.caller().is_known()).collect()
    }

    /// How many different people are here.
    pub(crate) fn people(&self) -> usize {
        self.all.lock().people.len()
    }

    fn everybody(&self) -> Vec<Member> {
        self.all.lock().here.values().map(|here| here.member.clone()).collect()
    }

    pub(crate) fn leave(&self, id: u64) {
        let mut all = self.all.lock();
        if let Some(gone) = all.leave(id).filter(|gone| gone.told) {
            self.witnessing.disconnected(&gone.member);
        }
    }

    /// Closes everybody within `window`, a few at a time and in no order: they do not all come back elsewhere at once.
    pub(crate) async fn close_all(&self, why: Disconnect, window: Duration) {
        let mut all = self.everybody();
        let slices = (window.as_millis() / SLICE.as_millis()).max(1) as usize;
        let slice = all.len().div_ceil(slices).max(1);
        // The first go now: the first tick of an interval that begins now may be a moment late.
        let mut pace = tokio::time::interval_at(Instant::now() + SLICE, SLICE);
        loop {
            all.drain(all.len().saturating_sub(slice)..).for_each(|member| member.close(why));
            if all.is_empty() {
                return;
            }
            pace.tick().await;
        }
    }

    /// A second is over.
    pub(crate) fn second(&self, now_ms: i64) {
        self.arrived.store(0, Ordering::Release);
        let ended = self.all.lock().ended(now_ms);
        ended.iter().for_each(|member| member.cut(Disconnect::EXPIRED));
    }

    /// A slot of the wheel is over.
    pub(crate) fn tick(&self, entropy: &Entropy) {
        let due = self.wheel.lock().advance();
        for id in due {
            if let Some(next) = self.find(id).and_then(|member| member.tick(entropy)) {
                self.wheel.lock().insert(id, next);
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
        Some(Seat::taken(self.clone()))
    }

    pub(crate) fn rises(&self) {
        if self.seats.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.all_left.notify_waiters();
        }
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

impl All {
    fn enter(&mut self, member: Member) -> &mut Here {
        let (id, caller) = (member.id(), member.caller());
        let person = (!caller.user.is_empty()).then(|| {
            let known = self.people.get_key_value(&*caller.user).map(|(person, _)| person.clone());
            let person = known.unwrap_or_else(|| caller.user.as_str().into());
            self.people.entry(person.clone()).or_default().push(id);
            person
        });
        let ends_ms = member.ends_ms(&caller);
        self.ends.extend(ends_ms.map(|at_ms| (at_ms, id)));
        self.here.entry(id).insert_entry(Here { member, person, ends_ms, told: false }).into_mut()
    }

    /// How it was here, if it was.
    fn leave(&mut self, id: u64) -> Option<Here> {
        let here = self.here.remove(&id)?;
        if let Some(at_ms) = here.ends_ms {
            self.ends.remove(&(at_ms, id));
        }
        if let Some(person) = &here.person
            && let Some(ids) = self.people.get_mut(person)
        {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.people.remove(person);
            }
        }
        Some(here)
    }

    /// Takes those off the list of ends whose end has come.
    fn ended(&mut self, now_ms: i64) -> Vec<Member> {
        let mut ended = Vec::new();
        while let Some((at_ms, id)) = self.ends.first().copied()
            && at_ms <= now_ms
        {
            self.ends.pop_first();
            let Some(here) = self.here.get_mut(&id) else { continue };
            here.ends_ms = None;
            ended.push(here.member.clone());
        }
        ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Refused;

    #[test]
    fn so_many_arrive_in_a_second_and_the_others_are_told_when_to_come() {
        let members = Arc::new(Members::new(Arc::default()));
        assert_eq!([0; 4].map(|_| members.arrives(2)), [true, true, false, false]);
        members.second(0);
        assert!(members.arrives(2), "a second later");
        let crowded = kernel::Problem::from(Refused::Crowded { retry_after_s: 3 });
        assert_eq!((crowded.status().as_u16(), crowded.code()), (429, "too_many_arrivals"));
    }

    #[test]
    fn seats_are_bounded_and_come_back() {
        let members = Arc::new(Members::new(Arc::default()));
        let seat = members.seat(1);
        assert!(seat.is_some() && members.seat(1).is_none());
        drop(seat);
        assert_eq!((members.seated(), members.seat(1).is_some()), (0, true));
    }
}
