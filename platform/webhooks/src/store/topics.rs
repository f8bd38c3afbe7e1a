//! What was subscribed to at a hub (WebSub).

use ::store::{StoreError, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

/// What we asked a hub for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Topic {
    /// The address of the feed.
    pub topic: String,
    /// `asked`, `active`, `ending` or `denied`.
    pub state: String,
    /// Unix milliseconds.
    pub changed_at_ms: i64,
    /// When the hub will stop by itself, Unix milliseconds: renew before.
    pub lease_until_ms: Option<i64>,
}

pub(crate) async fn list(tx: &mut Tx, source: &str, most: usize) -> Result<Vec<Topic>, StoreError> {
    let sql = format!(
        "SELECT topic, state, changed_at_ms, lease_until_ms FROM webhook_topics WHERE source = $1 ORDER BY topic LIMIT {most}"
    );
    let rows: Vec<(String, String, i64, Option<i64>)> = tx.all(&sql, params![source]).await?;
    let topic = |(topic, state, changed_at_ms, lease_until_ms)| Topic { topic, state, changed_at_ms, lease_until_ms };
    Ok(rows.into_iter().map(topic).collect())
}

/// That we asked the hub for this: what it verifies is what it was asked.
pub(crate) async fn ask(tx: &mut Tx, source: &str, topic: &str, state: &str, now_ms: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO webhook_topics (source, topic, state, changed_at_ms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (source, topic) DO UPDATE SET state = $3, changed_at_ms = $4";
    tx.execute(sql, params![source, topic, state, now_ms]).await.map(drop)
}

/// The hub will send; `false` when nobody asked for that.
pub(crate) async fn confirm(
    tx: &mut Tx,
    source: &str,
    topic: &str,
    now_ms: i64,
    lease_until_ms: Option<i64>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE webhook_topics SET state = 'active', changed_at_ms = $3, lease_until_ms = $4
         WHERE source = $1 AND topic = $2 AND state IN ('asked', 'active')";
    Ok(tx.execute(sql, params![source, topic, now_ms, lease_until_ms]).await? == 1)
}

/// The hub has stopped; `false` when nobody asked for that.
pub(crate) async fn end(tx: &mut Tx, source: &str, topic: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM webhook_topics WHERE source = $1 AND topic = $2 AND state = 'ending'";
    Ok(tx.execute(sql, params![source, topic]).await? == 1)
}

/// The hub will not, or no longer, send.
pub(crate) async fn deny(tx: &mut Tx, source: &str, topic: &str, now_ms: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE webhook_topics SET state = 'denied', changed_at_ms = $3 WHERE source = $1 AND topic = $2";
    Ok(tx.execute(sql, params![source, topic, now_ms]).await? == 1)
}
