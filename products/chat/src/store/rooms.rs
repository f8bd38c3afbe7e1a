//! The rooms.

use ::store::{FromRow, Row, StoreError, Tx, params};
use kernel::limits;
use serde::Serialize;
use utoipa::ToSchema;

use super::hidden::hides;
use super::messages::shortened;
use super::{limit, members, role};
use crate::model::{FileKind, Role, avatar_path};

/// A room's columns, of `r`.
pub(super) const ROOM: &str = "r.room, r.pair, r.name, r.description, r.top, r.made_by, r.made_at_ms, r.last_at_ms,
    (SELECT s.avatar FROM chat_faces s WHERE s.whose = r.room)";

/// A room as its members see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatRoom)]
pub(crate) struct Room {
    pub(crate) room: String,
    /// Between two people; then it has no name of its own.
    pub(crate) direct: bool,
    pub(crate) name: String,
    pub(crate) description: String,
    /// The last number of its log: where its channel stands.
    pub(crate) top: i64,
    pub(crate) made_by: String,
    pub(crate) made_at_ms: i64,
    /// When the last message came, or the room was made.
    pub(crate) last_at_ms: i64,
    /// Where its picture is read, beside the address of this server.
    pub(crate) avatar: Option<String>,
}

impl Room {
    pub(super) fn at(row: &Row<'_>, first: usize) -> Result<Self, StoreError> {
        Ok(Self {
            room: row.get(first)?,
            direct: row.get::<Option<String>>(first + 1)?.is_some(),
            name: row.get(first + 2)?,
            description: row.get(first + 3)?,
            top: row.get(first + 4)?,
            made_by: row.get(first + 5)?,
            made_at_ms: row.get(first + 6)?,
            last_at_ms: row.get(first + 7)?,
            avatar: row.get::<Option<String>>(first + 8)?.map(|id| avatar_path(&id)),
        })
    }
}

impl FromRow for Room {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Self::at(row, 0)
    }
}

/// A room to be.
pub(crate) struct NewRoom<'a> {
    pub(crate) room: &'a str,
    /// Of a direct room: [`pair_of`] its two people.
    pub(crate) pair: Option<&'a str>,
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    pub(crate) made_by: &'a str,
}

/// The same for two people, whoever of them asks.
pub(crate) fn pair_of(one: &str, other: &str) -> String {
    if one <= other { format!("{one} {other}") } else { format!("{other} {one}") }
}

/// Makes a room without members.
pub(crate) async fn create(tx: &mut Tx, new: &NewRoom<'_>, now_ms: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO chat_rooms (room, pair, name, description, top, messages, made_by, made_at_ms, last_at_ms, removed)
         VALUES ($1, $2, $3, $4, 0, 0, $5, $6, $6, 0)";
    tx.execute(sql, params![new.room, new.pair, new.name, new.description, new.made_by, now_ms]).await.map(drop)
}

/// A room that is there, whoever asks.
pub(crate) async fn room(tx: &mut Tx, room: &str) -> Result<Option<Room>, StoreError> {
    let sql = format!("SELECT {ROOM} FROM chat_rooms r WHERE r.room = $1 AND r.removed = 0");
    tx.first(&sql, params![room]).await
}

/// A room's last message as lists show it, or another one, and whether that is the last.
pub(crate) async fn in_lists(
    tx: &mut Tx,
    room: &str,
    seq: Option<i64>,
) -> Result<Option<(LastMessage, bool)>, StoreError> {
    struct Found(LastMessage, bool);
    impl FromRow for Found {
        fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
            Ok(Self(LastMessage::at(row, 0)?, row.get::<Option<i64>>(6)? == Some(row.get(0)?)))
        }
    }
    let sql = format!(
        "SELECT {}, r.last_message FROM chat_rooms r JOIN chat_messages l ON l.room = r.room
             LEFT JOIN chat_files f ON f.room = l.room AND f.seq = l.seq AND l.deleted = 0
         WHERE r.room = $1 AND r.removed = 0 AND l.seq = COALESCE($2, r.last_message)",
        LastMessage::COLUMNS
    );
    Ok(tx.first::<Found>(&sql, params![room, seq]).await?.map(|Found(message, last)| (message, last)))
}

