//! A schedule in words: "every weekday at 09:00, Europe/Berlin".

use crate::calendar::Timing;
use crate::cron::{Cron, Days, Weekdays};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
const SIXTY: u64 = (1 << 60) - 1;
const MONDAY_TO_FRIDAY: u64 = 0b011_1110;
const WEEKEND: u64 = 0b100_0001;
/// Times of day that are written out; more are said as minutes and hours.
const TIMES: usize = 6;

/// The schedule in words, with its zone where it has one.
pub(crate) fn describe(timing: &Timing) -> String {
    match timing {
        Timing::Every { every_ms, .. } => format!("every {}", lasting(*every_ms)),
        Timing::Cron { cron, zone } => {
            format!("{}, {}", civil(cron), zone.iana_name().unwrap_or("UTC"))
        }
    }
}

fn lasting(ms: i64) -> String {
    let units = [(86_400_000, "24 hours"), (3_600_000, "hour"), (60_000, "minute"), (1_000, "second")];
    let (of, unit) = units.into_iter().find(|(of, _)| ms % of == 0).unwrap_or((1, "millisecond"));
    match (ms / of, unit) {
        (1, unit) => unit.to_owned(),
        // An interval of a day is 24 hours: on the day of a change of clocks that is another time of day.
        (days, "24 hours") => format!("{} hours", days * 24),
        (count, unit) => format!("{count} {unit}s"),
    }
}

fn civil(cron: &Cron) -> String {
    let (times, points) = times(cron);
    let two_kinds = !cron.days.any && !cron.weekdays.any;
    match days(cron) {
        None if points => format!("every day {times}"),
        None => times,
        Some(days) if points && !two_kinds => format!("{days} {times}"),
        Some(days) => format!("{times}, {days}"),
    }
}

/// The times of a day, and whether they are points ("at 09:00") and not a rhythm ("every minute").
fn times(cron: &Cron) -> (String, bool) {
    let (hours, minutes, seconds) = (values(cron.hours), values(cron.minutes), values(cron.seconds));
    if !cron.every_hour() && hours.len() * minutes.len() * seconds.len() <= TIMES {
        let second = |second| if cron.seconds == 1 { String::new() } else { format!(":{second:02}") };
        let mut all = Vec::new();
        for hour in &hours {
            for minute in &minutes {
                all.extend(seconds.iter().map(|s| format!("{hour:02}:{minute:02}{}", second(*s))));
            }
        }
        return (format!("at {}", listed(&all)), true);
    }
    let within = if cron.every_hour() { String::new() } else { format!(" {}", in_hours(&hours)) };
    let seconds = rhythm(cron.seconds, "second");
    if cron.minutes == SIXTY && cron.seconds != 1 {
        let every = if seconds.starts_with("at") { "every minute " } else { "" };
        return (format!("{every}{seconds}{within}"), false);
    }
    let minutes = match (cron.minutes, rhythm(cron.minutes, "minute")) {
        (1, _) => on_the_hour(cron, &hours),
        (_, said) if said.starts_with("at") && cron.every_hour() => format!("every hour {said}"),
        (_, said) => format!("{said}{within}"),
    };
    match (cron.seconds, seconds.starts_with("at")) {
        (1, _) => (minutes, false),
        (_, true) => (format!("{minutes} {seconds}"), false),
        (_, false) => (format!("{seconds} {minutes}"), false),
    }
}

fn on_the_hour(cron: &Cron, hours: &[u32]) -> String {
    match (step(cron.hours, 24), runs(hours).as_slice()) {
        (Some(1), _) => "every hour".to_owned(),
        (Some(by), _) => format!("every {by} hours"),
        (None, [(from, to)]) => format!("every hour from {from:02}:00 to {to:02}:00"),
        (None, _) => format!("on the hour {}", in_hours(hours)),
    }
}

