//! Nobody without the secret gets in.

use axum::http::{HeaderMap, HeaderName, StatusCode};
use kernel::Secret;
use proptest::prelude::*;
use webhooks::{Message, sources, verify};

use crate::support::{Bed, Delivery, PUSH, SECRET, github_signature};

#[tokio::test]
async fn a_missing_or_wrong_signature_is_401_and_recorded_with_what_was_compared() {
    let bed = Bed::new().await;
    let right = github_signature(SECRET, PUSH.as_bytes());
    let wrong = format!("sha256={}", "0123456789abcdef".repeat(4));
    for (signature, reason, received, expected) in [
        (None, "There is no signature", None, None),
        (Some("sha1=0123456789012345678901234567890123456789"), "not of the form", Some("sha1=0123456789"), None),
        (Some("sha256="), "not of the form", Some("sha256="), None),
        (Some(wrong.as_str()), "does not match", Some("sha256=01234567"), Some(&right[..15])),
    ] {
        let mut delivery = Delivery::unsigned("d-1", PUSH);
        if let Some(signature) = signature {
            delivery = delivery.header("x-hub-signature-256", signature);
        }
        let answer = bed.send(delivery).await;
        assert_eq!((answer.status.as_u16(), answer.body["code"].as_str()), (401, Some("verification_failed")));
        assert!(answer.body["detail"].as_str().expect("a detail").contains(reason), "{}", answer.text);
        assert!(expected.is_none_or(|expected| !answer.text.contains(&expected[7..])), "no help for the forger");
        let detail = bed.last_detail().await;
        assert_eq!((detail["cause"].as_str(), detail["status"].as_i64()), (Some("VERIFICATION_FAILED"), Some(401)));
        assert_eq!(detail["signature"]["received"].as_str(), received);
        assert_eq!(detail["signature"]["expected"].as_str(), expected);
        assert_eq!((detail["body"].as_str(), detail["size_bytes"].as_u64()), (Some(PUSH), Some(PUSH.len() as u64)));
    }
    let twice = Delivery::signed("d-1", PUSH).also("x-hub-signature-256", right);
    assert_eq!(bed.send(twice).await.status, 401, "of two signatures none is believed");
    assert_eq!(bed.events_count().await, 0);
}

#[tokio::test]
async fn a_long_refused_body_is_cut_where_it_is_kept() {
    let bed = Bed::new().await;
    let body = "x".repeat(100_000);
    assert_eq!(bed.send(Delivery::unsigned("d-1", body)).await.status, 401);
    let detail = bed.last_detail().await;
    assert_eq!(detail["body"].as_str().map(str::len), Some(kernel::limits::REJECTED_BODY_BYTES));
    assert_eq!((detail["body_truncated"].as_bool(), detail["size_bytes"].as_i64()), (Some(true), Some(100_000)));
    assert_eq!(bed.number("SELECT octet_length(body) FROM deliveries").await, 64 * 1024);
}

#[test]
fn while_a_secret_is_changed_the_old_and_the_new_one_are_believed() {
    let source = sources::find("github").expect("built in");
    let secrets = ["the new secret 123", "the old secret 123"].map(Secret::new);
    let active: Vec<_> = secrets.iter().collect();
    let tried = |secrets: &[&Secret], by: &str| {
        let headers = signed_by(by);
        verify(source, secrets, Message { headers: &headers, body: b"body" }, 0).map(|verified| verified.secret)
    };
    assert_eq!((tried(&active, "the new secret 123"), tried(&active, "the old secret 123")), (Ok(0), Ok(1)));
    let refused = tried(&active, "another secret 123").expect_err("refused");
    let newest = github_signature("the new secret 123", b"body");
    assert_eq!(refused.expected.as_deref(), Some(&newest[..15]), "the newest is what the sender should use");
    assert!(tried(&active[..1], "the old secret 123").is_err(), "a secret that ended is none");
    assert!(tried(&[], "the new secret 123").is_err());
}

fn signed_by(secret: &str) -> HeaderMap {
    let value = github_signature(secret, b"body").parse().expect("a value");
    HeaderMap::from_iter([(HeaderName::from_static("x-hub-signature-256"), value)])
}

fn header_bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    let visible = prop_oneof![8 => 0x20..0x7fu8, 1 => Just(b'\t'), 2 => 0x80..=0xffu8];
    prop::collection::vec(visible, 0..most)
}

fn signature() -> impl Strategy<Value = Option<Vec<u8>>> {
    let hex = "sha256=[0-9a-fA-F]{64}".prop_map(String::into_bytes);
    prop_oneof![Just(None), header_bytes(100).prop_map(Some), hex.prop_map(Some)]
}

#[derive(Clone, Debug)]
struct Garbage {
    body: Vec<u8>,
    signature: Option<Vec<u8>>,
    kind: Option<Vec<u8>>,
    event: Option<Vec<u8>>,
    id: Option<Vec<u8>>,
}

fn garbage() -> impl Strategy<Value = Garbage> {
    let json = "\\{\"[a-z]{1,5}\":(1|\"x\"|\\[\\])\\}".prop_map(String::into_bytes);
    let body = prop_oneof![prop::collection::vec(any::<u8>(), 0..300), json];
    let kinds = vec!["application/json", "application/x-www-form-urlencoded", "application/json; charset=utf-8"];
    let kind = prop_oneof![4 => prop::sample::select(kinds).prop_map(|kind| Some(kind.as_bytes().to_vec())), 1 => prop::option::of(header_bytes(60))];
    (body, signature(), kind, prop::option::of(header_bytes(80)), prop::option::of(header_bytes(250)))
        .prop_map(|(body, signature, kind, event, id)| Garbage { body, signature, kind, event, id })
}

fn delivery(garbage: &Garbage) -> Delivery {
    let mut delivery = Delivery { source: "github", headers: vec![], body: garbage.body.clone().into() };
    let headers = [
        ("x-hub-signature-256", &garbage.signature),
        ("content-type", &garbage.kind),
        ("x-github-event", &garbage.event),
        ("x-github-delivery", &garbage.id),
    ];
    for (name, value) in headers {
        if let Some(value) = value {
            delivery = delivery.header(name, value.clone());
        }
    }
    delivery
}

/// Any bytes in any header and body: an answer, never a success without the right signature, never one of ours failing.
#[test]
fn garbage_is_answered_and_never_believed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let bed = runtime.block_on(Bed::new());
    proptest!(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }, |(garbage in garbage())| {
        let right = github_signature(SECRET, &garbage.body);
        prop_assume!(garbage.signature.as_deref() != Some(right.as_bytes()));
        let answer = runtime.block_on(bed.send(delivery(&garbage)));
        prop_assert!(answer.status.is_client_error(), "{}: {}", answer.status, answer.text);
        // With the right one it may be no event, but it is never a failure of ours.
        let signed = Garbage { signature: Some(right.into_bytes()), ..garbage };
        let answer = runtime.block_on(bed.send(delivery(&signed)));
        prop_assert!(answer.status == StatusCode::OK || answer.status.is_client_error(), "{}: {}", answer.status, answer.text);
        prop_assert_ne!(answer.status, StatusCode::UNAUTHORIZED);
        bed.clock.advance(100);
    });
    let wrong = "SELECT COUNT(*) FROM deliveries WHERE verdict = 'accepted' AND event_position IS NULL";
    assert_eq!(runtime.block_on(bed.number(wrong)), 0);
}
