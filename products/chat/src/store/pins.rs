//! Messages that a room keeps in sight.

use ::store::{FromRow, Row, StoreError, Tx, params};
use kernel::limits;
use serde::Serialize;
use utoipa::ToSchema;

use super::hidden::hides;
use super::messages::{COLUMNS, Message, join_for, of_row};

/// A pinned message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatPin)]
pub(crate) struct Pin {
    /// Who pinned it.
    pub(crate) by: String,
    pub(crate) pinned_at_ms: i64,
    pub(crate) message: Message,
}

impl FromRow for Pin {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { by: row.get(0)?, pinned_at_ms: row.get(1)?, message: of_row(row, 2)? })
    }
}

/// A room's pinned messages, the last pinned first, without those that the person has hidden.
pub(crate) async fn pins(tx: &mut Tx, room: &str, person: &str) -> Result<Vec<Pin>, StoreError> {
    let sql = format!(
        "SELECT p.person, p.at_ms, {COLUMNS} FROM chat_pins p JOIN chat_messages m ON m.room = p.room AND m.seq = p.seq {}
             WHERE p.room = $1 AND NOT {} ORDER BY p.at_ms DESC, p.seq DESC LIMIT {}",
        join_for("$2"),
        hides("$2", "m"),
        limits::CHAT_PINS
    );
    tx.all(&sql, params![room, person]).await
}

/// Pins a message, if there is room: `None` when there is none, else whether it was not pinned before.
pub(crate) async fn pin(
    tx: &mut Tx,
    (room, seq): (&str, i64),
    person: &str,
    now_ms: i64,
) -> Result<Option<bool>, StoreError> {
    let sql = "SELECT 1 FROM chat_pins WHERE room = $1 AND seq = $2";
    if tx.first::<(i64,)>(sql, params![room, seq]).await?.is_some() {
        return Ok(Some(false));
    }
    let (there,): (usize,) = tx.one("SELECT COUNT(*) FROM chat_pins WHERE room = $1", params![room]).await?;
    if there >= limits::CHAT_PINS {
        return Ok(None);
    }
    let sql = "INSERT INTO chat_pins (room, seq, person, at_ms) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, params![room, seq, person, now_ms]).await?;
    Ok(Some(true))
}

/// Takes a pin away. `false` when there is none.
pub(crate) async fn unpin(tx: &mut Tx, room: &str, seq: i64) -> Result<bool, StoreError> {
    Ok(tx.execute("DELETE FROM chat_pins WHERE room = $1 AND seq = $2", params![room, seq]).await? > 0)
}
