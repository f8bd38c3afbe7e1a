//! What real refusals become.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{Form, FromRequest, Path, Query};
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http_body_util::BodyExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt;

use super::problem;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it is only read into")]
pub(super) struct Room {
    name: String,
    kind: Option<Kind>,
    people: Vec<Guest>,
    limit: Option<u16>,
    open: Option<bool>,
    weight: Option<i64>,
    marks: Option<BTreeMap<String, Mark>>,
    of: Option<Of>,
    then: Option<Then>,
    pair: Option<(u8, u8)>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Group,
    Direct,
    Closed,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "it is only read into")]
pub(super) struct Guest {
    id: u32,
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "it is only read into")]
pub(super) struct Mark {
    at: i64,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is only read into")]
pub(super) enum Of {
    Number(i64),
    Text(String),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
#[expect(dead_code, reason = "it is only read into")]
pub(super) enum Then {
    Wait { ms: u64 },
    Leave { why: String },
}

#[derive(Debug, Deserialize)]
#[expect(dead_code, reason = "it is only read into")]
pub(super) struct Listed {
    limit: Option<usize>,
    open: Option<bool>,
    kind: Option<Kind>,
    share: Option<f64>,
    after: i64,
}

/// What a client is told of this refusal.
pub(super) async fn told(refused: Response, route: &str) -> String {
    let status = refused.status();
    let text = refused.into_body().collect().await.expect("a text").to_bytes();
    let text = std::str::from_utf8(&text).expect("a text");
    let problem = problem(status, text, route).unwrap_or_else(|| panic!("{text}"));
    assert_eq!((problem.status(), problem.code()), (status, "bad_request"));
    let whole = problem.respond(None).into_body().collect().await.expect("a body").to_bytes();
    let whole: Value = serde_json::from_slice(&whole).expect("a problem");
    let detail = problem.detail();
    assert!(detail.chars().count() <= 300, "{detail}");
    let told = detail.strip_suffix(". The reference is at /docs.").expect("where to look");
    match &whole["errors"][0]["pointer"] {
        Value::String(at) => format!("{told} | {at}"),
        _ => told.to_owned(),
    }
}

fn posted(kind: Option<&str>, body: impl Into<Body>) -> Request<Body> {
    let request = kind.into_iter().fold(Request::post("/"), |request, kind| request.header("content-type", kind));
    request.body(body.into()).expect("a request")
}

pub(super) async fn json_of<T: DeserializeOwned>(body: impl Into<Body>) -> Option<String> {
    let refused = Json::<T>::from_request(posted(Some("application/json"), body), &()).await.err()?;
    Some(told(refused.into_response(), "none").await)
}

#[tokio::test]
async fn a_body_is_refused_by_its_field() {
    for (body, expected) in [
        (r#"{"name":"Room","kind":"group"}"#, "`people` is missing (line 1, column 30) | /people"),
        (r#"{"name":5,"people":[]}"#, "`name` must be a string, not a number (line 1, column 9) | /name"),
        (r#"{"name":"a","people":"hunter2"}"#, "`people` must be an array, not a string (line 1, column 30) | /people"),
        (r#"{"name":"a","people":[{"id":1},{}]}"#, "`people[1].id` is missing (line 1, column 33) | /people/1/id"),
        (
            r#"{"name":"a","people":[{"id":-1}]}"#,
            "`people[0].id` must be a whole number from 0 to 4294967295 (line 1, column 30) | /people/0/id",
        ),
        (
            r#"{"name":"a","people":[],"limit":70000}"#,
            "`limit` must be a whole number from 0 to 65535 (line 1, column 37) | /limit",
        ),
        (
            r#"{"name":"a","people":[],"open":"yes"}"#,
            "`open` must be a boolean, not a string (line 1, column 36) | /open",
        ),
        (
            r#"{"name":"a","people":[],"weight":1.5}"#,
            "`weight` must be a whole number, not a decimal number (line 1, column 36) | /weight",
        ),
        (r#"{"name":"a","people":null}"#, "`people` must be an array, not null (line 1, column 25) | /people"),
        (
            r#"{"name":"a","people":[],"kind":"hunter2"}"#,
            "`kind` must be one of `group`, `direct`, `closed` (line 1, column 40) | /kind",
        ),
        (r#"{"name":"a","kind":5}"#, "another value is expected at `kind` (line 1, column 20)"),
        (
            r#"{"nmae":"a"}"#,
            "`nmae` is unknown: expected one of `name`, `kind`, `people`, `limit`, `open`, `weight`, `marks`, `of`, `then`, `pair` (line 1, column 7) | /nmae",
        ),
        (
            r#"{"my password":"a"}"#,
            "a field is unknown: expected one of `name`, `kind`, `people`, `limit`, `open`, `weight`, `marks`, `of`, `then`, `pair` (line 1, column 14)",
        ),
        (r#"{"name":"a","name":"b"}"#, "`name` comes twice (line 1, column 18) | /name"),
        (
            r#"{"name":"a","people":[],"marks":{"a-1":{"at":"hunter2"}}}"#,
            "`marks.a-1.at` must be a whole number, not a string (line 1, column 54) | /marks/a-1/at",
        ),
        (
            r#"{"name":"a","people":[],"marks":{"my secret":{"at":""}}}"#,
            "it is not of the form that this address takes (line 1, column 53)",
        ),
        (
            r#"{"name":"a","people":[],"of":[]}"#,
            "`of` has none of the forms that it may have (line 1, column 32) | /of",
        ),
        (
            r#"{"name":"a","people":[],"then":{"do":"sing"}}"#,
            "`then.do` must be `wait` or `leave` (line 1, column 43) | /then/do",
        ),
        (r#"{"name":"a","people":[],"pair":[1]}"#, "`pair` must be an array (line 1, column 34) | /pair"),
        (r#"[1,2]"#, "`[0]` must be a string, not a number (line 1, column 2) | /0"),
        (r#""hunter2""#, "it must be an object, not a string (line 1, column 9)"),
    ] {
        let told = json_of::<Room>(body).await.unwrap_or_else(|| panic!("taken: {body}"));
        assert_eq!(told, format!("The body does not fit: {expected}"), "{body}");
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused_by_its_place() {
    let deep = "[".repeat(200);
    for (body, expected) in [
        (&br#"{"name":"hunter2","#[..], "The body is not JSON: it ends too early (line 1, column 18)"),
        (br#"{"name":"hunter2"#, "The body is not JSON: it ends too early at `name` (line 1, column 16)"),
        (b"", "The body is empty: JSON is expected"),
        (b"{\n \"name\" \"hunter2\"}", "The body is not JSON: `:` is expected (line 2, column 9)"),
        (br#"{"name":hunter2}"#, "The body does not fit: another value is expected at `name` (line 1, column 9)"),
        (br#"{"name":"a" "kind":1}"#, "The body is not JSON: `,` or `}` is expected (line 1, column 13)"),
        (b"{name:1}", "The body is not JSON: a name is a string in quotes (line 1, column 2)"),
        (
            b"{\"name\":\"\xff\xfe\"}",
            "The body is not JSON: a string is not UTF-8, or escapes what is no character at `name` (line 1, column 10)",
        ),
        (b"name=hunter2&kind=5", "The body is not JSON: `true`, `false` or `null` is expected (line 1, column 2)"),
        (deep.as_bytes(), "The body does not fit: `[0]` must be a string, not an array (line 1, column 1) | /0"),
    ] {
        let told = json_of::<Room>(body.to_vec()).await.expect("refused");
        assert_eq!(told, expected, "{}", String::from_utf8_lossy(body));
    }
    let told = json_of::<Value>(deep).await.expect("refused");
    assert_eq!(told, "The body is not JSON: it is nested too deeply (line 1, column 128)");
    let behind = json_of::<Kind>("\"group\" hunter2").await.expect("refused");
    assert_eq!(behind, "The body is not JSON: something follows behind it (line 1, column 9)");
}

#[tokio::test]
async fn a_body_is_refused_that_cannot_be_read() {
    let refused = async |request| {
        told(Json::<Room>::from_request(request, &()).await.expect_err("refused").into_response(), "none").await
    };
    for kind in [None, Some("text/plain"), Some("json"), Some("application/x-www-form-urlencoded")] {
        assert_eq!(refused(posted(kind, "{}")).await, "Send the body as `Content-Type: application/json`");
    }
    let long = posted(Some("application/json"), "\"hunter2\"".repeat(300_000));
    assert_eq!(refused(long).await, "The body is longer than this address takes");
    let broken = futures_util::stream::iter([Ok("{"), Err(std::io::Error::other("hunter2"))]);
    let broken = posted(Some("application/json"), Body::from_stream(broken));
    assert_eq!(refused(broken).await, "The body did not arrive whole");
    let bytes = String::from_request(posted(None, &b"\xff"[..]), &()).await.expect_err("refused");
    assert_eq!(told(bytes.into_response(), "none").await, "The body is not UTF-8");

    let form = async |kind, body| {
        let refused = Form::<Listed>::from_request(posted(kind, body), &()).await.expect_err("refused");
        told(refused.into_response(), "none").await
    };
    let kind = Some("application/x-www-form-urlencoded");
    assert_eq!(form(None, "after=1").await, "Send the body as `Content-Type: application/x-www-form-urlencoded`");
    assert_eq!(form(kind, "").await, "The form does not fit: `after` is missing | after");
    assert_eq!(form(kind, "after=hunter2").await, "The form does not fit: `after` must be a whole number | after");
    let got = Request::get("/?limit=5").body(Body::empty()).expect("a request");
    let got = Form::<Listed>::from_request(got, &()).await.expect_err("refused");
    assert_eq!(told(got.into_response(), "none").await, "The form does not fit: `after` is missing | after");
}

#[tokio::test]
async fn a_query_is_refused_by_its_parameter() {
    for (query, expected) in [
        ("after=1&limit=ten", "`limit` must be a whole number | limit"),
        ("after=1&limit=", "`limit` must be a whole number, not empty | limit"),
        ("after=1&limit=-1", "`limit` must be a whole number | limit"),
        ("after=99999999999999999999", "`after` is too large a number | after"),
        ("after=1&open=yes", "`open` must be `true` or `false` | open"),
        ("after=1&share=half", "`share` must be a number | share"),
        ("after=1&kind=hunter2", "`kind` must be one of `group`, `direct`, `closed` | kind"),
        ("after=1&after=2", "`after` comes twice | after"),
        ("limit=1", "`after` is missing | after"),
        ("after=%ff", "`after` must be a whole number | after"),
    ] {
        let uri = format!("/?{query}").parse().expect("an address");
        let refused = Query::<Listed>::try_from_uri(&uri).expect_err("refused");
        assert_eq!(
            told(refused.into_response(), "none").await,
            format!("The query does not fit: {expected}"),
            "{query}"
        );
    }
}

#[tokio::test]
async fn an_address_is_refused_by_its_part() {
    const TWO: &str = "/two/{room}/{count}";
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is only read into")]
    struct Named {
        room: String,
        count: u8,
    }
    let router = Router::new()
        .route("/one/{id}", get(async |_: Path<i64>| ()))
        .route("/text/{id}", get(async |_: Path<String>| ()))
        .route("/kind/{kind}", get(async |_: Path<Kind>| ()))
        .route(TWO, get(async |_: Path<(String, u32)>| ()))
        .route("/named/{room}/{count}", get(async |_: Path<Named>| ()));
    for (path, route, expected) in [
        ("/one/hunter2", "/one/{id}", "`id` must be a whole number | id"),
        ("/one/id%60%20with%20value%20%60hunter2", "/one/{id}", "`id` must be a whole number | id"),
        ("/text/%ff", "/text/{id}", "`id` is not UTF-8 | id"),
        ("/kind/hunter2", "/kind/{kind}", "`kind` is not of its form | kind"),
        ("/two/a/hunter2", TWO, "`count` must be a whole number from 0 to 4294967295 | count"),
        ("/named/a/300", "/named/{room}/{count}", "`count` must be a whole number from 0 to 255 | count"),
        ("/two/a/hunter2", "none", "it is not of the form that this address takes"),
    ] {
        let request = Request::get(path).body(Body::empty()).expect("a request");
        let refused = router.clone().oneshot(request).await.expect("answered");
        assert_eq!(told(refused, route).await, format!("The address does not fit: {expected}"), "{path}");
    }
}

/// The framework may say it otherwise one day: then it is said as before.
#[test]
fn a_text_that_is_not_known_is_not_told() {
    for text in ["", "hunter2", "Failed to deserialize hunter2", "Expected hunter2"] {
        assert!(problem(axum::http::StatusCode::BAD_REQUEST, text, "none").is_none(), "{text}");
    }
}
