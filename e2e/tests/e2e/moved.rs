//! A deployment grows up: from SQLite into PostgreSQL, by a command that is killed again and again.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use testkit::{GitHub, Postgres, Start};
use tokio::process::Command;

use crate::kill::{Dice, Journal, check, seed};
use crate::sse::push;

const SENDERS: u64 = 8;
const DELIVERIES: u64 = 1_200;

async fn deliver(github: GitHub, sender: u64, journal: Arc<Journal>) -> Result<()> {
    for mark in (1 + sender..=DELIVERIES).step_by(SENDERS as usize) {
        let (id, station) = (format!("delivery-{mark}"), format!("move/station-{}", mark % 5));
        let body = push(&station, &format!("author-{}", mark % 7), mark).to_string().into_bytes();
        let received = github.send_as(&id, "push", body).await?;
        ensure!(received.status == 200, "{received:?}");
        journal.acknowledge(id, station).await;
    }
    Ok(())
}

/// The move, killed after so long unless it has ended: what it printed, if it has.
async fn killed_after(data: &Path, url: &str, time: Duration) -> Result<Option<String>> {
    let binary = std::env::current_exe()?;
    let binary = binary.ancestors().map(|dir| dir.join("mainspring")).find(|path| path.is_file());
    let binary = std::env::var_os("MAINSPRING_BIN").map(Into::into).or(binary).context("the binary is not built")?;
    let mut moving = Command::new(binary);
    moving.arg("move").arg("--data").arg(data).env("DATABASE_URL", url).kill_on_drop(true);
    // What it prints in one run fits into a pipe.
    let mut child = moving.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if tokio::time::timeout(time, child.wait()).await.is_err() {
        // Until it is gone: before that it holds the lock.
        child.kill().await?;
        return Ok(None);
    }
    let output = child.wait_with_output().await?;
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    ensure!(output.status.success(), "{said}");
    Ok(Some(said))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_acknowledged_moves_however_often_the_move_is_killed() -> Result<()> {
    if !Postgres::is_there() {
        println!("not run: PostgreSQL is not installed");
        return Ok(());
    }
    let seed = seed()?;
    println!("seed {seed}: MAINSPRING_SEED={seed} repeats it");
    let database = tokio::task::spawn_blocking(Postgres::fast).await??;
    let dir = tempfile::tempdir()?;
    let data = dir.path().join("data");
    let start = Start::default().data(&data);
    let there = start.clone().env("DATABASE_URL", &database.url());
    let mut server = start.clone().start().await?;
    let (refused, said) = there.command_once(&["move"]).await?;
    ensure!(!refused && said.contains("another Mainspring runs"), "{said}");

    let journal = Arc::new(Journal::default());
    let senders: Vec<_> =
        (0..SENDERS).map(|sender| tokio::spawn(deliver(server.github(), sender, journal.clone()))).collect();
    for sender in senders {
        sender.await??;
    }
    // Jobs run, and the log is not folded into the file.
    server.kill().await?;

    let (mut dice, mut kills) = (Dice(seed), 0);
    let said = loop {
        let time = Duration::from_millis(20 + dice.below(100) + 40 * kills);
        if let Some(said) = killed_after(&data, &database.url(), time).await? {
            break said;
        }
        kills += 1;
        ensure!(kills < 200, "it does not end");
    };
    println!("killed {kills} times; {said}");
    ensure!(kills > 0 && said.contains("checksums of both sides agree"), "{said}");
    ensure!(said.contains("mainspring.key") && !said.contains("postgres@"), "{said}");
    let embedded = start.clone().start().await.err().context("it must not start there any more")?;
    ensure!(format!("{embedded:#}").contains("has moved to"), "{embedded:#}");

    let server = there.start().await?;
    let admin = server.admin().await?;
    check(&server, &admin, &journal).await
}
