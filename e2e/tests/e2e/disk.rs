//! A disk that is full, or cannot be written: said in time, refused, and nothing that was acknowledged is lost.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tempfile::TempDir;
use testkit::{GitHub, Server, Start};

use crate::kill::pages;
use crate::sse::{GUARD, Listener, push};

/// Memory that holds so many mebibytes and no more, as a disk.
struct Disk {
    at: PathBuf,
    _dir: TempDir,
}

impl Disk {
    fn mount(mib: u32) -> Result<Option<Self>> {
        let dir = tempfile::tempdir()?;
        let at = dir.path().join("mounted");
        std::fs::create_dir(&at)?;
        let size = format!("size={mib}m");
        if Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).output()?.status.success() {
            return Ok(Some(Self { at, _dir: dir }));
        }
        println!(
            "!!! this user may not mount here: a full disk was NOT tested on the binary, only on the store by its own bound"
        );
        Ok(None)
    }

    fn path(&self) -> &Path {
        &self.at
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.at).status();
    }
}

/// Asks until the answer has this status.
async fn becomes(url: String, status: u16) -> Result<()> {
    let begun = Instant::now();
    while reqwest::get(&url).await?.status().as_u16() != status {
        ensure!(begun.elapsed() < GUARD, "{url} did not become {status}");
    }
    Ok(())
}

/// Sends until a delivery is refused: the ids that were acknowledged.
async fn until_refused(github: GitHub, sender: u64, full: Arc<AtomicBool>) -> Result<Vec<String>> {
    let mut acknowledged = Vec::new();
    for n in 0.. {
        let mark = sender * 1_000_000 + n;
        let mut payload = push("full/disk", "mona", mark);
        payload["filler"] = "x".repeat(20_000).into();
        let id = format!("delivery-{mark}");
        let received = github.send_as(&id, "push", payload.to_string().into_bytes()).await?;
        match received.status {
            200 => acknowledged.push(id),
            503 => {
                full.store(true, Ordering::Relaxed);
                break;
            }
            other => anyhow::bail!("{other}: {}", received.body),
        }
    }
    Ok(acknowledged)
}

/// Everything acknowledged is in the log; what waits in a file of deliveries has time to get there.
async fn all_there(admin: &testkit::Admin, acknowledged: &[String]) -> Result<()> {
    let begun = Instant::now();
    loop {
        let events = pages(admin, "/api/v1/events?type=github.push").await?;
        let ids: std::collections::HashSet<&str> = events.iter().filter_map(|event| event["id"].as_str()).collect();
        ensure!(ids.len() == events.len(), "an event is there twice");
        let lost: Vec<_> = acknowledged.iter().filter(|id| !ids.contains(id.as_str())).collect();
        if lost.is_empty() {
            return Ok(());
        }
        ensure!(begun.elapsed() < GUARD, "acknowledged, yet lost: {lost:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_with_503_loses_nothing_and_recovers_by_itself() -> Result<()> {
    let Some(disk) = Disk::mount(48)? else { return Ok(()) };
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![0; 24 * 1024 * 1024])?;
    let start = Start::default().data(disk.path().join("data")).env("MAINSPRING__STORE__MIN_FREE_MB", "4");
    let mut server = start.start().await?;
    let admin = server.admin().await?;
    becomes(server.url() + "/readyz", 200).await?;

    let full = Arc::new(AtomicBool::new(false));
    let senders: Vec<_> =
        (0..8).map(|sender| tokio::spawn(until_refused(server.github(), sender, full.clone()))).collect();
    let mut acknowledged = Vec::new();
    for sender in senders {
        acknowledged.extend(sender.await??);
    }
    ensure!(full.load(Ordering::Relaxed) && acknowledged.len() > 50, "{} acknowledged", acknowledged.len());
    refusal_is_clear(&server).await?;
    becomes(server.url() + "/readyz", 503).await?;
    let health: Value = reqwest::get(server.url() + "/healthz").await?.text().await?.parse()?;
    println!("{} acknowledged, then: {health}", acknowledged.len());
    ensure!(health["checks"].to_string().contains("MiB") || health["checks"].to_string().contains("full"), "{health}");
    becomes(server.url() + "/livez", 200).await?;

    std::fs::remove_file(&ballast)?;
    becomes(server.url() + "/readyz", 200).await?;
    let after = server.github().send_as("after", "push", push("full/disk", "mona", 7).to_string().into_bytes()).await?;
    ensure!(after.status == 200, "{after:?}");
    acknowledged.push("after".into());
    all_there(&admin, &acknowledged).await?;
    server.kill().await?;
    server.start_again().await?;
    all_there(&admin, &acknowledged).await?;
    Listener::open(&server, "full/disk", None).await?.phrase().await?;
    Ok(())
}

async fn refusal_is_clear(server: &Server) -> Result<()> {
    let github = server.github();
    let mut payload = push("full/disk", "mona", 9);
    payload["filler"] = "x".repeat(500_000).into();
    let body = payload.to_string();
    let request = reqwest::Client::new().post(server.url() + "/in/github").header("content-type", "application/json");
    let request = request.header("x-github-event", "push").header("x-github-delivery", "large");
    let response = request.header("x-hub-signature-256", github.sign(body.as_bytes())).body(body).send().await?;
    let wait = response.headers().get("retry-after").context("it says when to come back")?.to_str()?.to_owned();
    ensure!(response.status().as_u16() == 503 && wait.parse::<u32>().is_ok_and(|s| s > 0), "{response:?}");
    ensure!(response.headers()["content-type"] == "application/problem+json", "{response:?}");
    Ok(())
}

#[tokio::test]
async fn a_disk_with_little_room_is_said_before_it_is_full() -> Result<()> {
    let Some(disk) = Disk::mount(48)? else { return Ok(()) };
    let start = Start::default().data(disk.path().join("data"));
    let server = start.clone().start().await?;
    // The default wants 64 MiB.
    becomes(server.url() + "/readyz", 503).await?;
    let received = server.github().send("ping", &serde_json::json!({ "zen": "Keep it logically awesome." })).await?;
    ensure!(received.status == 200, "what fits is taken: {received:?}");
    let (well, said) = start.command_once(&["doctor"]).await?;
    ensure!(!well && said.contains("store.min_free_mb = 64") && said.contains("make room"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_data_directory_that_cannot_be_written_is_refused() -> Result<()> {
    let Some(disk) = Disk::mount(48)? else { return Ok(()) };
    let start = Start::default().data(disk.path().join("data"));
    let mut server = start.clone().start().await?;
    becomes(server.url() + "/livez", 200).await?;
    server.terminate().await?;
    let frozen = Command::new("mount").args(["-o", "remount,ro"]).arg(disk.path()).status()?;
    ensure!(frozen.success(), "remounted");
    let refused = start.clone().start().await.err().context("refused")?.to_string();
    ensure!(refused.contains("Read-only file system"), "{refused}");
    let (well, said) = start.command_once(&["doctor"]).await?;
    ensure!(!well && said.contains("choose another with --data"), "{said}");
    Ok(())
}
