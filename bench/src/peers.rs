//! The job engine on PostgreSQL beside pg-boss and graphile-worker, in one run, round by round: one server for all, a database for
//! each measurement. What is enqueued is synced before it is acknowledged, everywhere. Our outcomes are not waited for (a job whose
//! outcome a power cut takes runs again, as everywhere); the peers are measured with theirs synced, as they come, and with theirs
//! not waited for either.

use anyhow::Result;

use crate::database::{Cost, Server};
use crate::jobs_bench::{self as ours, ALONE, BACKLOG, Place};
use crate::report::{Conditions, Report};
use crate::{node, process};

struct Peer {
    name: &'static str,
    script: &'static str,
    /// Phases of its script, and what we call them.
    enqueues: &'static [(&'static str, &'static str)],
    drains: &'static [(&'static str, &'static str)],
    starts: &'static [(&'static str, &'static str)],
}

const PEERS: [Peer; 2] = [
    Peer {
        name: "pg-boss",
        script: "pgboss.mjs",
        enqueues: &[
            ("alone", ALONE_WORDS),
            ("together", TOGETHER),
            ("silent", "enqueue, 32 in flight, without NOTIFY"),
        ],
        drains: &[
            ("batches", "drain, batches of 500, one outcome for all"),
            ("results", "drain, batches of 500, an outcome a job"),
            ("one_by_one", "drain, one by one"),
        ],
        starts: &[("starts", "tuned")],
    },
    Peer {
        name: "graphile-worker",
        script: "graphile.mjs",
        enqueues: &[("alone", ALONE_WORDS), ("together", TOGETHER)],
        drains: &[("batches", "drain, batches of 500"), ("usual", "drain, as it comes")],
        starts: &[("starts", "tuned"), ("starts_usual", "as it comes")],
    },
];
const ALONE_WORDS: &str = "enqueue, one at a time";
const TOGETHER: &str = "enqueue, 32 in flight";
const BULKS: &str = "enqueue, 1,000 at once";
const DRAIN: &str = "drain, an outcome a job";
const OURS: &str = "Mainspring";
/// What `synchronous_commit` is while a peer's workers run, and what we call that.
const SYNCS: [(&str, &str); 2] = [("on", "synced"), ("off", "not synced")];

pub(crate) async fn run(rounds: u32) -> Result<()> {
    node::is_there()?;
    let (mut report, server) = (Report::new("peers"), Server::start(&[])?);
    println!("{}", server.words()?);
    for round in 1..=rounds {
        report.progress(format_args!("round {round}: {OURS}"));
        mainspring(&server, &mut report).await?;
        for peer in &PEERS {
            report.progress(format_args!("round {round}: {}", peer.name));
            measure(&server, peer, &mut report).await?;
        }
    }
    ratios(&report);
    report.finish();
    Ok(())
}

/// A rate, and what a job of it cost.
fn add(report: &mut Report, name: &str, jobs: usize, (per_s, cpu_s): (f64, f64), cost: Cost, around: Conditions) {
    let jobs = jobs as f64;
    report.add(name, "jobs/s", per_s, around);
    report.add(format!("{name}: CPU, its own"), "µs/job", cpu_s * 1e6 / jobs, around);
    report.add(format!("{name}: CPU, the server's"), "µs/job", cost.cpu_s * 1e6 / jobs, around);
    report.add(format!("{name}: log"), "bytes/job", cost.wal_bytes / jobs, around);
    report.add(format!("{name}: commits"), "/1,000 jobs", cost.commits * 1000.0 / jobs, around);
    report.add(format!("{name}: syncs of the log"), "/1,000 jobs", cost.syncs * 1000.0 / jobs, around);
}

/// A phase of ours.
#[derive(Clone, Copy)]
enum Phase {
    Alone,
    Together,
    Bulks,
    Drain,
}

async fn mainspring(server: &Server, report: &mut Report) -> Result<()> {
    let place = Place::Database(server.database("mainspring")?);
    for (phase, name) in [(Phase::Alone, ALONE_WORDS), (Phase::Together, TOGETHER)] {
        let jobs = if matches!(phase, Phase::Alone) { ALONE } else { BACKLOG };
        let (rate, cost, around) = server.around(run_ours(&place, phase)).await?;
        add(report, &format!("{OURS}: {name}"), jobs, rate, cost, around);
    }
    let place = Place::Database(server.database("mainspring")?);
    for (phase, name) in [(Phase::Bulks, BULKS), (Phase::Drain, DRAIN)] {
        let (rate, cost, around) = server.around(run_ours(&place, phase)).await?;
        add(report, &format!("{OURS}: {name}"), BACKLOG, rate, cost, around);
    }
    let place = Place::Database(server.database("mainspring")?);
    let (mut starts, _, around) = server.around(ours::starts(&place)).await?;
    for (share, word) in [(0.5, "p50"), (0.99, "p99")] {
        report.add(format!("{OURS}: enqueue to start at 200/s: {word}"), "ms", starts.quantile(share), around);
    }
    server.remove("mainspring")
}

