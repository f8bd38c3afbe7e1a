//! What each answer of a receiver leads to.

use endpoints::state::State;

use crate::support::{DAY, Does, HOUR, MINUTE, Receiver, Site};

#[tokio::test]
async fn an_event_arrives_signed_as_cloudevents() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(204)]).await;
    let (id, _) = site.endpoint(&receiver.url()).await;
    site.append("shop.order", r#"{"id":7,"words":"ü"}"#).await;
    let got = receiver.next().await;
    assert!(got.head.starts_with("POST /hook HTTP/1.1\r\n"), "{}", got.head);
    assert_eq!(got.header("content-type"), "application/cloudevents+json");
    assert!(got.header("webhook-id").starts_with("msg_"));
    assert_eq!(got.header("webhook-timestamp"), "1800000000");
    assert!(got.header("webhook-signature").starts_with("v1,"));
    assert!(got.header("user-agent").starts_with("Mainspring/"));
    let event = got.json();
    assert_eq!(
        (&event["specversion"], &event["type"], &event["source"]),
        (&"1.0".into(), &"shop.order".into(), &"/shop".into())
    );
    assert_eq!(event["data"], serde_json::json!({ "id": 7, "words": "ü" }));
    assert_eq!(event["time"], "2027-01-15T08:00:00.000Z");
    let message = site.newest_is(&id, State::Delivered).await;
    assert_eq!((message.attempts, message.status, message.error), (1, Some(204), None));
    assert_eq!(message.id, got.header("webhook-id"));
    assert_eq!(site.row(&id).await.failures, 0);
}

#[tokio::test]
async fn what_fails_comes_again_with_the_same_id_and_one_success_ends_it() {
    let site = Site::new().await;
    let plan = [
        Does::Answers(500),
        Does::Breaks,
        Does::With(302, "location: http://127.0.0.1/"),
        Does::Answers(404),
        Does::Answers(200),
    ];
    let mut receiver = Receiver::that(&plan).await;
    let (id, _) = site.endpoint(&receiver.url()).await;
    site.append("shop.order", "{}").await;
    let mut ids = vec![receiver.next().await.header("webhook-id").to_owned()];
    for (made, pause_ms) in [(1, 5_500), (2, 5 * MINUTE + 30_000), (3, 33 * MINUTE), (4, 132 * MINUTE)] {
        let message = site.tried(&id, made).await;
        assert_eq!(message.state, State::Pending);
        assert!(message.next_at_ms.expect("due") <= site.clock.now_ms() + pause_ms);
        assert!(receiver.rest().is_empty(), "before its time");
        site.advance(pause_ms);
        ids.push(receiver.next().await.header("webhook-id").to_owned());
    }
    let message = site.newest_is(&id, State::Delivered).await;
    assert_eq!((message.attempts, message.status), (5, Some(200)));
    assert!(ids.iter().all(|it| *it == message.id), "{ids:?}");
    let (_, errors) = history(&site, &id, message.number).await;
    assert_eq!(errors.iter().filter(|error| error.is_none()).count(), 1, "one success: {errors:?}");
    assert_eq!(errors[0].as_deref(), Some("answered 500 Internal Server Error"));
    assert!(errors[1].as_deref().is_some_and(|error| error.contains("connection broke")), "{errors:?}");
    assert!(errors[2].as_deref().is_some_and(|error| error.contains("redirects are not followed")));
    site.advance(100 * HOUR);
    assert!(receiver.rest().is_empty());
    assert_eq!(site.row(&id).await.failures, 0, "a success forgets the failures");
}

#[tokio::test]
async fn nobody_there_and_nothing_said_are_failures() {
    let site = Site::new().await;
    let receiver = Receiver::that(&[Does::Stalls]).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let (id, _) = site.endpoint(&format!("http://{closed}/")).await;
    site.append("shop.order", "{}").await;
    let message = site.tried(&id, 1).await;
    assert!(message.error.expect("an error").starts_with("no connection"));
    drop(receiver);
}

