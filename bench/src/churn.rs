//! The job engine on PostgreSQL for a long time: what the tables grow to and how soon jobs begin, while history is dropped, while
//! somebody holds a transaction open, and after that.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use jobs::policy::Keep;
use jobs::{Handler, Jobs, NewJob, Run, handler};
use kernel::Clock;
use tokio::task::JoinSet;

use crate::database::Server;
use crate::instance::TIMED;
use crate::jobs_bench::{self as ours, GRACE, Place, SLOTS};
use crate::latencies::Latencies;
use crate::pace::Pace;
use crate::report::Report;

const PER_S: u32 = 1_000;
/// Jobs are removed so long after their end; the table holds what ended since.
const KEEP: Keep = Keep::all(20_000);
const PRUNES: Duration = Duration::from_secs(2);
const DATABASE: &str = "churn";
/// How often a job is offered, and how long after a refusal.
const PATIENCE: u32 = 600;
const AGAIN: Duration = Duration::from_millis(100);

/// Three phases of so many seconds: as ever, with a transaction held open, and when it has ended.
pub(crate) async fn run(seconds: u32) -> Result<()> {
    // What dies is looked at each second, as on a server that is asked to; the rest of its vacuuming is as it comes.
    let (mut report, server) = (Report::new("churn"), Server::start(&[("autovacuum_naptime", "1s")])?);
    println!("{}", server.words()?);
    let place = Place::Database(server.database(DATABASE)?);
    // Warm, and the table as large as it will be.
    phase(&place, seconds.min(30)).await?;
    for (words, held) in [("as ever", false), ("a transaction held open", true), ("after it", false)] {
        report.progress(words);
        let measured = async {
            let holder = held.then(|| hold(&server)).transpose()?;
            let (waits, refused) = phase(&place, seconds).await?;
            let sizes = sizes(&server)?;
            if let Some(mut holder) = holder {
                holder.kill()?;
                holder.wait()?;
            }
            Ok((waits, refused, sizes))
        };
        let ((mut waits, refused, sizes), cost, around) = server.around(measured).await?;
        let jobs = f64::from(PER_S * seconds);
        for (share, word) in [(0.5, "p50"), (0.99, "p99")] {
            report.add(
                format!("{words}: enqueue in another process to start: {word}"),
                "ms",
                waits.quantile(share),
                around,
            );
        }
        report.add(format!("{words}: enqueues refused for a moment"), "", f64::from(refused), around);
        report.add(format!("{words}: CPU of the server"), "µs/job", cost.cpu_s * 1e6 / jobs, around);
        let Sizes { table, indexes, rows } = sizes;
        report.add(format!("{words}: the table at its end"), "MiB", table, around);
        report.add(format!("{words}: its indexes"), "MiB", indexes, around);
        report.add(format!("{words}: rows in it"), "", rows, around);
    }
    report.finish();
    Ok(())
}

struct Sizes {
    table: f64,
    indexes: f64,
    rows: f64,
}

fn sizes(server: &Server) -> Result<Sizes> {
    let sql = "SELECT pg_relation_size('jobs') / 1048576.0, pg_indexes_size('jobs') / 1048576.0, COUNT(*) FROM jobs";
    let told = server.sql(DATABASE, sql)?;
    let mut columns = told.split('|').map(str::parse::<f64>);
    let mut next = || anyhow::Ok(columns.next().context("a column is missing")??);
    Ok(Sizes { table: next()?, indexes: next()?, rows: next()? })
}

/// A session that keeps a snapshot of now.
fn hold(server: &Server) -> Result<Child> {
    let mut psql = server.psql(DATABASE);
    let mut psql = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let sql = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT COUNT(*) FROM jobs;\n\\echo held";
    writeln!(psql.stdin.as_mut().context("no input")?, "{sql}")?;
    let lines = BufReader::new(psql.stdout.as_mut().context("no output")?).lines();
    ensure!(lines.map_while(Result::ok).any(|line| line == "held"), "no transaction is held");
    Ok(psql)
}

/// One process enqueues and runs nothing, another runs what it does and removes what has ended: how long jobs waited, and how often
/// the store had no room for one.
async fn phase(place: &Place, seconds: u32) -> Result<(Latencies, u32)> {
    let (from, to) = (place.open().await?, place.open().await?);
    let (enqueuer, worker) = (ours::engine(&from).await?, ours::engine(&to).await?);
    let waits = Arc::new(Mutex::new(Latencies::default()));
    worker.serve(vec![(TIMED, timer(&waits))], SLOTS);
    let pruning = tokio::spawn(prune(worker.clone()));
    let (pace, mut calls) = (Pace::start(PER_S, (PER_S * seconds) as usize), JoinSet::new());
    let mut refused = 0;
    while pace.next().await.is_some() {
        while let Some(enqueued) = calls.try_join_next() {
            refused += enqueued??;
        }
        calls.spawn(enqueue(enqueuer.clone()));
    }
    for enqueued in calls.join_all().await {
        refused += enqueued?;
    }
    pruning.abort();
    worker.stop(GRACE).await;
    enqueuer.stop(GRACE).await;
    from.close().await;
    to.close().await;
    let waits = std::mem::take(&mut *waits.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    ensure!(waits.len() > 0, "no job ran");
    Ok((waits, refused))
}

/// Patient, as whoever enqueues is when the disk stands still for a moment: how often it was refused. It has waited since its first call.
async fn enqueue(jobs: Jobs) -> Result<u32> {
    let (called_ms, mut refused) = (Clock::system().now_ms(), 0);
    while let Err(error) = jobs.enqueue_now(NewJob::new(TIMED, &called_ms)).await {
        refused += 1;
        ensure!(refused < PATIENCE, "{refused} times refused, the last time because {error}");
        tokio::time::sleep(AGAIN).await;
    }
    Ok(refused)
}

async fn prune(jobs: Jobs) {
    let mut tick = tokio::time::interval(PRUNES);
    loop {
        tick.tick().await;
        if let Err(error) = jobs.prune(KEEP).await {
            eprintln!("churn: {error}");
        }
    }
}

/// Whole milliseconds from the enqueuer's clock to this one's, which are the same machine's.
fn timer(waits: &Arc<Mutex<Latencies>>) -> Handler {
    let waits = waits.clone();
    handler(move |run: Run| {
        let (now_ms, waits) = (Clock::system().now_ms(), waits.clone());
        async move {
            let called_ms: i64 = run.args()?;
            let waited = Duration::from_millis((now_ms - called_ms).max(0).unsigned_abs());
            waits.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).add(waited);
            Ok(())
        }
    })
}
