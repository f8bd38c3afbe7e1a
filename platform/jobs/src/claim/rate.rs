//! Rate limits, pure: the generic cell rate algorithm (GCRA, the virtual scheduling form of ITU-T I.371). All that is kept is the
//! time at which the next job would arrive if they came evenly.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// So many jobs a period begin, spread over it: in any window `w`, at most `burst + w / period * jobs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Jobs a period, 1 at least.
    pub jobs: u32,
    /// The period, milliseconds; 1 at least.
    pub period_ms: u32,
    /// How many may begin at once after a pause, 1 at least; a tenth of `jobs` unless said.
    #[serde(default)]
    pub burst: Option<u32>,
}

impl Rate {
    /// So many jobs a period.
    pub const fn new(jobs: u32, period_ms: u32) -> Self {
        Self { jobs, period_ms, burst: None }
    }

    fn each_us(self) -> i64 {
        (i64::from(self.period_ms) * 1000 / i64::from(self.jobs.max(1))).max(1)
    }

    fn burst_us(self) -> i64 {
        let burst = self.burst.unwrap_or(self.jobs / 10).max(1);
        (i64::from(burst) - 1).saturating_mul(self.each_us())
    }

    /// How many may begin now, at most `want`, when the next would arrive at `arrival_us`.
    pub(crate) fn room(self, arrival_us: i64, want: usize, now_ms: i64) -> usize {
        let early_us = self.sane(arrival_us, now_ms) - now_ms * 1000;
        if early_us > self.burst_us() {
            return 0;
        }
        let room = (self.burst_us() - early_us) / self.each_us() + 1;
        want.min(usize::try_from(room).unwrap_or(usize::MAX))
    }

    /// The next arrival after `begun` more.
    pub(crate) fn after(self, arrival_us: i64, begun: usize, now_ms: i64) -> i64 {
        self.sane(arrival_us, now_ms) + self.each_us().saturating_mul(begun as i64)
    }

    /// The first millisecond at which another may begin.
    pub(crate) fn next_ms(self, arrival_us: i64, now_ms: i64) -> i64 {
        let at_us = self.sane(arrival_us, now_ms) - self.burst_us();
        (at_us + 999).div_euclid(1000).max(now_ms)
    }

    /// Never in the past: unused time is not saved beyond the burst. And never further ahead than the limit itself leads: the
    /// clock was set back, or the rate was changed.
    fn sane(self, arrival_us: i64, now_ms: i64) -> i64 {
        let now_us = now_ms * 1000;
        arrival_us.clamp(now_us, now_us + self.burst_us() + self.each_us())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Any way of asking, over any window, keeps the bound; and who asks at the promised time gets one.
        #[test]
        fn no_window_sees_more_than_the_rate_and_the_burst(
            jobs in 1..50u32,
            period_ms in 1..5_000u32,
            burst in prop::option::of(1..20u32),
            asks in prop::collection::vec((0..400i64, 1..30usize), 1..80),
        ) {
            let rate = Rate { jobs, period_ms, burst };
            let (mut now_ms, mut arrival_us, mut begun) = (1_000_000, 0, Vec::new());
            for (step, want) in asks {
                now_ms += step;
                let room = rate.room(arrival_us, want, now_ms);
                if room > 0 {
                    arrival_us = rate.after(arrival_us, room, now_ms);
                    begun.extend(std::iter::repeat_n(now_ms, room));
                } else {
                    let next_ms = rate.next_ms(arrival_us, now_ms);
                    prop_assert!(next_ms > now_ms && rate.room(arrival_us, 1, next_ms) == 1);
                    prop_assert_eq!(rate.room(arrival_us, 1, next_ms - 1), 0, "it could have been earlier");
                }
            }
            let burst = f64::from(burst.unwrap_or(jobs / 10).max(1));
            for (i, from) in begun.iter().enumerate() {
                for (j, to) in begun.iter().enumerate().skip(i) {
                    let steady = (to - from) as f64 * 1000.0 / rate.each_us() as f64;
                    prop_assert!((j - i + 1) as f64 <= burst + steady + 1e-9, "{} in {} ms", j - i + 1, to - from);
                }
            }
        }

        #[test]
        fn a_clock_set_back_or_a_changed_rate_never_stops_it_for_long(
            arrival_us in any::<i64>(), jobs in 1..1000u32, period_ms in 1..100_000u32,
        ) {
            let rate = Rate::new(jobs, period_ms);
            let next_ms = rate.next_ms(arrival_us, 5_000_000);
            prop_assert!(next_ms <= 5_000_000 + i64::from(period_ms) / i64::from(jobs) + 1);
        }
    }
}
