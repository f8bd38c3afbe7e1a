//! Deliveries: written once, read by people, removed after a while.

use ::store::{FromRow, Row, StoreError, Tx, Value, params};
use kernel::limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What became of a delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// In the log.
    #[default]
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

    /// As a condition. The word stands in the statement so that the index of the exceptions is found.
    fn condition(self) -> String {
        let exception = if self == Self::Accepted { "" } else { " AND verdict <> 'accepted'" };
        format!(" AND verdict = '{}'{exception}", self.word())
    }
}

/// A delivery as it is written.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) source: String,
    pub(crate) received_at_ms: i64,
    pub(crate) verdict: Verdict,
    pub(crate) cause: Option<String>,
    pub(crate) reason: String,
    pub(crate) hint: Option<String>,
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
    pub(crate) trust: Option<String>,
    pub(crate) replay_of: Option<String>,
    /// The headers that prove a refused delivery, sealed: to look at it again once the secret is right.
    pub(crate) signature: Option<Vec<u8>>,
}

pub(crate) async fn insert(tx: &mut Tx, it: &Record) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO deliveries (id, source, received_at_ms, verdict, cause, reason, status, event_type, sender_id, subject,
             event_position, size_bytes, took_us, request_id, trace, digest, headers, body, received, expected, hint, trust,
             replay_of, signature)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
             $24)",
        params![
            &it.id,
            &it.source,
            it.received_at_ms,
            it.verdict.word(),
            it.cause.as_ref(),
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
            it.hint.as_ref(),
            it.trust.as_ref(),
            it.replay_of.as_ref(),
            it.signature.as_ref(),
        ],
    )
    .await
    .map(drop)
}

/// Writes a refusal and removes what is beyond the newest [`limits::REJECTED_KEPT`]: a ring.
pub(crate) async fn insert_refusal(tx: &mut Tx, it: &Record) -> Result<(), StoreError> {
    insert(tx, it).await?;
    trim(tx, 10).await.map(drop)
}

async fn trim(tx: &mut Tx, batch: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries
         WHERE verdict = 'rejected' AND verdict <> 'accepted' ORDER BY seq DESC LIMIT $2 OFFSET $1)";
    tx.execute(sql, params![limits::REJECTED_KEPT, batch]).await
}

/// The event that the same bytes of this source made not long ago, under whatever id.
pub(crate) async fn same_bytes(
    tx: &mut Tx,
    source: &str,
    digest: &[u8],
    since_ms: i64,
) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT event_position FROM deliveries
         WHERE digest = $2 AND digest IS NOT NULL AND source = $1 AND received_at_ms > $3 LIMIT 1";
    let row: Option<(Option<i64>,)> = tx.first(sql, params![source, digest, since_ms]).await?;
    Ok(row.and_then(|(position,)| position))
}

/// The event of the delivery of this id, when it is there.
pub(crate) async fn position_of(tx: &mut Tx, id: &str) -> Result<Option<i64>, StoreError> {
    let row: Option<(Option<i64>,)> =
        tx.first("SELECT event_position FROM deliveries WHERE id = $1", params![id]).await?;
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
    /// What probably went wrong, for whoever set the webhook up.
    pub hint: Option<String>,
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
    /// `low` when nothing but the address says who sent it.
    pub trust: Option<String>,
    /// The delivery that it repeats, on somebody's wish.
    pub replay_of: Option<String>,
}

impl DeliveryRow {
    /// Its place among all deliveries.
    pub fn seq(&self) -> i64 {
        self.seq
    }
}

const ROW: &str = "seq, id, source, received_at_ms, verdict, cause, reason, status, event_type, sender_id, subject,
     event_position, size_bytes, took_us, request_id, trace, hint, trust, replay_of";

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
            hint: row.get(16)?,
            trust: row.get(17)?,
            replay_of: row.get(18)?,
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
    /// Older than this place, newest first…
    pub before: Option<i64>,
    /// …or, when set, newer than this, oldest first.
    pub after: Option<i64>,
    /// At most so many; bounded by [`limits::PAGE`].
    pub limit: usize,
}

pub(crate) async fn list(tx: &mut Tx, query: &Query) -> Result<Vec<DeliveryRow>, StoreError> {
    let (bound, order, edge) = match (query.after, query.before) {
        (Some(after), _) => ("seq > $1", "ASC", after),
        (None, before) => ("seq < $1", "DESC", before.unwrap_or(i64::MAX)),
    };
    let mut filter = bound.to_owned();
    let mut params = vec![Value::from(edge)];
    if let Some(source) = &query.source {
        params.push(source.into());
        filter.push_str(" AND source = $2");
    }
    filter.push_str(&query.verdict.map(Verdict::condition).unwrap_or_default());
    let limit = query.limit.clamp(1, limits::PAGE);
    tx.all(&format!("SELECT {ROW} FROM deliveries WHERE {filter} ORDER BY seq {order} LIMIT {limit}"), &params).await
}

/// What a delivery's page shows beside its row, and what it takes to look at it again.
pub(crate) struct Rest {
    pub(crate) headers: String,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) received: Option<String>,
    pub(crate) expected: Option<String>,
    pub(crate) signature: Option<Vec<u8>>,
}

impl FromRow for Rest {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            headers: row.get(0)?,
            body: row.get(1)?,
            received: row.get(2)?,
            expected: row.get(3)?,
            signature: row.get(4)?,
        })
    }
}

pub(crate) async fn find(tx: &mut Tx, id: &str) -> Result<Option<(DeliveryRow, Rest)>, StoreError> {
    let Some(row) =
        tx.first::<DeliveryRow>(&format!("SELECT {ROW} FROM deliveries WHERE id = $1"), params![id]).await?
    else {
        return Ok(None);
    };
    let sql = "SELECT headers, body, received, expected, signature FROM deliveries WHERE seq = $1";
    let rest = tx.one(sql, params![row.seq]).await?;
    Ok(Some((row, rest)))
}

/// Deliveries that a summary looks at: the newest, of all sources together.
pub(crate) const SUMMARY_ROWS: i64 = 20_000;

/// Of the newest [`SUMMARY_ROWS`]: source, verdict, when the last came, and how many since `since_ms`.
pub(crate) async fn summary(tx: &mut Tx, since_ms: i64) -> Result<Vec<(String, String, i64, i64)>, StoreError> {
    let sql = "SELECT source, verdict, MAX(received_at_ms),
             CAST(SUM(CASE WHEN received_at_ms > $1 THEN 1 ELSE 0 END) AS BIGINT)
         FROM (SELECT source, verdict, received_at_ms FROM deliveries ORDER BY seq DESC LIMIT $2) AS newest
         GROUP BY source, verdict";
    tx.all(sql, params![since_ms, SUMMARY_ROWS]).await
}

/// Removes old deliveries, at most a batch, and all refusals but the newest; how many.
pub(crate) async fn prune(tx: &mut Tx, before_ms: i64, batch: i64) -> Result<u64, StoreError> {
    let old = "DELETE FROM deliveries WHERE seq IN
         (SELECT seq FROM (SELECT seq, received_at_ms FROM deliveries ORDER BY seq LIMIT $2) AS oldest WHERE received_at_ms < $1)";
    let removed = tx.execute(old, params![before_ms, batch]).await?;
    Ok(removed + trim(tx, batch).await?)
}
