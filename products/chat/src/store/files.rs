//! Files that people sent, and pictures of pages: what the rows say of objects. An object is put after its row and removed before it, so
//! that none is ever without.

use ::store::{FromRow, Migration, Row, StoreError, Tx, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::avatars::take_down;
use super::limit;
use crate::model::FileKind;

/// The tables of files. `seq` is the message that has a file, while there is one; what is `gone` is nobody's, and is removed soon.
pub(super) const MADE: Migration = Migration {
    part: "chat.files",
    version: 1,
    sql: "-- expands
CREATE TABLE chat_files (
    id TEXT NOT NULL PRIMARY KEY,
    room TEXT NOT NULL,
    seq BIGINT,
    sender TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    mime TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    width BIGINT,
    height BIGINT,
    duration_ms BIGINT,
    preview TEXT,
    preview_bytes BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    ready BIGINT NOT NULL,
    gone BIGINT NOT NULL
);
CREATE UNIQUE INDEX chat_files_message ON chat_files (room, seq);
CREATE INDEX chat_files_gone ON chat_files (gone, at_ms);
CREATE INDEX chat_files_waiting ON chat_files (at_ms) WHERE seq IS NULL;
CREATE TABLE chat_sent_bytes (
    person TEXT NOT NULL,
    day BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (person, day)
);
CREATE INDEX chat_sent_bytes_day ON chat_sent_bytes (day);
CREATE TABLE chat_pictures (
    id TEXT NOT NULL PRIMARY KEY,
    room TEXT NOT NULL,
    seq BIGINT,
    mime TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    gone BIGINT NOT NULL
);
CREATE INDEX chat_pictures_message ON chat_pictures (room, seq);
CREATE INDEX chat_pictures_gone ON chat_pictures (gone, at_ms);
CREATE INDEX chat_pictures_waiting ON chat_pictures (at_ms) WHERE seq IS NULL;
CREATE TABLE chat_links (
    digest TEXT NOT NULL PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    page TEXT,
    picture TEXT
);
CREATE INDEX chat_links_at ON chat_links (at_ms);
CREATE TABLE chat_previews (
    room TEXT NOT NULL,
    seq BIGINT NOT NULL,
    previews TEXT NOT NULL,
    PRIMARY KEY (room, seq)
);
",
};

/// The columns of a file, of `f`.
const FILE: &str = "f.id, f.kind, f.name, f.mime, f.bytes, f.width, f.height, f.duration_ms";
/// How many there are.
pub(super) const FILE_COLUMNS: usize = 8;

/// A file as everybody in the room sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ChatFile)]
pub(crate) struct File {
    pub(crate) id: String,
    pub(crate) kind: FileKind,
    /// What it is called, ending as such a file does.
    pub(crate) name: String,
    /// What its bytes are.
    pub(crate) mime: String,
    pub(crate) bytes: u64,
    /// Of a picture, pixels, as it is shown.
    pub(crate) width: Option<u32>,
    pub(crate) height: Option<u32>,
    /// Of a recording or a video, where it is known.
    pub(crate) duration_ms: Option<u64>,
}

/// A file of a row, from this column on; `None` where there is none.
pub(super) fn file_at(row: &Row<'_>, first: usize) -> Result<Option<File>, StoreError> {
    let Some(id) = row.get::<Option<String>>(first)? else { return Ok(None) };
    Ok(Some(File {
        id,
        kind: FileKind::of_word(&row.get::<String>(first + 1)?).unwrap_or(FileKind::File),
        name: row.get(first + 2)?,
        mime: row.get(first + 3)?,
        bytes: row.get(first + 4)?,
        width: row.get(first + 5)?,
        height: row.get(first + 6)?,
        duration_ms: row.get(first + 7)?,
    }))
}

/// A file, and where it is.
pub(crate) struct Kept {
    pub(crate) file: File,
    pub(crate) room: String,
    /// The message that has it.
    pub(crate) seq: Option<i64>,
    pub(crate) sender: String,
    /// What its preview is, and how large; `None` where it has none.
    pub(crate) preview: Option<(String, u64)>,
}

impl FromRow for Kept {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let mime = row.get::<Option<String>>(FILE_COLUMNS + 3)?;
        let bytes = row.get(FILE_COLUMNS + 4)?;
        Ok(Self {
            file: file_at(row, 0)?.ok_or(StoreError::Missing)?,
            room: row.get(FILE_COLUMNS)?,
            seq: row.get(FILE_COLUMNS + 1)?,
            sender: row.get(FILE_COLUMNS + 2)?,
            preview: mime.map(|mime| (mime, bytes)),
        })
    }
}

