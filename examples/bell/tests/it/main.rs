//! The example as its reader would use it: a binary of its own, a signed push, a listener, and a power switch.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use testkit::{Admin, Start};

const GUARD: Duration = Duration::from_secs(30);

async fn rung(admin: &Admin) -> Result<usize> {
    let events = admin.get("/api/v1/events?type=bell.rung&limit=200").await?;
    events["items"].as_array().map(Vec::len).context("a list")
}

#[tokio::test]
async fn a_push_rings_for_everybody_and_once_whatever_is_killed() -> Result<()> {
    let mut server = Start::default().binary(env!("CARGO_BIN_EXE_bell")).start().await?;
    let admin = server.admin().await?;
    let channel = format!("{}/api/v1/channels/bell:rings/events", server.url());
    let github = server.github();
    let mut listener = reqwest::get(&channel).await?.error_for_status()?;
    let push = |n: usize| json!({ "ref": "refs/heads/main", "commits": vec![json!({}); n], "repository": { "full_name": "octocat/hello" } });

    assert_eq!(github.send("push", &push(3)).await?.status, 200);
    let mut heard = String::new();
    while !heard.contains("\"commits\":3") {
        let chunk = tokio::time::timeout(GUARD, listener.chunk()).await.context("nothing rang")??;
        heard.push_str(std::str::from_utf8(&chunk.context("the stream ended")?)?);
    }
    assert!(heard.contains("\"repository\":\"octocat/hello\""), "{heard}");

    for n in 4..10 {
        assert_eq!(github.send("push", &push(n)).await?.status, 200);
        server.kill().await?;
        server.start_again().await?;
    }
    let waited = tokio::time::timeout(GUARD, async {
        while rung(&admin).await? < 7 {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    });
    waited.await.context("not every push rang")??;
    assert_eq!(rung(&admin).await?, 7, "a push rang twice");
    Ok(())
}
