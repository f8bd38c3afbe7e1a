//! What the job engine asks of PostgreSQL for a job, and how long the answers take there. Goals there are none: it shows where
//! time goes.

use anyhow::{Context, Result};

use crate::database::Server;
use crate::jobs_bench::{self as ours, ALONE, BACKLOG, Place};
use crate::report::Report;

const PHASES: [(&str, usize); 4] = [
    ("enqueue, one at a time", ALONE),
    ("enqueue, 32 in flight", BACKLOG),
    ("enqueue, 1,000 at once", BACKLOG),
    ("drain", BACKLOG),
];
/// Statements of a path that are shown.
const SHOWN: usize = 8;
/// These are sent in one text behind another statement, and cost no way of their own.
const RIDERS: &[&str] = &["SET ", "SAVEPOINT", "SELECT pg_advisory_xact_lock"];

/// A statement: how often it was called, how long that took in the server (milliseconds), its text.
type Called = (f64, f64, String);

pub(crate) async fn run(rounds: u32) -> Result<()> {
    let mut report = Report::new("paths");
    let server =
        Server::start(&[("shared_preload_libraries", "pg_stat_statements"), ("pg_stat_statements.save", "off")])?;
    println!("{}", server.words()?);
    let mut shown = Vec::new();
    for round in 1..=rounds {
        report.progress(format_args!("round {round}"));
        shown.clear();
        for (path, jobs) in PHASES {
            let place = Place::Database(server.database("paths")?);
            server.sql("paths", "CREATE EXTENSION pg_stat_statements")?;
            let store = place.open().await?;
            if path == "drain" {
                ours::backlog(&store).await?;
            }
            store.close().await;
            server.sql("paths", "SELECT pg_stat_statements_reset()")?;
            let (seconds, cost, around) = server.around(walk(&place, path)).await?;
            let called = called(&server)?;
            let jobs_f = jobs as f64;
            let rides = |called: &&Called| !RIDERS.iter().any(|rider| called.2.starts_with(rider));
            let ways: f64 = called.iter().filter(rides).map(|called| called.0).sum();
            let calls: f64 = called.iter().map(|called| called.0).sum();
            let busy_ms: f64 = called.iter().map(|called| called.1).sum();
            report.add(format!("{path}: in all"), "µs/job", seconds * 1e6 / jobs_f, around);
            report.add(format!("{path}: round trips"), "/job", ways / jobs_f, around);
            report.add(format!("{path}: statements"), "/job", calls / jobs_f, around);
            report.add(format!("{path}: in statements, by the server"), "µs/job", busy_ms * 1000.0 / jobs_f, around);
            report.add(format!("{path}: CPU of the server"), "µs/job", cost.cpu_s * 1e6 / jobs_f, around);
            shown.push((path, jobs_f, called));
        }
        server.remove("paths")?;
    }
    for (path, jobs, called) in shown {
        println!(
            "\n{path}, the last round\n\n| calls/job | µs/job in the server | µs/call | statement |\n|---|---|---|---|"
        );
        for (calls, ms, text) in called.into_iter().take(SHOWN) {
            let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(100).collect();
            println!("| {:.3} | {:.2} | {:.2} | {text} |", calls / jobs, ms * 1000.0 / jobs, ms * 1000.0 / calls);
        }
    }
    report.finish();
    Ok(())
}

/// Seconds of a path.
async fn walk(place: &Place, path: &str) -> Result<f64> {
    let store = place.open().await?;
    let seconds = if path == "drain" {
        ours::drain(&store).await?.0
    } else {
        let jobs = ours::engine(&store).await?;
        let seconds = match path {
            "enqueue, one at a time" => ALONE as f64 / ours::alone(&jobs).await?,
            "enqueue, 32 in flight" => BACKLOG as f64 / ours::together(&jobs).await?,
            _ => BACKLOG as f64 / ours::bulks(&jobs).await?,
        };
        jobs.stop(ours::GRACE).await;
        seconds
    };
    store.close().await;
    Ok(seconds)
}

/// What was called in the database since it was asked to forget, by the time that it took.
fn called(server: &Server) -> Result<Vec<Called>> {
    let sql = "SELECT calls, total_exec_time + total_plan_time, translate(query, E'\\n', ' ') FROM pg_stat_statements
         WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query NOT LIKE '%pg_stat_statements%'
         ORDER BY 2 DESC";
    let rows = server.sql("paths", sql)?;
    let called = rows.lines().map(|row| {
        let mut columns = row.splitn(3, '|');
        let mut next = || columns.next().context("a column is missing");
        Ok((next()?.parse()?, next()?.parse()?, next()?.to_owned()))
    });
    called.collect()
}
