//! The API: who may, what bad input gets, what is shown once.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use endpoints::state::State;
use http_body_util::BodyExt;
use identity::Caller;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::{Does, Receiver, Site};

pub(crate) async fn call(
    site: &Site,
    caller: Caller,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let (router, _) = endpoints::routes(site.endpoints.clone()).split_for_parts();
    let mut request = Request::builder().method(method).uri(path).header("x-mainspring-console", "1").extension(caller);
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
    let response = router.oneshot(request.body(body).expect("a request")).await.expect("infallible");
    let (status, bytes) = (response.status(), response.into_body().collect().await.expect("a body").to_bytes());
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

pub(crate) async fn get(site: &Site, path: &str) -> Value {
    let (status, body) = call(site, Caller::Admin, Method::GET, path, None).await;
    assert_eq!(status, 200, "{path}: {body}");
    body
}

async fn post(site: &Site, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    call(site, Caller::Admin, Method::POST, path, body).await
}

#[tokio::test]
async fn the_life_of_an_endpoint() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(200)]).await;
    let asked = json!({ "url": receiver.url(), "types": ["shop.*"], "description": "till" });
    let (status, made) = post(&site, "/api/v1/endpoints", Some(asked)).await;
    assert_eq!(status, 201, "{made}");
    let id = made["id"].as_str().expect("an id").to_owned();
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    assert!(id.starts_with("ep_") && secret.starts_with("whsec_"));
    let path = format!("/api/v1/endpoints/{id}");

    let shown = get(&site, &path).await;
    assert_eq!(
        (&shown["description"], &shown["types"], &shown["enabled"]),
        (&json!("till"), &json!(["shop.*"]), &json!(true))
    );
    assert_eq!(shown["secrets"].as_array().expect("secrets").len(), 1);
    for seen in [shown, get(&site, "/api/v1/endpoints").await] {
        assert!(!seen.to_string().contains("whsec_"), "shown once: {seen}");
    }

    let change = json!({ "description": "the till", "per_minute": 60 });
    let (status, changed) = call(&site, Caller::Admin, Method::PATCH, &path, Some(change)).await;
    assert_eq!(
        (status.as_u16(), &changed["description"], &changed["per_minute"]),
        (200, &json!("the till"), &json!(60))
    );
    let (_, changed) = call(&site, Caller::Admin, Method::PATCH, &path, Some(json!({ "per_minute": null }))).await;
    assert_eq!((&changed["description"], &changed["per_minute"]), (&json!("the till"), &Value::Null));

    let (status, off) = post(&site, &format!("{path}/disable"), None).await;
    assert_eq!((status.as_u16(), &off["enabled"], &off["disabled"]), (200, &json!(false), &json!("owner")));
    site.append("shop.order", "{}").await;
    site.goes_past().await;
    let (status, test) = post(&site, &format!("{path}/test"), None).await;
    assert_eq!((status.as_u16(), &test["type"]), (202, &json!("mainspring.endpoint.test")));
    let got = receiver.next().await;
    assert_eq!(
        (got.json()["data"]["endpoint"].as_str(), got.header("webhook-id")),
        (Some(&*id), test["id"].as_str().expect("an id"))
    );
    // A success that is written down after a resend would settle that too.
    site.newest_is(&id, State::Delivered).await;
    let (status, problem) = post(&site, &format!("{path}/messages/{}/resend", test["number"]), None).await;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("endpoint_disabled")));

    post(&site, &format!("{path}/enable"), None).await;
    let (status, again) = post(&site, &format!("{path}/messages/{}/resend", test["number"]), None).await;
    assert_eq!((status.as_u16(), &again["series"], &again["id"]), (202, &json!(2), &test["id"]));
    assert_eq!(receiver.next().await.header("webhook-id"), got.header("webhook-id"));
    let detail = site.until("two attempts", async || {
        let detail = get(&site, &format!("{path}/messages/{}", test["number"])).await;
        (detail["history"].as_array().expect("attempts").len() == 2).then_some(detail)
    });
    assert_eq!(detail.await["body"], got.json());

    let (status, _) = call(&site, Caller::Admin, Method::DELETE, &path, None).await;
    assert_eq!(status, 204);
    assert_eq!(call(&site, Caller::Admin, Method::GET, &path, None).await.0, 404);
    let mut gone = 0;
    for _ in 0..4 {
        gone += site.endpoints.prune(i64::MAX / 2).await.expect("pruned");
    }
    assert_eq!(gone, 2, "its messages go too, and those of the other that was there");
}

