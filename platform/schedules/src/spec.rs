//! What a schedule is: as a product declares it, as the API takes it, and checked.

use jiff::tz::TimeZone;
use jobs::Kind;
use kernel::limits;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::calendar::Timing;
use crate::cron::Cron;
use crate::state::{Missed, Overlap, Policy};

/// Longest name, zone, kind or queue, bytes.
const WORD_BYTES: usize = 100;
const SECOND_MS: i64 = 1_000;

/// A schedule as a product declares it: a constant.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    name: &'static str,
    cron: Option<&'static str>,
    every_ms: Option<i64>,
    zone: &'static str,
    kind: Kind,
    args: &'static str,
    missed: Missed,
    window_ms: i64,
    most: u32,
    overlap: Overlap,
    jitter_ms: i64,
}

impl Schedule {
    /// At civil times: `"0 9 * * MON-FRI"`, in UTC unless [`Schedule::zone`] says otherwise.
    pub const fn cron(name: &'static str, expression: &'static str, kind: Kind) -> Self {
        let (window_ms, most) = (day(), limits::SCHEDULE_CATCH_UP);
        let (missed, overlap) = (Missed::One, Overlap::Allow);
        let (cron, every_ms) = (Some(expression), None);
        Self { name, cron, every_ms, zone: "UTC", kind, args: "null", missed, window_ms, most, overlap, jitter_ms: 0 }
    }

    /// Every `every_ms` milliseconds of elapsed time, a second at least.
    pub const fn every(name: &'static str, every_ms: i64, kind: Kind) -> Self {
        let schedule = Self::cron(name, "", kind);
        Self { cron: None, every_ms: Some(every_ms), ..schedule }
    }

    /// In this IANA time zone (`"Europe/Berlin"`).
    #[must_use]
    pub const fn zone(self, zone: &'static str) -> Self {
        Self { zone, ..self }
    }

    /// The arguments of its jobs: JSON. `null` unless said.
    #[must_use]
    pub const fn args(self, args: &'static str) -> Self {
        Self { args, ..self }
    }

    /// What becomes of missed ticks; [`Missed::One`] unless said.
    #[must_use]
    pub const fn missed(self, missed: Missed) -> Self {
        Self { missed, ..self }
    }

    /// Every missed tick fires, `window_ms` back and `most` at most (up to [`limits::SCHEDULE_CATCH_UP`]).
    #[must_use]
    pub const fn make_up(self, window_ms: i64, most: u32) -> Self {
        Self { missed: Missed::All, window_ms, most, ..self }
    }

    /// What becomes of a tick while the former job is unfinished; [`Overlap::Allow`] unless said.
    #[must_use]
    pub const fn overlap(self, overlap: Overlap) -> Self {
        Self { overlap, ..self }
    }

    /// Its jobs start up to `jitter_ms` milliseconds after the tick, by chance.
    #[must_use]
    pub const fn jitter_ms(self, jitter_ms: i64) -> Self {
        Self { jitter_ms, ..self }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// When it fires and what: `0 9 * * 1-5 Europe/Berlin → reports.send`.
    pub fn summary(&self) -> String {
        match (self.cron, self.every_ms) {
            (Some(cron), _) => format!("{cron} {} → {}", self.zone, self.kind.name),
            (None, every_ms) => format!("every {} ms → {}", every_ms.unwrap_or_default(), self.kind.name),
        }
    }

    pub(crate) fn spec(&self) -> Result<Spec, Invalid> {
        let args = serde_json::from_str(self.args).map_err(|error| invalid("/args", error.to_string()))?;
        Ok(Spec {
            cron: self.cron.map(str::to_owned),
            every_ms: self.every_ms,
            zone: self.zone.to_owned(),
            kind: self.kind.name.to_owned(),
            queue: Some(self.kind.queue.to_owned()),
            args,
            missed: self.missed,
            missed_window_ms: self.window_ms,
            missed_most: self.most,
            overlap: self.overlap,
            jitter_ms: self.jitter_ms,
        })
    }
}

/// When a schedule fires, which job, and its policies. Either `cron` or `every_ms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Spec {
    /// A cron expression of five or six fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
    #[serde(default)]
    pub cron: Option<String>,
    /// An interval of elapsed time, milliseconds: from a second to 366 days.
    #[serde(default)]
    pub every_ms: Option<i64>,
    /// The IANA time zone of the expression.
    #[serde(default = "utc")]
    pub zone: String,
    /// The kind of the job.
    pub kind: String,
    /// The job's queue; that of its kind unless said.
    #[serde(default)]
    pub queue: Option<String>,
    /// The job's arguments.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub args: Value,
    /// What becomes of missed ticks.
    #[serde(default)]
    pub missed: Missed,
    /// For `all`: how far back, milliseconds, 31 days at most.
    #[serde(default = "day")]
    pub missed_window_ms: i64,
    /// For `all`: how many at most, up to 200.
    #[serde(default = "catch_up")]
    pub missed_most: u32,
    /// What becomes of a tick while the former job is unfinished.
    #[serde(default)]
    pub overlap: Overlap,
    /// A job starts up to so many milliseconds after its tick, by chance.
    #[serde(default)]
    pub jitter_ms: i64,
}

