//! Who works: processes, and workers that come over HTTP. A process's lease is renewed or proven by a lock; a worker's over
//! HTTP ends at a stated time.

use store::{StoreError, Tx, params};

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
    let sql = "UPDATE jobs SET lease = $3 WHERE id = $1 AND state = 2 AND lease = $2";
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

/// Says that the holder lives. A lease that others have declared dead meanwhile exists again: the jobs that were taken
/// from it are lost to it, the ones it claims from now on are its own.
pub(crate) async fn renew(tx: &mut Tx, lease: i64, holder: &str, now_ms: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO job_leases (lease, holder, started_at_ms, renewed_at_ms) VALUES ($1, $2, $3, $3)
         ON CONFLICT (lease) DO UPDATE SET renewed_at_ms = $3";
    tx.execute(sql, params![lease, holder, now_ms]).await.map(drop)
}

/// Leases other than `mine`: of processes that were last heard of before `silent_since_ms`, those that have ended by
/// themselves at `now_ms`, and those under which jobs are executing though nobody holds them: their holder claimed after
/// it was declared dead, and died before it renewed.
pub(crate) async fn dead(tx: &mut Tx, mine: i64, silent_since_ms: i64, now_ms: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT lease FROM job_leases WHERE lease <> $1 AND expires_at_ms IS NULL AND renewed_at_ms < $2
         UNION SELECT lease FROM job_leases WHERE lease <> $1 AND expires_at_ms <= $3
         UNION SELECT lease FROM jobs WHERE state = 2 AND lease <> $1 AND lease NOT IN (SELECT lease FROM job_leases)
         ORDER BY lease LIMIT 100";
    let rows: Vec<(i64,)> = tx.all(sql, params![mine, silent_since_ms, now_ms]).await?;
    Ok(rows.into_iter().map(|(lease,)| lease).collect())
}

/// When the next lease ends by itself.
pub(crate) async fn next_end(tx: &mut Tx) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT MIN(expires_at_ms) FROM job_leases WHERE expires_at_ms IS NOT NULL";
    let row: Option<(Option<i64>,)> = tx.first(sql, &[]).await?;
    Ok(row.and_then(|(at_ms,)| at_ms))
}

pub(crate) async fn forget(tx: &mut Tx, lease: i64) -> Result<(), StoreError> {
    let sql =
        "DELETE FROM job_leases WHERE lease = $1 AND NOT EXISTS (SELECT 1 FROM jobs WHERE state = 2 AND lease = $1)";
    tx.execute(sql, params![lease]).await.map(drop)
}
