//! Cron expressions: what is read is what was written, and fires when it says.
//!
//! - A mistake is at a character of the text. What is read, written out as sets and read again is the same.
//! - The next time is the first one, at or after the moment, that fits the sets by `Days`, which counts days in its own way; where
//!   there is none, no day of the next twelve years fits. An expression that can never fire says so as fast as any other.
//! - In a zone ticks only go forward, the last tick before the next one is none, and clocks show the time that was meant, or the
//!   first one after it that they show at all.
//!
//! Input: zone, a byte; seconds since 2000 in four bytes; the expression.
#![no_main]

use std::sync::OnceLock;

use fuzz::Input;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};
use libfuzzer_sys::fuzz_target;
use schedules::fuzzing::{Expression, Sets, Timing};

const ZONES: [&str; 8] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Asia/Gaza",
    "America/St_Johns",
];
const YEAR_2000_S: i64 = 946_684_800;
const SEARCHED_DAYS: i64 = 12 * 366;

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let zone = input.pick(zones());
    let since_s = u32::from_be_bytes(input.bytes());
    let now = Timestamp::from_second(YEAR_2000_S + i64::from(since_s)).expect("a time");
    let Ok(text) = std::str::from_utf8(input.0) else { return };
    let expression = match Expression::parse(text) {
        Ok(expression) => expression,
        Err((at, words)) => {
            assert!((1..=text.chars().count() + 1).contains(&at) && !words.is_empty(), "{words}");
            return;
        }
    };
    let sets = expression.sets();
    let written = write(&sets);
    if written.len() <= 200 {
        assert_eq!(Expression::parse(&written).as_ref(), Ok(&expression), "{written}");
    }
    let from = zone.to_datetime(now);
    let days = Days(sets);
    match expression.next(from) {
        Some(next) => first(&days, from, next),
        None => assert!(days.after(from.date()).next().is_none(), "{written} fires"),
    }
    ticks(&days, &Timing::new(&expression, zone.clone()), zone, now.as_millisecond());
});

fn zones() -> &'static [TimeZone] {
    static READ: OnceLock<Vec<TimeZone>> = OnceLock::new();
    let read = || ZONES.iter().map(|name| TimeZoneDatabase::bundled().get(name).expect("a zone")).collect();
    READ.get_or_init(read)
}

/// `next` is the first time that fits.
fn first(days: &Days, from: DateTime, next: DateTime) {
    assert!(next >= from && days.fits(next), "{next} from {from}");
    let day = days.after(from.date()).find(|day| days.time(*day, from).is_some());
    // Beyond what is searched here it may only be later.
    let Some(day) = day else { return assert!(next > from.saturating_add(SEARCHED_DAYS.days())) };
    assert_eq!(Some(next), days.time(day, from));
}

fn ticks(days: &Days, timing: &Timing, zone: &TimeZone, now_ms: i64) {
    assert!(!timing.words().is_empty());
    let mut after_ms = now_ms;
    for _ in 0..3 {
        let Some((at_ms, meant)) = timing.next(after_ms) else { return };
        assert!(at_ms > after_ms, "{at_ms} after {after_ms}");
        assert_eq!(timing.latest(after_ms, at_ms), Some(at_ms));
        assert_eq!(timing.latest(after_ms, at_ms - 1), None);
        let shown = |ms: i64| zone.to_datetime(Timestamp::from_millisecond(ms).expect("a time"));
        match meant {
            None => assert!(days.fits(shown(at_ms)), "{} is shown", shown(at_ms)),
            Some(meant) if shown(at_ms) == meant => assert!(days.fits(meant)),
            Some(meant) => {
                let skipped = shown(at_ms - 1) < meant && meant < shown(at_ms);
                assert!(days.fits(meant) && skipped, "{meant} was meant, {} is shown", shown(at_ms));
            }
        }
        after_ms = at_ms;
    }
}

