//! Subscriptions at a hub: asked for, confirmed, renewed before they end, whatever a hub or a stranger does.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use store::{StoreError, Tx, params};
use tokio_util::sync::CancellationToken;

use crate::elsewhere::Elsewhere;
use crate::support::{Answer, Bed, START_MS, call, within};

const TOPIC: &str = "https://www.youtube.com/xml/feeds/videos.xml?channel_id=UC1";
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A source whose hub is on this machine.
async fn with_hub(hub: &Elsewhere) -> Bed {
    let bed = Bed::new().await;
    bed.goes_out();
    bed.source(json!({ "name": "youtube", "sender": "youtube", "settings": { "hub_url": hub.url() } })).await;
    bed
}

async fn wish(bed: &Bed, end: bool) {
    let wished = bed.change("POST", "/sources/youtube/topics", &json!({ "topic": TOPIC, "end": end })).await;
    assert_eq!(wished.status, 204, "{}", wished.text);
}

/// The hub asks back at the address that it was given.
async fn asks_back(bed: &Bed, mode: &str, lease_s: &str) -> Answer {
    let read = async |tx: &mut Tx| tx.one("SELECT token FROM webhook_topics", &[]).await;
    let token: Result<(String,), StoreError> = bed.store.read(read).await;
    says(bed, &token.expect("a topic").0, mode, lease_s).await
}

/// Somebody says that he is the hub.
async fn says(bed: &Bed, token: &str, mode: &str, lease_s: &str) -> Answer {
    let mut asked = vec![("token", token), ("hub.mode", mode), ("hub.topic", TOPIC), ("hub.challenge", "c-1")];
    asked.extend(Some(("hub.lease_seconds", lease_s)).filter(|_| !lease_s.is_empty()));
    let query = serde_urlencoded::to_string(asked).expect("a query");
    call(&bed.door, Request::get(format!("/in/youtube?{query}")).body(Body::empty()).expect("a request")).await
}

async fn topic(bed: &Bed) -> Value {
    bed.get("/api/v1/webhooks/sources/youtube/topics").await.body["items"][0].clone()
}

/// Moves the clock, and lets the jobs that are due by then look.
fn advance(bed: &Bed, ms: i64) {
    bed.clock.advance(ms);
    bed.jobs.wake();
}

