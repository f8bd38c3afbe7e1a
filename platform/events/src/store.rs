//! The SQL of subscriptions: cursors and parked events. That of replays is in `replays.rs`.

use kernel::limits;
use store::{FromRow, Row, StoreError, Tx, params};

use crate::event::COLUMNS;
use crate::{Event, Filter};

/// The data of one batch, bytes, unless its first event alone has more.
const BATCH_BYTES: i64 = 8 * 1024 * 1024;

/// Where a stream stands.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    pub(crate) stream: String,
    pub(crate) position: i64,
    pub(crate) moved_at_ms: i64,
    pub(crate) paused_at_ms: Option<i64>,
    pub(crate) failing_since_ms: Option<i64>,
    pub(crate) failures: u32,
    pub(crate) error: Option<String>,
}

const CURSOR: &str =
    "SELECT stream, position, moved_at_ms, paused_at_ms, failing_since_ms, failures, error FROM event_cursors";

impl FromRow for Cursor {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            stream: row.get(0)?,
            position: row.get(1)?,
            moved_at_ms: row.get(2)?,
            paused_at_ms: row.get(3)?,
            failing_since_ms: row.get(4)?,
            failures: row.get(5)?,
            error: row.get(6)?,
        })
    }
}

/// An event that a stream could not handle and went past.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Parked {
    /// Its place in the log.
    pub(crate) position: i64,
    /// Its type; absent when the event is gone.
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    /// What it is about.
    pub(crate) subject: Option<String>,
    /// How often it failed alone.
    pub(crate) failures: u32,
    /// Its last failure.
    pub(crate) error: String,
    /// Unix milliseconds.
    pub(crate) parked_at_ms: i64,
    /// When somebody asked for another try that has not happened yet, Unix milliseconds.
    pub(crate) retry_at_ms: Option<i64>,
}

impl FromRow for Parked {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            position: row.get(0)?,
            kind: row.get(1)?,
            subject: row.get(2)?,
            failures: row.get(3)?,
            error: row.get(4)?,
            parked_at_ms: row.get(5)?,
            retry_at_ms: row.get(6)?,
        })
    }
}

/// The next events after a position.
pub(crate) struct Batch {
    pub(crate) events: Vec<Event>,
    /// There are more of the wanted types.
    pub(crate) more: bool,
    /// The newest position of the log at the moment of the read.
    pub(crate) head: i64,
}

pub(crate) async fn cursor(tx: &mut Tx, stream: &str) -> Result<Option<Cursor>, StoreError> {
    tx.first(&format!("{CURSOR} WHERE stream = $1"), params![stream]).await
}

pub(crate) async fn cursors(tx: &mut Tx) -> Result<Vec<Cursor>, StoreError> {
    tx.all(&format!("{CURSOR} ORDER BY stream LIMIT 1000"), &[]).await
}

/// A new stream begins at the end of the log.
pub(crate) async fn declare(tx: &mut Tx, stream: &str, now_ms: i64) -> Result<Cursor, StoreError> {
    tx.execute(
        "INSERT INTO event_cursors (stream, position, moved_at_ms)
         SELECT $1, COALESCE(MAX(position), 0), $2 FROM events WHERE TRUE ON CONFLICT (stream) DO NOTHING",
        params![stream, now_ms],
    )
    .await?;
    tx.one(&format!("{CURSOR} WHERE stream = $1"), params![stream]).await
}

/// `false` when the cursor is no longer at `from`: another process serves the stream as well.
pub(crate) async fn advance(tx: &mut Tx, stream: &str, from: i64, to: i64, now_ms: i64) -> Result<bool, StoreError> {
    let sql =
        "UPDATE event_cursors SET position = $3, moved_at_ms = $4, failing_since_ms = NULL, failures = 0, error = NULL
         WHERE stream = $1 AND position = $2";
    Ok(tx.execute(sql, params![stream, from, to, now_ms]).await? == 1)
}

pub(crate) async fn failed(tx: &mut Tx, stream: &str, error: &str, now_ms: i64) -> Result<(), StoreError> {
    let sql = "UPDATE event_cursors SET failing_since_ms = COALESCE(failing_since_ms, $2), failures = failures + 1, error = $3
         WHERE stream = $1";
    tx.execute(sql, params![stream, now_ms, error]).await.map(drop)
}

/// Whether a stream of this name was found.
pub(crate) async fn pause(tx: &mut Tx, stream: &str, at_ms: Option<i64>) -> Result<bool, StoreError> {
    let sql = "UPDATE event_cursors SET paused_at_ms = $2 WHERE stream = $1";
    Ok(tx.execute(sql, params![stream, at_ms]).await? == 1)
}

/// The next events of the wanted types after a position, bounded in number and in bytes.
pub(crate) async fn batch(tx: &mut Tx, filter: Filter, after: i64, most: usize) -> Result<Batch, StoreError> {
    let (events, more) = next(tx, filter, (after + 1, i64::MAX), most).await?;
    let (head,) = tx.one("SELECT COALESCE(MAX(position), 0) FROM events", &[]).await?;
    Ok(Batch { events, more, head })
}

/// The next events of a range, bounded as a batch.
pub(crate) async fn stretch(tx: &mut Tx, from: i64, to: i64, most: usize) -> Result<Vec<Event>, StoreError> {
    next(tx, Filter("*"), (from, to), most).await.map(|(events, _)| events)
}

