//! What this process knows of all minutes: its own that are not written yet, the last three days, and the days of the window.

use std::collections::BTreeMap;

use crate::burn::{Counts, Series};
use crate::objective::{Objective, WINDOW_DAYS};
use crate::store::DAY_MIN;

/// Minutes that wait for a store which does not answer; beyond them the oldest is given up.
const PENDING: usize = 1440;
/// Other processes write a minute when it is over: for so long it may still change, minutes.
const LATE_MIN: i64 = 10;
const MINUTE_MS: i64 = 60_000;

pub(crate) struct Known {
    objectives: &'static [Objective],
    /// By minute, what this process counted and has not written, or may still add to.
    pending: BTreeMap<i64, Vec<Counts>>,
    series: Vec<Series>,
    /// By objective and day since 1970.
    days: BTreeMap<(usize, i64), Counts>,
    taken_at_ms: i64,
    /// The last minute that is over.
    last: i64,
    read: bool,
}

/// A row of minutes or of days: the objective, which one, bad ones, all.
pub(crate) type Row = (String, i64, u64, u64);

impl Known {
    pub(crate) fn new(objectives: &'static [Objective], now_ms: i64) -> Self {
        let series = objectives.iter().map(|_| Series::default()).collect();
        let (pending, days) = (BTreeMap::new(), BTreeMap::new());
        Self { objectives, pending, series, days, taken_at_ms: now_ms, last: now_ms / MINUTE_MS - 1, read: false }
    }

    /// Adds what was counted since the last call to the minute in which most of that time lies.
    pub(crate) fn add(&mut self, taken: &[Counts], now_ms: i64) {
        let minute = self.taken_at_ms.midpoint(now_ms) / MINUTE_MS;
        self.taken_at_ms = now_ms;
        self.last = now_ms / MINUTE_MS - 1;
        if taken.iter().any(|counts| *counts != Counts::default()) {
            let sums = self.pending.entry(minute).or_insert_with(|| vec![Counts::default(); taken.len()]);
            sums.iter_mut().zip(taken).for_each(|(sum, more)| *sum = sum.plus(*more));
        }
        while self.pending.len() > PENDING {
            self.pending.pop_first();
        }
    }

    /// What is to be written: minute, objective, and all that this process counted in it.
    pub(crate) fn unwritten(&self) -> Vec<(i64, &'static str, Counts)> {
        let rows = self.pending.iter().flat_map(|(minute, sums)| {
            self.objectives.iter().zip(sums).map(|(objective, counts)| (*minute, objective.name, *counts))
        });
        rows.filter(|(_, _, counts)| *counts != Counts::default()).collect()
    }

    /// These were written. A minute that is not over stays, to be written again with what comes to it.
    pub(crate) fn written(&mut self) {
        let last = self.last;
        self.pending.retain(|minute, _| *minute > last);
    }

    /// From which minute on the store is to be read: all that a rule needs at first, then what may have changed.
    pub(crate) fn stale_from(&self) -> (i64, i64) {
        if self.read {
            let from = self.last - LATE_MIN;
            (from, from)
        } else {
            (self.last + 1 - crate::burn::LONGEST_MIN as i64, self.first_day() * DAY_MIN)
        }
    }

    /// Takes in what the store says.
    pub(crate) fn refresh(&mut self, minutes: Vec<Row>, days: Vec<Row>) {
        let at = |name: &str| self.objectives.iter().position(|objective| objective.name == name);
        for (name, minute, bad, total) in minutes {
            if let Some(i) = at(&name) {
                self.series[i].set(minute, Counts { bad, total });
            }
        }
        for (name, day, bad, total) in days {
            if let Some(i) = at(&name) {
                self.days.insert((i, day), Counts { bad, total });
            }
        }
        let first = self.first_day();
        self.days.retain(|(_, day), _| *day >= first);
        self.read = true;
    }

    /// Without the store, this process's own minutes are better than none.
    pub(crate) fn refresh_alone(&mut self) {
        for (minute, sums) in &self.pending {
            self.series.iter_mut().zip(sums).for_each(|(series, counts)| series.set(*minute, *counts));
        }
    }

    /// The first day of the window, which ends with the present one.
    pub(crate) fn first_day(&self) -> i64 {
        (self.last + 1) / DAY_MIN - WINDOW_DAYS + 1
    }

    /// The last minute that is over.
    pub(crate) fn last(&self) -> i64 {
        self.last
    }

    /// The minutes of an objective.
    pub(crate) fn series(&self, objective: usize) -> &Series {
        &self.series[objective]
    }

    /// The days of the window, the oldest first; days without anything are zero.
    pub(crate) fn days(&self, objective: usize) -> Vec<(i64, Counts)> {
        let first = self.first_day();
        let of = |day| self.days.get(&(objective, day)).copied().unwrap_or_default();
        (first..first + WINDOW_DAYS).map(|day| (day, of(day))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objective::ALL;

    const START_MS: i64 = 1_800_000_000_000;

    fn one(bad: u64, total: u64) -> Vec<Counts> {
        let mut all = vec![Counts::default(); ALL.len()];
        all[0] = Counts { bad, total };
        all
    }

    #[test]
    fn a_minute_is_written_whole_until_it_is_over() {
        let mut known = Known::new(ALL, START_MS);
        known.add(&one(1, 2), START_MS + 20_000);
        let minute = START_MS / 60_000;
        assert_eq!(known.unwritten(), [(minute, "api_availability", Counts { bad: 1, total: 2 })]);
        known.written();
        // Ten seconds into the next minute: most of the time lies in the one before.
        known.add(&one(0, 3), START_MS + 61_000);
        assert_eq!(known.unwritten(), [(minute, "api_availability", Counts { bad: 1, total: 5 })]);
        known.written();
        assert!(known.unwritten().is_empty());
        known.add(&one(0, 0), START_MS + 121_000);
        assert!(known.unwritten().is_empty(), "nothing is nothing to write");
    }

    #[test]
    fn what_waits_for_the_store_is_bounded() {
        let mut known = Known::new(ALL, START_MS);
        (1..=3000).for_each(|i| known.add(&one(1, 1), START_MS + i * 60_000));
        assert_eq!(known.unwritten().len(), PENDING);
        known.refresh_alone();
        assert_eq!(known.series(0).window(known.last(), 60).bad, 60);
    }

    #[test]
    fn the_window_has_thirty_days_and_ends_today() {
        let mut known = Known::new(ALL, START_MS);
        let today = START_MS / 86_400_000;
        let row = |day| ("api_availability".to_owned(), day, 1, 10);
        known.refresh(Vec::new(), vec![row(today), row(today - 29), row(today - 30)]);
        let days = known.days(0);
        assert_eq!(
            (days.len(), days[0], days[29]),
            (30, (today - 29, Counts { bad: 1, total: 10 }), (today, Counts { bad: 1, total: 10 }))
        );
        assert_eq!(days.iter().map(|(_, counts)| counts.total).sum::<u64>(), 20);
    }
}
