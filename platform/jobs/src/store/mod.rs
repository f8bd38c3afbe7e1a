//! The SQL of the life of a job. Each function is one transition of `state.rs`, fenced by lease and claim; what else a
//! transition sets in motion is in `ties.rs`.
//!
//! Where a row is found by its id, its state is asked for as `state + 0`: PostgreSQL would else think of the index of all jobs in
//! that state, and combine the two. And where a limit is always the same, it is in the text: of one that is a parameter,
//! PostgreSQL supposes a tenth of the table.

pub(crate) mod batches;
pub(crate) mod bulk;
mod insert;
pub(crate) mod leases;
pub(crate) mod notes;
pub(crate) mod policy;
pub(crate) mod ties;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use store::{FromRow, Row, StoreError, Tx, params};

pub(crate) use self::insert::{Insert, Inserted, insert, insert_many, let_go};
pub(crate) use self::ties::Effects;
use crate::claim::Lane;
use crate::state::{Outcome, State};

/// A job as a worker gets it.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub(crate) id: i64,
    pub(crate) queue: Arc<str>,
    pub(crate) key: Arc<str>,
    pub(crate) kind: String,
    pub(crate) attempt: u32,
    pub(crate) max_attempts: u32,
    pub(crate) claim: u32,
    pub(crate) run_at_ms: i64,
    pub(crate) event_position: Option<i64>,
    pub(crate) trace: Option<String>,
    pub(crate) args: String,
    pub(crate) errors: String,
}

impl FromRow for Claimed {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            queue: Arc::default(),
            key: Arc::default(),
            kind: row.get(1)?,
            attempt: row.get(2)?,
            max_attempts: row.get(3)?,
            claim: row.get(4)?,
            run_at_ms: row.get(5)?,
            event_position: row.get(6)?,
            trace: row.get(7)?,
            args: row.get(8)?,
            errors: row.get(9)?,
        })
    }
}

/// How one attempt ended, as it goes into the store.
#[derive(Clone, Debug)]
pub(crate) struct Settlement {
    pub(crate) id: i64,
    pub(crate) claim: u32,
    pub(crate) outcome: Outcome,
    /// The job's errors as JSON, this attempt's included.
    pub(crate) errors: String,
}

/// The arguments, wherever they lie.
macro_rules! args {
    () => {
        "CASE WHEN args = '' THEN (SELECT p.args FROM job_payloads AS p WHERE p.id = jobs.id) ELSE args END"
    };
}
pub(crate) use args;

/// A job lets go of its unique key in the first state that its key is not held in, and does not take it again.
macro_rules! keeps {
    ($bit:expr) => {
        concat!(
            "unique_mask = CASE WHEN unique_mask > 0 AND (unique_mask & ",
            $bit,
            ") = 0 THEN -unique_mask ELSE unique_mask END"
        )
    };
}

pub(crate) use keeps;

/// The next jobs of a lane, now the lease's own.
pub(crate) async fn claim(
    tx: &mut Tx,
    queue: &str,
    lane: &Lane,
    lease: i64,
    limit: usize,
    now_ms: i64,
) -> Result<Vec<Claimed>, StoreError> {
    // The state is asked for twice: on an engine with several writers, another may have claimed what the inner query saw.
    let sql = concat!(
        "UPDATE jobs SET state = 2, attempt = attempt + 1, claims = claims + 1, lease = $1, started_at_ms = $2, ",
        keeps!("4"),
        " WHERE state + 0 = 0 AND id IN (SELECT id FROM jobs WHERE queue = $3 AND priority = $4 AND kind = $5
                 AND job_key = $6 AND state = 0 ORDER BY id LIMIT $7)
         RETURNING id, kind, attempt, max_attempts, claims, run_at_ms, event_position, trace, ",
        args!(),
        ", errors"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let params = params![lease, now_ms, queue, i32::from(lane.priority), &lane.kind, &lane.key, limit];
    let mut claimed: Vec<Claimed> = tx.all(sql, params).await?;
    claimed.sort_unstable_by_key(|job| job.id);
    let (queue, key): (Arc<str>, Arc<str>) = (queue.into(), lane.key.as_str().into());
    for job in &mut claimed {
        (job.queue, job.key) = (queue.clone(), key.clone());
    }
    Ok(claimed)
}