/// First how large they are, then themselves; and whether there are more.
async fn next(
    tx: &mut Tx,
    filter: Filter,
    (from, to): (i64, i64),
    most: usize,
) -> Result<(Vec<Event>, bool), StoreError> {
    let (condition, wanted) = filter.condition();
    let sql = format!(
        "SELECT position, octet_length(data) FROM events
         WHERE position >= $1 AND position <= $3 AND {condition} ORDER BY position LIMIT $4"
    );
    let sizes: Vec<(i64, i64)> = tx.all(&sql, params![from, wanted, to, most as i64]).await?;
    let mut bytes = 0;
    let fits = |(_, size): &&(i64, i64)| {
        bytes += size;
        bytes <= BATCH_BYTES
    };
    let count = sizes.iter().take_while(fits).count().max(1).min(sizes.len());
    let Some((last, _)) = sizes[..count].last() else { return Ok((Vec::new(), false)) };
    let sql = format!(
        "SELECT {COLUMNS} FROM events WHERE position >= $1 AND {condition} AND position <= $3 ORDER BY position"
    );
    let events = tx.all(&sql, params![from, wanted, *last]).await?;
    Ok((events, count < sizes.len() || sizes.len() >= most))
}

/// Parks the event at `position` and goes past it; `false` when the list is full or the cursor is elsewhere.
pub(crate) async fn park(
    tx: &mut Tx,
    stream: &str,
    (from, position): (i64, i64),
    (failures, error): (u32, &str),
    now_ms: i64,
) -> Result<bool, StoreError> {
    let (count,): (i64,) = tx.one("SELECT COUNT(*) FROM event_parked WHERE stream = $1", params![stream]).await?;
    if count >= limits::STREAM_PARKED || !advance(tx, stream, from, position, now_ms).await? {
        return Ok(false);
    }
    let sql = "INSERT INTO event_parked (stream, position, failures, error, parked_at_ms) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (stream, position) DO UPDATE SET failures = event_parked.failures + $3, error = $4";
    tx.execute(sql, params![stream, position, failures, error, now_ms]).await.map(|_| true)
}

/// Parked events, oldest first; those alone that somebody asked to be retried.
pub(crate) async fn parked(tx: &mut Tx, stream: &str, asked: bool, after: i64) -> Result<Vec<Parked>, StoreError> {
    let asked = if asked { "AND retry_at_ms IS NOT NULL" } else { "" };
    let sql = format!(
        "SELECT event_parked.position, events.type, events.subject, failures, error, parked_at_ms, retry_at_ms
         FROM event_parked LEFT JOIN events ON events.position = event_parked.position
         WHERE stream = $1 AND event_parked.position > $2 {asked} ORDER BY event_parked.position LIMIT {}",
        limits::PAGE
    );
    tx.all(&sql, params![stream, after]).await
}

pub(crate) async fn parked_counts(tx: &mut Tx) -> Result<Vec<(String, i64)>, StoreError> {
    tx.all("SELECT stream, COUNT(*) FROM event_parked GROUP BY stream LIMIT 1000", &[]).await
}

/// Asks for another try of one parked event, or of all (`None`); how many.
pub(crate) async fn ask_retry(
    tx: &mut Tx,
    stream: &str,
    position: Option<i64>,
    now_ms: i64,
) -> Result<u64, StoreError> {
    let sql = "UPDATE event_parked SET retry_at_ms = $3 WHERE stream = $1 AND ($2 < 0 OR position = $2)";
    tx.execute(sql, params![stream, position.unwrap_or(-1), now_ms]).await
}

pub(crate) async fn retry_failed(tx: &mut Tx, stream: &str, position: i64, error: &str) -> Result<(), StoreError> {
    let sql = "UPDATE event_parked SET retry_at_ms = NULL, failures = failures + 1, error = $3
         WHERE stream = $1 AND position = $2";
    tx.execute(sql, params![stream, position, error]).await.map(drop)
}

/// Takes one off the list; `false` when it is not there.
pub(crate) async fn unpark(tx: &mut Tx, stream: &str, position: i64) -> Result<bool, StoreError> {
    let sql = "DELETE FROM event_parked WHERE stream = $1 AND position = $2";
    Ok(tx.execute(sql, params![stream, position]).await? == 1)
}

/// Unfinished jobs of each kind, and those of them that failed and wait for another attempt; of each state 100,000 at most.
pub(crate) async fn waiting(tx: &mut Tx) -> Result<Vec<(String, i64, i64)>, StoreError> {
    let some = |which: &str, failed: i32| {
        format!("SELECT kind, {failed} AS failed FROM (SELECT kind FROM jobs WHERE {which} LIMIT 100000) AS bounded")
    };
    let states =
        [some("state = 0", 0), some("state = 1", 0), some("state = 2", 0), some("state = 3", 1)].join(" UNION ALL ");
    let sql = format!("SELECT kind, COUNT(*), SUM(failed) FROM ({states}) AS unfinished GROUP BY kind LIMIT 1000");
    tx.all(&sql, &[]).await
}

/// Nobody counts further how far behind a stream is.
pub(crate) const LAG_COUNTED: i64 = 10_000;

/// Events of these types after a position, counted up to [`LAG_COUNTED`].
pub(crate) async fn lag(tx: &mut Tx, filter: Filter, position: i64) -> Result<i64, StoreError> {
    let (condition, wanted) = filter.condition();
    let sql = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM events
             WHERE position > $1 AND position <= $3 AND {condition} LIMIT {LAG_COUNTED}) AS waiting"
    );
    let row: (i64,) = tx.one(&sql, params![position, wanted, position.saturating_add(100_000)]).await?;
    Ok(row.0)
}
