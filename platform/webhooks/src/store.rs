//! The deliveries' SQL.

use ::store::{FromRow, Migration, Row, StoreError, Tx, Value, params};
use kernel::limits;
use serde::Serialize;
use utoipa::ToSchema;

/// The tables of this part.
pub const MIGRATIONS: &[Migration] = &[Migration {
    part: "webhooks",
    version: 1,
    // The body of an accepted delivery is the data of its event: it is not kept twice.
    sql: "
CREATE TABLE webhook_secrets (source TEXT NOT NULL PRIMARY KEY, sealed BYTEA NOT NULL, created_at_ms BIGINT NOT NULL);
CREATE TABLE deliveries (
    seq BIGSERIAL PRIMARY KEY,
    id TEXT NOT NULL,
    source TEXT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    verdict TEXT NOT NULL,
    cause TEXT,
    reason TEXT NOT NULL,
    status INTEGER NOT NULL,
    event_type TEXT,
    sender_id TEXT,
    subject TEXT,
    event_position BIGINT,
    size_bytes BIGINT NOT NULL,
    took_us BIGINT NOT NULL,
    request_id TEXT NOT NULL,
    trace TEXT NOT NULL,
    digest BYTEA,
    headers TEXT NOT NULL,
    body BYTEA,
    received TEXT,
    expected TEXT
);
CREATE INDEX deliveries_digest ON deliveries (source, digest, received_at_ms) WHERE verdict = 'accepted';
CREATE INDEX deliveries_id ON deliveries (id);
CREATE INDEX deliveries_verdict ON deliveries (verdict, seq);
",
}];

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// In the log.
    Accepted,
    /// In the log already; answered as a success.
    Duplicate,
    /// Refused, with a cause.
    Rejected,
}

impl Verdict {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Rejected => "rejected",
        }
    }
}

/// A delivery as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) source: &'static str,
    pub(crate) received_at_ms: i64,
    pub(crate) verdict: Verdict,
    pub(crate) cause: Option<&'static str>,
    pub(crate) reason: String,
    pub(crate) status: u16,
    pub(crate) event_type: Option<String>,
    pub(crate) sender_id: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) event_position: Option<i64>,
    pub(crate) size_bytes: i64,
    pub(crate) took_us: i64,
    pub(crate) request_id: String,
    pub(crate) trace: String,
    pub(crate) digest: Option<Vec<u8>>,
    pub(crate) headers: String,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) received: Option<String>,
    pub(crate) expected: Option<String>,
}

pub(crate) async fn insert(tx: &mut Tx, it: &Record) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO deliveries (id, source, received_at_ms, verdict, cause, reason, status, event_type, sender_id, subject,
             event_position, size_bytes, took_us, request_id, trace, digest, headers, body, received, expected)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
        params![
            &it.id,
            it.source,
            it.received_at_ms,
            it.verdict.word(),
            it.cause,
            &it.reason,
            it.status,
            it.event_type.as_ref(),
            it.sender_id.as_ref(),
            it.subject.as_ref(),
            it.event_position,
            it.size_bytes,
            it.took_us,
            &it.request_id,
            &it.trace,
            it.digest.as_ref(),
            &it.headers,
            it.body.as_ref(),
            it.received.as_ref(),
            it.expected.as_ref(),
        ],
    )
    .await
    .map(drop)
}

/// The event that the same signed bytes made not long ago, under whatever id.
pub(crate) async fn same_bytes(
    tx: &mut Tx,
    source: &str,
    digest: &[u8],
    since_ms: i64,
) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT event_position FROM deliveries
         WHERE source = $1 AND digest = $2 AND received_at_ms > $3 AND verdict = 'accepted' LIMIT 1";
    let row: Option<(Option<i64>,)> = tx.first(sql, params![source, digest, since_ms]).await?;
    Ok(row.and_then(|(position,)| position))
}

/// A delivery in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeliveryRow {
    #[serde(skip)]
    pub(crate) seq: i64,
    /// Our id.
    pub id: String,
    /// Its source.
    pub source: String,
    /// Unix milliseconds.
    pub received_at_ms: i64,
    /// `accepted`, `duplicate` or `rejected`.
    pub verdict: String,
    /// Why it was rejected, as a code.
    pub cause: Option<String>,
    /// The verdict in words.
    pub reason: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The type of its event.
    pub event_type: Option<String>,
    /// The sender's id.
    pub delivery_id: Option<String>,
    /// What it is about.
    pub subject: Option<String>,
    /// Its event.
    pub event_position: Option<i64>,
    /// Its body, bytes.
    pub size_bytes: i64,
    /// From the request's first byte to the store, microseconds.
    pub took_us: i64,
    /// The request.
    pub request_id: String,
    /// The trace that began with it.
    pub trace_id: String,
}

impl DeliveryRow {
    /// Its place among all deliveries.
    pub fn seq(&self) -> i64 {
        self.seq
    }
}

