//! The SQL of the life of a job. Each function is one transition of `state.rs`, fenced by lease and claim; what else a
//! transition sets in motion is in `ties.rs`.
//!
//! Where a row is found by its id, its state is asked for as `state + 0`: PostgreSQL would else think of the index of all jobs in
//! that state, and combine the two. And where a limit is always the same, it is in the text: of one that is a parameter,
//! PostgreSQL supposes a tenth of the table.

pub(crate) mod batches;
pub(crate) mod bulk;
mod ends;
mod insert;
pub(crate) mod leases;
pub(crate) mod notes;
pub(crate) mod policy;
pub(crate) mod ties;

use std::sync::Arc;

use store::{FromRow, Row, StoreError, Tx, params};

pub(crate) use self::ends::{Settlement, complete_many, crash, hand_back, settle};
pub(crate) use self::insert::{Insert, Inserted, insert, insert_many, let_go};
pub(crate) use self::ties::{Effects, Ready};
use crate::claim::{Lane, Place};
use crate::state::State;

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

/// The next jobs of a lane from this number on, in its order, now the lease's own.
pub(crate) async fn claim(
    tx: &mut Tx,
    queue: &str,
    (lane, from): (&Lane, i64),
    lease: i64,
    limit: usize,
    now_ms: i64,
) -> Result<Vec<Claimed>, StoreError> {
    // The state is asked for twice: on an engine with several writers, another may have claimed what the inner query saw.
    let sql = concat!(
        "UPDATE jobs SET state = 2, attempt = attempt + 1, claims = claims + 1, lease = $1, started_at_ms = $2, ",
        keeps!("4"),
        " WHERE state + 0 = 0 AND id IN (SELECT id FROM jobs WHERE queue = $3 AND priority = $4 AND kind = $5
                 AND job_key = $6 AND id >= $8 AND state = 0 ORDER BY id LIMIT $7)
         RETURNING id, kind, attempt, max_attempts, claims, run_at_ms, event_position, trace, ",
        args!(),
        ", errors"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let params = params![lease, now_ms, queue, i32::from(lane.priority), &lane.kind, &lane.key, limit, from];
    let mut claimed: Vec<Claimed> = tx.all(sql, params).await?;
    claimed.sort_unstable_by_key(|job| job.id);
    let (queue, key): (Arc<str>, Arc<str>) = (queue.into(), lane.key.as_str().into());
    for job in &mut claimed {
        (job.queue, job.key) = (queue.clone(), key.clone());
    }
    Ok(claimed)
}

/// Where jobs of a queue wait, in the lanes after `after`, at most `limit`: one step of the index each.
pub(crate) async fn places(
    tx: &mut Tx,
    queue: &str,
    after: Option<Lane>,
    limit: usize,
) -> Result<Vec<Place>, StoreError> {
    let mut places: Vec<Place> = Vec::new();
    let first = Lane { priority: i16::MIN, kind: String::new(), key: String::new() };
    let mut last = after.unwrap_or(first);
    while places.len() < limit {
        let sql = "SELECT priority, kind, job_key, id FROM jobs
             WHERE state = 0 AND queue = $1 AND (priority, kind, job_key) > ($2, $3, $4)
             ORDER BY priority, kind, job_key, id LIMIT 1";
        let params = params![queue, i32::from(last.priority), &last.kind, &last.key];
        let next: Option<(i32, String, String, i64)> = tx.first(sql, params).await?;
        let Some((priority, kind, key, from)) = next else { break };
        last = Lane { priority: i16::try_from(priority).unwrap_or_default(), kind, key };
        places.push(Place { lane: last.clone(), from });
    }
    Ok(places)
}

/// How far one look at what is new goes, jobs.
pub(crate) const NEWS: i64 = 2_000;

/// Jobs that were put in, oldest first.
#[derive(Debug, Default)]
pub(crate) struct News {
    /// Where those of them wait that have not begun.
    pub(crate) ready: Vec<Ready>,
    /// The last number, of any job.
    pub(crate) last: i64,
    /// Whether there may be more than [`NEWS`].
    pub(crate) more: bool,
}

