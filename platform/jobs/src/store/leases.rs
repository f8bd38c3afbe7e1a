//! Who works: processes, and workers that come over HTTP. A process's lease is renewed or proven by a lock; a worker's over
//! HTTP ends at a stated time.

use store::{StoreError, Tx, params};

use crate::lease::Beat;

pub(crate) async fn take(tx: &mut Tx, holder: &str, now_ms: i64) -> Result<i64, StoreError> {
    let sql = "INSERT INTO job_leases (holder, started_at_ms, renewed_at_ms) VALUES ($1, $2, $2) RETURNING lease";
    let (lease,) = tx.one(sql, params![holder, now_ms]).await?;
    Ok(lease)
}

/// A lease that ends by itself. Whoever names its nonce holds it.
pub(crate) async fn take_until(
    tx: &mut Tx,
    holder: &str,
    nonce: &str,
    now_ms: i64,
    expires_at_ms: i64,
) -> Result<i64, StoreError> {
    let sql = "INSERT INTO job_leases (holder, nonce, started_at_ms, renewed_at_ms, expires_at_ms)
         VALUES ($1, $2, $3, $3, $4) RETURNING lease";
    let (lease,) = tx.one(sql, params![holder, nonce, now_ms, expires_at_ms]).await?;
    Ok(lease)
}

/// Puts the end of such a lease off; `false` when nobody holds it.
pub(crate) async fn extend(
    tx: &mut Tx,
    lease: i64,
    nonce: &str,
    now_ms: i64,
    expires_at_ms: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE job_leases SET renewed_at_ms = $3, expires_at_ms = $4
         WHERE lease = $1 AND nonce = $2 AND expires_at_ms IS NOT NULL";
    Ok(tx.execute(sql, params![lease, nonce, now_ms, expires_at_ms]).await? == 1)
}

/// A job that was just claimed under one lease is another's.
pub(crate) async fn hand_over(tx: &mut Tx, id: i64, from: i64, to: i64) -> Result<(), StoreError> {
    let sql = "UPDATE jobs SET lease = $3 WHERE id = $1 AND state + 0 = 2 AND lease = $2";
    tx.execute(sql, params![id, from, to]).await.map(drop)
}

pub(crate) async fn is_held(tx: &mut Tx, lease: i64, nonce: &str) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM job_leases WHERE lease = $1 AND nonce = $2";
    let row: Option<(i64,)> = tx.first(sql, params![lease, nonce]).await?;
    Ok(row.is_some())
}

pub(crate) async fn lives(tx: &mut Tx, lease: i64) -> Result<bool, StoreError> {
    let row: Option<(i64,)> = tx.first("SELECT 1 FROM job_leases WHERE lease = $1", params![lease]).await?;
    Ok(row.is_some())
}

/// Says that the holder lives: the number written is another one each time, even when its clock stands still or was set back.
/// `false` when others have declared it dead meanwhile. Then the lease exists again: the jobs that were taken from it are lost to
/// it, the ones it claims from now on are its own.
pub(crate) async fn renew(tx: &mut Tx, lease: i64, holder: &str, now_ms: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE job_leases SET renewed_at_ms = CASE WHEN renewed_at_ms < $2 THEN $2 ELSE renewed_at_ms + 1 END
         WHERE lease = $1";
    if tx.execute(sql, params![lease, now_ms]).await? == 1 {
        return Ok(true);
    }
    let sql = "INSERT INTO job_leases (lease, holder, started_at_ms, renewed_at_ms) VALUES ($1, $2, $3, $3)";
    tx.execute(sql, params![lease, holder, now_ms]).await?;
    Ok(false)
}

/// The leases of other processes, and the number that each wrote last.
pub(crate) async fn others(tx: &mut Tx, mine: i64) -> Result<Vec<Beat>, StoreError> {
    let sql = "SELECT lease, renewed_at_ms FROM job_leases WHERE lease <> $1 AND expires_at_ms IS NULL
         ORDER BY lease LIMIT 1000";
    tx.all(sql, params![mine]).await
}

/// Takes its lease from a process that wrote this number last, and is dead; `false` when it has written since.
pub(crate) async fn bury(tx: &mut Tx, (lease, number): Beat) -> Result<bool, StoreError> {
    let sql = "DELETE FROM job_leases WHERE lease = $1 AND renewed_at_ms = $2 AND expires_at_ms IS NULL";
    Ok(tx.execute(sql, params![lease, number]).await? == 1)
}

/// Leases that have ended by themselves at `now_ms`, no longer anybody's.
pub(crate) async fn end(tx: &mut Tx, now_ms: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "DELETE FROM job_leases WHERE lease IN
             (SELECT lease FROM job_leases WHERE expires_at_ms <= $1 ORDER BY expires_at_ms LIMIT 100)
         RETURNING lease";
    let rows: Vec<(i64,)> = tx.all(sql, params![now_ms]).await?;
    Ok(rows.into_iter().map(|(lease,)| lease).collect())
}

/// Leases other than `mine` under which jobs are executing though nobody holds them: their holder died with more jobs than one
/// write takes back, or committed a claim after it was declared dead.
pub(crate) async fn unheld(tx: &mut Tx, mine: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT DISTINCT lease FROM jobs
         WHERE state = 2 AND lease <> $1 AND NOT EXISTS (SELECT 1 FROM job_leases AS l WHERE l.lease = jobs.lease) LIMIT 100";
    let rows: Vec<(i64,)> = tx.all(sql, params![mine]).await?;
    Ok(rows.into_iter().map(|(lease,)| lease).collect())
}

/// When the next lease ends by itself.
pub(crate) async fn next_end(tx: &mut Tx) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT MIN(expires_at_ms) FROM job_leases WHERE expires_at_ms IS NOT NULL";
    let row: Option<(Option<i64>,)> = tx.first(sql, &[]).await?;
    Ok(row.and_then(|(at_ms,)| at_ms))
}

/// What is executing under a lease: the jobs, and which claims of them.
pub(crate) async fn executing(tx: &mut Tx, lease: i64) -> Result<Vec<(i64, u32)>, StoreError> {
    tx.all("SELECT id, claims FROM jobs WHERE state = 2 AND lease = $1 LIMIT 100000", params![lease]).await
}

pub(crate) async fn forget(tx: &mut Tx, lease: i64) -> Result<(), StoreError> {
    let sql =
        "DELETE FROM job_leases WHERE lease = $1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE state = 2 AND lease = $1)";
    tx.execute(sql, params![lease]).await.map(drop)
}
