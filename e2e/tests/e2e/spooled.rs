//! What waits on disk for the store, killed again and again on its way into the log.

use std::collections::BTreeSet;
use std::time::Instant;

use anyhow::{Result, ensure};
use futures_util::future::join_all;
use serde_json::json;
use testkit::{GitHub, Server};

use crate::kill::pages;
use crate::sse::GUARD;

const SECRET: &str = "a secret of this test alone";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_in_the_spool_survives_kill_9_and_is_kept_once() -> Result<()> {
    let mut server = Server::start().await?;
    let admin = server.admin().await?;
    // A sender that does not come again, and that may send less than it does: the rest waits in the file.
    let settings = json!({ "rate_per_second": 20, "custom": { "retries": false } });
    let new = json!({ "name": "once", "sender": "generic", "secret": SECRET, "settings": settings });
    let (status, made) = admin.send("POST", "/api/v1/webhooks/sources", Some(&new)).await?;
    ensure!(status == 201, "{made}");
    let (client, mut acknowledged) = (reqwest::Client::new(), BTreeSet::new());
    let stored = async || -> Result<Vec<String>> {
        let events = pages(&admin, "/api/v1/events?type=webhook.received").await?;
        Ok(events.iter().filter_map(|event| event["id"].as_str().map(str::to_owned)).collect())
    };
    let mut waited = 0;
    for round in 0..6 {
        // All at once: a slow machine must not let the file empty while it is still being filled.
        let sent = (0..30).map(|n| {
            let body = json!({ "round": round, "n": n }).to_string();
            let signature = GitHub::new(&server.url(), SECRET).sign(body.as_bytes());
            let request = client.post(server.url() + "/in/once").header("content-type", "application/json");
            let request = request.header("x-signature-256", signature).body(body.clone()).send();
            async { Ok::<_, reqwest::Error>((request.await?, body)) }
        });
        for sent in join_all(sent).await {
            let (answer, body) = sent?;
            waited += u32::from(answer.status() == 202);
            ensure!(answer.status().is_success(), "{answer:?}");
            acknowledged.insert(body);
        }
        // The end comes while the file empties, a little later in each round.
        let enough = (stored().await?.len() + 2 * round).min(acknowledged.len());
        while stored().await?.len() < enough {}
        server.kill().await?;
        server.start_again().await?;
    }
    ensure!(waited > 30, "{waited} waited");
    let begun = Instant::now();
    while stored().await?.len() < acknowledged.len() {
        ensure!(begun.elapsed() < GUARD, "{} of {} came", stored().await?.len(), acknowledged.len());
    }
    let ids = stored().await?;
    ensure!(ids.iter().collect::<BTreeSet<_>>().len() == ids.len() && ids.len() == acknowledged.len(), "once each");
    let accepted = pages(&admin, "/api/v1/webhooks/deliveries?source=once&verdict=accepted").await?;
    ensure!(accepted.len() == ids.len(), "{} deliveries for {} events", accepted.len(), ids.len());
    Ok(())
}