/// The lanes of a queue in which jobs wait, after `after`, at most `limit`: one step of the index each.
pub(crate) async fn lanes(
    tx: &mut Tx,
    queue: &str,
    after: Option<Lane>,
    limit: usize,
) -> Result<Vec<Lane>, StoreError> {
    let mut lanes: Vec<Lane> = Vec::new();
    let first = Lane { priority: i16::MIN, kind: String::new(), key: String::new() };
    let mut last = after.unwrap_or(first);
    while lanes.len() < limit {
        let sql = "SELECT priority, kind, job_key FROM jobs
             WHERE state = 0 AND queue = $1 AND (priority, kind, job_key) > ($2, $3, $4)
             ORDER BY priority, kind, job_key LIMIT 1";
        let params = params![queue, i32::from(last.priority), &last.kind, &last.key];
        let Some((priority, kind, key)) = tx.first::<(i32, String, String)>(sql, params).await? else { break };
        last = Lane { priority: i16::try_from(priority).unwrap_or_default(), kind, key };
        lanes.push(last.clone());
    }
    Ok(lanes)
}

/// `false` when the job is no longer this worker's, or was claimed anew. A job that is called off ends cancelled, whatever
/// the outcome; with [`Outcome::Stop`] nothing happens unless it is.
pub(crate) async fn settle(
    tx: &mut Tx,
    lease: i64,
    it: &Settlement,
    now_ms: i64,
    effects: &mut Effects,
) -> Result<bool, StoreError> {
    if it.outcome == Outcome::Complete && completed(tx, lease, it, now_ms).await? {
        return Ok(true);
    }
    let (state, only_cancelling) = match it.outcome {
        Outcome::RetryAt(at_ms) | Outcome::Snooze(at_ms) => {
            let snooze = matches!(it.outcome, Outcome::Snooze(_));
            if again(tx, lease, it, at_ms, u32::from(snooze)).await? {
                effects.due(at_ms);
                return Ok(true);
            }
            (State::Cancelled, true)
        }
        Outcome::Stop => (State::Cancelled, true),
        Outcome::Complete => (State::Completed, false),
        Outcome::Discard => (State::Discarded, false),
    };
    let end = concat!(
        "UPDATE jobs SET state = CASE WHEN cancel_at_ms IS NULL THEN $4 ELSE 5 END, lease = NULL, finished_at_ms = $5,
             errors = $6, ",
        keeps!("CASE WHEN cancel_at_ms IS NULL THEN $7 ELSE 32 END"),
        " WHERE id = $1 AND state + 0 = 2 AND lease = $2 AND claims = $3 AND ($8 = 0 OR cancel_at_ms IS NOT NULL)
         RETURNING state, ties"
    );
    let (number, bit) = (i32::from(state.number()), 1 << state.number());
    let params = params![it.id, lease, it.claim, number, now_ms, &it.errors, bit, only_cancelling];
    let Some((state, ties)) = tx.first::<(i64, i64)>(end, params).await? else { return Ok(false) };
    if ties != 0 {
        let state = State::from_number(state).unwrap_or(State::Cancelled);
        ties::ended(tx, it.id, state, now_ms, effects).await?;
    }
    Ok(true)
}

/// The end of nearly every job, in one small step: a success that nothing else depends on. `false` for any other.
async fn completed(tx: &mut Tx, lease: i64, it: &Settlement, now_ms: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE jobs SET state = 4, lease = NULL, finished_at_ms = $4
         WHERE id = $1 AND state + 0 = 2 AND lease = $2 AND claims = $3
             AND cancel_at_ms IS NULL AND ties = 0 AND unique_mask <= 0";
    Ok(tx.execute(sql, params![it.id, lease, it.claim, now_ms]).await? == 1)
}

