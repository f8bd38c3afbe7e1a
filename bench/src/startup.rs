//! From the start of the process to ready, and what it weighs when nothing happens.

use std::time::Duration;

use anyhow::{Context, Result};
use testkit::Server;

use crate::http::Connection;
use crate::ingest::{send, settled};
use crate::payloads::Sender;
use crate::process;
use crate::report::{Conditions, Report};

const STARTS: usize = 20;
/// Deliveries in a used data directory, and those that come before each kill.
const USED: usize = 5_000;
const LAST: usize = 20;
const IDLE: Duration = Duration::from_secs(10);
const MIB: f64 = 1024.0;

pub(crate) async fn run(rounds: u32) -> Result<()> {
    let mut report = Report::new("startup");
    report.progress(format_args!("{STARTS} starts over an empty directory"));
    let temp = std::env::temp_dir();
    let ready = "ready, empty directory";
    for _ in 0..STARTS {
        let (server, around) = Conditions::around(&temp, Server::start()).await?;
        report.add(ready, "ms", server.ready_after.as_secs_f64() * 1000.0, around);
    }
    report.goal(ready, "≤ 1,000");

    report.progress("filling a directory");
    let mut server = Server::start().await?;
    let deliveries = deliver(&server, 0, USED).await?;
    settled(&server.admin().await?).await?;
    again(&mut report, &mut server, deliveries).await?;

    for round in 1..=rounds {
        report.progress(format_args!("round {round}, idle memory"));
        let fresh = Server::start().await?;
        weigh(&mut report, &fresh, "idle, empty directory").await?;
        server.terminate().await?;
        server.start_again().await?;
        weigh(&mut report, &server, "idle, used directory").await?;
    }
    report.goal("idle, empty directory: RSS", "≤ 40");
    let pid = server.pid().context("the server is gone")?;
    let (bytes, around) = Conditions::around(&temp, async { process::binary_bytes(pid) }).await?;
    report.add("binary", "MiB", bytes / MIB / MIB, around);
    report.goal("binary", "≤ 30");
    report.finish();
    Ok(())
}

/// Starts over the same data, after it was asked to stop and after it was killed.
async fn again(report: &mut Report, server: &mut Server, mut deliveries: usize) -> Result<()> {
    let temp = std::env::temp_dir();
    let (stopped, killed) = ("ready, 5,000 deliveries, after a stop", "ready, 5,000 deliveries, after kill -9");
    for turn in 1..=STARTS {
        if turn % 10 == 1 {
            report.progress(format_args!("start {turn} of {STARTS} over the used directory"));
        }
        server.terminate().await?;
        let ((), around) = Conditions::around(&temp, server.start_again()).await?;
        report.add(stopped, "ms", server.ready_after.as_secs_f64() * 1000.0, around);
        // The kill comes while their jobs run.
        deliveries = deliver(server, deliveries, LAST).await?;
        server.kill().await?;
        let ((), around) = Conditions::around(&temp, server.start_again()).await?;
        report.add(killed, "ms", server.ready_after.as_secs_f64() * 1000.0, around);
    }
    report.goal(stopped, "≤ 1,000");
    report.goal(killed, "≤ 1,000");
    Ok(())
}

/// Sends `count` deliveries from `first` on; returns the next number.
async fn deliver(server: &Server, first: usize, count: usize) -> Result<usize> {
    let sender = Sender::new(server, 50)?;
    let mut connection = Connection::open(&server.address()).await?;
    for number in first..first + count {
        send(&mut connection, &sender.push(number)).await?;
    }
    Ok(first + count)
}

async fn weigh(report: &mut Report, server: &Server, what: &str) -> Result<()> {
    let pid = server.pid().context("the server is gone")?;
    let idle = async {
        tokio::time::sleep(IDLE).await;
        process::memory(pid)
    };
    let (memory, around) = Conditions::around(&std::env::temp_dir(), idle).await?;
    report.add(format!("{what}: RSS"), "MiB", memory.rss / MIB, around);
    report.add(format!("{what}: PSS"), "MiB", memory.pss / MIB, around);
    Ok(())
}