/// A file to be.
pub(crate) struct NewFile<'a> {
    pub(crate) room: &'a str,
    pub(crate) sender: &'a str,
    pub(crate) file: &'a File,
    /// What its preview is, and how large.
    pub(crate) preview: Option<(&'a str, u64)>,
}

/// A size as a column takes it.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Adds to what a person sent on a day. How much that is now.
pub(crate) async fn count_bytes(tx: &mut Tx, person: &str, day: i64, bytes: u64) -> Result<i64, StoreError> {
    let sql = "INSERT INTO chat_sent_bytes (person, day, bytes) VALUES ($1, $2, $3)
        ON CONFLICT (person, day) DO UPDATE SET bytes = chat_sent_bytes.bytes + $3 RETURNING bytes";
    Ok(tx.one::<(i64,)>(sql, params![person, day, signed(bytes)]).await?.0)
}

/// Says that the objects of a file come.
pub(crate) async fn expect_file(tx: &mut Tx, new: &NewFile<'_>, now_ms: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO chat_files (id, room, sender, kind, name, mime, bytes, width, height, duration_ms, preview,
            preview_bytes, at_ms, ready, gone)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0)";
    let NewFile { room, sender, file, preview } = new;
    let File { id, kind, name, mime, bytes, width, height, duration_ms } = file;
    let (preview, preview_bytes) = preview.map_or((None, 0), |(mime, bytes)| (Some(mime), bytes));
    let (bytes, preview_bytes, duration_ms) = (signed(*bytes), signed(preview_bytes), duration_ms.map(signed));
    let (width, height) = (*width, *height);
    let row = params![
        id,
        *room,
        *sender,
        kind.word(),
        name,
        mime,
        bytes,
        width,
        height,
        duration_ms,
        preview,
        preview_bytes,
        now_ms
    ];
    tx.execute(sql, row).await.map(drop)
}

/// Says that the objects of a file are there. Whether it still may be.
pub(crate) async fn file_is_ready(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    Ok(tx.execute("UPDATE chat_files SET ready = 1 WHERE id = $1 AND gone = 0", params![id]).await? == 1)
}

/// A file that is there.
pub(crate) async fn file(tx: &mut Tx, id: &str) -> Result<Option<Kept>, StoreError> {
    let sql = format!(
        "SELECT {FILE}, f.room, f.seq, f.sender, f.preview, f.preview_bytes FROM chat_files f
         WHERE f.id = $1 AND f.ready = 1 AND f.gone = 0"
    );
    tx.first(&sql, params![id]).await
}

/// Gives a file of this sender in this room, which no message has yet, to a message. Whether there was one.
pub(crate) async fn give_file(
    tx: &mut Tx,
    id: &str,
    (room, sender): (&str, &str),
    seq: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE chat_files SET seq = $4
        WHERE id = $1 AND room = $2 AND sender = $3 AND seq IS NULL AND ready = 1 AND gone = 0";
    Ok(tx.execute(sql, params![id, room, sender, seq]).await? == 1)
}

/// Takes from a message what hangs on it as objects. Whether there was any: then it is to be removed.
pub(crate) async fn drop_files(tx: &mut Tx, room: &str, seq: i64) -> Result<bool, StoreError> {
    let mut dropped = 0;
    for table in ["chat_files", "chat_pictures"] {
        let sql = format!("UPDATE {table} SET gone = 1, seq = NULL WHERE room = $1 AND seq = $2");
        dropped += tx.execute(&sql, params![room, seq]).await?;
    }
    tx.execute("DELETE FROM chat_previews WHERE room = $1 AND seq = $2", params![room, seq]).await?;
    Ok(dropped > 0)
}