/// As [`completed`] for many at once, where the store takes lists: those of them, each with its claim, that ended so.
pub(crate) async fn complete_many(
    tx: &mut Tx,
    lease: i64,
    jobs: impl Iterator<Item = (i64, u32)>,
    now_ms: i64,
) -> Result<HashSet<i64>, StoreError> {
    // Nearly all are at their first claim; so there is one statement, and its list is what the index is searched for.
    let mut by_claim: BTreeMap<u32, Vec<Option<i64>>> = BTreeMap::new();
    jobs.for_each(|(id, claim)| by_claim.entry(claim).or_default().push(Some(id)));
    let mut ended = HashSet::new();
    for (claim, ids) in by_claim {
        let sql = "UPDATE jobs SET state = 4, lease = NULL, finished_at_ms = $4
             WHERE id = ANY ($1) AND state + 0 = 2 AND lease = $2 AND claims = $3
                 AND cancel_at_ms IS NULL AND ties = 0 AND unique_mask <= 0
             RETURNING id";
        let rows: Vec<(i64,)> = tx.all(sql, params![&*ids, lease, claim, now_ms]).await?;
        ended.extend(rows.into_iter().map(|(id,)| id));
    }
    Ok(ended)
}

/// Back to wait for `at_ms`, `uncounted` attempts (0 or 1) less; `false` also when it is being called off.
async fn again(tx: &mut Tx, lease: i64, it: &Settlement, at_ms: i64, uncounted: u32) -> Result<bool, StoreError> {
    let sql = concat!(
        "UPDATE jobs SET state = CASE WHEN attempt > $6 THEN 3 ELSE 1 END, attempt = attempt - $6, lease = NULL,
             run_at_ms = $4, errors = $5, started_at_ms = CASE WHEN $6 = 0 THEN started_at_ms END, ",
        keeps!("8"),
        " WHERE id = $1 AND state + 0 = 2 AND lease = $2 AND claims = $3 AND cancel_at_ms IS NULL"
    );
    Ok(tx.execute(sql, params![it.id, lease, it.claim, at_ms, &it.errors, uncounted]).await? == 1)
}

/// A claimed job that was never started goes back as it was, or ends when it was called off meanwhile.
pub(crate) async fn hand_back(
    tx: &mut Tx,
    lease: i64,
    id: i64,
    claim: u32,
    now_ms: i64,
    effects: &mut Effects,
) -> Result<bool, StoreError> {
    let sql = "UPDATE jobs SET state = 0, lease = NULL, attempt = attempt - 1, started_at_ms = NULL
         WHERE id = $1 AND state + 0 = 2 AND lease = $2 AND claims = $3 AND cancel_at_ms IS NULL
         RETURNING queue, priority, kind, job_key";
    if let Some(ready) = tx.first::<ties::Ready>(sql, params![id, lease, claim]).await? {
        effects.ready(ready);
        return Ok(true);
    }
    let sql = "UPDATE jobs SET attempt = attempt - 1 WHERE id = $1 AND state + 0 = 2 AND lease = $2 AND claims = $3";
    if tx.execute(sql, params![id, lease, claim]).await? == 0 {
        return Ok(false);
    }
    let (errors,) = tx.one("SELECT errors FROM jobs WHERE id = $1", params![id]).await?;
    settle(tx, lease, &Settlement { id, claim, outcome: Outcome::Stop, errors }, now_ms, effects).await
}

/// The errors with one more, in SQL: the worker that could have written it is dead.
macro_rules! died {
    () => {
        "CASE WHEN errors = '[]' THEN '[' ELSE substr(errors, 1, length(errors) - 1) || ',' END
         || '{\"attempt\":' || attempt || ',\"at_ms\":' || CAST($2 AS BIGINT) || ',\"message\":\"the worker died\"}]'"
    };
}

