//! Webhook ingest: from a signed delivery to the durable answer.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::{Admin, Server};
use tokio::task::JoinSet;

use crate::http::Connection;
use crate::latencies::Latencies;
use crate::pace::Pace;
use crate::payloads::{Delivery, Sender};
use crate::process;
use crate::report::{Conditions, Report};

/// How the deliveries come.
#[derive(Clone, Copy)]
pub(crate) enum Arrival {
    /// So many a second, whatever became of the ones before.
    Steady { per_s: u32 },
    /// As fast as they are answered, with so many waiting for their answer.
    Closed { in_flight: usize },
}

struct Phase {
    name: &'static str,
    arrival: Arrival,
    deliveries: usize,
    repositories: usize,
}

const MANY: usize = 200;
const PHASES: &[Phase] = &[
    Phase { name: "200/s", arrival: Arrival::Steady { per_s: 200 }, deliveries: 2_000, repositories: MANY },
    Phase { name: "1,000/s", arrival: Arrival::Steady { per_s: 1_000 }, deliveries: 10_000, repositories: MANY },
    Phase {
        name: "1,000/s, one repository",
        arrival: Arrival::Steady { per_s: 1_000 },
        deliveries: 5_000,
        repositories: 1,
    },
    Phase { name: "32 in flight", arrival: Arrival::Closed { in_flight: 32 }, deliveries: 15_000, repositories: MANY },
    Phase {
        name: "128 in flight",
        arrival: Arrival::Closed { in_flight: 128 },
        deliveries: 15_000,
        repositories: MANY,
    },
];

/// Keep-alive connections of the steady phases.
const CONNECTIONS: usize = 64;
/// Jobs that have not settled by then never will.
const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) async fn run(rounds: u32) -> Result<()> {
    let mut report = Report::new("ingest");
    for round in 1..=rounds {
        for phase in PHASES {
            report.progress(format_args!("round {round}, {}", phase.name));
            let server = Server::start().await?;
            let (found, around) = Conditions::around(&server.data(), measure(&server, phase)).await?;
            found.report(&mut report, phase, around);
        }
    }
    report.goal("1,000/s: p99", "< 5");
    report.finish();
    Ok(())
}

struct Found {
    answers: Latencies,
    /// How late the generator itself was.
    lags: Latencies,
    seconds: f64,
    cpu_s: f64,
    written_bytes: f64,
    settled_after_s: f64,
    commits: Commits,
}

impl Found {
    fn report(mut self, report: &mut Report, phase: &Phase, around: Conditions) {
        let deliveries = self.answers.len() as f64;
        let name = |what: &str| format!("{}: {what}", phase.name);
        if matches!(phase.arrival, Arrival::Closed { .. }) {
            report.add(name("throughput"), "deliveries/s", deliveries / self.seconds, around);
        }
        report.add(name("p50"), "ms", self.answers.quantile(0.5), around);
        report.add(name("p99"), "ms", self.answers.quantile(0.99), around);
        report.add(name("max"), "ms", self.answers.quantile(1.0), around);
        if matches!(phase.arrival, Arrival::Steady { .. }) {
            report.add(name("p99 of the generator's own lag"), "ms", self.lags.quantile(0.99), around);
        }
        report.add(name("server CPU, composed and aired"), "ms/delivery", self.cpu_s * 1000.0 / deliveries, around);
        let written = self.written_bytes / 1024.0 / deliveries;
        report.add(name("written to disk"), "KiB/delivery", written, around);
        report.add(name("until all jobs were settled"), "s", self.settled_after_s, around);
        report.add(name("a commit with its sync, mean"), "ms", self.commits.mean_ms(), around);
        report.add(name("writes in a commit, mean"), "writes", self.commits.writes / self.commits.count, around);
    }
}

async fn measure(server: &Server, phase: &Phase) -> Result<Found> {
    let pid = server.pid().context("the server is gone")?;
    let sender = Sender::new(server, phase.repositories)?;
    let deliveries: Arc<Vec<Delivery>> = Arc::new((0..phase.deliveries).map(|n| sender.push(n)).collect());
    let admin = server.admin().await?;
    let before = Commits::read(server).await?;

    let (cpu, written, begun) = (process::cpu_s(pid)?, process::written_bytes(pid)?, Instant::now());
    let (answers, lags) = drive(&server.address(), phase.arrival, &deliveries).await?;
    let seconds = begun.elapsed().as_secs_f64();
    settled(&admin).await?;
    let settled_after_s = begun.elapsed().as_secs_f64();
    let (cpu_s, written_bytes) = (process::cpu_s(pid)? - cpu, process::written_bytes(pid)? - written);
    let commits = Commits::read(server).await?.since(&before);
    verify(&admin, &deliveries).await?;
    Ok(Found { answers, lags, seconds, cpu_s, written_bytes, settled_after_s, commits })
}

