//! The SQL of endpoints and their secrets; that of messages is in [`messages`].

pub(crate) mod messages;

use ::store::{FromRow, Row, StoreError, Tx, params};
use events::Filter;
use kernel::limits;

use crate::state::{Health, Why};

/// An endpoint as it is stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) id: String,
    pub(crate) url: String,
    pub(crate) description: String,
    pub(crate) types: Vec<String>,
    pub(crate) per_minute: Option<u32>,
    pub(crate) created_at_ms: i64,
    pub(crate) updated_at_ms: i64,
    pub(crate) disabled: Option<Why>,
    pub(crate) disabled_at_ms: Option<i64>,
    pub(crate) health: Health,
    pub(crate) delivered_at_ms: Option<i64>,
}

impl Stored {
    /// Whether it asks for events of this type.
    pub(crate) fn wants(&self, kind: &str) -> bool {
        self.types.iter().any(|pattern| Filter::matches(pattern, kind))
    }
}

const COLUMNS: &str = "id, url, description, types, per_minute, created_at_ms, updated_at_ms, disabled, disabled_at_ms,
    failures, failing_since_ms, warned_at_ms, delivered_at_ms";

impl FromRow for Stored {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let types: String = row.get(3)?;
        Ok(Self {
            id: row.get(0)?,
            url: row.get(1)?,
            description: row.get(2)?,
            types: serde_json::from_str(&types).map_err(|_| StoreError::Decode { column: 3, wanted: "a list" })?,
            per_minute: row.get(4)?,
            created_at_ms: row.get(5)?,
            updated_at_ms: row.get(6)?,
            disabled: row.get::<Option<String>>(7)?.as_deref().and_then(Why::from_word),
            disabled_at_ms: row.get(8)?,
            health: Health { failures: row.get(9)?, failing_since_ms: row.get(10)?, warned_at_ms: row.get(11)? },
            delivered_at_ms: row.get(12)?,
        })
    }
}

/// A secret as it is stored: what seals it is its endpoint.
pub(crate) struct Sealed {
    pub(crate) bytes: Vec<u8>,
    pub(crate) created_at_ms: i64,
    pub(crate) expires_at_ms: Option<i64>,
}

impl FromRow for Sealed {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { bytes: row.get(0)?, created_at_ms: row.get(1)?, expires_at_ms: row.get(2)? })
    }
}

pub(crate) async fn all(tx: &mut Tx) -> Result<Vec<Stored>, StoreError> {
    tx.all(&format!("SELECT {COLUMNS} FROM endpoints ORDER BY id LIMIT {}", limits::ENDPOINTS), &[]).await
}

pub(crate) async fn find(tx: &mut Tx, id: &str) -> Result<Option<Stored>, StoreError> {
    tx.first(&format!("SELECT {COLUMNS} FROM endpoints WHERE id = $1"), params![id]).await
}

/// `false` when there are as many as there may be.
pub(crate) async fn insert(tx: &mut Tx, it: &Stored) -> Result<bool, StoreError> {
    let (count,): (i64,) = tx.one("SELECT COUNT(*) FROM endpoints", &[]).await?;
    if count >= limits::ENDPOINTS {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO endpoints (id, url, description, types, per_minute, created_at_ms, updated_at_ms, disabled,
             disabled_at_ms, failures)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)",
        params![
            &it.id,
            &it.url,
            &it.description,
            &list(&it.types),
            it.per_minute,
            it.created_at_ms,
            it.updated_at_ms,
            it.disabled.map(Why::word),
            it.disabled_at_ms
        ],
    )
    .await?;
    Ok(true)
}

/// Stores what a person may change.
pub(crate) async fn update(tx: &mut Tx, it: &Stored) -> Result<(), StoreError> {
    let sql = "UPDATE endpoints SET url = $2, description = $3, types = $4, per_minute = $5, updated_at_ms = $6 WHERE id = $1";
    let types = list(&it.types);
    tx.execute(sql, params![&it.id, &it.url, &it.description, &types, it.per_minute, it.updated_at_ms]).await.map(drop)
}

