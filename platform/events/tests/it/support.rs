//! A log over a real store, and the few event types that the tests append.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use events::handler::StreamHandler;
use events::{AppendError, Appended, Event, EventType, Events, Filter, NewEvent, Registry, Stream, Work};
use jobs::{Jobs, Kind, Life};
use kernel::{Clock, Entropy};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use store::{Durability, Migration, Store, StoreError, Value};
use tokio::sync::mpsc;

pub(crate) const START_MS: i64 = 1_700_000_000_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Heard {
    pub(crate) station: String,
    pub(crate) notes: Vec<Note>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Note {
    pub(crate) pitch: u8,
}

impl EventType for Heard {
    const TYPE: &'static str = "radio.phrase";
    const VERSION: u32 = 3;
}

pub(crate) const HEARD: Kind = Kind::new("hear_phrase");
pub(crate) const GITHUB: Kind = Kind::new("react_to_github");
pub(crate) const PUSH: Kind = Kind::new("react_to_push").on("other");

pub(crate) const ALL_GITHUB: Stream = Stream::new("all_github", Filter("github.*"));
pub(crate) const PHRASES: Stream = Stream::new("phrases", Filter("radio.phrase"));

const SCRATCH: Migration = Migration { part: "test", version: 1, sql: "CREATE TABLE scratch (word TEXT NOT NULL)" };

/// A log in a directory of its own. It can be shut and opened again.
pub(crate) struct Bed {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) jobs: Jobs,
    pub(crate) events: Events,
}

impl Bed {
    /// With work and stream subscriptions as above.
    pub(crate) async fn new() -> Self {
        Self::with(&[ALL_GITHUB, PHRASES]).await
    }

    pub(crate) async fn with(streams: &[Stream]) -> Self {
        Self::wired(streams, |_| {}).await
    }

    /// With more declared than every log here has.
    pub(crate) async fn wired(streams: &[Stream], more: impl Fn(&mut Registry)) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = Clock::manual(START_MS);
        let (store, jobs, events) = open(dir.path(), &clock, streams, more).await;
        Self { dir, clock, store, jobs, events }
    }

    /// What a restart does. Jobs must not have been served: their loops hold the store.
    pub(crate) async fn reopen(self, streams: &[Stream]) -> Self {
        self.rewired(streams, |_| {}).await
    }

    /// What a restart with another binary does.
    pub(crate) async fn rewired(self, streams: &[Stream], more: impl Fn(&mut Registry)) -> Self {
        let Self { dir, clock, store, jobs, events } = self;
        events.stop().await;
        store.close().await;
        drop((store, jobs, events));
        let (store, jobs, events) = open(dir.path(), &clock, streams, more).await;
        Self { dir, clock, store, jobs, events }
    }

    /// Another process on the same log; on the embedded engine, another log on the same store.
    pub(crate) async fn beside(&self, streams: &[Stream]) -> Self {
        let (dir, clock) = (tempfile::tempdir().expect("a directory"), self.clock.clone());
        let store = if testkit::on_postgres() { open_store(self.dir.path(), &clock) } else { self.store.clone() };
        let (jobs, events) = over(&store, &clock, Life::Renewed, streams, |_| {}).await;
        Self { dir, clock, store, jobs, events }
    }

    pub(crate) async fn append(&self, event: NewEvent) -> Result<Appended, AppendError> {
        append(&self.store, &self.events, event).await
    }

    /// Appends `count` events of a type; the position of the last.
    pub(crate) async fn append_many(&self, kind: &str, count: usize) -> i64 {
        let checked: Vec<_> = (0..count).map(|_| self.events.check(small(kind)).expect("fits")).collect();
        let events = self.events.clone();
        let last: Result<i64, AppendError> = self
            .store
            .write(async move |tx| {
                let mut last = 0;
                for event in &checked {
                    last = position(events.append(tx, event).await?);
                }
                Ok(last)
            })
            .await;
        last.expect("appended")
    }

    pub(crate) async fn number(&self, sql: &'static str) -> i64 {
        self.number_of(sql, "").await
    }

    /// A count in SQL, with one parameter when it is not empty.
    pub(crate) async fn number_of(&self, sql: &'static str, param: &str) -> i64 {
        let param = param.to_owned();
        let row: Result<(i64,), StoreError> = self
            .store
            .read(async move |tx| {
                let params: Vec<Value<'_>> = if param.is_empty() { vec![] } else { vec![Value::from(&param)] };
                tx.one(sql, &params).await
            })
            .await;
        row.expect("a number").0
    }

    pub(crate) async fn execute(&self, sql: &'static str) -> u64 {
        let done: Result<u64, StoreError> = self.store.write(async move |tx| tx.execute(sql, &[]).await).await;
        done.expect("executed")
    }

    pub(crate) async fn jobs_of(&self, kind: Kind) -> i64 {
        self.number_of("SELECT COUNT(*) FROM jobs WHERE kind = $1", kind.name).await
    }

    /// Removes what is older.
    pub(crate) async fn prune(&self, keep_ms: i64) -> u64 {
        self.events.prune(keep_ms, None).await.expect("pruned")
    }

    pub(crate) async fn count(&self) -> i64 {
        self.number("SELECT COUNT(*) FROM events").await
    }

    /// Where a stream stands; -1 before it is declared.
    pub(crate) async fn cursor(&self, stream: Stream) -> i64 {
        self.number_of("SELECT COALESCE(MAX(position), -1) FROM event_cursors WHERE stream = $1", stream.name).await
    }

    pub(crate) async fn cursor_reaches(&self, stream: Stream, position: i64) {
        until(async || self.cursor(stream.clone()).await >= position).await;
    }

    /// Serves a stream, waits until it is declared, and hands out its batches.
    pub(crate) async fn collect(&self, stream: Stream) -> mpsc::UnboundedReceiver<Vec<Event>> {
        let (send, receive) = mpsc::unbounded_channel();
        self.events.serve(stream.clone(), sending(send));
        self.cursor_reaches(stream, 0).await;
        receive
    }
}

