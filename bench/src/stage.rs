//! Three processes behind nginx as `deploy/` has it, with an audience that is to come back whatever happens to them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tempfile::TempDir;
use testkit::audience::Audience;
use testkit::{Nginx, Redis, Server, Start};

use crate::database;
use crate::process;
use crate::report::{Conditions, Report};

/// For all to be back, and for all to have heard everything.
pub(crate) const BACK: Duration = Duration::from_secs(90);

/// What happened, and what it took.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
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

impl Scene {
    pub(crate) fn report(&self, report: &mut Report, around: Conditions) {
        let Self { name, storm, processes } = self;
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

/// Three processes, what they share, and nginx before them.
pub(crate) struct Stage {
    pub(crate) servers: Vec<Server>,
    pub(crate) nginx: Nginx,
    _redis: Redis,
    _database: database::Server,
    _key: TempDir,
}

impl Stage {
    /// With these settings besides.
    pub(crate) async fn set(besides: &[(&str, &str)]) -> Result<Self> {
        let (database, redis, key) = (database::Server::start(&[])?, Redis::start()?, tempfile::tempdir()?);
        let (url, key_file) = (database.database("stage")?, key.path().join("key"));
        std::fs::write(&key_file, [7; 32])?;
        let mut servers = Vec::new();
        for _ in 0..3 {
            let start = Start::default().env("DATABASE_URL", &url).env("REDIS_URL", &redis.url());
            let start = besides.iter().fold(start, |start, (setting, value)| start.env(setting, value));
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
    pub(crate) async fn scene(
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
