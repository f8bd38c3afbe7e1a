//! What happened in a room, in one order for everybody: the table behind the room's channel.

use ::store::{FromRow, Row, StoreError, Tx, params};
use kernel::limits;

use super::avatars::OF_ROOM;
use super::limit;
use super::messages::{COLUMNS, JOIN, Message, WIDTH, of_row};
use crate::model::avatar_path;

/// The next number of a room's log, which has this room to itself until the transaction ends.
pub(crate) async fn next(tx: &mut Tx, room: &str) -> Result<i64, StoreError> {
    let sql = "UPDATE chat_rooms SET top = top + 1 WHERE room = $1 RETURNING top";
    let (seq,) = tx.one(sql, params![room]).await?;
    Ok(seq)
}

/// Keeps what happened, and forgets what happened long before.
pub(crate) async fn keep(
    tx: &mut Tx,
    room: &str,
    (seq, at_ms): (i64, i64),
    kind: &str,
    message: Option<i64>,
    data: &str,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO chat_log (room, seq, at_ms, kind, message, data) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, params![room, seq, at_ms, kind, message, data]).await?;
    let sql = "DELETE FROM chat_log WHERE room = $1 AND seq <= $2";
    tx.execute(sql, params![room, seq - limits::CHAT_LOG]).await.map(drop)
}

/// Something that happened, with the message that it is about as that is now: what was deleted since is nowhere.
pub(crate) struct Entry {
    pub(crate) seq: i64,
    pub(crate) at_ms: i64,
    /// The type of its event.
    pub(crate) kind: String,
    /// The payload of its event.
    pub(crate) data: String,
    pub(crate) message: Option<Message>,
    /// What the room is called and what it is for, now; of one that is gone, nothing.
    pub(crate) name: String,
    pub(crate) description: String,
    /// Where its picture is read, now.
    pub(crate) avatar: Option<String>,
}

impl FromRow for Entry {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let message = if row.get::<Option<i64>>(4)?.is_some() { Some(of_row(row, 5)?) } else { None };
        Ok(Self {
            seq: row.get(0)?,
            at_ms: row.get(1)?,
            kind: row.get(2)?,
            data: row.get(3)?,
            message,
            name: row.get::<Option<String>>(5 + WIDTH)?.unwrap_or_default(),
            description: row.get::<Option<String>>(6 + WIDTH)?.unwrap_or_default(),
            avatar: row.get::<Option<String>>(7 + WIDTH)?.map(|id| avatar_path(&id)),
        })
    }
}

/// Of a room that is removed there is neither its name nor a message, also while its rows wait to go.
fn select(rest: &str) -> String {
    format!(
        "SELECT l.seq, l.at_ms, l.kind, l.data, m.seq, {COLUMNS}, r.name, r.description, {OF_ROOM} FROM chat_log l
             LEFT JOIN chat_rooms r ON r.room = l.room AND r.removed = 0
             LEFT JOIN chat_messages m ON m.room = r.room AND m.seq = l.message {JOIN} {rest}"
    )
}

/// What has this number in a room's log.
pub(crate) async fn entry(tx: &mut Tx, room: &str, seq: i64) -> Result<Option<Entry>, StoreError> {
    tx.first(&select("WHERE l.room = $1 AND l.seq = $2"), params![room, seq]).await
}

/// The newest of a room's log, oldest first.
pub(crate) async fn recent(tx: &mut Tx, room: &str, rows: usize) -> Result<Vec<Entry>, StoreError> {
    let sql = select("WHERE l.room = $1 ORDER BY l.seq DESC LIMIT $2");
    let mut entries: Vec<Entry> = tx.all(&sql, params![room, limit(rows)]).await?;
    entries.reverse();
    Ok(entries)
}
