//! The SQL of messages and attempts.

use ::store::{FromRow, Row, StoreError, Tx, Value, params};
use kernel::limits;

use crate::reading::{AttemptRow, MessageRow, Query};
use crate::state::State;

const COLUMNS: &str = "number, id, endpoint, position, type, subject, trace, state, series, attempts, created_at_ms,
    next_at_ms, finished_at_ms, status, error";

impl FromRow for MessageRow {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            number: row.get(0)?,
            id: row.get(1)?,
            endpoint: row.get(2)?,
            position: row.get(3)?,
            kind: row.get(4)?,
            subject: row.get(5)?,
            trace_id: row.get(6)?,
            state: State::from_number(row.get(7)?).ok_or(StoreError::Decode { column: 7, wanted: "a state" })?,
            series: row.get(8)?,
            attempts: row.get(9)?,
            created_at_ms: row.get(10)?,
            next_at_ms: row.get(11)?,
            finished_at_ms: row.get(12)?,
            status: row.get(13)?,
            error: row.get(14)?,
        })
    }
}

impl FromRow for AttemptRow {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            began_at_ms: row.get(0)?,
            took_ms: row.get(1)?,
            status: row.get(2)?,
            error: row.get(3)?,
            answer: row.get(4)?,
        })
    }
}

/// A message to store.
pub(crate) struct NewMessage<'a> {
    pub(crate) id: &'a str,
    pub(crate) endpoint: &'a str,
    pub(crate) position: i64,
    pub(crate) kind: &'a str,
    pub(crate) subject: Option<&'a str>,
    pub(crate) trace: Option<&'a str>,
}

/// Its number; `None` when this event is, or was, on its way to this endpoint already.
pub(crate) async fn insert(tx: &mut Tx, it: &NewMessage<'_>, now_ms: i64) -> Result<Option<i64>, StoreError> {
    let sql = "INSERT INTO endpoint_messages (id, endpoint, position, type, subject, trace, state, series, attempts,
             created_at_ms, next_at_ms)
         VALUES ($1, $2, $3, $4, $5, $6, 0, 1, 0, $7, $7)
         ON CONFLICT (endpoint, position) DO NOTHING RETURNING number";
    let row: Option<(i64,)> =
        tx.first(sql, params![it.id, it.endpoint, it.position, it.kind, it.subject, it.trace, now_ms]).await?;
    Ok(row.map(|(number,)| number))
}

pub(crate) async fn find(tx: &mut Tx, number: i64) -> Result<Option<MessageRow>, StoreError> {
    tx.first(&format!("SELECT {COLUMNS} FROM endpoint_messages WHERE number = $1"), params![number]).await
}

/// The message of an event to an endpoint.
pub(crate) async fn of_event(tx: &mut Tx, endpoint: &str, position: i64) -> Result<Option<MessageRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM endpoint_messages WHERE endpoint = $1 AND position = $2");
    tx.first(&sql, params![endpoint, position]).await
}

/// One page, newest first.
pub(crate) async fn list(tx: &mut Tx, query: &Query) -> Result<Vec<MessageRow>, StoreError> {
    let state = if query.state.is_some() { "AND state = $4" } else { "" };
    let sql = format!(
        "SELECT {COLUMNS} FROM endpoint_messages WHERE endpoint = $1 AND number < $2 {state} ORDER BY number DESC LIMIT $3"
    );
    let limit = query.limit.clamp(1, limits::PAGE) as i64;
    let mut params = params![&query.endpoint, query.before.unwrap_or(i64::MAX), limit].to_vec();
    params.extend(query.state.map(|state| Value::from(state as i32)));
    tx.all(&sql, &params).await
}

