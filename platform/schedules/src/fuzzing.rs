//! What the fuzz targets see of this crate: it is built for them alone.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::calendar::{self, Mark, Tick};
use crate::cron::Cron;
use crate::words;

/// What an expression means: sets of values as bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expression(Cron);

/// The sets of an expression.
#[derive(Clone, Copy, Debug)]
pub struct Sets {
    /// 0 to 59.
    pub seconds: u64,
    /// 0 to 59.
    pub minutes: u64,
    /// 0 to 23.
    pub hours: u64,
    /// 1 to 12.
    pub months: u64,
    /// 1 to 31; none where every day of the month is meant.
    pub days: Option<u64>,
    /// The Monday to Friday nearest to these.
    pub nearest: u64,
    /// The last of the month; the last Monday to Friday.
    pub last: (bool, bool),
    /// 0 (Sunday) to 6; none where every weekday is meant.
    pub weekdays: Option<u64>,
    /// The first to the fifth such weekday of the month.
    pub nth: [u64; 5],
    /// The last such weekday of the month.
    pub last_weekdays: u64,
    /// Whether day and weekday must both hold.
    pub both: bool,
}

impl Expression {
    /// Parses.
    ///
    /// # Errors
    /// The character that is wrong, from 1, and the words.
    pub fn parse(text: &str) -> Result<Self, (usize, String)> {
        Cron::parse(text).map(Self).map_err(|wrong| (wrong.at, wrong.to_string()))
    }

    /// Its sets.
    pub fn sets(&self) -> Sets {
        let Cron { days, weekdays, .. } = &self.0;
        Sets {
            seconds: self.0.seconds,
            minutes: self.0.minutes,
            hours: self.0.hours,
            months: self.0.months,
            days: (!days.any).then_some(days.on),
            nearest: days.nearest,
            last: (days.last, days.last_working),
            weekdays: (!weekdays.any).then_some(weekdays.on),
            nth: weekdays.nth,
            last_weekdays: weekdays.last,
            both: self.0.both,
        }
    }

    /// The first civil time at or after `from`.
    pub fn next(&self, from: DateTime) -> Option<DateTime> {
        self.0.next(from)
    }
}

/// An expression in a zone.
#[derive(Clone, Debug)]
pub struct Timing(calendar::Timing);

impl Timing {
    /// In this zone.
    pub fn new(expression: &Expression, zone: TimeZone) -> Self {
        Self(calendar::Timing::Cron { cron: expression.0.clone(), zone })
    }

    /// The first tick after an instant, Unix milliseconds, with the civil time that it stands for.
    pub fn next(&self, after_ms: i64) -> Option<(i64, Option<DateTime>)> {
        self.0.next(Mark::since(after_ms)).map(|Tick { at_ms, nominal }| (at_ms, nominal))
    }

    /// The last tick after one instant and not after the other.
    pub fn latest(&self, after_ms: i64, until_ms: i64) -> Option<i64> {
        self.0.latest(Mark::since(after_ms), until_ms).map(|tick| tick.at_ms)
    }

    /// In words.
    pub fn words(&self) -> String {
        words::describe(&self.0)
    }
}
