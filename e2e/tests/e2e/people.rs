//! People who talk, over the official client with tokens, unmodified: what is said arrives once and in order through a kill, and what
//! is taken from somebody ends what they have open.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use testkit::{Admin, Server};

use crate::node::Script;

/// Of the official client, in Node and in a browser.
const TRANSPORTS: [&str; 6] =
    ["websocket", "http_stream", "sse", "websocket@chromium", "http_stream@chromium", "sse@chromium"];
pub(crate) const PASSWORD: &str = "a horse and a battery";

/// Somebody with an account, who speaks over HTTP by the cookie of their session.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
    client: reqwest::Client,
    cookie: String,
}

impl Person {
    pub(crate) async fn new(server: &Server, admin: &Admin, name: &str) -> Result<Self> {
        let email = format!("{name}@example.com");
        let new = json!({ "name": name, "email": email, "password": PASSWORD });
        let (status, made) = admin.send("POST", "/api/v1/people", Some(&new)).await?;
        ensure!(status == 201, "{made}");
        let client = reqwest::Client::new();
        let credentials = json!({ "email": email, "password": PASSWORD });
        let answer = client.post(format!("{}/api/v1/session", server.url())).json(&credentials).send().await?;
        let set = answer.headers().get_all("set-cookie").iter().filter_map(|cookie| cookie.to_str().ok());
        let cookie = set.filter_map(|cookie| cookie.split(';').next()).collect::<Vec<_>>().join("; ");
        Ok(Self { id: made["id"].as_str().context("an id")?.to_owned(), email, client, cookie })
    }

    pub(crate) async fn send(&self, server: &Server, method: &str, path: &str, body: &Value) -> Result<(u16, Value)> {
        let request = self.client.request(method.parse()?, format!("{}{path}", server.url())).json(body);
        let answer = request.header("cookie", &self.cookie).header("x-mainspring-console", "1").send().await?;
        let status = answer.status().as_u16();
        Ok((status, serde_json::from_str(&answer.text().await?).unwrap_or_default()))
    }

    /// Listens to these channels over this transport.
    fn listens(&self, server: &Server, transport: &str, channels: &[&str]) -> Result<Script> {
        let address = server.address();
        Script::start("person.mjs", &[&[transport, &address, &self.email, PASSWORD], channels].concat())
    }
}

pub(crate) async fn group(server: &Server, owner: &Person, others: &[&Person]) -> Result<String> {
    let members: Vec<_> = others.iter().map(|person| &person.id).collect();
    let new = json!({ "name": "the team", "people": members });
    let (status, room) = owner.send(server, "POST", "/api/v1/chat/rooms", &new).await?;
    ensure!(status == 201, "{room}");
    Ok(room["room"].as_str().context("an id")?.to_owned())
}

#[tokio::test]
async fn what_is_said_arrives_once_and_in_order_while_the_server_is_killed() -> Result<()> {
    let mut server = Server::start().await?;
    let admin = server.admin().await?;
    let (ada, eve) = (Person::new(&server, &admin, "ada").await?, Person::new(&server, &admin, "eve").await?);
    let room = group(&server, &ada, &[&eve]).await?;
    let channel = format!("chat:{room}");
    let mut listeners = Vec::new();
    for transport in TRANSPORTS {
        let mut listener = eve.listens(&server, transport, &[&channel])?;
        listener
            .until(|line| line["type"] == "subscribed")
            .await
            .with_context(|| format!("{transport}: subscribing"))?;
        listeners.push((listener, Vec::new()));
    }
    let said = |line: &Value| line["data"]["body"]["content"].as_str().map(str::to_owned);
    let mut sent = Vec::new();
    for round in 0..3 {
        if round > 0 {
            server.kill().await?;
            server.start_again().await?;
        }
        // Some are said before the listeners are back: only recovery can bring them.
        for number in 0..5 {
            let text = format!("{round}.{number}");
            let new = json!({ "content": text, "client_id": text });
            for again in [false, true] {
                let (status, message) =
                    ada.send(&server, "POST", &format!("/api/v1/chat/rooms/{room}/messages"), &new).await?;
                ensure!(matches!(status, 200 | 201), "{again} {status} {message}");
            }
            sent.push(text);
        }
        let last = sent.last().cloned();
        for (listener, heard) in &mut listeners {
            let lines = listener.until(|line| line["type"] == "publication" && said(line) == last).await?;
            heard.extend(lines.iter().filter_map(said));
            ensure!(*heard == sent, "in order, none missing, none twice: {heard:?}");
        }
    }
    for (listener, _) in listeners {
        listener.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_ban_ends_what_somebody_has_open_on_every_transport() -> Result<()> {
    let server = Server::start().await?;
    let admin = server.admin().await?;
    let (ada, eve) = (Person::new(&server, &admin, "ada").await?, Person::new(&server, &admin, "eve").await?);
    let room = group(&server, &ada, &[&eve]).await?;
    let channel = format!("chat:{room}");
    for transport in TRANSPORTS {
        let mut listener = eve.listens(&server, transport, &[&channel])?;
        listener.until(|line| line["type"] == "subscribed").await.context("subscribing")?;
        let ban = format!("/api/v1/people/{}/ban", eve.id);
        let (status, banned) = admin.send("PUT", &ban, Some(&json!({ "reason": "a test" }))).await?;
        ensure!(status == 200, "{banned}");
        let lines = listener.until(|line| line["type"] == "disconnected").await.context("the end")?;
        let end = lines.last().context("a line")?;
        ensure!(end["code"] == 3503, "{transport}: for good, and not until a token is had: {end}");
        let (status, _) = eve.send(&server, "GET", "/api/v1/me", &Value::Null).await?;
        ensure!(status == 401, "{transport}");
        ensure!(admin.send("DELETE", &ban, None).await?.0 == 204);
        listener.end().await?;
    }
    Ok(())
}

#[tokio::test]
async fn whoever_is_taken_out_of_a_room_hears_no_more_of_it_and_signing_out_ends_the_rest() -> Result<()> {
    let server = Server::start().await?;
    let admin = server.admin().await?;
    let (ada, eve) = (Person::new(&server, &admin, "ada").await?, Person::new(&server, &admin, "eve").await?);
    let room = group(&server, &ada, &[&eve]).await?;
    let (channel, own) = (format!("chat:{room}"), format!("chat_me:{}", eve.id));
    let mut listener = eve.listens(&server, "websocket", &[&channel, &own])?;
    listener.until(|line| line["type"] == "subscribed" && line["channel"] == channel.as_str()).await?;
    let member = format!("/api/v1/chat/rooms/{room}/members/{}", eve.id);
    ensure!(ada.send(&server, "DELETE", &member, &Value::Null).await?.0 == 204);
    let lines = listener.until(|line| line["type"] == "unsubscribed").await.context("turned out")?;
    ensure!(lines.last().is_some_and(|line| line["channel"] == channel.as_str()), "{lines:?}");
    let new = json!({ "content": "she is gone", "client_id": "1" });
    ada.send(&server, "POST", &format!("/api/v1/chat/rooms/{room}/messages"), &new).await?;

    // Signed out everywhere, the client tries for a token, gets none and stays away.
    let (status, _) = admin.send("POST", &format!("/api/v1/people/{}/sign-out", eve.id), None).await?;
    ensure!(status == 204);
    let lines = listener.until(|line| line["type"] == "disconnected").await?;
    ensure!(lines.iter().any(|line| line["type"] == "token" && line["status"] == 401), "{lines:?}");
    ensure!(!lines.iter().any(|line| line.to_string().contains("she is gone")), "{lines:?}");
    Ok(())
}
