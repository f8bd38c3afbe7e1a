//! Outgoing webhooks, as a library that we did not write receives them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{Admin, Server, Start};
use tokio::io::AsyncWriteExt;

use crate::kill::pages;
use crate::node::Script;
use crate::sse::push;

struct Receiver {
    script: Script,
    url: String,
}

impl Receiver {
    async fn start() -> Result<Self> {
        let mut script = Script::start("receiver.mjs", &[])?;
        let listening = script.next().await?;
        Ok(Self { script, url: format!("http://127.0.0.1:{}/hook", listening["port"]) })
    }

    async fn tell(&mut self, command: &Value) -> Result<()> {
        let stdin = self.script.stdin.as_mut().context("standard input")?;
        stdin.write_all(format!("{command}\n").as_bytes()).await?;
        self.script.until(|line| line["type"] == "understood").await.map(drop)
    }

    async fn message(&mut self) -> Result<Value> {
        let said = self.script.until(|line| line["type"] == "message").await?;
        said.into_iter().next_back().context("a message")
    }
}

async fn start() -> Result<(Server, Admin)> {
    let server = Start::default().env("MAINSPRING__OUTBOUND__ALLOW_PRIVATE", r#"["127.0.0.0/8"]"#).start().await?;
    let admin = server.admin().await?;
    Ok((server, admin))
}

async fn register(admin: &Admin, url: &str, types: &[&str]) -> Result<(String, String)> {
    let (status, made) = admin.send("POST", "/api/v1/endpoints", Some(&json!({ "url": url, "types": types }))).await?;
    ensure!(status == 201, "{status} {made}");
    let text = |name: &str| made[name].as_str().map(str::to_owned).context("a text");
    Ok((text("id")?, text("secret")?))
}

#[tokio::test]
async fn the_published_library_verifies_what_is_sent_also_while_secrets_change_over() -> Result<()> {
    let (server, admin) = start().await?;
    let mut receiver = Receiver::start().await?;
    let (id, first) = register(&admin, &receiver.url, &["github.*"]).await?;
    let strange = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    receiver.tell(&json!({ "secrets": [first, strange] })).await?;

    let github = server.github();
    let body = push("octocat/hello-world", "mona", 1).to_string().into_bytes();
    github.send_as("delivery-1", "push", body.clone()).await?;
    let got = receiver.message().await?;
    assert_eq!((&got["verified"], &got["signatures"]), (&json!([true, false]), &json!(1)));
    assert_eq!((&got["tampered"], &got["moved"]), (&json!(false), &json!(false)));
    assert_eq!(got["content"], "application/cloudevents+json");
    let event = &got["event"];
    assert_eq!(
        (&event["specversion"], &event["type"], &event["id"]),
        (&json!("1.0"), &json!("github.push"), &json!("delivery-1"))
    );
    assert_eq!(event["data"], serde_json::from_slice::<Value>(&body)?);

    let path = format!("/api/v1/endpoints/{id}");
    let (_, rotated) = admin.send("POST", &format!("{path}/rotate"), Some(&json!({}))).await?;
    let second = rotated["secret"].as_str().context("a secret")?;
    receiver.tell(&json!({ "secrets": [first, second, strange] })).await?;
    github.send_as("delivery-2", "push", push("octocat/hello-world", "mona", 2).to_string().into_bytes()).await?;
    let got = receiver.message().await?;
    assert_eq!((&got["verified"], &got["signatures"]), (&json!([true, true, false]), &json!(2)));

    let (_, gone) = admin.send("POST", &format!("{path}/rotate"), Some(&json!({ "overlap_s": 0 }))).await?;
    let third = gone["secret"].as_str().context("a secret")?;
    receiver.tell(&json!({ "secrets": [first, second, third] })).await?;
    let (status, test) = admin.post(&format!("{path}/test")).await?;
    let got = receiver.message().await?;
    assert_eq!((status, &got["id"], &got["event"]["type"]), (202, &test["id"], &json!("mainspring.endpoint.test")));
    assert_eq!(got["verified"], json!([false, false, true]), "without an overlap the old ones end at once");
    for secret in [first.as_str(), second, third] {
        assert!(!server.log().contains(secret.trim_start_matches("whsec_")), "a secret is in the log");
    }
    receiver.script.end().await
}

#[tokio::test]
async fn an_address_inside_is_refused_by_default() -> Result<()> {
    let server = Server::start().await?;
    let admin = server.admin().await?;
    for url in [
        "http://127.0.0.1:9/",
        "http://localhost/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data",
        "http://2130706433/",
    ] {
        let (status, problem) =
            admin.send("POST", "/api/v1/endpoints", Some(&json!({ "url": url, "types": ["*"] }))).await?;
        assert_eq!(
            (status, &problem["code"], &problem["errors"][0]["pointer"]),
            (400, &json!("address_refused"), &json!("/url")),
            "{url}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_appended_arrives_although_the_server_is_killed_in_the_middle() -> Result<()> {
    let (mut server, admin) = start().await?;
    let mut receiver = Receiver::start().await?;
    let (id, secret) = register(&admin, &receiver.url, &["github.*"]).await?;
    receiver.tell(&json!({ "secrets": [secret] })).await?;
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let note = |ids: &mut BTreeMap<String, BTreeSet<String>>, got: &Value| -> Result<()> {
        ensure!(got["verified"] == json!([true]), "{got}");
        let text = |value: &Value| value.as_str().map(str::to_owned).context("a text");
        ids.entry(text(&got["event"]["id"])?).or_default().insert(text(&got["id"])?);
        Ok(())
    };
    for round in 0..4 {
        let github = server.github();
        let sending = tokio::spawn(async move {
            for mark in 0.. {
                let body = push("octocat/hello-world", "mona", mark).to_string().into_bytes();
                // It ends with the server.
                if github.send_as(&format!("delivery-{round}-{mark}"), "push", body).await.is_err() {
                    return;
                }
            }
        });
        // In the middle of the deliveries of the round: so many have come, more are on their way.
        for _ in 0..20 + 30 * round {
            note(&mut ids, &receiver.message().await?)?;
        }
        server.kill().await?;
        sending.await?;
        server.start_again().await?;
    }
    let appended: BTreeSet<String> = pages(&admin, "/api/v1/events?type=github.push")
        .await?
        .iter()
        .filter_map(|event| event["id"].as_str().map(str::to_owned))
        .collect();
    while !appended.iter().all(|event| ids.contains_key(event)) {
        note(&mut ids, &receiver.message().await?)?;
    }
    for (event, ids) in &ids {
        ensure!(appended.contains(event), "{event} was sent and is not in the log");
        ensure!(ids.len() == 1, "{event} came under several ids: {ids:?}");
    }
    // Each is written down as delivered, once.
    let messages = pages(&admin, &format!("/api/v1/endpoints/{id}/messages?state=delivered")).await?;
    println!("{} events, {} written down as delivered at this moment", appended.len(), messages.len());
    let positions: BTreeSet<_> = messages.iter().map(|message| message["position"].to_string()).collect();
    ensure!(positions.len() == messages.len(), "a message was made twice");
    Ok(())
}
