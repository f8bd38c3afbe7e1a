//! Ten thousand WebSockets over three processes behind nginx as `deploy/` has it, while deliveries go on: one process is drained, one
//! killed, then everybody is cut off at once and one process is left to come back to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kernel::limits;
use tempfile::TempDir;
use testkit::audience::{Audience, Deliveries, Tally};
use testkit::{Nginx, Redis, Server, Start};

use crate::database;
use crate::process;
use crate::report::{Conditions, Report};

/// Unless `MAINSPRING_STORM_CLIENTS` says otherwise. Each is a file of ours, and two of nginx's.
const CLIENTS: usize = 10_000;
/// A hundred hear each: a delivery is a hundred messages.
const STATIONS: usize = 100;
const PER_S: u32 = 20;
/// With nothing but deliveries, to have something to compare with.
const CALM: Duration = Duration::from_secs(10);
/// For all to be back, and for all to have heard everything.
const BACK: Duration = Duration::from_secs(90);
/// Repeats the jitter of those who come back.
const SEED: u64 = 7;

pub(crate) async fn run(rounds: u32) -> Result<()> {
    let clients = std::env::var("MAINSPRING_STORM_CLIENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(CLIENTS);
    room_for(clients)?;
    let mut report = Report::new("storm");
    let temp = std::env::temp_dir();
    for round in 1..=rounds {
        report.progress(format_args!("round {round}, {clients} clients"));
        let (found, around) = Conditions::around(&temp, measure(clients)).await?;
        found.report(&mut report, around);
    }
    for nothing in ["lost", "doubled", "changed", "told to reload"] {
        report.goal(nothing, "0");
    }
    let admitted = limits::ARRIVALS_PER_S;
    for (scene, processes) in [(DRAINED, 2), (KILLED, 2), (CUT_OFF, 1)] {
        // The bound is one of whole seconds of the process: a second across two of them holds twice as many.
        let goal = format!("≤ {admitted} in a second of each of {processes}");
        report.goal(&format!("{scene}: came back in the busiest second"), goal);
    }
    report.finish();
    Ok(())
}

const DRAINED: &str = "one drained";
const KILLED: &str = "one killed";
const CUT_OFF: &str = "all cut off, one left";

/// As many files as it takes, with some to spare.
fn room_for(clients: usize) -> Result<()> {
    let limits = std::fs::read_to_string("/proc/self/limits").context("there is no /proc")?;
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap_or_default();
    let files: Option<usize> = files.split_whitespace().next().and_then(|files| files.parse().ok());
    ensure!(files.is_none_or(|files| files >= clients + 500), "too few files for {clients} clients: raise `ulimit -n`");
    Ok(())
}

struct Found {
    sent: usize,
    tally: Tally,
    scenes: Vec<Scene>,
}

/// What happened, and what it took.
struct Scene {
    name: &'static str,
    /// None where nobody was sent away.
    storm: Option<Storm>,
    /// Those that lived through it.
    processes: Vec<Load>,
}

struct Load {
    process: String,
    cpu_percent: f64,
    rss_mib: f64,
}

struct Storm {
    sent_away: usize,
    back_s: f64,
    peak_per_s: usize,
    refused: u64,
}

impl Found {
    fn report(&self, report: &mut Report, around: Conditions) {
        let Tally { delivered, lost, doubled, changed, told_to_reload, caught_up, .. } = self.tally;
        let counts = [("delivered", delivered), ("of them caught up with", caught_up), ("lost", lost)];
        let counts = counts.into_iter().chain([("doubled", doubled), ("changed", changed)]);
        report.add("deliveries acknowledged", "deliveries", self.sent as f64, around);
        for (what, count) in counts.chain([("told to reload", told_to_reload)]) {
            report.add(what, "messages", count as f64, around);
        }
        for Scene { name, storm, processes } in &self.scenes {
            if let Some(storm) = storm {
                report.add(format!("{name}: sent away"), "clients", storm.sent_away as f64, around);
                report.add(format!("{name}: all back after"), "s", storm.back_s, around);
                let peak = format!("{name}: came back in the busiest second");
                report.add(peak, "clients", storm.peak_per_s as f64, around);
                report.add(format!("{name}: refused, come later"), "times", storm.refused as f64, around);
            }
            for Load { process, cpu_percent, rss_mib } in processes {
                report.add(format!("{name}: CPU of {process}"), "% of a core", *cpu_percent, around);
                report.add(format!("{name}: RSS of {process}"), "MiB", *rss_mib, around);
            }
        }
    }
}

/// Three processes, what they share, and nginx before them.
struct Stage {
    servers: Vec<Server>,
    nginx: Nginx,
    _redis: Redis,
    _database: database::Server,
    _key: TempDir,
}

impl Stage {
    async fn set() -> Result<Self> {
        let (database, redis, key) = (database::Server::start(&[])?, Redis::start()?, tempfile::tempdir()?);
        let (url, key_file) = (database.database("storm")?, key.path().join("key"));
        std::fs::write(&key_file, [7; 32])?;
        let mut servers = Vec::new();
        for _ in 0..3 {
            let start = Start::default().env("DATABASE_URL", &url).env("REDIS_URL", &redis.url());
            servers.push(start.env("MAINSPRING__SERVER__KEY_FILE", &key_file.display().to_string()).start().await?);
        }
        let addresses: Vec<_> = servers.iter().map(Server::address).collect();
        let names = ["mainspring-1", "mainspring-2", "mainspring-3"];
        let hosts: Vec<_> = names.into_iter().zip(addresses.iter().map(String::as_str)).collect();
        let nginx = Nginx::deployed("upstreams.conf", &hosts, "")?;
        Ok(Self { servers, nginx, _redis: redis, _database: database, _key: key })
    }

    /// Of each process that runs: its number, its processor time so far, seconds, and its memory, MiB.
    fn look(&self) -> Result<BTreeMap<String, [f64; 3]>> {
        let mut seen = BTreeMap::new();
        let servers = (1..).zip(&self.servers).filter_map(|(n, server)| Some((format!("process {n}"), server.pid()?)));
        let nginx = self.nginx.pid().context("nginx is gone")?;
        let others = [("nginx", nginx), ("the clients", std::process::id())];
        for (name, pid) in servers.chain(others.map(|(name, pid)| (name.to_owned(), pid))) {
            // nginx's workers serve.
            let cpu_s = if pid == nginx { process::family_cpu_s(pid)? } else { process::cpu_s(pid)? };
            let rss = if pid == nginx { process::family_rss(pid)? } else { process::memory(pid)?.rss };
            seen.insert(name, [f64::from(pid), cpu_s, rss / 1024.0]);
        }
        Ok(seen)
    }

    /// Makes it happen, and waits until all are back.
    async fn scene(
        &mut self,
        name: &'static str,
        audience: &mut Audience,
        happens: impl AsyncFnOnce(&mut Self, &Audience) -> Result<usize>,
    ) -> Result<Scene> {
        let (before, begun, tally, ended) = (self.look()?, Instant::now(), audience.tally(), audience.ended());
        let sent_away = happens(self, audience).await?;
        audience.are_back(ended + sent_away, BACK).await.context(name)?;
        let seconds = begun.elapsed().as_secs_f64();
        let storm = (sent_away > 0).then(|| Storm {
            sent_away,
            back_s: seconds,
            peak_per_s: audience.peak_per_s(begun),
            refused: audience.tally().refused - tally.refused,
        });
        let lived = self.look()?.into_iter().filter_map(|(process, [pid, cpu_s, rss_mib])| {
            let [_, before_s, _] = before.get(&process).filter(|before| before[0] == pid)?;
            Some(Load { process, cpu_percent: 100.0 * (cpu_s - before_s) / seconds, rss_mib })
        });
        Ok(Scene { name, storm, processes: lived.collect() })
    }
}

async fn measure(clients: usize) -> Result<Found> {
    let mut stage = Stage::set().await?;
    let stations: Vec<_> = (0..STATIONS).map(|n| format!("storm/station-{n}")).collect();
    let door = ([127, 0, 0, 1], stage.nginx.port()).into();
    let mut audience = Audience::gather(door, stations.clone(), clients, SEED).await?;
    let deliveries = Deliveries::begin(&stage.nginx.url(), stations, PER_S);
    let calm = async |_: &mut Stage, _: &Audience| {
        tokio::time::sleep(CALM).await;
        Ok(0)
    };
    let drained = async |stage: &mut Stage, audience: &Audience| {
        let sent_away = audience.seated(&stage.servers[0]).await?;
        stage.servers[0].terminate().await?;
        Ok(sent_away)
    };
    let killed = async |stage: &mut Stage, audience: &Audience| {
        let sent_away = audience.seated(&stage.servers[1]).await?;
        stage.servers[1].kill().await?;
        Ok(sent_away)
    };
    let cut_off = async |stage: &mut Stage, _: &Audience| {
        stage.servers[0].kill().await?;
        stage.nginx.kill()?;
        stage.nginx.start_again()?;
        Ok(clients)
    };
    let mut scenes = vec![stage.scene("calm", &mut audience, calm).await?];
    scenes.push(stage.scene(DRAINED, &mut audience, drained).await?);
    stage.servers[0].start_again().await?;
    scenes.push(stage.scene(KILLED, &mut audience, killed).await?);
    scenes.push(stage.scene(CUT_OFF, &mut audience, cut_off).await?);
    let sent = deliveries.end().await?;
    audience.hear_to_the_end(&sent, BACK).await.with_context(|| format!("{:?}", audience.tally()))?;
    Ok(Found { sent: sent.iter().map(BTreeSet::len).sum(), tally: audience.tally(), scenes })
}
