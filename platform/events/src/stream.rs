//! Stream subscriptions: durable cursors, moved once a batch.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jobs::{Failure, Handler, Kind, Run};
use kernel::limits;
use store::{StoreError, Tx, params};

use crate::event::COLUMNS;
use crate::reading::find;
use crate::{Event, Events, Filter, Stream};

/// Handles one batch, in order. An error holds the stream: the same batch comes again.
pub type StreamHandler =
    Arc<dyn Fn(Vec<Event>) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// Handles one event as a job.
pub type WorkHandler =
    Arc<dyn Fn(Event, Run) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>> + Send + Sync>;

/// Hints may come from another process and be lost: the log is asked again after this time.
const POLL: Duration = Duration::from_secs(5);
/// How far the log may run ahead of a stream that wants none of it: in events, and in milliseconds.
const IDLE_STEP: (i64, i64) = (1_000, 3_600_000);
/// The data of one batch, bytes, unless its first event alone has more.
const BATCH_BYTES: i64 = 8 * 1024 * 1024;
/// The first and the longest pause after a batch that failed.
const AGAIN: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));
/// How long a batch that runs when the stream is stopped may still run; then it comes again after the restart.
const STOP_GRACE: Duration = Duration::from_secs(10);

impl Events {
    /// The handler of a work subscription as jobs know it: it gets the event that its job is owed for.
    pub fn work_handler(&self, run: WorkHandler) -> Handler {
        let events = self.clone();
        jobs::handler(move |attempt: Run| {
            let (events, run) = (events.clone(), run.clone());
            async move {
                let position = attempt.event_position().unwrap_or_default();
                let event = events.0.store.read(async move |tx| find(tx, position).await).await?;
                match event {
                    Some(event) => run(event, attempt).await,
                    None => Err(Failure::Discard(format!("event {position} is gone: retention removed it"))),
                }
            }
        })
    }

    /// The kinds of job that the declared work subscriptions need.
    pub fn work_kinds(&self) -> impl Iterator<Item = Kind> {
        self.0.registry.works.iter().map(|work| work.kind)
    }

    /// Gives every declared stream its cursor. To be done before anything can be appended: a stream's first event is the
    /// first after its cursor was made.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn declare_streams(&self) -> Result<(), StoreError> {
        for stream in &self.0.registry.streams {
            self.declare(stream.name).await?;
        }
        Ok(())
    }

    /// Starts serving a declared stream.
    pub fn serve(&self, stream: Stream, handler: StreamHandler) {
        self.0.tasks.spawn(run(self.clone(), stream, handler));
    }

    /// Stops the streams after their current batch, which has ten seconds for it.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}

