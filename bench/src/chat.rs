//! A team over three processes behind nginx, on PostgreSQL and Redis: everybody listens to their room, everybody talks, one process is
//! drained, one killed. What each person hears is held against what was taken: all of it, once, in one order for all in the room.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use testkit::audience::{Audience, Talks, Tally, Team};

use crate::latencies::Latencies;
use crate::report::{Conditions, Report};
use crate::stage::{BACK, Scene, Stage};
use crate::storm;

/// Unless `MAINSPRING_CHAT_PEOPLE` says otherwise.
const PEOPLE: usize = 1_000;
/// People of a room.
const TOGETHER: usize = 10;
/// Messages of all rooms together.
const PER_S: u32 = 200;
/// With nothing but messages, before anything happens and afterwards.
const CALM: Duration = Duration::from_secs(20);
/// Repeats the jitter of those who come back.
const SEED: u64 = 7;

const BEFORE: &str = "calm";
const DRAINED: &str = "one drained";
const KILLED: &str = "one killed";
const AFTER: &str = "all three again";

pub(crate) async fn run(rounds: u32) -> Result<()> {
    let people = std::env::var("MAINSPRING_CHAT_PEOPLE").ok().and_then(|n| n.parse().ok()).unwrap_or(PEOPLE);
    storm::room_for(people)?;
    let mut report = Report::new("chat");
    let temp = std::env::temp_dir();
    for round in 1..=rounds {
        report.progress(format_args!("round {round}, {people} people"));
        let (found, around) = Conditions::around(&temp, measure(people)).await?;
        found.report(&mut report, around);
    }
    for nothing in ["lost", "doubled", "changed", "told to reload"] {
        report.goal(nothing, "0");
    }
    report.finish();
    Ok(())
}

struct Found {
    said: usize,
    tally: Tally,
    scenes: Vec<(Scene, Latencies)>,
}

impl Found {
    fn report(mut self, report: &mut Report, around: Conditions) {
        let Tally { delivered, lost, doubled, changed, told_to_reload, caught_up, .. } = self.tally;
        report.add("messages taken", "messages", self.said as f64, around);
        let counts = [("delivered", delivered), ("of them caught up with", caught_up), ("lost", lost)];
        for (what, count) in
            counts.into_iter().chain([("doubled", doubled), ("changed", changed), ("told to reload", told_to_reload)])
        {
            report.add(what, "deliveries", count as f64, around);
        }
        for (scene, latencies) in &mut self.scenes {
            for (words, share) in [("p50", 0.5), ("p99", 0.99), ("the longest", 1.0)] {
                let name = format!("{}: from sending to hearing, {words}", scene.name);
                report.add(name, "ms", latencies.quantile(share), around);
            }
            scene.report(report, around);
        }
    }
}

async fn measure(people: usize) -> Result<Found> {
    let (setting, issuer) = Team::trusted();
    let mut stage = Stage::set(&[(setting, &issuer)]).await?;
    let team = Team::gather(&stage.nginx.url(), people, people / TOGETHER).await?;
    let mut audience = Audience::of_team(([127, 0, 0, 1], stage.nginx.port()).into(), &team, SEED).await?;
    let talks = Talks::begin(&stage.nginx.url(), &team, &audience, PER_S);
    let mut scenes = Vec::new();
    for name in [BEFORE, DRAINED, KILLED, AFTER] {
        let happens = async |stage: &mut Stage, audience: &Audience| {
            let away = match name {
                DRAINED => {
                    let away = audience.seated(&stage.servers[0]).await?;
                    stage.servers[0].terminate().await?;
                    away
                }
                KILLED => {
                    let away = audience.seated(&stage.servers[1]).await?;
                    stage.servers[1].kill().await?;
                    away
                }
                _ => {
                    tokio::time::sleep(CALM).await;
                    0
                }
            };
            Ok(away)
        };
        audience.took();
        let scene = stage.scene(name, &mut audience, happens).await?;
        let mut latencies = Latencies::default();
        audience.took().into_iter().for_each(|took| latencies.add(took));
        scenes.push((scene, latencies));
        match name {
            DRAINED => stage.servers[0].start_again().await?,
            KILLED => stage.servers[1].start_again().await?,
            _ => {}
        }
    }
    let said = talks.end().await?;
    audience.hear_to_the_end(&said, BACK).await.with_context(|| format!("{:?}", audience.tally()))?;
    Ok(Found { said: said.iter().map(BTreeSet::len).sum(), tally: audience.tally(), scenes })
}
