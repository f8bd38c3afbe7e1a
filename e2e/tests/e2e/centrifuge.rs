//! The official `centrifuge` client, unmodified: connects, subscribes, is cut off, comes back, misses nothing.

use anyhow::{Context, Result};
use testkit::Server;

use crate::node::Script;
use crate::sse::push;

#[tokio::test]
async fn the_official_client_misses_nothing_when_the_server_is_killed_and_comes_back() -> Result<()> {
    comes_back("websocket").await
}

#[tokio::test]
async fn nor_does_it_over_http_streaming() -> Result<()> {
    comes_back("http_stream").await
}

#[tokio::test]
async fn nor_over_server_sent_events() -> Result<()> {
    comes_back("sse").await
}

async fn comes_back(transport: &str) -> Result<()> {
    let mut server = Server::start().await?;
    let mut client = Script::start("centrifuge.mjs", &[transport, &server.address(), "radio:octocat/hello-world"])?;
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
        let said = client.until(|line| line["type"] == "publication" && line["offset"] == mark).await?;
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
