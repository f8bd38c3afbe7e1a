//! Workers in another language: the example of the documentation, used, killed and followed by another.

use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{Admin, Server};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::sse::GUARD;

struct Worker {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    fn start(server: &Server, key: &str, lease_s: u32) -> Result<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/node-worker/worker.mjs");
        let mut child = Command::new("node")
            .arg(script)
            .env("MAINSPRING_URL", server.url())
            .env("MAINSPRING_KEY", key)
            .env("LEASE_S", lease_s.to_string())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("node cannot be started")?;
        let stdout = child.stdout.take().context("standard output")?;
        Ok(Self { child, lines: BufReader::new(stdout).lines() })
    }

    /// Waits until it says this.
    async fn says(&mut self, what: &str) -> Result<Value> {
        loop {
            let line = tokio::time::timeout(GUARD, self.lines.next_line()).await.context("the worker is silent")??;
            let line: Value = serde_json::from_str(&line.context("the worker ended")?)?;
            if line["said"] == what {
                return Ok(line);
            }
        }
    }
}

async fn key(admin: &Admin, scopes: &[&str]) -> Result<String> {
    let (status, made) =
        admin.send("POST", "/api/v1/keys", Some(&json!({ "name": "a worker", "scopes": scopes }))).await?;
    ensure!(status == 201, "{status} {made}");
    made["token"].as_str().map(str::to_owned).context("a token")
}

async fn enqueue(admin: &Admin, job: Value) -> Result<String> {
    let (status, made) = admin.send("POST", "/api/v1/jobs", Some(&job)).await?;
    ensure!(status == 201, "{status} {made}");
    made["id"].as_str().map(str::to_owned).context("an id")
}

#[tokio::test]
async fn a_job_outlives_its_worker_and_is_done_by_the_next() -> Result<()> {
    let server = Server::start().await?;
    let admin = server.admin().await?;
    let key = key(&admin, &["jobs:work"]).await?;
    let mut first = Worker::start(&server, &key, 2)?;
    let quick = enqueue(&admin, json!({ "kind": "thumbnail", "queue": "media", "args": { "of": "cat" } })).await?;
    ensure!(first.says("completed").await?["id"] == quick);
    let shown = admin.get(&format!("/api/v1/jobs/{quick}")).await?;
    ensure!(shown["state"] == "completed" && shown["result"]["thumbnail"] == "cat.webp", "{shown}");

    let args = json!({ "of": "dog", "steps": 50, "pause_ms": 20 });
    let slow = enqueue(&admin, json!({ "kind": "thumbnail", "queue": "media", "args": args })).await?;
    let said = first.says("progress").await?;
    let shown = admin.get(&format!("/api/v1/jobs/{slow}")).await?;
    ensure!(shown["state"] == "executing" && shown["percent"].as_i64() >= said["percent"].as_i64(), "{shown}");
    first.child.kill().await?;
    let mut second = Worker::start(&server, &key, 2)?;
    let begun = second.says("begun").await?;
    ensure!(begun["id"] == slow && begun["attempt"] == 2, "{begun}");
    second.says("completed").await?;
    let shown = admin.get(&format!("/api/v1/jobs/{slow}")).await?;
    ensure!(shown["last_error"] == "the worker died" && shown["percent"] == 100, "{shown}");

    // Its handler throws, as the arguments are not an object, and the job is tried again later.
    let broken = json!({ "kind": "thumbnail", "queue": "media", "args": null });
    let broken = enqueue(&admin, broken).await?;
    ensure!(second.says("retryable").await?["id"] == broken);
    ensure!(second.says("retryable").await?["attempt"] == 2);
    let (status, row) = admin.post(&format!("/api/v1/jobs/{broken}/cancel")).await?;
    ensure!(status == 200 && row["state"] == "cancelled", "{row}");

    // What happens outside counts as what happens inside: the objectives stand on it.
    let metrics = reqwest::get(server.url() + "/metrics").await?.text().await?;
    for counted in [r#"kind="http",outcome="completed"} 2"#, r#"kind="http",outcome="retried"} 2"#] {
        ensure!(metrics.contains(&format!("jobs_total{{{counted}")), "{counted} is not in {metrics}");
    }
    Ok(())
}

#[tokio::test]
async fn a_worker_without_the_scope_gets_nothing() -> Result<()> {
    let server = Server::start().await?;
    let admin = server.admin().await?;
    let key = key(&admin, &["jobs:enqueue"]).await?;
    let client = reqwest::Client::new();
    let url = format!("{}/api/v1/jobs/claim", server.url());
    let body = json!({ "queues": ["media"] });
    let with_key = client.post(&url).bearer_auth(&key).json(&body).send().await?;
    ensure!(with_key.status() == 403, "{}", with_key.status());
    let without = client.post(&url).json(&body).send().await?;
    ensure!(without.status() == 401, "{}", without.status());
    Ok(())
}