/// Queue, priority, kind and key; the first that waits, the last, how many.
type Arrived = (String, i32, String, String, Option<i64>, i64, i64);

/// What was put in after the job of this number. Numbers are given under the lock of all writers, so none that is lower comes later.
pub(crate) async fn news(tx: &mut Tx, after: i64) -> Result<News, StoreError> {
    let sql = format!(
        "SELECT queue, priority, kind, job_key, MIN(CASE WHEN state = 0 THEN id END), MAX(id), COUNT(*)
         FROM (SELECT id, state, queue, priority, kind, job_key FROM jobs WHERE id > $1 ORDER BY id LIMIT {NEWS}) AS news
         GROUP BY queue, priority, kind, job_key"
    );
    let rows: Vec<Arrived> = tx.all(&sql, params![after]).await?;
    let (mut news, mut jobs) = (News { last: after, ..News::default() }, 0);
    for (queue, priority, kind, key, from, last, count) in rows {
        (news.last, jobs) = (news.last.max(last), jobs + count);
        let lane = Lane { priority: i16::try_from(priority).unwrap_or_default(), kind, key };
        news.ready.extend(from.map(|from| Ready { queue, place: Place { lane, from } }));
    }
    news.more = jobs >= NEWS;
    Ok(news)
}

/// The highest number given to a job.
pub(crate) async fn newest(tx: &mut Tx) -> Result<i64, StoreError> {
    let (newest,): (Option<i64>,) = tx.one("SELECT MAX(id) FROM jobs", &[]).await?;
    Ok(newest.unwrap_or(0))
}

/// Makes jobs available whose time has come, of those that are due from `from_ms` on; where they wait now. What came before is not
/// passed: see [`Place::from`].
pub(crate) async fn promote(
    tx: &mut Tx,
    (from_ms, now_ms): (i64, i64),
    limit: i64,
    effects: &mut Effects,
) -> Result<usize, StoreError> {
    let keeps = keeps!("1");
    let sql = format!(
        "UPDATE jobs SET state = 0, {keeps}
         WHERE state + 0 IN (1, 3) AND id IN
             (SELECT id FROM jobs WHERE state IN (1, 3) AND run_at_ms >= $2 AND run_at_ms <= $1 ORDER BY run_at_ms
              LIMIT {limit})
         RETURNING queue, priority, kind, job_key, id"
    );
    let due: Vec<ties::Ready> = tx.all(&sql, params![now_ms, from_ms]).await?;
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
         RETURNING queue, priority, kind, job_key, id";
    if let Some(ready) = tx.first::<ties::Ready>(sql, params![id, now_ms]).await? {
        effects.ready(ready);
        return Ok(true);
    }
    ties::revive(tx, id, now_ms, effects).await
}

/// When the first of the jobs ended that are in this state since before `before_ms`.
pub(crate) async fn first_ended(tx: &mut Tx, state: State, before_ms: i64) -> Result<Option<i64>, StoreError> {
    let sql =
        "SELECT finished_at_ms FROM jobs WHERE state = $1 AND finished_at_ms < $2 ORDER BY finished_at_ms, id LIMIT 1";
    let row: Option<(i64,)> = tx.first(sql, params![i32::from(state.number()), before_ms]).await?;
    Ok(row.map(|(at_ms,)| at_ms))
}

/// Removes jobs that ended in this state from `from_ms` on and before `before_ms`, at most `limit`. What was removed before is not
/// passed: see [`Place::from`].
pub(crate) async fn prune(
    tx: &mut Tx,
    state: State,
    (from_ms, before_ms): (i64, i64),
    limit: i64,
) -> Result<u64, StoreError> {
    let old = format!(
        "SELECT id FROM jobs WHERE state = $1 AND finished_at_ms >= $3 AND finished_at_ms < $2
         ORDER BY finished_at_ms, id LIMIT {limit}"
    );
    let params = params![i32::from(state.number()), before_ms, from_ms];
    for table in ["job_payloads", "job_notes"] {
        tx.execute(&format!("DELETE FROM {table} WHERE id IN ({old})"), params).await?;
    }
    tx.execute(&format!("DELETE FROM jobs WHERE id IN ({old})"), params).await
}
