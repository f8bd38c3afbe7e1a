//! A process for each role, on PostgreSQL and Redis: webhooks arrive at one, listeners hang on another, jobs run in a third. What the
//! one that streams does, or whether it is there at all, is not to be seen in the answers to webhooks.

use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use testkit::audience::Audience;
use testkit::{Redis, Server, Start};

use crate::database;
use crate::ingest::{Arrival, drive, settled};
use crate::payloads::{CHANNEL, Delivery, Sender};
use crate::process;
use crate::report::{Conditions, Report};

const LISTENERS: usize = 1_000;
const PER_S: u32 = 200;
const DELIVERIES: usize = 2_000;
/// One of so many repositories is the station with the listeners.
const REPOSITORIES: usize = 20;
const SEED: u64 = 7;

/// What the process that streams does meanwhile.
const STREAMS: &str = "it streams to 1,000";
const FROZEN: &str = "it is frozen";
const STOPPED: &str = "it is stopped";
const BACK: &str = "it is back";

pub(crate) async fn run(rounds: u32) -> Result<()> {
    let mut report = Report::new("roles");
    let temp = std::env::temp_dir();
    for round in 1..=rounds {
        report.progress(format_args!("round {round}"));
        let (found, around) = Conditions::around(&temp, measure()).await?;
        for Scene { words, p50, p99, ingress, realtime, own } in found {
            report.add(format!("{words}: webhook p50"), "ms", p50, around);
            report.add(format!("{words}: webhook p99"), "ms", p99, around);
            report.add(format!("{words}: CPU of the one they arrive at"), "ms/webhook", ingress, around);
            report.add(format!("{words}: CPU of the one that streams"), "ms/webhook", realtime, around);
            report.add(format!("{words}: CPU of senders and listeners"), "ms/webhook", own, around);
        }
    }
    let usual = report.median(&format!("{STREAMS}: webhook p99"));
    for scene in [FROZEN, STOPPED, BACK] {
        let p99 = report.median(&format!("{scene}: webhook p99"));
        println!("{scene}: p99 is {:.2} times that while it streams", p99 / usual);
    }
    report.finish();
    Ok(())
}

/// Answers to webhooks, ms, and what the processes used meanwhile, ms a webhook: they share the cores with one another.
struct Scene {
    words: &'static str,
    p50: f64,
    p99: f64,
    ingress: f64,
    realtime: f64,
    own: f64,
}

fn signal(server: &Server, name: &str) -> Result<()> {
    let pid = server.pid().context("the process is gone")?.to_string();
    ensure!(Command::new("kill").args(["-s", name, &pid]).status()?.success(), "{name} could not be sent");
    Ok(())
}

async fn measure() -> Result<Vec<Scene>> {
    let (database, redis, key) = (database::Server::start(&[])?, Redis::start()?, tempfile::tempdir()?);
    let (url, key_file) = (database.database("roles")?, key.path().join("key"));
    std::fs::write(&key_file, [7; 32])?;
    let start = |roles: &str| {
        let start = Start::default().env("DATABASE_URL", &url).env("REDIS_URL", &redis.url());
        let start = start.env("MAINSPRING__SERVER__KEY_FILE", &key_file.display().to_string());
        start.env("MAINSPRING__SERVER__ROLES", roles)
    };
    let ingress = start(r#"["ingress"]"#).start().await?;
    let mut realtime = start(r#"["realtime"]"#).start().await?;
    let worker = start(r#"["worker", "api", "scheduler"]"#).start().await?;
    let (sender, admin) = (Sender::new(&ingress, REPOSITORIES)?, worker.admin().await?);
    let mut next = 0;
    let mut round = async |words, realtime: Option<u32>| -> Result<Scene> {
        let deliveries: Arc<Vec<Delivery>> = Arc::new((next..next + DELIVERIES).map(|n| sender.push(n)).collect());
        next += DELIVERIES;
        let used = || -> Result<[f64; 3]> {
            let ingress = process::cpu_s(ingress.pid().context("the process is gone")?)?;
            Ok([ingress, realtime.map_or(Ok(0.0), process::cpu_s)?, process::cpu_s(std::process::id())?])
        };
        let before = used()?;
        let (mut answers, _) = drive(&ingress.address(), Arrival::Steady { per_s: PER_S }, &deliveries).await?;
        let after = used()?;
        settled(&admin).await?;
        let [ingress, realtime, own] = std::array::from_fn(|at| (after[at] - before[at]) * 1e3 / DELIVERIES as f64);
        Ok(Scene { words, p50: answers.quantile(0.5), p99: answers.quantile(0.99), ingress, realtime, own })
    };
    // Makes the station, and everything warm.
    round("", realtime.pid()).await?;
    let station = CHANNEL.strip_prefix("radio:").unwrap_or(CHANNEL).to_owned();
    let _audience = Audience::gather(realtime.address().parse()?, vec![station], LISTENERS, SEED).await?;
    let mut found = Vec::new();
    for scene in [STREAMS, FROZEN, STOPPED, BACK] {
        match scene {
            FROZEN => signal(&realtime, "STOP")?,
            STOPPED => {
                signal(&realtime, "CONT")?;
                realtime.terminate().await?;
            }
            BACK => realtime.start_again().await?,
            _ => {}
        }
        found.push(round(scene, realtime.pid()).await?);
    }
    Ok(found)
}
