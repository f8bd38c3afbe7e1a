//! Reads a cron expression; every mistake has its field and its character.

use crate::cron::{Cron, Days, Weekdays};

/// Longest expression, bytes.
const EXPRESSION_BYTES: usize = 200;

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message} (at character {at}{})", .field.map(|field| format!(", the {}", field.name())).unwrap_or_default())]
pub(crate) struct Wrong {
    pub(crate) field: Option<Field>,
    /// The character, from 1.
    pub(crate) at: usize,
    pub(crate) message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    Second,
    Minute,
    Hour,
    Day,
    Month,
    Weekday,
}

const FIELDS: [Field; 6] = [Field::Second, Field::Minute, Field::Hour, Field::Day, Field::Month, Field::Weekday];
const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

impl Field {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day of the month",
            Self::Month => "month",
            Self::Weekday => "weekday",
        }
    }

    fn bounds(self) -> (u32, u32) {
        match self {
            Self::Second | Self::Minute => (0, 59),
            Self::Hour => (0, 23),
            Self::Day => (1, 31),
            Self::Month => (1, 12),
            Self::Weekday => (0, 7),
        }
    }

    /// The highest value that is not a second name of another: 7 is Sunday again.
    fn top(self) -> u32 {
        if self == Self::Weekday { 6 } else { self.bounds().1 }
    }
}

/// A piece of the expression, and where it begins (bytes from 0).
#[derive(Clone, Copy)]
struct Piece<'a> {
    field: Field,
    text: &'a str,
    at: usize,
}

impl<'a> Piece<'a> {
    fn wrong<T>(self, message: impl Into<String>) -> Result<T, Wrong> {
        Err(Wrong { field: Some(self.field), at: self.at + 1, message: message.into() })
    }

    fn part(self, from: usize, to: usize) -> Self {
        Self { text: &self.text[from..to], at: self.at + from, ..self }
    }

    /// What is before and after the first `mark`.
    fn split(self, mark: char) -> Option<(Self, Self)> {
        let at = self.text.find(mark)?;
        Some((self.part(0, at), self.part(at + mark.len_utf8(), self.text.len())))
    }

    /// What is before the ending, however it is written.
    fn before(self, ending: &str) -> Option<Self> {
        let at = self.text.len().checked_sub(ending.len())?;
        let ends = self.text.get(at..)?.eq_ignore_ascii_case(ending);
        ends.then(|| self.part(0, at))
    }

    fn is(self, word: &str) -> bool {
        self.text.eq_ignore_ascii_case(word)
    }

    /// `a,b,c`.
    fn list(self) -> impl Iterator<Item = Piece<'a>> {
        let mut at = 0;
        self.text.split(',').map(move |text| {
            let piece = Piece { text, at: self.at + at, ..self };
            at += text.len() + 1;
            piece
        })
    }
}

impl Cron {
    /// Parses an expression of five or six fields, or a nickname.
    pub(crate) fn parse(text: &str) -> Result<Self, Wrong> {
        let whole = |at: usize, message: String| Wrong { field: None, at, message };
        if text.len() > EXPRESSION_BYTES {
            let message = format!("an expression has {EXPRESSION_BYTES} characters at most");
            return Err(whole(EXPRESSION_BYTES + 1, message));
        }
        // Every character is then one byte, and positions are what a person counts.
        if let Some(at) = text.chars().position(|c| !c.is_ascii() || c.is_ascii_control() && c != '\t') {
            return Err(whole(at + 1, "only letters, digits and the signs , - * / # + ? belong here".into()));
        }
        let begin = text.len() - text.trim_start().len();
        if text.trim().starts_with('@') {
            let known = NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim()));
            let names = "one of @hourly, @daily, @weekly, @monthly, @yearly belongs here";
            return known.map_or_else(|| Err(whole(begin + 1, names.into())), |(_, meant)| Self::parse(meant));
        }
        let fields = fields(text);
        let named = match fields.len() {
            5 => &FIELDS[1..],
            6 => &FIELDS[..],
            found => {
                let message = format!(
                    "five fields (minute, hour, day, month, weekday) or six (second first) belong here, not {found}"
                );
                let at = fields.get(6).map_or(text.trim_end().len(), |(at, _)| *at);
                return Err(whole(at + 1, message));
            }
        };
        let mut cron = Self {
            seconds: 1,
            minutes: 0,
            hours: 0,
            months: 0,
            days: Days::default(),
            weekdays: Weekdays::default(),
            both: false,
        };
        for (field, (at, text)) in named.iter().zip(fields) {
            cron.read(Piece { field: *field, text, at })?;
        }
        Ok(cron)
    }

    fn read(&mut self, field: Piece<'_>) -> Result<(), Wrong> {
        match field.field {
            Field::Second => self.seconds = plain(field)?,
            Field::Minute => self.minutes = plain(field)?,
            Field::Hour => self.hours = plain(field)?,
            Field::Month => self.months = plain(field)?,
            Field::Day => self.days = Days::parse(field)?,
            Field::Weekday => {
                let plus = field.text.starts_with('+');
                self.both = plus;
                self.weekdays = Weekdays::parse(field.part(usize::from(plus), field.text.len()))?;
            }
        }
        Ok(())
    }
}

