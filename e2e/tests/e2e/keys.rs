//! API keys by the command line, beside a running server and without one.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{Server, Start};

async fn enqueue(server: &Server, key: &str, idempotency: &str) -> Result<(u16, bool, Value)> {
    let request = reqwest::Client::new().post(format!("{}/api/v1/jobs", server.url())).bearer_auth(key);
    let job = json!({ "kind": "thumbnail", "queue": "media", "args": {} });
    let answer = request.header("idempotency-key", idempotency).json(&job).send().await?;
    let (status, replayed) = (answer.status().as_u16(), answer.headers().contains_key("idempotency-replayed"));
    Ok((status, replayed, serde_json::from_str(&answer.text().await?).unwrap_or_default()))
}

/// What the command printed, as its last word: `command_once` puts both outputs together.
fn token(said: &str) -> Result<&str> {
    said.split_whitespace().find(|word| word.starts_with("msk_")).with_context(|| format!("no key: {said}"))
}

#[tokio::test]
async fn a_key_is_made_listed_used_and_revoked_beside_a_running_server() -> Result<()> {
    let data = tempfile::tempdir()?;
    let start = Start::default().data(data.path());
    let server = start.clone().start().await?;
    let admin = server.admin().await?;
    let make = ["key", "create", "--name", "a worker", "--scope", "jobs:enqueue", "--scope", "jobs:work"];
    let (ok, said) = start.command_once(&make).await?;
    ensure!(ok, "{said}");
    let first = token(&said)?.to_owned();
    let (_, said) = start.command_once(&[&make[..], &["--expires", "90d"]].concat()).await?;
    let second = token(&said)?.to_owned();

    // One Idempotency-Key of two programs.
    let (status, replayed, mine) = enqueue(&server, &first, "k").await?;
    ensure!((status, replayed) == (201, false), "{mine}");
    let (status, replayed, other) = enqueue(&server, &second, "k").await?;
    ensure!((status, replayed) == (201, false) && other["id"] != mine["id"], "{mine} {other}");
    ensure!(enqueue(&server, &first, "k").await? == (201, true, mine));

    let (ok, listed) = start.command_once(&["key", "list"]).await?;
    ensure!(ok && listed.lines().count() == 2, "{listed}");
    ensure!(listed.contains("a worker") && listed.contains("jobs:work, jobs:enqueue") && listed.contains("until "));
    ensure!(!listed.contains(&first) && !listed.contains(&second), "it is shown once: {listed}");

    let (ok, said) = start.command_once(&["key", "revoke", "1"]).await?;
    ensure!(ok, "{said}");
    ensure!(enqueue(&server, &first, "k").await?.0 == 401, "a kept answer is not for a revoked key");
    ensure!(enqueue(&server, &second, "k").await?.0 == 201);
    let (ok, said) = start.command_once(&["key", "revoke", "77"]).await?;
    ensure!(!ok && said.contains("there is no key 77"), "{said}");
    let (ok, said) = start.command_once(&["key", "create", "--name", "x", "--scope", "jobs:everything"]).await?;
    ensure!(!ok && said.contains("jobs:work"), "it says which there are: {said}");

    let audit = admin.get("/api/v1/audit").await?;
    let entries = audit["items"].as_array().context("entries")?;
    let seen: Vec<_> =
        entries.iter().rev().filter_map(|it| Some((it["actor"].as_str()?, it["action"].as_str()?))).collect();
    let expected = [
        ("anonymous", "POST /console/enter/{token}"),
        ("cli", "key create"),
        ("cli", "key create"),
        ("key:1", "POST /api/v1/jobs"),
        ("key:2", "POST /api/v1/jobs"),
        ("key:1", "POST /api/v1/jobs"),
        ("cli", "key revoke"),
        ("key:2", "POST /api/v1/jobs"),
    ];
    ensure!(seen == expected, "{seen:?}");
    let log = server.log();
    ensure!(!log.contains(&first) && !audit.to_string().contains(&first), "the key is written down");
    ensure!(log.contains("\"caller\":\"key:2\""), "lines say who asked");
    Ok(())
}

#[tokio::test]
async fn a_key_that_was_made_without_a_server_works_with_one() -> Result<()> {
    let data = tempfile::tempdir()?;
    let start = Start::default().data(data.path());
    let (ok, said) = start.command_once(&["key", "create", "--name", "early", "--scope", "jobs:enqueue"]).await?;
    ensure!(ok, "{said}");
    let key = token(&said)?.to_owned();
    let server = start.start().await?;
    ensure!(enqueue(&server, &key, "k").await?.0 == 201);
    let audit = server.admin().await?.get("/api/v1/audit?actor=cli").await?;
    ensure!(audit["items"][0]["action"] == "key create", "{audit}");
    Ok(())
}