#[tokio::test]
async fn the_status_counts_whatever_the_body_does() {
    let site = Site::new().await;
    let mut receiver =
        Receiver::that(&[Does::Talks(200, 50_000_000), Does::BreaksOff(200), Does::BreaksOff(500)]).await;
    let (id, _) = site.endpoint(&receiver.url()).await;
    for (state, answer) in [(State::Delivered, 1024), (State::Delivered, 4), (State::Pending, 4)] {
        site.append("shop.order", "{}").await;
        receiver.next().await;
        let message = site.newest(&id, "tried", |message| message.attempts == 1 && message.state == state).await;
        let (answers, _) = history(&site, &id, message.number).await;
        assert_eq!(answers[0].len(), answer);
    }
}

#[tokio::test]
async fn who_asks_for_time_gets_it() {
    for status in [429, 503] {
        let site = Site::new().await;
        let mut receiver = Receiver::that(&[Does::With(status, "retry-after: 3600"), Does::Answers(200)]).await;
        let (id, _) = site.endpoint(&receiver.url()).await;
        site.append("shop.order", "{}").await;
        receiver.next().await;
        let message = site.tried(&id, 1).await;
        assert_eq!(message.next_at_ms, Some(site.clock.now_ms() + HOUR));
        site.advance(HOUR - 1);
        site.append("shop.other", "{}").await;
        receiver.next().await;
        assert_eq!(receiver.rest().len(), 0, "only the new one came");
        site.advance(1);
        assert_eq!(receiver.next().await.header("webhook-id"), message.id);
    }
}

#[tokio::test]
async fn after_the_last_attempt_it_is_given_up() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(500)]).await;
    // Not of every type: the warning that comes in the middle would be a message too.
    let asked = crate::support::asking(&receiver.url(), &["shop.*"]);
    let id = site.endpoints.create(asked).await.expect("created").0.id;
    site.append("shop.order", "{}").await;
    for made in 1..=endpoints::state::ATTEMPTS {
        receiver.next().await;
        let message = site.tried(&id, made).await;
        assert_eq!(message.state == State::Failed, made == endpoints::state::ATTEMPTS);
        site.advance(message.next_at_ms.map_or(DAY, |at| at - site.clock.now_ms()));
    }
    assert_eq!(site.row(&id).await.failed, 1);
    assert!(receiver.rest().is_empty());
}

#[tokio::test]
async fn only_what_was_asked_for_arrives() {
    let site = Site::new().await;
    let mut orders = Receiver::that(&[Does::Answers(200)]).await;
    let mut all = Receiver::that(&[Does::Answers(200)]).await;
    let asked = crate::support::asking(&orders.url(), &["shop.order"]);
    site.endpoints.create(asked).await.expect("created");
    site.endpoint(&all.url()).await;
    for kind in ["shop.other", "shop.orders", "shop.order"] {
        site.append(kind, "{}").await;
    }
    assert_eq!(orders.next().await.json()["type"], "shop.order");
    for _ in 0..3 {
        all.next().await;
    }
    assert!(orders.rest().is_empty() && all.rest().is_empty());
}

#[tokio::test]
async fn what_is_too_large_is_given_up_and_says_why() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(200)]).await;
    let (id, _) = site.endpoint(&receiver.url()).await;
    site.append("shop.order", &format!("{{\"a\":\"{}\"}}", "x".repeat(kernel::limits::ENDPOINT_BODY_BYTES))).await;
    let message = site.newest_is(&id, State::Failed).await;
    assert!(message.error.expect("an error").contains("read it from the API"));
    assert!(receiver.rest().is_empty());
    assert_eq!(site.row(&id).await.failures, 0, "the endpoint is not to blame");
}

async fn history(site: &Site, id: &str, number: i64) -> (Vec<String>, Vec<Option<String>>) {
    let detail = crate::api::get(site, &format!("/api/v1/endpoints/{id}/messages/{number}")).await;
    let attempts = detail["history"].as_array().expect("attempts");
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
    let answers = attempts.iter().filter_map(|it| text(&it["answer"])).collect();
    (answers, attempts.iter().map(|it| text(&it["error"])).collect())
}
