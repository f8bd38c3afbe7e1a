//! `/api/v1/webhooks`: for administrators only.

use axum::body::Body;
use axum::http::Request;
use identity::Caller;

use crate::support::{Bed, Delivery, PUSH, SECRET};

const REVEAL: &str = "/api/v1/webhooks/sources/github/secret";

fn request(method: &str, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn nobody_but_an_administrator_sees_anything() {
    let bed = Bed::new().await;
    bed.send(Delivery::signed("d-1", PUSH)).await;
    let id = bed.last().await.id;
    for (method, path) in [
        ("GET", "/api/v1/webhooks/sources".to_owned()),
        ("GET", "/api/v1/webhooks/deliveries".to_owned()),
        ("GET", format!("/api/v1/webhooks/deliveries/{id}")),
        ("GET", "/api/v1/webhooks/deliveries/dlv_none".to_owned()),
        ("POST", REVEAL.to_owned()),
        ("POST", "/api/v1/webhooks/sources/none/secret".to_owned()),
    ] {
        for caller in [None, Some(Caller::Anonymous)] {
            let answer = bed.ask(request(method, &path), caller).await;
            assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (401, Some("unauthorized")), "{path}");
            assert!(!answer.text.contains(SECRET) && !answer.text.contains("Hello"));
        }
    }
}

#[tokio::test]
async fn a_secret_is_shown_to_an_administrators_own_page_only() {
    let bed = Bed::new().await;
    let with_header = |path: &str| {
        let mut request = request("POST", path);
        request.headers_mut().insert("x-mainspring-console", "1".parse().expect("a value"));
        request
    };
    let answer = bed.ask(request("GET", REVEAL), Some(Caller::Admin)).await;
    assert_eq!(answer.status, 405, "a link must not show it");
    let answer = bed.ask(request("POST", REVEAL), Some(Caller::Admin)).await;
    assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (403, Some("forbidden")));
    assert!(!answer.text.contains(SECRET));
    assert_eq!(bed.ask(with_header(REVEAL), Some(Caller::Anonymous)).await.status, 401, "the header alone is nothing");
    let answer = bed.ask(with_header(REVEAL), Some(Caller::Admin)).await;
    assert_eq!((answer.status.as_u16(), answer.body["secret"].as_str()), (200, Some(SECRET)));
    assert_eq!(answer.headers["cache-control"], "no-store");
    let answer = bed.ask(with_header("/api/v1/webhooks/sources/gitlab/secret"), Some(Caller::Admin)).await;
    assert_eq!(answer.status, 404);
}

#[tokio::test]
async fn the_sources_are_listed_with_their_figures_and_without_their_secrets() {
    let bed = Bed::new().await;
    let before = bed.get("/api/v1/webhooks/sources").await.body;
    assert_eq!(before["items"][0]["last_delivery_at_ms"], serde_json::Value::Null);
    bed.send(Delivery::signed("d-0", "{\"old\":1}")).await;
    bed.clock.advance(86_400_000);
    bed.send(Delivery::signed("d-1", PUSH)).await;
    bed.send(Delivery::signed("d-1", PUSH)).await;
    bed.send(Delivery::unsigned("d-2", PUSH)).await;
    bed.clock.advance(10);
    let answer = bed.get("/api/v1/webhooks/sources").await;
    assert!(!answer.text.contains(SECRET));
    let github = &answer.body["items"][0];
    assert_eq!((github["name"].as_str(), github["path"].as_str()), (Some("github"), Some("/in/github")));
    assert_eq!((github["accepted_24h"].as_i64(), github["rejected_24h"].as_i64()), (Some(1), Some(1)));
    assert_eq!(github["last_delivery_at_ms"].as_i64(), Some(bed.clock.now_ms() - 10));
    assert_eq!(github["secret_from"], "environment");
}

#[tokio::test]
async fn deliveries_are_paged_and_filtered() {
    let bed = Bed::new().await;
    for n in 0..12 {
        bed.send(Delivery::signed(&format!("d-{n}"), format!("{{\"n\":{n}}}"))).await;
        bed.send(Delivery::unsigned("forged", PUSH)).await;
    }
    let (mut seen, mut path) = (Vec::new(), "/api/v1/webhooks/deliveries?limit=5".to_owned());
    loop {
        let page = bed.get(&path).await.body;
        let items = page["items"].as_array().expect("items").clone();
        assert!(items.len() <= 5);
        seen.extend(items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/webhooks/deliveries?limit=5&before={next}");
    }
    let all: Vec<_> = bed.deliveries().await.into_iter().map(|row| row.id).collect();
    assert_eq!((seen.len(), &seen), (24, &all), "every one, newest first, none twice");
    assert_eq!(bed.get("/api/v1/webhooks/deliveries?before=dlv_none").await.status, 400);
    let rejected = bed.get("/api/v1/webhooks/deliveries?verdict=rejected").await.body;
    let items = rejected["items"].as_array().expect("items");
    assert!(items.len() == 12 && items.iter().all(|item| item["verdict"] == "rejected"));
    let none = bed.get("/api/v1/webhooks/deliveries?source=%27%20OR%201%3D1").await.body;
    assert_eq!(none["items"].as_array().map(Vec::len), Some(0));
    for bad in ["verdict=Rejected", "limit=-1"] {
        assert_eq!(bed.get(&format!("/api/v1/webhooks/deliveries?{bad}")).await.status, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_delivery_whose_event_is_gone_says_that_its_body_is_not_all() {
    let bed = Bed::new().await;
    bed.send(Delivery::signed("d-1", PUSH)).await;
    let detail = bed.last_detail().await;
    assert_eq!((detail["body"].as_str(), detail["body_truncated"].as_bool()), (Some(PUSH), Some(false)));
    assert_eq!(detail["signature"], serde_json::Value::Null);
    bed.clock.advance(86_400_001);
    assert_eq!(bed.events.prune(86_400_000, None).await.expect("pruned"), 1);
    let detail = bed.last_detail().await;
    assert_eq!((detail["body"].as_str(), detail["body_truncated"].as_bool()), (Some(""), Some(true)));
    assert_eq!(bed.get("/api/v1/webhooks/deliveries/dlv_none").await.status, 404);
}

#[tokio::test]
async fn every_delivery_is_counted_the_unrecorded_ones_too() {
    let bed = Bed::new().await;
    for id in ["d-1", "d-1", "d-2"] {
        bed.send(Delivery::signed(id, PUSH)).await;
    }
    for _ in 0..30 {
        bed.send(Delivery::unsigned("forged", PUSH)).await;
    }
    bed.send(Delivery::signed("d-1", PUSH).to("nobody")).await;
    let totals = bed.webhooks.totals();
    assert_eq!((totals.accepted_total, totals.duplicate_total, totals.rejected_total), (1, 2, 30));
    assert_eq!(bed.deliveries().await.len(), 23);
}
