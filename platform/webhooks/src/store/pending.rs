//! Deliveries whose jobs have not ended.

use ::store::{StoreError, Tx, params};

/// Events that are looked at at once.
pub(crate) const PAGE: i64 = 10_000;

/// Of a page of the log: what waits, and its last position; none behind the end.
pub(crate) struct Page {
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) last: Option<i64>,
}

/// The oldest event of a source, in a page, that has an unfinished job.
pub(crate) struct Waiting {
    pub(crate) source: String,
    pub(crate) position: i64,
    pub(crate) since_ms: i64,
}

/// The page behind a position.
pub(crate) async fn page(tx: &mut Tx, behind: i64) -> Result<Page, StoreError> {
    let sql = "SELECT MAX(position) FROM (SELECT position FROM events WHERE position > $1 ORDER BY position LIMIT $2) AS page";
    let (last,): (Option<i64>,) = tx.one(sql, params![behind, PAGE]).await?;
    let Some(end) = last else { return Ok(Page { waiting: Vec::new(), last }) };
    let sql = "SELECT substr(source, 5), MIN(position), MIN(time_ms) FROM events
         WHERE position > $1 AND position <= $2 AND substr(source, 1, 4) = '/in/'
           AND EXISTS (SELECT 1 FROM jobs WHERE jobs.event_position = events.position AND finished_at_ms IS NULL)
         GROUP BY source";
    let rows: Vec<(String, i64, i64)> = tx.all(sql, params![behind, end]).await?;
    let waiting = rows.into_iter().map(|(source, position, since_ms)| Waiting { source, position, since_ms });
    Ok(Page { waiting: waiting.collect(), last })
}