/// The sets as an expression of six fields.
fn write(sets: &Sets) -> String {
    let all = |bits: u64| (bits != 0).then(|| progressions(bits));
    let each = |bits: u64, suffix: &'static str| values(bits).into_iter().map(move |value| format!("{value}{suffix}"));
    let mut days: Vec<String> = sets.days.and_then(all).into_iter().collect();
    days.extend(each(sets.nearest, "W"));
    days.extend(
        [(sets.last.0, "L"), (sets.last.1, "LW")].iter().filter(|(is, _)| *is).map(|(_, word)| (*word).to_owned()),
    );
    let mut weekdays: Vec<String> = sets.weekdays.and_then(all).into_iter().collect();
    for (nth, suffix) in sets.nth.iter().zip(["#1", "#2", "#3", "#4", "#5"]) {
        weekdays.extend(each(*nth, suffix));
    }
    weekdays.extend(each(sets.last_weekdays, "L"));
    let [seconds, minutes, hours, months] = [sets.seconds, sets.minutes, sets.hours, sets.months].map(progressions);
    let days = sets.days.map_or("*".to_owned(), |_| days.join(","));
    let weekdays = sets.weekdays.map_or("*".to_owned(), |_| weekdays.join(","));
    let plus = if sets.both { "+" } else { "" };
    format!("{seconds} {minutes} {hours} {days} {months} {plus}{weekdays}")
}

/// A set in few words: each time the longest run of even steps that begins with the lowest value left.
fn progressions(bits: u64) -> String {
    let (mut left, mut words) = (bits, Vec::new());
    while left != 0 {
        let low = left.trailing_zeros();
        let run =
            |step: u32| (low..64).step_by(step as usize).take_while(|value| bits >> value & 1 == 1).collect::<Vec<_>>();
        let run = (1..32).map(run).max_by_key(Vec::len).expect("a run");
        left = run.iter().fold(left, |left, value| left & !(1 << value));
        words.push(match run[..] {
            [one] => one.to_string(),
            [one, other] => format!("{one},{other}"),
            [one, other, .., last] => format!("{one}-{last}/{}", other - one),
            [] => String::new(),
        });
    }
    words.join(",")
}

fn values(bits: u64) -> Vec<u32> {
    (0..64).filter(|value| bits >> value & 1 == 1).collect()
}

/// The days that are meant, found by counting.
struct Days(Sets);

impl Days {
    /// Those from this one on, for as long as is searched.
    fn after(&self, date: Date) -> impl Iterator<Item = Date> {
        let days = (0..SEARCHED_DAYS).map_while(move |days| date.checked_add(days.days()).ok());
        days.filter(|day| self.on(*day))
    }

    /// Whether it means times on this day.
    fn on(&self, date: Date) -> bool {
        let sets = &self.0;
        if !has(sets.months, date.month()) {
            return false;
        }
        let month: Vec<Date> =
            (1..=date.days_in_month()).map(|day| Date::new(date.year(), date.month(), day).expect("a day")).collect();
        let working: Vec<Date> =
            month.iter().copied().filter(|day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)).collect();
        let nearest = |wanted: i8| working.iter().min_by_key(|day| (day.day() - wanted).abs()).copied();
        let day = sets.days.is_some_and(|days| has(days, date.day()))
            || sets.last.0 && month.last() == Some(&date)
            || sets.last.1 && working.last() == Some(&date)
            || month.iter().any(|wanted| has(sets.nearest, wanted.day()) && nearest(wanted.day()) == Some(date));
        let same: Vec<Date> = month.iter().copied().filter(|day| day.weekday() == date.weekday()).collect();
        let which = same.iter().position(|day| *day == date).expect("one of its weekday");
        let number = date.weekday().to_sunday_zero_offset();
        let weekday = sets.weekdays.is_some_and(|weekdays| has(weekdays, number))
            || has(sets.nth[which], number)
            || has(sets.last_weekdays, number) && same.last() == Some(&date);
        match (sets.days, sets.weekdays) {
            (None, None) => true,
            (None, Some(_)) => weekday,
            (Some(_), None) => day,
            (Some(_), Some(_)) if sets.both => day && weekday,
            (Some(_), Some(_)) => day || weekday,
        }
    }

    /// The first time of a day that it means, not before `from`.
    fn time(&self, day: Date, from: DateTime) -> Option<DateTime> {
        let [hours, minutes, seconds] = [self.0.hours, self.0.minutes, self.0.seconds].map(values);
        let minutes = hours.iter().flat_map(|hour| minutes.iter().map(move |minute| (*hour as i8, *minute as i8)));
        let times =
            minutes.flat_map(|(hour, minute)| seconds.iter().map(move |second| day.at(hour, minute, *second as i8, 0)));
        times.into_iter().find(|time| *time >= from)
    }

    fn fits(&self, time: DateTime) -> bool {
        let Sets { hours, minutes, seconds, .. } = self.0;
        self.on(time.date()) && has(hours, time.hour()) && has(minutes, time.minute()) && has(seconds, time.second())
    }
}

fn has(bits: u64, value: i8) -> bool {
    bits >> value & 1 == 1
}
