//! Events as people look at them.

use kernel::limits;
use serde::Serialize;
use store::{FromRow, Row, StoreError, Tx, Value, params};
use utoipa::ToSchema;

use crate::condition::Condition;
use crate::event::COLUMNS;
use crate::{Event, Events, filter};

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

/// Which events to look for. All that is said must hold.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Of this type, or of this family (`github.*`).
    pub kind: Option<String>,
    /// From this source.
    pub source: Option<String>,
    /// About this.
    pub subject: Option<String>,
    /// With this id.
    pub id: Option<String>,
    /// Appended at this time or after it, Unix milliseconds…
    pub from_ms: Option<i64>,
    /// …and before this one. A clock that was set back makes both edges as vague.
    pub until_ms: Option<i64>,
    /// Of which this holds.
    pub condition: Option<Condition>,
    /// Older than this position, newest first…
    pub before: Option<i64>,
    /// …or, when set, newer than this position, oldest first.
    pub after: Option<i64>,
    /// At most so many; bounded by [`limits::PAGE`].
    pub limit: usize,
}

/// One page of a search.
#[derive(Clone, Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// How far the log was looked through, where there may be more beyond: the next page begins there. A page may be short,
    /// even empty, because a look through the log is bounded.
    pub(crate) next: Option<i64>,
}

/// The oldest and the newest position; 1 and 0 in an empty log.
const ENDS: &str =
    "SELECT COALESCE((SELECT MIN(position) FROM events), 1), COALESCE((SELECT MAX(position) FROM events), 0)";
/// A look through the log ends after so many positions, found or not…
const WINDOW: i64 = 50_000;
/// …and a page after so many looks.
const LOOKS: usize = 10;

/// An event in full, or without its data.
pub(crate) trait Found: FromRow + Send + 'static {
    const COLUMNS: &'static str;
    fn position(&self) -> i64;
    fn from_event(event: Event) -> Self;
}

impl Found for Event {
    const COLUMNS: &'static str = COLUMNS;

    fn position(&self) -> i64 {
        self.position
    }

    fn from_event(event: Event) -> Self {
        event
    }
}

impl Found for EventRow {
    const COLUMNS: &'static str =
        "position, id, type, source, subject, time_ms, schema_version, trace, octet_length(data)";

    fn position(&self) -> i64 {
        self.position
    }

    fn from_event(event: Event) -> Self {
        Self {
            position: event.position,
            id: event.id,
            kind: event.kind,
            source: event.source,
            subject: event.subject,
            time_ms: event.time_ms,
            schema_version: event.schema_version,
            trace_id: event.trace,
            size_bytes: event.data.len() as i64,
        }
    }
}

