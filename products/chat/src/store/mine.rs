//! What is a person's alone: quick replies.

use ::store::{FromRow, Row, StoreError, Tx, params};
use kernel::limits;
use serde::Serialize;
use utoipa::ToSchema;

/// A text that somebody often writes.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatQuickReply)]
pub(crate) struct QuickReply {
    /// What it is called by, behind a slash.
    pub(crate) shortcut: String,
    pub(crate) content: String,
}

impl FromRow for QuickReply {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { shortcut: row.get(0)?, content: row.get(1)? })
    }
}

/// A person's quick replies, by name.
pub(crate) async fn replies(tx: &mut Tx, person: &str) -> Result<Vec<QuickReply>, StoreError> {
    let sql = "SELECT shortcut, content FROM chat_replies WHERE person = $1 ORDER BY shortcut";
    tx.all(sql, params![person]).await
}

/// Keeps a quick reply in place of the one of this name. `false` when there are as many as there may be.
pub(crate) async fn put_reply(tx: &mut Tx, person: &str, reply: &QuickReply) -> Result<bool, StoreError> {
    let sql = "SELECT COUNT(*) FROM chat_replies WHERE person = $1 AND shortcut <> $2";
    let (others,): (usize,) = tx.one(sql, params![person, &reply.shortcut]).await?;
    if others >= limits::CHAT_REPLIES {
        return Ok(false);
    }
    let sql = "INSERT INTO chat_replies (person, shortcut, content) VALUES ($1, $2, $3)
         ON CONFLICT (person, shortcut) DO UPDATE SET content = $3";
    tx.execute(sql, params![person, &reply.shortcut, &reply.content]).await?;
    Ok(true)
}

/// Drops a quick reply. `false` when there is none of this name.
pub(crate) async fn drop_reply(tx: &mut Tx, person: &str, shortcut: &str) -> Result<bool, StoreError> {
    let sql = "DELETE FROM chat_replies WHERE person = $1 AND shortcut = $2";
    Ok(tx.execute(sql, params![person, shortcut]).await? > 0)
}