impl Days {
    fn parse(field: Piece<'_>) -> Result<Self, Wrong> {
        let mut days = Self { any: field.is("*") || field.is("?"), ..Self::default() };
        for piece in field.list() {
            if piece.is("L") {
                days.last = true;
            } else if piece.is("LW") {
                days.last_working = true;
            } else if let Some(day) = piece.before("W") {
                days.nearest |= 1 << value(day)?;
            } else {
                days.on |= span(piece)?;
            }
        }
        Ok(days)
    }
}

impl Weekdays {
    fn parse(field: Piece<'_>) -> Result<Self, Wrong> {
        let mut weekdays = Self { any: field.is("*") || field.is("?"), ..Self::default() };
        for piece in field.list() {
            if let Some((days, which)) = piece.split('#') {
                let on = folded(span(days)?);
                match which.text {
                    "L" | "l" => weekdays.last |= on,
                    "1" | "2" | "3" | "4" | "5" => weekdays.nth[usize::from(which.text.as_bytes()[0] - b'1')] |= on,
                    _ => return which.wrong("after # belongs 1 to 5 (which of the month) or L (the last)"),
                }
            } else if let Some(days) = piece.before("L") {
                weekdays.last |= folded(span(days)?);
            } else {
                weekdays.on |= folded(span(piece)?);
            }
        }
        Ok(weekdays)
    }
}

/// Sunday is 0 and 7.
fn folded(bits: u64) -> u64 {
    (bits | bits >> 7) & 0x7f
}

/// The fields with their places.
fn fields(text: &str) -> Vec<(usize, &str)> {
    let pieces = text.split([' ', '\t']).scan(0, |at, piece| {
        let begins = *at;
        *at += piece.len() + 1;
        Some((begins, piece))
    });
    pieces.filter(|(_, piece)| !piece.is_empty()).collect()
}

fn plain(field: Piece<'_>) -> Result<u64, Wrong> {
    field.list().try_fold(0, |all, piece| span(piece).map(|bits| all | bits))
}

/// `*`, `5`, `1-5`, and the latter two kinds with a step.
fn span(piece: Piece<'_>) -> Result<u64, Wrong> {
    let (range, step) = match piece.split('/') {
        Some((range, step)) => (range, Some(step)),
        None => (piece, None),
    };
    let (low, high) = range.field.bounds();
    let step_by = match step {
        None => 1,
        Some(step) => match step.text.parse::<u32>() {
            Ok(by) if (1..=high).contains(&by) && step.text.bytes().all(|b| b.is_ascii_digit()) => by,
            _ => return step.wrong(format!("a step is a number from 1 to {high}")),
        },
    };
    let star = range.is("*") || range.is("?") && matches!(range.field, Field::Day | Field::Weekday);
    if star {
        return Ok(bits(low, range.field.top(), step_by));
    }
    if let Some((from, to)) = range.split('-') {
        let (begin, end) = (value(from)?, value(to)?);
        let end = if to.field == Field::Weekday && to.is("SUN") { 7 } else { end };
        if begin > end {
            return range.wrong(format!("the range {} runs backwards", range.text));
        }
        return Ok(bits(begin, end, step_by));
    }
    if step.is_some() {
        let hint = format!("a step needs a range: {}-{high}/{step_by}", range.text);
        return piece.wrong(hint);
    }
    value(range).map(|value| 1 << value)
}

fn value(piece: Piece<'_>) -> Result<u32, Wrong> {
    let (names, first): (&[&str], u32) = match piece.field {
        Field::Month => (&MONTHS, 1),
        Field::Weekday => (&WEEKDAYS, 0),
        _ => (&[], 0),
    };
    if let Some(named) = names.iter().position(|name| piece.is(name)) {
        return Ok(named as u32 + first);
    }
    let (low, high) = piece.field.bounds();
    if piece.text.is_empty() {
        return piece.wrong(format!("a number from {low} to {high} is missing"));
    }
    let number = piece.text.bytes().all(|b| b.is_ascii_digit()).then(|| piece.text.parse::<u32>().ok()).flatten();
    match number {
        Some(number) if (low..=high).contains(&number) => Ok(number),
        Some(_) => piece.wrong(format!("{} is not between {low} and {high}", piece.text)),
        None if names.is_empty() => piece.wrong(format!("{} is no number from {low} to {high}", piece.text)),
        None => {
            let (one, other) = (names[0], names[names.len() - 1]);
            piece.wrong(format!("{} is neither a number from {low} to {high} nor one of {one} to {other}", piece.text))
        }
    }
}

/// Every `step`th number from `low` to `high`.
fn bits(low: u32, high: u32, step: u32) -> u64 {
    (low..=high).step_by(step as usize).fold(0, |bits, value| bits | 1 << value)
}
