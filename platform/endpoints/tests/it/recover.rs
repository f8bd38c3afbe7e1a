//! What was missed is sent when its owner asks, each thing once.

use axum::http::Method;
use endpoints::state::State;
use identity::Caller;
use serde_json::json;

use crate::support::{DAY, Does, HOUR, Receiver, Site};

async fn recover(site: &Site, id: &str, since_ms: i64, dry_run: bool) -> (u16, serde_json::Value) {
    let body = json!({ "since_ms": since_ms, "dry_run": dry_run });
    let (status, plan) =
        crate::api::call(site, Caller::Admin, Method::POST, &format!("/api/v1/endpoints/{id}/recover"), Some(body))
            .await;
    (status.as_u16(), plan)
}

#[tokio::test]
async fn what_was_missed_and_what_was_given_up_is_sent_once() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(200), Does::Answers(410), Does::Answers(200)]).await;
    let (id, _) = site.endpoint(&receiver.url()).await;
    let delivered = site.append("shop.order", "{}").await;
    receiver.next().await;
    site.advance(HOUR);
    let gone = site.append("shop.order", "{}").await;
    receiver.next().await;
    site.until("it is disabled", async || (!site.row(&id).await.enabled).then_some(())).await;
    let since_ms = site.clock.now_ms();
    site.advance(HOUR);
    let mut witness = Receiver::that(&[Does::Answers(200)]).await;
    site.endpoint(&witness.url()).await;
    let mut missed = Vec::new();
    for _ in 0..450 {
        missed.push(site.append("shop.order", "{}").await);
    }
    // Who is enabled gets them: then all of them were looked at.
    for _ in 0..450 {
        witness.next().await;
    }

    assert_eq!(recover(&site, &id, since_ms, true).await.0, 409, "enable it first");
    site.endpoints.switch(&id, true).await.expect("enabled");
    // The event that says that it was disabled is one that it asked for.
    let plan = json!({ "missed": 451, "failed": 1, "events": 452, "complete": true });
    assert_eq!(recover(&site, &id, since_ms, true).await, (200, plan.clone()));
    assert!(receiver.rest().is_empty(), "a rehearsal sends nothing");
    assert_eq!(recover(&site, &id, since_ms, false).await, (200, plan));
    let mut positions = Vec::new();
    for _ in 0..452 {
        receiver.next().await;
    }
    site.until("nothing waits", async || (site.row(&id).await.pending == 0).then_some(())).await;
    for message in all(&site, &id).await {
        assert_eq!(message["state"], "delivered", "{message}");
        positions.push(message["position"].as_i64().expect("a position"));
    }
    assert!(receiver.rest().is_empty());
    assert!(
        positions.contains(&gone) && positions.contains(&delivered) && missed.iter().all(|it| positions.contains(it))
    );
    let nothing = json!({ "missed": 0, "failed": 0, "events": 452, "complete": true });
    assert_eq!(recover(&site, &id, since_ms, false).await, (200, nothing));
    assert_eq!(recover(&site, &id, since_ms + DAY, true).await.1["events"], 0);
}

async fn all(site: &Site, id: &str) -> Vec<serde_json::Value> {
    let (mut rows, mut before) = (Vec::new(), String::new());
    loop {
        let page = crate::api::get(site, &format!("/api/v1/endpoints/{id}/messages?limit=200{before}")).await;
        rows.extend(page["items"].as_array().expect("items").iter().cloned());
        match page["next"].as_i64() {
            Some(next) => before = format!("&before={next}"),
            None => return rows,
        }
    }
}

#[tokio::test]
async fn sending_again_in_the_middle_of_a_long_pause_sends_now_and_once() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(500), Does::Answers(200)]).await;
    let (id, _) = site.endpoint(&receiver.url()).await;
    site.append("shop.order", "{}").await;
    let first = receiver.next().await;
    let message = site.tried(&id, 1).await;
    site.endpoints.resend(&id, message.number).await.expect("sent again");
    assert_eq!(receiver.next().await.header("webhook-id"), first.header("webhook-id"));
    let done = site.newest_is(&id, State::Delivered).await;
    assert_eq!((done.series, done.attempts), (2, 1));
    site.advance(DAY);
    site.append("shop.other", "{}").await;
    assert_eq!(receiver.next().await.json()["type"], "shop.other", "the old pause ends in nothing");
    assert!(receiver.rest().is_empty());
}

#[tokio::test]
async fn old_messages_go_and_those_that_wait_stay() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(200), Does::Answers(500)]).await;
    let (id, _) = site.endpoint(&receiver.url()).await;
    site.append("shop.order", "{}").await;
    receiver.next().await;
    site.newest_is(&id, State::Delivered).await;
    site.append("shop.order", "{}").await;
    receiver.next().await;
    let waits = site.tried(&id, 1).await;
    assert_eq!(site.endpoints.prune(DAY).await.expect("pruned"), 0);
    site.clock.advance(2 * DAY);
    assert_eq!(site.endpoints.prune(DAY).await.expect("pruned"), 1);
    assert_eq!(site.messages(&id).await.iter().map(|it| it.number).collect::<Vec<_>>(), [waits.number]);
}

#[tokio::test]
async fn a_test_is_tried_once_and_blames_nobody() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(500), Does::Answers(200)]).await;
    let (id, _) = site.endpoint(&receiver.url()).await;
    site.endpoints.test(&id).await.expect("sent");
    receiver.next().await;
    let message = site.newest_is(&id, State::Failed).await;
    assert_eq!((message.attempts, site.row(&id).await.failures), (1, 0));
    site.endpoints.test(&id).await.expect("sent");
    assert!(site.newest_is(&id, State::Delivered).await.number > message.number);
}

#[tokio::test]
async fn a_series_that_was_begun_anew_leaves_nothing_of_the_one_before() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(500)]).await;
    let (id, _) = site.endpoint(&receiver.url()).await;
    site.append("shop.order", "{}").await;
    receiver.next().await;
    let message = site.tried(&id, 1).await;
    site.endpoints.resend(&id, message.number).await.expect("sent again");
    receiver.next().await;
    site.newest(&id, "the second series failed once", |it| (it.series, it.attempts) == (2, 1)).await;
    // The second attempts of both series are due.
    site.advance(6_000);
    receiver.next().await;
    site.tried(&id, 2).await;
    site.advance(1);
    site.append("shop.other", "{}").await;
    assert_eq!(receiver.next().await.json()["type"], "shop.other", "nothing of the old series came in between");
}
