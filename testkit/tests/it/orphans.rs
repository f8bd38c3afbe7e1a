//! A test that is killed leaves nothing behind. It is this test binary, started once more.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use testkit::{Postgres, Redis, until};

use crate::{answers, is_gone, skipped};

/// Set for the one that is killed.
const ROLE: &str = "TESTKIT_ORPHANS";

#[test]
fn servers_of_a_killed_test_end() -> Result<()> {
    if skipped(Postgres::is_there() && Redis::is_there(), "PostgreSQL or Redis") {
        return Ok(());
    }
    if std::env::var_os(ROLE).is_some() {
        return hold();
    }
    let mut test = Command::new(std::env::current_exe()?);
    test.args(["--exact", "orphans::servers_of_a_killed_test_end", "--nocapture", "--test-threads=1"]);
    let mut test = test.env(ROLE, "held").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let lines = BufReader::new(test.stdout.take().context("its output")?).lines();
    let held = lines.map_while(Result::ok).find_map(|line| line.split_once("held ").map(|(_, held)| held.to_owned()));
    let held = held.context("it started nothing")?;
    let [postgres, redis, dir] = held.splitn(3, ' ').collect::<Vec<_>>()[..] else { anyhow::bail!("{held}") };
    let ports = [postgres.parse()?, redis.parse()?];
    assert!(ports.iter().all(|port| answers(*port)));

    test.kill()?;
    test.wait()?;
    // PostgreSQL was paused, so that its children would not have ended by themselves.
    until("they do not end", || Ok(ports.iter().all(|port| !answers(*port)).then_some(())))?;
    until("something is left", || Ok(is_gone(Path::new(dir)).then_some(())))
}

/// Starts two, says where they are, and waits to be killed.
fn hold() -> Result<()> {
    let (postgres, redis) = (Postgres::fast()?, Redis::start()?);
    postgres.pause()?;
    println!("\nheld {} {} {}", postgres.port(), redis.port(), postgres.socket().display());
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}