/// "every minute", "every 15 minutes", "at minutes 5 and 35".
fn rhythm(bits: u64, unit: &str) -> String {
    let values = values(bits);
    match step(bits, 60) {
        Some(1) => format!("every {unit}"),
        Some(by) => format!("every {by} {unit}s"),
        None => {
            let plural = if values.len() == 1 { "" } else { "s" };
            format!("at {unit}{plural} {}", ranges(&values, |value| value.to_string()))
        }
    }
}

/// The step of `*/step` over so many values, where it is even all around.
fn step(bits: u64, span: u32) -> Option<u32> {
    let by = values(bits).get(1).copied()?;
    let even = span.is_multiple_of(by) && (0..span).step_by(by as usize).fold(0, |set, v| set | 1u64 << v) == bits;
    even.then_some(by)
}

fn in_hours(hours: &[u32]) -> String {
    match (hours, runs(hours).as_slice()) {
        (_, [(from, to)]) => format!("from {from:02}:00 to {to:02}:59"),
        (hours, _) => format!("in the hours {}", ranges(hours, |hour| hour.to_string())),
    }
}

/// The days and months, unless it is every day of the year.
fn days(cron: &Cron) -> Option<String> {
    let months = values(cron.months);
    let all_year = months.len() == 12;
    let of = if all_year {
        "of the month".to_owned()
    } else {
        format!("of {}", ranges(&months, |month| MONTHS[month as usize - 1].to_owned()))
    };
    let in_months = if all_year { String::new() } else { format!(" {}", of.replacen("of", "in", 1)) };
    let on_days = (!cron.days.any).then(|| on_days(&cron.days, &of));
    let on_weekdays = (!cron.weekdays.any).then(|| on_weekdays(&cron.weekdays));
    match (on_days, on_weekdays) {
        (None, None) if all_year => None,
        (None, None) => Some(format!("every day{in_months}")),
        (Some(days), None) => Some(days),
        (None, Some(weekdays)) => Some(format!("{weekdays}{in_months}")),
        (Some(days), Some(weekdays)) if cron.both => {
            Some(format!("{days} if it is {}", weekdays.replacen("every ", "a ", 1)))
        }
        (Some(days), Some(weekdays)) => Some(format!("{days} and {weekdays}{in_months}")),
    }
}

fn on_days(days: &Days, of: &str) -> String {
    let mut said = Vec::new();
    if days.on != 0 {
        said.push(format!("the {}", ranges(&values(days.on), ordinal)));
    }
    said.extend(values(days.nearest).into_iter().map(|day| format!("the weekday nearest the {}", ordinal(day))));
    if days.last_working {
        said.push("the last weekday".to_owned());
    }
    if days.last {
        said.push("the last day".to_owned());
    }
    format!("on {} {of}", listed(&said))
}

fn on_weekdays(weekdays: &Weekdays) -> String {
    let name = |day: u32| WEEKDAYS[day as usize % 7].to_owned();
    // The week is read from Monday on.
    let from_monday = |bits: u64| values(bits >> 1 << 1 | bits << 7 & 1 << 7);
    let mut said = Vec::new();
    match weekdays.on {
        0 => {}
        MONDAY_TO_FRIDAY => said.push("every weekday".to_owned()),
        WEEKEND => said.push("every Saturday and Sunday".to_owned()),
        some => said.push(format!("every {}", ranges(&from_monday(some), name))),
    }
    let mut of_month = Vec::new();
    for (which, days) in ["first", "second", "third", "fourth", "fifth"].iter().zip(weekdays.nth) {
        of_month.extend(from_monday(days).into_iter().map(|day| format!("the {which} {}", name(day))));
    }
    of_month.extend(from_monday(weekdays.last).into_iter().map(|day| format!("the last {}", name(day))));
    if !of_month.is_empty() {
        said.push(format!("on {} of the month", listed(&of_month)));
    }
    listed(&said)
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (1, tens) if tens != 11 => "st",
        (2, tens) if tens != 12 => "nd",
        (3, tens) if tens != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

fn values(bits: u64) -> Vec<u32> {
    (0..64).filter(|value| bits >> value & 1 == 1).collect()
}

/// First and last of each run of neighbours.
fn runs(values: &[u32]) -> Vec<(u32, u32)> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((_, to)) if *to + 1 == *value => *to = *value,
            _ => runs.push((*value, *value)),
        }
    }
    runs
}

