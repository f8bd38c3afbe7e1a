//! What is told reaches its targets: over real sockets, retried, and not while silenced.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use jobs::Query;
use jobs::state::State as JobState;
use serde_json::Value;
use slo::TargetKind;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::support::{LONG, Site, target};

/// A receiver that answers the first request with a failure, and all later ones well.
async fn receiver() -> (String, mpsc::Receiver<Value>) {
    let (tell, told) = mpsc::channel::<Value>(100);
    let answer = |State(tell): State<mpsc::Sender<Value>>, body: String| async move {
        let first = tell.capacity() == tell.max_capacity();
        tell.try_send(serde_json::from_str(&body).expect("JSON")).expect("room");
        if first { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook?token=hunter2", listener.local_addr().expect("an address"));
    let router = Router::new().route("/hook", post(answer)).with_state(tell);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, told)
}

async fn next(told: &mut mpsc::Receiver<Value>) -> Value {
    tokio::time::timeout(LONG, told.recv()).await.expect("told in time").expect("told")
}

/// Waits until every job has come this far.
async fn all_are(site: &Site, state: JobState) {
    let looking = async {
        loop {
            let seen = site.jobs.changes();
            let jobs = site.jobs.list(Query { limit: 50, ..Query::default() }).await.expect("jobs");
            if jobs.iter().all(|job| job.state == state) {
                return;
            }
            site.jobs.change_since(seen).await;
        }
    };
    tokio::time::timeout(LONG, looking).await.expect("in time");
}

#[tokio::test]
async fn a_page_reaches_every_target_and_the_ticket_below_it_is_not_said() {
    let (slack_url, mut slack) = receiver().await;
    let (discord_url, mut discord) = receiver().await;
    let (webhook_url, mut webhook) = receiver().await;
    let targets = vec![
        target(TargetKind::Slack, &slack_url),
        target(TargetKind::Discord, &discord_url),
        target(TargetKind::Webhook, &webhook_url),
    ];
    let site = Site::telling(targets).await;
    site.jobs.serve(site.slo.handlers(), 4);
    site.minute(80, 20).await;

    // Each failed once. The clock stands still, so the retry is called for.
    let first = (next(&mut slack).await, next(&mut discord).await, next(&mut webhook).await);
    all_are(&site, JobState::Retryable).await;
    site.clock.advance(3_600_000);
    site.jobs.wake();
    let again = (next(&mut slack).await, next(&mut discord).await, next(&mut webhook).await);
    assert_eq!(first, again, "the same word, said again");

    let text = first.0["text"].as_str().expect("text");
    for part in ["API availability", "20 bad of 100 in 1h", "https://live.example.org/console/slo", "docs/runbooks/"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert_eq!(first.1["allowed_mentions"]["parse"], serde_json::json!([]));
    assert_eq!((&first.2["type"], &first.2["alert"]["severity"]), (&"alert.opened".into(), &"page".into()));
    let jobs = site.jobs.list(Query { limit: 50, ..Query::default() }).await.expect("jobs");
    assert_eq!(jobs.len(), 3, "one a target; the ticket is below the page");
    let shown = serde_json::to_string(&jobs).expect("JSON");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[tokio::test]
async fn while_it_is_silenced_nobody_is_told_and_then_it_is_said() {
    let (url, mut told) = receiver().await;
    let mut site = Site::telling(vec![target(TargetKind::Webhook, &url)]).await;
    site.jobs.serve(site.slo.handlers(), 4);
    site.slo.silence("api_availability", site.clock.now_ms() + 30 * 60_000).await.expect("silenced");
    for _ in 0..30 {
        site.minute(80, 20).await;
    }
    assert_eq!(site.heard().len(), 2, "it is noted all the same");
    assert!(told.try_recv().is_err());
    for _ in 0..31 {
        site.minute(80, 20).await;
    }
    assert_eq!(next(&mut told).await["type"], "alert.reminder");
}