fn utc() -> String {
    "UTC".to_owned()
}

const fn day() -> i64 {
    86_400_000
}

fn catch_up() -> u32 {
    limits::SCHEDULE_CATCH_UP
}

/// A field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct Invalid {
    /// JSON pointer into the specification.
    pub pointer: &'static str,
    /// What is wrong; for an expression with the field and the character.
    pub detail: String,
}

fn invalid(pointer: &'static str, detail: impl Into<String>) -> Invalid {
    Invalid { pointer, detail: detail.into() }
}

impl Spec {
    /// One that only says when.
    pub(crate) fn firing(cron: Option<String>, every_ms: Option<i64>, zone: String) -> Self {
        Self {
            cron,
            every_ms,
            zone,
            kind: "any".to_owned(),
            queue: None,
            args: Value::Null,
            missed: Missed::default(),
            missed_window_ms: day(),
            missed_most: catch_up(),
            overlap: Overlap::default(),
            jitter_ms: 0,
        }
    }

    /// When it fires; intervals count from `since_ms`.
    pub(crate) fn timing(&self, since_ms: i64) -> Result<Timing, Invalid> {
        match (&self.cron, self.every_ms) {
            (Some(cron), None) => {
                let zone = zone(&self.zone)?;
                let cron = Cron::parse(cron).map_err(|wrong| invalid("/cron", wrong.to_string()))?;
                Ok(Timing::Cron { cron, zone })
            }
            (None, Some(every_ms)) if (SECOND_MS..=limits::SCHEDULE_INTERVAL_MS).contains(&every_ms) => {
                Ok(Timing::Every { every_ms, since_ms })
            }
            (None, Some(_)) => Err(invalid("/every_ms", "An interval is from 1,000 ms to 366 days.")),
            (Some(_), Some(_)) => Err(invalid("/every_ms", "Either `cron` or `every_ms`, not both.")),
            (None, None) => Err(invalid("/cron", "Either `cron` or `every_ms` is needed.")),
        }
    }

    pub(crate) fn policy(&self) -> Policy {
        Policy { missed: self.missed, window_ms: self.missed_window_ms, most: self.missed_most }
    }

    /// Everything that is wrong with it.
    pub(crate) fn check(&self, now_ms: i64) -> Vec<Invalid> {
        let mut wrong = Vec::new();
        match self.timing(now_ms) {
            Err(invalid) => wrong.push(invalid),
            Ok(timing) if timing.next(crate::calendar::Mark::since(now_ms)).is_none() => {
                wrong.push(invalid("/cron", "It never fires: no day of the next 41 years fits."));
            }
            Ok(_) => {}
        }
        let mut must = |holds: bool, pointer, detail: &str| {
            if !holds {
                wrong.push(invalid(pointer, detail));
            }
        };
        must(is_word(&self.kind), "/kind", "A kind has 1 to 100 letters, digits and the signs . _ -");
        let queue = self.queue.as_deref().is_none_or(is_word);
        must(queue, "/queue", "A queue has 1 to 100 letters, digits and the signs . _ -");
        let args = serde_json::to_string(&self.args).map_or(0, |args| args.len());
        must(args <= limits::JOB_ARGS_BYTES, "/args", "The arguments of a job have 256 KiB at most.");
        let window = (0..=limits::SCHEDULE_WINDOW_MS).contains(&self.missed_window_ms);
        must(window, "/missed_window_ms", "Ticks are made up for 31 days back at most.");
        let most = (1..=limits::SCHEDULE_CATCH_UP).contains(&self.missed_most);
        must(most, "/missed_most", "From 1 to 200 ticks are made up for.");
        let jitter = (0..=limits::SCHEDULE_INTERVAL_MS).contains(&self.jitter_ms);
        must(jitter, "/jitter_ms", "The jitter is from 0 to 366 days.");
        wrong
    }
}

/// Names, kinds and queues.
pub(crate) fn is_word(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !text.is_empty() && text.len() <= WORD_BYTES && text.chars().all(fits)
}

/// A zone of the database that is built in: the same on every machine, whatever its system has.
fn zone(name: &str) -> Result<TimeZone, Invalid> {
    let known = name.len() <= WORD_BYTES;
    let zone = known.then(|| jiff::tz::TimeZoneDatabase::bundled().get(name).ok()).flatten();
    zone.ok_or_else(|| {
        invalid("/zone", "No such time zone. Zones are written like Europe/Berlin, America/New_York or UTC.")
    })
}