/// Sends every delivery; every one must be acknowledged.
pub(crate) async fn drive(
    address: &str,
    arrival: Arrival,
    deliveries: &Arc<Vec<Delivery>>,
) -> Result<(Latencies, Latencies)> {
    let count = match arrival {
        Arrival::Steady { .. } => CONNECTIONS,
        Arrival::Closed { in_flight } => in_flight,
    };
    let mut connections = Vec::with_capacity(count);
    for _ in 0..count {
        connections.push(Connection::open(address).await?);
    }
    let mut senders = JoinSet::new();
    let next = Arc::new(AtomicUsize::new(0));
    let pace = match arrival {
        Arrival::Steady { per_s } => Some(Pace::start(per_s, deliveries.len())),
        Arrival::Closed { .. } => None,
    };
    for connection in connections {
        let (deliveries, next, pace) = (deliveries.clone(), next.clone(), pace.clone());
        senders.spawn(async move {
            match pace {
                Some(pace) => steady(connection, &deliveries, &pace).await,
                None => closed(connection, &deliveries, &next).await,
            }
        });
    }
    let (mut answers, mut lags) = (Latencies::default(), Latencies::default());
    while let Some(sent) = senders.join_next().await {
        let (answered, lagged) = sent??;
        answers.absorb(answered);
        lags.absorb(lagged);
    }
    ensure!(answers.len() == deliveries.len(), "{} of {} were sent", answers.len(), deliveries.len());
    Ok((answers, lags))
}

async fn steady(mut connection: Connection, deliveries: &[Delivery], pace: &Pace) -> Result<(Latencies, Latencies)> {
    let (mut answers, mut lags) = (Latencies::default(), Latencies::default());
    while let Some(beat) = pace.next().await {
        lags.add(beat.due.elapsed());
        send(&mut connection, &deliveries[beat.number]).await?;
        answers.add(beat.due.elapsed());
    }
    Ok((answers, lags))
}

async fn closed(
    mut connection: Connection,
    deliveries: &[Delivery],
    next: &AtomicUsize,
) -> Result<(Latencies, Latencies)> {
    let mut answers = Latencies::default();
    while let Some(delivery) = deliveries.get(next.fetch_add(1, Ordering::Relaxed)) {
        let begun = Instant::now();
        send(&mut connection, delivery).await?;
        answers.add(begun.elapsed());
    }
    Ok((answers, Latencies::default()))
}

/// One delivery to its acknowledgement.
pub(crate) async fn send(connection: &mut Connection, delivery: &Delivery) -> Result<()> {
    let (status, body) = connection.ask(&delivery.request).await?;
    ensure!(status == 200, "delivery {}: {status} {}", delivery.id, String::from_utf8_lossy(body));
    Ok(())
}

/// Waits until every job has ended, and looks that none was given up.
pub(crate) async fn settled(admin: &Admin) -> Result<()> {
    let begun = Instant::now();
    loop {
        let counts = counts(admin).await?;
        let count = |state: &str| counts[state].as_i64().unwrap_or_default();
        let open: i64 = ["available", "scheduled", "executing", "retryable"].into_iter().map(count).sum();
        ensure!(count("discarded") == 0, "jobs were given up: {counts}");
        if open == 0 {
            return Ok(());
        }
        ensure!(begun.elapsed() < PATIENCE, "jobs are still open: {counts}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Asked twice if need be: the server closes a connection that was idle for ten seconds, perhaps at this very moment.
async fn counts(admin: &Admin) -> Result<Value> {
    const PATH: &str = "/api/v1/jobs/counts";
    match admin.get(PATH).await {
        Ok(counts) => Ok(counts),
        Err(_) => admin.get(PATH).await,
    }
}

/// Every acknowledged delivery is in the log, by its own id.
async fn verify(admin: &Admin, sent: &[Delivery]) -> Result<()> {
    let mut kept = HashSet::new();
    let mut before = String::new();
    loop {
        let path = format!("/api/v1/webhooks/deliveries?verdict=accepted&limit=200{before}");
        let page = admin.get(&path).await?;
        let items = page["items"].as_array().context("a list of deliveries")?;
        let logged = items.iter().filter(|item| item["event_position"].is_i64());
        kept.extend(logged.filter_map(|item| item["delivery_id"].as_str().map(str::to_owned)));
        let Some(next) = page["next"].as_str() else { break };
        before = format!("&before={next}");
    }
    let lost = sent.iter().filter(|delivery| !kept.contains(&delivery.id)).count();
    ensure!(lost == 0, "{lost} of {} acknowledged deliveries are not in the log", sent.len());
    Ok(())
}

/// The store's commits, from the server's own metrics.
#[derive(Default)]
struct Commits {
    count: f64,
    seconds: f64,
    writes: f64,
}

impl Commits {
    async fn read(server: &Server) -> Result<Self> {
        let metrics = Connection::open(&server.address()).await?.get("/metrics").await?;
        let value = |name: &str| {
            let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.and_then(|value| value.parse().ok()).unwrap_or_default()
        };
        Ok(Self {
            count: value("store_commit_seconds_count"),
            seconds: value("store_commit_seconds_sum"),
            writes: value("store_writes_total"),
        })
    }

    fn since(self, before: &Self) -> Self {
        Self {
            count: self.count - before.count,
            seconds: self.seconds - before.seconds,
            writes: self.writes - before.writes,
        }
    }

    fn mean_ms(&self) -> f64 {
        self.seconds * 1000.0 / self.count
    }
}