/// Takes the jobs of a dead lease from it, at most `limit`: how many run again, and how many ended: at their last attempt,
/// or called off.
pub(crate) async fn crash(
    tx: &mut Tx,
    lease: i64,
    limit: i64,
    now_ms: i64,
    effects: &mut Effects,
) -> Result<(u64, u64), StoreError> {
    let (died, keeps) = (died!(), keeps!("CASE WHEN cancel_at_ms IS NULL THEN 64 ELSE 32 END"));
    let bury = format!(
        "UPDATE jobs SET state = CASE WHEN cancel_at_ms IS NULL THEN 6 ELSE 5 END, lease = NULL, finished_at_ms = $2,
             errors = {died}, {keeps}
         WHERE state + 0 = 2 AND lease = $1 AND id IN (SELECT id FROM jobs WHERE state = 2 AND lease = $1
                 AND (attempt >= max_attempts OR cancel_at_ms IS NOT NULL) LIMIT {limit})
         RETURNING id, state, ties"
    );
    let buried: Vec<(i64, i64, i64)> = tx.all(&bury, params![lease, now_ms]).await?;
    for (id, state, ties) in &buried {
        if *ties != 0 {
            let state = State::from_number(*state).unwrap_or(State::Discarded);
            ties::ended(tx, *id, state, now_ms, effects).await?;
        }
    }
    let free = format!(
        "UPDATE jobs SET state = 0, lease = NULL, errors = {died}
         WHERE state + 0 = 2 AND lease = $1 AND id IN (SELECT id FROM jobs WHERE state = 2 AND lease = $1
                 AND attempt < max_attempts AND cancel_at_ms IS NULL LIMIT {limit})"
    );
    let again = tx.execute(&free, params![lease, now_ms]).await?;
    Ok((again, buried.len() as u64))
}

/// Makes jobs available whose time has come; where they wait now.
pub(crate) async fn promote(tx: &mut Tx, now_ms: i64, limit: i64, effects: &mut Effects) -> Result<usize, StoreError> {
    let keeps = keeps!("1");
    let sql = format!(
        "UPDATE jobs SET state = 0, {keeps}
         WHERE state + 0 IN (1, 3) AND id IN
             (SELECT id FROM jobs WHERE state IN (1, 3) AND run_at_ms <= $1 ORDER BY run_at_ms LIMIT {limit})
         RETURNING queue, priority, kind, job_key"
    );
    let due: Vec<ties::Ready> = tx.all(&sql, params![now_ms]).await?;
    let count = due.len();
    due.into_iter().for_each(|ready| effects.ready(ready));
    Ok(count)
}

/// When the next delayed job is due.
pub(crate) async fn next_due(tx: &mut Tx) -> Result<Option<i64>, StoreError> {
    let row: Option<(Option<i64>,)> = tx.first("SELECT MIN(run_at_ms) FROM jobs WHERE state IN (1, 3)", &[]).await?;
    Ok(row.and_then(|(due,)| due))
}

/// What calling a job off did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cancelled {
    /// It has ended.
    Now,
    /// A worker has it; it ends when the worker stops, or dies.
    Asked,
    /// There is no unfinished job of this number.
    No,
}

/// Calls off a job that has not ended.
pub(crate) async fn cancel(tx: &mut Tx, id: i64, now_ms: i64, effects: &mut Effects) -> Result<Cancelled, StoreError> {
    let sql = concat!(
        "UPDATE jobs SET state = 5, finished_at_ms = $2, ",
        keeps!("32"),
        " WHERE id = $1 AND state IN (0, 1, 3, 7) RETURNING ties"
    );
    if let Some((ties,)) = tx.first::<(i64,)>(sql, params![id, now_ms]).await? {
        if ties != 0 {
            ties::ended(tx, id, State::Cancelled, now_ms, effects).await?;
        }
        return Ok(Cancelled::Now);
    }
    let sql = "UPDATE jobs SET cancel_at_ms = COALESCE(cancel_at_ms, $2) WHERE id = $1 AND state + 0 = 2";
    let asked = tx.execute(sql, params![id, now_ms]).await? == 1;
    if asked {
        effects.stop.push(id);
    }
    Ok(if asked { Cancelled::Asked } else { Cancelled::No })
}

