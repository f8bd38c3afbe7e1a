//! Senders' own libraries sign, the built binary verifies; and the commands of `mainspring webhook` beside it.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use testkit::Server;
use tokio::process::Command;

use crate::node::Script;

const STANDARD: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn made(admin: &testkit::Admin, new: Value) -> Result<Value> {
    let (status, revealed) = admin.send("POST", "/api/v1/webhooks/sources", Some(&new)).await?;
    assert_eq!(status, 201, "{revealed}");
    Ok(revealed)
}

#[tokio::test]
async fn what_the_senders_own_libraries_sign_is_believed_and_nothing_else() -> Result<()> {
    let server = Server::start().await?;
    let admin = server.admin().await?;
    let (_, github) = admin.post("/api/v1/webhooks/sources/github/secret").await?;
    made(&admin, json!({"name": "standard", "sender": "standard", "secret": STANDARD})).await?;
    let secret = github["secret"].as_str().context("a secret")?;
    let mut script = Script::start("senders.mjs", &[&server.url(), secret, STANDARD])?;
    let said = script.until(|line| line["name"] == "done").await?;
    let told: Vec<_> = said
        .iter()
        .filter(|line| line["name"] != "done")
        .map(|line| {
            let word = line["body"]["status"].as_str().or(line["body"]["code"].as_str()).unwrap_or_default();
            (line["name"].as_str().unwrap_or_default(), line["status"].as_u64().unwrap_or_default(), word)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("github", 200, "accepted"),
            ("github again", 200, "duplicate"),
            ("github, a captured body under a new id", 200, "duplicate"),
            ("github, forged", 401, "verification_failed"),
            ("standard", 200, "accepted"),
            ("standard, two signatures", 200, "accepted"),
            ("standard, another id", 401, "verification_failed"),
            ("standard, stale", 401, "stale_timestamp"),
            ("standard, from the future", 401, "stale_timestamp"),
        ]
    );
    Ok(())
}

/// The binary of the same build as this test.
fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("MAINSPRING_BIN") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let found = test.ancestors().map(|dir| dir.join("mainspring")).find(|path| path.is_file());
    found.context("the binary is not built: run `cargo build -p mainspring` first")
}

/// Runs `mainspring webhook …` beside the server.
async fn webhook(server: &Server, args: &[&str]) -> Result<(bool, String)> {
    let mut command = Command::new(binary()?);
    command.arg("webhook").args(args);
    if args != ["selftest"] {
        command.arg("--data").arg(server.data());
    }
    let output = command.stdin(Stdio::null()).output().await?;
    let text = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
}

#[tokio::test]
async fn a_webhook_can_be_tried_out_listed_and_replayed_from_the_command_line() -> Result<()> {
    let server = Server::start().await?;
    let admin = server.admin().await?;
    let (passed, table) = webhook(&server, &["selftest"]).await?;
    assert!(passed && table.lines().count() >= 15 && table.lines().all(|line| line.ends_with("ok")), "{table}");
    for sender in ["generic", "stripe", "railway", "youtube", "linear"] {
        let secret = matches!(sender, "stripe" | "linear").then_some(STANDARD);
        made(&admin, json!({"name": sender, "sender": sender, "secret": secret})).await?;
        let sent = webhook(&server, &["send", sender, "--type", "a.thing", "--url", &server.url()]).await?;
        assert!(sent.0 && sent.1.starts_with('2'), "{sender}: {}", sent.1);
    }
    let sent = webhook(&server, &["send", "github", "--type", "push", "--url", &server.url()]).await?;
    assert!(sent.0 && sent.1.contains("\"accepted\""), "{}", sent.1);
    let listed = webhook(&server, &["sources"]).await?.1;
    assert!(listed.contains("/in/railway/{token}") && listed.contains("1 accepted"), "{listed}");
    let id = admin.get("/api/v1/webhooks/deliveries").await?["items"][0]["id"].as_str().context("an id")?.to_owned();
    let replayed = webhook(&server, &["replay", &id]).await?;
    assert!(replayed.0 && replayed.1.contains("is event 7"), "{}", replayed.1);
    let planned = webhook(&server, &["replay", "--since", "1h", "--dry-run"]).await?;
    assert!(planned.0 && planned.1.contains("6 deliveries"), "{}", planned.1);
    let begun = webhook(&server, &["replay", "--since", "1h", "--source", "generic"]).await?;
    assert!(begun.0 && begun.1.contains("replay 1 of 1 deliveries"), "{}", begun.1);
    let unknown = webhook(&server, &["send", "nobody", "--url", &server.url()]).await?;
    assert!(!unknown.0 && unknown.1.contains("no source"), "{}", unknown.1);
    Ok(())
}
