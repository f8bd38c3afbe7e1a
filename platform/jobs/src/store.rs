//! The SQL of the life of a job. Each function is one transition of `state.rs`, fenced by lease and claim.

use store::{FromRow, Row, StoreError, Tx, params};

use crate::state::{Outcome, State};

/// A job as a worker gets it.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) priority: i64,
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
            kind: row.get(1)?,
            priority: row.get(2)?,
            attempt: row.get(3)?,
            max_attempts: row.get(4)?,
            claim: row.get(5)?,
            run_at_ms: row.get(6)?,
            event_position: row.get(7)?,
            trace: row.get(8)?,
            args: row.get(9)?,
            errors: row.get(10)?,
        })
    }
}

/// A job to insert.
#[derive(Clone, Debug)]
pub(crate) struct Insert {
    pub(crate) queue: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) state: State,
    pub(crate) priority: i16,
    pub(crate) max_attempts: u32,
    pub(crate) run_at_ms: i64,
    pub(crate) now_ms: i64,
    pub(crate) lease: Option<i64>,
    pub(crate) unique_key: Option<String>,
    pub(crate) event_position: Option<i64>,
    pub(crate) trace: Option<String>,
    pub(crate) args: String,
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

pub(crate) async fn take_lease(tx: &mut Tx, holder: &str, now_ms: i64) -> Result<i64, StoreError> {
    let (lease,) = tx
        .one(
            "INSERT INTO job_leases (holder, started_at_ms, renewed_at_ms) VALUES ($1, $2, $2) RETURNING lease",
            params![holder, now_ms],
        )
        .await?;
    Ok(lease)
}

/// Says that the holder lives. A lease that others have declared dead meanwhile exists again: the jobs that were taken
/// from it are lost to it, the ones it claims from now on are its own.
pub(crate) async fn renew_lease(tx: &mut Tx, lease: i64, holder: &str, now_ms: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO job_leases (lease, holder, started_at_ms, renewed_at_ms) VALUES ($1, $2, $3, $3)
         ON CONFLICT (lease) DO UPDATE SET renewed_at_ms = $3";
    tx.execute(sql, params![lease, holder, now_ms]).await.map(drop)
}

/// Leases other than `mine` whose holders were last heard of before `silent_since_ms`, and those under which jobs are
/// executing though nobody holds them: their holder claimed after it was declared dead, and died before it renewed.
pub(crate) async fn dead_leases(tx: &mut Tx, mine: i64, silent_since_ms: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT lease FROM job_leases WHERE lease <> $1 AND renewed_at_ms < $2
         UNION SELECT lease FROM jobs WHERE state = 2 AND lease <> $1 AND lease NOT IN (SELECT lease FROM job_leases)
         ORDER BY lease LIMIT 100";
    let rows: Vec<(i64,)> = tx.all(sql, params![mine, silent_since_ms]).await?;
    Ok(rows.into_iter().map(|(lease,)| lease).collect())
}

/// `None` when an unfinished job of this kind has the same unique key.
pub(crate) async fn insert(tx: &mut Tx, job: &Insert) -> Result<Option<i64>, StoreError> {
    let executing = job.lease.is_some();
    let row: Option<(i64,)> = tx
        .first(
            "INSERT INTO jobs (queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms,
                 created_at_ms, started_at_ms, lease, unique_key, event_position, trace, args, errors)
             VALUES ($1, $2, $3, $4, $5, $6, $5, $7, $8, $9, $10, $11, $12, $13, $14, '[]')
             ON CONFLICT (kind, unique_key) WHERE unique_key IS NOT NULL DO NOTHING
             RETURNING id",
            params![
                job.queue,
                job.kind,
                i32::from(if executing { State::Executing.number() } else { job.state.number() }),
                i32::from(job.priority),
                u32::from(executing),
                job.max_attempts,
                job.run_at_ms,
                job.now_ms,
                executing.then_some(job.now_ms),
                job.lease,
                job.unique_key.as_ref(),
                job.event_position,
                job.trace.as_ref(),
                &job.args,
            ],
        )
        .await?;
    Ok(row.map(|(id,)| id))
}

pub(crate) async fn find_unique(tx: &mut Tx, kind: &str, unique_key: &str) -> Result<Option<i64>, StoreError> {
    let row: Option<(i64,)> =
        tx.first("SELECT id FROM jobs WHERE kind = $1 AND unique_key = $2", params![kind, unique_key]).await?;
    Ok(row.map(|(id,)| id))
}

