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
        for (scene, p50, p99) in found {
            report.add(format!("{scene}: webhook p50"), "ms", p50, around);
            report.add(format!("{scene}: webhook p99"), "ms", p99, around);
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

fn signal(server: &Server, name: &str) -> Result<()> {
    let pid = server.pid().context("the process is gone")?.to_string();
    ensure!(Command::new("kill").args(["-s", name, &pid]).status()?.success(), "{name} could not be sent");
    Ok(())
}

async fn measure() -> Result<Vec<(&'static str, f64, f64)>> {
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
    let mut round = async || -> Result<(f64, f64)> {
        let deliveries: Arc<Vec<Delivery>> = Arc::new((next..next + DELIVERIES).map(|n| sender.push(n)).collect());
        next += DELIVERIES;
        let (mut answers, _) = drive(&ingress.address(), Arrival::Steady { per_s: PER_S }, &deliveries).await?;
        settled(&admin).await?;
        Ok((answers.quantile(0.5), answers.quantile(0.99)))
    };
    // Makes the station, and everything warm.
    round().await?;
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
        let (p50, p99) = round().await?;
        found.push((scene, p50, p99));
    }
    Ok(found)
}
