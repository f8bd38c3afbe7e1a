//! Pictures of people and of rooms. A picture's row comes before its object and goes after it, as with files; whose picture is shown
//! stands in `chat_faces`, whose row is also what two changes at once wait for.

use ::store::{FromRow, Migration, Row, StoreError, Tx, params};

use super::files::signed;

/// The tables. What is neither `shown` nor `gone` waits for its object; what is `gone` is removed soon.
pub(super) const MADE: Migration = Migration {
    part: "chat",
    version: 23,
    sql: "-- expands
CREATE TABLE chat_avatars (
    id TEXT NOT NULL PRIMARY KEY,
    whose TEXT NOT NULL,
    mime TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    shown BIGINT NOT NULL,
    gone BIGINT NOT NULL
);
CREATE INDEX chat_avatars_shown ON chat_avatars (whose) WHERE shown = 1;
CREATE INDEX chat_avatars_gone ON chat_avatars (gone, at_ms);
CREATE INDEX chat_avatars_waiting ON chat_avatars (at_ms) WHERE shown = 0;
CREATE TABLE chat_faces (
    whose TEXT NOT NULL PRIMARY KEY,
    avatar TEXT NOT NULL
);
",
};

/// The picture of the room `r`, as a column.
pub(super) const OF_ROOM: &str = "(SELECT s.avatar FROM chat_faces s WHERE s.whose = r.room)";

/// A picture that is shown.
pub(crate) struct Avatar {
    pub(crate) id: String,
    /// The person, or the room.
    pub(crate) whose: String,
    pub(crate) mime: String,
    pub(crate) bytes: u64,
}

impl FromRow for Avatar {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { id: row.get(0)?, whose: row.get(1)?, mime: row.get(2)?, bytes: row.get(3)? })
    }
}

/// Says that the object of a picture comes.
pub(crate) async fn expect_avatar(tx: &mut Tx, new: &Avatar, now_ms: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO chat_avatars (id, whose, mime, bytes, at_ms, shown, gone) VALUES ($1, $2, $3, $4, $5, 0, 0)";
    tx.execute(sql, params![&new.id, &new.whose, &new.mime, signed(new.bytes), now_ms]).await.map(drop)
}

/// Shows a picture whose object is there, in place of the one that was. `false` when it waited for too long and is given up.
pub(crate) async fn show_avatar(tx: &mut Tx, whose: &str, id: &str) -> Result<bool, StoreError> {
    let sql = "INSERT INTO chat_faces (whose, avatar) VALUES ($1, $2) ON CONFLICT (whose) DO UPDATE SET avatar = $2";
    tx.execute(sql, params![whose, id]).await?;
    forget_shown(tx, whose).await?;
    let sql = "UPDATE chat_avatars SET shown = 1 WHERE id = $1 AND whose = $2 AND gone = 0";
    Ok(tx.execute(sql, params![id, whose]).await? == 1)
}

/// Shows no picture any more. `false` when none was shown.
pub(crate) async fn take_down(tx: &mut Tx, whose: &str) -> Result<bool, StoreError> {
    let shown = tx.execute("DELETE FROM chat_faces WHERE whose = $1", params![whose]).await? > 0;
    forget_shown(tx, whose).await?;
    Ok(shown)
}

/// What was shown is to be removed.
async fn forget_shown(tx: &mut Tx, whose: &str) -> Result<(), StoreError> {
    let sql = "UPDATE chat_avatars SET shown = 0, gone = 1 WHERE whose = $1 AND shown = 1";
    tx.execute(sql, params![whose]).await.map(drop)
}

/// A picture that is shown now.
pub(crate) async fn avatar(tx: &mut Tx, id: &str) -> Result<Option<Avatar>, StoreError> {
    let sql = "SELECT id, whose, mime, bytes FROM chat_avatars WHERE id = $1 AND shown = 1";
    tx.first(sql, params![id]).await
}

/// Whose pictures are shown among these, with the picture of each.
pub(crate) async fn avatars_of(tx: &mut Tx, whose: &[String]) -> Result<Vec<(String, String)>, StoreError> {
    if whose.is_empty() {
        return Ok(Vec::new());
    }
    let listed = tx
        .either("SELECT value FROM json_each($1)", "SELECT jsonb_array_elements_text(CAST(CAST($1 AS TEXT) AS JSONB))");
    let sql = format!("SELECT whose, avatar FROM chat_faces WHERE whose IN ({listed})");
    tx.all(&sql, params![&serde_json::to_string(whose).unwrap_or_default()]).await
}
