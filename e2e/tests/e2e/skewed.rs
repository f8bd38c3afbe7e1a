//! A fleet in which the wall clock of one process jumps five minutes ahead, and five minutes back, while it is at work.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kernel::Clock;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Admin, Server};

use crate::fleet::Fleet;
use crate::fleet_faults::Work;
use crate::kill;
use crate::sse::GUARD;

const AHEAD_S: i64 = 300;
/// Between two ticks: those of five minutes are fewer than are made up for.
const STEP_MS: i64 = 2_000;
/// A process writes one every two seconds; for seven of them silence would be death.
const BEATS: usize = 7;

/// What moves the wall clock of a process; none of its other clocks.
struct Clocks {
    dir: TempDir,
    library: PathBuf,
}

impl Clocks {
    /// None where there is no C compiler, which is said.
    fn new() -> Result<Option<Self>> {
        let dir = tempfile::tempdir()?;
        let library = dir.path().join("clock.so");
        let source = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/skewed/clock.c"));
        let mut compiler = std::process::Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"]).arg(&library).arg(source);
        let Ok(output) = compiler.output() else {
            println!("not run: there is no C compiler");
            return Ok(None);
        };
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(Some(Self { dir, library }))
    }

    fn file(&self, process: usize) -> PathBuf {
        self.dir.path().join(process.to_string())
    }

    fn set(&self, process: usize, ahead_s: i64) -> Result<()> {
        let file = File::options().create(true).truncate(false).write(true).open(self.file(process))?;
        Ok(file.write_all_at(&ahead_s.to_ne_bytes(), 0)?)
    }

    async fn three(&self, fleet: &Fleet) -> Result<Vec<Server>> {
        let mut servers = Vec::new();
        for process in 0..3 {
            self.set(process, 0)?;
            let start = fleet.start().env("LD_PRELOAD", &self.library.display().to_string());
            servers.push(start.env("CLOCK", &self.file(process).display().to_string()).start().await?);
        }
        Ok(servers)
    }
}

/// Looks every 100 ms until there is something to see.
async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let mut beat = tokio::time::interval(Duration::from_millis(100));
    let seen = async {
        loop {
            beat.tick().await;
            if let Some(seen) = look().await? {
                return anyhow::Ok(seen);
            }
        }
    };
    tokio::time::timeout(GUARD, seen).await.with_context(|| format!("{what} does not come"))?
}

/// What a process says of itself to the others.
async fn itself(admin: &Admin) -> Result<Value> {
    let instances = admin.get("/api/v1/instances").await?;
    let mut all = instances["items"].as_array().context("items")?.iter();
    all.find(|instance| instance["here"] == true).cloned().context("a process is not in its own fleet")
}

/// Its last beat, by its own clock.
async fn beat_ms(admin: &Admin) -> Result<i64> {
    itself(admin).await?["renewed_at_ms"].as_i64().context("a time")
}

