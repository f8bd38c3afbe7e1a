//! The routes, as the console calls them.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use identity::Caller;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::Site;

async fn call(site: &Site, caller: Caller, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    let (router, _) = slo::routes(site.slo.clone()).split_for_parts();
    let request = Request::builder().method(method).uri(path).header("x-mainspring-console", "1");
    let request = request.header("content-type", "application/json").extension(caller);
    let request = request.body(Body::from(body.to_string())).expect("a request");
    let response = router.oneshot(request).await.expect("answered");
    let status = response.status();
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

async fn admin(site: &Site, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
    call(site, Caller::Admin, method, path, body).await
}

#[tokio::test]
async fn objectives_are_shown_with_their_budget_and_burn() {
    let site = Site::new().await;
    site.minute(9_998, 2).await;
    let (status, shown) = admin(&site, Method::GET, "/api/v1/slo", Value::Null).await;
    assert_eq!(status, StatusCode::OK);
    let api = &shown["items"][0];
    assert_eq!(
        (&api["name"], &api["percent"], &api["window_days"]),
        (&json!("api_availability"), &json!(99.9), &json!(30))
    );
    // Ten of 10,000 are allowed.
    assert_eq!((&api["bad"], &api["total"], &api["budget_left"]), (&json!(2), &json!(10_000), &json!(0.8)));
    assert_eq!(api["days"].as_array().map(Vec::len), Some(30));
    assert_eq!(api["burns"][0], json!({ "minutes": 5, "burn": 0.2, "bad": 2, "total": 10_000 }));
    assert_eq!(shown["items"].as_array().map(Vec::len), Some(slo::objective::ALL.len()));
}

#[tokio::test]
async fn alerts_are_listed_acknowledged_once_and_silenced() {
    let site = Site::new().await;
    site.minute(80, 20).await;
    let (_, page) = admin(&site, Method::GET, "/api/v1/alerts?limit=1", Value::Null).await;
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
    let next = page["next"].as_str().expect("more");
    let (_, rest) = admin(&site, Method::GET, &format!("/api/v1/alerts?before={next}"), Value::Null).await;
    assert_eq!((&rest["items"][0]["severity"], &rest["next"]), (&json!("page"), &Value::Null));

    let path = format!("/api/v1/alerts/{}/acknowledge", rest["items"][0]["id"].as_str().expect("a number"));
    let (status, alert) = admin(&site, Method::POST, &path, Value::Null).await;
    assert_eq!((status, &alert["state"]), (StatusCode::OK, &json!("acknowledged")));
    let (status, problem) = admin(&site, Method::POST, &path, Value::Null).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("alert_not_open")));
    assert_eq!(
        admin(&site, Method::POST, "/api/v1/alerts/999/acknowledge", Value::Null).await.0,
        StatusCode::NOT_FOUND
    );

    let until = site.clock.now_ms() + 3_600_000;
    let silence = |name: &str| format!("/api/v1/slo/{name}/silence");
    let body = json!({ "until_ms": until });
    assert_eq!(admin(&site, Method::PUT, &silence("api_availability"), body.clone()).await.0, StatusCode::NO_CONTENT);
    let (_, shown) = admin(&site, Method::GET, "/api/v1/slo", Value::Null).await;
    assert_eq!(shown["items"][0]["silenced_until_ms"], json!(until));
    assert_eq!(admin(&site, Method::PUT, &silence("nonsense"), body).await.0, StatusCode::NOT_FOUND);
    for bad in [json!({ "until_ms": -1 }), json!({ "until_ms": i64::MAX })] {
        let (status, problem) = admin(&site, Method::PUT, &silence("api_availability"), bad).await;
        assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_silence")));
    }
    assert_eq!(
        admin(&site, Method::PUT, &silence("api_availability"), json!({ "until_ms": 0 })).await.0,
        StatusCode::NO_CONTENT
    );
    let (_, shown) = admin(&site, Method::GET, "/api/v1/slo", Value::Null).await;
    assert_eq!(shown["items"][0]["silenced_until_ms"], Value::Null);
}

#[tokio::test]
async fn nobody_else_sees_or_changes_anything() {
    let site = Site::new().await;
    site.minute(80, 20).await;
    for (method, path) in [
        (Method::GET, "/api/v1/slo"),
        (Method::GET, "/api/v1/alerts"),
        (Method::POST, "/api/v1/alerts/1/acknowledge"),
        (Method::PUT, "/api/v1/slo/api_availability/silence"),
    ] {
        let (status, _) = call(&site, Caller::Anonymous, method, path, json!({ "until_ms": 0 })).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
}
