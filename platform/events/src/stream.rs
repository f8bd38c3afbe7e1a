//! Stream subscriptions: durable cursors, moved once a batch.

use std::sync::Arc;
use std::time::Duration;

use store::{StoreError, Tx};
use tokio::sync::Notify;

use crate::handler::{Serve, StreamFailure, StreamHandler};
use crate::state::{Next, Serving};
use crate::store::{self as sql, Cursor};
use crate::{Event, Events, Stream};

/// Hints may come from another process and be lost: the log is asked again after this time.
const POLL: Duration = Duration::from_secs(5);
/// How far the log may run ahead of a stream that wants none of it: in events, and in milliseconds.
const IDLE_STEP: (i64, i64) = (1_000, 3_600_000);
/// How long a batch that runs when the stream is stopped may still run; then it comes again after the restart.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// A failure as it is kept, characters.
const ERROR_CHARS: usize = 500;

/// A stream that this process serves.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) stream: Stream,
    pub(crate) serve: Serve,
    /// An event that it wants was appended by this process.
    pub(crate) news: Arc<Notify>,
    /// Somebody paused or resumed it, or asked for a parked event to be retried.
    pub(crate) nudge: Arc<Notify>,
}

impl Events {
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
        self.start(stream, Serve::Plain(handler));
    }

    /// Starts serving a declared stream whose handler writes in the transaction that moves the cursor: effect and progress
    /// are stored together or not at all. Like every write, the handler awaits nothing but its transaction.
    pub fn serve_in_tx<F>(&self, stream: Stream, handler: F)
    where
        F: AsyncFn(&mut Tx, Vec<Event>) -> Result<(), StreamFailure> + Send + Sync + 'static,
    {
        self.start(stream, Serve::in_tx(handler));
    }

    fn start(&self, stream: Stream, serve: Serve) {
        let served = Served { stream, serve, news: Arc::default(), nudge: Arc::default() };
        self.0.served.lock().insert(served.stream.name, served.clone());
        self.attend();
        self.0.tasks.spawn(run(self.clone(), served));
    }

    /// Stops the streams after their current batch, which has ten seconds for it.
    pub async fn stop(&self) {
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    async fn declare(&self, stream: &'static str) -> Result<Cursor, StoreError> {
        let now_ms = self.0.clock.now_ms();
        self.0.store.write(async move |tx| sql::declare(tx, stream, now_ms).await).await
    }
}

/// Runs a stream, in a fleet while this process is the one that does.
async fn run(events: Events, served: Served) {
    let (stop, name) = (events.0.stop.clone(), served.stream.name);
    let Some(fleet) = events.0.fleet.get() else { return pump(events, served).await };
    let leadership = fleet.lead(&format!("stream {name}"));
    while stop.run_until_cancelled(leadership.elected()).await.is_some() {
        tokio::select! {
            () = pump(events.clone(), served.clone()) => return,
            () = leadership.deposed() => tracing::warn!(stream = name, "another process runs the stream from now on"),
        }
    }
}

/// Runs a stream until the end.
async fn pump(events: Events, served: Served) {
    let stop = events.0.stop.clone();
    let name = served.stream.name;
    let mut pump = Pump::new(events, served.clone());
    while !stop.is_cancelled() {
        let turned = tokio::select! {
            turned = pump.turn() => turned,
            () = async { stop.cancelled().await; tokio::time::sleep(STOP_GRACE).await } => {
                tracing::warn!(stream = name, "a batch still ran at the end of the grace time; it comes again");
                return;
            }
        };
        let wait = match turned {
            Turned::More => continue,
            Turned::Idle => None,
            Turned::Again(pause_ms) => Some(Duration::from_millis(pause_ms)),
        };
        tokio::select! {
            () = served.news.notified(), if wait.is_none() => {}
            () = served.nudge.notified() => pump.nudged = true,
            () = tokio::time::sleep(wait.unwrap_or(POLL)) => pump.nudged = true,
            () = stop.cancelled() => return,
        }
    }
}

enum Turned {
    /// There may be more at once.
    More,
    /// Nothing to do until something changes.
    Idle,
    /// It failed; again after a pause.
    Again(u64),
}

/// One stream between its batches.
struct Pump {
    events: Events,
    served: Served,
    serving: Serving,
    /// How far the log was looked through: from this cursor, to this position. Kept in memory only, so that an idle stream
    /// neither writes at each event nor reads the same ones again.
    seen: (i64, i64),
    nudged: bool,
}

impl Pump {
    fn new(events: Events, served: Served) -> Self {
        let serving = Serving::new(served.stream.retry, kernel::limits::STREAM_BATCH);
        Self { events, served, serving, seen: (-1, -1), nudged: true }
    }

    /// One batch: read after the cursor, handle, move the cursor.
    async fn turn(&mut self) -> Turned {
        match self.try_turn().await {
            Ok(turned) => turned,
            Err(error) => {
                let error = kernel::problem::chain(&error);
                tracing::warn!(stream = self.served.stream.name, error, "the store does not serve the stream");
                Turned::Again(self.serving.store_failed())
            }
        }
    }

