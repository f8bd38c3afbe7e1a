//! Many WebSockets over three processes behind nginx, one of which is drained and one killed while something is on the air: everybody
//! comes back, not all at once, and has missed nothing. `cargo xtask bench storm` is the same with ten thousand.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use testkit::audience::{Audience, Deliveries};
use testkit::{Nginx, Server};

use crate::fleet::Fleet;
use crate::kill;

const STATIONS: usize = 10;
/// In all: few enough that no station's history is passed over, so nobody has a reason to be told to reload.
const PER_S: u32 = 40;
/// For all to be back.
const BACK: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_comes_back_and_has_missed_nothing() -> Result<()> {
    let Some(fleet) = Fleet::new().await? else { return Ok(()) };
    if !Nginx::is_there() {
        println!("not run: nginx is not installed");
        return Ok(());
    }
    let clients: usize = std::env::var("MAINSPRING_STORM_CLIENTS").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let seed = kill::seed()?;
    println!("seed {seed}: MAINSPRING_SEED={seed} MAINSPRING_STORM_CLIENTS={clients} repeat it");
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(fleet.process(&["all"]).await?);
    }
    let addresses: Vec<_> = servers.iter().map(Server::address).collect();
    let names = ["mainspring-1", "mainspring-2", "mainspring-3"];
    let hosts: Vec<_> = names.into_iter().zip(addresses.iter().map(String::as_str)).collect();
    let nginx = Nginx::deployed("upstreams.conf", &hosts, "")?;
    let stations: Vec<_> = (0..STATIONS).map(|n| format!("storm/station-{n}")).collect();
    let door = ([127, 0, 0, 1], nginx.port()).into();
    let mut audience = Audience::gather(door, stations.clone(), clients, seed).await?;
    for server in &servers {
        let seated = audience.seated(server).await?;
        ensure!(seated.abs_diff(clients / 3) <= clients / 10, "{seated} of {clients} are at one of three");
    }
    let mut deliveries = Deliveries::begin(&nginx.url(), stations, PER_S);
    deliveries.more(40).await?;

    // Drained: its clients are sent away over five seconds, and come back as they go.
    let (sent_away, ended, begun) = (audience.seated(&servers[0]).await?, audience.ended(), Instant::now());
    servers[0].terminate().await?;
    audience.are_back(ended + sent_away, BACK).await?;
    let peak = audience.peak_per_s(begun);
    println!(
        "{sent_away} sent away: all back after {:.1} s, {peak} in one second at most",
        begun.elapsed().as_secs_f64()
    );
    ensure!(peak <= sent_away / 2, "{peak} of {sent_away} came back within one second");
    servers[0].start_again().await?;

    // Killed: they all find out at once.
    let (cut_off, ended, begun) = (audience.seated(&servers[1]).await?, audience.ended(), Instant::now());
    servers[1].kill().await?;
    audience.are_back(ended + cut_off, BACK).await?;
    let peak = audience.peak_per_s(begun);
    println!("{cut_off} cut off: all back after {:.1} s, {peak} in one second at most", begun.elapsed().as_secs_f64());
    deliveries.more(40).await?;

    let sent = deliveries.end().await?;
    audience.hear_to_the_end(&sent, BACK).await.with_context(|| format!("{:?}", audience.tally()))?;
    let tally = audience.tally();
    println!("{} deliveries: {tally:?}", sent.iter().map(std::collections::BTreeSet::len).sum::<usize>());
    ensure!((tally.lost, tally.doubled, tally.changed, tally.told_to_reload) == (0, 0, 0, 0), "{tally:?}");
    ensure!(tally.recovered as usize >= sent_away + cut_off && tally.caught_up > 0, "{tally:?}");
    Ok(())
}
