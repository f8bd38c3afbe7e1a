//! The SQL of replays.

use store::{FromRow, Row, StoreError, Tx, params};

/// It goes on by itself.
pub(crate) const RUNNING: &str = "running";

/// A stretch of the log that goes into one subscription once more.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Replay {
    /// Its number.
    pub(crate) id: i64,
    /// Into which subscription.
    pub(crate) subscription: String,
    /// The first position of its range.
    pub(crate) from_position: i64,
    /// The last position of its range.
    pub(crate) to_position: i64,
    /// Everything before this position is done.
    pub(crate) next_position: i64,
    #[serde(skip)]
    pub(crate) filter: String,
    /// Events that went in so far.
    pub(crate) replayed: i64,
    /// `running`, `completed`, `cancelled` or `failed`.
    pub(crate) state: String,
    /// The last failure.
    pub(crate) error: Option<String>,
    /// Unix milliseconds.
    pub(crate) created_at_ms: i64,
    /// The end, Unix milliseconds.
    pub(crate) ended_at_ms: Option<i64>,
}

const REPLAY: &str = "id, subscription, from_position, to_position, next_position, filter, replayed, state, error,
     created_at_ms, ended_at_ms";

impl FromRow for Replay {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            subscription: row.get(1)?,
            from_position: row.get(2)?,
            to_position: row.get(3)?,
            next_position: row.get(4)?,
            filter: row.get(5)?,
            replayed: row.get(6)?,
            state: row.get(7)?,
            error: row.get(8)?,
            created_at_ms: row.get(9)?,
            ended_at_ms: row.get(10)?,
        })
    }
}

/// `None` when one is running into this subscription.
pub(crate) async fn begin(
    tx: &mut Tx,
    subscription: &str,
    (from, to): (i64, i64),
    filter: &str,
    now_ms: i64,
) -> Result<Option<Replay>, StoreError> {
    let sql = format!(
        "INSERT INTO event_replays (subscription, from_position, to_position, next_position, filter, replayed, state,
             created_at_ms)
         SELECT $1, $2, $3, $2, $4, 0, 'running', $5
         WHERE NOT EXISTS (SELECT 1 FROM event_replays WHERE subscription = $1 AND state = 'running')
         RETURNING {REPLAY}"
    );
    tx.first(&sql, params![subscription, from, to, filter, now_ms]).await
}

pub(crate) async fn find(tx: &mut Tx, id: i64) -> Result<Option<Replay>, StoreError> {
    tx.first(&format!("SELECT {REPLAY} FROM event_replays WHERE id = $1"), params![id]).await
}

/// Replays, newest first.
pub(crate) async fn list(tx: &mut Tx, before: i64, limit: usize) -> Result<Vec<Replay>, StoreError> {
    let sql = format!("SELECT {REPLAY} FROM event_replays WHERE id < $1 ORDER BY id DESC LIMIT {limit}");
    tx.all(&sql, params![before]).await
}

/// Moves a running replay on; `false` when it is elsewhere or over.
pub(crate) async fn advance(
    tx: &mut Tx,
    id: i64,
    (from, next): (i64, i64),
    count: i64,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE event_replays SET next_position = $3, replayed = replayed + $4, error = NULL,
             state = CASE WHEN to_position < $3 THEN 'completed' ELSE 'running' END,
             ended_at_ms = CASE WHEN to_position < $3 THEN CAST($5 AS BIGINT) END
         WHERE id = $1 AND next_position = $2 AND state = 'running'";
    Ok(tx.execute(sql, params![id, from, next, count, now_ms]).await? == 1)
}

/// Keeps why it does not get on, and with `ended_ms` that it never will.
pub(crate) async fn failed(tx: &mut Tx, id: i64, error: &str, ended_ms: Option<i64>) -> Result<(), StoreError> {
    let state = if ended_ms.is_some() { "failed" } else { RUNNING };
    let sql = "UPDATE event_replays SET error = $2, state = $3, ended_at_ms = $4 WHERE id = $1 AND state = 'running'";
    tx.execute(sql, params![id, error, state, ended_ms]).await.map(drop)
}

/// Calls off a running replay; `false` when it is over.
pub(crate) async fn cancel(tx: &mut Tx, id: i64, now_ms: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE event_replays SET state = 'cancelled', ended_at_ms = $2 WHERE id = $1 AND state = 'running'";
    Ok(tx.execute(sql, params![id, now_ms]).await? == 1)
}
