//! What was counted, hour by hour and day by day.

use ::store::{FromRow, Migration, Row, StoreError, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

/// Their tables.
pub(super) const MADE: Migration = Migration {
    part: "chat",
    version: 5,
    sql: "-- expands
CREATE TABLE chat_hours (
    at_ms BIGINT NOT NULL PRIMARY KEY,
    messages BIGINT NOT NULL,
    reactions BIGINT NOT NULL,
    rooms BIGINT NOT NULL
);
CREATE TABLE chat_speakers (at_ms BIGINT NOT NULL, person TEXT NOT NULL, PRIMARY KEY (at_ms, person));
",
};

/// What happened within an hour.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatHour)]
pub(crate) struct Counts {
    /// When the hour began, Unix milliseconds.
    pub(crate) at_ms: i64,
    /// Sent, those that were deleted afterwards too.
    pub(crate) messages: i64,
    /// Put under messages, those that were taken back too.
    pub(crate) reactions: i64,
    /// Made, direct ones too.
    pub(crate) rooms: i64,
}

/// A day (UTC), and how many people said something.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatDay)]
pub(crate) struct Day {
    /// When it began, Unix milliseconds.
    pub(crate) at_ms: i64,
    pub(crate) speakers: i64,
}

impl FromRow for Counts {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { at_ms: row.get(0)?, messages: row.get(1)?, reactions: row.get(2)?, rooms: row.get(3)? })
    }
}

impl FromRow for Day {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { at_ms: row.get(0)?, speakers: row.get(1)? })
    }
}

/// Adds to an hour.
pub(crate) async fn count_more(tx: &mut Tx, more: &Counts) -> Result<(), StoreError> {
    let sql = "INSERT INTO chat_hours (at_ms, messages, reactions, rooms) VALUES ($1, $2, $3, $4)
         ON CONFLICT (at_ms) DO UPDATE SET messages = chat_hours.messages + $2, reactions = chat_hours.reactions + $3,
             rooms = chat_hours.rooms + $4";
    tx.execute(sql, params![more.at_ms, more.messages, more.reactions, more.rooms]).await.map(drop)
}

/// Somebody said something on a day.
pub(crate) async fn spoke(tx: &mut Tx, day_ms: i64, person: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO chat_speakers (at_ms, person) VALUES ($1, $2) ON CONFLICT (at_ms, person) DO NOTHING";
    tx.execute(sql, params![day_ms, person]).await.map(drop)
}

/// The hours since then in which something happened, oldest first.
pub(crate) async fn hours(tx: &mut Tx, since_ms: i64) -> Result<Vec<Counts>, StoreError> {
    let sql = "SELECT at_ms, messages, reactions, rooms FROM chat_hours WHERE at_ms >= $1 ORDER BY at_ms";
    tx.all(sql, params![since_ms]).await
}

/// The days since then on which somebody said something, oldest first.
pub(crate) async fn days(tx: &mut Tx, since_ms: i64) -> Result<Vec<Day>, StoreError> {
    let sql = "SELECT at_ms, COUNT(*) FROM chat_speakers WHERE at_ms >= $1 GROUP BY at_ms ORDER BY at_ms";
    tx.all(sql, params![since_ms]).await
}

/// Who spoke is known for so long; how much was said, for ever.
pub(crate) async fn forget_speakers(tx: &mut Tx, before_ms: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM chat_speakers WHERE at_ms < $1", params![before_ms]).await.map(drop)
}
