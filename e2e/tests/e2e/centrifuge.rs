//! The official `centrifuge` client, unmodified: connects, subscribes, is cut off, comes back, misses nothing.

use anyhow::{Context, Result};
use serde_json::Value;
use testkit::Server;

use crate::node::Script;
use crate::sse::push;

const STATION: &str = "radio:octocat/hello-world";

#[tokio::test]
async fn the_official_client_misses_nothing_when_the_server_is_killed_and_comes_back() -> Result<()> {
    comes_back("websocket", &[]).await
}

#[tokio::test]
async fn nor_does_it_over_http_streaming() -> Result<()> {
    comes_back("http_stream", &[]).await
}

#[tokio::test]
async fn nor_over_server_sent_events() -> Result<()> {
    comes_back("sse", &[]).await
}

#[tokio::test]
async fn nor_in_protocol_buffers() -> Result<()> {
    comes_back("websocket", &["protobuf"]).await?;
    comes_back("http_stream", &["protobuf"]).await
}

#[tokio::test]
async fn nor_by_deltas() -> Result<()> {
    comes_back("websocket", &["json", "fossil"]).await?;
    comes_back("websocket", &["protobuf", "fossil"]).await?;
    comes_back("http_stream", &["json", "fossil"]).await
}

/// With an encoding and deltas, if any. Beside it a client without either hears the same.
async fn comes_back(transport: &str, how: &[&str]) -> Result<()> {
    let mut server = Server::start().await?;
    let address = server.address();
    let plain = [transport, &address, STATION];
    let mut client = Script::start("centrifuge.mjs", &[&plain, how].concat())?;
    let mut beside = Script::start("centrifuge.mjs", &plain)?;
    beside.until(|line| line["type"] == "subscribed").await.context("subscribing beside")?;
    let said = client.until(|line| line["type"] == "subscribed").await.context("subscribing")?;
    let connected = said.iter().find(|line| line["type"] == "connected").context("it connected")?;
    assert_eq!(connected["transport"], transport);

    let mut heard = Vec::new();
    let mut mark = 0;
    for round in 0..4 {
        if round > 0 {
            server.kill().await?;
            server.start_again().await?;
        }
        // Some come before the client is back: only recovery can bring them.
        for _ in 0..10 {
            mark += 1;
            let body = push("octocat/hello-world", "mona", mark).to_string().into_bytes();
            assert_eq!(server.github().send_as(&format!("delivery-{mark}"), "push", body).await?.status, 200);
        }
        let last = |line: &Value| line["type"] == "publication" && line["offset"] == mark;
        let said = client.until(last).await?;
        assert_eq!(phrases(&said), phrases(&beside.until(last).await?));
        let deltas = said.last().is_some_and(|line| line["deltas"].as_u64() > Some(0));
        assert_eq!(deltas, how.contains(&"fossil"), "by deltas where it asked for them");
        if round > 0 {
            let back = said.iter().find(|line| line["type"] == "subscribed").context("it subscribed again")?;
            assert_eq!((&back["wasRecovering"], &back["recovered"]), (&true.into(), &true.into()), "{back}");
        }
        heard.extend(
            said.iter().filter(|line| line["type"] == "publication").filter_map(|line| line["offset"].as_u64()),
        );
    }
    assert_eq!(heard, (1..=mark).collect::<Vec<_>>(), "in order, none missing, none twice");
    Ok(())
}

fn phrases(said: &[Value]) -> Vec<(&Value, &Value)> {
    said.iter().filter(|line| line["type"] == "publication").map(|line| (&line["offset"], &line["data"])).collect()
}

#[tokio::test]
async fn what_a_browser_has_by_itself_listens_one_way() -> Result<()> {
    let mut server = Server::start().await?;
    let mark = async |mark: u64| {
        let body = push("octocat/hello-world", "mona", mark).to_string().into_bytes();
        server.github().send_as(&format!("delivery-{mark}"), "push", body).await
    };
    let mut first = Script::start("centrifuge.mjs", &["websocket", &server.address(), STATION])?;
    let subscribed = first.until(|line| line["type"] == "subscribed").await?;
    let position = &subscribed.last().context("it subscribed")?["streamPosition"];
    let epoch = position["epoch"].as_str().context("an epoch")?;
    assert_eq!(mark(1).await?.status, 200);
    first.until(|line| line["offset"] == 1).await?;
    let mut listener = Script::start("listener.mjs", &[&server.address(), STATION, "0", epoch])?;
    let mut came = Vec::new();
    while came.len() < 3 {
        let line = listener.next().await?;
        let connected = &line["push"]["connect"]["subs"][STATION];
        assert_eq!(
            (&connected["recovered"], &connected["publications"][0]["offset"]),
            (&true.into(), &1.into()),
            "{line}"
        );
        came.push(line["by"].clone());
    }
    for mark in [mark(2).await?, mark(3).await?] {
        assert_eq!(mark.status, 200);
    }
    let mut heard: Vec<(String, u64)> = Vec::new();
    while heard.len() < 6 {
        let line = listener.next().await?;
        let offset = line["push"]["pub"]["offset"].as_u64().with_context(|| format!("a publication: {line}"))?;
        heard.push((line["by"].as_str().context("by whom")?.to_owned(), offset));
    }
    heard.sort();
    let expected: Vec<_> =
        ["events", "lines", "socket"].iter().flat_map(|by| [2, 3].map(|it| ((*by).to_owned(), it))).collect();
    assert_eq!(heard, expected);
    server.terminate().await?;
    let said = listener.until(|line| line["by"] == "socket" && line["closed"].is_u64()).await?;
    let farewell = said.iter().find(|line| line["by"] == "socket" && line["push"]["disconnect"]["code"] == 3001);
    assert!(farewell.is_some() && said.last().is_some_and(|line| line["closed"] == 3001), "{said:?}");
    Ok(())
}
