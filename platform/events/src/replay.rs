//! A stretch of the log once more, into one subscription alone.
//!
//! A replay has a cursor of its own, moved in the transaction that makes its jobs (or that the stream's handler writes in), so
//! whatever crashes, a position goes in once. It runs as jobs of a bounded length, one after the other.

use std::time::{Duration, Instant};

use jobs::{EnqueueError, Failure, Handler, Kind, NewJob, Run};
use kernel::limits;
use serde::{Deserialize, Serialize};
use store::{StoreError, Tx};

use crate::condition::Condition;
use crate::handler::StreamFailure;
use crate::registry::Work;
use crate::replays::{self, Replay};
use crate::{Event, Events, Filter, Stream};

/// The jobs that a replay runs as.
const REPLAY: Kind = Kind::new("events.replay").on("events.replay");
/// One such job goes on for so long; then the next one does.
const SLICE: Duration = Duration::from_secs(30);
/// So long the job of a replay waits for a process that serves its stream, milliseconds.
const ELSEWHERE_MS: i64 = 1_000;
/// Events that a count looks at before it says "at least".
const COUNTED: usize = 100_000;

/// What is replayed beyond its range, as it is stored.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Chosen {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) types: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) condition: Option<Condition>,
}

/// A replay that somebody asks for; positions are inclusive.
pub(crate) struct Ask {
    pub(crate) subscription: String,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) chosen: Chosen,
}

/// Why there is no replay.
pub(crate) enum NoReplay {
    /// No such subscription is declared here.
    Unknown,
    /// One is running into this subscription.
    Running,
    /// Its job could not be enqueued.
    Enqueue(EnqueueError),
    /// The store failed.
    Failed(StoreError),
}

impl From<StoreError> for NoReplay {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// Whom a replay goes into.
enum Target {
    Work(Work),
    Stream(Stream),
}

impl Target {
    fn wants(&self, event: &Event) -> bool {
        match self {
            Self::Work(work) => work.wants_event(event),
            Self::Stream(stream) => stream.filter.wants(&event.kind) && stream.wants(event),
        }
    }
}

impl Chosen {
    fn wants(&self, event: &Event) -> bool {
        self.types.as_ref().is_none_or(|types| Filter::matches(types, &event.kind))
            && self.condition.as_ref().is_none_or(|condition| condition.holds(event))
    }
}

#[derive(Serialize, Deserialize)]
struct Args {
    replay: i64,
}

/// How a batch of a replay ended.
enum Batched {
    More,
    Over,
}

impl Events {
    /// The job kinds of this part with their handlers, for whoever serves the jobs.
    pub fn handlers(&self) -> Vec<(Kind, Handler)> {
        let events = self.clone();
        let replay = jobs::handler(move |run: Run| {
            let events = events.clone();
            async move { events.replay_slice(&run).await }
        });
        vec![(REPLAY, replay)]
    }

    fn target(&self, subscription: &str) -> Result<Target, NoReplay> {
        let registry = &self.0.registry;
        if let Some(work) = registry.works.iter().find(|work| work.kind.name == subscription) {
            return Ok(Target::Work(work.clone()));
        }
        let stream = registry.streams.iter().find(|stream| stream.name == subscription);
        stream.cloned().map(Target::Stream).ok_or(NoReplay::Unknown)
    }

    /// How many events a replay would bring, and whether that is all of them: a count ends at 100,000 looked at.
    pub(crate) async fn count_replay(&self, ask: &Ask) -> Result<(i64, bool), NoReplay> {
        let target = self.target(&ask.subscription)?;
        let (mut from, mut count, mut looked) = (ask.from, 0, 0);
        while from <= ask.to && looked < COUNTED {
            let events = self.stretch(from, ask.to).await?;
            let Some(last) = events.last() else { return Ok((count, true)) };
            from = last.position + 1;
            looked += events.len();
            count += events.iter().filter(|event| target.wants(event) && ask.chosen.wants(event)).count() as i64;
        }
        Ok((count, from > ask.to))
    }

    /// Begins a replay.
    pub(crate) async fn replay(&self, ask: Ask) -> Result<Replay, NoReplay> {
        self.target(&ask.subscription)?;
        let (events, now_ms) = (self.clone(), self.0.clock.now_ms());
        let filter = serde_json::to_string(&ask.chosen).unwrap_or_default();
        self.0
            .store
            .write(async move |tx| {
                let begun = replays::begin(tx, &ask.subscription, (ask.from, ask.to), &filter, now_ms).await?;
                let Some(replay) = begun else { return Err(NoReplay::Running) };
                events.go_on(tx, replay.id).await.map_err(NoReplay::Enqueue)?;
                Ok(replay)
            })
            .await
    }

