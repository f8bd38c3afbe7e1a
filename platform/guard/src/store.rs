//! The tables of this part.

use ::store::{FromRow, Row, StoreError, Tx, params};
use kernel::limits;

use crate::audit::{Entry, Query};

/// What is known about a key.
pub(crate) struct Known {
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) until_ms: i64,
    /// The status and the sealed answer of a request that has ended.
    pub(crate) status: Option<i64>,
    pub(crate) answer: Option<Vec<u8>>,
}

impl FromRow for Known {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { fingerprint: row.get(0)?, until_ms: row.get(1)?, status: row.get(2)?, answer: row.get(3)? })
    }
}

/// A request under a key.
#[derive(Clone)]
pub(crate) struct Keyed {
    pub(crate) principal: String,
    pub(crate) key: String,
    pub(crate) fingerprint: Vec<u8>,
    /// Names this run of the request: another one may have taken its place.
    pub(crate) holder: String,
}

/// Takes the key for this run, unless somebody has it or has answered under it: then what is known.
pub(crate) async fn begin(tx: &mut Tx, it: &Keyed, now_ms: i64) -> Result<Option<Known>, StoreError> {
    let sql = "SELECT fingerprint, until_ms, status, answer FROM idempotency_keys WHERE principal = $1 AND key = $2";
    let known: Option<Known> = tx.first(sql, params![&it.principal, &it.key]).await?;
    // Past its time a key is as new, whether its run ended a day ago or was killed a minute ago.
    if let Some(known) = known.filter(|known| known.until_ms > now_ms) {
        return Ok(Some(known));
    }
    let sql = "INSERT INTO idempotency_keys (principal, key, fingerprint, holder, until_ms) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (principal, key) DO UPDATE SET fingerprint = excluded.fingerprint, holder = excluded.holder, \
               until_ms = excluded.until_ms, status = NULL, answer = NULL";
    let until_ms = now_ms + limits::IDEMPOTENCY_LEASE_MS;
    tx.execute(sql, params![&it.principal, &it.key, &it.fingerprint, &it.holder, until_ms]).await?;
    Ok(None)
}

/// Keeps the answer, unless another run has taken this one's place.
pub(crate) async fn keep(
    tx: &mut Tx,
    it: &Keyed,
    (status, answer): (u16, Option<&[u8]>),
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE idempotency_keys SET status = $1, answer = $2, until_ms = $3 \
               WHERE principal = $4 AND key = $5 AND holder = $6";
    let until_ms = now_ms + limits::IDEMPOTENCY_MS;
    tx.execute(sql, params![status, answer, until_ms, &it.principal, &it.key, &it.holder]).await.map(drop)
}

/// Frees the key for another try.
pub(crate) async fn release(tx: &mut Tx, it: &Keyed) -> Result<(), StoreError> {
    let sql = "DELETE FROM idempotency_keys WHERE principal = $1 AND key = $2 AND holder = $3";
    tx.execute(sql, params![&it.principal, &it.key, &it.holder]).await.map(drop)
}

pub(crate) async fn prune_answers(tx: &mut Tx, now_ms: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM idempotency_keys WHERE (principal, key) IN \
               (SELECT principal, key FROM idempotency_keys WHERE until_ms <= $1 ORDER BY until_ms LIMIT $2)";
    tx.execute(sql, params![now_ms, limit]).await
}

pub(crate) async fn prune_entries(tx: &mut Tx, before_ms: i64, limit: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)";
    tx.execute(sql, params![before_ms, limit]).await
}

pub(crate) async fn insert_entry(tx: &mut Tx, entry: &Entry) -> Result<(), StoreError> {
    let sql = "INSERT INTO audit_log (at_ms, actor, action, target, status, address, request_id) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let Entry { at_ms, actor, action, target, status, address, request_id, .. } = entry;
    tx.execute(sql, params![*at_ms, actor, action, target, i64::from(*status), address, request_id]).await.map(drop)
}

impl FromRow for Entry {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let status: i64 = row.get(5)?;
        Ok(Self {
            id: row.get(0)?,
            at_ms: row.get(1)?,
            actor: row.get(2)?,
            action: row.get(3)?,
            target: row.get(4)?,
            status: u16::try_from(status).unwrap_or_default(),
            address: row.get(6)?,
            request_id: row.get(7)?,
        })
    }
}

pub(crate) async fn list_entries(tx: &mut Tx, query: &Query) -> Result<Vec<Entry>, StoreError> {
    let sql = "SELECT id, at_ms, actor, action, target, status, address, request_id FROM audit_log \
               WHERE id < $1 AND ($2 = '' OR actor = $2) \
               AND ($3 = '' OR LOWER(action) LIKE $4 ESCAPE '!' OR LOWER(target) LIKE $4 ESCAPE '!') ORDER BY id DESC LIMIT $5";
    let text = query.text.as_deref().unwrap_or_default();
    let like = format!("%{}%", text.to_ascii_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_"));
    let actor = query.actor.as_deref().unwrap_or_default();
    tx.all(sql, params![query.before.unwrap_or(i64::MAX), actor, text, &like, query.limit as i64]).await
}