/// Counts a message to an endpoint whose owner wants a bound; or says when to come again.
pub(crate) async fn enter(tx: &mut Tx, id: &str, per_minute: u32, now_ms: i64) -> Result<Result<(), i64>, StoreError> {
    let row: Option<(Option<i64>,)> = tx.first("SELECT due_ms FROM endpoints WHERE id = $1", params![id]).await?;
    match crate::pace::enter(row.and_then(|(due_ms,)| due_ms), per_minute, now_ms) {
        Ok(next_ms) => {
            tx.execute("UPDATE endpoints SET due_ms = $2 WHERE id = $1", params![id, next_ms]).await?;
            Ok(Ok(()))
        }
        Err(at_ms) => Ok(Err(at_ms)),
    }
}

/// Disables it for a reason, or enables it and forgets how it did before; whether there is such an endpoint.
pub(crate) async fn switch(tx: &mut Tx, id: &str, disabled: Option<Why>, now_ms: i64) -> Result<bool, StoreError> {
    let enabled = i64::from(disabled.is_none());
    let sql = "UPDATE endpoints SET disabled = $2, disabled_at_ms = CASE WHEN $4 = 1 THEN NULL ELSE CAST($3 AS BIGINT) END, updated_at_ms = $3,
             failures = CASE WHEN $4 = 1 THEN 0 ELSE failures END,
             failing_since_ms = CASE WHEN $4 = 1 THEN NULL ELSE failing_since_ms END,
             warned_at_ms = CASE WHEN $4 = 1 THEN NULL ELSE warned_at_ms END
         WHERE id = $1";
    Ok(tx.execute(sql, params![id, disabled.map(Why::word), now_ms, enabled]).await? == 1)
}

pub(crate) async fn set_health(
    tx: &mut Tx,
    id: &str,
    health: Health,
    delivered_at_ms: Option<i64>,
) -> Result<(), StoreError> {
    let sql = "UPDATE endpoints SET failures = $2, failing_since_ms = $3, warned_at_ms = $4,
             delivered_at_ms = COALESCE($5, delivered_at_ms)
         WHERE id = $1";
    let Health { failures, failing_since_ms, warned_at_ms } = health;
    tx.execute(sql, params![id, failures, failing_since_ms, warned_at_ms, delivered_at_ms]).await.map(drop)
}

/// Removes an endpoint and its secrets; its messages, which may be many, go with the next prunings.
pub(crate) async fn remove(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    tx.execute("DELETE FROM endpoint_secrets WHERE endpoint = $1", params![id]).await?;
    let removed = tx.execute("DELETE FROM endpoints WHERE id = $1", params![id]).await? == 1;
    if removed {
        tx.execute("INSERT INTO endpoints_removed (id) VALUES ($1)", params![id]).await?;
    }
    Ok(removed)
}

/// The secrets that sign at this moment, the newest first.
pub(crate) async fn secrets(tx: &mut Tx, endpoint: &str, now_ms: i64) -> Result<Vec<Sealed>, StoreError> {
    let sql = "SELECT sealed, created_at_ms, expires_at_ms FROM endpoint_secrets
         WHERE endpoint = $1 AND (expires_at_ms IS NULL OR expires_at_ms > $2) ORDER BY number DESC LIMIT $3";
    tx.all(sql, params![endpoint, now_ms, limits::ENDPOINT_SECRETS]).await
}

/// Adds a secret; those before it sign until `others_until_ms`, or until they would have expired anyhow.
pub(crate) async fn add_secret(
    tx: &mut Tx,
    endpoint: &str,
    sealed: &[u8],
    now_ms: i64,
    others_until_ms: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE endpoint_secrets SET expires_at_ms = $2
         WHERE endpoint = $1 AND (expires_at_ms IS NULL OR expires_at_ms > $2)";
    tx.execute(sql, params![endpoint, others_until_ms]).await?;
    let sql = "DELETE FROM endpoint_secrets WHERE endpoint = $1 AND expires_at_ms <= $2";
    tx.execute(sql, params![endpoint, now_ms]).await?;
    let sql = "INSERT INTO endpoint_secrets (endpoint, sealed, created_at_ms) VALUES ($1, $2, $3)";
    tx.execute(sql, params![endpoint, sealed, now_ms]).await.map(drop)
}

fn list(types: &[String]) -> String {
    serde_json::Value::from(types).to_string()
}
