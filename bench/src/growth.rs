//! The job engine on PostgreSQL as the fleet and its history grow, and the bus as channels do: the cost of a job or a publication
//! must grow with none of them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use jobs::NewJob;
use kernel::Clock;
use tokio::task::JoinSet;

use crate::channels;
use crate::database::Server;
use crate::instance::{self, Ended, Instance, TIMED};
use crate::jobs_bench::{self as ours, BACKLOG, PER_S, Place, STARTS, WARM};
use crate::latencies::Latencies;
use crate::pace::Pace;
use crate::report::Report;

const INSTANCES: [usize; 3] = [1, 2, 4];
/// Finished jobs, and the database that has them.
const HISTORIES: [(usize, &str); 3] = [(10_000, "history_10k"), (1_000_000, "history_1m"), (10_000_000, "history_10m")];
const PATIENCE: Duration = Duration::from_secs(300);

pub(crate) async fn run(rounds: u32, long: bool) -> Result<()> {
    let (mut report, server) = (Report::new("growth"), Server::start(&[])?);
    println!("{}", server.words()?);
    let histories = &HISTORIES[..if long { 3 } else { 2 }];
    for (finished, name) in histories {
        report.progress(format_args!("{finished} finished jobs go in first"));
        remember(&server, name, *finished).await?;
    }
    for round in 1..=rounds {
        for instances in INSTANCES {
            report.progress(format_args!("round {round}: {instances} instances"));
            fleet(&server, instances, &mut report).await?;
        }
        for (finished, name) in histories {
            report.progress(format_args!("round {round}: {finished} finished jobs"));
            history(&server, *finished, name, &mut report).await?;
        }
        report.progress(format_args!("round {round}: channels"));
        channels::measure(&mut report).await?;
    }
    report.finish();
    Ok(())
}

/// A database with so many finished jobs, all like one that ran.
async fn remember(server: &Server, name: &str, finished: usize) -> Result<()> {
    let place = Place::Database(server.database(name)?);
    let store = place.open().await?;
    ours::backlog(&store).await?;
    ours::drain(&store).await?;
    store.close().await;
    // Whatever the columns are: only the number and the time differ.
    server.sql(
        name,
        &format!(
            "CREATE TABLE one AS SELECT * FROM jobs LIMIT 1;
             TRUNCATE jobs;
             INSERT INTO jobs SELECT copy.* FROM one, generate_series(1, {finished}) AS n,
                 LATERAL jsonb_populate_record(NULL::jobs, to_jsonb(one) || jsonb_build_object('id', nextval('jobs_id_seq'),
                     'finished_at_ms', one.finished_at_ms - {finished} + n)) AS copy;
             DROP TABLE one"
        ),
    )?;
    server.sql(name, "VACUUM ANALYZE")?;
    Ok(())
}

async fn history(server: &Server, finished: usize, name: &str, report: &mut Report) -> Result<()> {
    let place = Place::Database(server.url(name));
    let words = format!("{finished} finished jobs");
    let fill = async {
        let store = place.open().await?;
        let before = Instant::now();
        ours::backlog(&store).await?;
        let per_s = BACKLOG as f64 / before.elapsed().as_secs_f64();
        store.close().await;
        Ok(per_s)
    };
    let (per_s, _, around) = server.around(fill).await?;
    report.add(format!("{words}: enqueue, 1,000 at once"), "jobs/s", per_s, around);
    let drained = async {
        let store = place.open().await?;
        let drained = ours::drain(&store).await?;
        store.close().await;
        Ok(drained)
    };
    let ((seconds, cpu_s), cost, around) = server.around(drained).await?;
    let jobs = BACKLOG as f64;
    report.add(format!("{words}: drain"), "jobs/s", jobs / seconds, around);
    report.add(format!("{words}: drain: CPU, ours"), "µs/job", cpu_s * 1e6 / jobs, around);
    report.add(format!("{words}: drain: CPU, the server's"), "µs/job", cost.cpu_s * 1e6 / jobs, around);
    report.add(format!("{words}: drain: log"), "bytes/job", cost.wal_bytes / jobs, around);
    let (mut starts, _, around) = server.around(ours::starts(&place)).await?;
    for (share, word) in [(0.5, "p50"), (0.99, "p99")] {
        report.add(format!("{words}: enqueue to start at 200/s: {word}"), "ms", starts.quantile(share), around);
    }
    Ok(())
}

