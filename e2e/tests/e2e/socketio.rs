//! The official `socket.io-client`, unmodified: connects, joins a channel, is cut off, comes back as the same, misses nothing.

use anyhow::{Context, Result};
use testkit::Server;

use crate::node::Script;
use crate::sse::push;

#[tokio::test]
async fn the_client_of_socketio_misses_nothing_when_the_server_is_killed_and_comes_back() -> Result<()> {
    comes_back("websocket").await
}

#[tokio::test]
async fn nor_does_it_while_it_polls() -> Result<()> {
    comes_back("polling").await
}

#[tokio::test]
async fn nor_when_it_moves_to_a_socket() -> Result<()> {
    comes_back("polling+websocket").await
}

#[tokio::test]
async fn nor_in_a_browser() -> Result<()> {
    for transports in ["websocket", "polling", "polling+websocket"] {
        comes_back(&format!("{transports}@chromium")).await.context(transports)?;
    }
    Ok(())
}

async fn comes_back(transports: &str) -> Result<()> {
    const CHANNEL: &str = "radio:octocat/hello-world";
    let mut server = Server::start().await?;
    let mut client = Script::start("socketio.mjs", &[transports, &server.address(), CHANNEL])?;
    let mut said = client.until(|line| line["type"] == "subscribed").await.context("joining")?;
    let connected = said.iter().find(|line| line["type"] == "connect").context("it connected")?.clone();
    assert_eq!((&connected["recovered"], &said[said.len() - 1]["answer"]), (&false.into(), &serde_json::json!({})));
    if transports.starts_with("polling+websocket") && !said.iter().any(|line| line["type"] == "upgrade") {
        said.extend(client.until(|line| line["type"] == "upgrade").await.context("moving to the socket")?);
    }

    let mut heard = Vec::new();
    let mut mark = 0;
    for round in 0..4 {
        if round == 2 {
            // An orderly end: the client is sent away, and comes back all the same.
            server.terminate().await?;
        } else if round > 0 {
            server.kill().await?;
        }
        if round > 0 {
            server.start_again().await?;
        }
        // Some come before the client is back: only recovery can bring them.
        for _ in 0..10 {
            mark += 1;
            let body = push("octocat/hello-world", "mona", mark).to_string().into_bytes();
            assert_eq!(server.github().send_as(&format!("delivery-{mark}"), "push", body).await?.status, 200);
        }
        let said = client.until(|line| line["type"] == "message" && line["offset"] == mark).await?;
        if round > 0 {
            let back = said.iter().find(|line| line["type"] == "connect").context("it connected again")?;
            assert_eq!((&back["recovered"], &back["id"]), (&true.into(), &connected["id"]), "{back}");
        }
        let messages = said.iter().filter(|line| line["type"] == "message");
        heard.extend(
            messages.inspect(|line| assert_eq!(line["from"], CHANNEL)).filter_map(|line| line["offset"].as_u64()),
        );
    }
    assert_eq!(heard, (1..=mark).collect::<Vec<_>>(), "in order, none missing, none twice");
    client.end().await
}
