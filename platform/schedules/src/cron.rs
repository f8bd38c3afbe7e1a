//! A cron expression: which civil times it means.
//!
//! Pure civil calendar: no zone and no clock. What a civil time is on the day of a change of clocks is in `calendar.rs`.
//!
//! ```text
//! ┌ second 0-59 (may be left out: 0)
//! │ ┌ minute 0-59
//! │ │ ┌ hour 0-23
//! │ │ │ ┌ day of the month 1-31, L (the last), LW (the last Monday to Friday), 15W (the Monday to Friday nearest)
//! │ │ │ │ ┌ month 1-12, JAN-DEC
//! │ │ │ │ │ ┌ weekday 0-7, SUN-SAT (0 and 7: Sunday), FRI#2 (the second), FRIL or FRI#L (the last)
//! * * * * * *     lists 1,15   ranges 9-17   steps */15 and 0-30/10   @hourly @daily @weekly @monthly @yearly
//! ```
//!
//! Day of the month and weekday, when neither is `*`: either is enough (as in Vixie's cron); with `+` before the weekday
//! both must hold.

use jiff::civil::{Date, DateTime, Time, Weekday};

/// How far ahead a next time is looked for. The rarest expression, 29 February on a given weekday, pauses for 40 years
/// around 2100.
const SEARCH_DAYS: u32 = 41 * 366;
const ALL_HOURS: u64 = (1 << 24) - 1;

/// What an expression means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cron {
    pub(crate) seconds: u64,
    pub(crate) minutes: u64,
    pub(crate) hours: u64,
    pub(crate) months: u64,
    pub(crate) days: Days,
    pub(crate) weekdays: Weekdays,
    /// Whether day of the month and weekday must both hold.
    pub(crate) both: bool,
}

/// Days of the month, as bits 1 to 31.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Days {
    pub(crate) any: bool,
    pub(crate) on: u64,
    /// `15W`: the Monday to Friday nearest to it, within the month.
    pub(crate) nearest: u64,
    pub(crate) last: bool,
    pub(crate) last_working: bool,
}

/// Weekdays, as bits 0 (Sunday) to 6.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weekdays {
    pub(crate) any: bool,
    pub(crate) on: u64,
    /// `FRI#2`: the first, second … fifth of the month.
    pub(crate) nth: [u64; 5],
    pub(crate) last: u64,
}

impl Cron {
    /// Whether it runs through every hour of the day: it then follows the clock as it is shown, and a change of clocks
    /// takes an hour of ticks away or adds one.
    pub(crate) fn every_hour(&self) -> bool {
        self.hours == ALL_HOURS
    }

    /// The first time it means, at or after `from` (whole seconds). `None` when there is none within 41 years.
    pub(crate) fn next(&self, from: DateTime) -> Option<DateTime> {
        let (mut date, mut time) = (from.date(), from.time());
        let mut days = 0;
        while days < SEARCH_DAYS {
            if !has(self.months, date.month()) {
                // A month at once.
                days += 28;
                (date, time) = (date.last_of_month().tomorrow().ok()?, Time::midnight());
                continue;
            }
            if self.on(date)
                && let Some(time) = self.at_or_after(time)
            {
                return Some(date.to_datetime(time));
            }
            days += 1;
            (date, time) = (date.tomorrow().ok()?, Time::midnight());
        }
        None
    }

    /// Whether it has times on this date.
    pub(crate) fn on(&self, date: Date) -> bool {
        if !has(self.months, date.month()) {
            return false;
        }
        let (day, weekday) = (self.days.has(date), self.weekdays.has(date));
        match (self.days.any, self.weekdays.any) {
            (true, true) => true,
            (true, false) => weekday,
            (false, true) => day,
            (false, false) if self.both => day && weekday,
            (false, false) => day || weekday,
        }
    }

    fn at_or_after(&self, time: Time) -> Option<Time> {
        let start = |bits| first(bits, 0);
        let made = |hour: u32, minute: u32, second: u32| Time::new(hour as i8, minute as i8, second as i8, 0).ok();
        let (hour, minute) = (time.hour() as u32, time.minute() as u32);
        if has(self.hours, time.hour()) {
            if has(self.minutes, time.minute())
                && let Some(second) = first(self.seconds, time.second() as u32)
            {
                return made(hour, minute, second);
            }
            if let Some(minute) = first(self.minutes, minute + 1) {
                return made(hour, minute, start(self.seconds)?);
            }
        }
        made(first(self.hours, hour + 1)?, start(self.minutes)?, start(self.seconds)?)
    }
}

impl Days {
    fn has(&self, date: Date) -> bool {
        let (day, length) = (date.day(), date.days_in_month());
        has(self.on, day)
            || self.last && day == length
            || self.last_working && day == last_working(date)
            || self.nearest != 0 && (1..=length).any(|wanted| has(self.nearest, wanted) && day == nearest(date, wanted))
    }
}

/// The last Monday to Friday of the month of `date`.
fn last_working(date: Date) -> i8 {
    let last = date.last_of_month();
    match last.weekday() {
        Weekday::Saturday => last.day() - 1,
        Weekday::Sunday => last.day() - 2,
        _ => last.day(),
    }
}

/// The Monday to Friday nearest to day `wanted` of the month of `date`, never in another month.
fn nearest(date: Date, wanted: i8) -> i8 {
    let weekday = date.first_of_month().weekday().wrapping_add(wanted - 1);
    match weekday {
        Weekday::Saturday if wanted == 1 => 3,
        Weekday::Saturday => wanted - 1,
        Weekday::Sunday if wanted == date.days_in_month() => wanted - 2,
        Weekday::Sunday => wanted + 1,
        _ => wanted,
    }
}

impl Weekdays {
    fn has(&self, date: Date) -> bool {
        let weekday = date.weekday().to_sunday_zero_offset();
        has(self.on, weekday)
            || has(self.nth[(date.day() as usize - 1) / 7], weekday)
            || has(self.last, weekday) && date.day() + 7 > date.days_in_month()
    }
}

pub(crate) fn has(bits: u64, value: i8) -> bool {
    bits >> value & 1 == 1
}

/// The lowest number of the set that is not under `from`.
fn first(bits: u64, from: u32) -> Option<u32> {
    let rest = bits.checked_shr(from)?;
    (rest != 0).then(|| from + rest.trailing_zeros())
}
