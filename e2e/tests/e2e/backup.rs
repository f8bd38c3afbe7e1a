//! A backup made under load, restored elsewhere.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use testkit::{GitHub, Server, Start};
use tokio::sync::Mutex;

use crate::kill::pages;
use crate::sse::{Listener, push};

const SENDERS: u64 = 12;

#[derive(Default)]
struct Load {
    acknowledged: Mutex<BTreeSet<String>>,
    answers: Mutex<Vec<(Instant, Duration)>>,
    count: AtomicU64,
    stop: AtomicBool,
}

async fn send(github: GitHub, sender: u64, load: Arc<Load>) -> Result<()> {
    for n in 0.. {
        if load.stop.load(Ordering::Relaxed) {
            break;
        }
        let mark = sender * 1_000_000 + n;
        let (id, station) = (format!("delivery-{mark}"), format!("backup/station-{}", mark % 5));
        let begun = Instant::now();
        // The server is killed at the end.
        let Ok(received) = github.send_as(&id, "push", push(&station, "mona", mark).to_string().into_bytes()).await
        else {
            break;
        };
        ensure!(received.status == 200, "{received:?}");
        load.answers.lock().await.push((begun, begun.elapsed()));
        load.acknowledged.lock().await.insert(id);
        load.count.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() * 99 / 100).copied().unwrap_or_default()
}

async fn until(load: &Load, count: u64) -> Result<()> {
    let begun = Instant::now();
    while load.count.load(Ordering::Relaxed) < count {
        ensure!(begun.elapsed() < Duration::from_secs(120), "{} acknowledged", load.count.load(Ordering::Relaxed));
        tokio::task::yield_now().await;
    }
    Ok(())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a plain path")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_under_load_restores_elsewhere_with_everything_acknowledged_before_it() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let start = Start::default().data(dir.path().join("data"));
    let mut server = start.clone().start().await?;
    let load = Arc::new(Load::default());
    let senders: Vec<_> =
        (0..SENDERS).map(|sender| tokio::spawn(send(server.github(), sender, load.clone()))).collect();
    until(&load, 1_500).await?;

    let file = dir.path().join("made under load");
    let before = load.acknowledged.lock().await.clone();
    let begun = Instant::now();
    let (made, said) = start.command_once(&["backup", text(&file)?]).await?;
    let ended = Instant::now();
    ensure!(made && said.contains("read again and whole"), "{said}");
    until(&load, load.count.load(Ordering::Relaxed) + 200).await?;
    server.kill().await?;
    load.stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await??;
    }
    let answers = load.answers.lock().await;
    let share = |during: bool| {
        let of = answers.iter().filter(|(at, _)| (*at >= begun && *at <= ended) == during);
        p99(of.map(|(_, took)| *took).collect())
    };
    println!("{} acknowledged before it, {:?} to make; {said}", before.len(), ended - begun);
    println!("answers, p99: {:?} during the backup, {:?} without", share(true), share(false));

    let elsewhere = Start::default().data(dir.path().join("elsewhere"));
    let (restored, said) = elsewhere.command_once(&["restore", text(&file)?]).await?;
    ensure!(restored, "{said}");
    let second = elsewhere.clone().start().await?;
    let admin = Server::admin(&second).await?;
    let events = pages(&admin, "/api/v1/events?type=github.push").await?;
    let there: BTreeSet<_> = events.iter().filter_map(|event| event["id"].as_str().map(str::to_owned)).collect();
    let lost: Vec<_> = before.difference(&there).collect();
    ensure!(lost.is_empty(), "acknowledged before the backup began, yet not in it: {lost:?}");

    // The radio plays on: the next phrase follows the last one, numbered without a hole.
    let station = "backup/station-1";
    let played = events.iter().filter(|event| event["subject"] == station).count() as u64;
    let mut listener = Listener::open(&second, station, None).await?;
    second.github().send_as("next", "push", push(station, "mona", 3).to_string().into_bytes()).await?;
    while listener.phrase().await?["n"].as_u64() != Some(played + 1) {}
    Ok(())
}

#[tokio::test]
async fn a_backup_needs_no_server_and_brings_the_sealed_secrets_back() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let at = |name: &str| Start::default().data(dir.path().join(name));
    let (well, secret) = at("old").command_once(&["webhook", "secret", "github"]).await?;
    ensure!(well, "{secret}");
    let file = dir.path().join("offline");
    let (made, said) = at("old").command_once(&["backup", text(&file)?]).await?;
    ensure!(made && said.contains("holds the key"), "{said}");
    let (again, said) = at("old").command_once(&["backup", text(&file)?]).await?;
    ensure!(!again && said.contains("exists already"), "{said}");
    let (restored, said) = at("new").command_once(&["restore", text(&file)?]).await?;
    ensure!(restored, "{said}");
    let (_, same) = at("new").command_once(&["webhook", "secret", "github"]).await?;
    ensure!(same == secret, "the sealed secret is readable");
    let (well, said) = at("new").command_once(&["doctor", "--listen", "127.0.0.1:0"]).await?;
    ensure!(well && said.contains("its key fits"), "{said}");
    // As a restore leaves it that was interrupted when it had decided, and whose volume is away since.
    let decided = dir.path().join("late/restoring");
    std::fs::create_dir_all(&decided)?;
    let look = async || at("late").command_once(&["doctor", "--listen", "127.0.0.1:0"]).await;
    let (well, said) = look().await?;
    ensure!(well && said.contains("the next start completes it"), "{said}");
    std::fs::write(decided.join("along"), text(&dir.path().join("volume"))?)?;
    let (well, said) = look().await?;
    ensure!(!well && said.contains("mount it and start again"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_restore_touches_nothing_that_runs_or_that_nobody_gave_up() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let start = Start::default().data(dir.path().join("data"));
    let mut server = start.clone().start().await?;
    let file = dir.path().join("backup");
    let (made, said) = start.command_once(&["backup", text(&file)?]).await?;
    ensure!(made, "{said}");
    let (done, said) = start.command_once(&["restore", text(&file)?, "--replace"]).await?;
    ensure!(!done && said.contains("another Mainspring runs"), "{said}");
    server.terminate().await?;
    let (done, said) = start.command_once(&["restore", text(&file)?]).await?;
    ensure!(!done && said.contains("--replace"), "{said}");
    let (done, said) = start.command_once(&["restore", text(&file)?, "--replace"]).await?;
    ensure!(done && said.contains("replaced-"), "{said}");
    let mut turned = std::fs::read(&file)?;
    let middle = turned.len() / 2;
    turned.truncate(middle);
    std::fs::write(&file, turned)?;
    let (done, said) = start.command_once(&["restore", text(&file)?, "--replace"]).await?;
    ensure!(!done && said.contains("take an older backup") || said.contains("no backup"), "{said}");
    start.start().await.map(drop)
}

#[tokio::test]
async fn scheduled_backups_are_made_by_the_server() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let start = Start::default().data(dir.path().join("data")).env("MAINSPRING__BACKUP__EVERY_HOURS", "1");
    let server = start.clone().start().await?;
    let folder = server.data().join("backups");
    let whole = || {
        let entries = std::fs::read_dir(&folder).ok()?;
        let mut files = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        files.find(|name| name.ends_with(".backup"))
    };
    let begun = Instant::now();
    while whole().is_none() {
        ensure!(begun.elapsed() < Duration::from_secs(30), "no backup in {}", folder.display());
        tokio::task::yield_now().await;
    }
    Ok(())
}