const ROW: &str = "seq, id, source, received_at_ms, verdict, cause, reason, status, event_type, sender_id, subject,
     event_position, size_bytes, took_us, request_id, trace";

impl FromRow for DeliveryRow {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            seq: row.get(0)?,
            id: row.get(1)?,
            source: row.get(2)?,
            received_at_ms: row.get(3)?,
            verdict: row.get(4)?,
            cause: row.get(5)?,
            reason: row.get(6)?,
            status: row.get(7)?,
            event_type: row.get(8)?,
            delivery_id: row.get(9)?,
            subject: row.get(10)?,
            event_position: row.get(11)?,
            size_bytes: row.get(12)?,
            took_us: row.get(13)?,
            request_id: row.get(14)?,
            trace_id: row.get(15)?,
        })
    }
}

/// Which deliveries to list.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Of this source only.
    pub source: Option<String>,
    /// With this verdict only.
    pub verdict: Option<Verdict>,
    /// Older than this delivery, by its id, newest first…
    pub before: Option<String>,
    /// …or, when set, newer than this, oldest first.
    pub after: Option<i64>,
    /// At most so many; bounded by [`limits::PAGE`].
    pub limit: usize,
}

pub(crate) async fn list(tx: &mut Tx, query: &Query) -> Result<Vec<DeliveryRow>, StoreError> {
    let (bound, order, edge) = match (&query.after, &query.before) {
        (Some(after), _) => ("seq > $1", "ASC", Value::from(*after)),
        (None, Some(id)) => ("seq < (SELECT seq FROM deliveries WHERE id = $1)", "DESC", Value::from(id)),
        (None, None) => ("seq < $1", "DESC", Value::from(i64::MAX)),
    };
    let mut filter = bound.to_owned();
    let mut params = vec![edge];
    let wanted = [
        ("source", query.source.as_ref().map(Value::from)),
        ("verdict", query.verdict.map(|verdict| Value::from(verdict.word()))),
    ];
    for (column, value) in wanted {
        if let Some(value) = value {
            params.push(value);
            filter.push_str(&format!(" AND {column} = ${}", params.len()));
        }
    }
    let limit = query.limit.clamp(1, limits::PAGE);
    tx.all(&format!("SELECT {ROW} FROM deliveries WHERE {filter} ORDER BY seq {order} LIMIT {limit}"), &params).await
}

/// What a delivery's page shows beside its row: headers, body, signature received and expected.
pub(crate) type Rest = (String, Option<Vec<u8>>, Option<String>, Option<String>);

pub(crate) async fn find(tx: &mut Tx, id: &str) -> Result<Option<(DeliveryRow, Rest)>, StoreError> {
    let Some(row) =
        tx.first::<DeliveryRow>(&format!("SELECT {ROW} FROM deliveries WHERE id = $1"), params![id]).await?
    else {
        return Ok(None);
    };
    let rest =
        tx.one("SELECT headers, body, received, expected FROM deliveries WHERE seq = $1", params![row.seq]).await?;
    Ok(Some((row, rest)))
}

/// The last delivery, and how many were accepted and rejected since `since_ms` (each count stops at 10,000).
pub(crate) async fn summary(tx: &mut Tx, source: &str, since_ms: i64) -> Result<(Option<i64>, i64, i64), StoreError> {
    let sql = "SELECT received_at_ms FROM deliveries WHERE source = $1 ORDER BY seq DESC LIMIT 1";
    let last: Option<(i64,)> = tx.first(sql, params![source]).await?;
    let mut counts = [0, 0];
    for (count, verdict) in counts.iter_mut().zip([Verdict::Accepted, Verdict::Rejected]) {
        let sql = "SELECT COUNT(*) FROM (SELECT received_at_ms FROM deliveries
             WHERE verdict = $1 AND source = $2 ORDER BY seq DESC LIMIT 10000) AS newest WHERE received_at_ms > $3";
        (*count,) = tx.one(sql, params![verdict.word(), source, since_ms]).await?;
    }
    Ok((last.map(|(at,)| at), counts[0], counts[1]))
}

/// Removes old deliveries, at most a batch, and all refusals but the newest; how many.
pub(crate) async fn prune(tx: &mut Tx, before_ms: i64, batch: i64) -> Result<u64, StoreError> {
    let old = "DELETE FROM deliveries WHERE seq IN
         (SELECT seq FROM (SELECT seq, received_at_ms FROM deliveries ORDER BY seq LIMIT $2) AS oldest WHERE received_at_ms < $1)";
    let refused = "DELETE FROM deliveries WHERE seq IN
         (SELECT seq FROM deliveries WHERE verdict = 'rejected' ORDER BY seq DESC LIMIT $2 OFFSET $1)";
    let removed = tx.execute(old, params![before_ms, batch]).await?;
    Ok(removed + tx.execute(refused, params![limits::REJECTED_KEPT, batch]).await?)
}
