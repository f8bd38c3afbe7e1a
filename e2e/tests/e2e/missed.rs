//! What one process does for all is gone on with as soon as it is dead, and not when its lease is over.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use testkit::{Admin, Server};

use crate::fleet::Fleet;
use crate::sse::{GUARD, Listener, push};

/// Well below the ten seconds after which silence alone is death.
const SOON: Duration = Duration::from_secs(6);
/// A process renews its place so often, milliseconds.
const BEAT_MS: i64 = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_that_led_keeps_nobody_waiting() -> Result<()> {
    let Some(fleet) = Fleet::new().await? else { return Ok(()) };
    let mut first = fleet.process(&["all"]).await?;
    let (second, third) = (fleet.process(&["all"]).await?, fleet.process(&["all"]).await?);
    // Whoever starts first leads, and is asked who does.
    let admin = first.admin().await?.at(&second);
    let all = instances(&admin).await?;
    let leading: Vec<_> =
        all.iter().filter(|it| it["leads"].as_array().is_some_and(|leads| !leads.is_empty())).collect();
    let process = first.pid().context("a process")?.to_string();
    ensure!(
        leading.len() == 1 && leading[0]["holder"].to_string().contains(&process),
        "{leading:?} lead, not {process}"
    );

    let mut listener = Listener::open(&third, "octocat/missed", None).await?;
    says(&second, 1).await?;
    hears(&mut listener, 1).await?;
    // Each has beaten once more by the clock, and counted the others' connections several times meanwhile.
    let beaten = async {
        let since = instances(&admin).await?;
        let beats = |it: &Value| it["renewed_at_ms"].as_i64().unwrap_or_default();
        while instances(&admin).await?.iter().zip(&since).any(|(now, since)| beats(now) < beats(since) + BEAT_MS) {
            tokio::task::yield_now().await;
        }
        Ok::<_, anyhow::Error>(())
    };
    tokio::time::timeout(GUARD, beaten).await??;
    first.kill().await?;
    let killed = Instant::now();
    says(&second, 2).await?;
    hears(&mut listener, 2).await?;
    let silence = killed.elapsed();
    println!("heard again after {} ms", silence.as_millis());
    ensure!(silence < SOON, "nothing was heard for {silence:?}");
    Ok(())
}

async fn instances(admin: &Admin) -> Result<Vec<Value>> {
    let all = admin.get("/api/v1/instances").await?;
    Ok(all["items"].as_array().context("items")?.clone())
}

async fn says(server: &Server, mark: u64) -> Result<()> {
    let body = push("octocat/missed", "mona", mark).to_string().into_bytes();
    let sent = server.github().send_as(&format!("d-{mark}"), "push", body).await?;
    ensure!(sent.status == 200, "{sent:?}");
    Ok(())
}

async fn hears(listener: &mut Listener, last: u64) -> Result<()> {
    while listener.phrase().await?["n"].as_u64() != Some(last) {}
    Ok(())
}
