//! How many deliveries of a source are taken in a second: a generic cell rate algorithm (ITU-T I.371) on one word.

use std::sync::atomic::{AtomicI64, Ordering};

/// Lets `per_second` through on average, and at most a second's worth at once.
#[derive(Debug)]
pub(crate) struct Rate {
    per_second: u32,
    /// When the next one is due, Unix microseconds.
    due_us: AtomicI64,
}

const SECOND_US: i64 = 1_000_000;

impl Rate {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second: per_second.max(1), due_us: AtomicI64::new(i64::MIN) }
    }

    /// Goes on where another one is.
    pub(crate) fn go_on(&mut self, from: &Self) {
        *self.due_us.get_mut() = from.due_us.load(Ordering::Relaxed);
    }

    /// `false` when this one is too many.
    pub(crate) fn admit(&self, now_ms: i64) -> bool {
        let now_us = now_ms.saturating_mul(1000);
        let gap = SECOND_US / i64::from(self.per_second);
        let take = |due: i64| {
            // After a clock that went back, what was due then says nothing.
            let due = if due > now_us + 2 * SECOND_US { now_us } else { due.max(now_us) };
            (due + gap <= now_us + SECOND_US).then_some(due + gap)
        };
        self.due_us.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_a_burst_and_then_it_is_even() {
        let rate = Rate::new(10);
        let admitted = |now_ms: i64| (0..100).filter(|_| rate.admit(now_ms)).count();
        assert_eq!(admitted(1_000_000), 10);
        assert_eq!(admitted(1_000_099), 0);
        assert_eq!(admitted(1_000_100), 1);
        assert_eq!(admitted(1_000_600), 5);
        assert_eq!(admitted(1_100_000), 10, "what was not used is not saved up");
        assert_eq!(admitted(500_000), 10, "a clock that was corrected shuts nobody out");
    }
}
