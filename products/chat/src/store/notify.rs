//! Whom a message reaches outside the room: browsers that asked for it, and what each person wants.

use ::store::{FromRow, Migration, Row, StoreError, Tx, params};
use kernel::limits;

use super::hidden::hides;
use super::limit;

/// A subscription is sealed: whoever has its address can reach the browser, and its keys read what is pushed. `digest` is of the
/// address.
pub(crate) const TABLES: Migration = Migration {
    part: "chat",
    version: 20,
    sql: "-- expands
CREATE TABLE chat_push_keys (id BIGINT NOT NULL PRIMARY KEY, sealed BYTEA NOT NULL, made_at_ms BIGINT NOT NULL);
CREATE TABLE chat_pushes (
    id BIGSERIAL PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,
    person TEXT NOT NULL,
    tie TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    made_at_ms BIGINT NOT NULL
);
CREATE INDEX chat_pushes_person ON chat_pushes (person, id);
CREATE TABLE chat_wishes (
    person TEXT NOT NULL PRIMARY KEY,
    mentions_through_mute BIGINT NOT NULL,
    digest_after_ms BIGINT NOT NULL,
    digested_at_ms BIGINT NOT NULL
);
CREATE INDEX chat_wishes_digest ON chat_wishes (digest_after_ms, person);
",
};

/// How often in a row a push service has refused what was pushed to a browser.
pub(crate) const REFUSALS: Migration = Migration {
    part: "chat",
    version: 21,
    sql: "-- expands
ALTER TABLE chat_pushes ADD COLUMN refusals BIGINT NOT NULL DEFAULT 0;
",
};

/// Up to which number of a room a person has had letters about it.
pub(crate) const WRITTEN: Migration = Migration {
    part: "chat",
    version: 22,
    sql: "-- expands
ALTER TABLE chat_members ADD COLUMN digested_seq BIGINT NOT NULL DEFAULT 0;
",
};

/// The sealed key that pushes are signed with.
pub(crate) async fn push_key(tx: &mut Tx) -> Result<Option<Vec<u8>>, StoreError> {
    let row: Option<(Vec<u8>,)> = tx.first("SELECT sealed FROM chat_push_keys WHERE id = 1", &[]).await?;
    Ok(row.map(|(sealed,)| sealed))
}

/// Keeps a key, unless there is one: the one that is there.
pub(crate) async fn keep_push_key(tx: &mut Tx, sealed: &[u8], now_ms: i64) -> Result<Vec<u8>, StoreError> {
    let sql = "INSERT INTO chat_push_keys (id, sealed, made_at_ms) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING";
    tx.execute(sql, params![sealed, now_ms]).await?;
    let (sealed,) = tx.one("SELECT sealed FROM chat_push_keys WHERE id = 1", &[]).await?;
    Ok(sealed)
}

/// A browser that wants to be told.
pub(crate) struct Browser {
    pub(crate) digest: Vec<u8>,
    pub(crate) person: String,
    /// What it hangs on, as identity says.
    pub(crate) tie: String,
    pub(crate) sealed: Vec<u8>,
    /// Pushes that its push service has refused since it took one.
    pub(crate) refusals: i64,
}

impl FromRow for Browser {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            digest: row.get(0)?,
            person: row.get(1)?,
            tie: row.get(2)?,
            sealed: row.get(3)?,
            refusals: row.get(4)?,
        })
    }
}

/// Keeps a browser. One address is one browser, which is whose it was given last; of too many of one person the one that was given the
/// longest ago goes. Given again by the same person it stays the same row: what is on its way to it arrives.
pub(crate) async fn keep_browser(tx: &mut Tx, new: &Browser, now_ms: i64) -> Result<(), StoreError> {
    let Browser { digest, person, tie, sealed, refusals } = new;
    tx.execute("DELETE FROM chat_pushes WHERE digest = $1 AND person <> $2", params![digest, person]).await?;
    let sql = "DELETE FROM chat_pushes WHERE person = $1 AND digest <> $3 AND id NOT IN
         (SELECT id FROM chat_pushes WHERE person = $1 AND digest <> $3 ORDER BY made_at_ms DESC, id DESC LIMIT $2)";
    tx.execute(sql, params![person, limit(limits::CHAT_PUSHES - 1), digest]).await?;
    // Two pages of one browser may ask at once.
    let sql =
        "INSERT INTO chat_pushes (digest, person, tie, sealed, made_at_ms, refusals) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (digest) DO UPDATE SET person = $2, tie = $3, sealed = $4, made_at_ms = $5, refusals = $6";
    tx.execute(sql, params![digest, person, tie, sealed, now_ms, *refusals]).await.map(drop)
}

pub(crate) async fn browser(tx: &mut Tx, id: i64) -> Result<Option<Browser>, StoreError> {
    tx.first("SELECT digest, person, tie, sealed, refusals FROM chat_pushes WHERE id = $1", params![id]).await
}

/// Forgets a person's browser. `false` when there is none of this address.
pub(crate) async fn drop_browser_of(tx: &mut Tx, person: &str, digest: &[u8]) -> Result<bool, StoreError> {
    let sql = "DELETE FROM chat_pushes WHERE person = $1 AND digest = $2";
    Ok(tx.execute(sql, params![person, digest]).await? > 0)
}

