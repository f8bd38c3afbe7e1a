//! How fast a budget is spent: counts over sliding windows of minutes, and when that is worth a word. Pure.
//!
//! A burn of 1 spends exactly the whole budget in the whole window. The rules are the usual multi-window ones (Site
//! Reliability Workbook, chapter 5): a long window says that it matters, a short one that it still goes on.

use crate::objective::Objective;

/// How loud an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Somebody should look during the working day.
    Ticket,
    /// Somebody should look now.
    Page,
}

impl Severity {
    /// Both, the louder first.
    pub const ALL: [Self; 2] = [Self::Page, Self::Ticket];

    /// `page` or `ticket`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }

    /// The severity of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.word() == word)
    }
}

/// A burn over two windows that is worth an alert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// How loud.
    pub severity: Severity,
    /// The burn that both windows must exceed.
    pub burn: f64,
    /// The window that says it matters, minutes.
    pub long_min: i64,
    /// The window that says it goes on, minutes.
    pub short_min: i64,
}

impl Rule {
    const fn new(severity: Severity, burn: f64, long_min: i64, short_min: i64) -> Self {
        Self { severity, burn, long_min, short_min }
    }
}

/// 2 %, 5 % and 10 % of a 30 days' budget, the two last in two paces. The most urgent first.
pub const RULES: [Rule; 4] = [
    Rule::new(Severity::Page, 14.4, 60, 5),
    Rule::new(Severity::Page, 6.0, 6 * 60, 30),
    Rule::new(Severity::Ticket, 3.0, 24 * 60, 2 * 60),
    Rule::new(Severity::Ticket, 1.0, 3 * 24 * 60, 6 * 60),
];

/// The longest window of a rule, minutes.
pub const LONGEST_MIN: usize = 3 * 24 * 60;

/// Fewer bad ones in the long window are no alert: with little traffic one failure is a high share.
pub const MIN_BAD: u64 = 10;

/// How many, and how many of them were bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Bad ones.
    pub bad: u64,
    /// All.
    pub total: u64,
}

impl Counts {
    /// The share of bad ones; 0 where there was nothing.
    pub fn bad_share(self) -> f64 {
        // Where bad ones are counted apart, the last of them may come a moment before what they belong to.
        if self.bad == 0 { 0.0 } else { self.bad as f64 / self.total.max(self.bad) as f64 }
    }

    /// How many times faster than allowed the budget is spent.
    pub fn burn(self, budget: f64) -> f64 {
        self.bad_share() / budget
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self { bad: self.bad.saturating_add(other.bad), total: self.total.saturating_add(other.total) }
    }
}

/// The minutes of the last three days of one objective. A minute is a Unix time in whole minutes.
pub struct Series(Box<[Slot]>);

#[derive(Clone, Copy, Default)]
struct Slot {
    minute: i64,
    bad: u32,
    total: u32,
}

impl Default for Series {
    fn default() -> Self {
        Self(vec![Slot::default(); LONGEST_MIN].into_boxed_slice())
    }
}

impl Series {
    /// What a minute counted, in place of what was known of it. It takes the place of the one three days before.
    pub fn set(&mut self, minute: i64, counts: Counts) {
        let slot = &mut self.0[minute.rem_euclid(LONGEST_MIN as i64) as usize];
        if slot.minute <= minute {
            let short = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
            *slot = Slot { minute, bad: short(counts.bad), total: short(counts.total) };
        }
    }

    /// The sum over the `minutes` that end with `last`, which is one of them.
    pub fn window(&self, last: i64, minutes: i64) -> Counts {
        let minutes = minutes.clamp(0, LONGEST_MIN as i64);
        (last - minutes + 1..=last).fold(Counts::default(), |sum, minute| {
            let slot = self.0[minute.rem_euclid(LONGEST_MIN as i64) as usize];
            let here = slot.minute == minute;
            if here { sum.plus(Counts { bad: slot.bad.into(), total: slot.total.into() }) } else { sum }
        })
    }
}

/// A rule that holds, with what it saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Firing {
    /// The rule.
    pub rule: Rule,
    /// The burn over its long window.
    pub long_burn: f64,
    /// The burn over its short window.
    pub short_burn: f64,
    /// What the long window counted.
    pub counts: Counts,
}

/// The most urgent rule of this severity that holds at the end of the minute `last`.
pub fn firing(objective: &Objective, severity: Severity, series: &Series, last: i64) -> Option<Firing> {
    let budget = objective.budget();
    RULES.into_iter().filter(|rule| rule.severity == severity).find_map(|rule| {
        let counts = series.window(last, rule.long_min);
        let (long_burn, short_burn) = (counts.burn(budget), series.window(last, rule.short_min).burn(budget));
        let holds = long_burn > rule.burn && short_burn > rule.burn && counts.bad >= MIN_BAD;
        holds.then_some(Firing { rule, long_burn, short_burn, counts })
    })
}

