//! When people got and read: each step of a receipt with its time, so that the time of any message in it is exact.

use ::store::{FromRow, Row, StoreError, Tx, params};
use kernel::limits;
use serde::Serialize;
use utoipa::ToSchema;

use super::limit;

/// What a step is of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Of {
    Delivered,
    Read,
}

impl Of {
    const fn word(self) -> i64 {
        match self {
            Self::Delivered => 0,
            Self::Read => 1,
        }
    }
}

/// How far a message has come with one of those to whom it was said.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ChatReceiptOf)]
pub(crate) struct Reached {
    pub(crate) person: String,
    pub(crate) delivered: bool,
    /// When; absent where it has not come, and where that is not known any more.
    pub(crate) delivered_at_ms: Option<i64>,
    pub(crate) read: bool,
    /// When; absent where it was not read, and where that is not known any more.
    pub(crate) read_at_ms: Option<i64>,
}

impl FromRow for Reached {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            person: row.get(0)?,
            delivered: row.get(1)?,
            delivered_at_ms: row.get(2)?,
            read: row.get(3)?,
            read_at_ms: row.get(4)?,
        })
    }
}

/// The time of the step of `m` that `$2` is in. A step that is forgotten leaves none, and no later one stands for it.
fn time_of(of: Of) -> String {
    format!(
        "(SELECT c.at_ms FROM chat_receipts c WHERE c.room = m.room AND c.person = m.person AND c.kind = {}
             AND c.seq >= $2 AND c.after_seq < $2 ORDER BY c.seq LIMIT 1)",
        of.word()
    )
}

/// Everybody to whom a message was said: those who are in the room, and were when it came. Who read it first is the first, then whom it
/// has come to.
pub(crate) async fn reached(
    tx: &mut Tx,
    room: &str,
    (seq, sender, at_ms): (i64, &str, i64),
) -> Result<Vec<Reached>, StoreError> {
    let (delivered, read) = (time_of(Of::Delivered), time_of(Of::Read));
    let sql = format!(
        "SELECT m.person, CASE WHEN m.delivered_seq >= $2 THEN 1 ELSE 0 END, {delivered},
             CASE WHEN m.read_seq >= $2 THEN 1 ELSE 0 END, {read}
         FROM chat_members m WHERE m.room = $1 AND m.person <> $3 AND m.joined_at_ms <= $4"
    );
    let mut all: Vec<Reached> = tx.all(&sql, params![room, seq, sender, at_ms]).await?;
    let last = |at_ms: Option<i64>| at_ms.unwrap_or(i64::MAX);
    let order = |it: &Reached| (!it.read, last(it.read_at_ms), !it.delivered, last(it.delivered_at_ms));
    all.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.person.cmp(&b.person)));
    Ok(all)
}

/// Notes that a receipt went from after one number to another, and forgets what was long before.
pub(crate) async fn step(
    tx: &mut Tx,
    (room, person): (&str, &str),
    of: Of,
    (after, to): (i64, i64),
    now_ms: i64,
) -> Result<(), StoreError> {
    if after >= to {
        return Ok(());
    }
    let sql = "INSERT INTO chat_receipts (room, person, kind, seq, after_seq, at_ms) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (room, person, kind, seq) DO NOTHING";
    tx.execute(sql, params![room, person, of.word(), to, after, now_ms]).await?;
    let sql = "DELETE FROM chat_receipts WHERE room = $1 AND person = $2 AND kind = $3 AND seq <=
         (SELECT seq FROM chat_receipts WHERE room = $1 AND person = $2 AND kind = $3 ORDER BY seq DESC LIMIT 1 OFFSET $4)";
    tx.execute(sql, params![room, person, of.word(), limit(limits::CHAT_STEPS)]).await.map(drop)
}

/// Forgets when somebody got and read in a room that it is in no more.
pub(super) async fn forget_steps(tx: &mut Tx, room: &str, person: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM chat_receipts WHERE room = $1 AND person = $2";
    tx.execute(sql, params![room, person]).await.map(drop)
}

/// Removes some of the steps of a removed room: how many.
pub(super) async fn sweep_steps_of(tx: &mut Tx, room: &str) -> Result<u64, StoreError> {
    let sql = "DELETE FROM chat_receipts WHERE room = $1 AND (person, kind, seq) IN
         (SELECT person, kind, seq FROM chat_receipts WHERE room = $1 ORDER BY person, kind, seq LIMIT $2)";
    tx.execute(sql, params![room, limits::CHAT_SWEEP]).await
}

/// Removes some of the steps from before this time, whose messages are older still: how many.
pub(crate) async fn sweep_steps(tx: &mut Tx, before_ms: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM chat_receipts WHERE (room, person, kind, seq) IN
         (SELECT room, person, kind, seq FROM chat_receipts WHERE at_ms < $1 ORDER BY at_ms LIMIT $2)";
    tx.execute(sql, params![before_ms, limits::CHAT_SWEEP]).await
}
