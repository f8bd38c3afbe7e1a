//! Schedules as people look at them: what they mean, when they run next, what they did.

use ::store::StoreError;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use jobs::state::State;
use kernel::limits;
use serde::Serialize;
use utoipa::ToSchema;

use crate::calendar::{Mark, Tick, Timing};
use crate::spec::Spec;
use crate::store::{self, Stored};
use crate::{Schedules, words};

/// Next runs that are shown.
const NEXT_RUNS: usize = 10;

/// What became of a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Its job is enqueued.
    Enqueued,
    /// Left out: the former job was unfinished, or too many stood in line.
    Overlapped,
    /// Left out by the policy for missed ticks; one firing stands for all that one look left out.
    Missed,
    /// Its job could not be made.
    Refused,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Enqueued, Self::Overlapped, Self::Missed, Self::Refused];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Enqueued => "enqueued",
            Self::Overlapped => "overlapped",
            Self::Missed => "missed",
            Self::Refused => "refused",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

/// What a schedule did once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Firing {
    /// Its number: later ones are higher.
    pub id: i64,
    /// Of this schedule.
    pub schedule: i64,
    /// The tick, Unix milliseconds; `None` when a person asked for it.
    pub tick_ms: Option<i64>,
    /// What became of it.
    pub outcome: Outcome,
    /// When, Unix milliseconds.
    pub fired_at_ms: i64,
    /// The job that it enqueued.
    pub job: Option<i64>,
    /// For [`Outcome::Missed`]: how many ticks, counted to 1,000; `tick_ms` is the last.
    pub left_out: u32,
    /// Why, where that needs words.
    pub note: Option<String>,
}

impl Firing {
    pub(crate) fn new(schedule: i64, tick_ms: Option<i64>, outcome: Outcome, fired_at_ms: i64) -> Self {
        Self { id: 0, schedule, tick_ms, outcome, fired_at_ms, job: None, left_out: 0, note: None }
    }

    /// How long after its tick it fired, milliseconds.
    pub fn late_ms(&self) -> Option<i64> {
        self.tick_ms.map(|tick_ms| (self.fired_at_ms - tick_ms).max(0))
    }
}

/// A firing in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FiringRow {
    /// Its number, as text.
    pub id: String,
    /// The tick, Unix milliseconds; absent when a person asked for it.
    pub tick_ms: Option<i64>,
    /// What became of it.
    pub outcome: Outcome,
    /// When, Unix milliseconds.
    pub fired_at_ms: i64,
    /// How long after its tick, milliseconds.
    pub late_ms: Option<i64>,
    /// The number of its job, as text.
    pub job_id: Option<String>,
    /// Where the job is; absent once it is no longer kept.
    pub job_state: Option<State>,
    /// For `missed`: how many ticks, counted to 1,000.
    pub left_out: u32,
    /// Why, where that needs words.
    pub note: Option<String>,
}

/// A time to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Run {
    /// Unix milliseconds.
    pub at_ms: i64,
    /// On the clocks of its zone: `2027-03-28T03:00:00+02:00[Europe/Berlin]` (RFC 9557).
    pub local: String,
    /// The time that was meant, where the clocks skip it: `02:30:00`.
    pub instead_of: Option<String>,
}

/// A schedule in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ScheduleRow {
    /// Its number, as text.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The product whose code declares it; absent for one that was made at run time.
    pub declared_by: Option<String>,
    /// When it fires, in words.
    pub words: String,
    /// What it is.
    #[serde(flatten)]
    pub spec: Spec,
    /// The next tick, Unix milliseconds; absent while it is paused.
    pub next_ms: Option<i64>,
    /// Since when it is paused, Unix milliseconds.
    pub paused_at_ms: Option<i64>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
    /// What it did last.
    pub last: Option<FiringRow>,
}

/// A schedule in full.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ScheduleDetail {
    /// The schedule.
    #[serde(flatten)]
    pub row: ScheduleRow,
    /// The next ten times; as if it were resumed now while it is paused.
    pub next: Vec<Run>,
    /// What it did, newest first.
    pub firings: Vec<FiringRow>,
}

/// What an expression means, before it is kept.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Preview {
    /// In words.
    pub(crate) words: String,
    /// The next ten times.
    pub(crate) next: Vec<Run>,
}

