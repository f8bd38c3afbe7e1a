//! Tables written by hand from the rules of the zones, and an independent calendar to disagree with.

use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan};
use kernel::Entropy;

use crate::calendar::{Mark, Timing};
use crate::cron::Cron;

fn zone(name: &str) -> TimeZone {
    TimeZoneDatabase::bundled().get(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn timing(expression: &str, name: &str) -> Timing {
    let cron = Cron::parse(expression).unwrap_or_else(|wrong| panic!("{expression}: {wrong}"));
    Timing::Cron { cron, zone: zone(name) }
}

fn ms(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap_or_else(|error| panic!("{text}: {error}")).as_millisecond()
}

/// A zone, an expression, an instant, and the ticks that follow it, in UTC.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str]);

fn hold(table: &[Row]) {
    for (zone, expression, after, ticks) in table {
        let timing = timing(expression, zone);
        let mut mark = Mark::since(ms(after));
        for tick in *ticks {
            let next = timing.next(mark).unwrap_or_else(|| panic!("{zone} {expression} ends before {tick}"));
            let found = Timestamp::from_millisecond(next.at_ms).expect("a time").to_string();
            assert_eq!(&found, tick, "{zone} {expression} after {after}");
            mark = next.into();
        }
        // And from anywhere before, the last tick is the last of the table.
        let last = ms(ticks.last().expect("a tick"));
        assert_eq!(timing.latest(Mark::since(ms(after)), last + 999).map(|tick| tick.at_ms), Some(last));
        assert_eq!(timing.next(Mark::since(last - 1)).map(|tick| tick.at_ms), Some(last), "{zone} {expression}");
    }
}

/// Berlin: +1, in summer +2. 28 March 2027, 02:00 becomes 03:00; 31 October 2027, 03:00 becomes 02:00.
#[test]
fn berlin() {
    hold(&[
        ("Europe/Berlin", "0 9 * * *", "2027-03-27T00:00:00Z", &["2027-03-27T08:00:00Z", "2027-03-28T07:00:00Z"]),
        // 02:30 is skipped: 03:00 is the first valid instant.
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2027-03-27T00:00:00Z",
            &["2027-03-27T01:30:00Z", "2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"],
        ),
        // 02:30 is shown twice: the first.
        ("Europe/Berlin", "30 2 * * *", "2027-10-30T12:00:00Z", &["2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"]),
        // 02:00, 02:20 and 02:40 meet at 03:00, which is meant as well: one tick.
        (
            "Europe/Berlin",
            "*/20 2-3 * * *",
            "2027-03-28T00:00:00Z",
            &["2027-03-28T01:00:00Z", "2027-03-28T01:20:00Z", "2027-03-28T01:40:00Z", "2027-03-29T00:00:00Z"],
        ),
        // Through every hour: 01:30, then 03:30 an hour later.
        (
            "Europe/Berlin",
            "30 * * * *",
            "2027-03-28T00:00:00Z",
            &["2027-03-28T00:30:00Z", "2027-03-28T01:30:00Z", "2027-03-28T02:30:00Z"],
        ),
        // Both halves of the hour that is shown twice.
        (
            "Europe/Berlin",
            "0,30 * * * *",
            "2027-10-30T23:59:59Z",
            &[
                "2027-10-31T00:00:00Z",
                "2027-10-31T00:30:00Z",
                "2027-10-31T01:00:00Z",
                "2027-10-31T01:30:00Z",
                "2027-10-31T02:00:00Z",
            ],
        ),
        // Every two hours is twelve times a civil day: 02:00 is at 03:00.
        (
            "Europe/Berlin",
            "0 */2 * * *",
            "2027-03-27T22:59:59Z",
            &["2027-03-27T23:00:00Z", "2027-03-28T01:00:00Z", "2027-03-28T02:00:00Z", "2027-03-28T04:00:00Z"],
        ),
        ("Europe/Berlin", "15 30 2 31 10 *", "2027-01-01T00:00:00Z", &["2027-10-31T00:30:15Z", "2028-10-31T01:30:15Z"]),
    ]);
}

/// New York: -5, in summer -4. 14 March 2027, 02:00 becomes 03:00; 7 November 2027, 02:00 becomes 01:00.
#[test]
fn new_york() {
    hold(&[
        ("America/New_York", "15 2 * * *", "2027-03-13T12:00:00Z", &["2027-03-14T07:00:00Z", "2027-03-15T06:15:00Z"]),
        ("America/New_York", "30 1 * * *", "2027-11-06T12:00:00Z", &["2027-11-07T05:30:00Z", "2027-11-08T06:30:00Z"]),
        ("America/New_York", "0 9 * * MON-FRI", "2027-11-05T13:00:00Z", &["2027-11-08T14:00:00Z"]),
        (
            "America/New_York",
            "0 * * * *",
            "2027-11-07T04:59:00Z",
            &["2027-11-07T05:00:00Z", "2027-11-07T06:00:00Z", "2027-11-07T07:00:00Z"],
        ),
    ]);
}

/// São Paulo until 2019: -3, in summer -2. 4 November 2018, 00:00 becomes 01:00; 17 February 2019, 00:00 becomes 23:00.
#[test]
fn sao_paulo_changes_at_midnight() {
    hold(&[
        ("America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00:00Z", &["2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"]),
        ("America/Sao_Paulo", "30 23 * * *", "2019-02-16T12:00:00Z", &["2019-02-17T01:30:00Z", "2019-02-18T02:30:00Z"]),
        ("America/Sao_Paulo", "0 0 4 11 *", "2018-01-01T00:00:00Z", &["2018-11-04T03:00:00Z", "2019-11-04T03:00:00Z"]),
        // None since.
        ("America/Sao_Paulo", "0 0 1 12 *", "2026-01-01T00:00:00Z", &["2026-12-01T03:00:00Z"]),
    ]);
}

/// Lord Howe: +10:30, in summer +11. 3 October 2027, 02:00 becomes 02:30; 4 April 2027, 02:00 becomes 01:30.
#[test]
fn lord_howe_changes_by_half_an_hour() {
    hold(&[
        (
            "Australia/Lord_Howe",
            "15 2 * * *",
            "2027-10-02T00:00:00Z",
            &["2027-10-02T15:30:00Z", "2027-10-03T15:15:00Z"],
        ),
        (
            "Australia/Lord_Howe",
            "45 1 * * *",
            "2027-04-03T00:00:00Z",
            &["2027-04-03T14:45:00Z", "2027-04-04T15:15:00Z"],
        ),
        (
            "Australia/Lord_Howe",
            "45 * * * *",
            "2027-04-03T14:00:00Z",
            &["2027-04-03T14:45:00Z", "2027-04-03T15:15:00Z", "2027-04-03T16:15:00Z"],
        ),
        ("Australia/Lord_Howe", "0 * * * *", "2027-10-02T14:00:00Z", &["2027-10-02T14:30:00Z", "2027-10-02T16:00:00Z"]),
    ]);
}

/// Kathmandu: +5:45 since 1986, +5:30 before: 1 January 1986, 00:00 became 00:15.
#[test]
fn kathmandu_is_a_quarter_off() {
    hold(&[
        ("Asia/Kathmandu", "0 9 * * *", "2027-01-01T00:00:00Z", &["2027-01-01T03:15:00Z", "2027-01-02T03:15:00Z"]),
        ("Asia/Kathmandu", "0 * * * *", "2027-01-01T00:00:00Z", &["2027-01-01T00:15:00Z", "2027-01-01T01:15:00Z"]),
        ("Asia/Kathmandu", "5 0 * * *", "1985-12-31T00:00:00Z", &["1985-12-31T18:30:00Z", "1986-01-01T18:20:00Z"]),
    ]);
}

/// Apia left out 30 December 2011: from -10 to +14.
#[test]
fn apia_left_a_day_out() {
    hold(&[
        (
            "Pacific/Apia",
            "0 9 * * *",
            "2011-12-29T00:00:00Z",
            &["2011-12-29T19:00:00Z", "2011-12-30T19:00:00Z", "2011-12-31T19:00:00Z"],
        ),
        ("Pacific/Apia", "0 9 30 12 *", "2010-12-31T00:00:00Z", &["2012-12-29T19:00:00Z"]),
        (
            "Pacific/Apia",
            "0 0 * * *",
            "2011-12-29T00:00:00Z",
            &["2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"],
        ),
        (
            "Pacific/Apia",
            "0 * * * *",
            "2011-12-30T08:30:00Z",
            &["2011-12-30T09:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T11:00:00Z"],
        ),
        ("Pacific/Apia", "0 9 * * FRI", "2011-12-24T00:00:00Z", &["2012-01-05T19:00:00Z"]),
    ]);
}

/// Casablanca: +1, and +0 in Ramadan: 23 February 2025, 03:00 became 02:00; 6 April 2025, 02:00 became 03:00. Then the rules
/// changed: +0 for good since 20 September 2026, when 02:00 became 01:00.
#[test]
fn casablanca_changed_for_ramadan() {
    hold(&[
        ("Africa/Casablanca", "30 2 * * *", "2025-02-22T12:00:00Z", &["2025-02-23T01:30:00Z", "2025-02-24T02:30:00Z"]),
        ("Africa/Casablanca", "30 2 * * *", "2025-04-05T12:00:00Z", &["2025-04-06T02:00:00Z", "2025-04-07T01:30:00Z"]),
        ("Africa/Casablanca", "30 1 * * *", "2026-09-19T12:00:00Z", &["2026-09-20T00:30:00Z", "2026-09-21T01:30:00Z"]),
        ("Africa/Casablanca", "30 2 * * *", "2027-02-06T12:00:00Z", &["2027-02-07T02:30:00Z", "2027-02-08T02:30:00Z"]),
    ]);
}

/// Two sets of rules, one after the other: 09:00 had fired at the old instant, and the new rules put it an hour later.
#[test]
fn a_change_of_rules_brings_no_civil_time_back() {
    let (old, new) = (timing("0 9 * * *", "Etc/GMT-1"), timing("0 9 * * *", "UTC"));
    let fired = old.next(Mark::since(ms("2026-09-20T00:00:00Z"))).expect("a tick");
    assert_eq!(fired.at_ms, ms("2026-09-20T08:00:00Z"));
    let next = new.next(fired.into()).expect("a tick");
    assert_eq!(next.at_ms, ms("2026-09-21T09:00:00Z"));
    assert_eq!(new.latest(fired.into(), ms("2026-09-20T23:00:00Z")), None);
}

/// Dublin: the law calls +1 standard time and winter an hour less; the clocks do as London's.
#[test]
fn dublin_saves_daylight_in_winter() {
    for zone in ["Europe/Dublin", "Europe/London"] {
        hold(&[
            (zone, "30 1 * * *", "2027-03-27T12:00:00Z", &["2027-03-28T01:00:00Z", "2027-03-29T00:30:00Z"]),
            (zone, "30 1 * * *", "2027-10-30T12:00:00Z", &["2027-10-31T00:30:00Z", "2027-11-01T01:30:00Z"]),
        ]);
    }
}

/// Toronto, 30 March 1919: 23:30 became 00:30 of the next day. The day was there, so its last half hour has a tick.
#[test]
fn a_change_over_midnight() {
    hold(&[(
        "America/Toronto",
        "45 23 * * *",
        "1919-03-30T12:00:00Z",
        &["1919-03-31T04:30:00Z", "1919-04-01T03:45:00Z"],
    )]);
}

#[test]
fn leap_days_and_month_ends_in_utc() {
    hold(&[
        ("UTC", "0 0 29 2 *", "2027-01-01T00:00:00Z", &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        ("UTC", "0 0 29 2 *", "2096-03-01T00:00:00Z", &["2104-02-29T00:00:00Z"]),
        ("UTC", "0 0 29 2 +SUN", "2080-01-01T00:00:00Z", &["2088-02-29T00:00:00Z", "2128-02-29T00:00:00Z"]),
        (
            "UTC",
            "0 0 31 * *",
            "2027-01-31T00:00:00Z",
            &["2027-03-31T00:00:00Z", "2027-05-31T00:00:00Z", "2027-07-31T00:00:00Z", "2027-08-31T00:00:00Z"],
        ),
        (
            "UTC",
            "0 0 L * *",
            "2028-01-31T00:00:00Z",
            &["2028-02-29T00:00:00Z", "2028-03-31T00:00:00Z", "2028-04-30T00:00:00Z"],
        ),
        ("UTC", "0 0 L 2 *", "2027-01-01T00:00:00Z", &["2027-02-28T00:00:00Z", "2028-02-29T00:00:00Z"]),
        // The last of February 2027 is a Sunday, of May a Monday, of July a Saturday.
        (
            "UTC",
            "0 0 LW 2,5,7 *",
            "2027-01-01T00:00:00Z",
            &["2027-02-26T00:00:00Z", "2027-05-31T00:00:00Z", "2027-07-30T00:00:00Z"],
        ),
        // 15 May 2027 is a Saturday, 15 August a Sunday, 15 September a Wednesday.
        (
            "UTC",
            "0 0 15W 5,8,9 *",
            "2027-01-01T00:00:00Z",
            &["2027-05-14T00:00:00Z", "2027-08-16T00:00:00Z", "2027-09-15T00:00:00Z"],
        ),
        // Never into another month: 1 May 2027 is a Saturday, 31 October a Sunday, and 30 May of 2027 as well.
        ("UTC", "0 0 1W 5 *", "2027-01-01T00:00:00Z", &["2027-05-03T00:00:00Z"]),
        ("UTC", "0 0 31W 10 *", "2027-01-01T00:00:00Z", &["2027-10-29T00:00:00Z"]),
        ("UTC", "0 0 * * FRI#2", "2027-01-01T00:00:00Z", &["2027-01-08T00:00:00Z", "2027-02-12T00:00:00Z"]),
        ("UTC", "0 0 * * MON#5", "2027-01-01T00:00:00Z", &["2027-03-29T00:00:00Z", "2027-05-31T00:00:00Z"]),
        ("UTC", "0 0 * * FRIL", "2027-01-01T00:00:00Z", &["2027-01-29T00:00:00Z", "2027-02-26T00:00:00Z"]),
        // Friday or the 13th; Friday the 13th.
        ("UTC", "0 0 13 * FRI", "2027-01-09T00:00:00Z", &["2027-01-13T00:00:00Z", "2027-01-15T00:00:00Z"]),
        ("UTC", "0 0 13 * +FRI", "2027-01-01T00:00:00Z", &["2027-08-13T00:00:00Z", "2028-10-13T00:00:00Z"]),
        ("UTC", "59 59 23 31 12 *", "2027-01-01T00:00:00.001Z", &["2027-12-31T23:59:59Z"]),
    ]);
}

/// The seed of a random test: `MAINSPRING_SEED` where it is set, else a new one; printed either way.
pub(crate) fn seed() -> Entropy {
    let given = std::env::var("MAINSPRING_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| Entropy::system().u64());
    println!("MAINSPRING_SEED={seed}");
    Entropy::seeded(seed)
}

pub(crate) fn pick<'a, T: ?Sized>(entropy: &Entropy, from: &[&'a T]) -> &'a T {
    from[entropy.below(from.len() as u64) as usize]
}