/// "1, 5 to 9 and 12".
fn ranges(values: &[u32], say: impl Fn(u32) -> String) -> String {
    let said = runs(values).into_iter().flat_map(|(from, to)| match to - from {
        0 => vec![say(from)],
        1 => vec![say(from), say(to)],
        _ => vec![format!("{} to {}", say(from), say(to))],
    });
    listed(&said.collect::<Vec<_>>())
}

/// "a, b and c".
fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [some @ .., last] => format!("{} and {last}", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_said_as_a_person_would() {
        let table = [
            ("0 9 * * 1-5", "every weekday at 09:00"),
            ("@daily", "every day at 00:00"),
            ("@hourly", "every hour"),
            ("@weekly", "every Sunday at 00:00"),
            ("@monthly", "on the 1st of the month at 00:00"),
            ("@yearly", "on the 1st of January at 00:00"),
            ("* * * * *", "every minute"),
            ("*/15 * * * *", "every 15 minutes"),
            ("5,35 * * * *", "every hour at minutes 5 and 35"),
            ("*/7 * * * *", "every hour at minutes 0, 7, 14, 21, 28, 35, 42, 49 and 56"),
            ("*/15 9-17 * * MON-FRI", "every 15 minutes from 09:00 to 17:59, every weekday"),
            ("0 */2 * * *", "every 2 hours"),
            ("0 8-18 * * *", "every hour from 08:00 to 18:00"),
            ("0 9,13,17 * * *", "every day at 09:00, 13:00 and 17:00"),
            ("*/10 * * * * *", "every 10 seconds"),
            ("* * * * * *", "every second"),
            ("30 0 9 * * *", "every day at 09:00:30"),
            ("30 * * * * *", "every minute at second 30"),
            ("15 */5 * * * *", "every 5 minutes at second 15"),
            ("0 0 L * *", "on the last day of the month at 00:00"),
            ("0 0 LW 3,6,9,12 *", "on the last weekday of March, June, September and December at 00:00"),
            ("0 0 15W * *", "on the weekday nearest the 15th of the month at 00:00"),
            ("0 0 1,15,L * *", "on the 1st and 15th and the last day of the month at 00:00"),
            ("0 10 * * FRI#2", "on the second Friday of the month at 10:00"),
            ("0 10 * 1-3 MONL", "on the last Monday of the month in January to March at 10:00"),
            ("0 0 29 2 *", "on the 29th of February at 00:00"),
            ("0 0 13 * FRI", "at 00:00, on the 13th of the month and every Friday"),
            ("0 0 13 * +FRI", "at 00:00, on the 13th of the month if it is a Friday"),
            ("30 2 * 6-8 *", "every day in June to August at 02:30"),
            ("0 12 * * SAT,SUN", "every Saturday and Sunday at 12:00"),
            ("0 12 * * 1,3,5-7", "every Monday, Wednesday and Friday to Sunday at 12:00"),
        ];
        for (expression, wanted) in table {
            let cron = Cron::parse(expression).unwrap_or_else(|wrong| panic!("{expression}: {wrong}"));
            assert_eq!(civil(&cron), wanted, "{expression}");
        }
        for (ms, wanted) in [(1000, "second"), (90_000, "90 seconds"), (300_000, "5 minutes"), (3_600_000, "hour")] {
            assert_eq!(lasting(ms), wanted);
        }
        assert_eq!((lasting(86_400_000), lasting(172_800_000)), ("24 hours".to_owned(), "48 hours".to_owned()));
    }
}
