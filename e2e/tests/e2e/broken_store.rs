//! A database that is damaged, newer, of another program or taken: the binary refuses to start and says what to do.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use kernel::{Clock, Entropy};
use store::{Durability, FILE, Migration, Store};
use testkit::{Server, Start};

use crate::kill::pages;
use crate::sse::push;

fn overwrite(path: &Path, at: u64, bytes: &[u8]) -> Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.seek(SeekFrom::Start(at))?;
    Ok(file.write_all(bytes)?)
}

fn cut(path: &Path, keep: impl FnOnce(u64) -> u64) -> Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    Ok(file.set_len(keep(file.metadata()?.len()))?)
}

/// A data directory with some deliveries in it, closed.
async fn used(dir: &Path) -> Result<Start> {
    let start = Start::default().data(dir.join("data"));
    let mut server = start.clone().start().await?;
    deliver(&server, 20).await?;
    server.terminate().await?;
    Ok(start)
}

async fn deliver(server: &Server, count: u64) -> Result<()> {
    for mark in 0..count {
        let id = format!("delivery-{mark}");
        let received = server.github().send_as(&id, "push", push("a/b", "mona", mark).to_string().into_bytes()).await?;
        ensure!(received.status == 200, "{received:?}");
    }
    Ok(())
}

/// What it said instead of starting.
async fn refusal(start: &Start) -> Result<String> {
    let error = start.clone().start().await.err().context("it must not start")?;
    Ok(format!("{error:#}"))
}

#[tokio::test]
async fn a_damaged_database_is_refused_with_the_way_back() -> Result<()> {
    type Break = fn(&Path) -> Result<()>;
    let ways: [(&str, Break); 4] = [
        ("garbage header", |path| overwrite(path, 0, &[0xAA; 100])),
        ("flipped bytes", |path| {
            let length = path.metadata()?.len();
            (2048..length).step_by(8 * 1024).try_for_each(|at| overwrite(path, at, &[0x5A; 300]))
        }),
        ("half of it", |path| cut(path, |length| length / 2)),
        ("nothing of it", |path| cut(path, |_| 0)),
    ];
    for (name, break_it) in ways {
        let dir = tempfile::tempdir()?;
        let start = used(dir.path()).await?;
        // What an operator who schedules backups has.
        let backup = dir.path().join("data/backups/mainspring-2026-01-01T00-00-00.000Z.backup");
        std::fs::create_dir(backup.parent().context("a parent")?)?;
        let (made, said) = start.command_once(&["backup", backup.to_str().context("a plain path")?]).await?;
        ensure!(made, "{said}");
        break_it(&dir.path().join("data").join(FILE))?;
        let refused = refusal(&start).await?;
        ensure!(refused.contains("the database is damaged"), "{name}: {refused}");
        ensure!(refused.contains("mainspring restore FILE --replace"), "{name}: {refused}");
        ensure!(refused.contains(backup.to_str().context("a path")?), "{name}: it names the newest backup: {refused}");
        let (well, said) = start.command_once(&["doctor"]).await?;
        ensure!(!well && said.contains("mainspring restore FILE --replace"), "{name}: {said}");
        // Doing what it says works.
        let (restored, said) =
            start.command_once(&["restore", backup.to_str().context("a path")?, "--replace"]).await?;
        ensure!(restored && said.contains("kept in"), "{name}: {said}");
        let server = start.clone().start().await?;
        deliver(&server, 1).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_newer_or_foreign_database_is_refused() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let start = Start::default().data(dir.path());
    let future = Migration { part: "future", version: 9, sql: "CREATE TABLE wonders (name TEXT NOT NULL)" };
    let (clock, entropy) = (Clock::system(), Entropy::system());
    std::fs::write(dir.path().join("mainspring.key"), [7; 32])?;
    Store::embedded(dir.path(), Durability::Full, &[future], &clock, &entropy)?.close().await;
    let refused = refusal(&start).await?;
    ensure!(refused.contains("written by a newer Mainspring (future/9)"), "{refused}");
    ensure!(refused.contains("run that version, or restore an older backup"), "{refused}");
    let (well, said) = start.command_once(&["doctor"]).await?;
    ensure!(!well && said.contains("newer Mainspring"), "{said}");

    // The four bytes in which a file says whose it is.
    overwrite(&dir.path().join(FILE), 68, b"geos")?;
    let refused = refusal(&start).await?;
    ensure!(refused.contains("database of another program") && refused.contains("--data"), "{refused}");
    Ok(())
}

#[tokio::test]
async fn a_second_server_on_the_same_directory_is_refused() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let start = Start::default().data(dir.path().join("data"));
    let first = start.clone().start().await?;
    let refused = refusal(&start).await?;
    ensure!(refused.contains("another Mainspring runs"), "{refused}");
    deliver(&first, 3).await
}

#[tokio::test]
async fn a_log_that_ends_in_the_middle_of_a_commit_is_read_up_to_the_last_whole_one() -> Result<()> {
    let mut server = Server::start().await?;
    let admin = server.admin().await?;
    deliver(&server, 20).await?;
    server.kill().await?;
    let log = server.data().join("mainspring.db-wal");
    // A page that looks like one of this log, and a part of another: as a power cut within a write leaves them.
    let mut torn = std::fs::read(&log).context("a killed server leaves its log")?;
    torn.extend_from_within(32..5_000);
    std::fs::write(&log, torn)?;
    server.start_again().await?;
    let events = pages(&admin, "/api/v1/events?type=github.push").await?;
    ensure!(events.len() == 20, "{} of 20", events.len());
    deliver(&server, 21).await
}