/// Jobs a second, and CPU seconds of this process.
async fn run_ours(place: &Place, phase: Phase) -> Result<(f64, f64)> {
    let store = place.open().await?;
    let measured = if let Phase::Drain = phase {
        let (seconds, cpu_s) = ours::drain(&store).await?;
        (BACKLOG as f64 / seconds, cpu_s)
    } else {
        let (jobs, before) = (ours::engine(&store).await?, process::cpu_s(std::process::id())?);
        let per_s = match phase {
            Phase::Alone => ours::alone(&jobs).await?,
            Phase::Together => ours::together(&jobs).await?,
            Phase::Bulks | Phase::Drain => ours::bulks(&jobs).await?,
        };
        let cpu_s = process::cpu_s(std::process::id())? - before;
        jobs.stop(ours::GRACE).await;
        (per_s, cpu_s)
    };
    store.close().await;
    Ok(measured)
}

async fn measure(server: &Server, peer: &Peer, report: &mut Report) -> Result<()> {
    let Peer { name, script, .. } = *peer;
    let url = created(server, peer).await?;
    for (phase, words) in peer.enqueues {
        let (rate, cost, around) = server.around(run_theirs(script, &url, phase)).await?;
        add(report, &format!("{name}: {words}"), jobs(phase), rate, cost, around);
    }
    for (synchronous_commit, synced) in SYNCS {
        for (phase, words) in peer.drains {
            let url = created(server, peer).await?;
            let (rate, cost, around) = server.around(run_theirs(script, &url, "bulks")).await?;
            add(report, &format!("{name}: {BULKS}"), BACKLOG, rate, cost, around);
            server.sql("peer", &format!("ALTER DATABASE peer SET synchronous_commit = {synchronous_commit}"))?;
            let (rate, cost, around) = server.around(run_theirs(script, &url, phase)).await?;
            add(report, &format!("{name}: {words}, {synced}"), jobs(phase), rate, cost, around);
        }
    }
    for (phase, words) in peer.starts {
        let url = created(server, peer).await?;
        let (starts, _, around) = server.around(node::run(script, &[url, (*phase).to_owned()])).await?;
        for word in ["p50", "p99"] {
            let figure = node::figure(&starts, word)?;
            report.add(format!("{name}: enqueue to start at 200/s, {words}: {word}"), "ms", figure, around);
        }
    }
    server.remove("peer")
}

/// How many jobs the phase of a script is about.
fn jobs(phase: &str) -> usize {
    match phase {
        "alone" => ALONE,
        // Slow ones.
        "together" | "silent" | "one_by_one" => BACKLOG / 4,
        _ => BACKLOG,
    }
}

/// A new database with the peer's tables.
async fn created(server: &Server, peer: &Peer) -> Result<String> {
    let url = server.database("peer")?;
    node::run(peer.script, &[url.clone(), "create".to_owned()]).await?;
    Ok(url)
}

async fn run_theirs(script: &str, url: &str, phase: &str) -> Result<(f64, f64)> {
    let figures = node::run(script, &[url.to_owned(), phase.to_owned()]).await?;
    Ok((node::figure(&figures, "per_s")?, node::figure(&figures, "cpu_s")?))
}

/// What DESIGN asks for, of the medians.
fn ratios(report: &Report) {
    let ours = |name: &str| report.median(&format!("{OURS}: {name}"));
    println!("\n| ratio of medians | peer's outcomes synced | not synced, as ours | goal |\n|---|---|---|---|");
    let drains = [
        ("pg-boss: drain, batches of 500, one outcome for all", "≥ 2, 3 meant"),
        ("pg-boss: drain, batches of 500, an outcome a job", "≥ 2, 3 meant"),
        ("graphile-worker: drain, batches of 500", "≥ 2, 3 meant"),
        ("pg-boss: drain, one by one", "≥ 4"),
        ("graphile-worker: drain, as it comes", "≥ 12"),
    ];
    for (name, goal) in drains {
        let [on, off] = SYNCS.map(|(_, synced)| ours(DRAIN) / report.median(&format!("{name}, {synced}")));
        println!("| {name} | {on:.2} | {off:.2} | {goal} |");
    }
    for (peer, words) in PEERS.iter().flat_map(|peer| peer.enqueues.iter().map(move |(_, words)| (peer.name, words))) {
        let (mine, goal) = if *words == ALONE_WORDS { (ALONE_WORDS, "–") } else { (TOGETHER, "≥ 10") };
        println!("| {peer}: {words} | {:.2} | | {goal} |", ours(mine) / report.median(&format!("{peer}: {words}")));
    }
    let [p50, p99] = ["p50", "p99"].map(|word| format!("enqueue to start at 200/s: {word}"));
    let theirs = PEERS.iter().flat_map(|peer| {
        let name = |words| format!("{}: enqueue to start at 200/s, {words}: p50", peer.name);
        peer.starts.iter().map(move |(_, words)| report.median(&name(words)))
    });
    let better = theirs.fold(f64::INFINITY, f64::min);
    println!("| p50 from enqueue to start / the better peer's | {:.2} | | ≤ 0.5 |", ours(&p50) / better);
    println!("| p99 from enqueue to start, ms | {:.2} | | ≤ 20 |", ours(&p99));
}
