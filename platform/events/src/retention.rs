//! What is removed from the log, and what holds it back.

use kernel::limits;
use serde::Serialize;
use store::{StoreError, Tx, Value, params};
use utoipa::ToSchema;

use crate::Events;

/// Pruning looks at so many batches from the oldest event on. When unfinished jobs need all of these, it waits for them.
const PRUNE_WINDOW: i64 = 16;
/// The log is measured by so many positions at once, each once in its life.
const SEGMENT: i64 = 1_000;
/// Segments measured by one call.
const MEASURED: i64 = 100;
/// What an event takes beside its payload, about, bytes.
const ENVELOPE_BYTES: i64 = 256;

/// What the last round was told to keep: milliseconds, and bytes.
pub(crate) type Keep = (i64, Option<i64>);

/// What is kept, and what keeps it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RetentionStatus {
    /// The oldest position of the log.
    oldest_position: i64,
    /// When its event was appended, Unix milliseconds.
    oldest_time_ms: Option<i64>,
    /// The newest position.
    latest_position: i64,
    /// What the log takes, about; measured now and then.
    bytes: i64,
    /// What is older than this goes, milliseconds; absent before the first round.
    keep_ms: Option<i64>,
    /// What is beyond the newest so many bytes goes.
    most_bytes: Option<i64>,
    /// Who still needs old events, the one that holds most first.
    held_by: Vec<Hold>,
}

/// Somebody who needs events from a position on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Hold {
    /// `stream`, `parked`, `replay` or `job`.
    pub(crate) what: &'static str,
    /// Its name, or the replay's subscription; of a job, nothing.
    pub(crate) name: String,
    /// The oldest event that it needs.
    pub(crate) position: i64,
}

impl Events {
    /// Removes events that are older than `keep_ms`, or beyond the newest `most_bytes` (about, and by thousands of events), that
    /// every stream has passed, and that no unfinished job, parked list or running replay needs: at most a batch; how many. What
    /// goes before [`limits::EVENT_NAME_MS`] leaves its source and id, so that a sender who comes again is known. A stream that nobody here declares, and that has not moved for
    /// `keep_ms`, holds nothing back and is forgotten: should it come back, it begins at the end of the log.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prune(&self, keep_ms: i64, most_bytes: Option<i64>) -> Result<u64, StoreError> {
        *self.0.retention.lock() = Some((keep_ms, most_bytes));
        let edge = match most_bytes {
            Some(most) => self.edge_of(most).await?,
            None => 0,
        };
        let now_ms = self.0.clock.now_ms();
        let (before_ms, named_since_ms) = (now_ms - keep_ms, now_ms - limits::EVENT_NAME_MS);
        let streams: Vec<&str> = self.0.registry.streams.iter().map(|stream| stream.name).collect();
        let delete = async move |tx: &mut Tx| {
            forget_streams(tx, &streams, before_ms).await?;
            let names = delete_names(tx, now_ms).await?;
            let removed = names + delete(tx, before_ms, edge, named_since_ms).await?;
            let sql = "DELETE FROM event_segments
                 WHERE segment < COALESCE((SELECT MIN(position) FROM events), 0) / 1000";
            tx.execute(sql, &[]).await?;
            Ok(removed)
        };
        self.0.store.write_relaxed(delete).await
    }

    /// The last position beyond the newest `most` bytes; 0 when all fit. Measures what was not measured yet.
    async fn edge_of(&self, most: i64) -> Result<i64, StoreError> {
        let (measured, tail) = self.0.store.read(measure).await?;
        if !measured.is_empty() {
            let keep = async move |tx: &mut Tx| {
                for (segment, bytes) in measured {
                    let sql =
                        "INSERT INTO event_segments (segment, bytes) VALUES ($1, $2) ON CONFLICT (segment) DO NOTHING";
                    tx.execute(sql, params![segment, bytes]).await?;
                }
                Ok::<_, StoreError>(())
            };
            self.0.store.write_relaxed(keep).await?;
        }
        let segments: Vec<(i64, i64)> = self
            .0
            .store
            .read(async |tx| tx.all("SELECT segment, bytes FROM event_segments ORDER BY segment DESC", &[]).await)
            .await?;
        let mut kept = tail;
        let beyond = segments.into_iter().find(|(_, bytes)| {
            kept += bytes;
            kept > most
        });
        Ok(beyond.map_or(0, |(segment, _)| (segment + 1) * SEGMENT - 1))
    }

    pub(crate) async fn retention_status(&self) -> Result<RetentionStatus, StoreError> {
        let keep = *self.0.retention.lock();
        let (oldest_position, latest_position) = self.ends().await?;
        let (oldest_time_ms, bytes, mut held_by) = self
            .0
            .store
            .read(async move |tx| {
                let sql = "SELECT time_ms FROM events WHERE position = $1";
                let oldest: Option<(i64,)> = tx.first(sql, params![oldest_position]).await?;
                let (measured, tail) = measure(tx).await?;
                let sum: (i64,) =
                    tx.one("SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM event_segments", &[]).await?;
                let bytes = sum.0 + tail + measured.iter().map(|(_, bytes)| bytes).sum::<i64>();
                Ok::<_, StoreError>((oldest.map(|(time_ms,)| time_ms), bytes, holds(tx).await?))
            })
            .await?;
        held_by.retain(|hold| hold.position <= latest_position);
        held_by.sort_by_key(|hold| hold.position);
        let (keep_ms, most_bytes) = (keep.map(|keep| keep.0), keep.and_then(|keep| keep.1));
        Ok(RetentionStatus { oldest_position, oldest_time_ms, latest_position, bytes, keep_ms, most_bytes, held_by })
    }
}

