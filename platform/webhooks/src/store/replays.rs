//! Replays of a range: what was chosen, how far it is.

use ::store::{FromRow, Row, StoreError, Tx, Value, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::deliveries::Verdict;

/// Which deliveries to replay: all of these hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Selection {
    /// Of this source.
    #[serde(default)]
    pub source: Option<String>,
    /// Of this event type, such as `github.push`.
    #[serde(default)]
    pub event_type: Option<String>,
    /// Received at or after this, Unix milliseconds.
    #[serde(default)]
    pub since_ms: Option<i64>,
    /// Received before this, Unix milliseconds.
    #[serde(default)]
    pub until_ms: Option<i64>,
    /// With this verdict; `accepted` unless said. Rejected ones are verified again, with the secrets of now.
    #[serde(default)]
    pub verdict: Option<Verdict>,
}

impl Selection {
    fn condition(&self) -> (String, Vec<Value<'_>>) {
        let mut sql = "replay_of IS NULL".to_owned();
        let mut params = Vec::new();
        let columns = [
            ("source =", self.source.as_ref().map(Value::from)),
            ("event_type =", self.event_type.as_ref().map(Value::from)),
            ("received_at_ms >=", self.since_ms.map(Value::from)),
            ("received_at_ms <", self.until_ms.map(Value::from)),
            ("verdict =", Some(Value::from(self.verdict.unwrap_or(Verdict::Accepted).word()))),
        ];
        for (column, value) in columns {
            if let Some(value) = value {
                params.push(value);
                sql.push_str(&format!(" AND {column} ${}", params.len()));
            }
        }
        (sql, params)
    }
}

/// How many were chosen, and between which places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) total: i64,
    pub(crate) first_seq: i64,
    pub(crate) last_seq: i64,
    pub(crate) oldest_ms: Option<i64>,
    pub(crate) newest_ms: Option<i64>,
}

pub(crate) async fn count(tx: &mut Tx, selection: &Selection) -> Result<Chosen, StoreError> {
    let (condition, params) = selection.condition();
    let sql = format!(
        "SELECT COUNT(*), MIN(seq), MAX(seq), MIN(received_at_ms), MAX(received_at_ms) FROM deliveries WHERE {condition}"
    );
    let (total, first, last, oldest_ms, newest_ms): (i64, Option<i64>, Option<i64>, Option<i64>, Option<i64>) =
        tx.one(&sql, &params).await?;
    Ok(Chosen { total, first_seq: first.unwrap_or(0), last_seq: last.unwrap_or(0), oldest_ms, newest_ms })
}

/// The ids of the next few, oldest first.
pub(crate) async fn next(
    tx: &mut Tx,
    selection: &Selection,
    after: i64,
    last: i64,
    batch: usize,
) -> Result<Vec<(i64, String)>, StoreError> {
    let (condition, mut params) = selection.condition();
    params.extend([Value::from(after), Value::from(last)]);
    let (from, to) = (params.len() - 1, params.len());
    let sql = format!(
        "SELECT seq, id FROM deliveries WHERE {condition} AND seq > ${from} AND seq <= ${to} ORDER BY seq LIMIT {batch}"
    );
    tx.all(&sql, &params).await
}

/// A replay of a range.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReplayRow {
    /// Its number.
    pub id: i64,
    /// What was chosen.
    pub selection: Selection,
    /// `running`, `completed` or `cancelled`.
    pub state: String,
    /// How many were chosen when it began.
    pub total: i64,
    /// How many are in the log again.
    pub replayed: i64,
    /// How many could not be replayed.
    pub failed: i64,
    /// Why the last of those could not.
    pub last_failure: Option<String>,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub changed_at_ms: i64,
    #[serde(skip)]
    pub(crate) cursor_seq: i64,
    #[serde(skip)]
    pub(crate) last_seq: i64,
}

const ROW: &str =
    "id, selection, state, total, replayed, failed, last_failure, created_at_ms, changed_at_ms, cursor_seq, last_seq";

impl FromRow for ReplayRow {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        let selection: String = row.get(1)?;
        Ok(Self {
            id: row.get(0)?,
            selection: serde_json::from_str(&selection).unwrap_or_default(),
            state: row.get(2)?,
            total: row.get(3)?,
            replayed: row.get(4)?,
            failed: row.get(5)?,
            last_failure: row.get(6)?,
            created_at_ms: row.get(7)?,
            changed_at_ms: row.get(8)?,
            cursor_seq: row.get(9)?,
            last_seq: row.get(10)?,
        })
    }
}

pub(crate) async fn begin(tx: &mut Tx, selection: &str, chosen: Chosen, now_ms: i64) -> Result<ReplayRow, StoreError> {
    let sql = format!(
        "INSERT INTO webhook_replays (selection, state, total, replayed, failed, cursor_seq, last_seq, created_at_ms, changed_at_ms)
         VALUES ($1, 'running', $2, 0, 0, $3, $4, $5, $5) RETURNING {ROW}"
    );
    tx.one(&sql, params![selection, chosen.total, chosen.first_seq - 1, chosen.last_seq, now_ms]).await
}

pub(crate) async fn find(tx: &mut Tx, id: i64) -> Result<Option<ReplayRow>, StoreError> {
    tx.first(&format!("SELECT {ROW} FROM webhook_replays WHERE id = $1"), params![id]).await
}

pub(crate) async fn running(tx: &mut Tx) -> Result<i64, StoreError> {
    let (count,): (i64,) = tx.one("SELECT COUNT(*) FROM webhook_replays WHERE state = 'running'", &[]).await?;
    Ok(count)
}

pub(crate) async fn list(tx: &mut Tx, most: usize) -> Result<Vec<ReplayRow>, StoreError> {
    tx.all(&format!("SELECT {ROW} FROM webhook_replays ORDER BY id DESC LIMIT {most}"), &[]).await
}

/// Moves a replay on from exactly where it was; `false` when somebody else did, or cancelled it.
pub(crate) async fn advance(
    tx: &mut Tx,
    from: &ReplayRow,
    cursor_seq: i64,
    replayed: i64,
    failed: i64,
    last_failure: Option<&String>,
    now_ms: i64,
) -> Result<bool, StoreError> {
    let sql = "UPDATE webhook_replays SET cursor_seq = $3, replayed = replayed + $4, failed = failed + $5,
             last_failure = COALESCE($6, last_failure), changed_at_ms = $7
         WHERE id = $1 AND cursor_seq = $2 AND state = 'running'";
    let values = params![from.id, from.cursor_seq, cursor_seq, replayed, failed, last_failure, now_ms];
    Ok(tx.execute(sql, values).await? == 1)
}

pub(crate) async fn finish(tx: &mut Tx, id: i64, state: &str, now_ms: i64) -> Result<bool, StoreError> {
    let sql = "UPDATE webhook_replays SET state = $2, changed_at_ms = $3 WHERE id = $1 AND state = 'running'";
    Ok(tx.execute(sql, params![id, state, now_ms]).await? == 1)
}
