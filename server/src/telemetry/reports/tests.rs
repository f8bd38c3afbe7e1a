//! A tracker that reads the protocol as it is described: what arrives, what does not, and when we stop.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::post;
use kernel::{Clock, Entropy};
use outbound::{Outbound, Settings};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, filter::LevelFilter};

use super::open;
use crate::telemetry::fields::Keep;

const LONG: Duration = Duration::from_secs(20);
const NOW_MS: i64 = 1_800_000_000_000;

struct Tracker {
    url: String,
    told: mpsc::Receiver<(HeaderMap, String)>,
    /// What it answers.
    status: Arc<AtomicU16>,
}

impl Tracker {
    async fn start() -> Self {
        let (tell, told) = mpsc::channel(100);
        let status = Arc::new(AtomicU16::new(200));
        let take = |State((tell, status)): State<(mpsc::Sender<_>, Arc<AtomicU16>)>,
                    headers: HeaderMap,
                    body: String| async move {
            tell.try_send((headers, body)).expect("room");
            let status = StatusCode::from_u16(status.load(Ordering::SeqCst)).expect("a status");
            (status, [("retry-after", "120")]).into_response()
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://sentrykey@{}/7", listener.local_addr().expect("an address"));
        let router = Router::new().route("/api/7/envelope/", post(take)).with_state((tell, status.clone()));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, told, status }
    }

    /// The headers and the event of the next envelope.
    async fn next(&mut self) -> (HeaderMap, Value) {
        let (headers, body) =
            tokio::time::timeout(LONG, self.told.recv()).await.expect("in time").expect("an envelope");
        let mut lines = body.split('\n');
        let head: Value = serde_json::from_str(lines.next().expect("a line")).expect("the envelope's headers");
        let item: Value = serde_json::from_str(lines.next().expect("a line")).expect("the item's headers");
        let event = lines.next().expect("a line");
        assert_eq!((item["type"].as_str(), item["length"].as_u64()), (Some("event"), Some(event.len() as u64)));
        assert_eq!((lines.next(), lines.next()), (Some(""), None), "one item");
        let event: Value = serde_json::from_str(event).expect("an event");
        assert_eq!(head["event_id"], event["event_id"]);
        (headers, event)
    }
}

/// Runs `fail` under the layer, and the reporter until nothing is left to send.
async fn report(tracker: &Tracker, clock: &Clock, fail: impl FnOnce()) {
    let environment = HashMap::from([
        ("SENTRY_DSN", tracker.url.clone()),
        ("SENTRY_ENVIRONMENT", "staging".to_owned()),
        ("SENTRY_RELEASE", "shop@7".to_owned()),
    ]);
    let entropy = Entropy::seeded(1);
    let (reporter, layer, why) = open(|name| environment.get(name).cloned(), clock, &entropy);
    assert_eq!(why, None);
    let subscriber = tracing_subscriber::registry()
        .with(Keep::new(clock.clone(), &entropy))
        .with(layer.map(|layer| layer.with_filter(LevelFilter::INFO)));
    tracing::subscriber::with_default(subscriber, fail);
    let stop = CancellationToken::new();
    stop.cancel();
    reporter.expect("a reporter").run(Outbound::new(Settings::default()), stop).await;
}

