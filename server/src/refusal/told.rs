//! What clients of the whole server are told, through every door.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use identity::people::{Actor, NewPerson, Role};
use identity::{NewKey, Scope};
use kernel::{Secret, limits};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::doors::tests::House;

struct Client {
    house: House,
    /// Sent with every request.
    headers: Vec<(&'static str, String)>,
}

impl Client {
    /// Somebody who is signed in.
    async fn new() -> Self {
        let house = House::new().await;
        let new = NewPerson { name: "Ada".into(), email: "ada@example.com".into(), role: Role::Member };
        let password = Secret::new("correct horse");
        house.machine.identity.make_person(Actor::Admin, &new, &password).await.expect("made");
        let mut client = Self { house, headers: vec![("x-mainspring-console", "1".into())] };
        let body = json!({ "email": "ada@example.com", "password": "correct horse" });
        let (status, headers, _) = client.post("/api/v1/session", body.to_string()).await;
        assert_eq!(status, StatusCode::OK);
        let cookies = headers.get_all("set-cookie").iter().filter_map(|it| it.to_str().ok()?.split(';').next());
        client.headers.push(("cookie", cookies.collect::<Vec<_>>().join("; ")));
        client
    }

    async fn send(&self, request: axum::http::request::Builder, body: Body) -> (StatusCode, HeaderMap, Value) {
        let all = |request, (name, value): &(&str, String)| axum::http::request::Builder::header(request, *name, value);
        let request = self.headers.iter().fold(request, all).header("x-request-id", "told-where-it-is");
        let response = self.house.router.clone().oneshot(request.body(body).expect("a request")).await;
        let (parts, body) = response.expect("answered").into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        (parts.status, parts.headers, serde_json::from_slice(&body).unwrap_or_default())
    }

    async fn post(&self, path: &str, body: impl Into<Body>) -> (StatusCode, HeaderMap, Value) {
        self.send(Request::post(path).header("content-type", "application/json"), body.into()).await
    }

