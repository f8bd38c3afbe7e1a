//! Which jobs a worker gets: lanes take turns, limits hold, and what may not run now costs nothing until it may.
//!
//! `turns.rs` remembers in which lanes jobs may wait, so that nothing is searched for; the transaction here takes from those
//! lanes by the index, and counts what limits there are. Running jobs are counted in the table itself: a limit that a dead
//! worker held is free as soon as its jobs are taken back.

mod place;
mod rate;
mod turns;

use std::collections::VecDeque;

use ::store::{StoreError, Tx};

pub(crate) use self::place::{Found, Lane, Place, Seen, Shut};
pub use self::rate::Rate;
pub(crate) use self::turns::{Look, Turns};
use crate::policy::{Pausable, QueuePolicy};
use crate::store::{self, Claimed};

/// What a worker asks for.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) queue: String,
    pub(crate) lease: i64,
    /// At most so many.
    pub(crate) want: usize,
    /// How many of them would begin at once; the others wait in the worker's memory.
    pub(crate) free: usize,
    pub(crate) now_ms: i64,
    /// What the code declares for the queue.
    pub(crate) declared: QueuePolicy,
    pub(crate) places: Vec<Place>,
}

/// What it gets.
#[derive(Debug, Default)]
pub(crate) struct Given {
    pub(crate) jobs: Vec<Claimed>,
    /// One verdict for each place.
    pub(crate) seen: Vec<Seen>,
    pub(crate) shut: Option<Shut>,
    /// Whether nothing more may be claimed ahead of a free slot.
    pub(crate) only_free: bool,
}

/// How long a worker whose lease was declared dead waits for it to be renewed, milliseconds.
const LEASELESS_MS: i64 = 1_000;

/// Claims in the caller's transaction.
pub(crate) async fn claim(tx: &mut Tx, ask: &Ask) -> Result<Given, StoreError> {
    let shut = |shut| Ok(Given { shut: Some(shut), ..Given::default() });
    if !store::leases::lives(tx, ask.lease).await? {
        return shut(Shut::Until(ask.now_ms + LEASELESS_MS));
    }
    let (stored, paused) = store::policy::of(tx, &ask.queue).await?;
    if paused.iter().any(|(what, _)| *what == Pausable::Queue) {
        return shut(Shut::Paused);
    }
    let mut budget =
        Budget { ask, policy: stored.unwrap_or(ask.declared), room: ask.want, shut: None, only_free: false };
    budget.open(tx).await?;
    let unseen = ask.places.iter().map(|place| Seen { found: Found::Unseen, from: place.from });
    let mut given = Given { seen: unseen.collect(), ..Given::default() };
    let is_paused = |lane: &Lane| paused.iter().any(|(_, kind)| *kind == lane.kind);
    let mut turn: VecDeque<usize> = (0..ask.places.len()).collect();
    // The share of each lane of one priority, the same for all of them.
    let mut share: Option<(i16, usize)> = None;
    while let Some(at) = turn.pop_front() {
        if budget.room == 0 {
            break;
        }
        let (lane, seen) = (&ask.places[at].lane, &mut given.seen[at]);
        if is_paused(lane) {
            seen.found = Found::Empty;
            continue;
        }
        let peers = 1 + turn.iter().take_while(|other| ask.places[**other].lane.priority == lane.priority).count();
        let quantum = match share {
            Some((priority, quantum)) if priority == lane.priority => quantum,
            _ => budget.room.div_ceil(peers),
        };
        share = Some((lane.priority, quantum));
        let jobs = budget.take(tx, lane, seen, quantum.min(budget.room)).await?;
        given.jobs.extend(jobs);
        if seen.found == Found::More {
            turn.insert(peers - 1, at);
        }
    }
    budget.close(tx, given.jobs.len()).await?;
    (given.shut, given.only_free) = (budget.shut, budget.only_free);
    Ok(given)
}

/// How much of the limits is left in this claim.
struct Budget<'a> {
    ask: &'a Ask,
    policy: QueuePolicy,
    room: usize,
    shut: Option<Shut>,
    only_free: bool,
}

impl Budget<'_> {
    /// What the limits of the whole queue leave. Near a limit nothing is claimed ahead of a free slot: what waits in this
    /// worker's memory could run in another.
    async fn open(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        let Ask { queue, want, now_ms, .. } = self.ask;
        if let Some(most) = self.policy.concurrency {
            let running = store::policy::executing(tx, queue, None, most).await?;
            let left = most as usize - running;
            self.limit(left, Shut::Full);
        }
        if let Some(rate) = self.policy.rate {
            let arrival_us = store::policy::arrival(tx, queue, "").await?;
            let left = rate.room(arrival_us, want.saturating_mul(2), *now_ms);
            let next_ms = rate.next_ms(rate.after(arrival_us, left, *now_ms), *now_ms);
            self.limit(left, Shut::Until(next_ms));
        }
        Ok(())
    }

    fn limit(&mut self, left: usize, shut: Shut) {
        if left <= self.ask.want {
            self.room = self.room.min(left).min(self.ask.free);
            self.only_free = true;
            self.shut = (left == self.room).then_some(shut).or(self.shut);
        }
    }

    /// Takes at most `quantum` jobs of a lane.
    async fn take(
        &mut self,
        tx: &mut Tx,
        lane: &Lane,
        seen: &mut Seen,
        quantum: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let Ask { queue, lease, now_ms, .. } = self.ask;
        let (mut most, mut else_found, mut arrival_us) = (quantum, Found::More, 0);
        let keyed = !lane.key.is_empty();
        if let Some(limit) = self.policy.key_concurrency.filter(|_| keyed) {
            let left = limit as usize - store::policy::executing(tx, queue, Some(&lane.key), limit).await?;
            if left <= most {
                (most, else_found) = (left, Found::Full);
            }
        }
        let rate = self.policy.key_rate.filter(|_| keyed);
        if let Some(rate) = rate {
            arrival_us = store::policy::arrival(tx, queue, &lane.key).await?;
            let left = rate.room(arrival_us, quantum, *now_ms);
            if left < most {
                let next_ms = rate.next_ms(rate.after(arrival_us, left, *now_ms), *now_ms);
                (most, else_found) = (left, Found::Rests(next_ms));
            }
        }
        if most == 0 {
            seen.found = else_found;
            return Ok(Vec::new());
        }
        let jobs = store::claim(tx, queue, (lane, seen.from), *lease, most, *now_ms).await?;
        seen.from = jobs.last().map_or(seen.from, |job| job.id + 1);
        seen.found = if jobs.len() < most { Found::Empty } else { else_found };
        self.room -= jobs.len();
        if let Some(rate) = rate.filter(|_| !jobs.is_empty()) {
            let arrival_us = rate.after(arrival_us, jobs.len(), *now_ms);
            store::policy::set_arrival(tx, queue, &lane.key, arrival_us).await?;
        }
        Ok(jobs)
    }

    /// Counts what began, and says why the queue gives no more, if that is why it stopped.
    async fn close(&mut self, tx: &mut Tx, begun: usize) -> Result<(), StoreError> {
        if let Some(rate) = self.policy.rate.filter(|_| begun > 0) {
            let Ask { queue, now_ms, .. } = self.ask;
            let arrival_us = store::policy::arrival(tx, queue, "").await?;
            store::policy::set_arrival(tx, queue, "", rate.after(arrival_us, begun, *now_ms)).await?;
        }
        if self.room > 0 {
            self.shut = None;
        }
        Ok(())
    }
}