/// Streams that nobody here declares, and that have not moved since: their cursors, and what they parked.
async fn forget_streams(tx: &mut Tx, declared: &[&str], before_ms: i64) -> Result<(), StoreError> {
    let names: String = (2..2 + declared.len()).map(|n| format!(" AND stream <> ${n}")).collect();
    let params: Vec<Value<'_>> =
        std::iter::once(Value::from(before_ms)).chain(declared.iter().map(|name| Value::from(*name))).collect();
    let forgotten = tx.execute(&format!("DELETE FROM event_cursors WHERE moved_at_ms < $1{names}"), &params).await?;
    if forgotten > 0 {
        tx.execute("DELETE FROM event_parked WHERE stream NOT IN (SELECT stream FROM event_cursors)", &[]).await?;
    }
    Ok(())
}

/// Removes a batch of old events; how many. One that was appended after `named_since_ms` leaves its name.
pub(crate) async fn delete(tx: &mut Tx, before_ms: i64, edge: i64, named_since_ms: i64) -> Result<u64, StoreError> {
    let batch = limits::JOB_PROMOTE_BATCH as i64;
    // Should this take the newest, its position is still not given out again.
    let sql = "UPDATE event_top SET position = (SELECT MAX(position) FROM events) WHERE EXISTS (SELECT 1 FROM events)";
    tx.execute(sql, &[]).await?;
    // The window keeps the writer from reading the whole log where little of it is old.
    let sql = "DELETE FROM events WHERE position IN (
         SELECT position FROM (SELECT position, time_ms FROM events ORDER BY position LIMIT $3) AS oldest
         WHERE (time_ms < $1 OR position <= $4)
           AND position <= (SELECT COALESCE(MIN(position), 9223372036854775807) FROM event_cursors)
           AND position < (SELECT COALESCE(MIN(next_position), 9223372036854775807) FROM event_replays WHERE state = 'running')
           AND NOT EXISTS (SELECT 1 FROM event_parked WHERE event_parked.position = oldest.position)
           AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.event_position = oldest.position AND finished_at_ms IS NULL)
         ORDER BY position LIMIT $2)
         RETURNING source, id, position, time_ms";
    let gone: Vec<(String, String, i64, i64)> =
        tx.all(sql, params![before_ms, batch, batch * PRUNE_WINDOW, edge]).await?;
    for (source, id, position, time_ms) in gone.iter().filter(|(.., time_ms)| *time_ms > named_since_ms) {
        let sql = "INSERT INTO event_names (source, id, position, until_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT (source, id) DO NOTHING";
        tx.execute(sql, params![source, id, *position, time_ms + limits::EVENT_NAME_MS]).await?;
    }
    Ok(gone.len() as u64)
}

/// Removes names that were kept long enough, a batch; how many.
async fn delete_names(tx: &mut Tx, now_ms: i64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM event_names WHERE (source, id) IN
         (SELECT source, id FROM event_names WHERE until_ms <= $1 ORDER BY until_ms LIMIT $2)";
    tx.execute(sql, params![now_ms, limits::JOB_PROMOTE_BATCH as i64]).await
}

/// Whole segments that were not measured yet with their bytes, some of them, and the bytes after all whole segments.
async fn measure(tx: &mut Tx) -> Result<(Vec<(i64, i64)>, i64), StoreError> {
    let ends: (Option<i64>, Option<i64>) =
        tx.one("SELECT (SELECT MIN(position) FROM events), (SELECT MAX(position) FROM events)", &[]).await?;
    let (Some(oldest), Some(latest)) = ends else { return Ok((Vec::new(), 0)) };
    let last: (Option<i64>,) = tx.one("SELECT MAX(segment) FROM event_segments", &[]).await?;
    let first = last.0.map_or(oldest / SEGMENT, |last| last + 1);
    let whole = latest / SEGMENT;
    let mut measured = Vec::new();
    for segment in first..whole.min(first + MEASURED) {
        measured.push((segment, bytes(tx, segment * SEGMENT, (segment + 1) * SEGMENT).await?));
    }
    let tail = bytes(tx, whole.max(first) * SEGMENT, i64::MAX).await?;
    Ok((measured, tail))
}

async fn bytes(tx: &mut Tx, from: i64, until: i64) -> Result<i64, StoreError> {
    let sql = "SELECT CAST(COALESCE(SUM(octet_length(data) + $3), 0) AS BIGINT) FROM events WHERE position >= $1 AND position < $2";
    let row: (i64,) = tx.one(sql, params![from, until, ENVELOPE_BYTES]).await?;
    Ok(row.0)
}

/// Who needs old events.
async fn holds(tx: &mut Tx) -> Result<Vec<Hold>, StoreError> {
    let hold = |what| move |(name, position): (String, i64)| Hold { what, name, position };
    let streams = tx.all("SELECT stream, position + 1 FROM event_cursors ORDER BY position LIMIT 100", &[]).await?;
    let parked = tx.all("SELECT stream, MIN(position) FROM event_parked GROUP BY stream LIMIT 100", &[]).await?;
    let replays = "SELECT subscription, next_position FROM event_replays WHERE state = 'running' LIMIT 100";
    let replays = tx.all(replays, &[]).await?;
    let job = "SELECT '', position FROM (SELECT position FROM events ORDER BY position LIMIT 16000) AS oldest
         WHERE EXISTS (SELECT 1 FROM jobs WHERE jobs.event_position = oldest.position AND finished_at_ms IS NULL)
         ORDER BY position LIMIT 1";
    let jobs = tx.all(job, &[]).await?;
    let all = streams.into_iter().map(hold("stream")).chain(parked.into_iter().map(hold("parked")));
    Ok(all.chain(replays.into_iter().map(hold("replay"))).chain(jobs.into_iter().map(hold("job"))).collect())
}