/// The next jobs of a queue, now the lease's own; none when the lease was declared dead and is not renewed yet.
pub(crate) async fn claim(
    tx: &mut Tx,
    queue: &str,
    lease: i64,
    limit: usize,
    now_ms: i64,
) -> Result<Vec<Claimed>, StoreError> {
    // The state is asked for twice: on an engine with several writers, another may have claimed what the inner query saw.
    let mut claimed: Vec<Claimed> = tx
        .all(
            "UPDATE jobs SET state = 2, attempt = attempt + 1, claims = claims + 1, lease = $1, started_at_ms = $2
             WHERE state = 0 AND EXISTS (SELECT 1 FROM job_leases WHERE lease = $1) AND id IN
                 (SELECT id FROM jobs WHERE queue = $3 AND state = 0 ORDER BY priority, id LIMIT $4)
             RETURNING id, kind, priority, attempt, max_attempts, claims, run_at_ms, event_position, trace, args, errors",
            params![lease, now_ms, queue, i64::try_from(limit).unwrap_or(i64::MAX)],
        )
        .await?;
    claimed.sort_unstable_by_key(|job| (job.priority, job.id));
    Ok(claimed)
}

/// Moves a job to its end. The words are the state, the time, the errors and which jobs.
macro_rules! finish {
    ($state:literal, $now:literal, $errors:expr, $which:literal) => {
        concat!(
            "INSERT INTO jobs_finished (id, queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms,
                 created_at_ms, started_at_ms, finished_at_ms, unique_key, event_position, trace, args, errors)
             SELECT id, queue, kind, ",
            $state,
            ", priority, attempt, max_attempts, claims, run_at_ms, created_at_ms, started_at_ms, ",
            $now,
            ", unique_key, event_position, trace, args, ",
            $errors,
            " FROM jobs WHERE ",
            $which
        )
    };
}

/// `false` when the job is no longer this worker's, or was claimed anew.
pub(crate) async fn settle(tx: &mut Tx, lease: i64, it: &Settlement, now_ms: i64) -> Result<bool, StoreError> {
    let state = match it.outcome {
        Outcome::RetryAt(run_at_ms) => {
            let sql = "UPDATE jobs SET state = 3, lease = NULL, run_at_ms = $4, errors = $5
                 WHERE id = $1 AND state = 2 AND lease = $2 AND claims = $3";
            return Ok(tx.execute(sql, params![it.id, lease, it.claim, run_at_ms, &it.errors]).await? == 1);
        }
        Outcome::Complete => State::Completed,
        Outcome::Discard => State::Discarded,
    };
    let sql = finish!("$4", "$5", "$6", "id = $1 AND state = 2 AND lease = $2 AND claims = $3");
    let params = params![it.id, lease, it.claim, i32::from(state.number()), now_ms, &it.errors];
    if tx.execute(sql, params).await? == 0 {
        return Ok(false);
    }
    tx.execute("DELETE FROM jobs WHERE id = $1", params![it.id]).await?;
    Ok(true)
}

/// A claimed job that was never started goes back as it was.
pub(crate) async fn hand_back(tx: &mut Tx, lease: i64, id: i64, claim: u32) -> Result<bool, StoreError> {
    let sql = "UPDATE jobs SET state = 0, lease = NULL, attempt = attempt - 1, started_at_ms = NULL
         WHERE id = $1 AND state = 2 AND lease = $2 AND claims = $3";
    Ok(tx.execute(sql, params![id, lease, claim]).await? == 1)
}

/// A claimed job goes back to wait until `until_ms`, the attempt not counted.
pub(crate) async fn put_off(tx: &mut Tx, lease: i64, id: i64, claim: u32, until_ms: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE jobs SET state = CASE WHEN attempt > 1 THEN 3 ELSE 1 END, lease = NULL, attempt = attempt - 1,
             started_at_ms = NULL, run_at_ms = $4
         WHERE id = $1 AND state = 2 AND lease = $2 AND claims = $3";
    Ok(tx.execute(sql, params![id, lease, claim, until_ms]).await? == 1)
}

/// The errors with one more, in SQL: the worker that could have written it is dead.
macro_rules! died {
    () => {
        "CASE WHEN errors = '[]' THEN '[' ELSE substr(errors, 1, length(errors) - 1) || ',' END
         || '{\"attempt\":' || attempt || ',\"at_ms\":' || CAST($2 AS BIGINT) || ',\"message\":\"the worker died\"}]'"
    };
}

