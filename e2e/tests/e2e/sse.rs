//! A station's server-sent events, as any player reads them.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use testkit::Server;

/// Longer than anything here takes; a guard, not a wait.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// One message of the stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Message {
    pub(crate) event: String,
    pub(crate) id: Option<u64>,
    pub(crate) data: Value,
}

/// An open stream.
pub(crate) struct Listener {
    response: reqwest::Response,
    buffer: String,
    messages: VecDeque<Message>,
}

impl Listener {
    /// Opens a station's stream, after `last_id` where there is one.
    pub(crate) async fn open(server: &Server, station: &str, last_id: Option<u64>) -> Result<Self> {
        let request = reqwest::Client::new().get(format!("{}/radio/{station}/events", server.url()));
        let request = match last_id {
            Some(id) => request.header("last-event-id", id.to_string()),
            None => request,
        };
        let response = request.send().await?.error_for_status()?;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Ok(Self { response, buffer: String::new(), messages: VecDeque::new() })
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Result<Message> {
        while self.messages.is_empty() {
            let chunk = tokio::time::timeout(GUARD, self.response.chunk()).await.context("nothing came")??;
            let Some(chunk) = chunk else { bail!("the stream ended") };
            self.buffer.push_str(std::str::from_utf8(&chunk)?);
            while let Some(end) = self.buffer.find("\n\n") {
                let block: String = self.buffer.drain(..end + 2).collect();
                self.messages.extend(parse(&block)?);
            }
        }
        self.messages.pop_front().context("a message")
    }

    /// The next phrase, whatever else comes between.
    pub(crate) async fn phrase(&mut self) -> Result<Value> {
        loop {
            let message = self.next().await?;
            if message.event == "phrase" {
                return Ok(message.data);
            }
        }
    }
}

fn parse(block: &str) -> Result<Option<Message>> {
    let mut message = Message::default();
    for line in block.lines() {
        if let Some(event) = line.strip_prefix("event: ") {
            message.event = event.to_owned();
        } else if let Some(id) = line.strip_prefix("id: ") {
            message.id = Some(id.parse()?);
        } else if let Some(data) = line.strip_prefix("data: ") {
            message.data = serde_json::from_str(data)?;
        }
    }
    Ok((!message.data.is_null()).then_some(message))
}

/// A push that nobody else sends.
pub(crate) fn push(station: &str, author: &str, mark: u64) -> Value {
    serde_json::json!({
        "ref": "refs/heads/main", "forced": false, "created": false, "deleted": false,
        "repository": { "full_name": station, "language": "Rust" },
        "sender": { "login": author }, "pusher": { "name": author },
        "commits": [{ "id": format!("{mark:040x}"), "message": format!("Change {mark}"),
            "author": { "name": author, "username": author }, "added": [], "removed": [], "modified": ["src/main.rs"] }],
    })
}

#[tokio::test]
async fn a_listener_gets_the_recent_past_then_the_present_and_misses_nothing_over_a_restart() -> Result<()> {
    let mut server = Server::start().await?;
    let github = server.github();
    for mark in 1..=25 {
        assert_eq!(github.send("push", &push("Octocat/Hello-World", "mona", mark)).await?.status, 200);
    }
    let mut first = Listener::open(&server, "octocat/hello-world", None).await?;
    let hello = first.next().await?;
    assert_eq!((hello.event.as_str(), &hello.data["v"]), ("hello", &Value::from(1)));
    let mut heard = Vec::new();
    while heard.last() != Some(&25) {
        heard.push(first.phrase().await?["n"].as_u64().context("a number")?);
    }
    assert_eq!(heard.len() as u64, 25 - heard[0] + 1, "dense: {heard:?}");

    server.kill().await?;
    server.start_again().await?;
    for mark in 26..=30 {
        assert_eq!(
            server
                .github()
                .send_as(
                    &format!("after-{mark}"),
                    "push",
                    push("octocat/hello-world", "mona", mark).to_string().into_bytes()
                )
                .await?
                .status,
            200
        );
    }
    let mut back = Listener::open(&server, "octocat/hello-world", Some(25)).await?;
    for n in 26..=30 {
        assert_eq!(back.phrase().await?["n"], n);
    }
    let state: Value =
        reqwest::get(format!("{}/radio/OctoCat/hello-world/state", server.url())).await?.text().await?.parse()?;
    assert_eq!(
        (&state["latest"], &state["name"], &state["commits_last_hour"]),
        (&30.into(), &"octocat/hello-world".into(), &30.into())
    );
    Ok(())
}

#[tokio::test]
async fn the_same_delivery_makes_the_same_phrase_and_a_test_phrase_disturbs_nobody() -> Result<()> {
    let (one, two) = (Server::start().await?, Server::start().await?);
    let mut phrases = Vec::new();
    for server in [&one, &two] {
        let body = push("octocat/hello-world", "mona", 1).to_string().into_bytes();
        server.github().send_as("72d3162e-cc78-11e3-81ab-4c9367dc0958", "push", body).await?;
        let mut phrase = Listener::open(server, "octocat/hello-world", None).await?.phrase().await?;
        for varies in ["at_ms", "trace"] {
            phrase.as_object_mut().context("an object")?.remove(varies);
        }
        phrases.push(phrase);
    }
    assert_eq!(phrases[0], phrases[1]);

    let url = format!("{}/radio/octocat/hello-world", one.url());
    let tests: Value = reqwest::get(format!("{}/radio/events.json", one.url())).await?.text().await?.parse()?;
    for test in tests["tests"].as_array().context("a list")? {
        let name = test["event"].as_str().context("a name")?;
        let phrase: Value =
            reqwest::get(format!("{url}/test?event={name}")).await?.error_for_status()?.text().await?.parse()?;
        assert_eq!((&phrase["n"], &phrase["mood"]), (&0.into(), &test["mood"]), "{name}");
    }
    let state: Value = reqwest::get(format!("{url}/state")).await?.text().await?.parse()?;
    assert_eq!(state["latest"], 1);
    for (path, status) in [("test?event=nonsense", 400), ("events", 200)] {
        assert_eq!(reqwest::get(format!("{url}/{path}")).await?.status().as_u16(), status, "{path}");
    }
    assert_eq!(reqwest::get(format!("{}/radio/a%20b/c/events", one.url())).await?.status().as_u16(), 400);
    Ok(())
}