    async fn try_turn(&mut self) -> Result<Turned, StoreError> {
        let (events, stream) = (self.events.clone(), self.served.stream.clone());
        let (log, name) = (&events.0, stream.name);
        if std::mem::take(&mut self.nudged) {
            self.retry_parked().await?;
        }
        let (filter, window, seen) = (stream.filter, self.serving.window(), self.seen);
        let look = async move |tx: &mut Tx| {
            let Some(cursor) = sql::cursor(tx, name).await? else { return Ok(None) };
            let from = if seen.0 == cursor.position { seen.1 } else { cursor.position };
            let batch = match cursor.paused_at_ms {
                Some(_) => None,
                None => Some(sql::batch(tx, filter, from, window).await?),
            };
            Ok::<_, StoreError>(Some((cursor, from, batch)))
        };
        let Some((cursor, from, batch)) = log.store.read(look).await? else {
            events.declare(name).await?;
            return Ok(Turned::More);
        };
        let Some(batch) = batch else { return Ok(Turned::Idle) };
        let through = if batch.more { batch.events.last().map_or(from, |event| event.position) } else { batch.head };
        let wanted: Vec<Event> = batch.events.into_iter().filter(|event| stream.wants(event)).collect();
        let Some(last) = wanted.last().map(|event| event.position) else {
            self.pass(&cursor, through.max(from)).await?;
            return Ok(if batch.more { Turned::More } else { Turned::Idle });
        };
        let (count, at, now_ms) = (wanted.len(), cursor.position, log.clock.now_ms());
        let advance = async move |tx: &mut Tx| sql::advance(tx, name, at, last, now_ms).await;
        match self.served.serve.run(&log.store, wanted, batch.more, advance).await {
            Ok(true) => {
                self.serving.succeeded(last);
                Ok(if batch.more { Turned::More } else { Turned::Idle })
            }
            // Somebody else moved the cursor: look again where it is.
            Ok(false) => Ok(Turned::More),
            Err(failure) => self.failed(&cursor, (count, last), &failure).await,
        }
    }

    /// Nothing wanted up to `through`. What a stream does not want must not hold back retention.
    async fn pass(&mut self, cursor: &Cursor, through: i64) -> Result<(), StoreError> {
        let now_ms = self.events.0.clock.now_ms();
        let (at, name) = (cursor.position, self.served.stream.name);
        self.seen = (at, through);
        if through - at >= IDLE_STEP.0 || (through > at && now_ms - cursor.moved_at_ms >= IDLE_STEP.1) {
            let advance = async move |tx: &mut Tx| sql::advance(tx, name, at, through, now_ms).await;
            self.events.0.store.write_lazy(advance).await?;
        }
        Ok(())
    }

    async fn failed(
        &mut self,
        cursor: &Cursor,
        (count, last): (usize, i64),
        failure: &StreamFailure,
    ) -> Result<Turned, StoreError> {
        let (name, log) = (self.served.stream.name, self.events.0.clone());
        let words: String = failure.words().chars().take(ERROR_CHARS).collect();
        metrics::counter!("event_stream_failures_total", "stream" => name).increment(1);
        tracing::warn!(
            stream = name,
            error = words,
            events = count,
            "a batch failed; the stream waits and tries it again"
        );
        let next = if failure.is_outage() {
            Next::Again(self.serving.store_failed())
        } else {
            self.serving.failed(count, last)
        };
        let (at, now_ms, failures) = (cursor.position, log.clock.now_ms(), self.served.stream.retry.park_after);
        match next {
            Next::Again(pause_ms) => {
                log.store.write_relaxed(async move |tx| sql::failed(tx, name, &words, now_ms).await).await?;
                Ok(Turned::Again(pause_ms))
            }
            Next::Park => {
                let park = async move |tx: &mut Tx| sql::park(tx, name, (at, last), (failures, &words), now_ms).await;
                if !log.store.write(park).await? {
                    return Ok(Turned::Again(self.served.stream.retry.most_ms));
                }
                tracing::error!(stream = name, position = last, "an event failed too often and is parked");
                metrics::counter!("event_stream_parked_total", "stream" => name).increment(1);
                self.serving.parked(last);
                Ok(Turned::More)
            }
        }
    }

    /// Tries parked events again that somebody asked for, each alone.
    async fn retry_parked(&self) -> Result<(), StoreError> {
        let (name, log) = (self.served.stream.name, &self.events.0);
        for parked in log.store.read(async move |tx| sql::parked(tx, name, true, 0).await).await? {
            let position = parked.position;
            let Some(event) = self.events.find(position).await? else {
                log.store.write(async move |tx| sql::unpark(tx, name, position).await).await?;
                continue;
            };
            let unpark = async move |tx: &mut Tx| sql::unpark(tx, name, position).await;
            if let Err(failure) = self.served.serve.run(&log.store, vec![event], false, unpark).await {
                let words: String = failure.words().chars().take(ERROR_CHARS).collect();
                log.store.write(async move |tx| sql::retry_failed(tx, name, position, &words).await).await?;
            }
        }
        Ok(())
    }
}
