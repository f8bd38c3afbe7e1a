//! How an attempt ends, as the store keeps it: by its worker, by a hand that gives it back, or by the death of its process.

use std::collections::{BTreeMap, HashSet};

use store::{StoreError, Tx, params};

use super::{Effects, keeps, ties};
use crate::state::{Outcome, State};

/// How one attempt ended, as it goes into the store.
#[derive(Clone, Debug)]
pub(crate) struct Settlement {
    pub(crate) id: i64,
    pub(crate) claim: u32,
    pub(crate) outcome: Outcome,
    /// The job's errors as JSON, this attempt's included.
    pub(crate) errors: String,
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
         RETURNING queue, priority, kind, job_key, id";
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
