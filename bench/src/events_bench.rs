//! The event log inside this process: an event, its five jobs, and their ends; and what the same events cost a stream.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use events::handler::{StreamHandler, WorkHandler};
use events::{AppendError, Checked, Events, Filter, NewEvent, Registry, Stream, Work};
use jobs::{Jobs, Kind, Life};
use kernel::{Clock, Entropy};
use store::{Durability, Store, StoreError};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::process;
use crate::report::{Conditions, Report};

/// Five subscriptions of one event type, each on a queue of its own.
const WORKS: [Kind; 5] = [
    Kind::new("bench.a").on("bench.a"),
    Kind::new("bench.b").on("bench.b"),
    Kind::new("bench.c").on("bench.c"),
    Kind::new("bench.d").on("bench.d"),
    Kind::new("bench.e").on("bench.e"),
];
const STREAM: Stream = Stream::new("bench.stream", Filter("*"));
const EVENTS: usize = 20_000;
/// Appends in flight: what a busy door has.
const CALLERS: usize = 64;
const SLOTS: usize = 100;
const GRACE: Duration = Duration::from_secs(30);
const PAYLOAD: &str =
    r#"{"repository":"octocat/hello-world","number":7,"action":"opened","title":"A title of usual length"}"#;

pub(crate) async fn run(rounds: u32) -> Result<()> {
    let mut report = Report::new("events");
    for round in 1..=rounds {
        report.progress(format_args!("round {round}"));
        for (works, name) in [(0, "append, nobody subscribed"), (5, "append to five jobs done")] {
            let dir = tempfile::tempdir()?;
            let lived = whole_life(dir.path(), works);
            let ((seconds, cpu_s), around) = Conditions::around(dir.path(), lived).await?;
            report.add(name, "events/s", EVENTS as f64 / seconds, around);
            report.add(format!("{name}: CPU"), "µs/event", cpu_s * 1e6 / EVENTS as f64, around);
        }
        report.goal("append to five jobs done", "≥ 15,000");
        let dir = tempfile::tempdir()?;
        let (per_s, around) = Conditions::around(dir.path(), streamed(dir.path())).await?;
        report.add("stream, 20,000 events behind", "events/s", per_s, around);
    }
    report.finish();
    Ok(())
}

struct Bed {
    store: Store,
    jobs: Jobs,
    events: Events,
}

async fn open(dir: &Path, works: usize) -> Result<Bed> {
    let (clock, entropy) = (Clock::system(), Entropy::system());
    let migrations = [jobs::MIGRATIONS, events::MIGRATIONS].concat();
    let store = Store::embedded(dir, Durability::Full, &migrations, &clock, &entropy)?;
    let jobs = Jobs::new(store.clone(), clock.clone(), entropy.clone(), "bench".to_owned(), Life::Locked).await?;
    let mut registry = Registry::default();
    registry.open("bench.event").map_err(anyhow::Error::msg)?;
    WORKS[..works].iter().for_each(|kind| registry.work(Work::new(*kind, Filter("bench.event"))));
    registry.stream(STREAM);
    let events = Events::new(store.clone(), jobs.clone(), clock, entropy, registry);
    events.declare_streams().await?;
    Ok(Bed { store, jobs, events })
}

/// From the first append to the last outcome written: seconds and CPU seconds.
async fn whole_life(dir: &Path, works: usize) -> Result<(f64, f64)> {
    let Bed { store, jobs, events } = open(dir, works).await?;
    let (ran, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let handler: WorkHandler = {
        let (ran, all) = (ran.clone(), all.clone());
        Arc::new(move |_, _| {
            if ran.fetch_add(1, Ordering::Relaxed) + 1 == EVENTS * works {
                all.notify_one();
            }
            Box::pin(async { Ok(()) })
        })
    };
    let handlers = WORKS[..works].iter().map(|kind| (*kind, events.work_handler(handler.clone()))).collect();
    jobs.serve(handlers, SLOTS);
    let (begun, cpu) = (Instant::now(), process::cpu_s(std::process::id())?);
    append(&store, &events).await?;
    if works > 0 {
        tokio::time::timeout(Duration::from_secs(300), all.notified()).await.context("the jobs do not end")?;
    }
    jobs.stop(GRACE).await;
    let (seconds, cpu_s) = (begun.elapsed().as_secs_f64(), process::cpu_s(std::process::id())? - cpu);
    let sql = "SELECT COUNT(*) FROM jobs WHERE state = 4";
    let (completed,): (i64,) =
        store.read(async |tx| tx.one(sql, &[]).await).await.map_err(|error: StoreError| error)?;
    ensure!(completed == (EVENTS * works) as i64, "{completed} jobs are completed of {}", EVENTS * works);
    events.stop().await;
    store.close().await;
    Ok((seconds, cpu_s))
}

/// Acknowledged appends, each in a transaction of its own, many in flight.
async fn append(store: &Store, events: &Events) -> Result<()> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (store, events, next) = (store.clone(), events.clone(), next.clone());
        callers.spawn(async move {
            while next.fetch_add(1, Ordering::Relaxed) < EVENTS {
                let event: Checked = events.check(NewEvent::raw("bench.event", "/bench", PAYLOAD.to_owned()))?;
                let events = events.clone();
                store.write(async move |tx| events.append(tx, &event).await).await?;
            }
            Ok(())
        });
    }
    callers.join_all().await.into_iter().collect::<Result<(), AppendError>>()?;
    Ok(())
}

/// A stream that is behind, until it has caught up: events a second.
async fn streamed(dir: &Path) -> Result<f64> {
    let Bed { store, jobs, events } = open(dir, 0).await?;
    append(&store, &events).await?;
    let (seen, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let handler: StreamHandler = {
        let all = all.clone();
        Arc::new(move |batch| {
            if seen.fetch_add(batch.len(), Ordering::Relaxed) + batch.len() == EVENTS {
                all.notify_one();
            }
            Box::pin(async { Ok(()) })
        })
    };
    let begun = Instant::now();
    events.serve(STREAM, handler);
    tokio::time::timeout(Duration::from_secs(60), all.notified()).await.context("the stream does not get on")?;
    let seconds = begun.elapsed().as_secs_f64();
    events.stop().await;
    jobs.stop(GRACE).await;
    store.close().await;
    Ok(EVENTS as f64 / seconds)
}
