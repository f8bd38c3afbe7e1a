//! Removing what is gone for its readers already, a bounded number of rows at a time.

use ::store::{StoreError, Tx, Value, params};
use kernel::limits;

/// Removes messages that a condition picks, with what hangs on them. How many.
async fn sweep(tx: &mut Tx, which: &str, value: Value<'_>) -> Result<u64, StoreError> {
    let picked = format!("FROM chat_messages WHERE {which} ORDER BY id LIMIT {}", limits::CHAT_SWEEP);
    for table in ["chat_reactions", "chat_mentions", "chat_pins"] {
        let sql = format!("DELETE FROM {table} WHERE (room, seq) IN (SELECT room, seq {picked})");
        tx.execute(&sql, &[value]).await?;
    }
    tx.execute(&format!("DELETE FROM chat_messages WHERE id IN (SELECT id {picked})"), &[value]).await
}

/// Removes messages that are older than this. How many: fewer than [`limits::CHAT_SWEEP`] when none is left.
pub(crate) async fn sweep_old(tx: &mut Tx, before_ms: i64) -> Result<u64, StoreError> {
    sweep(tx, "at_ms < $1", before_ms.into()).await
}

/// Removes what is left of a removed room. How many messages: fewer than [`limits::CHAT_SWEEP`] when none is left, and then the room is gone.
pub(crate) async fn sweep_room(tx: &mut Tx, room: &str) -> Result<u64, StoreError> {
    let swept = sweep(tx, "room = $1", room.into()).await?;
    if swept < limits::CHAT_SWEEP.unsigned_abs() {
        tx.execute("DELETE FROM chat_log WHERE room = $1", params![room]).await?;
        tx.execute("DELETE FROM chat_rooms WHERE room = $1 AND removed = 1", params![room]).await?;
    }
    Ok(swept)
}