#[tokio::test]
async fn an_error_arrives_with_its_request_and_without_its_secrets() {
    let mut tracker = Tracker::start().await;
    report(&tracker, &Clock::manual(NOW_MS), || {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let span = tracing::info_span!(
            "request",
            request_id = "req_1",
            trace_id = trace,
            route = "/api/v1/jobs",
            cookie = "hunter2"
        );
        let _in = span.enter();
        tracing::info!("this is no error");
        tracing::error!(
            code = "internal",
            cause = "the key whsec_0123456789abc did not open",
            session_token = "hunter2",
            "request failed"
        );
    })
    .await;
    let (headers, event) = tracker.next().await;
    assert_eq!(headers["content-type"], "application/x-sentry-envelope");
    let auth = headers["x-sentry-auth"].to_str().expect("text");
    assert!(auth.starts_with("Sentry sentry_version=7, ") && auth.contains("sentry_key=sentrykey"), "{auth}");
    let exception = &event["exception"]["values"][0];
    assert_eq!(
        (&exception["type"], &exception["value"]),
        (&"request failed".into(), &"the key whsec_[hidden] did not open".into())
    );
    assert_eq!(
        (&event["release"], &event["environment"], &event["level"]),
        (&"shop@7".into(), &"staging".into(), &"error".into())
    );
    assert_eq!((&event["tags"]["request_id"], &event["transaction"]), (&"req_1".into(), &"/api/v1/jobs".into()));
    assert_eq!(event["contexts"]["trace"]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(event["contexts"]["trace"]["span_id"], "a3ce929d0e0e4736");
    assert_eq!(event["timestamp"], 1_800_000_000.0);
    let text = event.to_string();
    assert!(!text.contains("hunter2") && !text.contains("0123456789abc"), "{text}");
    assert!(tracker.told.try_recv().is_err());
}

#[tokio::test]
async fn a_job_that_is_given_up_is_reported_and_one_that_is_retried_is_not() {
    let mut tracker = Tracker::start().await;
    report(&tracker, &Clock::manual(NOW_MS), || {
        let _in = tracing::info_span!("job", id = 7, kind = "mail.send", attempt = 20).entered();
        tracing::warn!(error = "later", outcome = "retried", "attempt failed");
        tracing::warn!(error = "no such address", outcome = "discarded", "attempt failed");
        tracing::error!(panic = true, location = "a.rs:1:1", "panicked: index out of bounds");
    })
    .await;
    let (_, event) = tracker.next().await;
    let exception = &event["exception"]["values"][0];
    assert_eq!((&exception["type"], &exception["value"]), (&"mail.send discarded".into(), &"no such address".into()));
    assert_eq!((&event["tags"]["kind"], &event["extra"]["id"]), (&"mail.send".into(), &7.into()));
    let (_, event) = tracker.next().await;
    assert_eq!((&event["level"], &event["exception"]["values"][0]["type"]), (&"fatal".into(), &"panic".into()));
    assert!(tracker.told.try_recv().is_err());
}

#[tokio::test]
async fn the_same_failure_many_times_is_a_few_reports() {
    let mut tracker = Tracker::start().await;
    report(&tracker, &Clock::manual(NOW_MS), || (0..500).for_each(|_| tracing::error!("again"))).await;
    for _ in 0..5 {
        tracker.next().await;
    }
    assert!(tracker.told.try_recv().is_err());
}

#[tokio::test]
async fn a_tracker_that_has_enough_is_left_alone() {
    let mut tracker = Tracker::start().await;
    tracker.status.store(429, Ordering::SeqCst);
    let clock = Clock::manual(NOW_MS);
    let environment = tracker.url.clone();
    let entropy = Entropy::seeded(1);
    let (reporter, layer, _) = open(|name| (name == "SENTRY_DSN").then(|| environment.clone()), &clock, &entropy);
    let layer = layer.expect("a layer");
    let allowance = layer.allowance.clone();
    let subscriber = tracing_subscriber::registry().with(layer);
    let (reporter, stop) = (reporter.expect("a reporter"), CancellationToken::new());
    let dispatch = tracing::Dispatch::new(subscriber);
    let fail = || tracing::dispatcher::with_default(&dispatch, || tracing::error!("x"));
    fail();
    let running = tokio::spawn({
        let (reporter, stop) = (reporter.clone(), stop.clone());
        async move { reporter.run(Outbound::new(Settings::default()), stop).await }
    });
    tracker.next().await;
    // The answer is taken in a moment after it was given.
    let asked = async {
        while !allowance.lock().must_wait(clock.now_ms()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, asked).await.expect("it waits");
    clock.advance(119_000);
    fail();
    assert!(tracker.told.try_recv().is_err(), "Retry-After was 120");
    clock.advance(1_000);
    tracker.status.store(200, Ordering::SeqCst);
    fail();
    tracker.next().await;
    stop.cancel();
    running.await.expect("it ends");
}
