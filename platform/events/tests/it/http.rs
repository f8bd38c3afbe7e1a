//! `/api/v1/events`, through the router.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt;
use identity::{Caller, Scope};
use serde_json::Value;
use tower::ServiceExt;

use crate::support::{Bed, phrase, small};
use events::NewEvent;

/// An answer: its status, its headers, its body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

pub(crate) const PUBLISHER: Caller = Caller::Key { id: 1, scopes: Scope::EventsPublish.bit() };
pub(crate) const READER: Caller = Caller::Key { id: 2, scopes: Scope::EventsRead.bit() };

/// What the edge and the router make of a request.
pub(crate) async fn send(bed: &Bed, mut request: Request<Body>, caller: Option<Caller>) -> Response {
    let router: Router = events::routes(bed.events.clone()).split_for_parts().0;
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    router.oneshot(request).await.expect("answered")
}

pub(crate) async fn ask(bed: &Bed, request: Request<Body>, caller: Option<Caller>) -> Answer {
    let response = send(bed, request, caller).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    let text = String::from_utf8(bytes.to_vec()).expect("a text");
    Answer { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text }
}

/// A change as the console sends it.
pub(crate) async fn change(bed: &Bed, method: &str, path: &str, body: Value) -> Answer {
    let request = Request::builder().method(method).uri(path).header("x-mainspring-console", "1");
    let request = request.header("content-type", "application/json").body(Body::from(body.to_string()));
    ask(bed, request.expect("a request"), Some(Caller::Admin)).await
}

pub(crate) async fn get(bed: &Bed, path: &str, caller: Option<Caller>) -> (StatusCode, Value) {
    let answer = ask(bed, Request::get(path).body(Body::empty()).expect("a request"), caller).await;
    (StatusCode::from_u16(answer.status).expect("a status"), answer.body)
}

#[tokio::test]
async fn nobody_reads_the_log_but_an_administrator() {
    let bed = Bed::new().await;
    bed.append(small("github.push")).await.expect("appended");
    for path in ["/api/v1/events", "/api/v1/events/1", "/api/v1/events/99", "/api/v1/events?type=github.push"] {
        for caller in [None, Some(Caller::Anonymous)] {
            let (status, body) = get(&bed, path, caller).await;
            assert_eq!((status.as_u16(), body["code"].as_str()), (401, Some("unauthorized")), "{path}");
            assert!(!body.to_string().contains("github.push"));
        }
    }
}

#[tokio::test]
async fn the_pages_lead_through_the_whole_log() {
    let bed = Bed::new().await;
    bed.append_many("github.push", 10).await;
    let (mut seen, mut query) = (Vec::new(), "?limit=4".to_owned());
    loop {
        let (status, page) = get(&bed, &format!("/api/v1/events{query}"), Some(Caller::Admin)).await;
        assert_eq!(status, 200);
        seen.extend(
            page["items"].as_array().expect("items").iter().map(|item| item["position"].as_i64().expect("a number")),
        );
        let Some(next) = page["next"].as_i64() else { break };
        query = format!("?limit=4&before={next}");
    }
    assert_eq!(seen, (1..=10).rev().collect::<Vec<_>>());
    let (_, page) = get(&bed, "/api/v1/events?after=8", Some(Caller::Admin)).await;
    assert_eq!(page["items"].as_array().expect("items").len(), 2);
    assert_eq!(page["items"][0]["position"], 9);
    assert_eq!(page["items"][0]["type"], "github.push");
    assert!(page["items"][0].get("data").is_none());
    for bad in ["?limit=x", "?before=x", "?after=1.5", "?limit=-1"] {
        assert_eq!(get(&bed, &format!("/api/v1/events{bad}"), Some(Caller::Admin)).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn one_event_is_shown_with_its_payload_and_its_jobs() {
    let bed = Bed::new().await;
    bed.append(NewEvent::of("/radio", &phrase("a"))).await.expect("appended");
    bed.append(small("github.push")).await.expect("appended");
    let (status, event) = get(&bed, "/api/v1/events/1", Some(Caller::Admin)).await;
    assert_eq!(status, 200);
    assert_eq!(event["data"], serde_json::to_value(phrase("a")).expect("json"));
    assert_eq!((event["type"].as_str(), event["schema_version"].as_i64()), (Some("radio.phrase"), Some(3)));
    assert_eq!(event["jobs"].as_array().expect("jobs").len(), 1);
    assert_eq!(event["jobs"][0]["kind"], "hear_phrase");
    let (_, event) = get(&bed, "/api/v1/events/2", Some(Caller::Admin)).await;
    assert_eq!(event["jobs"].as_array().expect("jobs").len(), 2);
    assert_eq!(get(&bed, "/api/v1/events/3", Some(Caller::Admin)).await.0, 404);
    assert_eq!(get(&bed, "/api/v1/events/x", Some(Caller::Admin)).await.0, 400);
}
