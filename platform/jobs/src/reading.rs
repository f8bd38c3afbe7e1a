//! Jobs as people look at them: lists, counts, one in full.

use std::collections::BTreeMap;

use kernel::limits;
use serde::Serialize;
use serde_json::value::RawValue;
use store::{FromRow, Row, StoreError, Tx, Value};
use utoipa::ToSchema;

use crate::Jobs;
use crate::state::State;
use crate::store::args;

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
    /// Whose job it is; absent when nobody's in particular.
    pub key: Option<String>,
    /// Jobs with the same kind and order key run one after the other.
    pub order_key: Option<String>,
    /// The batch it belongs to, as text.
    pub batch: Option<String>,
    /// Whether it is called off and its worker has not stopped yet.
    pub cancelling: bool,
    /// How far it last said that it is, 0 to 100.
    pub percent: Option<i32>,
    /// What it last said that it does.
    pub note: Option<String>,
    #[serde(skip)]
    pub(crate) result: Option<String>,
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
            key: Some(row.get(15)?).filter(|key: &String| !key.is_empty()),
            order_key: row.get(16)?,
            batch: row.get::<Option<i64>>(17)?.map(|batch| batch.to_string()),
            cancelling: row.get::<Option<i64>>(18)?.is_some() && state == State::Executing,
            percent: row.get(19)?,
            note: row.get(20)?,
            result: row.get(21)?,
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
    /// Its arguments; none of a job that needs none.
    #[schema(value_type = Option<Object>, required = true)]
    args: Box<RawValue>,
    /// Every failed attempt, oldest first.
    errors: Vec<AttemptError>,
    /// What it left.
    #[schema(value_type = Option<Object>)]
    result: Option<Box<RawValue>>,
    /// Unfinished jobs that it comes after, as text.
    after: Vec<String>,
    /// Jobs that come after it and wait, as text; 100 at most.
    followers: Vec<String>,
    #[serde(flatten)]
    hold: JobHold,
}

/// What is held of a job, and by whom.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct JobHold {
    /// What makes other jobs of its kind the same as this one.
    unique_key: Option<String>,
    /// How often a worker has taken it; a snooze counts here, not as an attempt.
    claims: u32,
    /// Who runs it, while it is executing: a process, or what a worker over HTTP calls itself.
    worker: Option<String>,
    /// When that worker took it or was last heard of, Unix milliseconds.
    heard_at_ms: Option<i64>,
    /// When it is taken back unless the worker is heard of, Unix milliseconds; absent for a process of our own.
    lease_ends_at_ms: Option<i64>,
}

impl FromRow for JobHold {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            unique_key: row.get(0)?,
            claims: row.get(1)?,
            worker: row.get(2)?,
            heard_at_ms: row.get(3)?,
            lease_ends_at_ms: row.get(4)?,
        })
    }
}

impl JobDetail {
    fn new(row: JobRow, ties: Ties, hold: JobHold) -> Self {
        let args = RawValue::from_string(row.args.clone()).unwrap_or_else(|_| RawValue::NULL.to_owned());
        let result = row.result.clone().and_then(|text| RawValue::from_string(text).ok());
        let text = |ids: Vec<(i64,)>| ids.into_iter().map(|(id,)| id.to_string()).collect();
        Self { args, errors: parsed(&row.errors), result, after: text(ties.0), followers: text(ties.1), hold, row }
    }
}

type Ties = (Vec<(i64,)>, Vec<(i64,)>);

fn parsed(errors: &str) -> Vec<AttemptError> {
    serde_json::from_str(errors).unwrap_or_default()
}

/// Which jobs to list: newest first, ended ones of one state by their end.
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
    /// Of this batch only.
    pub batch: Option<i64>,
    /// After this job in the list.
    pub before: Option<i64>,
    /// At most so many; bounded by [`limits::PAGE`].
    pub limit: usize,
}

/// A state in the words of the index that knows its jobs, so that the others are not read through.
fn words(state: State) -> String {
    let number = state.number();
    match state {
        State::Scheduled | State::Retryable => format!("state IN (1, 3) AND state = {number}"),
        _ if state.is_end() => format!("state = {number} AND finished_at_ms IS NOT NULL"),
        _ => format!("state = {number}"),
    }
}

fn select() -> String {
    format!(
        "SELECT jobs.id, kind, queue, state, priority, attempt, max_attempts, created_at_ms, run_at_ms, started_at_ms,
             finished_at_ms, event_position, trace, {}, errors, job_key, order_key, batch, cancel_at_ms, n.percent, n.note,
             n.result
         FROM jobs LEFT JOIN job_notes AS n ON n.id = jobs.id",
        args!()
    )
}