/// The next times after a mark, in the words of the clocks.
pub(crate) fn next_runs(timing: &Timing, mark: Mark) -> Vec<Run> {
    let ticks = std::iter::successors(timing.next(mark), |tick| timing.next((*tick).into()));
    let zone = match timing {
        Timing::Cron { zone, .. } => zone.clone(),
        Timing::Every { .. } => TimeZone::UTC,
    };
    ticks.take(NEXT_RUNS).filter_map(|tick| run(tick, &zone)).collect()
}

fn run(tick: Tick, zone: &TimeZone) -> Option<Run> {
    let zoned = Timestamp::from_millisecond(tick.at_ms).ok()?.to_zoned(zone.clone());
    let skipped = tick.nominal.filter(|nominal| *nominal != zoned.datetime());
    Some(Run { at_ms: tick.at_ms, local: zoned.to_string(), instead_of: skipped.map(|it| it.time().to_string()) })
}

impl Schedules {
    /// One page of the schedules, in the order in which they were made, after this number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, after: i64, limit: usize) -> Result<Vec<ScheduleRow>, StoreError> {
        let read = async move |tx: &mut ::store::Tx| {
            let page = store::list(tx, after, limit).await?;
            let (from, to) = (page.first().map_or(0, |of| of.id), page.last().map_or(0, |of| of.id));
            Ok::<_, StoreError>((page, store::last_firings(tx, from, to).await?))
        };
        let (page, last) = self.0.store.read(read).await?;
        let mut rows = Vec::with_capacity(page.len());
        for of in page {
            let last = match last.iter().find(|firing| firing.schedule == of.id) {
                Some(firing) => Some(self.firing_row(firing.clone()).await?),
                None => None,
            };
            rows.push(row(of, last));
        }
        Ok(rows)
    }

    /// One schedule in full.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(&self, id: i64) -> Result<Option<ScheduleDetail>, StoreError> {
        let found = self.0.store.read(async move |tx| store::find(tx, id).await).await?;
        let Some(of) = found.filter(|of| of.gone_at_ms.is_none()) else { return Ok(None) };
        let mark = match of.paused_at_ms {
            Some(_) => Mark::since(self.0.clock.now_ms()),
            None => of.mark,
        };
        let next = of.spec.timing(of.since_ms).map(|timing| next_runs(&timing, mark)).unwrap_or_default();
        let firings = self.firings(id, i64::MAX, limits::PAGE / 4).await?;
        let row = row(of, firings.first().cloned());
        Ok(Some(ScheduleDetail { row, next, firings }))
    }

    /// One page of what a schedule did, newest first, before this firing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn firings(&self, id: i64, before: i64, limit: usize) -> Result<Vec<FiringRow>, StoreError> {
        let firings = self.0.store.read(async move |tx| store::firings(tx, id, before, limit).await).await?;
        let mut rows = Vec::with_capacity(firings.len());
        for firing in firings {
            rows.push(self.firing_row(firing).await?);
        }
        Ok(rows)
    }

    /// The tick that a job was made for, Unix milliseconds; `None` for a job that no tick made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tick_of(&self, job: i64) -> Result<Option<i64>, StoreError> {
        self.0.store.read(async move |tx| store::tick_of(tx, job).await).await
    }

    pub(crate) async fn firing_row(&self, firing: Firing) -> Result<FiringRow, StoreError> {
        let job_state = match firing.job {
            Some(job) => self.0.jobs.find(job).await?.map(|job| job.state),
            None => None,
        };
        Ok(FiringRow {
            id: firing.id.to_string(),
            tick_ms: firing.tick_ms,
            outcome: firing.outcome,
            fired_at_ms: firing.fired_at_ms,
            late_ms: firing.late_ms(),
            job_id: firing.job.map(|job| job.to_string()),
            job_state,
            left_out: firing.left_out,
            note: firing.note,
        })
    }
}

fn row(of: Stored, last: Option<FiringRow>) -> ScheduleRow {
    let words = match of.spec.timing(of.since_ms) {
        Ok(timing) => words::describe(&timing),
        Err(invalid) => invalid.to_string(),
    };
    ScheduleRow {
        id: of.id.to_string(),
        name: of.name,
        declared_by: of.declared_by,
        words,
        spec: of.spec,
        next_ms: of.next_ms,
        paused_at_ms: of.paused_at_ms,
        created_at_ms: of.created_at_ms,
        updated_at_ms: of.updated_at_ms,
        last,
    }
}
