//! The job engine inside this process: what an enqueue costs, how fast a backlog goes, how soon a job starts.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jobs::{EnqueueError, Handler, Jobs, Kind, Life, NewJob, Run, handler};
use kernel::{Clock, Entropy, Secret};
use store::{Durability, Store, params};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::latencies::Latencies;
use crate::pace::Pace;
use crate::process;
use crate::report::{Conditions, Report};

pub(crate) const NOOP: Kind = Kind::new("bench.noop").on("bench");
/// Kinds of queues that nobody serves.
const OTHERS: [Kind; 4] = [
    Kind::new("other.a").on("a"),
    Kind::new("other.b").on("b"),
    Kind::new("other.c").on("c"),
    Kind::new("other.d").on("d"),
];
const WAITING: usize = 1_000_000;
pub(crate) const ALONE: usize = 2_000;
pub(crate) const BACKLOG: usize = 20_000;
pub(crate) const BULK: usize = 1_000;
pub(crate) const SLOTS: usize = 100;
pub(crate) const PER_S: u32 = 200;
/// Starts that are not counted: the first second.
pub(crate) const WARM: usize = 200;
pub(crate) const STARTS: usize = 15 * PER_S as usize;
pub(crate) const GRACE: Duration = Duration::from_secs(30);

/// Where the jobs of a measurement lie.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Directory(PathBuf, Durability),
    /// Of this URL.
    Database(String),
}

impl Place {
    pub(crate) fn directory(path: &Path, durability: Durability) -> Self {
        Self::Directory(path.to_owned(), durability)
    }

    pub(crate) async fn open(&self) -> Result<Store> {
        let (clock, entropy) = (Clock::system(), Entropy::system());
        Ok(match self {
            Self::Directory(path, durability) => {
                Store::embedded(path, *durability, jobs::MIGRATIONS, &clock, &entropy)?
            }
            Self::Database(url) => {
                let url = Secret::new(url.clone());
                Box::pin(Store::postgres(&url, Durability::Full, jobs::MIGRATIONS, &clock, &entropy)).await?
            }
        })
    }
}

pub(crate) async fn run(rounds: u32) -> Result<()> {
    let mut report = Report::new("jobs");
    let crowded = tempfile::tempdir()?;
    let store = Place::directory(crowded.path(), Durability::Full).open().await?;
    fill(&store, &report).await?;
    for round in 1..=rounds {
        report.progress(format_args!("round {round}"));
        enqueues(&mut report).await?;
        pick_up(&mut report).await?;
        let drained = async {
            backlog(&store).await?;
            drain(&store).await
        };
        let ((seconds, cpu_s), around) = Conditions::around(crowded.path(), drained).await?;
        let (drain, cpu) = ("drain of 20,000, 1,000,000 others waiting", "CPU of a drained job");
        report.add(drain, "jobs/s", BACKLOG as f64 / seconds, around);
        report.add(cpu, "µs/job", cpu_s * 1e6 / BACKLOG as f64, around);
        report.goal(drain, "≥ 50,000");
    }
    store.close().await;
    report.finish();
    Ok(())
}

/// A new life of the engine over this store; nothing runs before it serves.
pub(crate) async fn engine(store: &Store) -> Result<Jobs> {
    let life = if store.stats().engine == "sqlite" { Life::Locked } else { Life::Renewed };
    let jobs = Jobs::new(store.clone(), Clock::system(), Entropy::system(), "bench".to_owned(), life).await?;
    jobs.attend();
    Ok(jobs)
}

async fn bulk(jobs: &Jobs, kind: Kind, count: usize) -> Result<()> {
    let new = (0..count).map(|number| NewJob::new(kind, &number)).collect();
    let enqueued = jobs.enqueue_all(new).await?;
    ensure!(enqueued.len() == count, "{} of {count} jobs were enqueued", enqueued.len());
    Ok(())
}

pub(crate) async fn fill(store: &Store, report: &Report) -> Result<()> {
    let jobs = engine(store).await?;
    let begun = Instant::now();
    for turn in 0..WAITING / BULK {
        bulk(&jobs, OTHERS[turn % OTHERS.len()], BULK).await?;
        let filled = (turn + 1) * BULK;
        if filled.is_multiple_of(200_000) {
            report.progress(format_args!("{filled} others wait after {:.0} s", begun.elapsed().as_secs_f64()));
        }
    }
    jobs.stop(GRACE).await;
    Ok(())
}

async fn enqueues(report: &mut Report) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let store = Place::directory(dir.path(), Durability::Full).open().await?;
    let jobs = engine(&store).await?;
    let (per_s, around) = Conditions::around(dir.path(), alone(&jobs)).await?;
    report.add("enqueue, one at a time", "jobs/s", per_s, around);
    let (per_s, around) = Conditions::around(dir.path(), together(&jobs)).await?;
    report.add("enqueue, 32 in flight", "jobs/s", per_s, around);
    let (per_s, around) = Conditions::around(dir.path(), bulks(&jobs)).await?;
    report.add("enqueue, 1,000 in one transaction", "jobs/s", per_s, around);
    jobs.stop(GRACE).await;
    store.close().await;
    Ok(())
}

/// Acknowledged enqueues a second: the next when the one before is durable.
pub(crate) async fn alone(jobs: &Jobs) -> Result<f64> {
    let begun = Instant::now();
    for number in 0..ALONE {
        jobs.enqueue_now(NewJob::new(NOOP, &number)).await?;
    }
    Ok(ALONE as f64 / begun.elapsed().as_secs_f64())
}

