//! The peers that run on Node.js.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use crate::jobs_bench as ours;

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

pub(crate) fn is_there() -> Result<()> {
    let changed = |file: &str| Path::new(PEERS).join(file).metadata().and_then(|it| it.modified()).ok();
    // What was installed before a peer was added lacks it.
    let installed = changed("node_modules/.package-lock.json") >= changed("package-lock.json");
    ensure!(installed, "the peers are not installed as they are now: run `npm ci --prefix bench/peers` first");
    Ok(())
}

/// A peer's script, without its arguments.
pub(crate) fn command(script: &str) -> Command {
    // They come with the version of Node.js that they want, where there is one for the machine.
    let path = std::env::var("PATH").unwrap_or_default();
    let mut node = Command::new("/usr/bin/env");
    node.args(["node", script]).env("PATH", format!("{PEERS}/node_modules/.bin:{path}")).current_dir(PEERS);
    node
}

/// Runs a peer's script with these arguments, and then those that say how much is measured: what it printed.
pub(crate) async fn run(script: &str, arguments: &[String]) -> Result<Value> {
    let much = [ours::BACKLOG, ours::BULK, ours::SLOTS, ours::PER_S as usize, ours::WARM, ours::STARTS];
    let node = command(script)
        .args(arguments)
        .args(much.map(|argument| argument.to_string()))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let node = tokio::time::timeout(Duration::from_secs(600), node).await;
    let node = node.with_context(|| format!("{script} did not end"))??;
    ensure!(node.status.success(), "{script} {arguments:?} failed");
    Ok(serde_json::from_slice(&node.stdout)?)
}

/// One of the figures that it printed.
pub(crate) fn figure(figures: &Value, key: &str) -> Result<f64> {
    figures[key].as_f64().with_context(|| format!("no {key} in {figures}"))
}