/// Takes the jobs of a dead lease from it, at most `limit`: how many run again, and how many were at their last attempt.
pub(crate) async fn crash(tx: &mut Tx, lease: i64, limit: i64, now_ms: i64) -> Result<(u64, u64), StoreError> {
    let bury = finish!("6", "$2", died!(), "state = 2 AND lease = $1 AND attempt >= max_attempts");
    let last = tx.execute(bury, params![lease, now_ms]).await?;
    tx.execute("DELETE FROM jobs WHERE state = 2 AND lease = $1 AND attempt >= max_attempts", params![lease]).await?;
    let free = concat!(
        "UPDATE jobs SET state = 0, lease = NULL, errors = ",
        died!(),
        " WHERE state = 2 AND lease = $1 AND id IN (SELECT id FROM jobs WHERE state = 2 AND lease = $1 LIMIT $3)"
    );
    let again = tx.execute(free, params![lease, now_ms, limit]).await?;
    Ok((again, last))
}

pub(crate) async fn forget_lease(tx: &mut Tx, lease: i64) -> Result<(), StoreError> {
    let sql =
        "DELETE FROM job_leases WHERE lease = $1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE state = 2 AND lease = $1)";
    tx.execute(sql, params![lease]).await.map(drop)
}

/// Makes jobs available whose time has come; the queues they are in.
pub(crate) async fn promote(tx: &mut Tx, now_ms: i64, limit: i64) -> Result<Vec<String>, StoreError> {
    let rows: Vec<(String,)> = tx
        .all(
            "UPDATE jobs SET state = 0
             WHERE state IN (1, 3) AND id IN
                 (SELECT id FROM jobs WHERE state IN (1, 3) AND run_at_ms <= $1 ORDER BY run_at_ms LIMIT $2)
             RETURNING queue",
            params![now_ms, limit],
        )
        .await?;
    Ok(rows.into_iter().map(|(queue,)| queue).collect())
}

/// When the next delayed job is due.
pub(crate) async fn next_due(tx: &mut Tx) -> Result<Option<i64>, StoreError> {
    let row: Option<(Option<i64>,)> = tx.first("SELECT MIN(run_at_ms) FROM jobs WHERE state IN (1, 3)", &[]).await?;
    Ok(row.and_then(|(due,)| due))
}

/// Calls off a job that has not ended, whoever has it; `false` when there is no such job.
pub(crate) async fn cancel(tx: &mut Tx, id: i64, now_ms: i64) -> Result<bool, StoreError> {
    let moved = tx.execute(finish!("5", "$2", "errors", "id = $1"), params![id, now_ms]).await?;
    tx.execute("DELETE FROM jobs WHERE id = $1", params![id]).await?;
    Ok(moved == 1)
}

/// Makes a waiting or ended job available now, an ended one with all its attempts before it; its queue, or `None` when
/// it is executing, unknown, or when another unfinished job has taken its unique key.
pub(crate) async fn run_now(tx: &mut Tx, id: i64, now_ms: i64) -> Result<Option<String>, StoreError> {
    let sql = "UPDATE jobs SET state = 0, run_at_ms = $2 WHERE id = $1 AND state IN (1, 3) RETURNING queue";
    if let Some((queue,)) = tx.first(sql, params![id, now_ms]).await? {
        return Ok(Some(queue));
    }
    let revived: Option<(String,)> = tx
        .first(
            "INSERT INTO jobs (id, queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms,
                 created_at_ms, unique_key, event_position, trace, args, errors)
             SELECT id, queue, kind, 0, priority, 0, max_attempts, claims, $2, created_at_ms,
                 unique_key, event_position, trace, args, errors
             FROM jobs_finished WHERE id = $1
             ON CONFLICT (kind, unique_key) WHERE unique_key IS NOT NULL DO NOTHING
             RETURNING queue",
            params![id, now_ms],
        )
        .await?;
    if revived.is_some() {
        tx.execute("DELETE FROM jobs_finished WHERE id = $1", params![id]).await?;
    }
    Ok(revived.map(|(queue,)| queue))
}

/// Removes finished jobs older than `before_ms`, at most `limit`.
pub(crate) async fn prune(tx: &mut Tx, before_ms: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM jobs_finished
         WHERE id IN (SELECT id FROM jobs_finished WHERE finished_at_ms < $1 ORDER BY finished_at_ms LIMIT $2)";
    tx.execute(sql, params![before_ms, limit]).await
}