/// Acknowledged enqueues a second with 32 callers.
pub(crate) async fn together(jobs: &Jobs) -> Result<f64> {
    let (begun, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut callers = JoinSet::new();
    for _ in 0..32 {
        let (jobs, next) = (jobs.clone(), next.clone());
        callers.spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= BACKLOG {
                    return Ok(());
                }
                jobs.enqueue_now(NewJob::new(NOOP, &number)).await?;
            }
        });
    }
    callers.join_all().await.into_iter().collect::<Result<(), EnqueueError>>()?;
    Ok(BACKLOG as f64 / begun.elapsed().as_secs_f64())
}

/// Enqueues a second, a thousand in one transaction.
pub(crate) async fn bulks(jobs: &Jobs) -> Result<f64> {
    let begun = Instant::now();
    for _ in 0..BACKLOG / BULK {
        bulk(jobs, NOOP, BULK).await?;
    }
    Ok(BACKLOG as f64 / begun.elapsed().as_secs_f64())
}

/// Fills the queue while nobody serves it.
pub(crate) async fn backlog(store: &Store) -> Result<()> {
    let jobs = engine(store).await?;
    bulks(&jobs).await?;
    jobs.stop(GRACE).await;
    Ok(())
}

/// Serves a backlog to its end: seconds and CPU seconds until every outcome is written.
pub(crate) async fn drain(store: &Store) -> Result<(f64, f64)> {
    let (jobs, since_ms) = (engine(store).await?, Clock::system().now_ms());
    let (ran, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let noop = {
        let (ran, all) = (ran.clone(), all.clone());
        handler(move |_: Run| {
            if ran.fetch_add(1, Ordering::Relaxed) + 1 == BACKLOG {
                all.notify_one();
            }
            async { Ok(()) }
        })
    };
    let cpu = process::cpu_s(std::process::id())?;
    let begun = Instant::now();
    jobs.serve(vec![(NOOP, noop)], SLOTS);
    tokio::time::timeout(Duration::from_secs(300), all.notified()).await.context("the backlog does not end")?;
    jobs.stop(GRACE).await;
    let (seconds, cpu_s) = (begun.elapsed().as_secs_f64(), process::cpu_s(std::process::id())? - cpu);
    let completed = completed(store, since_ms).await?;
    ensure!(completed == BACKLOG, "{completed} jobs are completed, {BACKLOG} were put in");
    ensure!(ran.load(Ordering::Relaxed) == BACKLOG, "a job ran twice");
    Ok((seconds, cpu_s))
}

/// How many jobs have ended well since then: those of before would be counted on the server's time.
pub(crate) async fn completed(store: &Store, since_ms: i64) -> Result<usize> {
    let sql = "SELECT COUNT(*) FROM jobs WHERE state = 4 AND finished_at_ms >= $1";
    let (completed,): (i64,) = store
        .read(async move |tx| tx.one(sql, params![since_ms]).await)
        .await
        .map_err(|error: store::StoreError| error)?;
    Ok(completed as usize)
}

async fn pick_up(report: &mut Report) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let place = Place::directory(dir.path(), Durability::Full);
    let (mut started, around) = Conditions::around(dir.path(), starts(&place)).await?;
    let (p50, p99) = ("enqueue to start at 200/s: p50", "enqueue to start at 200/s: p99");
    report.add(p50, "ms", started.quantile(0.5), around);
    report.add(p99, "ms", started.quantile(0.99), around);
    report.goal(p50, format!("≤ 1 sync + 0.2 ({:.2})", around.sync_ms() + 0.2));
    report.goal(p99, format!("≤ 3 syncs + 2 ({:.2})", around.sync_ms() * 3.0 + 2.0));
    Ok(())
}

/// From the call of enqueue to the first line of the handler, with slots free, at a steady rate.
pub(crate) async fn starts(place: &Place) -> Result<Latencies> {
    let store = place.open().await?;
    let jobs = engine(&store).await?;
    let called: Arc<Vec<OnceLock<Instant>>> = Arc::new((0..WARM + STARTS).map(|_| OnceLock::new()).collect());
    let started = Arc::new(Mutex::new(Latencies::default()));
    jobs.serve(vec![(NOOP, timer(&called, &started))], SLOTS);
    let pace = Pace::start(PER_S, WARM + STARTS);
    let mut calls = JoinSet::new();
    while let Some(beat) = pace.next().await {
        let (jobs, called) = (jobs.clone(), called.clone());
        calls.spawn(async move {
            let job = NewJob::new(NOOP, &beat.number);
            called[beat.number].get_or_init(Instant::now);
            jobs.enqueue_now(job).await
        });
    }
    for enqueued in calls.join_all().await {
        enqueued?;
    }
    // What is enqueued has started or is given back: nothing runs after this.
    jobs.stop(GRACE).await;
    store.close().await;
    let started = std::mem::take(&mut *started.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    ensure!(started.len() >= STARTS * 99 / 100, "only {} of {STARTS} jobs started", started.len());
    Ok(started)
}

fn timer(called: &Arc<Vec<OnceLock<Instant>>>, started: &Arc<Mutex<Latencies>>) -> Handler {
    let (called, started) = (called.clone(), started.clone());
    handler(move |run: Run| {
        let now = Instant::now();
        let (called, started) = (called.clone(), started.clone());
        async move {
            let number: usize = run.args()?;
            if let Some(call) = called[number].get().filter(|_| number >= WARM) {
                let mut started = started.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                started.add(now.duration_since(*call));
            }
            Ok(())
        }
    })
}