async fn fleet(server: &Server, count: usize, report: &mut Report) -> Result<()> {
    let url = server.database("fleet")?;
    let place = Place::Database(url.clone());
    let words = if count == 1 { "1 instance".to_owned() } else { format!("{count} instances") };
    let store = place.open().await?;
    ours::backlog(&store).await?;
    store.close().await;
    let ((seconds, ended), cost, around) = server.around(drain(&url, count)).await?;
    let store = place.open().await?;
    let completed = ours::completed(&store, 0).await?;
    store.close().await;
    ensure!(completed == BACKLOG, "{completed} jobs are completed, {BACKLOG} were put in");
    let jobs = BACKLOG as f64;
    let cpu_s: f64 = ended.iter().map(|instance| instance.cpu_s).sum();
    report.add(format!("{words}: drain"), "jobs/s", jobs / seconds, around);
    report.add(format!("{words}: drain: CPU, theirs together"), "µs/job", cpu_s * 1e6 / jobs, around);
    report.add(format!("{words}: drain: CPU, the server's"), "µs/job", cost.cpu_s * 1e6 / jobs, around);
    report.add(format!("{words}: drain: log"), "bytes/job", cost.wal_bytes / jobs, around);
    let (mut waits, _, around) = server.around(elsewhere(&url, count)).await?;
    for (share, word) in [(0.5, "p50"), (0.99, "p99")] {
        let name = format!("{words}: enqueue in another process to start at 200/s: {word}");
        report.add(name, "ms", waits.quantile(share), around);
    }
    server.remove("fleet")
}

/// Seconds until the last outcome of a backlog is written.
async fn drain(url: &str, count: usize) -> Result<(f64, Vec<Ended>)> {
    let mut instances = start(url, count).await?;
    let begun = Instant::now();
    for instance in &mut instances {
        instance.serve().await?;
    }
    let ran = tokio::time::timeout(PATIENCE, instance::ran(&mut instances, BACKLOG)).await;
    ran.context("the backlog does not end")??;
    let ended = end(instances).await?;
    Ok((begun.elapsed().as_secs_f64(), ended))
}

/// A process that runs nothing enqueues, these run what it does.
async fn elsewhere(url: &str, count: usize) -> Result<Latencies> {
    let mut instances = start(url, count).await?;
    for instance in &mut instances {
        instance.serve().await?;
    }
    let store = Place::Database(url.to_owned()).open().await?;
    let jobs = ours::engine(&store).await?;
    let (pace, mut calls) = (Pace::start(PER_S, WARM + STARTS), JoinSet::new());
    while pace.next().await.is_some() {
        let jobs = jobs.clone();
        calls.spawn(async move { jobs.enqueue_now(NewJob::new(TIMED, &Clock::system().now_ms())).await });
    }
    for enqueued in calls.join_all().await {
        enqueued?;
    }
    let ran = tokio::time::timeout(PATIENCE, instance::ran(&mut instances, WARM + STARTS)).await;
    ran.context("the jobs do not end")??;
    jobs.stop(ours::GRACE).await;
    store.close().await;
    let mut latencies = Latencies::default();
    for ended in end(instances).await? {
        ended.waits_ms.into_iter().for_each(|ms| latencies.add(Duration::from_millis(ms)));
    }
    ensure!(latencies.len() == WARM + STARTS, "{} jobs ran", latencies.len());
    Ok(latencies)
}

async fn start(url: &str, count: usize) -> Result<Vec<Instance>> {
    let mut instances = Vec::with_capacity(count);
    for _ in 0..count {
        instances.push(Instance::start(url).await?);
    }
    Ok(instances)
}

/// Ends all of them at the same time.
async fn end(instances: Vec<Instance>) -> Result<Vec<Ended>> {
    let mut ending = JoinSet::new();
    instances.into_iter().for_each(|instance| drop(ending.spawn(instance.end())));
    ending.join_all().await.into_iter().collect()
}