    pub(crate) async fn replays(&self, before: i64, limit: usize) -> Result<Vec<Replay>, StoreError> {
        self.0.store.read(async move |tx| replays::list(tx, before, limit).await).await
    }

    pub(crate) async fn find_replay(&self, id: i64) -> Result<Option<Replay>, StoreError> {
        self.0.store.read(async move |tx| replays::find(tx, id).await).await
    }

    /// `false` when it is not running.
    pub(crate) async fn cancel_replay(&self, id: i64) -> Result<bool, StoreError> {
        let now_ms = self.0.clock.now_ms();
        self.0.store.write(async move |tx| replays::cancel(tx, id, now_ms).await).await
    }

    async fn go_on(&self, tx: &mut Tx, replay: i64) -> Result<(), EnqueueError> {
        self.0.jobs.enqueue(tx, NewJob::new(REPLAY, &Args { replay })).await.map(drop)
    }

    /// Runs a replay for a while, and leaves the rest to the next job.
    async fn replay_slice(&self, run: &Run) -> Result<(), Failure> {
        let Args { replay: id } = run.args()?;
        let started = Instant::now();
        loop {
            let replay = self.0.store.read(async move |tx| replays::find(tx, id).await).await?;
            let Some(replay) = replay.filter(|replay| replay.state == replays::RUNNING) else { return Ok(()) };
            if self.is_served_elsewhere(&replay.subscription) {
                return Err(Failure::Snooze(self.0.clock.now_ms() + ELSEWHERE_MS));
            }
            match self.replay_batch(&replay).await {
                Ok(Batched::Over) => return Ok(()),
                Ok(Batched::More) if started.elapsed() < SLICE => {}
                Ok(Batched::More) => {
                    let (events, run) = (self.clone(), run.clone());
                    let handed = async move |tx: &mut Tx| {
                        events.go_on(tx, id).await.map_err(Failure::retry)?;
                        run.complete(tx).await
                    };
                    return self.0.store.write(handed).await;
                }
                Err(failure) => {
                    let words: String = failure.words().chars().take(500).collect();
                    let last = run.attempt() >= REPLAY.max_attempts && !failure.is_outage();
                    let (error, ended) = (words.clone(), last.then(|| self.0.clock.now_ms()));
                    let keep = async move |tx: &mut Tx| replays::failed(tx, id, &error, ended).await;
                    self.0.store.write(keep).await?;
                    return Err(Failure::Retry(words));
                }
            }
        }
    }

    /// A stream that this process declares and does not serve: the job is for another process of the fleet.
    fn is_served_elsewhere(&self, subscription: &str) -> bool {
        let stream = matches!(self.target(subscription), Ok(Target::Stream(_)));
        stream && !self.0.served.lock().contains_key(subscription)
    }

    async fn replay_batch(&self, replay: &Replay) -> Result<Batched, StreamFailure> {
        let gone = |_| StreamFailure::new(format!("{} is not declared here", replay.subscription));
        let target = self.target(&replay.subscription).map_err(gone)?;
        let chosen: Chosen = serde_json::from_str(&replay.filter)?;
        let (id, from, to, now_ms) = (replay.id, replay.next_position, replay.to_position, self.0.clock.now_ms());
        let stretch = self.stretch(from, to).await?;
        let next = stretch.last().map_or(to + 1, |event| event.position + 1);
        let batch: Vec<Event> =
            stretch.into_iter().filter(|event| target.wants(event) && chosen.wants(event)).collect();
        let count = batch.len() as i64;
        let advance = async move |tx: &mut Tx| replays::advance(tx, id, (from, next), count, now_ms).await;
        let moved = match target {
            Target::Stream(stream) if !batch.is_empty() => {
                let served = self.0.served.lock().get(stream.name).cloned();
                let served = served.ok_or_else(|| StreamFailure::new(format!("{} is not served here", stream.name)))?;
                served.serve.run(&self.0.store, batch, true, advance).await?
            }
            Target::Stream(_) => self.0.store.write_relaxed(advance).await?,
            Target::Work(work) => {
                let events = self.clone();
                let enqueue = async move |tx: &mut Tx| {
                    let moved = advance(tx).await?;
                    for event in batch.iter().filter(|_| moved) {
                        let job = work.job(event.position, event.subject.as_deref(), event.trace.clone());
                        events.0.jobs.enqueue(tx, job).await?;
                    }
                    Ok::<_, EnqueueError>(moved)
                };
                self.0.store.write(enqueue).await?
            }
        };
        // Whoever else moved it, or called it off, goes on with it.
        Ok(if moved && next <= to { Batched::More } else { Batched::Over })
    }

    /// The next events of a range, a batch at most.
    async fn stretch(&self, from: i64, to: i64) -> Result<Vec<Event>, StoreError> {
        self.0.store.read(async move |tx| crate::store::stretch(tx, from, to, limits::STREAM_BATCH).await).await
    }
}