/// The part of the budget that is left: 1 untouched, 0 spent, negative overspent.
pub fn left(objective: &Objective, counts: Counts) -> f64 {
    1.0 - counts.burn(objective.budget())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::objective::ALL;

    /// 99.9 %: a budget of 0.001.
    fn objective() -> &'static Objective {
        &ALL[0]
    }

    const NOW: i64 = 30_000_000;

    /// Fills the minutes `from..=to` before [`NOW`] (0 is the last one) with the same counts.
    fn fill(series: &mut Series, from: i64, to: i64, bad: u64, total: u64) {
        (from..=to).for_each(|ago| series.set(NOW - ago, Counts { bad, total }));
    }

    fn fires(series: &Series, severity: Severity) -> Option<(i64, f64)> {
        firing(objective(), severity, series, NOW)
            .map(|it| (it.rule.long_min, (it.long_burn * 1000.0).round() / 1000.0))
    }

    #[test]
    fn two_percent_of_the_budget_in_an_hour_pages() {
        // 100 a minute for an hour are 6,000; 14.4 × 0.001 × 6,000 = 86.4 bad ones are the border.
        let mut series = Series::default();
        fill(&mut series, 0, 359, 0, 100);
        fill(&mut series, 0, 4, 17, 100);
        // 85 bad of 6,000: a burn of 14.167, under the border. The five minutes burn 170.
        assert_eq!(fires(&series, Severity::Page), None);
        fill(&mut series, 0, 0, 19, 100);
        // 87 bad of 6,000: 14.5.
        assert_eq!(fires(&series, Severity::Page), Some((60, 14.5)));
    }

    #[test]
    fn what_is_over_does_not_page() {
        let mut series = Series::default();
        fill(&mut series, 0, 59, 0, 100);
        // An hour's half at 100 %, which ended five minutes ago: the long window burns 500, the short one not at all.
        fill(&mut series, 5, 34, 100, 100);
        // The slower rule still sees it in its 30 minutes.
        assert_eq!(fires(&series, Severity::Page).map(|(long, _)| long), Some(360));
        fill(&mut series, 0, 29, 0, 100);
        fill(&mut series, 30, 59, 100, 100);
        assert_eq!(fires(&series, Severity::Page), None);
        assert_eq!(fires(&series, Severity::Ticket).map(|(long, _)| long), Some(1440));
    }

    #[test]
    fn five_percent_of_the_budget_in_six_hours_pages() {
        // 10 a minute: 3,600 in six hours; the border is 6 × 0.001 × 3,600 = 21.6.
        let mut series = Series::default();
        fill(&mut series, 0, 359, 0, 10);
        // 21 bad ones, one every 17 minutes: 5.833. Two of them in the last 30 minutes of 300: 6.667.
        (0..21).for_each(|i| series.set(NOW - i * 17, Counts { bad: 1, total: 10 }));
        assert_eq!(fires(&series, Severity::Page), None);
        series.set(NOW - 359, Counts { bad: 1, total: 10 });
        // 22 of 3,600: 6.111.
        assert_eq!(fires(&series, Severity::Page), Some((360, 6.111)));
    }

    #[test]
    fn a_slow_leak_is_a_ticket() {
        // A thousand a minute, 2 bad every minute: twice what is allowed, for three days.
        let mut series = Series::default();
        fill(&mut series, 0, 4319, 2, 1000);
        assert_eq!((fires(&series, Severity::Page), fires(&series, Severity::Ticket)), (None, Some((4320, 2.0))));
        // Exactly what is allowed is allowed.
        fill(&mut series, 0, 4319, 1, 1000);
        assert_eq!(fires(&series, Severity::Ticket), None);
    }

    #[test]
    fn little_traffic_is_no_alarm() {
        // Nine requests in a day, all bad: a burn of a thousand, and nine failures.
        let mut series = Series::default();
        (0..9).for_each(|i| series.set(NOW - i, Counts { bad: 1, total: 1 }));
        assert_eq!((fires(&series, Severity::Page), fires(&series, Severity::Ticket)), (None, None));
        series.set(NOW - 9, Counts { bad: 1, total: 1 });
        assert_eq!(fires(&series, Severity::Page), Some((60, 1000.0)));
    }

    #[test]
    fn windows_end_with_the_minute_and_slide() {
        let mut series = Series::default();
        series.set(NOW, Counts { bad: 1, total: 1 });
        series.set(NOW - 4, Counts { bad: 10, total: 10 });
        series.set(NOW - 5, Counts { bad: 100, total: 100 });
        assert_eq!(series.window(NOW, 1).total, 1);
        assert_eq!(series.window(NOW, 5).total, 11);
        assert_eq!(series.window(NOW, 6).total, 111);
        assert_eq!(series.window(NOW - 1, 5).total, 110);
        assert_eq!(series.window(NOW + 1, 5).total, 1);
        // Three days later the slot is another minute's, and an old one never takes it back.
        let later = NOW + LONGEST_MIN as i64;
        series.set(later, Counts { bad: 0, total: 7 });
        series.set(NOW, Counts { bad: 1, total: 1 });
        assert_eq!(series.window(later, LONGEST_MIN as i64).total, 7);
    }

    #[test]
    fn the_budget_is_what_is_left_of_it() {
        let left = |bad, total| (left(objective(), Counts { bad, total }) * 1000.0).round() / 1000.0;
        assert_eq!((left(0, 0), left(0, 10), left(250, 1_000_000), left(1000, 1_000_000)), (1.0, 1.0, 0.75, 0.0));
        assert_eq!(left(3000, 1_000_000), -2.0);
        // Counted apart, and come first: the worst is that all of them are bad.
        assert_eq!(Counts { bad: 3, total: 0 }.bad_share(), 1.0);
    }

    proptest! {
        /// A window is the sum of its minutes, whatever they are and in whatever order they came.
        #[test]
        fn windows_sum_their_minutes(entries in prop::collection::vec((0i64..5000, 0u64..50, 0u64..50), 0..200), len in 1i64..4320) {
            let mut series = Series::default();
            let mut model = std::collections::BTreeMap::new();
            for (ago, bad, good) in entries {
                let counts = Counts { bad, total: bad + good };
                series.set(NOW - ago, counts);
                // Beyond three days a slot belongs to the newer minute, if that is known.
                if ago < LONGEST_MIN as i64 { model.insert(ago, counts); }
            }
            let expected = model.range(0..len).fold(Counts::default(), |sum, (_, counts)| sum.plus(*counts));
            prop_assert_eq!(series.window(NOW, len), expected);
        }
    }
}