const ZONES: &[&str] = &[
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "Africa/Casablanca",
    "Europe/Dublin",
    "Africa/Cairo",
    "Asia/Gaza",
    "America/St_Johns",
    "Pacific/Kwajalein",
    "Antarctica/Troll",
    "America/Toronto",
    "UTC",
];

/// The rule in its own words, by walking the clock minute by minute: the first instant at which it shows the nominal time or
/// a later one; none on a day that it never shows.
fn walked(zone: &TimeZone, nominal: DateTime) -> Option<i64> {
    let begin = nominal.in_tz("UTC").expect("a time").timestamp().as_millisecond();
    let minutes = || (-27 * 60..27 * 60).map(|minute| begin + minute * 60_000);
    let shown = |at_ms| zone.to_datetime(Timestamp::from_millisecond(at_ms).expect("a time"));
    let existed = minutes().any(|at_ms| shown(at_ms).date() == nominal.date());
    existed.then(|| minutes().find(|at_ms| shown(*at_ms) >= nominal)).flatten()
}

/// Days on which clocks change, and the days beside them, for a century.
fn day_of_change(entropy: &Entropy, zone: &TimeZone) -> Date {
    let from = Timestamp::from_second(-1_000_000_000 + entropy.below(4_000_000_000) as i64).expect("a time");
    let change = zone.following(from).next().map_or(from, |change| change.timestamp());
    zone.to_datetime(change).date() + (entropy.below(5) as i64 - 2).days()
}

