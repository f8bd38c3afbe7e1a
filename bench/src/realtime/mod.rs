//! Realtime beside its peers, in one run, round by round: the same clients, the same steps, one server at a time.

mod crowd;
mod dialect;
mod frames;
pub(crate) mod hub;
mod measures;
mod order;
mod peers;
mod token;

use anyhow::{Context, Result};
use testkit::Start;

use self::crowd::Guests;
use self::dialect::Dialect;
use self::measures::{Idle, Rate};
use self::peers::Peer;
use crate::report::{Conditions, Report};
use crate::{payloads, process};

/// How much is measured.
#[derive(clap::Args, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// Connections of the idle ones and of the storm.
    #[arg(long, default_value_t = 10_000)]
    clients: usize,
    /// Of each phase in which messages are sent.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Only what begins with one of these: idle, fanout, storm, stalled.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
}

impl Options {
    /// As it is without any option.
    pub(crate) fn usual() -> Self {
        Self { clients: 10_000, seconds: 10, only: Vec::new() }
    }

    fn wants(&self, measure: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| measure.starts_with(only.as_str()))
    }

    /// As many subscribers as a measure has, or fewer where fewer are asked for.
    fn at_most(&self, subscribers: usize) -> usize {
        subscribers.min(self.clients)
    }
}

const SPARSE: (usize, u32) = (400, 25);
const BUSY: usize = 100;
const READERS: usize = 1_000;
const PRODUCT: &str = "Mainspring, the whole product";

pub(crate) async fn run(rounds: u32, options: &Options) -> Result<()> {
    let mut report = Report::new("realtime");
    let mut peers = Vec::new();
    for peer in Peer::ALL {
        match peer.prepare().await {
            Ok(()) => peers.push(peer),
            Err(error) => report.progress(format_args!("SKIPPED {}: {error:#}", peer.name())),
        }
    }
    for round in 1..=rounds {
        for peer in &peers {
            report.progress(format_args!("round {round}: {}", peer.name()));
            if let Err(error) = measure(*peer, options, &mut report).await {
                // Where somebody else's server does not get to its end, ours is measured all the same.
                if peer.is_ours() {
                    return Err(error.context(peer.name()));
                }
                report.progress(format_args!("FAILED {}: {error:#}", peer.name()));
            }
        }
        if options.wants("idle") {
            report.progress(format_args!("round {round}: {PRODUCT}"));
            product(options, &mut report).await.context(PRODUCT)?;
        }
    }
    goals(&mut report, options);
    report.finish();
    Ok(())
}

async fn measure(peer: Peer, options: &Options, report: &mut Report) -> Result<()> {
    let (temp, seconds) = (std::env::temp_dir(), options.seconds);
    let name = |what: &str| format!("{}: {what}", peer.name());
    if options.wants("idle") {
        let (idle, around) = Conditions::around(&temp, measures::idle(peer, options.clients)).await?;
        add_idle(report, peer.name(), &idle, around);
    }
    if options.wants("fanout") {
        let (subscribers, per_s) = (options.at_most(SPARSE.0), SPARSE.1);
        let sparse = measures::fanout(peer, subscribers, Rate::PerS(per_s), seconds);
        let ([us, _], around) = Conditions::around(&temp, sparse).await?;
        report.add(name(&format!("{subscribers} × {per_s}/s: CPU")), "µs/delivery", us, around);
        let busy = options.at_most(BUSY);
        let fast = measures::fanout(peer, busy, Rate::AsFastAsHeard, seconds);
        let ([us, per_s], around) = Conditions::around(&temp, fast).await?;
        report.add(name(&format!("{busy}, as fast as it goes: CPU")), "µs/delivery", us, around);
        report.add(name(&format!("{busy}, as fast as it goes")), "deliveries/s", per_s, around);
    }
    if options.wants("storm") {
        let (mut storm, around) = Conditions::around(&temp, measures::storm(peer, options.clients)).await?;
        report.add(name("storm: all back after"), "s", storm.back_s, around);
        report.add(name("storm: CPU"), "µs/client", storm.cpu_us, around);
        report.add(name("storm: back and caught up, p99"), "ms", storm.took.quantile(0.99), around);
        let share = 100.0 * storm.recovered as f64 / options.clients as f64;
        report.add(name("storm: heard all they missed"), "% of clients", share, around);
        report.add(name("storm: told to come later"), "times", storm.turned_away as f64, around);
    }
    if options.wants("stalled") {
        let readers = options.at_most(READERS);
        let (stalled, around) = Conditions::around(&temp, measures::stalled(peer, readers, seconds)).await?;
        let [calm, meanwhile] = stalled.p99_ms;
        report.add(name(&format!("{readers} readers, order to arrival, p99")), "ms", calm, around);
        report.add(name(&format!("{readers} readers, one stalled, p99")), "ms", meanwhile, around);
        report.add(name("memory for the stalled one"), "KiB", stalled.grown_kib, around);
    }
    Ok(())
}

fn add_idle(report: &mut Report, who: &str, idle: &Idle, around: Conditions) {
    let [pss, rss] = idle.memory_kib;
    report.add(format!("{who}: memory, PSS"), "KiB/connection", pss, around);
    report.add(format!("{who}: memory, RSS"), "KiB/connection", rss, around);
    report.add(format!("{who}: came in"), "connections/s", idle.opened_per_s, around);
    report.add(format!("{who}: coming in, CPU"), "µs/connection", idle.opening_us, around);
}

/// Idle connections of the binary as it is served, where a token is that of a person in the database.
async fn product(options: &Options, report: &mut Report) -> Result<()> {
    let issuer = format!(
        "[{{ issuer = '{}', audience = '{}', hmac_secret = '{}' }}]",
        token::ISSUER,
        token::AUDIENCE,
        token::SECRET
    );
    let server = Start::default().env("MAINSPRING__IDENTITY__ISSUERS", &issuer).start().await?;
    let pid = server.pid().context("the server is gone")?;
    let guests = Guests {
        server: server.address().parse()?,
        dialect: Dialect::Centrifuge,
        channels: vec![payloads::CHANNEL.to_owned()],
        window: None,
    };
    let memory = || process::memory(pid).map(|memory| [memory.pss, memory.rss]);
    let idle = measures::idle_on(&guests, options.clients, memory, || process::cpu_s(pid));
    let (idle, around) = Conditions::around(&std::env::temp_dir(), idle).await?;
    add_idle(report, PRODUCT, &idle, around);
    Ok(())
}

/// What we mean to reach; peers have none.
fn goals(report: &mut Report, options: &Options) {
    let (sparse, busy, readers) = (options.at_most(SPARSE.0), options.at_most(BUSY), options.at_most(READERS));
    for peer in [Peer::Centrifuge, Peer::OursBySocketIo] {
        let name = |what: &str| format!("{}: {what}", peer.name());
        report.goal(&name("memory, PSS"), "≤ 6, 4 meant");
        report.goal(&name(&format!("{sparse} × {}/s: CPU", SPARSE.1)), "≤ 6, 5 meant");
        report.goal(&name(&format!("{busy}, as fast as it goes: CPU")), "≤ 3.5, 2.5 meant");
        report.goal(&name("came in"), "≥ 6,000 of a core");
        report.goal(&name("storm: all back after"), "≤ 4");
        report.goal(&name("storm: back and caught up, p99"), "≤ 500");
        report.goal(&name("storm: heard all they missed"), "100");
        report.goal(&name(&format!("{readers} readers, one stalled, p99")), "≤ 1.1 × that without");
        report.goal(&name("memory for the stalled one"), "≤ 1,024");
    }
}
