//! Shared counting: so many in so long, by the generic cell rate algorithm (GCRA). A key is one number: the time at which
//! its quota would be whole again.

use std::collections::HashMap;

use kernel::limits;
use parking_lot::Mutex;

/// So many in so long. All of them may come at once; after that they come back one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many; 1 at least.
    pub count: u32,
    /// In how long, milliseconds; 1 at least.
    pub period_ms: u32,
}

/// What became of a request for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whether it was there.
    pub allowed: bool,
    /// How many more are there now.
    pub remaining: u32,
    /// When the quota is whole again, milliseconds from now.
    pub whole_in_ms: u32,
    /// When the next one is there, milliseconds from now; 0 when one is.
    pub next_in_ms: u32,
}

impl Quota {
    /// Takes one at `now_us` from a key that is whole again at `whole_at_us`; both microseconds. The second value is the
    /// key's new time, unchanged when nothing was taken. (`redis/take.lua` says the same.)
    fn take(self, whole_at_us: i64, now_us: i64) -> (Taken, i64) {
        let (period, one) = (self.period_us(), self.one_us());
        // A clock that was set back must not lock anybody out for longer than a period.
        let whole_at = whole_at_us.clamp(now_us, now_us + period);
        let allowed = whole_at + one - now_us <= period;
        let whole_at = if allowed { whole_at + one } else { whole_at };
        (self.taken(allowed, whole_at - now_us), whole_at)
    }

    /// The answer, when the quota is whole again in so long.
    pub(crate) fn taken(self, allowed: bool, whole_in_us: i64) -> Taken {
        let (room, one) = (self.period_us() - whole_in_us, self.one_us());
        Taken {
            allowed,
            remaining: u32::try_from(room / one).unwrap_or(u32::MAX),
            whole_in_ms: ceil_ms(whole_in_us),
            next_in_ms: ceil_ms(one - room),
        }
    }

    pub(crate) fn period_us(self) -> i64 {
        i64::from(self.period_ms.max(1)) * 1_000
    }

    /// After so long one comes back.
    pub(crate) fn one_us(self) -> i64 {
        (self.period_us() / i64::from(self.count.max(1))).max(1)
    }

    /// What one of so many processes may give on its own.
    pub(crate) fn shared_by(self, processes: u32) -> Self {
        Self { count: (self.count / processes.max(1)).max(1), ..self }
    }
}

fn ceil_ms(us: i64) -> u32 {
    u32::try_from((us.max(0) + 999) / 1_000).unwrap_or(u32::MAX)
}

/// A part of the keys.
#[derive(Default)]
pub(crate) struct Counters(Mutex<HashMap<Box<str>, i64>>);

impl Counters {
    pub(crate) fn take(&self, key: &str, quota: Quota, now_ms: i64) -> Taken {
        let mut counters = self.0.lock();
        let now_us = now_ms * 1_000;
        if let Some(whole_at) = counters.get_mut(key) {
            let (taken, next) = quota.take(*whole_at, now_us);
            *whole_at = next;
            return taken;
        }
        let (taken, whole_at) = quota.take(now_us, now_us);
        if counters.len() >= limits::QUOTA_KEYS_PER_SHARD {
            make_room(&mut counters, now_us);
        }
        counters.insert(key.into(), whole_at);
        taken
    }

    /// Forgets the keys whose quota is whole again: a new one would say the same.
    pub(crate) fn sweep(&self, now_ms: i64) {
        self.0.lock().retain(|_, whole_at| *whole_at > now_ms * 1_000);
    }
}

/// Under a flood of keys the one that is nearest to being whole goes: it loses least.
fn make_room(counters: &mut HashMap<Box<str>, i64>, now_us: i64) {
    counters.retain(|_, whole_at| *whole_at > now_us);
    if counters.len() >= limits::QUOTA_KEYS_PER_SHARD {
        let nearest = counters.iter().min_by_key(|(_, whole_at)| **whole_at).map(|(key, _)| key.clone());
        nearest.and_then(|key| counters.remove(&key));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// A bucket that refills continuously, kept as a fraction: the definition that GCRA must equal.
        #[test]
        fn equals_a_leaky_bucket(count in 1..20u32, steps in prop::collection::vec(0..400i64, 1..200)) {
            let quota = Quota { count, period_ms: 1_000 };
            let counters = Counters::default();
            let (mut now_ms, mut level) = (1_000_000i64, 0.0f64);
            let one = (1_000_000 / i64::from(count)) as f64;
            for step in steps {
                now_ms += step;
                level = (level - step as f64 * 1_000.0).max(0.0);
                let fits = level + one <= 1_000_000.0;
                let taken = counters.take("k", quota, now_ms);
                prop_assert_eq!(taken.allowed, fits);
                if fits { level += one }
                prop_assert_eq!(taken.remaining, ((1_000_000.0 - level) / one) as u32);
                prop_assert_eq!(taken.next_in_ms == 0, taken.remaining > 0);
            }
        }

        /// Never more than twice the count in any window of one period: all at once, then all that came back in it.
        #[test]
        fn no_window_holds_more_than_two_quotas(steps in prop::collection::vec(0..200i64, 1..300)) {
            let quota = Quota { count: 5, period_ms: 1_000 };
            let counters = Counters::default();
            let (mut now_ms, mut window) = (0i64, VecDeque::new());
            for step in steps {
                now_ms += step;
                while window.front().is_some_and(|at| *at <= now_ms - 1_000) { window.pop_front(); }
                if counters.take("k", quota, now_ms).allowed { window.push_back(now_ms) }
                prop_assert!(window.len() <= 10);
            }
        }
    }

    #[test]
    fn a_refusal_says_when_the_next_one_is_there_and_is_right() {
        let (quota, counters) = (Quota { count: 3, period_ms: 60_000 }, Counters::default());
        for left in [2, 1, 0] {
            assert_eq!(counters.take("k", quota, 0).remaining, left);
        }
        let refused = counters.take("k", quota, 0);
        assert_eq!(refused, Taken { allowed: false, remaining: 0, whole_in_ms: 60_000, next_in_ms: 20_000 });
        assert!(!counters.take("k", quota, 19_999).allowed);
        assert!(counters.take("k", quota, 20_000).allowed);
        assert!(counters.take("other", quota, 0).allowed, "a key has its own quota");
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let (quota, counters) = (Quota { count: 1, period_ms: 1_000 }, Counters::default());
        assert!(counters.take("k", quota, 10_000_000).allowed);
        assert_eq!(counters.take("k", quota, 0).next_in_ms, 1_000);
        assert!(counters.take("k", quota, 1_000).allowed);
    }

    #[test]
    fn keys_are_bounded_and_a_spent_one_is_not_forgotten() {
        let (quota, counters) = (Quota { count: 2, period_ms: 1_000 }, Counters::default());
        counters.take("spent", quota, 0);
        counters.take("spent", quota, 0);
        for n in 0..limits::QUOTA_KEYS_PER_SHARD * 2 {
            counters.take(&n.to_string(), quota, 0);
        }
        assert_eq!(counters.0.lock().len(), limits::QUOTA_KEYS_PER_SHARD);
        assert!(!counters.take("spent", quota, 0).allowed);
        counters.sweep(1_000);
        assert_eq!(counters.0.lock().len(), 0);
    }
}
