//! Expressions: the mistakes, the texts that are none, and another library that reads them.

use jiff::ToSpan;
use jiff::civil::Date;
use kernel::Entropy;

use crate::calendar_test::{pick, seed};
use crate::cron::Cron;

fn part(entropy: &Entropy, low: u64, high: u64) -> String {
    let value = || low + entropy.below(high - low + 1);
    let (a, b) = (value(), value());
    let (from, to) = (a.min(b), a.max(b));
    match entropy.below(7) {
        0 | 1 => "*".to_owned(),
        2 => format!("{a}"),
        3 => format!("{from}-{to}"),
        4 => format!("*/{}", 1 + entropy.below(high)),
        5 => format!("{from}-{to}/{}", 1 + entropy.below(high)),
        _ => format!("{a},{from}-{to}"),
    }
}

/// An expression of what both understand alike, over the whole language.
fn expression(entropy: &Entropy) -> String {
    let days = ["L", "LW", "15W", "1W,31W", "29", "L,10", "31", "30W", "?"];
    let weekdays =
        ["FRI#2", "MON-FRI", "5L", "SUN", "7", "FRI-SUN", "MON#5,TUE#1", "+MON", "+5-7", "sat#L", "?", "0-7"];
    let months = ["JAN,DEC", "feb", "2", "MAR-MAY", "6-9/2"];
    let special = |names: &[&'static str], low, high| match entropy.below(3) {
        0 => (*pick(entropy, names)).to_owned(),
        1 => "*".to_owned(),
        _ => part(entropy, low, high),
    };
    let second = if entropy.below(2) == 0 { String::new() } else { format!("{} ", part(entropy, 0, 59)) };
    let (minute, hour) = (part(entropy, 0, 59), part(entropy, 0, 23));
    let (day, month, weekday) = (special(&days, 1, 31), special(&months, 1, 12), special(&weekdays, 0, 7));
    format!("{second}{minute} {hour} {day} {month} {weekday}")
}

/// Another library, another author: the same expressions mean the same days, and the same times in UTC. (In zones we differ on
/// purpose: it fires `30 2,14 * * *` twice where 02:30 is shown twice, and gives up on the day that Apia left out.)
#[test]
fn another_library_reads_expressions_alike() {
    use croner::parser::{CronParser, Seconds, Year};
    let entropy = seed();
    let theirs = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    let (mut compared, mut refused) = (0, 0);
    for _ in 0..4_000 {
        let text = expression(&entropy);
        let (ours, theirs) = match (Cron::parse(&text), theirs.parse(&text)) {
            (Ok(ours), Ok(theirs)) => (ours, theirs),
            (Err(_), Err(_)) => {
                refused += 1;
                continue;
            }
            (ours, theirs) => panic!("{text}: ours {ours:?}, theirs {theirs:?}"),
        };
        let mut date = Date::constant(2024, 1, 1) + (entropy.below(20_000) as i64).days();
        for _ in 0..100 {
            let weekday = croner::Weekday::from_days_from_sunday(date.weekday().to_sunday_zero_offset() as u32);
            let (year, month, day) = (i32::from(date.year()), date.month() as u32, date.day() as u32);
            let their_day = theirs.pattern.month_match(month).expect("a month")
                && theirs.pattern.day_match(year, month, day, weekday).expect("a day");
            assert_eq!(ours.on(date), their_day, "{text} on {date}");
            if their_day {
                let from = date.at(entropy.below(24) as i8, entropy.below(60) as i8, entropy.below(60) as i8, 0);
                assert_eq!(ours.next(from), theirs.find_next_occurrence(&from, true).ok(), "{text} from {from}");
                compared += 1;
            }
            date = date.tomorrow().expect("a date");
        }
    }
    println!("{compared} times compared, {refused} expressions refused by both");
    assert!(compared > 10_000);
}

#[test]
fn a_mistake_is_named_with_its_field_and_character() {
    let table = [
        ("", 1, "five fields"),
        ("* * * *", 8, "not 4"),
        ("* * * * * * *", 13, "not 7"),
        ("60 * * * *", 1, "60 is not between 0 and 59 (at character 1, the minute)"),
        ("0 9 * * MUN", 9, "MUN is neither a number from 0 to 7 nor one of SUN to SAT (at character 9, the weekday)"),
        ("0 0 1JAN * *", 5, "1JAN is no number from 1 to 31 (at character 5, the day of the month)"),
        ("MON * * * *", 1, "MON is no number"),
        ("0 9,25 * * *", 5, "25 is not between 0 and 23 (at character 5, the hour)"),
        ("0 9-25 * * *", 5, "25 is not between"),
        ("0 17-9 * * *", 3, "the range 17-9 runs backwards"),
        ("*/0 * * * *", 3, "a step is a number from 1 to 59"),
        ("*/ * * * *", 3, "a step is"),
        ("5/15 * * * *", 1, "a step needs a range: 5-59/15"),
        ("0 9,, * * *", 5, "is missing"),
        ("0 0 32W * *", 5, "32 is not between 1 and 31"),
        ("0 0 W * *", 5, "is missing"),
        ("0 0 * * FRI#6", 13, "after # belongs"),
        ("0 0 * * ++1", 10, "+1 is neither"),
        ("0 0 L-3 * *", 5, "L is no number"),
        ("0 0 * 13 *", 7, "13 is not between 1 and 12 (at character 7, the month)"),
        ("0 0 * * 1-7-2", 11, "7-2 is neither"),
        ("? * * * *", 1, "? is no number"),
        ("@reboot", 1, "@hourly"),
        ("@daily *", 1, "@hourly"),
        ("0 9 * * ½", 9, "only letters"),
        ("0 9 * *\n*", 8, "only letters"),
        ("99999999999 * * * *", 1, "99999999999 is no number"),
    ];
    for (text, at, message) in table {
        let wrong = Cron::parse(text).expect_err(text);
        assert!(wrong.at == at && wrong.to_string().contains(message), "{text}: {wrong}");
    }
    assert_eq!(Cron::parse(&"1".repeat(1000)).expect_err("too long").at, 201);
    assert_eq!(Cron::parse("\t@Hourly ").expect("a nickname"), Cron::parse(" 0\t* * * * ").expect("the same"));
}

#[test]
fn no_text_breaks_the_parser() {
    let entropy = seed();
    let signs: Vec<char> = "0123456789*/,-#+?LWlwMONTUEJANSU @\té½".chars().collect();
    for _ in 0..20_000 {
        let text: String = (0..entropy.below(30)).map(|_| signs[entropy.below(signs.len() as u64) as usize]).collect();
        match Cron::parse(&text) {
            Ok(cron) => drop(cron.next(Date::constant(2027, 1, 1).at(0, 0, 0, 0))),
            Err(wrong) => assert!((1..=text.chars().count() + 1).contains(&wrong.at), "{text:?}: {wrong}"),
        }
    }
}