/// Waits until a process has written a beat by its clock as it is now.
async fn lives_at(admin: &Admin, ahead_s: i64) -> Result<()> {
    until("a beat by the new clock", async || {
        let off_ms = beat_ms(admin).await? - Clock::system().now_ms() - ahead_s * 1_000;
        Ok((off_ms.abs() < 20_000).then_some(()))
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deliveries_and_jobs_are_done_once_whatever_a_clock_says() -> Result<()> {
    let Some(fleet) = Fleet::new().await? else { return Ok(()) };
    let Some(clocks) = Clocks::new()? else { return Ok(()) };
    let work = Work::begin(clocks.three(&fleet).await?).await?;
    let (admin, _running) = (work.admin.clone(), work.doors.clone());
    for ahead_s in [AHEAD_S, -AHEAD_S] {
        work.acknowledges(100).await?;
        // The first leads in everything.
        clocks.set(0, ahead_s)?;
        lives_at(&admin, ahead_s).await?;
        let mut last = beat_ms(&admin).await?;
        for _ in 0..BEATS {
            let next = async || Ok(Some(beat_ms(&admin).await?).filter(|beat| *beat != last));
            last = until("the next beat", next).await?;
        }
        work.acknowledges(100).await?;
    }
    clocks.set(0, 0)?;
    work.ends_well().await?;
    for job in kill::composing(&admin, "completed").await? {
        ensure!(job["attempt"] == 1, "it was begun again while it ran: {job}");
    }
    Ok(())
}

/// The schedule's ticks so far, each of which enqueued a job of its own, in their order.
async fn ticks(admin: &Admin, schedule: &str) -> Result<Vec<i64>> {
    let firings = kill::pages(admin, &format!("/api/v1/schedules/{schedule}/firings?")).await?;
    let mut jobs = std::collections::BTreeSet::new();
    let mut ticks = Vec::new();
    for firing in &firings {
        ensure!(firing["outcome"] == "enqueued", "{firing}");
        ensure!(jobs.insert(firing["job_id"].to_string()), "a job of two ticks: {firing}");
        ticks.push(firing["tick_ms"].as_i64().context("a tick")?);
    }
    ticks.sort_unstable();
    for pair in ticks.windows(2) {
        ensure!(pair[1] - pair[0] == STEP_MS, "{} ms between two ticks: {ticks:?}", pair[1] - pair[0]);
    }
    Ok(ticks)
}

/// Which of the processes fires.
async fn leader(admins: &[Option<Admin>]) -> Result<usize> {
    until("a leader", async || {
        for (process, admin) in admins.iter().enumerate() {
            let Some(admin) = admin else { continue };
            let leads = itself(admin).await?["leads"].as_array().context("leads")?.clone();
            if leads.iter().any(|lead| lead == "schedules") {
                return Ok(Some(process));
            }
        }
        Ok(None)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tick_fires_once_whatever_the_clock_of_who_fires_says() -> Result<()> {
    let Some(fleet) = Fleet::new().await? else { return Ok(()) };
    let Some(clocks) = Clocks::new()? else { return Ok(()) };
    let mut servers = clocks.three(&fleet).await?;
    let admin = servers[0].admin().await?;
    let mut admins: Vec<_> = servers.iter().map(|server| Some(admin.at(server))).collect();
    let spec =
        json!({ "name": "skewed", "every_ms": STEP_MS, "kind": "skewed.tick", "queue": "nobody", "missed": "all" });
    let (status, made) = admin.send("POST", "/api/v1/schedules", Some(&spec)).await?;
    ensure!(status == 201, "{made}");
    let id = made["id"].as_str().map_or_else(|| made["id"].to_string(), str::to_owned);
    // Until it has fired the tick that is due so many seconds from now.
    let fired = async |admin: &Admin, from_now_s: i64| {
        until("a tick", async || {
            let ticks = ticks(admin, &id).await?;
            let due = |tick: i64| tick + STEP_MS > Clock::system().now_ms() + from_now_s * 1_000;
            Ok((ticks.len() > 2 && ticks.last().is_some_and(|tick| due(*tick))).then_some(()))
        })
        .await
    };
    fired(&admin, 0).await?;

    // It falls behind, then dies: whoever comes after it fires what it did not.
    let first = leader(&admins).await?;
    clocks.set(first, -AHEAD_S)?;
    lives_at(admins[first].as_ref().context("it lives")?, -AHEAD_S).await?;
    servers[first].kill().await?;
    admins[first] = None;
    let second = leader(&admins).await?;
    let admin = admins[second].clone().context("it lives")?;
    fired(&admin, 0).await?;

    // It fires what is due by its clock; when that is set back, what has fired does not fire again, by whomever.
    clocks.set(second, AHEAD_S)?;
    fired(&admin, AHEAD_S - 5).await?;
    clocks.set(second, 0)?;
    lives_at(&admin, 0).await?;
    servers[second].kill().await?;
    admins[second] = None;
    let third = leader(&admins).await?;
    let admin = admins[third].clone().context("it lives")?;
    lives_at(&admin, 0).await?;
    let ticks = ticks(&admin, &id).await?;
    let jobs = kill::pages(&admin, "/api/v1/jobs?kind=skewed.tick").await?;
    println!("{} ticks, {} jobs", ticks.len(), jobs.len());
    ensure!(ticks.len() == jobs.len() && ticks.len() as i64 >= AHEAD_S * 1_000 / STEP_MS, "{ticks:?}");
    Ok(())
}
