//! Which instants a schedule means: civil times in a zone, or an interval of elapsed time.
//!
//! The rule on days when the clocks change:
//!
//! - An expression that does not run through every hour fires once for each civil time it means, on every day: at the first
//!   valid instant at or after it where the clocks skip it, at the first of the two where they show it twice. Times that meet
//!   at one instant are one tick. A day that a zone left out altogether (Samoa, 30 December 2011) has none.
//! - One that runs through every hour follows the clock as it is shown: what is skipped is not made up, what is shown twice
//!   fires twice. Every quarter of an hour stays every quarter of an hour.
//! - An interval runs on elapsed time and knows no zone.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

use crate::cron::Cron;

/// Changes of a zone that are looked through for the one that skipped a time; others beside it only rename the zone.
const CHANGES: usize = 8;

/// When a schedule fires.
#[derive(Clone, Debug)]
pub(crate) enum Timing {
    /// At civil times of a zone.
    Cron { cron: Cron, zone: TimeZone },
    /// Every so many milliseconds since an instant.
    Every { every_ms: i64, since_ms: i64 },
}

/// One time to fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    /// The instant, Unix milliseconds.
    pub(crate) at_ms: i64,
    /// The civil time that was meant, where each one fires once.
    pub(crate) nominal: Option<DateTime>,
}

/// The last tick that was dealt with: the only memory a schedule has of what it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Every tick at or before this instant is dealt with.
    pub(crate) at_ms: i64,
    /// And every civil time up to this one: a change of a zone's rules moves instants, and must not bring one back.
    pub(crate) nominal: Option<DateTime>,
}

impl Mark {
    /// Nothing before `at_ms` counts.
    pub(crate) fn since(at_ms: i64) -> Self {
        Self { at_ms, nominal: None }
    }
}

impl From<Tick> for Mark {
    fn from(tick: Tick) -> Self {
        Self { at_ms: tick.at_ms, nominal: tick.nominal }
    }
}

impl Timing {
    /// The first tick after the mark.
    pub(crate) fn next(&self, after: Mark) -> Option<Tick> {
        match self {
            Self::Every { every_ms, since_ms } => {
                let past = after.at_ms.saturating_sub(*since_ms).div_euclid(*every_ms);
                let at_ms = past.checked_add(1)?.checked_mul(*every_ms)?.checked_add(*since_ms)?;
                Some(Tick { at_ms, nominal: None })
            }
            Self::Cron { cron, zone } if cron.every_hour() => next_shown(cron, zone, after.at_ms),
            Self::Cron { cron, zone } => next_meant(cron, zone, after),
        }
    }

    /// The last tick after the mark and not after `until_ms`. The next tick only grows with the mark, so it is found by
    /// halving: 40 steps for a century, whatever the expression.
    pub(crate) fn latest(&self, after: Mark, until_ms: i64) -> Option<Tick> {
        let next = |at_ms| self.next(Mark { at_ms, ..after }).filter(|tick| tick.at_ms <= until_ms);
        let mut found = next(after.at_ms)?;
        let mut none_from = until_ms;
        while none_from - found.at_ms > 1 {
            let middle = found.at_ms + (none_from - found.at_ms) / 2;
            match next(middle) {
                Some(tick) => found = tick,
                None => none_from = middle,
            }
        }
        // What is left to ask is the instant right before `none_from`.
        Some(next(found.at_ms).unwrap_or(found))
    }
}

/// The first civil time after the mark that the expression means, at its instant.
fn next_meant(cron: &Cron, zone: &TimeZone, after: Mark) -> Option<Tick> {
    let begin = zone.to_datetime(timestamp(after.at_ms)?);
    let mut from = second_after(after.nominal.map_or(begin, |nominal| nominal.max(begin)))?;
    loop {
        let nominal = cron.next(from)?;
        match first_instant(zone, nominal) {
            Some(at_ms) if at_ms > after.at_ms => return Some(Tick { at_ms, nominal: Some(nominal) }),
            // It met an earlier one, lies in the hour that is shown again, or its day was left out.
            _ => from = second_after(nominal)?,
        }
    }
}

/// The first instant after `after_ms` at which the clock shows a time that the expression means.
fn next_shown(cron: &Cron, zone: &TimeZone, after_ms: i64) -> Option<Tick> {
    let mut from_ms = after_ms.checked_div_euclid(1000)?.checked_add(1)?.checked_mul(1000)?;
    loop {
        // Between two changes of the clocks, civil time is the instant and an offset.
        let from = timestamp(from_ms)?;
        let offset = zone.to_offset(from);
        let at_ms = instant(offset, cron.next(offset.to_datetime(from))?)?;
        match zone.following(from).next().map(|change| change.timestamp().as_millisecond()) {
            Some(change_ms) if change_ms <= at_ms => from_ms = change_ms,
            _ => return Some(Tick { at_ms, nominal: None }),
        }
    }
}

/// The instant of a civil time: the first of two, or the first valid one after a time that the clocks skip.
fn first_instant(zone: &TimeZone, civil: DateTime) -> Option<i64> {
    match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
            instant(offset, civil)
        }
        AmbiguousOffset::Gap { before, after } => {
            // With the later offset, a skipped time is shortly before the change.
            let shortly_before = after.to_timestamp(civil).ok()?;
            let mut changes = zone.following(shortly_before).take(CHANGES);
            let change = changes.find(|change| change.offset() == after)?.timestamp();
            let (skips_from, skips_to) = (before.to_datetime(change), after.to_datetime(change));
            let day = civil.date();
            let left_out = skips_from <= day.at(0, 0, 0, 0) && skips_to.date() > day;
            (!left_out).then(|| change.as_millisecond())
        }
    }
}

fn instant(offset: Offset, civil: DateTime) -> Option<i64> {
    offset.to_timestamp(civil).ok().map(Timestamp::as_millisecond)
}

fn timestamp(at_ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(at_ms).ok()
}

fn second_after(civil: DateTime) -> Option<DateTime> {
    let whole = civil.with().subsec_nanosecond(0).build().ok()?;
    whole.checked_add(jiff::SignedDuration::from_secs(1)).ok()
}
