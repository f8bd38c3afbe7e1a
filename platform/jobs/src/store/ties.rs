//! What binds jobs to one another: order, dependencies, batches. A job that nothing binds has `ties = 0` and pays nothing.
//!
//! Whatever an end sets in motion happens in the transaction of the end, but for a fan-out larger than one write may carry:
//! what is left of it is named in `job_loose`, and upkeep goes on with it.

use kernel::limits;
use store::{FromRow, Row, StoreError, Tx, params};

use crate::claim::{Lane, Place};
use crate::state::State;
use crate::store::{batches, keeps};

/// It has an order key.
pub(crate) const ORDERED: i32 = 1;
/// Others come after it.
pub(crate) const FOLLOWED: i32 = 2;
/// It belongs to a batch.
pub(crate) const BATCHED: i32 = 4;

/// A job waits there now.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) queue: String,
    pub(crate) place: Place,
}

impl FromRow for Ready {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let priority = i16::try_from(row.get::<i32>(1)?).unwrap_or_default();
        let lane = Lane { priority, kind: row.get(2)?, key: row.get(3)? };
        Ok(Self { queue: row.get(0)?, place: Place { lane, from: row.get(4)? } })
    }
}

/// What the engine must hear of once the transaction is committed.
#[derive(Debug, Default)]
pub(crate) struct Effects {
    pub(crate) ready: Vec<Ready>,
    /// The earliest time that a job waits for now.
    pub(crate) due_ms: Option<i64>,
    /// Executing jobs that are called off.
    pub(crate) stop: Vec<i64>,
    /// More is loose than was dealt with.
    pub(crate) loose: bool,
}

impl Effects {
    pub(crate) fn ready(&mut self, ready: Ready) {
        // Neighbours are often of one lane, and one hint is enough.
        match self.ready.last_mut() {
            Some(last) if last.queue == ready.queue && last.place.lane == ready.place.lane => {
                last.place.from = last.place.from.min(ready.place.from);
            }
            _ => self.ready.push(ready),
        }
    }

    pub(crate) fn due(&mut self, at_ms: i64) {
        self.due_ms = Some(self.due_ms.map_or(at_ms, |due_ms| due_ms.min(at_ms)));
    }
}

/// Everything that follows from an end.
pub(crate) async fn ended(
    tx: &mut Tx,
    id: i64,
    state: State,
    now_ms: i64,
    effects: &mut Effects,
) -> Result<(), StoreError> {
    note_end(tx, id, state, now_ms, effects).await?;
    effects.loose |= loosen(tx, limits::JOB_LOOSE_BATCH, now_ms, effects).await?;
    Ok(())
}

async fn note_end(tx: &mut Tx, id: i64, state: State, now_ms: i64, effects: &mut Effects) -> Result<(), StoreError> {
    let sql = "SELECT kind, order_key, batch, ties FROM jobs WHERE id = $1";
    let (kind, order_key, batch, ties): (String, Option<String>, Option<i64>, i32) = tx.one(sql, params![id]).await?;
    if let Some(order_key) = order_key {
        next_in_order(tx, &kind, &order_key, now_ms, effects).await?;
    }
    if let Some(callback) = match batch {
        Some(batch) => batches::count(tx, batch, state, 1, now_ms).await?,
        None => None,
    } {
        release(tx, callback, now_ms, effects).await?;
    }
    if ties & FOLLOWED != 0 {
        let sql = "INSERT INTO job_loose (before, satisfied) VALUES ($1, $2)
             ON CONFLICT (before) DO UPDATE SET satisfied = excluded.satisfied";
        tx.execute(sql, params![id, state == State::Completed]).await?;
    }
    Ok(())
}

/// Whether a job of this order is unfinished; with `begun`, one that does not merely wait for the others.
pub(crate) async fn order_is_taken(tx: &mut Tx, kind: &str, order_key: &str, begun: bool) -> Result<bool, StoreError> {
    let states = if begun { "IN (0, 1, 2, 3)" } else { "IN (0, 1, 2, 3, 7)" };
    let sql = format!(
        "SELECT 1 FROM jobs WHERE kind = $1 AND order_key = $2 AND finished_at_ms IS NULL AND state {states} LIMIT 1"
    );
    let row: Option<(i64,)> = tx.first(&sql, params![kind, order_key]).await?;
    Ok(row.is_some())
}

/// Lets the oldest pending job of an order go, when none of it is under way.
async fn next_in_order(
    tx: &mut Tx,
    kind: &str,
    order_key: &str,
    now_ms: i64,
    effects: &mut Effects,
) -> Result<(), StoreError> {
    if order_is_taken(tx, kind, order_key, true).await? {
        return Ok(());
    }
    let sql = "SELECT id, waits FROM jobs
         WHERE kind = $1 AND order_key = $2 AND finished_at_ms IS NULL AND state = 7 ORDER BY id LIMIT 1";
    match tx.first::<(i64, i64)>(sql, params![kind, order_key]).await? {
        Some((id, 0)) => let_go(tx, id, now_ms, effects).await,
        _ => Ok(()),
    }
}

/// One thing less that a pending job waits for.
pub(crate) async fn release(tx: &mut Tx, id: i64, now_ms: i64, effects: &mut Effects) -> Result<(), StoreError> {
    let sql = "UPDATE jobs SET waits = waits - 1 WHERE id = $1 AND state = 7 AND waits > 0
         RETURNING waits, kind, order_key";
    let row: Option<(i64, String, Option<String>)> = tx.first(sql, params![id]).await?;
    match row {
        Some((0, kind, Some(order_key))) => next_in_order(tx, &kind, &order_key, now_ms, effects).await,
        Some((0, _, None)) => let_go(tx, id, now_ms, effects).await,
        _ => Ok(()),
    }
}