/// Forgets a browser, whosever it is.
pub(crate) async fn drop_browser(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    tx.execute("DELETE FROM chat_pushes WHERE id = $1", params![id]).await.map(drop)
}

/// A push to a browser was refused for good: of so many in a row it is forgotten.
pub(crate) async fn refuse_browser(tx: &mut Tx, id: i64, most: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE chat_pushes SET refusals = refusals + 1 WHERE id = $1", params![id]).await?;
    tx.execute("DELETE FROM chat_pushes WHERE id = $1 AND refusals >= $2", params![id, most]).await.map(drop)
}

/// A push to a browser was taken.
pub(crate) async fn forgive_browser(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    tx.execute("UPDATE chat_pushes SET refusals = 0 WHERE id = $1", params![id]).await.map(drop)
}

/// The newest message of others in a room from this number on, or the newest that mentions this person; not one that it has hidden.
pub(crate) async fn newest_unread(
    tx: &mut Tx,
    (room, person): (&str, &str),
    from: i64,
    mentions: bool,
) -> Result<Option<i64>, StoreError> {
    let which = if mentions {
        "SELECT m.seq FROM chat_mentions n JOIN chat_messages m ON m.room = n.room AND m.seq = n.seq
         WHERE n.room = $1 AND n.person = $2 AND n.seq >= $3 AND m.sender <> $2 AND m.deleted = 0"
    } else {
        "SELECT m.seq FROM chat_messages m WHERE m.room = $1 AND m.sender <> $2 AND m.seq >= $3 AND m.deleted = 0"
    };
    let sql = format!("{which} AND NOT {} ORDER BY m.seq DESC LIMIT 1", hides("$2", "m"));
    Ok(tx.first::<(i64,)>(&sql, params![room, person, from]).await?.map(|(seq,)| seq))
}

/// Browsers after one, in their order, to see which of them still hang on something: number, person, tie.
pub(crate) async fn browsers(tx: &mut Tx, after: i64, rows: usize) -> Result<Vec<(i64, String, String)>, StoreError> {
    let sql = "SELECT id, person, tie FROM chat_pushes WHERE id > $1 ORDER BY id LIMIT $2";
    tx.all(sql, params![after, limit(rows)]).await
}

/// The browsers of those in a room who have neither read nor hidden a message of somebody else, with whose each is and what the room is to them:
/// number, person, muted until, archived.
pub(crate) async fn browsers_of(
    tx: &mut Tx,
    room: &str,
    (message, sender): (i64, &str),
) -> Result<Vec<(i64, String, i64, bool)>, StoreError> {
    let sql = "SELECT p.id, p.person, m.muted_until_ms, m.archived
         FROM chat_members m JOIN chat_pushes p ON p.person = m.person
         WHERE m.room = $1 AND m.person <> $2 AND m.read_seq < $3 AND NOT EXISTS
             (SELECT 1 FROM chat_hidden h WHERE h.person = m.person AND h.room = m.room AND h.seq = $3)
         ORDER BY p.id LIMIT $4";
    tx.all(sql, params![room, sender, message, limit(limits::CHAT_PUSHES * limits::CHAT_MEMBERS)]).await
}

/// What somebody wants to be told outside the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub(crate) mentions_through_mute: bool,
    /// A letter about what was unread for so long; 0 for none.
    pub(crate) digest_after_ms: i64,
    /// Since when letters are wanted.
    pub(crate) since_ms: i64,
}

impl FromRow for Wishes {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self { mentions_through_mute: row.get(0)?, digest_after_ms: row.get(1)?, since_ms: row.get(2)? })
    }
}

/// What a person wants; what nobody said is not wanted.
pub(crate) async fn wishes(tx: &mut Tx, person: &str) -> Result<Wishes, StoreError> {
    let sql = "SELECT mentions_through_mute, digest_after_ms, digested_at_ms FROM chat_wishes WHERE person = $1";
    Ok(tx.first(sql, params![person]).await?.unwrap_or_default())
}

/// Keeps what a person wants.
pub(crate) async fn wish(tx: &mut Tx, person: &str, wishes: Wishes) -> Result<(), StoreError> {
    let sql = "INSERT INTO chat_wishes (person, mentions_through_mute, digest_after_ms, digested_at_ms)
         VALUES ($1, $2, $3, $4) ON CONFLICT (person) DO UPDATE SET mentions_through_mute = $2, digest_after_ms = $3,
         digested_at_ms = $4";
    let Wishes { mentions_through_mute, digest_after_ms, since_ms } = wishes;
    tx.execute(sql, params![person, mentions_through_mute, digest_after_ms, since_ms]).await.map(drop)
}

/// Some of those who want letters about what they have not read, after one of them, in the order of their ids.
pub(crate) async fn digested(tx: &mut Tx, after: &str, rows: usize) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT person FROM chat_wishes WHERE digest_after_ms > 0 AND person > $1 ORDER BY person LIMIT $2";
    let rows: Vec<(String,)> = tx.all(sql, params![after, limit(rows)]).await?;
    Ok(rows.into_iter().map(|(person,)| person).collect())
}
