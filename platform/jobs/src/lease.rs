//! Which process lives, pure. Everyone goes by its own monotonic clock alone: no time of another machine is ever compared.
//!
//! A process writes a number into its lease, a new one with each renewal; the others remember since when they have seen the same
//! one. It counts from before it asked for the renewal and they from after they saw it, so that it has stopped by itself
//! before they may call it dead, whatever the wall clocks say. `simulation/fleet.rs` holds this against random stories.

use std::collections::HashMap;
use std::time::Duration;

use kernel::limits;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A process that wrote nothing for so long is dead.
pub(crate) const LEASE: Duration = Duration::from_millis(limits::LEASE_MS as u64);
/// Between two renewals, which are looks at the others as well: a death is known after [`LEASE`] and this at the latest.
pub(crate) const RENEW: Duration = Duration::from_millis(limits::LEASE_MS as u64 / 8);
/// So long before the others may take its jobs, a process that could not renew has stopped running them.
const MARGIN: Duration = Duration::from_millis(limits::LEASE_MS as u64 / 6);
/// Two looks further apart prove no silence: whoever could not look could not have renewed either, and that may be true of all.
const GAP: Duration = Duration::from_millis(limits::LEASE_MS as u64 / 2);

/// A process's right to what is claimed under its own lease.
#[derive(Debug)]
pub(crate) struct Hold {
    /// `None` where a lock proves it.
    until: Option<Instant>,
    /// Ends what was begun, when the right ends.
    fence: CancellationToken,
}

impl Hold {
    /// Of a process that need not renew.
    pub(crate) fn for_ever() -> Self {
        Self { until: None, fence: CancellationToken::new() }
    }

    /// Of a lease that was asked for at this time.
    pub(crate) fn since(asked_at: Instant) -> Self {
        Self { until: Some(asked_at + LEASE - MARGIN), fence: CancellationToken::new() }
    }

    /// The word that will end what begins now; `None` when nothing may begin.
    pub(crate) fn fence(&self, now: Instant) -> Option<CancellationToken> {
        let holds = self.until.is_none_or(|until| now < until) && !self.fence.is_cancelled();
        holds.then(|| self.fence.clone())
    }

    /// The lease was renewed, asked for at this time. `kept` is whether it was still there: else what was claimed under it is
    /// others' by now. Answers whether the right begins anew.
    pub(crate) fn renewed(&mut self, asked_at: Instant, kept: bool) -> bool {
        if self.until.is_some() {
            self.until = Some(asked_at + LEASE - MARGIN);
        }
        if !kept {
            self.fence.cancel();
        }
        let anew = self.fence.is_cancelled();
        if anew {
            self.fence = CancellationToken::new();
        }
        anew
    }

    /// Ends what was begun when the time is over; whether that is just now.
    pub(crate) fn expire(&mut self, now: Instant) -> bool {
        let over = self.until.is_some_and(|until| now >= until) && !self.fence.is_cancelled();
        if over {
            self.fence.cancel();
        }
        over
    }

    /// When [`Hold::expire`] has something to end.
    pub(crate) fn expires_at(&self) -> Option<Instant> {
        self.until.filter(|_| !self.fence.is_cancelled())
    }
}

/// A lease and the number that was last written into it.
pub(crate) type Beat = (i64, i64);

/// What a process has seen of the others.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    seen: HashMap<i64, (i64, Instant)>,
    looked_at: Option<Instant>,
}

impl Watch {
    /// Takes in a look at all other leases, asked for and answered at these times: those whose holders are dead.
    pub(crate) fn look(&mut self, leases: &[Beat], asked_at: Instant, answered_at: Instant) -> Vec<Beat> {
        if self.looked_at.replace(answered_at).is_none_or(|before| answered_at.duration_since(before) > GAP) {
            self.seen.clear();
        }
        let since = |(lease, number): &Beat| match self.seen.get(lease) {
            Some((same, since)) if same == number => *since,
            _ => answered_at,
        };
        self.seen = leases.iter().map(|beat| (beat.0, (beat.1, since(beat)))).collect();
        let is_dead = |(lease, _): &&Beat| {
            self.seen.get(lease).is_some_and(|(_, since)| asked_at.saturating_duration_since(*since) >= LEASE)
        };
        leases.iter().filter(is_dead).copied().collect()
    }

    /// When the next one would be dead.
    pub(crate) fn next_death(&self) -> Option<Instant> {
        self.seen.values().map(|(_, since)| *since + LEASE).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn a_process_stops_before_the_others_may_call_it_dead() {
        let asked_at = Instant::now();
        let seen_at = asked_at + Duration::from_millis(1);
        let (mut hold, mut watch) = (Hold::since(asked_at), Watch::default());
        let (mut fenced_at, mut dead_at) = (None, None);
        for ms in 1..20_000 {
            let now = asked_at + Duration::from_millis(ms);
            if hold.expire(now) {
                fenced_at = Some(now);
            }
            if dead_at.is_none() && !watch.look(&[(1, 7)], now, now).is_empty() {
                dead_at = Some(now);
            }
        }
        assert_eq!((fenced_at, dead_at), (Some(asked_at + LEASE - MARGIN), Some(seen_at + LEASE)));
        assert!(hold.fence(asked_at).is_none(), "and begins nothing until it is renewed");
        assert!(hold.renewed(asked_at + 20 * S, true) && hold.fence(asked_at + 20 * S).is_some());
        assert!(!hold.renewed(asked_at + 21 * S, true), "the usual");
    }

    #[test]
    fn a_lease_that_was_taken_away_ends_what_was_begun_under_it() {
        let now = Instant::now();
        let mut hold = Hold::since(now);
        let begun = hold.fence(now).expect("held");
        assert!(hold.renewed(now + S, false) && begun.is_cancelled());
        assert!(hold.fence(now + S).is_some_and(|fence| !fence.is_cancelled()));
    }

    #[test]
    fn whoever_writes_is_alive_whatever_it_writes() {
        let (mut watch, mut now) = (Watch::default(), Instant::now());
        for number in [500, 3, 4, -900_000, i64::MAX, 5] {
            for _ in 0..11 {
                assert!(watch.look(&[(1, number)], now, now).is_empty());
                now += S;
            }
        }
        assert!(watch.look(&[(1, 5)], now, now).is_empty() && !watch.look(&[(1, 5)], now + S, now + S).is_empty());
    }

    /// The database was away for a while, or this process was suspended.
    #[test]
    fn silence_while_nobody_could_look_proves_nothing() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        assert!(watch.look(&[(1, 7)], start, start).is_empty());
        let back = start + 60 * S;
        assert!(watch.look(&[(1, 7)], back, back).is_empty(), "it gets all its time again");
        assert_eq!(watch.next_death(), Some(back + LEASE));
        for s in 1..12 {
            assert!(watch.look(&[(1, 7)], back + s * S, back + s * S).is_empty());
        }
        assert_eq!(watch.look(&[(1, 7)], back + LEASE, back + LEASE), [(1, 7)]);
    }

    #[test]
    fn a_slow_look_counts_neither_way() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        assert!(watch.look(&[(1, 7)], start, start + 3 * S).is_empty());
        for s in [5, 9] {
            assert!(watch.look(&[(1, 7)], start + s * S, start + s * S).is_empty());
        }
        assert!(watch.look(&[(1, 7)], start + 14 * S, start + 15 * S).is_empty(), "asked 11 s after it was seen");
        assert!(!watch.look(&[(1, 7)], start + 15 * S, start + 15 * S).is_empty());
    }
}