async fn open(
    dir: &std::path::Path,
    clock: &Clock,
    streams: &[Stream],
    more: impl Fn(&mut Registry),
) -> (Store, Jobs, Events) {
    let store = open_store(dir, clock);
    let (jobs, events) = over(&store, clock, Life::Locked, streams, more).await;
    (store, jobs, events)
}

fn open_store(dir: &std::path::Path, clock: &Clock) -> Store {
    let migrations = [jobs::MIGRATIONS, events::MIGRATIONS, fleet::MIGRATIONS, &[SCRATCH]].concat();
    testkit::open(dir, Durability::Normal, &migrations, clock, &Entropy::system()).expect("opened")
}

async fn over(
    store: &Store,
    clock: &Clock,
    life: Life,
    streams: &[Stream],
    more: impl Fn(&mut Registry),
) -> (Jobs, Events) {
    let entropy = Entropy::system();
    let jobs = Jobs::new(store.clone(), clock.clone(), entropy.clone(), "test".to_owned(), life).await;
    let jobs = jobs.expect("jobs");
    let mut registry = Registry::default();
    registry.event::<Heard>();
    registry.family(Filter("github.*"), serde_json::json!({ "type": "object" }));
    registry.open("partner.*").expect("a family");
    registry.reserve("/in/");
    for (kind, filter) in [(HEARD, "radio.phrase"), (GITHUB, "github.*"), (PUSH, "github.push")] {
        registry.work(Work::new(kind, Filter(filter)));
    }
    streams.iter().for_each(|stream| registry.stream(stream.clone()));
    more(&mut registry);
    let events = Events::new(store.clone(), jobs.clone(), clock.clone(), entropy, registry);
    (jobs, events)
}

pub(crate) async fn append(store: &Store, events: &Events, event: NewEvent) -> Result<Appended, AppendError> {
    let checked = events.check(event)?;
    let events = events.clone();
    store.write(async move |tx| events.append(tx, &checked).await).await
}

pub(crate) fn position(appended: Appended) -> i64 {
    match appended {
        Appended::New(position) => position,
        Appended::Known(position) => panic!("known already, at {position}"),
    }
}

/// The smallest event of a type that fits its schema.
pub(crate) fn small(kind: &str) -> NewEvent {
    let data = if kind == Heard::TYPE { r#"{"station":"s","notes":[]}"# } else { "{}" };
    NewEvent::raw(kind, "/test", data.to_owned())
}

pub(crate) fn phrase(station: &str) -> Heard {
    Heard { station: station.to_owned(), notes: vec![Note { pitch: 60 }, Note { pitch: 64 }] }
}

/// A handler that hands its batches on and succeeds.
pub(crate) fn sending(send: mpsc::UnboundedSender<Vec<Event>>) -> StreamHandler {
    Arc::new(move |batch| {
        let send = send.clone();
        Box::pin(async move { send.send(batch).map_err(|_| "the test is over".to_owned()) })
    })
}

/// A handler whose answers are given, one a batch, last one first; then it succeeds.
pub(crate) fn answering(send: mpsc::UnboundedSender<Vec<Event>>, answers: Vec<Result<(), String>>) -> StreamHandler {
    let answers = Arc::new(Mutex::new(answers));
    Arc::new(move |batch| {
        let (send, answer) = (send.clone(), answers.lock().expect("a lock").pop().unwrap_or(Ok(())));
        Box::pin(async move {
            send.send(batch).map_err(|_| "the test is over".to_owned())?;
            answer
        })
    })
}

/// Takes batches until `count` events came; their positions in the order they came.
pub(crate) async fn take(batches: &mut mpsc::UnboundedReceiver<Vec<Event>>, count: usize) -> Vec<i64> {
    let mut positions = Vec::new();
    while positions.len() < count {
        positions.extend(next(batches).await.iter().map(|event| event.position));
    }
    positions
}

pub(crate) async fn next<T>(receiver: &mut mpsc::UnboundedReceiver<T>) -> T {
    within(receiver.recv()).await.expect("the sender lives")
}

/// A guard against a test that would hang: never reached by one that passes.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("within a minute")
}

/// Asks until it is so. For facts that only a table tells.
pub(crate) async fn until(so: impl AsyncFn() -> bool) {
    within(async {
        while !so().await {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Randomness that can be repeated: `SEED=… cargo nextest run …`.
pub(crate) fn dice() -> Entropy {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| Entropy::system().u64());
    println!("SEED={seed}");
    Entropy::seeded(seed)
}
