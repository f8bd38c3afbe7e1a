//! Ten thousand WebSockets over three processes behind nginx as `deploy/` has it, while deliveries go on: one process is drained, one
//! killed, then everybody is cut off at once and one process is left to come back to.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kernel::limits;
use testkit::audience::{Audience, Deliveries, Tally};

use crate::report::{Conditions, Report};
use crate::stage::{BACK, Scene, Stage};

/// Unless `MAINSPRING_STORM_CLIENTS` says otherwise. Each is a file of ours, and two of nginx's.
const CLIENTS: usize = 10_000;
/// A hundred hear each: a delivery is a hundred messages.
const STATIONS: usize = 100;
const PER_S: u32 = 20;
/// With nothing but deliveries, to have something to compare with.
const CALM: Duration = Duration::from_secs(10);
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
pub(crate) fn room_for(clients: usize) -> Result<()> {
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

impl Found {
    fn report(&self, report: &mut Report, around: Conditions) {
        let Tally { delivered, lost, doubled, changed, told_to_reload, caught_up, .. } = self.tally;
        let counts = [("delivered", delivered), ("of them caught up with", caught_up), ("lost", lost)];
        let counts = counts.into_iter().chain([("doubled", doubled), ("changed", changed)]);
        report.add("deliveries acknowledged", "deliveries", self.sent as f64, around);
        for (what, count) in counts.chain([("told to reload", told_to_reload)]) {
            report.add(what, "messages", count as f64, around);
        }
        for scene in &self.scenes {
            scene.report(report, around);
        }
    }
}

async fn measure(clients: usize) -> Result<Found> {
    let mut stage = Stage::set(&[]).await?;
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