async fn let_go(tx: &mut Tx, id: i64, now_ms: i64, effects: &mut Effects) -> Result<(), StoreError> {
    let sql = "UPDATE jobs SET state = CASE WHEN run_at_ms <= $2 THEN 0 ELSE 1 END WHERE id = $1 AND state = 7
         RETURNING run_at_ms, queue, priority, kind, job_key";
    let row: Option<(i64, String, i32, String, String)> = tx.first(sql, params![id, now_ms]).await?;
    let Some((run_at_ms, queue, priority, kind, key)) = row else { return Ok(()) };
    if run_at_ms > now_ms {
        effects.due(run_at_ms);
    } else {
        let priority = i16::try_from(priority).unwrap_or_default();
        effects.ready(Ready { queue, place: Place { lane: Lane { priority, kind, key }, from: id } });
    }
    Ok(())
}

/// Decides over jobs that came after jobs that have ended, at most `budget`; whether more is left.
pub(crate) async fn loosen(
    tx: &mut Tx,
    mut budget: i64,
    now_ms: i64,
    effects: &mut Effects,
) -> Result<bool, StoreError> {
    loop {
        let sql = "SELECT before, satisfied FROM job_loose ORDER BY before LIMIT 1";
        let Some((before, satisfied)) = tx.first::<(i64, bool)>(sql, &[]).await? else { return Ok(false) };
        if budget <= 0 {
            return Ok(true);
        }
        let sql = "SELECT e.job, j.on_failure FROM job_edges AS e JOIN jobs AS j ON j.id = e.job
             WHERE e.before = $1 ORDER BY e.job LIMIT $2";
        let followers: Vec<(i64, bool)> = tx.all(sql, params![before, budget]).await?;
        for (job, goes_on) in &followers {
            tx.execute("DELETE FROM job_edges WHERE before = $1 AND job = $2", params![before, *job]).await?;
            if satisfied || *goes_on {
                release(tx, *job, now_ms, effects).await?;
            } else {
                call_off(tx, *job, now_ms, effects).await?;
            }
        }
        if followers.is_empty() {
            tx.execute("DELETE FROM job_edges WHERE before = $1", params![before]).await?;
            tx.execute("DELETE FROM job_loose WHERE before = $1", params![before]).await?;
        }
        budget -= followers.len() as i64 + 1;
    }
}

pub(crate) async fn is_loose(tx: &mut Tx) -> Result<bool, StoreError> {
    let row: Option<(i64,)> = tx.first("SELECT 1 FROM job_loose LIMIT 1", &[]).await?;
    Ok(row.is_some())
}

/// Calls off a job whose predecessor failed; those that come after it follow in the same loop.
async fn call_off(tx: &mut Tx, id: i64, now_ms: i64, effects: &mut Effects) -> Result<(), StoreError> {
    let sql = concat!("UPDATE jobs SET state = 5, finished_at_ms = $2, ", keeps!("32"), " WHERE id = $1 AND state = 7");
    if tx.execute(sql, params![id, now_ms]).await? == 1 {
        note_end(tx, id, State::Cancelled, now_ms, effects).await?;
    }
    Ok(())
}

type Ended = (String, Option<String>, Option<String>, Option<i64>, i64);

/// Begins the life of an ended job anew, behind those of its order that are unfinished.
pub(crate) async fn revive(tx: &mut Tx, id: i64, now_ms: i64, effects: &mut Effects) -> Result<bool, StoreError> {
    let sql = "SELECT kind, unique_key, order_key, batch, state FROM jobs WHERE id = $1 AND finished_at_ms IS NOT NULL";
    let Some((kind, unique_key, order_key, batch, state)) = tx.first::<Ended>(sql, params![id]).await? else {
        return Ok(false);
    };
    if let Some(unique_key) = unique_key {
        let sql = "SELECT 1 FROM jobs WHERE kind = $1 AND unique_key = $2 AND unique_mask > 0 AND id <> $3";
        if tx.first::<(i64,)>(sql, params![&kind, &unique_key, id]).await?.is_some() {
            return Ok(false);
        }
    }
    let behind = match &order_key {
        Some(order_key) => order_is_taken(tx, &kind, order_key, false).await?,
        None => false,
    };
    let sql = "UPDATE jobs SET state = CASE WHEN $3 = 1 THEN 7 ELSE 0 END, attempt = 0, run_at_ms = $2, waits = 0,
             finished_at_ms = NULL, cancel_at_ms = NULL, started_at_ms = NULL, unique_mask = ABS(unique_mask)
         WHERE id = $1 RETURNING queue, priority, kind, job_key, id";
    let ready: Ready = tx.one(sql, params![id, now_ms, behind]).await?;
    tx.execute("DELETE FROM job_edges WHERE job = $1", params![id]).await?;
    if let (Some(batch), Some(state)) = (batch, State::from_number(state)) {
        batches::count(tx, batch, state, -1, now_ms).await?;
    }
    match (behind, order_key) {
        (true, Some(order_key)) => next_in_order(tx, &kind, &order_key, now_ms, effects).await?,
        _ => effects.ready(ready),
    }
    Ok(true)
}
