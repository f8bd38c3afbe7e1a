//! Finding what was said, by its words. The index is each engine's own; what is in it is the same (`model/words.rs`).

use ::store::{FromRow, Row, StoreError, Tx, params};

use super::hidden::hides;
use super::limit;
use super::messages::{COLUMNS, Message, join_for, of_row};
use crate::model::{Dialect, asked as asked_of};

/// What somebody looks for.
pub(crate) struct Search<'a> {
    /// Only in rooms that this person is in.
    pub(crate) person: &'a str,
    pub(crate) text: &'a str,
    /// Only in this room.
    pub(crate) room: Option<&'a str>,
    /// Only what is older than the message with this key.
    pub(crate) before: i64,
}

/// A message, with its key in the index.
pub(crate) struct Found {
    pub(crate) key: i64,
    pub(crate) message: Message,
}

impl FromRow for Found {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { key: row.get(0)?, message: of_row(row, 1)? })
    }
}

/// The messages that hold all of the words, the newest first. A text without words finds nothing.
pub(crate) async fn search(tx: &mut Tx, it: &Search<'_>, rows: usize) -> Result<Vec<Found>, StoreError> {
    let (dialect, holds) = tx.either(
        (Dialect::Sqlite, "m.id IN (SELECT rowid FROM chat_words WHERE chat_words MATCH $2)"),
        (Dialect::Postgres, "array_to_tsvector(string_to_array(m.words, ' ')) @@ CAST(CAST($2 AS TEXT) AS tsquery)"),
    );
    let Some(asked) = asked_of(it.text, dialect) else { return Ok(Vec::new()) };
    let sql = format!(
        "SELECT m.id, {COLUMNS} FROM chat_messages m JOIN chat_members p ON p.room = m.room AND p.person = $1 {}
             WHERE {holds} AND m.deleted = 0 AND ($3 = '' OR m.room = $3) AND m.id < $4 AND NOT {}
             ORDER BY m.id DESC LIMIT $5",
        join_for("$1"),
        hides("$1", "m")
    );
    tx.all(&sql, params![it.person, &asked, it.room.unwrap_or_default(), it.before, limit(rows)]).await
}
