//! What links lead to: known for a day by the digest of the address, and kept with each message for as long as that is there.

use ::store::{FromRow, Row, StoreError, Tx, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::files::signed;

/// What is shown of a page that a message links to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ChatPreview)]
pub(crate) struct Preview {
    pub(crate) id: String,
    /// The address, as it stands in the message.
    pub(crate) url: String,
    pub(crate) title: String,
    pub(crate) description: Option<String>,
    pub(crate) site: Option<String>,
    /// Whether it has a picture, at `/api/v1/chat/previews/{id}/image`.
    pub(crate) image: bool,
}

impl Preview {
    pub(super) fn of_column(row: &Row<'_>, column: usize) -> Result<Vec<Self>, StoreError> {
        let kept: Option<String> = row.get(column)?;
        Ok(kept.and_then(|kept| serde_json::from_str(&kept).ok()).unwrap_or_default())
    }
}

/// Keeps what the links of a message lead to. Whether nothing was kept for it before.
pub(crate) async fn put_previews(tx: &mut Tx, room: &str, seq: i64, previews: &[Preview]) -> Result<bool, StoreError> {
    let kept = serde_json::to_string(previews).unwrap_or_default();
    let sql = "INSERT INTO chat_previews (room, seq, previews) VALUES ($1, $2, $3) ON CONFLICT (room, seq) DO NOTHING";
    Ok(tx.execute(sql, params![room, seq, &kept]).await? == 1)
}

/// Takes from a message what was kept of its links.
pub(crate) async fn drop_previews(tx: &mut Tx, room: &str, seq: i64) -> Result<(), StoreError> {
    let sql = "UPDATE chat_pictures SET gone = 1, seq = NULL WHERE room = $1 AND seq = $2";
    tx.execute(sql, params![room, seq]).await?;
    tx.execute("DELETE FROM chat_previews WHERE room = $1 AND seq = $2", params![room, seq]).await.map(drop)
}

/// A picture of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) id: String,
    /// The room of its message; empty where it is only known.
    pub(crate) room: String,
    pub(crate) mime: String,
    pub(crate) bytes: u64,
}

impl FromRow for Picture {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { id: row.get(0)?, room: row.get(1)?, mime: row.get(2)?, bytes: row.get(3)? })
    }
}

/// Says that the object of a picture comes.
pub(crate) async fn expect_picture(tx: &mut Tx, new: &Picture, now_ms: i64) -> Result<(), StoreError> {
    let sql = "INSERT INTO chat_pictures (id, room, mime, bytes, at_ms, gone) VALUES ($1, $2, $3, $4, $5, 0)";
    let Picture { id, room, mime, bytes } = new;
    tx.execute(sql, params![id, room, mime, signed(*bytes), now_ms]).await.map(drop)
}

/// Gives a picture that is there to a message, or, as 0 in no room, to what is known. Whether it still may be.
pub(crate) async fn give_picture(tx: &mut Tx, id: &str, seq: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE chat_pictures SET seq = $2 WHERE id = $1 AND seq IS NULL AND gone = 0";
    Ok(tx.execute(sql, params![id, seq]).await? == 1)
}

/// A picture that belongs to something.
pub(crate) async fn picture(tx: &mut Tx, id: &str) -> Result<Option<Picture>, StoreError> {
    let sql = "SELECT id, room, mime, bytes FROM chat_pictures WHERE id = $1 AND seq IS NOT NULL AND gone = 0";
    tx.first(sql, params![id]).await
}

/// What is known of an address.
pub(crate) struct Known {
    /// What its page says, as JSON; `None` where it has nothing to say.
    pub(crate) page: Option<String>,
    /// The id of its picture.
    pub(crate) picture: Option<String>,
}

impl FromRow for Known {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { page: row.get(0)?, picture: row.get(1)? })
    }
}

/// What was found out about an address since this time.
pub(crate) async fn known(tx: &mut Tx, digest: &str, since_ms: i64) -> Result<Option<Known>, StoreError> {
    let sql = "SELECT page, picture FROM chat_links WHERE digest = $1 AND at_ms > $2";
    tx.first(sql, params![digest, since_ms]).await
}

/// Keeps what was found out, instead of what was known before.
pub(crate) async fn know(tx: &mut Tx, digest: &str, known: &Known, now_ms: i64) -> Result<(), StoreError> {
    let sql =
        "UPDATE chat_pictures SET gone = 1, seq = NULL WHERE id = (SELECT picture FROM chat_links WHERE digest = $1)";
    tx.execute(sql, params![digest]).await?;
    let sql = "INSERT INTO chat_links (digest, at_ms, page, picture) VALUES ($1, $2, $3, $4)
        ON CONFLICT (digest) DO UPDATE SET at_ms = $2, page = $3, picture = $4";
    tx.execute(sql, params![digest, now_ms, known.page.as_deref(), known.picture.as_deref()]).await.map(drop)
}

/// Forgets what was found out before this time.
pub(crate) async fn forget_links(tx: &mut Tx, before_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE chat_pictures SET gone = 1, seq = NULL
        WHERE id IN (SELECT picture FROM chat_links WHERE at_ms < $1 AND picture IS NOT NULL)";
    tx.execute(sql, params![before_ms]).await?;
    tx.execute("DELETE FROM chat_links WHERE at_ms < $1", params![before_ms]).await.map(drop)
}