/// The first position whose event was appended at `time_ms` or after it, by halving: times grow with positions.
pub(crate) async fn first_at(tx: &mut Tx, (first, last): (i64, i64), time_ms: i64) -> Result<i64, StoreError> {
    let (mut low, mut high) = (first, last + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let sql = "SELECT position, time_ms FROM events WHERE position >= $1 ORDER BY position LIMIT 1";
        match tx.first::<(i64, i64)>(sql, params![middle]).await? {
            Some((position, at_ms)) if at_ms < time_ms => low = position + 1,
            _ => high = middle,
        }
    }
    Ok(low)
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

    /// The oldest and the newest position; 1 and 0 in an empty log.
    pub(crate) async fn ends(&self) -> Result<(i64, i64), StoreError> {
        self.0.store.read(async |tx| tx.one(ENDS, &[]).await).await
    }

    /// The first position whose event was appended at a time or after it.
    pub(crate) async fn first_at(&self, time_ms: i64) -> Result<i64, StoreError> {
        self.0
            .store
            .read(async move |tx| {
                let ends = tx.one(ENDS, &[]).await?;
                first_at(tx, ends, time_ms).await
            })
            .await
    }

    /// One page of events, without their data. It may be short where what is asked for is rare: the routes say how to go on.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, query: Query) -> Result<Vec<EventRow>, StoreError> {
        self.page(&query).await.map(|page| page.items)
    }

    pub(crate) async fn page<T: Found>(&self, query: &Query) -> Result<Page<T>, StoreError> {
        let limit = query.limit.clamp(1, limits::PAGE);
        let mut found: Page<T> = Page { items: Vec::new(), next: None };
        let mut rest = Query { condition: None, ..query.clone() };
        for _ in 0..LOOKS {
            found.next = match &query.condition {
                None => {
                    let page: Page<T> = self.look(rest.clone(), limit - found.items.len()).await?;
                    found.items.extend(page.items);
                    page.next
                }
                Some(condition) => {
                    let page: Page<Event> = self.look(rest.clone(), limits::PAGE).await?;
                    let last = page.items.last().map(|event| event.position);
                    let mut holding = page.items.into_iter().filter(|event| condition.holds(event));
                    found.items.extend(holding.by_ref().take(limit - found.items.len()).map(T::from_event));
                    // What was looked at and not given belongs to the next page.
                    let given = found.items.last().map(Found::position).filter(|_| found.items.len() == limit);
                    if given.is_some() && given != last { given } else { page.next }
                }
            };
            let Some(next) = found.next.filter(|_| found.items.len() < limit) else { break };
            let edge = if rest.after.is_some() { &mut rest.after } else { &mut rest.before };
            *edge = Some(next);
        }
        Ok(found)
    }

    /// One look: a bounded stretch of the log from the edge on, in SQL.
    async fn look<T: Found>(&self, query: Query, limit: usize) -> Result<Page<T>, StoreError> {
        let follows = query.after.is_some();
        let read = async move |tx: &mut Tx| {
            let ends: (i64, i64) = tx.one(ENDS, &[]).await?;
            let from = match query.from_ms {
                Some(time_ms) => first_at(tx, ends, time_ms).await?,
                None => ends.0,
            };
            let until = match query.until_ms {
                Some(time_ms) => first_at(tx, ends, time_ms).await? - 1,
                None => ends.1,
            };
            let ascending = query.after.is_some();
            // What has a source and an id is found by its index: no stretch to bound.
            let named = query.id.is_some() && query.source.is_some();
            let window = if named { i64::MAX / 2 } else { WINDOW };
            let (low, high) = match query.after {
                Some(after) => {
                    let low = from.max(after.saturating_add(1));
                    (low, until.min(low.saturating_add(window - 1)))
                }
                None => {
                    let high = until.min(query.before.unwrap_or(i64::MAX).saturating_sub(1));
                    (from.max(high.saturating_sub(window - 1)), high)
                }
            };
            let mut filter = "position >= $1 AND position <= $2".to_owned();
            let mut params = vec![Value::from(low), Value::from(high)];
            if let Some(kind) = &query.kind {
                let (condition, value) = filter::condition(kind, params.len() + 1);
                filter.push_str(&format!(" AND {condition}"));
                params.push(Value::from(value));
            }
            // A source alone is no way in: half the log may be from it, and would be sorted.
            let source = if query.id.is_some() { "source" } else { "(source || '')" };
            let exact = [(source, &query.source), ("subject", &query.subject), ("id", &query.id)];
            for (column, value) in exact {
                if let Some(value) = value {
                    params.push(Value::from(value));
                    filter.push_str(&format!(" AND {column} = ${}", params.len()));
                }
            }
            let (columns, order) = (T::COLUMNS, if ascending { "ASC" } else { "DESC" });
            let sql = format!("SELECT {columns} FROM events WHERE {filter} ORDER BY position {order} LIMIT {limit}");
            let items: Vec<T> = tx.all(&sql, &params).await?;
            let full = items.len() == limit;
            let next = match (items.last().filter(|_| full), ascending) {
                (Some(last), _) => Some(last.position()),
                (None, true) => Some(high).filter(|high| *high < until),
                (None, false) => Some(low).filter(|low| *low > from),
            };
            Ok(Page { items, next })
        };
        // Whoever follows the log would pass by what comes late.
        if follows { self.0.store.read(read).await } else { self.0.store.read_lagging(read).await }
    }
}
