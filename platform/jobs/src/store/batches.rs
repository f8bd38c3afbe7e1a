//! Batches: how many of their jobs have ended, and the callback that waits for the last.

use store::{StoreError, Tx, params};

use crate::batches::BatchRow;
use crate::state::State;
use crate::store::{Effects, ties};

pub(crate) async fn create(tx: &mut Tx, name: &str, now_ms: i64) -> Result<i64, StoreError> {
    let sql = "INSERT INTO job_batches (name, total, completed, cancelled, discarded, created_at_ms)
         VALUES ($1, 0, 0, 0, 0, $2) RETURNING id";
    let (id,) = tx.one(sql, params![name, now_ms]).await?;
    Ok(id)
}

pub(crate) async fn set_callback(tx: &mut Tx, batch: i64, callback: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE job_batches SET callback = $2 WHERE id = $1", params![batch, callback]).await.map(drop)
}

/// One job more; `false` when there is no such batch, or it is sealed.
pub(crate) async fn add(tx: &mut Tx, batch: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE job_batches SET total = total + 1 WHERE id = $1 AND sealed_at_ms IS NULL";
    Ok(tx.execute(sql, params![batch]).await? == 1)
}

/// A job of the batch ended in this state, or with -1 begins anew. The callback to let go, when that was the last.
pub(crate) async fn count(
    tx: &mut Tx,
    batch: i64,
    state: State,
    by: i32,
    now_ms: i64,
) -> Result<Option<i64>, StoreError> {
    let sql = match state {
        State::Completed => {
            "UPDATE job_batches SET completed = completed + $2 WHERE id = $1 AND finished_at_ms IS NULL"
        }
        State::Discarded => {
            "UPDATE job_batches SET discarded = discarded + $2 WHERE id = $1 AND finished_at_ms IS NULL"
        }
        _ => "UPDATE job_batches SET cancelled = cancelled + $2 WHERE id = $1 AND finished_at_ms IS NULL",
    };
    tx.execute(sql, params![batch, by]).await?;
    finish(tx, batch, now_ms).await
}

/// Nothing more comes in; `false` when there is no such batch.
pub(crate) async fn seal(tx: &mut Tx, batch: i64, now_ms: i64, effects: &mut Effects) -> Result<bool, StoreError> {
    let sql = "UPDATE job_batches SET sealed_at_ms = COALESCE(sealed_at_ms, $2) WHERE id = $1";
    if tx.execute(sql, params![batch, now_ms]).await? == 0 {
        return Ok(false);
    }
    if let Some(callback) = finish(tx, batch, now_ms).await? {
        ties::release(tx, callback, now_ms, effects).await?;
    }
    Ok(true)
}

/// Ends the batch, once, when it is sealed and all its jobs have ended; its callback.
async fn finish(tx: &mut Tx, batch: i64, now_ms: i64) -> Result<Option<i64>, StoreError> {
    let sql = "UPDATE job_batches SET finished_at_ms = $2
         WHERE id = $1 AND sealed_at_ms IS NOT NULL AND finished_at_ms IS NULL
             AND completed + cancelled + discarded >= total
         RETURNING callback";
    let row: Option<(Option<i64>,)> = tx.first(sql, params![batch, now_ms]).await?;
    Ok(row.and_then(|(callback,)| callback))
}

const COLUMNS: &str =
    "id, name, total, completed, cancelled, discarded, callback, created_at_ms, sealed_at_ms, finished_at_ms";

pub(crate) async fn find(tx: &mut Tx, id: i64) -> Result<Option<BatchRow>, StoreError> {
    tx.first(&format!("SELECT {COLUMNS} FROM job_batches WHERE id = $1"), params![id]).await
}

pub(crate) async fn list(tx: &mut Tx, before: i64, limit: i64) -> Result<Vec<BatchRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM job_batches WHERE id < $1 ORDER BY id DESC LIMIT $2");
    tx.all(&sql, params![before, limit]).await
}

/// Removes batches that finished before `before_ms`, at most `limit`. Their jobs are pruned by themselves.
pub(crate) async fn prune(tx: &mut Tx, before_ms: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM job_batches
         WHERE id IN (SELECT id FROM job_batches WHERE finished_at_ms < $1 ORDER BY id LIMIT $2)";
    tx.execute(sql, params![before_ms, limit]).await
}