/// Attempts of a message, oldest first, the newest page of them.
pub(crate) async fn attempts(tx: &mut Tx, message: i64) -> Result<Vec<AttemptRow>, StoreError> {
    let sql = "SELECT began_at_ms, took_ms, status, error, answer FROM
         (SELECT number, began_at_ms, took_ms, status, error, answer FROM endpoint_attempts
             WHERE message = $1 ORDER BY number DESC LIMIT $2) AS newest
         ORDER BY number";
    tx.all(sql, params![message, limits::PAGE as i64]).await
}

/// How many messages of each endpoint wait, and how many were given up; a count stops at `most`.
pub(crate) async fn counts(tx: &mut Tx, most: i64) -> Result<Vec<(String, i64, i64)>, StoreError> {
    let count = |state: i32| {
        format!(
            "(SELECT COUNT(*) FROM (SELECT 1 FROM endpoint_messages
                 WHERE endpoint_messages.endpoint = endpoints.id AND state = {state} LIMIT $1) AS bounded)"
        )
    };
    let (pending, failed) = (count(State::Pending as i32), count(State::Failed as i32));
    tx.all(&format!("SELECT id, {pending}, {failed} FROM endpoints ORDER BY id"), params![most]).await
}

pub(crate) async fn add_attempt(tx: &mut Tx, message: i64, it: &AttemptRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO endpoint_attempts (message, began_at_ms, took_ms, status, error, answer) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, params![message, it.began_at_ms, it.took_ms, it.status, it.error.as_ref(), &it.answer])
        .await
        .map(drop)
}

/// How a message stands after an attempt.
pub(crate) struct Standing<'a> {
    pub(crate) state: State,
    pub(crate) attempts: u32,
    pub(crate) next_at_ms: Option<i64>,
    pub(crate) finished_at_ms: Option<i64>,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<&'a str>,
}

pub(crate) async fn set(tx: &mut Tx, number: i64, it: &Standing<'_>) -> Result<(), StoreError> {
    let sql = "UPDATE endpoint_messages SET state = $2, attempts = $3, next_at_ms = $4, finished_at_ms = $5, status = $6, error = $7
         WHERE number = $1";
    let params = params![number, it.state as i32, it.attempts, it.next_at_ms, it.finished_at_ms, it.status, it.error];
    tx.execute(sql, params).await.map(drop)
}

/// Begins a new series of attempts at a message; its number.
pub(crate) async fn revive(tx: &mut Tx, number: i64, now_ms: i64) -> Result<u32, StoreError> {
    let sql = "UPDATE endpoint_messages SET state = 0, series = series + 1, attempts = 0, next_at_ms = $2, finished_at_ms = NULL
         WHERE number = $1 RETURNING series";
    let (series,) = tx.one(sql, params![number, now_ms]).await?;
    Ok(series)
}

/// Removes messages that ended before `before_ms`, and those of removed endpoints, with their attempts, at most `limit`.
pub(crate) async fn prune(tx: &mut Tx, before_ms: i64, limit: i64) -> Result<u64, StoreError> {
    let old = "DELETE FROM endpoint_messages WHERE number IN
         (SELECT number FROM endpoint_messages WHERE finished_at_ms < $1 ORDER BY finished_at_ms LIMIT $2) RETURNING number";
    let mut gone: Vec<(i64,)> = tx.all(old, params![before_ms, limit]).await?;
    let removed: Option<(String,)> = tx.first("SELECT id FROM endpoints_removed ORDER BY id LIMIT 1", &[]).await?;
    if let Some((endpoint,)) = removed {
        let of = "DELETE FROM endpoint_messages WHERE number IN
             (SELECT number FROM endpoint_messages WHERE endpoint = $1 LIMIT $2) RETURNING number";
        let its: Vec<(i64,)> = tx.all(of, params![&endpoint, limit]).await?;
        if its.is_empty() {
            tx.execute("DELETE FROM endpoints_removed WHERE id = $1", params![&endpoint]).await?;
        }
        gone.extend(its);
    }
    for (number,) in &gone {
        tx.execute("DELETE FROM endpoint_attempts WHERE message = $1", params![*number]).await?;
    }
    Ok(gone.len() as u64)
}
