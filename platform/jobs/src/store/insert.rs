//! How a job begins to exist.

use std::borrow::Cow;

use kernel::limits;
use store::{StoreError, Tx, params};

use crate::new_job::EnqueueError;
use crate::state::State;
use crate::store::{Effects, batches, ties};
use crate::unique::Holds;

/// A job to insert.
#[derive(Clone, Debug)]
pub(crate) struct Insert {
    pub(crate) queue: Cow<'static, str>,
    pub(crate) kind: Cow<'static, str>,
    pub(crate) key: String,
    pub(crate) priority: i16,
    pub(crate) max_attempts: u32,
    pub(crate) run_at_ms: i64,
    pub(crate) now_ms: i64,
    /// Claimed at once, if it may run at once.
    pub(crate) lease: Option<i64>,
    pub(crate) unique: Option<Holds>,
    pub(crate) order_key: Option<String>,
    pub(crate) after: Vec<i64>,
    /// Whether it runs although a job that it comes after failed.
    pub(crate) on_failure: bool,
    pub(crate) batch: Option<i64>,
    /// What it waits for besides: a batch.
    pub(crate) waits: i64,
    pub(crate) event_position: Option<i64>,
    pub(crate) trace: Option<String>,
    pub(crate) args: String,
}

/// What inserting did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inserted {
    /// A job in this state.
    New(i64, State),
    /// This job has the unique key.
    Known(i64),
}

/// What is known of the jobs that a new one comes after.
struct Before {
    unfinished: Vec<i64>,
    failed: bool,
}

async fn before(tx: &mut Tx, after: &[i64]) -> Result<Before, EnqueueError> {
    let mut before = Before { unfinished: Vec::new(), failed: false };
    for id in after {
        // Marked before it is looked at: an end that is written beside this waits for the row, and sees the mark; or it was first, and
        // is seen here.
        let sql = "UPDATE jobs SET ties = ties | $2 WHERE id = $1 AND (ties & $2) = 0 AND finished_at_ms IS NULL";
        tx.execute(sql, params![*id, ties::FOLLOWED]).await?;
        let row: Option<(i64,)> = tx.first("SELECT state FROM jobs WHERE id = $1", params![*id]).await?;
        match row.and_then(|(state,)| State::from_number(state)) {
            None => return Err(EnqueueError::After(*id)),
            Some(State::Completed) => {}
            Some(state) if state.is_end() => before.failed = true,
            // The same job twice is one thing to wait for.
            Some(_) if before.unfinished.contains(id) => {}
            Some(_) => before.unfinished.push(*id),
        }
    }
    Ok(before)
}

/// Inserts in the caller's transaction; after an error the caller must roll it back.
pub(crate) async fn insert(tx: &mut Tx, job: &Insert, effects: &mut Effects) -> Result<Inserted, EnqueueError> {
    let before = before(tx, &job.after).await?;
    let behind = match &job.order_key {
        Some(order_key) => ties::order_is_taken(tx, &job.kind, order_key, false).await?,
        None => false,
    };
    let doomed = before.failed && !job.on_failure;
    let waits = job.waits + before.unfinished.len() as i64;
    let state = match () {
        () if behind || waits > 0 || doomed => State::Pending,
        () if job.run_at_ms > job.now_ms => State::Scheduled,
        () if job.lease.is_some() => State::Executing,
        () => State::Available,
    };
    let Some(id) = row(tx, job, state, waits).await? else {
        let known = match &job.unique {
            Some(unique) => holder(tx, &job.kind, &unique.key).await?,
            None => None,
        };
        return Ok(Inserted::Known(known.unwrap_or_default()));
    };
    if job.args.len() > limits::JOB_ARGS_INLINE {
        tx.execute("INSERT INTO job_payloads (id, args) VALUES ($1, $2)", params![id, &job.args]).await?;
    }
    for before in before.unfinished {
        tx.execute("INSERT INTO job_edges (before, job) VALUES ($1, $2)", params![before, id]).await?;
    }
    if let Some(batch) = job.batch
        && !batches::add(tx, batch).await?
    {
        return Err(EnqueueError::Batch(batch));
    }
    if doomed {
        super::cancel(tx, id, job.now_ms, effects).await?;
        return Ok(Inserted::New(id, State::Cancelled));
    }
    Ok(Inserted::New(id, state))
}

