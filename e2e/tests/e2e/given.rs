//! The official `centrifuge` client, unmodified, with tokens of a backend: what the server subscribes it to, what it subscribes to by a token
//! of its own, and what the backend says and does by `/api`.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{Server, Start};
use tokio::io::AsyncWriteExt;

use crate::node::Script;

pub(crate) const SECRET: &str = "a secret of a backend of thirty-two bytes";

struct Backend {
    server: Server,
    key: String,
}

impl Backend {
    async fn ask(&self, method: &str, body: &Value) -> Result<Value> {
        ask(&self.server, &self.key, method, body).await
    }

    async fn publish(&self, channel: &str, data: u64) -> Result<u64> {
        let said = self.ask("publish", &json!({ "channel": channel, "data": data })).await?;
        said["offset"].as_u64().context("an offset")
    }
}

/// What the server API answers, which is no error.
pub(crate) async fn ask(server: &Server, key: &str, method: &str, body: &Value) -> Result<Value> {
    let request = reqwest::Client::new().post(format!("{}/api/{method}", server.url()));
    let answer = request.header("x-api-key", key).body(body.to_string()).send().await?;
    let (status, text) = (answer.status().as_u16(), answer.text().await?);
    ensure!(status == 200, "{method}: {status} {text}");
    let mut answer: Value = serde_json::from_str(&text)?;
    ensure!(answer["result"].is_object(), "{method} {body}: {answer}");
    Ok(answer["result"].take())
}

/// A key for it, of a server over this data.
pub(crate) async fn key(start: &Start) -> Result<String> {
    let make = ["key", "create", "--name", "backend", "--scope", "realtime:write", "--scope", "realtime:read"];
    let (ok, said) = start.command_once(&make).await?;
    ensure!(ok, "{said}");
    Ok(said.split_whitespace().find(|word| word.starts_with("msk_")).context("a key")?.to_owned())
}

/// Lines until these publications of the channel are among them, and what these were.
async fn heard(client: &mut Script, channel: &str, last: u64) -> Result<Vec<u64>> {
    let said = client.until(|line| line["channel"] == channel && line["offset"] == last).await?;
    let of_it = said.iter().filter(|line| line["type"] == "publication" && line["channel"] == channel);
    Ok(of_it.filter_map(|line| line["offset"].as_u64()).collect())
}

#[tokio::test]
async fn a_backend_gives_its_clients_channels_and_takes_them_again() -> Result<()> {
    let data = tempfile::tempdir()?;
    let issuer =
        format!(r#"[{{ issuer = "https://backend.example", audience = "mainspring", hmac_secret = "{SECRET}" }}]"#);
    let start = Start::default().data(data.path()).env("MAINSPRING__IDENTITY__ISSUERS", &issuer);
    let start = start.env("MAINSPRING__REALTIME__NAMESPACES", r#"[{ name = "news", history = 100, presence = true }]"#);
    let server = start.clone().start().await?;
    let key = key(&start).await?;
    let other = start.command_once(&["key", "create", "--name", "worker", "--scope", "jobs:work"]).await?.1;
    let other = other.split_whitespace().find(|word| word.starts_with("msk_")).context("a key")?;
    for (key, refused) in [("", 401), ("msk_none", 401), (other, 403)] {
        let request = reqwest::Client::new().post(format!("{}/api/publish", server.url())).header("x-api-key", key);
        let answer = request.body(r#"{"channel":"news:given","data":0}"#).send().await?;
        ensure!(answer.status().as_u16() == refused, "{key}: {}", answer.status());
    }
    let admin = server.admin().await?;
    let backend = Backend { server, key };

    let mut client = Script::start("given.mjs", &[&backend.server.address(), SECRET])?;
    let said = client.until(|line| line["type"] == "subscribed").await?;
    let given = |channel: &str| said.iter().find(|line| line["type"] == "given" && line["channel"] == channel);
    ensure!(given("news:given").is_some(), "{said:?}");
    ensure!(given("news:told").context("the other")?["data"] == json!({ "hello": 1 }), "{said:?}");
    for n in 1..=3 {
        ensure!(backend.publish("news:given", n).await? == n);
    }
    ensure!(heard(&mut client, "news:given", 3).await? == [1, 2, 3]);

    // Its own token is good for two seconds: the client asks for another, and goes on.
    client.until(|line| line["type"] == "asked").await?;
    ensure!(backend.publish("news:own", 1).await? == 1);
    ensure!(heard(&mut client, "news:own", 1).await? == [1]);

    // Sent away, it comes back where it was: some of these are said before.
    let there = backend.ask("presence", &json!({ "channel": "news:given" })).await?;
    let there = there["presence"].as_object().and_then(|there| there.values().next()).context("somebody")?;
    let user = there["user"].as_str().context("a user")?.to_owned();
    backend.ask("disconnect", &json!({ "user": user, "disconnect": { "code": 3011 } })).await?;
    for n in 4..=6 {
        backend.publish("news:given", n).await?;
    }
    ensure!(heard(&mut client, "news:given", 6).await? == [4, 5, 6]);

    let one = json!({ "user": user, "channel": "news:more" });
    backend.ask("subscribe", &one).await?;
    client.until(|line| line["type"] == "given" && line["channel"] == "news:more").await?;
    ensure!(backend.publish("news:more", 1).await? == 1);
    ensure!(heard(&mut client, "news:more", 1).await? == [1]);
    backend.ask("unsubscribe", &one).await?;
    client.until(|line| line["type"] == "taken" && line["channel"] == "news:more").await?;

    let audit = admin.get("/api/v1/audit").await?.to_string();
    ensure!(audit.contains("POST /api/disconnect"), "{audit}");
    ensure!(audit.matches("POST /api/publish").count() == 0, "what is said is not in the audit log: {audit}");

    // A token for one channel is no good for another.
    let stdin = client.stdin.as_mut().context("standard input")?;
    stdin.write_all(b"\n").await?;
    let said = client.until(|line| line["type"] == "disconnected").await?;
    ensure!(said.last().context("a line")?["code"] == 3500, "{said:?}");
    Ok(())
}
