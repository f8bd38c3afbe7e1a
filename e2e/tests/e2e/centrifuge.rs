//! The official `centrifuge` client, unmodified: connects, subscribes, is cut off, comes back, misses nothing.

use anyhow::{Context, Result};
use testkit::Server;

use crate::node::Script;
use crate::sse::push;

#[tokio::test]
async fn the_official_client_misses_nothing_when_the_server_is_killed_and_comes_back() -> Result<()> {
    let mut server = Server::start().await?;
    let url = format!("ws://{}/connection/websocket", server.address());
    let mut client = Script::start("centrifuge.mjs", &[&url, "radio:octocat/hello-world"])?;
    client.until(|line| line["type"] == "subscribed").await.context("subscribing")?;

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
