//! Sources and their secrets.

use ::store::{StoreError, Tx, params};

/// A source as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) name: String,
    pub(crate) sender: String,
    pub(crate) enabled: bool,
    /// The token of its address, sealed.
    pub(crate) token: Option<Vec<u8>>,
    /// JSON.
    pub(crate) settings: String,
    pub(crate) created_at_ms: i64,
}

/// A secret as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct StoredKey {
    pub(crate) id: i64,
    pub(crate) source: String,
    pub(crate) sealed: Vec<u8>,
    pub(crate) created_at_ms: i64,
    pub(crate) until_ms: Option<i64>,
    pub(crate) fetched_at_ms: Option<i64>,
}

type SourceRow = (String, String, i64, Option<Vec<u8>>, String, i64);
type KeyRow = (i64, String, Vec<u8>, i64, Option<i64>, Option<i64>);

/// All of them, with all their secrets, the newest first.
pub(crate) async fn all(tx: &mut Tx, most: usize) -> Result<(Vec<Stored>, Vec<StoredKey>), StoreError> {
    let sources: Vec<SourceRow> = tx
        .all(
            &format!("SELECT name, sender, enabled, token, settings, created_at_ms FROM webhook_sources ORDER BY name LIMIT {most}"),
            &[],
        )
        .await?;
    let keys: Vec<KeyRow> = tx
        .all(
            &format!(
                "SELECT id, source, sealed, created_at_ms, until_ms, fetched_at_ms FROM webhook_keys ORDER BY id DESC LIMIT {}",
                most * 16
            ),
            &[],
        )
        .await?;
    let source = |(name, sender, enabled, token, settings, created_at_ms): SourceRow| Stored {
        name,
        sender,
        enabled: enabled != 0,
        token,
        settings,
        created_at_ms,
    };
    let key = |(id, source, sealed, created_at_ms, until_ms, fetched_at_ms): KeyRow| StoredKey {
        id,
        source,
        sealed,
        created_at_ms,
        until_ms,
        fetched_at_ms,
    };
    Ok((sources.into_iter().map(source).collect(), keys.into_iter().map(key).collect()))
}

/// `false` when there is one of this name.
pub(crate) async fn add(tx: &mut Tx, it: &Stored) -> Result<bool, StoreError> {
    let sql = "INSERT INTO webhook_sources (name, sender, enabled, token, settings, created_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING";
    let values = params![&it.name, &it.sender, it.enabled, it.token.as_ref(), &it.settings, it.created_at_ms];
    Ok(tx.execute(sql, values).await? == 1)
}

pub(crate) async fn change(
    tx: &mut Tx,
    name: &str,
    enabled: bool,
    settings: &str,
    token: Option<&Vec<u8>>,
) -> Result<bool, StoreError> {
    let sql = "UPDATE webhook_sources SET enabled = $2, settings = $3, token = $4 WHERE name = $1";
    Ok(tx.execute(sql, params![name, enabled, settings, token]).await? == 1)
}

/// Removes a source, its secrets and its topics. Its deliveries and events stay.
pub(crate) async fn remove(tx: &mut Tx, name: &str) -> Result<bool, StoreError> {
    tx.execute("DELETE FROM webhook_keys WHERE source = $1", params![name]).await?;
    tx.execute("DELETE FROM webhook_topics WHERE source = $1", params![name]).await?;
    Ok(tx.execute("DELETE FROM webhook_sources WHERE name = $1", params![name]).await? == 1)
}

pub(crate) async fn add_key(tx: &mut Tx, source: &str, sealed: &[u8], now_ms: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO webhook_keys (source, sealed, created_at_ms) VALUES ($1, $2, $3)";
    tx.execute(sql, params![source, sealed, now_ms]).await.map(drop)
}

/// A key that the sender published, as it was fetched.
pub(crate) async fn add_fetched(tx: &mut Tx, source: &str, sealed: &[u8], now_ms: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO webhook_keys (source, sealed, created_at_ms, fetched_at_ms) VALUES ($1, $2, $3, $3)";
    tx.execute(sql, params![source, sealed, now_ms]).await.map(drop)
}

/// The key is still the one that the sender publishes.
pub(crate) async fn touch_fetched(tx: &mut Tx, source: &str, id: i64, now_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE webhook_keys SET fetched_at_ms = $3 WHERE source = $1 AND id = $2";
    tx.execute(sql, params![source, id, now_ms]).await.map(drop)
}

/// The active secrets of a source end at `until_ms`, or earlier where they were to.
pub(crate) async fn end_keys(tx: &mut Tx, source: &str, until_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE webhook_keys SET until_ms = $2 WHERE source = $1 AND (until_ms IS NULL OR until_ms > $2)";
    tx.execute(sql, params![source, until_ms]).await.map(drop)
}

pub(crate) async fn revoke(tx: &mut Tx, source: &str, id: i64) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM webhook_keys WHERE source = $1 AND id = $2", params![source, id]).await? == 1)
}

/// Removes secrets that ended long ago.
pub(crate) async fn prune_keys(tx: &mut Tx, ended_before_ms: i64) -> Result<u64, StoreError> {
    tx.execute("DELETE FROM webhook_keys WHERE until_ms < $1", params![ended_before_ms]).await
}
