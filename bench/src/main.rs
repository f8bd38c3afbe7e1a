//! One command a claim: `cargo run --release -p mainspring-bench -- <name>`. What each measures, and what it found, is
//! in README.md.

mod bullmq;
mod channels;
mod chat;
mod churn;
mod database;
mod events_bench;
mod fanout;
mod fanout_server;
mod growth;
mod http;
mod ingest;
mod instance;
mod jobs_bench;
mod latencies;
mod machine;
mod node;
mod onair;
mod pace;
mod paths;
mod payloads;
mod peers;
mod process;
mod realtime;
mod report;
mod roles;
mod sockets;
mod stage;
mod startup;
mod storm;
mod websocket;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

/// The product's own, so that what runs in this process is measured as it runs there.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measure one claim on this machine.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask bench", version, about, arg_required_else_help = true)]
struct Cli {
    /// How often each phase is measured; the median is the figure.
    #[arg(long, global = true, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Subcommand, Clone, Debug, PartialEq, Eq)]
enum Bench {
    /// Signed GitHub deliveries into the log: latency of the durable answer, throughput, CPU.
    Ingest,
    /// The job engine: enqueue, drain behind a million others, from enqueue to start.
    Jobs,
    /// The job engine beside BullMQ on Redis, in one run.
    Bullmq,
    /// The job engine on PostgreSQL beside pg-boss and graphile-worker, in one run.
    Peers,
    /// The job engine on PostgreSQL: one instance and several, a short history and a long one.
    Growth {
        /// With ten million finished jobs as well.
        #[arg(long)]
        long: bool,
    },
    /// The job engine on PostgreSQL for a long time: what its tables grow to, also while somebody holds a transaction open.
    Churn {
        /// Of each of three phases.
        #[arg(long, default_value_t = 60)]
        seconds: u32,
    },
    /// The job engine on PostgreSQL: what is asked of the database for a job, and how long that takes there.
    Paths,
    /// The event log: an event, its five jobs and their ends; a stream.
    Events,
    /// CPU of one message to one subscriber.
    Fanout,
    /// Memory and CPU of 10,000 idle WebSockets.
    Sockets,
    /// Realtime beside socket.io, socketioxide and nchan: memory, CPU, coming in, coming back, a stalled reader.
    Realtime(realtime::Options),
    /// A station with 2,000 listeners while webhooks arrive.
    Onair,
    /// A process for each role: answers to webhooks while the one that streams is frozen, stopped, back.
    Roles,
    /// 10,000 WebSockets over three processes behind nginx, one drained, one killed, all cut off.
    Storm,
    /// A thousand people in a hundred rooms over three processes, one of which is killed while they talk.
    Chat,
    /// Time until ready, idle memory, size of the binary.
    Startup,
    /// All of them, one after the other.
    All,
    /// The job engine in a process of its own, for `growth`.
    #[command(hide = true)]
    Instance { url: String },
    /// A hub in a process of its own, for `fanout`.
    #[command(hide = true)]
    FanoutServer,
    /// A hub with people in a process of its own, for `realtime`.
    #[command(hide = true)]
    RealtimeServer,
    /// What the hub is compared with: one bare `send` for each delivery.
    #[command(hide = true)]
    FanoutFloor,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    // Load generators use one core at most: the other is the server's. What runs inside has the product's runtime.
    let alone = || Builder::new_current_thread().enable_all().build();
    let product = || Builder::new_multi_thread().enable_all().build();
    let rounds = cli.rounds;
    let every = [
        Bench::Ingest,
        Bench::Jobs,
        Bench::Bullmq,
        Bench::Peers,
        Bench::Growth { long: false },
        Bench::Churn { seconds: 60 },
        Bench::Paths,
        Bench::Events,
        Bench::Fanout,
        Bench::Sockets,
        Bench::Realtime(realtime::Options::usual()),
        Bench::Onair,
        Bench::Roles,
        Bench::Storm,
        Bench::Chat,
        Bench::Startup,
    ];
    let chosen = if cli.bench == Bench::All { &every[..] } else { std::slice::from_ref(&cli.bench) };
    for bench in chosen {
        match bench {
            Bench::Ingest => alone()?.block_on(ingest::run(rounds))?,
            Bench::Jobs => product()?.block_on(jobs_bench::run(rounds))?,
            Bench::Bullmq => product()?.block_on(bullmq::run(rounds))?,
            Bench::Peers => product()?.block_on(peers::run(rounds))?,
            Bench::Growth { long } => product()?.block_on(growth::run(rounds, *long))?,
            Bench::Churn { seconds } => product()?.block_on(churn::run(*seconds))?,
            Bench::Paths => product()?.block_on(paths::run(rounds))?,
            Bench::Instance { url } => product()?.block_on(instance::run(url))?,
            Bench::Events => product()?.block_on(events_bench::run(rounds))?,
            Bench::Fanout => alone()?.block_on(fanout::run(rounds))?,
            Bench::Sockets => alone()?.block_on(sockets::run(rounds))?,
            Bench::Realtime(options) => alone()?.block_on(realtime::run(rounds, options))?,
            Bench::RealtimeServer => product()?.block_on(realtime::hub::serve())?,
            Bench::Onair => alone()?.block_on(onair::run(rounds))?,
            Bench::Roles => alone()?.block_on(roles::run(rounds))?,
            Bench::Storm => alone()?.block_on(storm::run(rounds))?,
            Bench::Chat => alone()?.block_on(chat::run(rounds))?,
            Bench::Startup => alone()?.block_on(startup::run(rounds))?,
            Bench::FanoutServer => product()?.block_on(fanout_server::hub())?,
            Bench::FanoutFloor => alone()?.block_on(fanout_server::floor())?,
            Bench::All => {}
        }
    }
    Ok(())
}
