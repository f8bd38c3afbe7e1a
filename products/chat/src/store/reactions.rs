//! Emoji under messages: one of a kind of each person.

use ::store::{FromRow, Row, StoreError, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

/// An emoji under a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatReaction)]
pub(crate) struct Reaction {
    #[serde(skip)]
    pub(crate) seq: i64,
    pub(crate) emoji: String,
    /// How many people put it there.
    pub(crate) count: i64,
    /// Whether the reader is one of them.
    pub(crate) mine: bool,
}

impl FromRow for Reaction {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { seq: row.get(0)?, emoji: row.get(1)?, count: row.get(2)?, mine: row.get(3)? })
    }
}

/// The emoji under the messages from `first` to `last`, as `person` sees them, each message's in the order in which they came.
pub(crate) async fn reactions(
    tx: &mut Tx,
    (room, person): (&str, &str),
    first: i64,
    last: i64,
) -> Result<Vec<Reaction>, StoreError> {
    let sql = "SELECT seq, emoji, COUNT(*), MAX(CASE WHEN person = $2 THEN 1 ELSE 0 END) FROM chat_reactions
         WHERE room = $1 AND seq >= $3 AND seq <= $4 GROUP BY seq, emoji ORDER BY seq, MIN(at_ms), emoji";
    tx.all(sql, params![room, person, first, last]).await
}

/// Who put what under a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatReactor)]
pub(crate) struct Reactor {
    pub(crate) emoji: String,
    pub(crate) person: String,
    pub(crate) at_ms: i64,
}

impl FromRow for Reactor {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { emoji: row.get(0)?, person: row.get(1)?, at_ms: row.get(2)? })
    }
}

/// Everybody who put something under a message.
pub(crate) async fn reactors(tx: &mut Tx, room: &str, seq: i64) -> Result<Vec<Reactor>, StoreError> {
    let sql =
        "SELECT emoji, person, at_ms FROM chat_reactions WHERE room = $1 AND seq = $2 ORDER BY at_ms, emoji, person";
    tx.all(sql, params![room, seq]).await
}

/// The different emoji under a message.
pub(crate) async fn emoji_under(tx: &mut Tx, room: &str, seq: i64) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT emoji FROM chat_reactions WHERE room = $1 AND seq = $2";
    let rows: Vec<(String,)> = tx.all(sql, params![room, seq]).await?;
    Ok(rows.into_iter().map(|(emoji,)| emoji).collect())
}

/// Puts an emoji there. `false` when it is there.
pub(crate) async fn put_reaction(
    tx: &mut Tx,
    (room, seq): (&str, i64),
    person: &str,
    emoji: &str,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let sql = "INSERT INTO chat_reactions (room, seq, emoji, person, at_ms) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (room, seq, emoji, person) DO NOTHING";
    Ok(tx.execute(sql, params![room, seq, emoji, person, now_ms]).await? > 0)
}

/// Takes an emoji back. `false` when it is not there.
pub(crate) async fn take_reaction(
    tx: &mut Tx,
    (room, seq): (&str, i64),
    person: &str,
    emoji: &str,
) -> Result<bool, StoreError> {
    let sql = "DELETE FROM chat_reactions WHERE room = $1 AND seq = $2 AND emoji = $3 AND person = $4";
    Ok(tx.execute(sql, params![room, seq, emoji, person]).await? > 0)
}
