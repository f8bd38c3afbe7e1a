//! Events as people look at them.

use kernel::limits;
use serde::Serialize;
use store::{FromRow, Row, StoreError, Tx, Value, params};
use utoipa::ToSchema;

use crate::event::COLUMNS;
use crate::{Event, Events};

/// Pruning looks at so many batches from the oldest event on. When unfinished jobs need all of these, it waits for them.
const PRUNE_WINDOW: i64 = 16;

/// An event in a list: everything but its data.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventRow {
    /// Its place in the log.
    pub position: i64,
    /// Unique within its source.
    pub id: String,
    /// CloudEvents `type`.
    #[serde(rename = "type")]
    pub kind: String,
    /// CloudEvents `source`.
    pub source: String,
    /// CloudEvents `subject`.
    pub subject: Option<String>,
    /// Unix milliseconds.
    pub time_ms: i64,
    /// The version of its schema.
    pub schema_version: u32,
    /// The trace it belongs to.
    pub trace_id: Option<String>,
    /// Its data, bytes.
    pub size_bytes: i64,
}

impl FromRow for EventRow {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            position: row.get(0)?,
            id: row.get(1)?,
            kind: row.get(2)?,
            source: row.get(3)?,
            subject: row.get(4)?,
            time_ms: row.get(5)?,
            schema_version: row.get(6)?,
            trace_id: row.get(7)?,
            size_bytes: row.get(8)?,
        })
    }
}

/// Which events to list.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Of this type only.
    pub kind: Option<String>,
    /// About this only.
    pub subject: Option<String>,
    /// Older than this position, newest first…
    pub before: Option<i64>,
    /// …or, when set, newer than this position, oldest first.
    pub after: Option<i64>,
    /// At most so many; bounded by [`limits::PAGE`].
    pub limit: usize,
}

pub(crate) async fn find(tx: &mut Tx, position: i64) -> Result<Option<Event>, StoreError> {
    tx.first(&format!("SELECT {COLUMNS} FROM events WHERE position = $1"), params![position]).await
}

impl Events {
    /// One event.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn find(&self, position: i64) -> Result<Option<Event>, StoreError> {
        self.0.store.read(async move |tx| find(tx, position).await).await
    }

    /// The newest position, 0 in an empty log.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn latest(&self) -> Result<i64, StoreError> {
        let row: (i64,) =
            self.0.store.read(async |tx| tx.one("SELECT COALESCE(MAX(position), 0) FROM events", &[]).await).await?;
        Ok(row.0)
    }

    /// One page of events.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, query: Query) -> Result<Vec<EventRow>, StoreError> {
        let (bound, order) = if query.after.is_some() { ("position > $1", "ASC") } else { ("position < $1", "DESC") };
        let mut filter = bound.to_owned();
        for (column, value) in [("type", &query.kind), ("subject", &query.subject)] {
            if value.is_some() {
                filter.push_str(&format!(" AND {column} = ${}", filter.matches('$').count() + 1));
            }
        }
        let limit = query.limit.clamp(1, limits::PAGE);
        let sql = format!(
            "SELECT position, id, type, source, subject, time_ms, schema_version, trace, octet_length(data)
             FROM events WHERE {filter} ORDER BY position {order} LIMIT {limit}"
        );
        let read = async move |tx: &mut Tx| {
            let edge = query.after.or(query.before).unwrap_or(i64::MAX);
            let wanted = [query.kind.as_ref(), query.subject.as_ref()];
            let params: Vec<Value<'_>> =
                std::iter::once(Value::from(edge)).chain(wanted.into_iter().flatten().map(Value::from)).collect();
            tx.all(&sql, &params).await
        };
        self.0.store.read(read).await
    }

    /// Removes events older than `keep_ms` that every stream has passed and no unfinished job needs, at most a batch; how
    /// many. A stream that nobody here declares, and that has not moved for `keep_ms`, holds nothing back.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prune(&self, keep_ms: i64) -> Result<u64, StoreError> {
        let before_ms = self.0.clock.now_ms() - keep_ms;
        let batch = limits::JOB_PROMOTE_BATCH as i64;
        let streams: Vec<&str> = self.0.registry.streams.iter().map(|stream| stream.name).collect();
        let declared: String = (4..4 + streams.len()).map(|n| format!(" OR stream = ${n}")).collect();
        // The window keeps the writer from reading the whole log where little of it is old.
        let sql = format!(
            "DELETE FROM events WHERE position IN (
             SELECT position FROM (SELECT position, time_ms FROM events ORDER BY position LIMIT $3) AS oldest
             WHERE time_ms < $1
               AND position <= (SELECT COALESCE(MIN(position), 9223372036854775807) FROM event_cursors
                   WHERE moved_at_ms >= $1{declared})
               AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.event_position = oldest.position)
             ORDER BY position LIMIT $2)"
        );
        let delete = async move |tx: &mut Tx| {
            let bounds = [before_ms, batch, batch * PRUNE_WINDOW].map(Value::from);
            let params: Vec<Value<'_>> = bounds.into_iter().chain(streams.into_iter().map(Value::from)).collect();
            tx.execute(&sql, &params).await
        };
        self.0.store.write_relaxed(delete).await
    }
}
