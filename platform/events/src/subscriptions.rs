//! Subscriptions as people look at them and steer them.

use std::collections::HashMap;

use serde::Serialize;
use store::StoreError;
use utoipa::ToSchema;

use crate::condition::Condition;
use crate::hints;
use crate::registry::{Stream, Work};
use crate::store::{self as sql, Cursor, Parked};
use crate::{Events, Filter};

/// Events that are looked at to say how far a stream is behind: one that runs leaves its cursor behind by no more of those that it does not want.
const LOOKED: usize = 1_000;

/// A subscription, and how it gets on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SubscriptionRow {
    /// Its stable name.
    pub(crate) name: String,
    /// `work` (a job an event) or `stream` (a cursor over the log).
    pub(crate) kind: &'static str,
    /// Which types; absent of one that nobody declares any more.
    types: Option<&'static str>,
    /// Which of them: a condition in the dialects of CloudEvents Subscriptions.
    #[schema(value_type = Option<Object>)]
    filter: Option<Condition>,
    /// Whether the jobs of one subject run in the order of the log; a stream keeps the order of all.
    ordered: bool,
    /// Everything up to here is handled (a stream), or has its job (work).
    position: i64,
    /// Events that wait for a stream, or unfinished jobs; counted up to 10,000.
    lag: i64,
    /// Failures since it last got on, or jobs that wait for another attempt.
    failures: i64,
    /// Since when a stream does not get on, Unix milliseconds.
    failing_since_ms: Option<i64>,
    /// A stream's last failure.
    error: Option<String>,
    /// Since when a stream is paused, Unix milliseconds.
    paused_at_ms: Option<i64>,
    /// Events that a stream went past.
    parked: i64,
}

/// Why a subscription cannot be steered so.
pub(crate) enum NoStream {
    /// There is no such subscription.
    Unknown,
    /// It is a work subscription: its queue is paused, its jobs are retried.
    Work,
    /// The store failed.
    Failed(StoreError),
}

impl From<StoreError> for NoStream {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl Events {
    /// Every subscription: those declared here, and streams that nobody declares any more.
    pub(crate) async fn subscriptions(&self) -> Result<Vec<SubscriptionRow>, StoreError> {
        let head = self.latest().await?;
        let (cursors, parked, waiting) = self
            .0
            .store
            .read(async |tx| {
                Ok::<_, StoreError>((sql::cursors(tx).await?, sql::parked_counts(tx).await?, sql::waiting(tx).await?))
            })
            .await?;
        let (parked, waiting): (HashMap<_, _>, HashMap<_, _>) = (
            parked.into_iter().collect(),
            waiting.into_iter().map(|(kind, all, again)| (kind, (all, again))).collect(),
        );
        let registry = &self.0.registry;
        let mut rows: Vec<_> =
            registry.works.iter().map(|work| row_of_work(work, head, waiting.get(work.kind.name).copied())).collect();
        for cursor in cursors {
            let stream = registry.streams.iter().find(|stream| stream.name == cursor.stream);
            let lag = self.lag(stream, cursor.position).await?;
            rows.push(row_of_stream(stream, lag, parked.get(&cursor.stream).copied(), cursor));
        }
        Ok(rows)
    }

    /// Events that wait for a stream, counted up to [`sql::LAG_COUNTED`]. Of one with a condition the next ones are looked at: its cursor
    /// need not move for what it does not want. A paused one's does not move at all, so of what it does not want there may be more than
    /// is looked at, which counts as waiting.
    async fn lag(&self, stream: Option<&Stream>, position: i64) -> Result<i64, StoreError> {
        let filter = stream.map_or(Filter("*"), |stream| stream.filter);
        let conditional = stream.is_some_and(|stream| stream.condition().is_some());
        let read = async move |tx: &mut store::Tx| {
            let next = if conditional { sql::batch(tx, filter, position, LOOKED).await?.events } else { Vec::new() };
            Ok::<_, StoreError>((sql::lag(tx, filter, position).await?, next))
        };
        let (all, next) = self.0.store.read(read).await?;
        // There are so many or more: what to take off from is not known.
        if all >= sql::LAG_COUNTED {
            return Ok(all);
        }
        let passed = next.iter().filter(|event| stream.is_some_and(|stream| !stream.wants(event))).count();
        Ok(all.saturating_sub_unsigned(passed as u64).max(0))
    }

    /// Pauses a stream after its current batch, or lets it go on.
    pub(crate) async fn pause(&self, name: &str, paused: bool) -> Result<(), NoStream> {
        let (stream, at_ms) = (self.stream_named(name)?, paused.then(|| self.0.clock.now_ms()));
        let found = self.0.store.write(async move |tx| sql::pause(tx, &stream, at_ms).await).await?;
        self.nudge(name);
        if found { Ok(()) } else { Err(NoStream::Unknown) }
    }

    pub(crate) async fn parked(&self, name: &str, after: i64) -> Result<Vec<Parked>, NoStream> {
        let stream = self.stream_named(name)?;
        Ok(self.0.store.read(async move |tx| sql::parked(tx, &stream, false, after).await).await?)
    }

    /// Asks for another try of one parked event, or of all; how many.
    pub(crate) async fn retry_parked(&self, name: &str, position: Option<i64>) -> Result<u64, NoStream> {
        let (stream, now_ms) = (self.stream_named(name)?, self.0.clock.now_ms());
        let asked = self.0.store.write(async move |tx| sql::ask_retry(tx, &stream, position, now_ms).await).await?;
        self.nudge(name);
        Ok(asked)
    }

    /// Takes a parked event off the list for good; `false` when it is not there.
    pub(crate) async fn discard_parked(&self, name: &str, position: i64) -> Result<bool, NoStream> {
        let stream = self.stream_named(name)?;
        Ok(self.0.store.write(async move |tx| sql::unpark(tx, &stream, position).await).await?)
    }

    fn stream_named(&self, name: &str) -> Result<String, NoStream> {
        let registry = &self.0.registry;
        if registry.streams.iter().any(|stream| stream.name == name) {
            return Ok(name.to_owned());
        }
        let work = registry.works.iter().any(|work| work.kind.name == name);
        Err(if work { NoStream::Work } else { NoStream::Unknown })
    }

    /// A change was committed: whoever runs the stream looks at once.
    fn nudge(&self, name: &str) {
        self.0.store.tell(hints::STEERED);
        if let Some(served) = self.0.served.lock().get(name) {
            served.nudge.notify_one();
        }
    }
}

fn row_of_work(work: &Work, head: i64, waiting: Option<(i64, i64)>) -> SubscriptionRow {
    let (lag, failures) = waiting.unwrap_or_default();
    SubscriptionRow {
        name: work.kind.name.to_owned(),
        kind: "work",
        types: Some(work.filter.0),
        filter: work.condition().cloned(),
        ordered: work.ordered,
        position: head,
        lag,
        failures,
        failing_since_ms: None,
        error: None,
        paused_at_ms: None,
        parked: 0,
    }
}

fn row_of_stream(stream: Option<&Stream>, lag: i64, parked: Option<i64>, cursor: Cursor) -> SubscriptionRow {
    SubscriptionRow {
        name: cursor.stream,
        kind: "stream",
        types: stream.map(|stream| stream.filter.0),
        filter: stream.and_then(Stream::condition).cloned(),
        ordered: true,
        position: cursor.position,
        lag,
        failures: cursor.failures.into(),
        failing_since_ms: cursor.failing_since_ms,
        error: cursor.error,
        paused_at_ms: cursor.paused_at_ms,
        parked: parked.unwrap_or_default(),
    }
}