/// What is left of a room that is gone: files that no message had, and its picture.
pub(super) async fn drop_files_of(tx: &mut Tx, room: &str) -> Result<(), StoreError> {
    for table in ["chat_files", "chat_pictures"] {
        let sql = format!("UPDATE {table} SET gone = 1, seq = NULL WHERE room = $1 AND gone = 0");
        tx.execute(&sql, params![room]).await?;
    }
    take_down(tx, room).await.map(drop)
}

/// What takes objects and previews from the messages whose keys are in the list of this text.
pub(super) fn drops(ids: &str) -> [String; 3] {
    let of = |table| {
        format!(
            "UPDATE {table} SET gone = 1, seq = NULL WHERE (room, seq) IN
                 (SELECT room, seq FROM chat_messages WHERE id IN ({ids}))"
        )
    };
    let previews = format!(
        "DELETE FROM chat_previews WHERE (room, seq) IN (SELECT room, seq FROM chat_messages WHERE id IN ({ids}))"
    );
    [of("chat_files"), of("chat_pictures"), previews]
}

/// Where objects are told of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Told {
    /// By people's files.
    Files,
    /// By pictures of pages.
    Pictures,
    /// By pictures of people and rooms.
    Avatars,
}

impl Told {
    const fn table(self) -> &'static str {
        match self {
            Self::Files => "chat_files",
            Self::Pictures => "chat_pictures",
            Self::Avatars => "chat_avatars",
        }
    }

    /// What is nobody's yet.
    const fn waits(self) -> &'static str {
        match self {
            Self::Files | Self::Pictures => "seq IS NULL",
            Self::Avatars => "shown = 0",
        }
    }
}

/// What is to be removed: what is gone, and what has waited for a message since before this time. Its ids. Of a file that is gone before its
/// objects were there, they may still come until then.
pub(crate) async fn lost(tx: &mut Tx, told: Told, before_ms: i64, rows: usize) -> Result<Vec<String>, StoreError> {
    let table = told.table();
    let gone: Vec<(String,)> = match told {
        Told::Files => {
            let sql = "SELECT id FROM chat_files WHERE gone = 1 AND (ready = 1 OR at_ms < $1) ORDER BY at_ms LIMIT $2";
            tx.all(sql, params![before_ms, limit(rows)]).await?
        }
        Told::Pictures | Told::Avatars => {
            let sql = format!("SELECT id FROM {table} WHERE gone = 1 ORDER BY at_ms LIMIT $1");
            tx.all(&sql, params![limit(rows)]).await?
        }
    };
    let waits = told.waits();
    let sql = format!("SELECT id FROM {table} WHERE {waits} AND gone = 0 AND at_ms < $1 ORDER BY at_ms LIMIT $2");
    let waited: Vec<(String,)> = tx.all(&sql, params![before_ms, limit(rows)]).await?;
    Ok(gone.into_iter().chain(waited).map(|(id,)| id).collect())
}

/// Says that a file which waits comes no more, so that no message gets it. Whether that is so now.
pub(crate) async fn give_up(tx: &mut Tx, told: Told, id: &str) -> Result<bool, StoreError> {
    let sql = format!("UPDATE {} SET gone = 1 WHERE id = $1 AND {}", told.table(), told.waits());
    Ok(tx.execute(&sql, params![id]).await? == 1)
}

/// Forgets an object that is removed.
pub(crate) async fn forget(tx: &mut Tx, told: Told, id: &str) -> Result<(), StoreError> {
    tx.execute(&format!("DELETE FROM {} WHERE id = $1 AND gone = 1", told.table()), params![id]).await.map(drop)
}

/// Forgets what people sent before this day.
pub(crate) async fn forget_days(tx: &mut Tx, before: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM chat_sent_bytes WHERE day < $1", params![before]).await.map(drop)
}