/// Whether a job is still this worker's, and not called off.
pub(crate) async fn is_wanted(tx: &mut Tx, lease: i64, id: i64, claim: u32) -> Result<bool, StoreError> {
    let sql =
        "SELECT 1 FROM jobs WHERE id = $1 AND state + 0 = 2 AND lease = $2 AND claims = $3 AND cancel_at_ms IS NULL";
    let row: Option<(i64,)> = tx.first(sql, params![id, lease, claim]).await?;
    Ok(row.is_some())
}

/// A worker's job: its kind, and whether it is called off.
pub(crate) async fn held(tx: &mut Tx, lease: i64, id: i64, claim: u32) -> Result<Option<(String, bool)>, StoreError> {
    let sql = "SELECT kind, CASE WHEN cancel_at_ms IS NULL THEN 0 ELSE 1 END FROM jobs
         WHERE id = $1 AND state + 0 = 2 AND lease = $2 AND claims = $3";
    tx.first(sql, params![id, lease, claim]).await
}

/// A worker's job as it was claimed, without its arguments.
pub(crate) async fn held_job(tx: &mut Tx, lease: i64, id: i64, claim: u32) -> Result<Option<Claimed>, StoreError> {
    let sql = "SELECT id, kind, attempt, max_attempts, claims, run_at_ms, event_position, trace, '', errors
         FROM jobs WHERE id = $1 AND state + 0 = 2 AND lease = $2 AND claims = $3";
    let Some(mut job) = tx.first::<Claimed>(sql, params![id, lease, claim]).await? else { return Ok(None) };
    let (queue, key): (String, String) = tx.one("SELECT queue, job_key FROM jobs WHERE id = $1", params![id]).await?;
    (job.queue, job.key) = (queue.into(), key.into());
    Ok(Some(job))
}

pub(crate) async fn state_of(tx: &mut Tx, id: i64) -> Result<State, StoreError> {
    let (state,): (i64,) = tx.one("SELECT state FROM jobs WHERE id = $1", params![id]).await?;
    State::from_number(state).ok_or(StoreError::Decode { column: 0, wanted: "a state" })
}

/// Which of a lease's jobs are called off.
pub(crate) async fn called_off(tx: &mut Tx, lease: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT id FROM jobs WHERE state = 2 AND lease = $1 AND cancel_at_ms IS NOT NULL LIMIT 1000";
    let rows: Vec<(i64,)> = tx.all(sql, params![lease]).await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Makes a waiting or ended job available now, an ended one with all its attempts before it; `false` when it is executing,
/// waits for other jobs, is unknown, or when another job has taken its unique key.
pub(crate) async fn run_now(tx: &mut Tx, id: i64, now_ms: i64, effects: &mut Effects) -> Result<bool, StoreError> {
    let sql = "UPDATE jobs SET state = 0, run_at_ms = $2 WHERE id = $1 AND state IN (1, 3)
         RETURNING queue, priority, kind, job_key";
    if let Some(ready) = tx.first::<ties::Ready>(sql, params![id, now_ms]).await? {
        effects.ready(ready);
        return Ok(true);
    }
    ties::revive(tx, id, now_ms, effects).await
}

/// Removes jobs that ended in this state before `before_ms`, at most `limit`.
pub(crate) async fn prune(tx: &mut Tx, state: State, before_ms: i64, limit: i64) -> Result<u64, StoreError> {
    let old = format!(
        "SELECT id FROM jobs WHERE state = $1 AND finished_at_ms < $2 ORDER BY finished_at_ms, id LIMIT {limit}"
    );
    let params = params![i32::from(state.number()), before_ms];
    for table in ["job_payloads", "job_notes"] {
        tx.execute(&format!("DELETE FROM {table} WHERE id IN ({old})"), params).await?;
    }
    tx.execute(&format!("DELETE FROM jobs WHERE id IN ({old})"), params).await
}
