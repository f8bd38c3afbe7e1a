//! Times as senders write them, read strictly: where a time is signed beside other text with nothing between, a loose reading
//! would let bytes move from one to the other.

use crate::scheme::Unit;

/// Unix milliseconds.
pub(crate) fn parse(unit: Unit, text: &str) -> Option<i64> {
    match unit {
        Unit::Seconds => number(text, 1..=11)?.checked_mul(1000),
        Unit::Millis => number(text, 1..=14),
        Unit::Rfc3339 => rfc3339(text),
    }
}

/// As a sender would write it.
pub(crate) fn write(unit: Unit, ms: i64) -> String {
    match unit {
        Unit::Seconds => (ms / 1000).to_string(),
        Unit::Millis => ms.to_string(),
        Unit::Rfc3339 => kernel::clock::rfc3339(ms),
    }
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let sane = digits.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if sane { text.parse().ok() } else { None }
}

/// RFC 3339 with up to nine digits of a fraction, in UTC or with an offset.
fn rfc3339(text: &str) -> Option<i64> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?.strip_prefix('T')?);
    let (clock, rest) = (rest.get(..8)?, rest.get(8..)?);
    let field = |text: &str, at: usize, length: usize, most: i64| {
        number(text.get(at..at + length)?, length..=length).filter(|value| *value <= most)
    };
    let apart =
        |text: &str, mark: u8, places: [usize; 2]| places.iter().all(|at| text.as_bytes().get(*at) == Some(&mark));
    if !apart(date, b'-', [4, 7]) || !apart(clock, b':', [2, 5]) {
        return None;
    }
    let (year, month, day) = (field(date, 0, 4, 9999)?, field(date, 5, 2, 12)?, field(date, 8, 2, 31)?);
    let (hour, minute, second) = (field(clock, 0, 2, 23)?, field(clock, 3, 2, 59)?, field(clock, 6, 2, 60)?);
    let (fraction_ms, zone) = match rest.strip_prefix('.') {
        None => (0, rest),
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let fraction = number(&rest[..digits], 1..=9)?;
            (fraction * 1000 / 10_i64.pow(digits as u32), &rest[digits..])
        }
    };
    let offset_minutes = match zone.as_bytes() {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let minutes = field(zone, 1, 2, 23)? * 60 + field(zone, 4, 2, 59)?;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    if month == 0 || day == 0 || day > days_in(year, month) {
        return None;
    }
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + (minute - offset_minutes) * 60 + second;
    Some(seconds * 1000 + fraction_ms)
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01, by counting 400-year eras that start in March.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let year_of_era = year.rem_euclid(400);
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_read_as_senders_write_them() {
        let at = |text| parse(Unit::Rfc3339, text);
        assert_eq!(at("2026-11-01T12:00:00Z"), Some(1_793_534_400_000));
        assert_eq!(at("2026-11-01T12:00:00.123456789Z"), Some(1_793_534_400_123));
        assert_eq!(at("2026-11-01T14:30:00.5+02:30"), Some(1_793_534_400_500));
        assert_eq!(at("2024-02-29T00:00:00Z"), Some(1_709_164_800_000));
        for bad in [
            "",
            "2026-11-01",
            "2026-11-01 12:00:00Z",
            "2026-11-01T12:00:00",
            "2026-11-01T12:00:00z",
            "x2026-11-01T12:00:00Z",
            "2026-11-01T12:00:00ZZ",
            "2026-11-01T12:00:00.Z",
            "2026-11-01T12:00:00.1234567890Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-11-31T00:00:00Z",
            "2026-11-01T24:00:00Z",
            "2026-11-01T12:00:00+0230",
            "2026/11/01T12:00:00Z",
            "+026-11-01T12:00:00Z",
        ] {
            assert_eq!(at(bad), None, "{bad}");
        }
        assert_eq!(parse(Unit::Seconds, "1762000000"), Some(1_762_000_000_000));
        for bad in ["", "-1", "+1", "1e9", " 1", "999999999999", "17620000000000"] {
            assert_eq!(parse(Unit::Seconds, bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(ms in 0..253_402_300_799_999_i64) {
            prop_assert_eq!(parse(Unit::Rfc3339, &write(Unit::Rfc3339, ms)), Some(ms));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,40}") {
            for unit in [Unit::Seconds, Unit::Millis, Unit::Rfc3339] {
                let _ = parse(unit, &text);
            }
        }
    }
}