    /// The status and the detail of what is refused, whose form is as it always is.
    async fn refused(&self, request: axum::http::request::Builder, body: impl Into<Body>) -> (u16, String) {
        let (status, headers, problem) = self.send(request, body.into()).await;
        assert_eq!(
            (&headers["content-type"], &problem["status"]),
            (&"application/problem+json".parse().expect("one"), &json!(status.as_u16()))
        );
        let named = (&problem["request_id"], &problem["code"], headers["x-request-id"].as_bytes());
        assert_eq!(named, (&json!("told-where-it-is"), &json!("bad_request"), &b"told-where-it-is"[..]));
        assert!(!problem.to_string().contains("hunter2") && !problem.to_string().contains("12345678"), "{problem}");
        let detail = problem["detail"].as_str().expect("words");
        (status.as_u16(), detail.strip_suffix(". The reference is at /docs.").expect("where to look").to_owned())
    }
}

fn json_to(path: &str) -> axum::http::request::Builder {
    Request::post(path).header("content-type", "application/json; charset=utf-8")
}

#[tokio::test]
async fn a_refusal_says_what_is_wrong() {
    const ROOMS: &str = "/api/v1/chat/rooms";
    const SESSION: &str = "/api/v1/session";
    let client = Client::new().await;
    for (path, body, status, expected) in [
        (ROOMS, r#"{"name":"Room"}"#, 422, "The body does not fit: `people` is missing (line 1, column 15)"),
        (
            ROOMS,
            r#"{"name":"Room","people":"hunter2"}"#,
            422,
            "The body does not fit: `people` must be an array, not a string (line 1, column 33)",
        ),
        (
            SESSION,
            r#"{"email":"a@b.c","password":12345678}"#,
            422,
            "The body does not fit: `password` must be a string, not a number (line 1, column 36)",
        ),
        (
            SESSION,
            r#"{"email":"a@b.c","pasword":"hunter2"}"#,
            422,
            "The body does not fit: `pasword` is unknown: expected `email` or `password` (line 1, column 26)",
        ),
        (
            SESSION,
            r#"{"email":"a@b.c","password":"hunter2"#,
            400,
            "The body is not JSON: it ends too early at `password` (line 1, column 36)",
        ),
        (SESSION, "", 400, "The body is empty: JSON is expected"),
    ] {
        let told = client.refused(json_to(path), body).await;
        assert_eq!(told, (status, expected.to_owned()), "{path} {body}");
    }
    let told = client.refused(json_to(SESSION), &b"{\"email\":\"\xff\"}"[..]).await;
    let expected =
        "The body is not JSON: a string is not UTF-8, or escapes what is no character at `email` (line 1, column 11)";
    assert_eq!(told, (400, expected.to_owned()));
    let told = client.refused(Request::post(ROOMS), "{}").await;
    assert_eq!(told, (415, "Send the body as `Content-Type: application/json`".to_owned()));
    let told = client.refused(json_to(ROOMS), "hunter2 ".repeat(400_000)).await;
    assert_eq!(told, (413, "The body is longer than this address takes".to_owned()));
    let told = client.refused(Request::get("/api/v1/chat/rooms?limit=hunter2"), "").await;
    assert_eq!(told, (400, "The query does not fit: `limit` must be a whole number".to_owned()));
    let told = client.refused(Request::delete("/api/v1/me/sessions/hunter2"), "").await;
    assert_eq!(told, (400, "The address does not fit: `id` must be a whole number".to_owned()));

    // A text that quotes more than is read says less, and is no longer.
    let long = json!({ "name": "hunter2".repeat(200_000), "people": 5 }).to_string();
    let (status, detail) = client.refused(json_to(ROOMS), long).await;
    assert_eq!(
        (status, detail.as_str()),
        (422, "The body does not fit: `people` must be an array, not a number (line 1, column 1400021)")
    );
    let (status, detail) =
        client.refused(json_to(ROOMS), json!({ "name": "a", "people": "hunter2".repeat(200_000) }).to_string()).await;
    assert_eq!((status, detail.as_str()), (422, "A parameter or the body is not of the form that this address takes"));

    // What was told before is told as before.
    let (status, headers, problem) = client.send(Request::post("/api/v1/session/none"), Body::empty()).await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("not_found")), "{headers:?}");
    let (status, headers, problem) =
        client.send(Request::builder().method(Method::PUT).uri(ROOMS), Body::empty()).await;
    assert_eq!((status, &problem["code"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("method_not_allowed")));
    assert_eq!(headers["allow"], "GET,HEAD,POST");
}

/// A request that is sent again under its key is refused again as it was, whoever refused it.
#[tokio::test]
async fn a_refusal_is_told_again_as_it_was_told() {
    let client = Client { house: House::new().await, headers: Vec::new() };
    let new = NewKey { name: "x".into(), scopes: vec![Scope::JobsEnqueue], expires_at_ms: None };
    let (_, token) = client.house.machine.identity.make_key(Actor::Admin, &new).await.expect("made");
    let long = "x".repeat(limits::JOB_NAME_BYTES + 1);
    for (key, body, code) in
        [("one", json!({ "kind": long }), "job_invalid"), ("two", json!({ "kind": 5 }), "bad_request")]
    {
        let send = async |id: &str| {
            let request = json_to("/api/v1/jobs").header("authorization", format!("Bearer {}", token.expose()));
            let request = request.header("idempotency-key", key).header("x-request-id", id);
            let response =
                client.house.router.clone().oneshot(request.body(Body::from(body.to_string())).expect("one"));
            let (parts, body) = response.await.expect("answered").into_parts();
            let body = body.collect().await.expect("a body").to_bytes();
            (parts, serde_json::from_slice::<Value>(&body).expect("JSON"))
        };
        let (first, mut told) = send("first-request").await;
        assert_eq!((&told["code"], &told["request_id"]), (&json!(code), &json!("first-request")), "{told}");
        let (second, again) = send("second-request").await;
        told["request_id"] = json!("second-request");
        assert_eq!((second.status, &again), (first.status, &told));
        for name in ["content-type", "cache-control"] {
            assert_eq!(first.headers.get(name), second.headers.get(name), "{name}");
        }
        assert!(!first.headers.contains_key("idempotency-replayed"));
        assert_eq!(second.headers["idempotency-replayed"], "true");
    }
}