/// The direct room of two people.
pub(crate) async fn direct_of(tx: &mut Tx, pair: &str) -> Result<Option<Room>, StoreError> {
    let sql = format!("SELECT {ROOM} FROM chat_rooms r WHERE r.pair = $1");
    tx.first(&sql, params![pair]).await
}

/// Names and describes a room anew.
pub(crate) async fn change(tx: &mut Tx, room: &str, name: &str, description: &str) -> Result<(), StoreError> {
    let sql = "UPDATE chat_rooms SET name = $2, description = $3 WHERE room = $1";
    tx.execute(sql, params![room, name, description]).await.map(drop)
}

/// A message came: the room is the first of its members' lists.
pub(crate) async fn bump(tx: &mut Tx, room: &str, seq: i64, now_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE chat_rooms SET last_message = $2, last_at_ms = $3, messages = messages + 1 WHERE room = $1";
    tx.execute(sql, params![room, seq, now_ms]).await.map(drop)
}

/// Nobody is in the room from now on, and two people may begin anew; its rows are removed later. Who was in it.
pub(crate) async fn mark_removed(tx: &mut Tx, room: &str) -> Result<Vec<String>, StoreError> {
    tx.execute("UPDATE chat_rooms SET removed = 1, pair = NULL WHERE room = $1", params![room]).await?;
    members::empty(tx, room, limits::CHAT_MEMBERS).await
}

/// A room in somebody's list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatRoomLine)]
pub(crate) struct Line {
    #[serde(flatten)]
    pub(crate) room: Room,
    pub(crate) role: Role,
    /// Messages of others after what was read, among the newest 1,000 of these; 1,000 are "at least so many".
    pub(crate) unread: i64,
    /// Of these, the ones that mention the reader.
    pub(crate) mentions: i64,
    /// Has read up to this number.
    pub(crate) read: i64,
    /// No pushes before this time.
    pub(crate) muted_until_ms: i64,
    pub(crate) archived: bool,
    /// The other one of a direct room.
    pub(crate) other: Option<String>,
    pub(crate) last_message: Option<LastMessage>,
}

/// The beginning of a room's last message.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatLastMessage)]
pub(crate) struct LastMessage {
    pub(crate) seq: i64,
    pub(crate) sender: String,
    pub(crate) content: String,
    pub(crate) at_ms: i64,
    pub(crate) deleted: bool,
    /// What was sent beside the words, or instead of them.
    pub(crate) file: Option<FileKind>,
}

impl LastMessage {
    /// Its columns, of `l` and of its file `f`.
    const COLUMNS: &str = "l.seq, l.sender, l.content, l.at_ms, l.deleted, f.kind";

    fn at(row: &Row<'_>, first: usize) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.get(first)?,
            sender: row.get(first + 1)?,
            content: shortened(row.get(first + 2)?),
            at_ms: row.get(first + 3)?,
            deleted: row.get(first + 4)?,
            file: row.get::<Option<String>>(first + 5)?.and_then(|word| FileKind::of_word(&word)),
        })
    }
}

impl FromRow for Line {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let last_message = row.get::<Option<i64>>(16)?.map(|_| LastMessage::at(row, 16)).transpose()?;
        Ok(Self {
            room: Room::at(row, 0)?,
            role: role(row, 9)?,
            read: row.get(10)?,
            muted_until_ms: row.get(11)?,
            archived: row.get(12)?,
            unread: row.get(13)?,
            mentions: row.get(14)?,
            other: row.get(15)?,
            last_message,
        })
    }
}

/// How many messages `m` has not read and not hidden, of the newest: what is looked at is bounded, whoever wrote it.
fn unread() -> String {
    format!(
        "(SELECT COUNT(*) FROM (SELECT u.room, u.seq, u.sender, u.deleted FROM chat_messages u WHERE u.room = m.room
              AND u.seq > m.read_seq ORDER BY u.seq DESC LIMIT {}) AS looked_at
              WHERE looked_at.sender <> m.person AND looked_at.deleted = 0 AND NOT {})",
        limits::CHAT_COUNTED,
        hides("m.person", "looked_at")
    )
}