/// So many jobs of a state are sorted; of more, the newest are found by walking back from the end.
const SORTED_MOST: i64 = 10_000;

async fn is_rare(tx: &mut Tx, state: State) -> Result<bool, StoreError> {
    let sql =
        format!("SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE {} LIMIT {SORTED_MOST}) AS bounded", words(state));
    let (count,): (i64,) = tx.one(&sql, &[]).await?;
    Ok(count < SORTED_MOST)
}

/// One page of jobs.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn list(tx: &mut Tx, query: &Query) -> Result<Vec<JobRow>, StoreError> {
    let before = query.before.unwrap_or(i64::MAX);
    let mut params = vec![Value::from(before)];
    let (mut filter, mut order) = ("jobs.id < $1".to_owned(), "jobs.id DESC");
    if let Some(state) = query.state {
        if state.is_end() {
            // Where the page before ended, if that job is still there.
            let sql = "SELECT finished_at_ms FROM jobs WHERE id = $1 AND finished_at_ms IS NOT NULL";
            if let Some((ended_at_ms,)) = tx.first::<(i64,)>(sql, &params).await? {
                params.push(Value::from(ended_at_ms));
                "(finished_at_ms, jobs.id) < ($2, $1)".clone_into(&mut filter);
            }
            order = "finished_at_ms DESC, jobs.id DESC";
        } else if is_rare(tx, state).await? {
            // An expression: the order of the table itself must not look like the cheapest way.
            "jobs.id + 0 < $1".clone_into(&mut filter);
            order = "jobs.id + 0 DESC";
        }
        filter.push_str(&format!(" AND {}", words(state)));
    }
    let wanted = [
        ("queue", query.queue.as_ref().map(Value::from)),
        ("kind", query.kind.as_ref().map(Value::from)),
        ("event_position", query.event_position.map(Value::from)),
        ("batch", query.batch.map(Value::from)),
    ];
    for (column, value) in wanted {
        if let Some(value) = value {
            params.push(value);
            filter.push_str(&format!(" AND {column} = ${}", params.len()));
        }
    }
    let limit = query.limit.clamp(1, limits::PAGE);
    let sql = format!("{} WHERE {filter} ORDER BY {order} LIMIT {limit}", select());
    tx.all(&sql, &params).await
}

impl Jobs {
    /// One page of jobs, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, query: Query) -> Result<Vec<JobRow>, StoreError> {
        self.0.store.read_lagging(async move |tx| list(tx, &query).await).await
    }

    /// One job.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(&self, id: i64) -> Result<Option<JobRow>, StoreError> {
        let sql = format!("{} WHERE jobs.id = $1", select());
        self.0.store.read(async move |tx| tx.first(&sql, &[Value::from(id)]).await).await
    }

    /// One job with all that is known of it.
    pub(crate) async fn detail(&self, id: i64) -> Result<Option<JobDetail>, StoreError> {
        let Some(row) = self.find(id).await? else { return Ok(None) };
        let more: Result<Option<(Ties, JobHold)>, StoreError> = self
            .0
            .store
            .read(async move |tx| {
                let after = "SELECT before FROM job_edges WHERE job = $1 ORDER BY before";
                let followers = "SELECT job FROM job_edges WHERE before = $1 ORDER BY job LIMIT 100";
                let hold = "SELECT unique_key, claims, l.holder, l.renewed_at_ms, l.expires_at_ms
                     FROM jobs LEFT JOIN job_leases AS l ON l.lease = jobs.lease WHERE id = $1";
                let id = [Value::from(id)];
                let ties = (tx.all(after, &id).await?, tx.all(followers, &id).await?);
                Ok(tx.first(hold, &id).await?.map(|hold| (ties, hold)))
            })
            .await;
        // Absent when it was pruned between the two looks.
        Ok(more?.map(|(ties, hold)| JobDetail::new(row, ties, hold)))
    }

    /// How many jobs there are in each state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn counts(&self) -> Result<Counts, StoreError> {
        self.0
            .store
            .read_lagging(async |tx| {
                let mut counts = Counts::new();
                for state in State::ALL {
                    let words = words(state);
                    let sql = format!(
                        "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE {words} LIMIT {COUNT_MOST}) AS bounded"
                    );
                    let (count,): (i64,) = tx.one(&sql, &[]).await?;
                    counts.insert(format!("{state:?}").to_lowercase(), count);
                }
                Ok(counts)
            })
            .await
    }
}
