//! A team over three processes behind nginx, one of which is killed while they talk: everybody in a room hears the same, all of it, in one
//! order, each message once. `cargo xtask bench chat` is the same with a thousand people.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::audience::{Audience, Talks, Team};
use testkit::{Nginx, Server};

use crate::fleet::Fleet;
use crate::kill;

const PEOPLE: usize = 60;
const ROOMS: usize = 6;
/// In all: few enough that whoever comes back finds all it missed in the room's channel.
const PER_S: u32 = 40;
/// For all to be back.
const BACK: Duration = Duration::from_secs(40);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_team_says_arrives_once_and_in_one_order_while_a_process_is_killed() -> Result<()> {
    let Some(fleet) = Fleet::new().await? else { return Ok(()) };
    if !Nginx::is_there() {
        println!("not run: nginx is not installed");
        return Ok(());
    }
    let seed = kill::seed()?;
    println!("seed {seed}: MAINSPRING_SEED={seed} repeats the pauses of those who come back");
    let (setting, issuer) = Team::trusted();
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(fleet.start().env(setting, &issuer).start().await?);
    }
    let addresses: Vec<_> = servers.iter().map(Server::address).collect();
    let names = ["mainspring-1", "mainspring-2", "mainspring-3"];
    let hosts: Vec<_> = names.into_iter().zip(addresses.iter().map(String::as_str)).collect();
    let nginx = Nginx::deployed("upstreams.conf", &hosts, "")?;
    let team = Team::gather(&nginx.url(), PEOPLE, ROOMS).await?;
    let mut audience = Audience::of_team(([127, 0, 0, 1], nginx.port()).into(), &team, seed).await?;
    let mut talks = Talks::begin(&nginx.url(), &team, &audience, PER_S);
    talks.more(40).await?;

    let (cut_off, ended) = (audience.seated(&servers[1]).await?, audience.ended());
    ensure!(cut_off > 0, "nobody was there");
    servers[1].kill().await?;
    audience.are_back(ended + cut_off, BACK).await?;
    talks.more(40).await?;
    servers[1].start_again().await?;
    talks.more(40).await?;

    let said = talks.end().await?;
    audience.hear_to_the_end(&said, BACK).await.with_context(|| format!("{:?}", audience.tally()))?;
    let tally = audience.tally();
    println!("{} messages, {cut_off} people cut off: {tally:?}", said.iter().map(BTreeSet::len).sum::<usize>());
    ensure!((tally.lost, tally.doubled, tally.changed, tally.told_to_reload) == (0, 0, 0, 0), "{tally:?}");
    ensure!(tally.recovered as usize >= cut_off && tally.caught_up > 0, "{tally:?}");
    Ok(())
}
