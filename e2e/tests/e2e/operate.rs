//! What an operator does and sees.

use anyhow::{Context, Result};
use serde_json::Value;
use testkit::{Server, Start};

use crate::sse::push;

#[tokio::test]
async fn a_first_run_needs_nothing_is_ready_at_once_and_stops_cleanly() -> Result<()> {
    let mut server = Server::start().await?;
    println!("ready after {:?}", server.ready_after);
    for probe in ["/livez", "/readyz", "/startupz"] {
        assert_eq!(reqwest::get(server.url() + probe).await?.text().await?, "ok\n", "{probe}");
    }
    let health: Value = reqwest::get(server.url() + "/healthz").await?.text().await?.parse()?;
    assert_eq!(health["status"], "ok");
    let admin = server.admin().await?;
    assert!(server.admin().await.is_err(), "a link works once");
    assert_eq!(admin.get("/api/v1/session").await?["role"], "admin");
    assert_eq!(admin.get("/api/v1/overview").await?["ready"], true);
    assert_eq!(admin.post("/api/v1/webhooks/sources/github/secret").await?.0, 200);
    server.terminate().await?;
    let log = server.log();
    assert!(log.contains("\"stopped\""), "{log}");
    server.start_again().await?;
    assert_eq!(admin.get("/api/v1/session").await?["role"], "admin", "a session outlives a restart");
    Ok(())
}

#[tokio::test]
async fn one_trace_runs_from_the_webhook_to_the_sound_and_no_secret_is_logged() -> Result<()> {
    let mut server = Server::start().await?;
    let admin = server.admin().await?;
    let github = server.github();
    let body = push("octocat/hello-world", "mona", 1).to_string().into_bytes();
    github.send_as("first-delivery", "push", body.clone()).await?;
    let forged = github.send_signed("forged-delivery", "push", body, &format!("sha256={}", "0".repeat(64))).await?;
    assert_eq!((forged.status, &forged.body["code"]), (401, &"verification_failed".into()));
    let phrase = crate::sse::Listener::open(&server, "octocat/hello-world", None).await?.phrase().await?;
    let trace = phrase["trace"].as_str().context("a trace")?;

    let deliveries = admin.get("/api/v1/webhooks/deliveries").await?;
    let (refused, accepted) = (&deliveries["items"][0], &deliveries["items"][1]);
    assert_eq!((&refused["verdict"], &refused["cause"]), (&"rejected".into(), &"VERIFICATION_FAILED".into()));
    assert_eq!((&accepted["verdict"], accepted["trace_id"].as_str()), (&"accepted".into(), Some(trace)));
    let event = admin.get(&format!("/api/v1/events/{}", accepted["event_position"])).await?;
    assert_eq!((event["trace_id"].as_str(), &event["jobs"][0]["kind"]), (Some(trace), &"radio.compose".into()));
    assert_eq!(event["jobs"][0]["trace_id"].as_str(), Some(trace));

    server.terminate().await?;
    let log = server.log();
    let lines: Vec<Value> =
        log.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("a JSON object a line")?;
    let traced = |message: &str| lines.iter().any(|line| line["msg"] == message && line.to_string().contains(trace));
    for message in ["delivery", "request", "on air"] {
        assert!(traced(message), "{message} is not in the trace:\n{log}");
    }
    for secret in ["a secret that only tests know", &admin.cookie[19..], "refs/heads/main"] {
        assert!(!log.contains(secret), "the log holds {secret}");
    }
    Ok(())
}

#[tokio::test]
async fn strangers_see_no_more_than_they_may_and_bad_requests_get_clear_answers() -> Result<()> {
    let server = Server::start().await?;
    let client = reqwest::Client::new();
    for path in [
        "/api/v1/overview",
        "/api/v1/jobs",
        "/api/v1/events",
        "/api/v1/webhooks/deliveries",
        "/api/v1/webhooks/sources",
        "/api/v1/radio/stations",
        "/api/v1/session",
    ] {
        let response = client.get(server.url() + path).send().await?;
        assert_eq!(
            (response.status().as_u16(), response.headers()["content-type"].to_str()?),
            (401, "application/problem+json"),
            "{path}"
        );
        let id = response.headers()["x-request-id"].to_str()?.to_owned();
        let problem: Value = response.text().await?.parse()?;
        assert_eq!(problem["request_id"], id, "{path}");
    }
    let admin = server.admin().await?;
    let without_header = client
        .post(server.url() + "/api/v1/webhooks/sources/github/secret")
        .header("cookie", &admin.cookie)
        .send()
        .await?;
    assert_eq!(without_header.status().as_u16(), 403, "a page of another site cannot send the header");
    for (path, status) in [
        ("/nothing", 404),
        ("/api/v1/jobs/abc", 400),
        ("/api/v1/jobs?state=odd", 400),
        ("/api/v1/jobs/999", 404),
        ("/in/nobody", 404),
    ] {
        let response = client.get(server.url() + path).header("cookie", &admin.cookie).send().await?;
        assert_eq!(
            (response.status().as_u16(), response.headers()["content-type"].to_str()?),
            (status, "application/problem+json"),
            "{path}"
        );
    }
    let home = client.get(server.url() + "/console").send().await?;
    for header in ["content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy"] {
        assert!(home.headers().contains_key(header), "{header}");
    }
    let named = client.get(server.url() + "/livez").header("x-request-id", "mine-12345").send().await?;
    assert_eq!(named.headers()["x-request-id"], "mine-12345");
    Ok(())
}

#[tokio::test]
async fn the_api_describes_itself_and_metrics_are_for_this_machine() -> Result<()> {
    let server = Server::start().await?;
    let document: Value = reqwest::get(server.url() + "/api/v1/openapi.json").await?.text().await?.parse()?;
    for path in ["/api/v1/jobs", "/api/v1/events", "/api/v1/webhooks/deliveries", "/radio/{owner}/{repo}/events"] {
        assert!(document["paths"][path].is_object(), "{path}");
    }
    let docs = reqwest::Client::new().get(server.url() + "/docs/").send().await?;
    assert!(docs.status().is_success());
    server.github().send("ping", &serde_json::json!({ "zen": "Design for failure." })).await?;
    let metrics = reqwest::get(server.url() + "/metrics").await?.text().await?;
    for name in [
        "http_server_request_duration_seconds",
        "webhook_ingest_total",
        "store_commit_seconds",
        "process_resident_memory_bytes",
        "build_info",
    ] {
        assert!(metrics.contains(name), "{name} is not in:\n{metrics}");
    }
    let proxied =
        reqwest::Client::new().get(server.url() + "/metrics").header("x-forwarded-for", "203.0.113.9").send().await?;
    assert_eq!(proxied.status().as_u16(), 403);
    Ok(())
}

#[tokio::test]
async fn a_demo_plays_within_seconds_with_nothing_configured() -> Result<()> {
    let server = Start::default().command("demo").start().await?;
    let begun = std::time::Instant::now();
    let phrase = crate::sse::Listener::open(&server, "mainspring/demo", None).await?.phrase().await?;
    println!("first sample phrase {:?} after the start: {}", begun.elapsed(), phrase["event"]["title"]);
    assert!(phrase["melody"].as_array().is_some_and(|notes| notes.len() >= 4));
    Ok(())
}
