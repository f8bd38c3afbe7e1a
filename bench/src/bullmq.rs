//! The job engine beside BullMQ on Redis, in one run, round by round: `full` beside `appendfsync always`, where an
//! acknowledged job survives a power cut, and `normal` beside `everysec`, where it survives a killed process.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use store::{Durability, Store};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::jobs_bench::{self as ours, Place};
use crate::node;
use crate::report::{Conditions, Report};

/// A pair that promises the same: what we call it, what Redis calls it.
const PAIRS: [(Durability, &str, &str); 2] =
    [(Durability::Full, "full", "always"), (Durability::Normal, "normal", "everysec")];
/// Figure, unit, key in the peer's answer, whether more is better.
const FIGURES: [(&str, &str, &str); 6] = [
    ("enqueue, one at a time", "jobs/s", "alone"),
    ("enqueue, 32 in flight", "jobs/s", "together"),
    ("enqueue, 1,000 at once", "jobs/s", "bulks"),
    ("drain of 20,000", "jobs/s", "drain"),
    ("enqueue to start at 200/s: p50", "ms", "p50"),
    ("enqueue to start at 200/s: p99", "ms", "p99"),
];
/// DESIGN: the drain, embedded and synced with a million others waiting, beside BullMQ as it usually runs.
const TIMES: f64 = 5.0;

pub(crate) async fn run(rounds: u32) -> Result<()> {
    node::is_there()?;
    let mut report = Report::new("bullmq");
    let crowded = [tempfile::tempdir()?, tempfile::tempdir()?];
    let mut stores = Vec::new();
    for ((durability, word, _), dir) in PAIRS.into_iter().zip(&crowded) {
        report.progress(format_args!("{word}: a million jobs of other queues go in first"));
        let store = Place::directory(dir.path(), durability).open().await?;
        ours::fill(&store, &report).await?;
        stores.push(store);
    }
    let mut drained = [Vec::new(), Vec::new()];
    for round in 1..=rounds {
        for (((durability, word, appendfsync), dir), store) in PAIRS.into_iter().zip(&crowded).zip(&stores) {
            report.progress(format_args!("round {round}: {word} beside {appendfsync}"));
            let mine = measure(durability, store);
            let (mine, around) = Conditions::around(dir.path(), mine).await?;
            add(&mut report, &format!("Mainspring {word}"), mine, around);
            let dir = tempfile::tempdir()?;
            let (theirs, around) = Conditions::around(dir.path(), bullmq(dir.path(), appendfsync)).await?;
            add(&mut report, &format!("BullMQ {appendfsync}"), theirs, around);
            if durability == Durability::Full {
                drained[0].push(mine[3]);
            }
            if appendfsync == "everysec" {
                drained[1].push(theirs[3]);
            }
        }
    }
    for store in stores {
        store.close().await;
    }
    let [full, everysec] = drained.map(|rounds| crate::report::median(&rounds));
    println!(
        "drain, Mainspring full with a million others waiting / BullMQ everysec with none: {:.1} (goal ≥ {TIMES})",
        full / everysec
    );
    report.finish();
    Ok(())
}

fn add(report: &mut Report, who: &str, figures: [f64; 6], around: Conditions) {
    for ((name, unit, _), figure) in FIGURES.into_iter().zip(figures) {
        report.add(format!("{who}: {name}"), unit, figure, around);
    }
}

async fn measure(durability: Durability, crowded: &Store) -> Result<[f64; 6]> {
    let dir = tempfile::tempdir()?;
    let store = Place::directory(dir.path(), durability).open().await?;
    let jobs = ours::engine(&store).await?;
    let (alone, together) = (ours::alone(&jobs).await?, ours::together(&jobs).await?);
    let bulks = ours::bulks(&jobs).await?;
    jobs.stop(ours::GRACE).await;
    store.close().await;
    ours::backlog(crowded).await?;
    let (seconds, _) = ours::drain(crowded).await?;
    let dir = tempfile::tempdir()?;
    let mut starts = ours::starts(&Place::directory(dir.path(), durability)).await?;
    let drain = ours::BACKLOG as f64 / seconds;
    Ok([alone, together, bulks, drain, starts.quantile(0.5), starts.quantile(0.99)])
}

/// A Redis of its own and BullMQ on it, both at their usual settings but for the one that is compared.
async fn bullmq(dir: &Path, appendfsync: &str) -> Result<[f64; 6]> {
    let port = free_port()?;
    let mut redis = redis(dir, port, appendfsync).await?;
    let figures = node::run("bullmq.mjs", &[port.to_string()]).await?;
    redis.kill().await?;
    let mut read = [0.0; 6];
    for (place, (_, _, key)) in read.iter_mut().zip(FIGURES) {
        *place = node::figure(&figures, key)?;
    }
    Ok(read)
}

async fn redis(dir: &Path, port: u16, appendfsync: &str) -> Result<Child> {
    let child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"])
        .args(["--appendfsync", appendfsync, "--dir"])
        .arg(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .context("redis-server cannot be started (Debian: apt-get install redis-server)")?;
    let begun = std::time::Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        ensure!(begun.elapsed() < Duration::from_secs(10), "Redis does not listen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(child)
}

fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
