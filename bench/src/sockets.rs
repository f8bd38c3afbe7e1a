//! Memory and CPU of connections on which nothing happens.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use testkit::Server;

use crate::payloads::CHANNEL;
use crate::process;
use crate::report::{Conditions, Report};
use crate::websocket::Crowd;

const CONNECTIONS: usize = 10_000;
/// Connections that are there before, so that what the start left free in the heap hides nothing.
const WARM: usize = 5_000;
/// From the last connection to the reading of its memory: the allocator gives back late.
const SETTLING: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Subscribed {
    Nowhere,
    Together,
    Apart,
}

impl Subscribed {
    const ALL: [Self; 3] = [Self::Nowhere, Self::Together, Self::Apart];

    fn words(self) -> &'static str {
        match self {
            Self::Nowhere => "connected only",
            Self::Together => "subscribed to one channel",
            Self::Apart => "subscribed to a channel of its own",
        }
    }

    fn channel(self, number: usize) -> Option<String> {
        match self {
            Self::Nowhere => None,
            Self::Together => Some(CHANNEL.to_owned()),
            Self::Apart => Some(format!("radio:someone/repository-{number}")),
        }
    }
}

pub(crate) async fn run(rounds: u32) -> Result<()> {
    let mut report = Report::new("sockets");
    let temp = std::env::temp_dir();
    for round in 1..=rounds {
        for subscribed in Subscribed::ALL {
            report.progress(format_args!("round {round}, {CONNECTIONS} connections, {}", subscribed.words()));
            let (found, around) = Conditions::around(&temp, measure(subscribed)).await?;
            let name = |what: &str| format!("{}: {what}", subscribed.words());
            report.add(name("RSS"), "KiB/connection", found.rss_kib, around);
            report.add(name("of it heap"), "KiB/connection", found.anonymous_kib, around);
            report.add(name("CPU of opening"), "µs/connection", found.opening_us, around);
            report.add(name("opened"), "connections/s", found.opened_per_s, around);
            if let Some(share) = found.idle_share {
                report.add(name("CPU of all 15,000, idle for 60 s"), "% of a core", share * 100.0, around);
            }
        }
    }
    report.goal("connected only: RSS", "≤ 8, 3 meant (Centrifuge 26.7, socket.io 20.8)");
    report.goal("subscribed to one channel: RSS", "≤ 8, 4 meant");
    report.goal("subscribed to one channel: CPU of all 15,000, idle for 60 s", "≤ 1.2 (1.5 at 19,000)");
    report.finish();
    Ok(())
}

struct Found {
    rss_kib: f64,
    anonymous_kib: f64,
    opening_us: f64,
    opened_per_s: f64,
    idle_share: Option<f64>,
}

async fn measure(subscribed: Subscribed) -> Result<Found> {
    let server = Server::start().await?;
    let pid = server.pid().context("the server is gone")?;
    let warm = Crowd::gather(&server.address(), WARM, |number| subscribed.channel(CONNECTIONS + number)).await?;
    tokio::time::sleep(SETTLING).await;
    let (before, cpu, begun) = (process::memory(pid)?, process::cpu_s(pid)?, Instant::now());
    let crowd = Crowd::gather(&server.address(), CONNECTIONS, |number| subscribed.channel(number)).await?;
    let seconds = begun.elapsed().as_secs_f64();
    let opening = process::cpu_s(pid)? - cpu;
    tokio::time::sleep(SETTLING).await;
    let after = process::memory(pid)?;
    let idle_share = if subscribed == Subscribed::Together {
        let (cpu, begun) = (process::cpu_s(pid)?, Instant::now());
        tokio::time::sleep(IDLE).await;
        Some((process::cpu_s(pid)? - cpu) / begun.elapsed().as_secs_f64())
    } else {
        None
    };
    crowd.check()?;
    warm.check()?;
    Ok(Found {
        rss_kib: (after.rss - before.rss) / CONNECTIONS as f64,
        anonymous_kib: (after.anonymous - before.anonymous) / CONNECTIONS as f64,
        opening_us: opening * 1e6 / CONNECTIONS as f64,
        opened_per_s: CONNECTIONS as f64 / seconds,
        idle_share,
    })
}
