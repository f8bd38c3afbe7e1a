//! What was said.

use ::store::{FromRow, Row, StoreError, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::files::{FILE_COLUMNS, File, file_at};
use super::hidden::hides;
use super::limit;
use super::previews::Preview;
use crate::model::words;

/// Of a message that is answered, or is the last of a room, so much is shown, characters.
const SHORT_CHARS: usize = 200;

/// A message's columns, of `m` and of the message `a` that it answers.
pub(super) const COLUMNS: &str = "m.room, m.seq, m.sender, m.client_id, m.content, m.at_ms, m.edited_at_ms, m.deleted,
    m.mentions, m.reply_to, a.sender, a.content, a.deleted,
    f.id, f.kind, f.name, f.mime, f.bytes, f.width, f.height, f.duration_ms, v.previews";
/// How many there are.
pub(super) const WIDTH: usize = REPLY + 4 + FILE_COLUMNS + 1;
/// How `a` is found, and what hangs on the message: a file and previews.
pub(super) const JOIN: &str = "LEFT JOIN chat_messages a ON a.room = m.room AND a.seq = m.reply_to
    LEFT JOIN chat_files f ON f.room = m.room AND f.seq = m.seq
    LEFT JOIN chat_previews v ON v.room = m.room AND v.seq = m.seq";

/// As [`JOIN`], for one person, which is named as the statement names it: of an answered message that it has hidden nothing is found, as
/// of one that is gone.
pub(super) fn join_for(person: &str) -> String {
    let seen = format!("a.seq = m.reply_to AND NOT {}", hides(person, "a"));
    JOIN.replacen("a.seq = m.reply_to", &seen, 1)
}

/// A statement that reads messages as one person sees them.
pub(super) fn of_join(person: &str, rest: &str) -> String {
    format!("SELECT {COLUMNS} FROM chat_messages m {} {rest}", join_for(person))
}
/// Where the reply begins.
const REPLY: usize = 9;

/// A message as everybody in the room sees it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatMessage)]
pub(crate) struct Message {
    pub(crate) room: String,
    /// Its number in the room: the same order for everybody.
    pub(crate) seq: i64,
    pub(crate) sender: String,
    /// What its sender's client called it.
    pub(crate) client_id: String,
    /// Text, as it was written; empty when deleted.
    pub(crate) content: String,
    pub(crate) at_ms: i64,
    pub(crate) edited_at_ms: Option<i64>,
    pub(crate) deleted: bool,
    /// The people whom it mentions.
    pub(crate) mentions: Vec<String>,
    pub(crate) reply: Option<Reply>,
    /// What was sent with it.
    pub(crate) file: Option<File>,
    /// What its links lead to, once that is known.
    pub(crate) previews: Vec<Preview>,
}

/// The message that another one answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatReply)]
pub(crate) struct Reply {
    pub(crate) seq: i64,
    /// Absent when it is gone.
    pub(crate) sender: Option<String>,
    /// Its beginning.
    pub(crate) content: String,
    pub(crate) deleted: bool,
}

pub(super) fn of_row(row: &Row<'_>, first: usize) -> Result<Message, StoreError> {
    let reply = match row.get::<Option<i64>>(first + REPLY)? {
        None => None,
        Some(seq) => Some(Reply {
            seq,
            sender: row.get(first + 10)?,
            content: shortened(row.get::<Option<String>>(first + 11)?.unwrap_or_default()),
            // Retention may have taken it.
            deleted: row.get::<Option<bool>>(first + 12)?.unwrap_or(true),
        }),
    };
    Ok(Message {
        room: row.get(first)?,
        seq: row.get(first + 1)?,
        sender: row.get(first + 2)?,
        client_id: row.get(first + 3)?,
        content: row.get(first + 4)?,
        at_ms: row.get(first + 5)?,
        edited_at_ms: row.get(first + 6)?,
        deleted: row.get(first + 7)?,
        mentions: row.get::<String>(first + 8)?.split_whitespace().map(str::to_owned).collect(),
        reply,
        file: file_at(row, first + REPLY + 4)?,
        previews: Preview::of_column(row, first + REPLY + 4 + FILE_COLUMNS)?,
    })
}

impl Message {
    /// As it is to who has hidden it: that there is one is all.
    pub(crate) fn emptied(self) -> Self {
        let Self { room, seq, sender, client_id, at_ms, edited_at_ms, .. } = self;
        Self {
            room,
            seq,
            sender,
            client_id,
            content: String::new(),
            at_ms,
            edited_at_ms,
            deleted: true,
            mentions: Vec::new(),
            reply: None,
            file: None,
            previews: Vec::new(),
        }
    }
}

impl FromRow for Message {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        of_row(row, 0)
    }
}

/// The beginning of a text.
pub(crate) fn shortened(text: String) -> String {
    match text.char_indices().nth(SHORT_CHARS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// A message to be.
pub(crate) struct NewMessage<'a> {
    pub(crate) room: &'a str,
    pub(crate) seq: i64,
    pub(crate) sender: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) content: &'a str,
    pub(crate) reply_to: Option<i64>,
    pub(crate) mentions: &'a [String],
}