async fn run(events: Events, stream: Stream, handler: StreamHandler) {
    let stop = events.0.stop.clone();
    let mut head = events.0.head.subscribe();
    let mut pause = AGAIN.0;
    while !stop.is_cancelled() {
        let turned = tokio::select! {
            turned = turn(&events, stream, &handler) => turned,
            () = async { stop.cancelled().await; tokio::time::sleep(STOP_GRACE).await } => {
                tracing::warn!(stream = stream.name, "a batch still ran at the end of the grace time; it comes again");
                return;
            }
        };
        let wait = match turned {
            Ok(true) => continue,
            Ok(false) => {
                pause = AGAIN.0;
                None
            }
            Err(error) => {
                metrics::counter!("event_stream_failures_total", "stream" => stream.name).increment(1);
                tracing::warn!(stream = stream.name, error, "a batch failed; the stream waits and tries it again");
                let wait = pause;
                pause = (pause * 2).min(AGAIN.1);
                Some(wait)
            }
        };
        tokio::select! {
            changed = head.changed(), if wait.is_none() => if changed.is_err() { return },
            () = tokio::time::sleep(wait.unwrap_or(POLL)) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// One batch: read after the cursor, handle, move the cursor. `true` when there may be more.
async fn turn(events: &Events, stream: Stream, handler: &StreamHandler) -> Result<bool, String> {
    let words = |error: StoreError| kernel::problem::chain(&error);
    let (cursor, moved_at_ms) = match events.cursor(stream.name).await.map_err(words)? {
        Some(cursor) => cursor,
        None => events.declare(stream.name).await.map_err(words)?,
    };
    let batch = events.0.store.read(async move |tx| read(tx, stream.filter, cursor).await).await.map_err(words)?;
    let Some(last) = batch.events.last().map(|event| event.position) else {
        // What it does not want must not hold back retention; but an idle stream should not write at each event.
        let idle_ms = events.0.clock.now_ms() - moved_at_ms;
        if batch.head - cursor >= IDLE_STEP.0 || (batch.head > cursor && idle_ms >= IDLE_STEP.1) {
            events.move_cursor(stream.name, batch.head).await.map_err(words)?;
        }
        return Ok(false);
    };
    handle(handler, batch.events).await?;
    events.move_cursor(stream.name, last).await.map_err(words)?;
    Ok(batch.more)
}

struct Batch {
    events: Vec<Event>,
    more: bool,
    /// The newest position of the log at the moment of the read.
    head: i64,
}

/// The next events after the cursor, bounded in number and in bytes: first how large they are, then themselves.
async fn read(tx: &mut Tx, filter: Filter, cursor: i64) -> Result<Batch, StoreError> {
    let (condition, wanted) = filter.condition();
    let limit = limits::STREAM_BATCH as i64;
    let sql = format!(
        "SELECT position, octet_length(data) FROM events WHERE position > $1 AND {condition} ORDER BY position LIMIT $3"
    );
    let sizes: Vec<(i64, i64)> = tx.all(&sql, params![cursor, wanted, limit]).await?;
    let mut bytes = 0;
    let fits = |(_, size): &&(i64, i64)| {
        bytes += size;
        bytes <= BATCH_BYTES
    };
    let count = sizes.iter().take_while(fits).count().max(1).min(sizes.len());
    let last = sizes[..count].last().map_or(cursor, |(position, _)| *position);
    let sql = format!(
        "SELECT {COLUMNS} FROM events WHERE position > $1 AND {condition} AND position <= $3 ORDER BY position"
    );
    let events = tx.all(&sql, params![cursor, wanted, last]).await?;
    let (head,) = tx.one("SELECT COALESCE(MAX(position), 0) FROM events", &[]).await?;
    Ok(Batch { events, more: count < sizes.len() || sizes.len() >= limits::STREAM_BATCH, head })
}

/// A panic or a batch without end is a failed batch: the stream must outlive both.
async fn handle(handler: &StreamHandler, events: Vec<Event>) -> Result<(), String> {
    let guarded = AssertUnwindSafe(async move { handler(events).await }).catch_unwind();
    match tokio::time::timeout(Duration::from_millis(limits::JOB_TIMEOUT_MS), guarded).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err("the handler panicked".to_owned()),
        Err(_) => Err(format!("the batch took longer than {} s", limits::JOB_TIMEOUT_MS / 1000)),
    }
}

impl Events {
    /// Where a stream stands, and when it last moved.
    async fn cursor(&self, stream: &'static str) -> Result<Option<(i64, i64)>, StoreError> {
        let sql = "SELECT position, moved_at_ms FROM event_cursors WHERE stream = $1";
        self.0.store.read(async move |tx| tx.first(sql, params![stream]).await).await
    }

    /// A new stream begins at the end of the log.
    async fn declare(&self, stream: &'static str) -> Result<(i64, i64), StoreError> {
        let now_ms = self.0.clock.now_ms();
        self.0
            .store
            .write(async move |tx| {
                tx.execute(
                    "INSERT INTO event_cursors (stream, position, moved_at_ms)
                     SELECT $1, COALESCE(MAX(position), 0), $2 FROM events WHERE TRUE ON CONFLICT (stream) DO NOTHING",
                    params![stream, now_ms],
                )
                .await?;
                tx.one("SELECT position, moved_at_ms FROM event_cursors WHERE stream = $1", params![stream]).await
            })
            .await
    }

    async fn move_cursor(&self, stream: &'static str, position: i64) -> Result<(), StoreError> {
        let now_ms = self.0.clock.now_ms();
        let sql = "UPDATE event_cursors SET position = $2, moved_at_ms = $3 WHERE stream = $1 AND position < $2";
        self.0
            .store
            .write_relaxed(async move |tx| tx.execute(sql, params![stream, position, now_ms]).await.map(drop))
            .await
    }
}
