//! Sources at run time, for administrators: made, changed, given new secrets, removed.

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};

use crate::support::{Bed, Delivery, PUSH, call};

const DAY_MS: i64 = 86_400_000;

#[tokio::test]
async fn the_previous_secret_counts_until_its_instant_and_not_after() {
    let bed = Bed::new().await;
    let made = bed.source(json!({"name": "ours", "sender": "generic"})).await;
    let old = made["secret"].as_str().expect("a secret").to_owned();
    let signed = |secret: &str, body: &'static str| {
        let (secret, now_ms) = (kernel::Secret::new(secret), bed.clock.now_ms());
        let draft = webhooks::Draft { id: "", kind: "", now_ms, body: body.as_bytes() };
        (webhooks::sign(webhooks::sources::find("generic").expect("known"), &secret, &draft).expect("signed"), body)
    };
    let rotated = bed.change("POST", "/sources/ours/rotate", &json!({"overlap_s": 60})).await;
    assert_eq!((rotated.status.as_u16(), rotated.headers["cache-control"].to_str().ok()), (200, Some("no-store")));
    let new = rotated.body["secret"].as_str().expect("a secret").to_owned();
    assert_ne!(new, old);
    let until_ms = rotated.body["previous_until_ms"].as_i64().expect("an instant");
    assert_eq!(until_ms, bed.clock.now_ms() + 60_000);
    bed.clock.advance(59_999);
    for (secret, body) in [(&old, r#"{"n":1}"#), (&new, r#"{"n":2}"#)] {
        let (headers, body) = signed(secret, body);
        assert_eq!(bed.post("/in/ours", headers, body).await.status, 200);
    }
    bed.clock.advance(1);
    let (headers, body) = signed(&old, r#"{"n":3}"#);
    assert_eq!(bed.post("/in/ours", headers, body).await.status, 401);
    assert!(bed.last().await.hint.expect("a hint").contains("has ended"));
    let (headers, body) = signed(&new, r#"{"n":4}"#);
    assert_eq!(bed.post("/in/ours", headers, body).await.status, 200);
}

#[tokio::test]
async fn a_revoked_secret_is_refused_at_once() {
    let bed = Bed::new().await;
    let made = bed.source(json!({"name": "ours", "sender": "generic"})).await;
    bed.change("POST", "/sources/ours/rotate", &Value::Null).await;
    let listed = bed.get("/api/v1/webhooks/sources/ours").await.body;
    let secrets = listed["secrets"].as_array().expect("secrets");
    assert_eq!((secrets.len(), secrets[1]["active"].as_bool()), (2, Some(true)));
    let draft = webhooks::Draft { id: "", kind: "", now_ms: 0, body: b"{}" };
    let old = kernel::Secret::new(made["secret"].as_str().expect("a secret"));
    let headers = webhooks::sign(webhooks::sources::find("generic").expect("known"), &old, &draft).expect("signed");
    assert_eq!(bed.post("/in/ours", headers.clone(), "{}").await.status, 200);
    let id = secrets[1]["id"].as_i64().expect("an id");
    assert_eq!(bed.change("DELETE", &format!("/sources/ours/secrets/{id}"), &Value::Null).await.status, 204);
    assert_eq!(bed.post("/in/ours", headers, "{}").await.status, 401);
    assert_eq!(bed.change("DELETE", &format!("/sources/ours/secrets/{id}"), &Value::Null).await.status, 404);
}

#[tokio::test]
async fn a_source_that_is_off_or_gone_is_404_and_comes_back_as_it_was() {
    let bed = Bed::new().await;
    bed.source(json!({"name": "ours", "sender": "generic"})).await;
    assert_eq!(bed.send_to("ours", "", "", "{}").await.status, 200);
    let off = bed.change("PATCH", "/sources/ours", &json!({"enabled": false})).await;
    assert_eq!((off.status.as_u16(), off.body["enabled"].as_bool()), (200, Some(false)));
    assert_eq!(bed.send_to("ours", "", "", "{\"n\":1}").await.status, 404);
    assert_eq!(bed.last().await.cause.as_deref(), Some("SOURCE_DISABLED"));
    bed.change("PATCH", "/sources/ours", &json!({"enabled": true})).await;
    assert_eq!(bed.send_to("ours", "", "", "{\"n\":1}").await.status, 200);
    assert_eq!(bed.change("DELETE", "/sources/ours", &Value::Null).await.status, 204);
    assert_eq!(bed.post("/in/ours", HeaderMap::new(), "{}").await.status, 404);
    assert_eq!(bed.change("DELETE", "/sources/ours", &Value::Null).await.status, 404);
    assert_eq!(bed.events_count().await, 2, "its events stay");
}

#[tokio::test]
async fn a_secret_address_is_the_only_one_and_can_be_changed() {
    let bed = Bed::new().await;
    let made = bed.source(json!({"name": "railway", "sender": "railway"})).await;
    let path = made["path"].as_str().expect("a path").to_owned();
    assert!(path.len() >= "/in/railway/".len() + 32 && made["secret"].is_null(), "128 random bits at least: {path}");
    let body = json!({"type":"Deployment.failed","timestamp":"2023-11-14T22:13:20Z","details":{}}).to_string();
    let json_headers = || {
        HeaderMap::from_iter([("content-type".parse().expect("a name"), "application/json".parse().expect("a value"))])
    };
    assert_eq!(bed.post(&path, json_headers(), body.clone()).await.status, 200);
    for wrong in ["/in/railway", "/in/railway/00", &path[..path.len() - 1], &format!("{path}0")] {
        assert_eq!(bed.post(wrong, json_headers(), body.clone()).await.status, 404, "{wrong}");
    }
    let token = path.rsplit('/').next().expect("a token").to_owned();
    let listed = bed.get("/api/v1/webhooks/sources").await;
    assert!(!listed.text.contains(&token) && listed.text.contains("/in/railway/{token}"), "a list shows no secret");
    bed.change("PATCH", "/sources/railway", &json!({"new_address": true})).await;
    assert_eq!(bed.post(&path, json_headers(), body.clone()).await.status, 404);
    let revealed = bed.change("POST", "/sources/railway/secret", &Value::Null).await.body;
    let new = revealed["path"].as_str().expect("a path");
    assert_eq!(bed.post(new, json_headers(), body.replace("failed", "crashed")).await.status, 200);
}

#[tokio::test]
async fn a_generic_source_signs_as_its_operator_says() {
    let bed = Bed::new().await;
    let custom = json!({
        "algorithm": "hmac-sha512", "encoding": "base64", "header": "x-acme-sig", "prefix": "", "signed": "{x-acme-time}|{body}",
        "timestamp": {"at": "header:x-acme-time", "unit": "ms", "tolerance_s": 30},
        "id": "body:/uid", "event_type": "header:x-acme-event", "subject": "body:/who",
    });
    bed.source(json!({"name": "acme", "sender": "generic", "settings": {"custom": custom, "rate_per_second": 2}}))
        .await;
    let answer = bed.send_to("acme", "", "Thing.Made", r#"{"uid":"u-1","who":"Ann"}"#).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let row = bed.last().await;
    assert_eq!(
        (row.event_type.as_deref(), row.subject.as_deref(), row.delivery_id.as_deref()),
        (Some("webhook.thing.made"), Some("Ann"), Some("u-1"))
    );
    bed.send_to("acme", "", "a", r#"{"uid":"u-2"}"#).await;
    let over = bed.send_to("acme", "", "a", r#"{"uid":"u-3"}"#).await;
    assert_eq!((over.status.as_u16(), over.headers["retry-after"].to_str().ok()), (429, Some("1")));
    assert_eq!(bed.last().await.cause.as_deref(), Some("RATE_LIMITED"));
    bed.clock.advance(1000);
    assert_eq!(bed.send_to("acme", "", "a", r#"{"uid":"u-3"}"#).await.status, 200);
    let draft = webhooks::Draft { id: "", kind: "a", now_ms: bed.clock.now_ms() - 30_001, body: b"{}" };
    let stale = bed.post("/in/acme", bed.sources.sign("acme", &draft).expect("signed"), "{}").await;
    assert_eq!((stale.status.as_u16(), stale.body["code"].as_str()), (401, Some("stale_timestamp")));
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_field() {
    let bed = Bed::new().await;
    for (new, field) in [
        (json!({"name": "A", "sender": "generic"}), "/name"),
        (json!({"name": "x".repeat(41), "sender": "generic"}), "/name"),
        (json!({"name": "slack", "sender": "generic"}), "/name"),
        (json!({"name": "a", "sender": "nobody"}), "/sender"),
        (json!({"name": "a", "sender": "slack"}), "/secret"),
        (json!({"name": "a", "sender": "generic", "secret": "short"}), "/secret"),
        (json!({"name": "a", "sender": "discord", "secret": "00"}), "/secret"),
        (json!({"name": "a", "sender": "railway", "secret": "0123456789abcdef"}), "/secret"),
        (json!({"name": "a", "sender": "generic", "settings": {"body_bytes": 0}}), "/settings/body_bytes"),
        (json!({"name": "a", "sender": "generic", "settings": {"rate_per_second": 0}}), "/settings/rate_per_second"),
        (json!({"name": "a", "sender": "github", "settings": {"custom": {}}}), "/settings/custom"),
        (json!({"name": "a", "sender": "generic", "settings": {"custom": {"signed": "x"}}}), "/settings/custom/signed"),
    ] {
        let answer = bed.change("POST", "/sources", &new).await;
        assert_eq!(answer.status, 400, "{new}: {}", answer.text);
        assert_eq!(answer.body["errors"][0]["pointer"].as_str(), Some(field), "{}", answer.text);
    }
    bed.source(json!({"name": "a", "sender": "generic"})).await;
    assert_eq!(bed.change("POST", "/sources", &json!({"name": "a", "sender": "generic"})).await.status, 409);
    let given = bed.change("POST", "/sources/github/rotate", &Value::Null).await;
    assert_eq!((given.status.as_u16(), given.body["code"].as_str()), (409, Some("from_environment")));
    let overlap = bed.change("POST", "/sources/a/rotate", &json!({"overlap_s": -1})).await;
    assert_eq!(overlap.status, 400);
}

#[tokio::test]
async fn sources_and_their_secrets_survive_a_restart() {
    let bed = Bed::new().await;
    let made = bed.source(json!({"name": "ours", "sender": "generic", "settings": {"body_bytes": 10}})).await;
    bed.sources.reload().await.expect("read again");
    assert_eq!(bed.sources.secret("ours").expect("there").expose(), made["secret"].as_str().expect("a secret"));
    assert_eq!(bed.send_to("ours", "", "", r#"{"n":"0123456789"}"#).await.status, 413);
    bed.clock.advance(31 * DAY_MS);
    bed.webhooks.prune(DAY_MS).await.expect("pruned");
    assert_eq!(bed.send_to("ours", "", "", "{}").await.status, 200);
}

#[tokio::test]
async fn another_method_is_405_and_recorded() {
    let bed = Bed::new().await;
    let mut request = Request::put("/in/github").body(Body::empty()).expect("a request");
    let trace = kernel::TraceId::new(&kernel::Entropy::system());
    request.extensions_mut().insert(kernel::RequestInfo { request_id: "r".into(), trace });
    let answer = call(&bed.door, request).await;
    assert_eq!((answer.status.as_u16(), answer.headers["allow"].to_str().ok()), (405, Some("GET, HEAD, POST")));
    assert_eq!(bed.last().await.cause.as_deref(), Some("BAD_METHOD"));
    assert_eq!(bed.send(Delivery::signed("d-1", PUSH)).await.status, 200);
}