/// The row itself; `None` when another job holds the unique key.
async fn row(tx: &mut Tx, job: &Insert, state: State, waits: i64) -> Result<Option<i64>, StoreError> {
    let executing = state == State::Executing;
    let unique = job.unique.as_ref();
    let ties =
        if job.order_key.is_some() { ties::ORDERED } else { 0 } | if job.batch.is_some() { ties::BATCHED } else { 0 };
    let sql = "INSERT INTO jobs (queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms, created_at_ms,
             started_at_ms, lease, unique_key, unique_mask, unique_until_ms, event_position, trace, args, errors,
             job_key, order_key, batch, waits, on_failure, ties)
         VALUES ($1, $2, $3, $4, $5, $6, $5, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, '[]', $17, $18, $19, $20, $21,
             $22)
         ON CONFLICT (kind, unique_key) WHERE unique_mask > 0 DO NOTHING
         RETURNING id";
    let inline = if job.args.len() > limits::JOB_ARGS_INLINE { "" } else { &job.args };
    let row: Option<(i64,)> = tx
        .first(
            sql,
            params![
                &*job.queue,
                &*job.kind,
                i32::from(state.number()),
                i32::from(job.priority),
                u32::from(executing),
                job.max_attempts,
                job.run_at_ms,
                job.now_ms,
                executing.then_some(job.now_ms),
                job.lease.filter(|_| executing),
                unique.map(|unique| &unique.key),
                unique.map_or(0, |unique| unique.mask),
                unique.and_then(|unique| unique.until_ms),
                job.event_position,
                job.trace.as_ref(),
                inline,
                &job.key,
                job.order_key.as_ref(),
                job.batch,
                waits,
                job.on_failure,
                ties,
            ],
        )
        .await?;
    Ok(row.map(|(id,)| id))
}

impl Insert {
    /// Whether nothing else must be looked at or written with it.
    pub(crate) fn is_plain(&self) -> bool {
        let tied = self.order_key.is_some() || self.batch.is_some() || self.waits > 0 || !self.after.is_empty();
        !tied && self.unique.is_none() && self.args.len() <= limits::JOB_ARGS_INLINE
    }

    /// How a plain job begins to exist.
    fn plain_state(&self) -> State {
        match self.lease {
            _ if self.run_at_ms > self.now_ms => State::Scheduled,
            Some(_) => State::Executing,
            None => State::Available,
        }
    }
}

/// Inserts plain jobs ([`Insert::is_plain`]) in one statement: their numbers and states, in their order.
pub(crate) async fn insert_many(tx: &mut Tx, jobs: &[&Insert]) -> Result<Vec<(i64, State)>, StoreError> {
    let states: Vec<State> = jobs.iter().map(|job| job.plain_state()).collect();
    let texts = |text: fn(&Insert) -> Option<&str>| -> Vec<Option<&str>> { jobs.iter().map(|job| text(job)).collect() };
    let ints = |int: fn(&Insert) -> Option<i64>| -> Vec<Option<i64>> { jobs.iter().map(|job| int(job)).collect() };
    let numbers: Vec<Option<i64>> = states.iter().map(|state| Some(state.number().into())).collect();
    let leases: Vec<Option<i64>> =
        jobs.iter().zip(&states).map(|(job, state)| job.lease.filter(|_| *state == State::Executing)).collect();
    // A lease is what makes its first attempt begin.
    let sql = "INSERT INTO jobs (queue, kind, job_key, args, errors, trace, state, priority, max_attempts, attempt, claims, run_at_ms,
             created_at_ms, started_at_ms, lease, event_position, ties)
         SELECT queue, kind, job_key, args, '[]', trace, state, priority, max_attempts,
             CASE WHEN lease IS NULL THEN 0 ELSE 1 END, CASE WHEN lease IS NULL THEN 0 ELSE 1 END, run_at_ms,
             created_at_ms, CASE WHEN lease IS NOT NULL THEN created_at_ms END, lease, event_position, 0
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
             $10::bigint[], $11::bigint[], $12::bigint[])
             AS new (queue, kind, job_key, args, trace, state, priority, max_attempts, run_at_ms, created_at_ms, lease, event_position)
         RETURNING id";
    let rows: Vec<(i64,)> = tx
        .all(
            sql,
            params![
                &*texts(|job| Some(&job.queue)),
                &*texts(|job| Some(&job.kind)),
                &*texts(|job| Some(&job.key)),
                &*texts(|job| Some(&job.args)),
                &*texts(|job| job.trace.as_deref()),
                &*numbers,
                &*ints(|job| Some(job.priority.into())),
                &*ints(|job| Some(job.max_attempts.into())),
                &*ints(|job| Some(job.run_at_ms)),
                &*ints(|job| Some(job.now_ms)),
                &*leases,
                &*ints(|job| job.event_position),
            ],
        )
        .await?;
    // Numbers are given in the order of the list.
    let mut ids: Vec<i64> = rows.into_iter().map(|(id,)| id).collect();
    ids.sort_unstable();
    Ok(ids.into_iter().zip(states).collect())
}

async fn holder(tx: &mut Tx, kind: &str, unique_key: &str) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT id FROM jobs WHERE kind = $1 AND unique_key = $2 AND unique_mask > 0";
    let row: Option<(i64,)> = tx.first(sql, params![kind, unique_key]).await?;
    Ok(row.map(|(id,)| id))
}

/// Takes the key from a job whose period is over.
pub(crate) async fn let_go(tx: &mut Tx, kind: &str, unique_key: &str, now_ms: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE jobs SET unique_mask = -unique_mask
         WHERE kind = $1 AND unique_key = $2 AND unique_mask > 0 AND unique_until_ms <= $3";
    Ok(tx.execute(sql, params![kind, unique_key, now_ms]).await? == 1)
}
