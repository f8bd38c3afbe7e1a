//! The chat as an administrator sees it: figures, and no word of what was said.

use ::store::{FromRow, Row, StoreError, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::limit;

const HOUR_MS: i64 = 3_600_000;

/// How much is going on.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatFigures)]
pub(crate) struct Figures {
    pub(crate) groups: i64,
    pub(crate) direct_rooms: i64,
    /// People who are in some room.
    pub(crate) people: i64,
    /// Ever sent, in the rooms that there are.
    pub(crate) messages: i64,
    pub(crate) messages_last_hour: i64,
    /// People who said something within a day.
    pub(crate) speakers_last_day: i64,
}

/// How much is going on now.
pub(crate) async fn figures(tx: &mut Tx, now_ms: i64) -> Result<Figures, StoreError> {
    let sql =
        "SELECT COUNT(*), COUNT(pair), CAST(COALESCE(SUM(messages), 0) AS BIGINT) FROM chat_rooms WHERE removed = 0";
    let (rooms, direct_rooms, messages): (i64, i64, i64) = tx.one(sql, &[]).await?;
    let (people,) = tx.one("SELECT COUNT(DISTINCT person) FROM chat_members", &[]).await?;
    let sql = "SELECT COUNT(*) FROM chat_messages WHERE at_ms > $1";
    let (messages_last_hour,) = tx.one(sql, params![now_ms - HOUR_MS]).await?;
    let sql = "SELECT COUNT(DISTINCT sender) FROM chat_messages WHERE at_ms > $1";
    let (speakers_last_day,) = tx.one(sql, params![now_ms - 24 * HOUR_MS]).await?;
    let groups = rooms - direct_rooms;
    Ok(Figures { groups, direct_rooms, people, messages, messages_last_hour, speakers_last_day })
}

/// A room from outside.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatRoomFigures)]
pub(crate) struct RoomFigures {
    pub(crate) room: String,
    pub(crate) direct: bool,
    pub(crate) name: String,
    pub(crate) members: i64,
    /// Ever sent.
    pub(crate) messages: i64,
    pub(crate) made_by: String,
    pub(crate) made_at_ms: i64,
    pub(crate) last_at_ms: i64,
}

impl FromRow for RoomFigures {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            room: row.get(0)?,
            direct: row.get::<Option<String>>(1)?.is_some(),
            name: row.get(2)?,
            members: row.get(3)?,
            messages: row.get(4)?,
            made_by: row.get(5)?,
            made_at_ms: row.get(6)?,
            last_at_ms: row.get(7)?,
        })
    }
}

const FIGURES: &str =
    "room, pair, name, (SELECT COUNT(*) FROM chat_members m WHERE m.room = r.room), messages, made_by, made_at_ms,
    last_at_ms";

/// All rooms, the last spoken in first: those after `before` (a time and a room).
pub(crate) async fn all_rooms(tx: &mut Tx, before: (i64, &str), rows: usize) -> Result<Vec<RoomFigures>, StoreError> {
    let sql = format!(
        "SELECT {FIGURES} FROM chat_rooms r WHERE removed = 0 AND (last_at_ms < $1 OR last_at_ms = $1 AND room < $2)
         ORDER BY last_at_ms DESC, room DESC LIMIT $3"
    );
    tx.all(&sql, params![before.0, before.1, limit(rows)]).await
}

/// One room.
pub(crate) async fn room_figures(tx: &mut Tx, room: &str) -> Result<Option<RoomFigures>, StoreError> {
    tx.first(&format!("SELECT {FIGURES} FROM chat_rooms r WHERE room = $1 AND removed = 0"), params![room]).await
}

/// How many files of a room there are, and what they and their previews take, bytes.
pub(crate) async fn stored(tx: &mut Tx, room: &str) -> Result<(i64, i64), StoreError> {
    let sql = "SELECT COUNT(*), CAST(COALESCE(SUM(bytes + preview_bytes), 0) AS BIGINT) FROM chat_files
         WHERE room = $1 AND ready = 1 AND gone = 0";
    tx.one(sql, params![room]).await
}
