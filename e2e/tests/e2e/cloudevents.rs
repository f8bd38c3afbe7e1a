//! The log as producers and consumers elsewhere use it: published to with an SDK that we did not write, followed, killed.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use testkit::{Server, Start};

use crate::node::Script;
use crate::sse::GUARD;

const STRUCTURED: &str = "application/cloudevents+json";

async fn key(server: &Server, scopes: &[&str]) -> Result<String> {
    let admin = server.admin().await?;
    let (status, made) = admin.send("POST", "/api/v1/keys", Some(&json!({ "name": "e2e", "scopes": scopes }))).await?;
    assert_eq!(status, 201, "{made}");
    Ok(made["token"].as_str().context("a token")?.to_owned())
}

/// A server whose operator lets keys publish what is else its own.
async fn open() -> Result<Server> {
    Start::default().env("MAINSPRING__EVENTS__OPEN", r#"["github.ping", "radio.phrase"]"#).start().await
}

async fn publish(server: &Server, token: &str, event: &Value) -> Result<(u16, Value)> {
    let request = reqwest::Client::new().post(server.url() + "/api/v1/events").bearer_auth(token);
    let response = request.header("content-type", STRUCTURED).body(event.to_string()).send().await?;
    let status = response.status().as_u16();
    Ok((status, response.text().await?.parse()?))
}

fn ping(id: &str) -> Value {
    json!({ "specversion": "1.0", "type": "github.ping", "source": "https://e2e.example", "id": id, "data": { "zen": id } })
}

/// The live tail of one reader.
struct Tail {
    response: reqwest::Response,
    buffer: String,
}

impl Tail {
    async fn open(server: &Server, token: &str, last: Option<&str>) -> Result<Self> {
        let request = reqwest::Client::new().get(server.url() + "/api/v1/events/tail?source=https://e2e.example");
        let request = request.bearer_auth(token);
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        Ok(Self { response: request.send().await?.error_for_status()?, buffer: String::new() })
    }

    /// The id and the event of the next message that has one.
    async fn next(&mut self) -> Result<(String, Value)> {
        loop {
            while let Some(end) = self.buffer.find("\n\n") {
                let block: String = self.buffer.drain(..end + 2).collect();
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
                if let (Some(id), Some(data)) = (field("id: "), field("data: ")) {
                    return Ok((id.to_owned(), serde_json::from_str(data)?));
                }
            }
            let chunk = tokio::time::timeout(GUARD, self.response.chunk()).await.context("nothing came")??;
            let Some(chunk) = chunk else { bail!("the tail ended") };
            self.buffer.push_str(std::str::from_utf8(&chunk)?);
        }
    }
}

#[tokio::test]
async fn the_sdk_of_the_cloudevents_project_publishes_and_reads_in_every_mode() -> Result<()> {
    let server = open().await?;
    let token = key(&server, &["events:publish", "events:read"]).await?;
    let mut script = Script::start("cloudevents.mjs", &[&server.url(), &token])?;
    for mode in ["structured", "binary"] {
        let expected =
            json!({ "type": "published", "mode": mode, "statuses": [201, 200], "position": true, "same": true });
        assert_eq!(script.next().await?, expected);
    }
    assert_eq!(script.next().await?, json!({ "type": "batch", "status": 201, "ids": ["b3", "b2", "b1"] }));
    let document = script.next().await?;
    assert_eq!((&document["valid"], &document["refuses"]), (&json!(true), &json!(true)), "{document}");
    let messages = document["messages"].as_array().context("messages")?;
    assert!(messages.contains(&json!("radio.phrase")) && messages.contains(&json!("github.any")), "{document}");
    script.end().await
}

#[tokio::test]
async fn what_was_acknowledged_outlives_a_kill_and_a_reader_goes_on_where_it_was() -> Result<()> {
    let mut server = open().await?;
    let token = key(&server, &["events:publish", "events:read"]).await?;
    let mut tail = Tail::open(&server, &token, None).await?;
    for n in 1..=20 {
        assert_eq!(publish(&server, &token, &ping(&n.to_string())).await?.0, 201);
    }
    let mut last = String::new();
    for n in 1..=5 {
        let (id, event) = tail.next().await?;
        assert_eq!((event["id"].as_str(), event["position"].as_str()), (Some(&*n.to_string()), Some(&*id)));
        last = id;
    }
    server.kill().await?;
    server.start_again().await?;
    for n in 1..=20 {
        let (status, answer) = publish(&server, &token, &ping(&n.to_string())).await?;
        assert_eq!((status, &answer["events"][0]["new"]), (200, &json!(false)), "event {n} was acknowledged");
    }
    let mut tail = Tail::open(&server, &token, Some(&last)).await?;
    for n in 6..=20 {
        assert_eq!(tail.next().await?.1["data"]["zen"], n.to_string());
    }
    let forged: String = token.chars().rev().collect();
    assert_eq!(publish(&server, &forged, &ping("x")).await?.0, 401);
    let bad = json!({ "specversion": "1.0", "type": "radio.phrase", "source": "/x", "id": "1", "data": {} });
    let (status, problem) = publish(&server, &token, &bad).await?;
    assert_eq!((status, &problem["code"]), (422, &json!("event_invalid")));
    assert!(problem["errors"][0]["pointer"].as_str().is_some_and(|pointer| pointer.starts_with("/data")), "{problem}");
    assert!(problem["request_id"].is_string());
    Ok(())
}

#[tokio::test]
async fn a_key_cannot_make_the_radio_play() -> Result<()> {
    let server = Server::start().await?;
    let token = key(&server, &["events:publish", "events:read"]).await?;
    let push = crate::sse::push("octocat/hello-world", "mona", 1);
    let phrase = json!({ "station": "octocat/hello-world" });
    for (kind, data) in [("github.push", &push), ("github.made_up", &push), ("radio.phrase", &phrase)] {
        let event =
            json!({ "specversion": "1.0", "type": kind, "source": "https://evil.example", "id": "1", "data": data });
        let (status, problem) = publish(&server, &token, &event).await?;
        assert_eq!((status, &problem["code"]), (403, &json!("type_reserved")), "{kind}");
    }
    let request = reqwest::Client::new().get(server.url() + "/api/v1/events").bearer_auth(&token);
    let list: Value = request.send().await?.text().await?.parse()?;
    assert_eq!(list["items"], json!([]), "{list}");
    Ok(())
}
