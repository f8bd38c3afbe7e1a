//! CPU of the server for one message to one subscriber.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::Server;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::http::Connection;
use crate::ingest::{send, settled};
use crate::pace::Pace;
use crate::payloads::{CHANNEL, Sender};
use crate::report::{Conditions, Report};
use crate::websocket::Crowd;
use crate::{fanout_server, process};

const SECONDS: u32 = 10;
/// Subscribers and messages a second of the sparse case, and of the busy one.
const SPARSE: (usize, u32) = (400, 25);
const BUSY: (usize, u32) = (100, 500);
/// What was connected settles before CPU is counted, and what is on its way arrives before it is counted again.
const PAUSE: Duration = Duration::from_secs(1);

pub(crate) async fn run(rounds: u32) -> Result<()> {
    let mut report = Report::new("fanout");
    let temp = std::env::temp_dir();
    for round in 1..=rounds {
        report.progress(format_args!("round {round}, a hub alone"));
        for (case, (subscribers, per_s)) in [("400 × 25/s", SPARSE), ("100 × 500/s", BUSY)] {
            for (what, command) in [("hub alone", "fanout-server"), ("bare send, the floor", "fanout-floor")] {
                let (us, around) = Conditions::around(&temp, publisher(command, subscribers, per_s)).await?;
                report.add(format!("{what}, 100 bytes, {case}: CPU"), "µs/delivery", us, around);
            }
        }
        report.progress(format_args!("round {round}, webhooks to subscribers"));
        let (without, _) = Conditions::around(&temp, webhooks(0)).await?;
        let (with, around) = Conditions::around(&temp, webhooks(SPARSE.0)).await?;
        let us = (with.cpu_s - without.cpu_s) * 1e6 / with.messages as f64;
        report.add("webhooks to 400 listeners, 25/s: CPU", "µs/delivery", us, around);
        report.add("a phrase on the wire", "bytes", with.bytes as f64 / with.messages as f64, around);
        let events = f64::from(SPARSE.1 * SECONDS);
        report.add("a delivery with nobody listening: CPU", "ms", without.cpu_s * 1000.0 / events, around);
    }
    report.goal("hub alone, 100 bytes, 400 × 25/s: CPU", "≤ 6 (Centrifuge 11.4, socket.io 12.7)");
    report.goal("hub alone, 100 bytes, 100 × 500/s: CPU", "≤ 3.5 (Centrifuge 8.2, µWS 3.9)");
    report.finish();
    Ok(())
}

struct Heard {
    cpu_s: f64,
    messages: u64,
    bytes: u64,
}

/// The whole product: what is heard comes from signed deliveries.
async fn webhooks(listeners: usize) -> Result<Heard> {
    let server = Server::start().await?;
    let (pid, address) = (server.pid().context("the server is gone")?, server.address());
    let (admin, sender) = (server.admin().await?, Sender::new(&server, 1)?);
    let events = (SPARSE.1 * SECONDS) as usize;
    let deliveries: Vec<_> = (0..=events).map(|number| sender.small_event(number)).collect();
    let mut connection = Connection::open(&address).await?;
    send(&mut connection, &deliveries[events]).await?;
    settled(&admin).await?;
    let crowd = Crowd::gather(&address, listeners, |_| Some(CHANNEL.to_owned())).await?;
    tokio::time::sleep(PAUSE).await;

    let (cpu, messages) = (process::cpu_s(pid)?, crowd.messages());
    let pace = Pace::start(SPARSE.1, events);
    while let Some(beat) = pace.next().await {
        send(&mut connection, &deliveries[beat.number]).await?;
    }
    settled(&admin).await?;
    tokio::time::sleep(PAUSE).await;
    let heard =
        Heard { cpu_s: process::cpu_s(pid)? - cpu, messages: crowd.messages() - messages, bytes: crowd.bytes() };
    crowd.check()?;
    let owed = (listeners * events) as u64;
    ensure!(heard.messages == owed, "{} of {owed} messages were heard", heard.messages);
    Ok(heard)
}

/// A publisher without the rest of the product: µs of CPU a delivery.
async fn publisher(command: &str, subscribers: usize, per_s: u32) -> Result<f64> {
    let mut server = Publisher::start(command).await?;
    let crowd = Crowd::gather(&server.address, subscribers, |_| Some(fanout_server::CHANNEL.to_owned())).await?;
    tokio::time::sleep(PAUSE).await;
    let cpu = process::cpu_s(server.pid)?;
    server.publish(per_s, per_s * SECONDS).await?;
    tokio::time::sleep(PAUSE).await;
    let cpu_s = process::cpu_s(server.pid)? - cpu;
    crowd.check()?;
    let (heard, owed) = (crowd.messages(), (subscribers as u64) * u64::from(per_s * SECONDS));
    ensure!(heard == owed, "{heard} of {owed} messages were heard");
    server.end().await?;
    Ok(cpu_s * 1e6 / heard as f64)
}

/// This binary once more, with a command of `fanout_server`.
struct Publisher {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    address: String,
    pid: u32,
}

impl Publisher {
    async fn start(name: &str) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(name).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("the publisher cannot be started")?;
        let pid = child.id().context("the publisher is gone")?;
        let orders = child.stdin.take().context("standard input")?;
        let mut answers = BufReader::new(child.stdout.take().context("standard output")?).lines();
        let address = answers.next_line().await?.context("the publisher said no address")?;
        Ok(Self { child, orders, answers, address, pid })
    }

    async fn publish(&mut self, per_s: u32, count: u32) -> Result<()> {
        self.orders.write_all(format!("{per_s} {count}\n").as_bytes()).await?;
        self.answers.next_line().await?.context("the publisher ended")?;
        Ok(())
    }

    async fn end(mut self) -> Result<()> {
        drop(self.orders);
        ensure!(self.child.wait().await?.success(), "the publisher ended badly");
        Ok(())
    }
}
