//! How the chat's last hours went, minute by minute.

use ::store::{FromRow, Migration, Row, StoreError, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

/// The table of who was online.
pub(super) const MADE: Migration = Migration {
    part: "chat",
    version: 27,
    sql: "-- expands
CREATE TABLE chat_minutes (at_ms BIGINT NOT NULL PRIMARY KEY, online BIGINT NOT NULL);
",
};

pub(crate) const MINUTE_MS: i64 = 60_000;

/// A minute.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatMinute)]
pub(crate) struct Minute {
    /// When it began, Unix milliseconds.
    pub(crate) at_ms: i64,
    pub(crate) count: i64,
}

impl FromRow for Minute {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { at_ms: row.get(0)?, count: row.get(1)? })
    }
}

/// Notes how many were online in a minute, and forgets those before another.
pub(crate) async fn note_online(tx: &mut Tx, at_ms: i64, online: i64, before_ms: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM chat_minutes WHERE at_ms < $1", params![before_ms]).await?;
    let sql = "INSERT INTO chat_minutes (at_ms, online) VALUES ($1, $2) ON CONFLICT (at_ms) DO UPDATE SET online = $2";
    tx.execute(sql, params![at_ms, online]).await.map(drop)
}

/// How many were online, oldest minute first.
pub(crate) async fn online_by_minute(tx: &mut Tx, since_ms: i64) -> Result<Vec<Minute>, StoreError> {
    tx.all("SELECT at_ms, online FROM chat_minutes WHERE at_ms >= $1 ORDER BY at_ms", params![since_ms]).await
}

/// How many messages were sent and are still there, of minutes with any, oldest first.
pub(crate) async fn messages_by_minute(tx: &mut Tx, since_ms: i64) -> Result<Vec<Minute>, StoreError> {
    let sql = "SELECT at_ms / 60000 * 60000, COUNT(*) FROM chat_messages WHERE at_ms >= $1
         GROUP BY at_ms / 60000 * 60000 ORDER BY at_ms / 60000 * 60000";
    tx.all(sql, params![since_ms]).await
}
