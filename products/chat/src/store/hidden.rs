//! Messages that somebody hides from itself: to everybody else they are as they were.

use std::collections::BTreeSet;

use ::store::{Migration, StoreError, Tx, params};
use kernel::limits;

use super::messages::{Message, of_join};

/// Its table. A row goes with its message.
pub(super) const MADE: Migration = Migration {
    part: "chat",
    version: 25,
    sql: "-- expands
CREATE TABLE chat_hidden (
    person TEXT NOT NULL,
    room TEXT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (person, room, seq)
);
CREATE INDEX chat_hidden_message ON chat_hidden (room, seq);
",
};

/// That `person` has hidden the message of that name in a statement.
pub(super) fn hides(person: &str, message: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM chat_hidden h WHERE h.person = {person} AND h.room = {message}.room AND h.seq = {message}.seq)"
    )
}

/// One message, for somebody who has not hidden it.
pub(crate) async fn message_for(
    tx: &mut Tx,
    (room, person): (&str, &str),
    seq: i64,
) -> Result<Option<Message>, StoreError> {
    let sql = of_join("$3", &format!("WHERE m.room = $1 AND m.seq = $2 AND NOT {}", hides("$3", "m")));
    tx.first(&sql, params![room, seq, person]).await
}

/// Who sent a message that was not deleted, and that this person has not hidden.
pub(crate) async fn sender_for(
    tx: &mut Tx,
    (room, person): (&str, &str),
    seq: i64,
) -> Result<Option<String>, StoreError> {
    let hidden = hides("$3", "m");
    let sql = format!(
        "SELECT m.sender FROM chat_messages m WHERE m.room = $1 AND m.seq = $2 AND m.deleted = 0 AND NOT {hidden}"
    );
    Ok(tx.first::<(String,)>(&sql, params![room, seq, person]).await?.map(|(sender,)| sender))
}

/// Whether a person has hidden a message.
pub(crate) async fn is_hidden(tx: &mut Tx, (room, person): (&str, &str), seq: i64) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM chat_hidden WHERE person = $1 AND room = $2 AND seq = $3";
    Ok(tx.first::<(i64,)>(sql, params![person, room, seq]).await?.is_some())
}

/// Whether a person has hidden the message that a picture of a page belongs to.
pub(crate) async fn hides_picture(tx: &mut Tx, person: &str, picture: &str) -> Result<bool, StoreError> {
    let hidden = hides("$2", "p");
    let sql = format!("SELECT 1 FROM chat_pictures p WHERE p.id = $1 AND {hidden}");
    Ok(tx.first::<(i64,)>(&sql, params![picture, person]).await?.is_some())
}

/// What a person has hidden in a room, by number.
pub(crate) async fn hidden(tx: &mut Tx, room: &str, person: &str) -> Result<Vec<i64>, StoreError> {
    let sql = format!(
        "SELECT seq FROM chat_hidden WHERE person = $1 AND room = $2 ORDER BY seq LIMIT {}",
        limits::CHAT_HIDDEN
    );
    let rows: Vec<(i64,)> = tx.all(&sql, params![person, room]).await?;
    Ok(rows.into_iter().map(|(seq,)| seq).collect())
}

/// Who has hidden a message.
pub(crate) async fn hidden_by(tx: &mut Tx, room: &str, seq: i64) -> Result<BTreeSet<String>, StoreError> {
    let rows: Vec<(String,)> =
        tx.all("SELECT person FROM chat_hidden WHERE room = $1 AND seq = $2", params![room, seq]).await?;
    Ok(rows.into_iter().map(|(person,)| person).collect())
}

/// Hides a message of the room, if there is room: `None` when there is none, else whether it was not hidden before.
pub(crate) async fn hide(tx: &mut Tx, (room, person): (&str, &str), seq: i64) -> Result<Option<bool>, StoreError> {
    if is_hidden(tx, (room, person), seq).await? {
        return Ok(Some(false));
    }
    let sql = "SELECT COUNT(*) FROM chat_hidden WHERE person = $1 AND room = $2";
    let (there,): (usize,) = tx.one(sql, params![person, room]).await?;
    if there >= limits::CHAT_HIDDEN {
        return Ok(None);
    }
    let sql = "INSERT INTO chat_hidden (person, room, seq) VALUES ($1, $2, $3)";
    tx.execute(sql, params![person, room, seq]).await?;
    Ok(Some(true))
}

/// Shows a message again. `false` when it was not hidden.
pub(crate) async fn unhide(tx: &mut Tx, (room, person): (&str, &str), seq: i64) -> Result<bool, StoreError> {
    let sql = "DELETE FROM chat_hidden WHERE person = $1 AND room = $2 AND seq = $3";
    Ok(tx.execute(sql, params![person, room, seq]).await? > 0)
}
