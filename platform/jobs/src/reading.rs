//! Jobs as people look at them: lists, counts, one in full.

use std::collections::BTreeMap;

use kernel::limits;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{FromRow, Row, StoreError, Tx, Value};
use utoipa::ToSchema;

use crate::Jobs;
use crate::state::State;

/// How many jobs are in each state. A count stops at 100,000: then there are at least that many.
pub type Counts = BTreeMap<String, i64>;

/// The bound of one count.
pub(crate) const COUNT_MOST: i64 = 100_000;

/// A job in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct JobRow {
    /// The number, as text.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Its queue.
    pub queue: String,
    /// Where it is.
    pub state: State,
    /// Lower runs earlier.
    pub priority: i32,
    /// Attempts begun.
    pub attempt: u32,
    /// Attempts allowed.
    pub max_attempts: u32,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Not before, Unix milliseconds.
    pub run_at_ms: i64,
    /// The last attempt's start.
    pub started_at_ms: Option<i64>,
    /// The end.
    pub finished_at_ms: Option<i64>,
    /// The event that caused it.
    pub event_position: Option<i64>,
    /// The trace it belongs to.
    pub trace_id: Option<String>,
    /// The last attempt's error.
    pub last_error: Option<String>,
    #[serde(skip)]
    pub(crate) args: String,
    #[serde(skip)]
    pub(crate) errors: String,
}

impl FromRow for JobRow {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let errors: String = row.get(14)?;
        let state = State::from_number(row.get(3)?).ok_or(StoreError::Decode { column: 3, wanted: "a state" })?;
        Ok(Self {
            id: row.get::<i64>(0)?.to_string(),
            kind: row.get(1)?,
            queue: row.get(2)?,
            state,
            priority: row.get(4)?,
            attempt: row.get(5)?,
            max_attempts: row.get(6)?,
            created_at_ms: row.get(7)?,
            run_at_ms: row.get(8)?,
            started_at_ms: row.get(9)?,
            finished_at_ms: row.get(10)?,
            event_position: row.get(11)?,
            trace_id: row.get(12)?,
            args: row.get(13)?,
            last_error: parsed(&errors).pop().map(|error| error.message),
            errors,
        })
    }
}

/// One failed attempt.
#[derive(Clone, Debug, Serialize, serde::Deserialize, ToSchema)]
pub(crate) struct AttemptError {
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// What went wrong.
    pub message: String,
}

/// A job in full.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobDetail {
    #[serde(flatten)]
    row: JobRow,
    /// Its arguments.
    #[schema(value_type = Object)]
    args: Box<RawValue>,
    /// Every failed attempt, oldest first.
    errors: Vec<AttemptError>,
}

impl From<JobRow> for JobDetail {
    fn from(row: JobRow) -> Self {
        let args = RawValue::from_string(row.args.clone()).unwrap_or_else(|_| RawValue::NULL.to_owned());
        Self { args, errors: parsed(&row.errors), row }
    }
}

fn parsed(errors: &str) -> Vec<AttemptError> {
    serde_json::from_str(errors).unwrap_or_default()
}

/// Which jobs to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// In this state only.
    pub state: Option<State>,
    /// In this queue only.
    pub queue: Option<String>,
    /// Of this kind only.
    pub kind: Option<String>,
    /// Caused by this event only.
    pub event_position: Option<i64>,
    /// Older than this job.
    pub before: Option<i64>,
    /// At most so many; bounded by [`limits::PAGE`].
    pub limit: usize,
}

const COLUMNS: &str =
    "id, kind, queue, state, priority, attempt, max_attempts, created_at_ms, run_at_ms, started_at_ms";
const MORE: &str = "event_position, trace, args, errors";

fn selects(filter: &str, state: Option<State>) -> String {
    let unfinished =
        format!("SELECT {COLUMNS}, CAST(NULL AS BIGINT) AS finished_at_ms, {MORE} FROM jobs WHERE {filter}");
    let finished = format!("SELECT {COLUMNS}, finished_at_ms, {MORE} FROM jobs_finished WHERE {filter}");
    match state {
        Some(state) if state.is_end() => finished,
        Some(_) => unfinished,
        None => format!("{unfinished} UNION ALL {finished}"),
    }
}

/// One page of jobs.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn list(tx: &mut Tx, query: &Query) -> Result<Vec<JobRow>, StoreError> {
    let mut filter = "id < $1".to_owned();
    let mut params = vec![Value::from(query.before.unwrap_or(i64::MAX))];
    let wanted = [
        ("state", query.state.map(|state| Value::from(i32::from(state.number())))),
        ("queue", query.queue.as_ref().map(Value::from)),
        ("kind", query.kind.as_ref().map(Value::from)),
        ("event_position", query.event_position.map(Value::from)),
    ];
    for (column, value) in wanted {
        if let Some(value) = value {
            params.push(value);
            filter.push_str(&format!(" AND {column} = ${}", params.len()));
        }
    }
    let limit = query.limit.clamp(1, limits::PAGE);
    let sql = format!("{} ORDER BY id DESC LIMIT {limit}", selects(&filter, query.state));
    tx.all(&sql, &params).await
}

impl Jobs {
    /// One page of jobs, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, query: Query) -> Result<Vec<JobRow>, StoreError> {
        self.0.store.read(async move |tx| list(tx, &query).await).await
    }

    /// One job.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(&self, id: i64) -> Result<Option<JobRow>, StoreError> {
        let sql = format!("{} LIMIT 1", selects("id = $1", None));
        self.0.store.read(async move |tx| tx.first(&sql, &[Value::from(id)]).await).await
    }

    /// How many jobs there are in each state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        self.0
            .store
            .read(async |tx| {
                let mut counts = Counts::new();
                for state in State::ALL {
                    let table = if state.is_end() { "jobs_finished" } else { "jobs" };
                    // Said in the words of the partial index, so that the jobs that merely wait are not read through.
                    let index =
                        if matches!(state, State::Scheduled | State::Retryable) { "state IN (1, 3) AND" } else { "" };
                    let sql = format!(
                        "SELECT COUNT(*) FROM
                             (SELECT 1 FROM {table} WHERE {index} state = {} LIMIT {COUNT_MOST}) AS bounded",
                        state.number()
                    );
                    let (count,): (i64,) = tx.one(&sql, &[]).await?;
                    counts.insert(format!("{state:?}").to_lowercase(), count);
                }
                Ok(counts)
            })
            .await
    }
}