#[test]
fn a_civil_time_is_the_first_valid_instant_at_or_after_it() {
    let entropy = seed();
    for _ in 0..1_500 {
        let name = pick(&entropy, ZONES);
        let zone = zone(name);
        let date = day_of_change(&entropy, &zone);
        let (hour, minute) = (entropy.below(24) as i8, entropy.below(60) as i8);
        let nominal = date.at(hour, minute, 0, 0);
        let expression = format!("{minute} {hour} {} {} *", date.day(), date.month());
        let before = Mark::since(nominal.in_tz("UTC").expect("a time").timestamp().as_millisecond() - 60 * 3_600_000);
        let next = timing(&expression, name).next(before).expect("a tick");
        let wanted = walked(&zone, nominal);
        // Changes of the clocks by odd seconds, before there were zones, are walked past.
        let odd = zone.to_offset(Timestamp::from_millisecond(before.at_ms).expect("a time")).seconds() % 60 != 0;
        if !odd {
            let found = (next.nominal == Some(nominal)).then_some(next.at_ms);
            assert_eq!(found, wanted, "{name} {nominal}");
        }
    }
}

/// One civil time a day fires once a civil day for ten years, in order, and the last tick before any instant agrees with the
/// next one.
#[test]
fn ten_years_of_days() {
    let entropy = seed();
    for name in ZONES {
        let (zone, hour, minute) = (zone(name), entropy.below(24) as i8, entropy.below(60) as i8);
        let timing = timing(&format!("{minute} {hour} * * *"), name);
        let first = Date::constant(2008, 1, 1);
        let mut mark = Mark::since(zone.to_timestamp(first.at(hour, minute, 0, 0)).expect("a time").as_millisecond());
        let mut wanted = first;
        for _ in 0..3_653 {
            let tick = timing.next(mark).expect("a tick");
            wanted = wanted.tomorrow().expect("a date");
            if *name == "Pacific/Apia" && wanted == Date::constant(2011, 12, 30) {
                wanted = wanted.tomorrow().expect("a date");
            }
            assert_eq!(tick.nominal, Some(wanted.at(hour, minute, 0, 0)), "{name}");
            assert!(tick.at_ms > mark.at_ms, "{name}");
            if entropy.below(50) == 0 {
                let between = tick.at_ms + entropy.below(1_000_000) as i64;
                assert_eq!(timing.latest(mark, between), Some(tick), "{name} {wanted}");
                assert_eq!(timing.latest(mark, tick.at_ms - 1), None, "{name} {wanted}");
            }
            mark = tick.into();
        }
    }
}

#[test]
fn what_never_comes_is_known_soon() {
    for expression in ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 1 1 +MON#5"] {
        assert_eq!(timing(expression, "Europe/Berlin").next(Mark::since(0)), None, "{expression}");
    }
}

#[test]
fn intervals_run_on_elapsed_time() {
    let every = Timing::Every { every_ms: 90_000, since_ms: 1_000 };
    let next = |at_ms| every.next(Mark::since(at_ms)).map(|tick| tick.at_ms);
    assert_eq!((next(1_000), next(90_999), next(91_000)), (Some(91_000), Some(91_000), Some(181_000)));
    assert_eq!(next(-500_000), Some(-449_000));
    assert_eq!(next(i64::MAX), None);
    assert_eq!(every.latest(Mark::since(1_000), 500_000).map(|tick| tick.at_ms), Some(451_000));
}