/// Waits until no job has anything to do now, and says until when the last one sleeps; 0 when there is none.
async fn sleeps(bed: &Bed) -> i64 {
    let now_ms = bed.clock.now_ms();
    within(async {
        loop {
            let look = async move |tx: &mut Tx| {
                let sql =
                    "SELECT SUM(CASE WHEN state <> 1 OR run_at_ms <= $1 THEN 1 ELSE 0 END), MAX(run_at_ms) FROM jobs
                     WHERE kind = 'webhooks.topic' AND finished_at_ms IS NULL";
                tx.one(sql, params![now_ms]).await
            };
            let found: Result<(Option<i64>, Option<i64>), StoreError> = bed.store.read(look).await;
            match found.expect("read") {
                (Some(1..), _) => tokio::task::yield_now().await,
                (_, until_ms) => return until_ms.unwrap_or(0),
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_topic_is_asked_for_confirmed_and_renewed_before_its_lease_ends() {
    let mut hub = Elsewhere::that_answers(202, "").await;
    let bed = with_hub(&hub).await;
    wish(&bed, false).await;
    let asked = hub.next().await;
    let secret = bed.sources.secret("youtube").expect("a secret");
    for (name, value) in [
        ("hub.mode", "subscribe"),
        ("hub.topic", TOPIC),
        ("hub.lease_seconds", "864000"),
        ("hub.secret", secret.expose()),
    ] {
        assert_eq!(asked.field(name), value, "{name}");
    }
    assert_eq!((asked.line.as_str(), topic(&bed).await["state"].as_str()), ("post /there http/1.1", Some("asked")));
    assert_eq!(asks_back(&bed, "subscribe", "432000").await.text, "c-1");
    let held = topic(&bed).await;
    assert_eq!(
        (&held["state"], &held["lease_until_ms"], &held["tries"]),
        (&json!("active"), &json!(START_MS + 5 * DAY_MS), &json!(0))
    );
    assert_eq!(sleeps(&bed).await, START_MS + 5 * MINUTE_MS, "it looks whether the hub has asked back");
    advance(&bed, 5 * MINUTE_MS);
    assert_eq!(sleeps(&bed).await, START_MS + 4 * DAY_MS);
    assert!(hub.rest().is_empty());
    advance(&bed, 4 * DAY_MS);
    assert_eq!(hub.next().await.field("hub.mode"), "subscribe");
    assert_eq!(topic(&bed).await["state"], "active", "while it is renewed the hub goes on");
    assert_eq!(asks_back(&bed, "subscribe", "864000").await.status, 200);
    let held = topic(&bed).await;
    assert_eq!(held["lease_until_ms"], bed.clock.now_ms() + 10 * DAY_MS);
}

#[tokio::test]
async fn a_hub_that_fails_is_asked_again_for_ever_and_it_is_said_why() {
    let mut hub = Elsewhere::that_answers(503, "down for \r\n\0maintenance").await;
    let bed = with_hub(&hub).await;
    wish(&bed, false).await;
    for (tries, pause_ms) in (1..).zip([5, 10, 20, 40, 60, 60, 60, 60].map(|minutes| minutes * MINUTE_MS)) {
        hub.next().await;
        assert_eq!(sleeps(&bed).await, bed.clock.now_ms() + pause_ms);
        let it = topic(&bed).await;
        assert_eq!((&it["state"], &it["tries"]), (&json!("asked"), &json!(tries)));
        assert_eq!(it["last_error"], "answered 503 Service Unavailable: down for maintenance");
        advance(&bed, pause_ms - 1);
        assert!(hub.rest().is_empty(), "before its time");
        advance(&bed, 1);
    }
    hub.next().await;
    sleeps(&bed).await;
    hub.now_answers(202, "");
    advance(&bed, HOUR_MS);
    hub.next().await;
    sleeps(&bed).await;
    let unheard = topic(&bed).await["last_error"].as_str().expect("an error").to_owned();
    assert!(unheard.ends_with("it must reach https://live.example/in/youtube"), "{unheard}");
    assert_eq!(asks_back(&bed, "subscribe", "432000").await.status, 200);
    let it = topic(&bed).await;
    assert_eq!((&it["state"], &it["last_error"]), (&json!("active"), &Value::Null));
}

#[tokio::test]
async fn a_stranger_who_says_that_he_is_the_hub_changes_nothing() {
    let mut hub = Elsewhere::that_answers(202, "").await;
    let bed = with_hub(&hub).await;
    wish(&bed, false).await;
    let callback = hub.next().await.field("hub.callback").to_owned();
    let token = callback.strip_prefix("https://live.example/in/youtube?token=").expect("a token").to_owned();
    assert!(token.len() >= 32, "128 bits: {token}");
    for state in ["asked", "active", "ending"] {
        for mode in ["subscribe", "unsubscribe", "denied"] {
            for guess in ["", "0", &token[1..], &format!("{token}0"), &token.to_uppercase()] {
                assert_eq!(says(&bed, guess, mode, "9").await.status, 404, "{state} {mode} {guess:?}");
            }
        }
        assert_eq!(topic(&bed).await["state"], state);
        match state {
            "asked" => assert_eq!(says(&bed, &token, "subscribe", "432000").await.text, "c-1"),
            _ => wish(&bed, true).await,
        }
    }
    assert!(!bed.get("/api/v1/webhooks/sources/youtube/topics").await.text.contains(&token), "it is the hub's alone");
}

#[tokio::test]
async fn a_hub_grants_no_more_than_was_asked_for_and_may_change_its_mind() {
    let mut hub = Elsewhere::that_answers(202, "").await;
    let bed = with_hub(&hub).await;
    wish(&bed, false).await;
    hub.next().await;
    assert_eq!(asks_back(&bed, "subscribe", "9223372036854775807").await.status, 200);
    assert_eq!(topic(&bed).await["lease_until_ms"], START_MS + 10 * DAY_MS);
    assert_eq!(asks_back(&bed, "unsubscribe", "").await.status, 404);
    assert_eq!(asks_back(&bed, "denied", "").await.status, 200);
    assert_eq!(topic(&bed).await["state"], "denied");
    assert_eq!(asks_back(&bed, "subscribe", "432000").await.status, 404, "not before it is asked again");
    advance(&bed, 5 * MINUTE_MS);
    assert_eq!(sleeps(&bed).await, START_MS + 6 * HOUR_MS);
    assert!(hub.rest().is_empty());
    advance(&bed, 6 * HOUR_MS);
    assert_eq!(hub.next().await.field("hub.mode"), "subscribe");
    assert_eq!(asks_back(&bed, "subscribe", "432000").await.status, 200);
    assert_eq!(topic(&bed).await["state"], "active");
}

#[tokio::test]
async fn an_end_is_asked_for_and_then_nothing_is() {
    let mut hub = Elsewhere::that_answers(202, "").await;
    let bed = with_hub(&hub).await;
    wish(&bed, false).await;
    hub.next().await;
    asks_back(&bed, "subscribe", "432000").await;
    wish(&bed, true).await;
    let asked = hub.next().await;
    assert_eq!((asked.field("hub.mode"), asked.field("hub.secret")), ("unsubscribe", ""));
    assert_eq!(asks_back(&bed, "unsubscribe", "").await.status, 200);
    assert_eq!(topic(&bed).await, Value::Null);
    advance(&bed, 30 * DAY_MS);
    assert_eq!(sleeps(&bed).await, 0, "no job is left");
    assert!(hub.rest().is_empty());
}

#[tokio::test]
async fn a_hub_hears_of_another_secret_and_of_another_address() {
    let mut hub = Elsewhere::that_answers(202, "").await;
    let bed = with_hub(&hub).await;
    wish(&bed, false).await;
    let first = hub.next().await.field("hub.secret").to_owned();
    asks_back(&bed, "subscribe", "432000").await;
    bed.change("POST", "/sources/youtube/rotate", &Value::Null).await;
    let second = hub.next().await.field("hub.secret").to_owned();
    assert!(first != second && !second.is_empty());
    asks_back(&bed, "subscribe", "432000").await;
    advance(&bed, 5 * MINUTE_MS);
    sleeps(&bed).await;
    let jobs = "SELECT COUNT(*) FROM jobs WHERE kind = 'webhooks.topic' AND finished_at_ms IS NULL";
    assert_eq!(bed.number(jobs).await, 1, "the wish before has no job any more");
    bed.change("PATCH", "/sources/youtube", &json!({ "new_address": true, "settings": { "hub_url": hub.url() } }))
        .await;
    let path = bed.sources.address("youtube").expect("an address");
    let callback = hub.next().await.field("hub.callback").to_owned();
    assert!(callback.starts_with(&format!("https://live.example{path}?token=")), "{callback}");
}

#[tokio::test]
async fn a_topic_whose_job_was_cancelled_gets_another_at_the_next_start() {
    let mut hub = Elsewhere::that_answers(202, "").await;
    let bed = with_hub(&hub).await;
    wish(&bed, false).await;
    hub.next().await;
    sleeps(&bed).await;
    let gone: Result<u64, StoreError> =
        bed.store.write(async |tx| tx.execute("DELETE FROM jobs WHERE kind = 'webhooks.topic'", &[]).await).await;
    assert_eq!(gone.expect("removed"), 1);
    let stop = CancellationToken::new();
    let running = tokio::spawn(bed.webhooks.clone().run(stop.clone()));
    advance(&bed, 5 * MINUTE_MS);
    assert_eq!(hub.next().await.field("hub.topic"), TOPIC);
    stop.cancel();
    within(running).await.expect("ended");
}

#[tokio::test]
async fn where_a_hub_or_a_key_is_is_an_address_of_a_sender_that_has_one() {
    let bed = Bed::new().await;
    for (new, field) in [
        (
            json!({ "name": "a", "sender": "generic", "settings": { "hub_url": "https://hub.example/" } }),
            "/settings/hub_url",
        ),
        (
            json!({ "name": "a", "sender": "youtube", "settings": { "key_url": "https://key.example/" } }),
            "/settings/key_url",
        ),
        (
            json!({ "name": "a", "sender": "youtube", "settings": { "hub_url": "ftp://hub.example/" } }),
            "/settings/hub_url",
        ),
        (json!({ "name": "a", "sender": "kick", "settings": { "key_url": "" } }), "/settings/key_url"),
    ] {
        let answer = bed.change("POST", "/sources", &new).await;
        assert_eq!((answer.status.as_u16(), answer.body["errors"][0]["pointer"].as_str()), (400, Some(field)));
    }
    let inside = json!({ "name": "youtube", "sender": "youtube", "settings": { "hub_url": "http://127.0.0.1:9/" } });
    bed.source(inside).await;
    bed.webhooks.reach_out(outbound::Outbound::new(outbound::Settings::default()), "https://live.example");
    bed.jobs.serve(bed.webhooks.handlers(), 4);
    wish(&bed, false).await;
    sleeps(&bed).await;
    let error = topic(&bed).await["last_error"].as_str().expect("an error").to_owned();
    assert!(error.contains("this machine"), "nobody is sent inside: {error}");
}
