//! Who is no member hears nothing of a room, and who has no good token is nobody: over every transport, by clients that we did not write.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{Server, Start};

use crate::node::Script;
use crate::people::{PASSWORD, Person, group};

const TRANSPORTS: [&str; 6] = ["websocket", "http_stream", "sse", "socketio websocket", "socketio polling", "events"];
/// Said where the stranger is not, before and after it tries to listen.
const SECRETS: [&str; 2] = ["the walrus is asleep", "the walrus is awake"];
const END: &str = "that was all";

async fn say(server: &Server, who: &Person, room: &str, text: &str) -> Result<()> {
    let new = json!({ "client_id": text.replace(' ', "-"), "content": text });
    let (status, answer) = who.send(server, "POST", &format!("/api/v1/chat/rooms/{room}/messages"), &new).await?;
    ensure!(status == 201, "{answer}");
    Ok(())
}

#[tokio::test]
async fn a_stranger_gets_nothing_of_a_room_by_any_transport() -> Result<()> {
    let server = Server::start().await?;
    let admin = server.admin().await?;
    let (ada, bob) = (Person::new(&server, &admin, "ada").await?, Person::new(&server, &admin, "bob").await?);
    let eve = Person::new(&server, &admin, "eve").await?;
    let (secret, shared) = (group(&server, &ada, &[&bob]).await?, group(&server, &ada, &[&eve]).await?);
    say(&server, &ada, &secret, SECRETS[0]).await?;

    let (own, address) = (format!("chat:{shared}"), server.address());
    let theirs = [
        format!("chat:{secret}"),
        format!("chat_seen:{secret}"),
        format!("chat_typing:{secret}"),
        format!("chat_me:{}", bob.id),
    ];
    let mut args = vec![address.as_str(), &eve.email, PASSWORD, &own];
    args.extend(theirs.iter().map(String::as_str));
    let mut stranger = Script::start("stranger.mjs", &args)?;
    let mut lines = stranger.until(|line| line["type"] == "ready").await.context("trying")?;
    let tried = lines.iter().filter(|line| line["type"] == "attempt").count();
    ensure!(tried == theirs.len() * (5 * 5 + 1), "{tried} attempts");

    // What is said now goes to who is listening now; the end of all, on a channel that the stranger may hear, comes after it.
    say(&server, &ada, &secret, SECRETS[1]).await?;
    let typing = format!("/api/v1/chat/rooms/{secret}/typing");
    ensure!(ada.send(&server, "POST", &typing, &json!({ "on": true })).await?.0 < 300);
    let receipts = format!("/api/v1/chat/rooms/{secret}/receipts");
    ensure!(bob.send(&server, "POST", &receipts, &json!({ "read": 3 })).await?.0 < 300);
    say(&server, &ada, &shared, END).await?;
    let mut waiting = TRANSPORTS.to_vec();
    while !waiting.is_empty() {
        let line = stranger.next().await.with_context(|| format!("{waiting:?} have not heard the end"))?;
        if line["type"] == "heard" && line["data"]["body"]["content"] == END {
            waiting.retain(|transport| line["transport"] != *transport);
        }
        lines.push(line);
    }
    for line in &lines {
        let text = line.to_string();
        ensure!(!text.contains("walrus"), "{line}");
        ensure!(line["type"] != "told", "who comes and goes is not told: {line}");
        ensure!(line["type"] != "heard" || line["channel"] == own.as_str(), "{line}");
        ensure!(!text.contains(&ada.id) || line["channel"] == own.as_str(), "who is there is not told: {line}");
        let published = line["what"] == "publish" && line["answer"]["error"].is_null();
        ensure!(!published, "nobody publishes on a room's channel: {line}");
    }
    let (_, messages) =
        ada.send(&server, "GET", &format!("/api/v1/chat/rooms/{secret}/messages"), &Value::Null).await?;
    ensure!(messages["items"].as_array().is_some_and(|items| items.len() == 2), "{messages}");
    Ok(())
}

#[tokio::test]
async fn a_token_that_is_not_good_is_good_for_nothing_by_any_transport() -> Result<()> {
    let (one, other) = ("one", "other");
    let secret = |issuer: &str| format!("the secret of thirty-two bytes of {issuer}");
    let trusted = [one, other].map(|issuer| {
        format!(r#"{{issuer = "{issuer}", audience = "mainspring", hmac_secret = "{}"}}"#, secret(issuer))
    });
    let start = Start::default().env("MAINSPRING__IDENTITY__ISSUERS", &format!("[{}]", trusted.join(",")));
    let server = start.start().await?;
    let admin = server.admin().await?;
    let ada = Person::new(&server, &admin, "ada").await?;
    let issuers = [one, other].map(|issuer| format!("{issuer}={}", secret(issuer)));
    let args = [&server.address(), &ada.email, PASSWORD, &issuers[0], &issuers[1]];
    let lines = Script::start("tokens.mjs", &args)?.until(|line| line["type"] == "end").await?;
    let tried: Vec<_> = lines.iter().filter(|line| !line["token"].is_null()).collect();
    ensure!(tried.len() == 13 * 12, "{} tries", tried.len());
    for line in tried {
        let good = line["token"].as_str().is_some_and(|token| token.starts_with("good"));
        ensure!(line["taken"] == good, "{line}");
    }
    Ok(())
}