/// The number of what this client's message became, if it came before.
pub(crate) async fn sent_before(
    tx: &mut Tx,
    room: &str,
    sender: &str,
    client_id: &str,
) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT seq FROM chat_messages WHERE room = $1 AND sender = $2 AND client_id = $3";
    Ok(tx.first::<(i64,)>(sql, params![room, sender, client_id]).await?.map(|(seq,)| seq))
}

/// Stores a message, with its words for whoever searches.
pub(crate) async fn insert(tx: &mut Tx, new: &NewMessage<'_>, now_ms: i64) -> Result<(), StoreError> {
    let (words, mentions) = (words(new.content), new.mentions.join(" "));
    let sql =
        "INSERT INTO chat_messages (room, seq, sender, client_id, content, words, reply_to, mentions, at_ms, deleted)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)";
    let NewMessage { room, seq, sender, client_id, content, reply_to, .. } = *new;
    tx.execute(sql, params![room, seq, sender, client_id, content, &words, reply_to, &mentions, now_ms]).await?;
    mention(tx, room, seq, new.mentions).await
}

async fn mention(tx: &mut Tx, room: &str, seq: i64, people: &[String]) -> Result<(), StoreError> {
    for person in people {
        let sql = "INSERT INTO chat_mentions (person, room, seq) VALUES ($1, $2, $3)";
        tx.execute(sql, params![person, room, seq]).await?;
    }
    Ok(())
}

/// One message.
pub(crate) async fn message(tx: &mut Tx, room: &str, seq: i64) -> Result<Option<Message>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM chat_messages m {JOIN} WHERE m.room = $1 AND m.seq = $2");
    tx.first(&sql, params![room, seq]).await
}

/// Who sent a message that was not deleted.
pub(crate) async fn sent_by(tx: &mut Tx, room: &str, seq: i64) -> Result<Option<String>, StoreError> {
    let sql = "SELECT sender FROM chat_messages WHERE room = $1 AND seq = $2 AND deleted = 0";
    Ok(tx.first::<(String,)>(sql, params![room, seq]).await?.map(|(sender,)| sender))
}

/// Which messages of a room.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asked {
    /// The newest, or those before this number.
    Before(i64),
    /// The first after this number.
    After(i64),
}

/// Messages in the order of the room.
pub(crate) struct Page {
    pub(crate) items: Vec<Message>,
    /// Whether there are more in that direction.
    pub(crate) more: bool,
}

/// A page of messages, without those that the person has hidden.
pub(crate) async fn messages(
    tx: &mut Tx,
    (room, person): (&str, &str),
    asked: Asked,
    rows: usize,
) -> Result<Page, StoreError> {
    let (seq, after, order) = match asked {
        Asked::Before(seq) => (seq, "<", "DESC"),
        Asked::After(seq) => (seq, ">", "ASC"),
    };
    let hidden = hides("$4", "m");
    let rest = format!("WHERE m.room = $1 AND m.seq {after} $2 AND NOT {hidden} ORDER BY m.seq {order} LIMIT $3");
    let sql = of_join("$4", &rest);
    let mut items: Vec<Message> = tx.all(&sql, params![room, seq, limit(rows) + 1, person]).await?;
    let more = items.len() > rows;
    items.truncate(rows);
    if let Asked::Before(_) = asked {
        items.reverse();
    }
    Ok(Page { items, more })
}

/// Changes the text of a message.
pub(crate) async fn edit(
    tx: &mut Tx,
    (room, seq): (&str, i64),
    content: &str,
    mentions: &[String],
    now_ms: i64,
) -> Result<(), StoreError> {
    let sql = "UPDATE chat_messages SET content = $3, words = $4, mentions = $5, edited_at_ms = $6 WHERE room = $1 AND seq = $2";
    tx.execute(sql, params![room, seq, content, &words(content), &mentions.join(" "), now_ms]).await?;
    forget_mentions(tx, room, seq).await?;
    mention(tx, room, seq, mentions).await
}

/// The messages that mention a person, in rooms that it is in, the newest first: those before the message with this key.
pub(crate) async fn mentions_of(
    tx: &mut Tx,
    person: &str,
    before: i64,
    rows: usize,
) -> Result<Vec<super::Found>, StoreError> {
    let sql = format!(
        "SELECT m.id, {COLUMNS} FROM chat_mentions n JOIN chat_members p ON p.room = n.room AND p.person = n.person
             JOIN chat_messages m ON m.room = n.room AND m.seq = n.seq {}
         WHERE n.person = $1 AND m.id < $2 AND NOT {} ORDER BY m.id DESC LIMIT $3",
        join_for("$1"),
        hides("$1", "m")
    );
    tx.all(&sql, params![person, before, limit(rows)]).await
}

async fn forget_mentions(tx: &mut Tx, room: &str, seq: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM chat_mentions WHERE room = $1 AND seq = $2", params![room, seq]).await.map(drop)
}

/// Leaves of a message that there was one: its text is nowhere any more.
pub(crate) async fn erase(tx: &mut Tx, room: &str, seq: i64) -> Result<(), StoreError> {
    let sql =
        "UPDATE chat_messages SET content = '', words = '', mentions = '', deleted = 1 WHERE room = $1 AND seq = $2";
    tx.execute(sql, params![room, seq]).await?;
    for table in ["chat_reactions", "chat_pins"] {
        tx.execute(&format!("DELETE FROM {table} WHERE room = $1 AND seq = $2"), params![room, seq]).await?;
    }
    forget_mentions(tx, room, seq).await
}