#[tokio::test]
async fn only_an_administrator_may() {
    let site = Site::new().await;
    let (id, _) = site.endpoint("http://127.0.0.1:9/").await;
    let one = format!("/api/v1/endpoints/{id}");
    let every = [
        (Method::GET, "/api/v1/endpoints".to_owned()),
        (Method::POST, "/api/v1/endpoints".to_owned()),
        (Method::GET, one.clone()),
        (Method::PATCH, one.clone()),
        (Method::DELETE, one.clone()),
        (Method::POST, format!("{one}/enable")),
        (Method::POST, format!("{one}/disable")),
        (Method::POST, format!("{one}/rotate")),
        (Method::POST, format!("{one}/test")),
        (Method::POST, format!("{one}/recover")),
        (Method::GET, format!("{one}/messages")),
        (Method::GET, format!("{one}/messages/1")),
        (Method::POST, format!("{one}/messages/1/resend")),
    ];
    for (method, path) in every {
        let (status, _) = call(&site, Caller::Anonymous, method.clone(), &path, Some(json!({}))).await;
        assert_eq!(status, 401, "{method} {path}");
    }
}

#[tokio::test]
async fn bad_input_is_told_where_it_is_bad() {
    let site = Site::allowing(&[]).await;
    site.dns.leads_to("93.184.215.14");
    let with = |change: Value| {
        let mut body = json!({ "url": "https://example.org/", "types": ["*"] });
        body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        body
    };
    for (change, status) in [
        (json!({}), 201),
        (json!({ "url": "https://10.0.0.1/" }), 400),
        (json!({ "url": "ftp://example.org" }), 400),
        (json!({ "url": "https://a:b@example.org/" }), 400),
        (json!({ "url": "" }), 400),
        (json!({ "types": [] }), 400),
        (json!({ "types": ["a b"] }), 400),
        (json!({ "types": vec!["a"; 51] }), 400),
        (json!({ "types": "all" }), 422),
        (json!({ "description": "x".repeat(501) }), 400),
        (json!({ "per_minute": 0 }), 400),
        (json!({ "per_minute": 60_001 }), 400),
        (json!({ "per_minute": 4_000_000_000_u32 }), 400),
        (json!({ "description": "a\u{0}b" }), 400),
        (json!({ "per_minute": -1 }), 422),
        (json!({ "signature": "v2" }), 422),
        (json!({ "surprise": true }), 422),
    ] {
        let (got, body) = post(&site, "/api/v1/endpoints", Some(with(change.clone()))).await;
        assert_eq!(got.as_u16(), status, "{change}: {body}");
    }
    let (id, _) = site
        .endpoints
        .create(crate::support::asking("https://example.org/", &["*"]))
        .await
        .map(|(e, s)| (e.id, s))
        .expect("created");
    let one = format!("/api/v1/endpoints/{id}");
    for (path, body, status) in [
        (format!("{one}/rotate"), json!({ "overlap_s": 2_592_001 }), 400),
        (format!("{one}/recover"), json!({}), 422),
        (format!("{one}/messages/9/resend"), json!({}), 404),
        ("/api/v1/endpoints/ep_none/enable".to_owned(), json!({}), 404),
        ("/api/v1/endpoints/ep_none/test".to_owned(), json!({}), 404),
        ("/api/v1/endpoints/ep_none/recover".to_owned(), json!({ "since_ms": 0 }), 404),
    ] {
        let (got, answer) = post(&site, &path, Some(body)).await;
        assert_eq!(got.as_u16(), status, "{path}: {answer}");
    }
}