/// How many of these mention `m`.
fn mentions() -> String {
    format!(
        "(SELECT COUNT(*) FROM (SELECT 1 FROM chat_mentions u WHERE u.person = m.person AND u.room = m.room
              AND u.seq > m.read_seq AND NOT {} LIMIT {}) AS counted)",
        hides("m.person", "u"),
        limits::CHAT_COUNTED
    )
}

/// The number of the last message of `r` that `m` has not hidden.
fn last_seen() -> String {
    format!(
        "CASE WHEN EXISTS (SELECT 1 FROM chat_hidden h WHERE h.person = m.person AND h.room = r.room AND h.seq = r.last_message)
             THEN (SELECT v.seq FROM chat_messages v WHERE v.room = r.room AND v.seq < r.last_message AND NOT {}
                 ORDER BY v.seq DESC LIMIT 1)
             ELSE r.last_message END",
        hides("m.person", "v")
    )
}

fn list(rest: &str) -> String {
    let (unread, mentions, last, last_seen) = (unread(), mentions(), LastMessage::COLUMNS, last_seen());
    format!(
        "SELECT {ROOM}, m.role, m.read_seq, m.muted_until_ms, m.archived,
             {unread},
             {mentions},
             CASE WHEN r.pair IS NULL THEN NULL ELSE
                 (SELECT o.person FROM chat_members o WHERE o.room = m.room AND o.person <> m.person) END,
             {last}
         FROM chat_members m JOIN chat_rooms r ON r.room = m.room
             LEFT JOIN chat_messages l ON l.room = r.room AND l.seq = {last_seen}
             LEFT JOIN chat_files f ON f.room = l.room AND f.seq = l.seq AND l.deleted = 0
         WHERE m.person = $1 AND r.removed = 0 {rest}"
    )
}

/// A person's rooms, the last spoken in first: those that come after `before` (a time and a room).
pub(crate) async fn lines(
    tx: &mut Tx,
    person: &str,
    archived: bool,
    before: (i64, &str),
    rows: usize,
) -> Result<Vec<Line>, StoreError> {
    let sql = list(
        "AND m.archived = $2 AND (r.last_at_ms < $3 OR r.last_at_ms = $3 AND r.room < $4)
         ORDER BY r.last_at_ms DESC, r.room DESC LIMIT $5",
    );
    tx.all(&sql, params![person, archived, before.0, before.1, limit(rows)]).await
}

/// Up to where each of a room's people has read, how many messages that leaves, and how many of these mention it.
pub(crate) async fn unread_of(tx: &mut Tx, room: &str) -> Result<Vec<(String, i64, i64, i64)>, StoreError> {
    let (unread, mentions) = (unread(), mentions());
    let sql = format!(
        "SELECT m.person, m.read_seq,
             {unread},
             {mentions}
         FROM chat_members m WHERE m.room = $1"
    );
    tx.all(&sql, params![room]).await
}

/// When the oldest message came, after this time, that others sent and a person has not read, not hidden and had no letter about.
pub(crate) async fn waits_since(
    tx: &mut Tx,
    (room, person): (&str, &str),
    after_ms: i64,
) -> Result<Option<i64>, StoreError> {
    let sql = format!(
        "SELECT l.at_ms FROM chat_members m JOIN chat_messages l ON l.room = m.room
         WHERE m.room = $1 AND m.person = $2 AND l.seq > m.read_seq AND l.seq > m.digested_seq AND l.sender <> $2
             AND l.deleted = 0 AND l.at_ms > $3 AND NOT {} ORDER BY l.seq LIMIT 1",
        hides("$2", "l")
    );
    Ok(tx.first::<(i64,)>(&sql, params![room, person, after_ms]).await?.map(|(at_ms,)| at_ms))
}

/// A person has a letter about everything in a room up to this number.
pub(crate) async fn written_about(tx: &mut Tx, (room, person): (&str, &str), seq: i64) -> Result<(), StoreError> {
    let sql = "UPDATE chat_members SET digested_seq = $3 WHERE room = $1 AND person = $2";
    tx.execute(sql, params![room, person, seq]).await.map(drop)
}

/// One of a person's rooms.
pub(crate) async fn line(tx: &mut Tx, person: &str, room: &str) -> Result<Option<Line>, StoreError> {
    tx.first(&list("AND m.room = $2"), params![person, room]).await
}
