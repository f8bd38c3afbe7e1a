//! Secrets: their signatures, and how they are changed over.

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use identity::Caller;
use kernel::Secret;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::api::{call, get};
use crate::support::{Does, Got, HOUR, Receiver, Site};

/// Which of a message's signatures a receiver with this secret believes.
fn believed(got: &Got, secret: &Secret) -> Option<usize> {
    let key = STANDARD.decode(secret.expose().strip_prefix("whsec_").expect("a prefix")).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
    mac.update(format!("{}.{}.", got.header("webhook-id"), got.header("webhook-timestamp")).as_bytes());
    mac.update(&got.body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    got.header("webhook-signature").split(' ').position(|signature| signature == expected)
}

#[tokio::test]
async fn old_and_new_secret_sign_side_by_side_until_the_old_one_ends() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(200)]).await;
    let (id, first) = site.endpoint(&receiver.url()).await;
    let mut send = async || {
        site.append("shop.order", "{}").await;
        receiver.next().await
    };
    assert_eq!(believed(&send().await, &first), Some(0));

    let (second, until_ms) = site.endpoints.rotate(&id, HOUR, None).await.expect("rotated");
    assert_eq!(until_ms, site.clock.now_ms() + HOUR);
    let both = send().await;
    assert_eq!((believed(&both, &second), believed(&both, &first)), (Some(0), Some(1)));

    let (third, _) = site.endpoints.rotate(&id, 10 * HOUR, None).await.expect("rotated");
    let three = send().await;
    assert_eq!([&third, &second, &first].map(|secret| believed(&three, secret)), [Some(0), Some(1), Some(2)]);

    site.advance(HOUR);
    let two = send().await;
    assert_eq!(
        [&third, &second, &first].map(|secret| believed(&two, secret)),
        [Some(0), Some(1), None],
        "a later rotation prolongs nothing"
    );

    let (fourth, _) = site.endpoints.rotate(&id, 0, None).await.expect("rotated");
    let one = send().await;
    assert_eq!([&fourth, &third, &second].map(|secret| believed(&one, secret)), [Some(0), None, None]);
}

#[tokio::test]
async fn an_attempt_is_signed_at_its_own_time_over_the_same_bytes() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(500), Does::Answers(200)]).await;
    let (id, secret) = site.endpoint(&receiver.url()).await;
    site.append("shop.order", "{}").await;
    let first = receiver.next().await;
    site.tried(&id, 1).await;
    site.advance(6_000);
    let second = receiver.next().await;
    assert_eq!(first.header("webhook-id"), second.header("webhook-id"));
    assert_eq!(first.body, second.body, "the same bytes");
    assert_ne!(first.header("webhook-signature"), second.header("webhook-signature"), "signed at its own time");
    assert!(believed(&first, &secret).is_some() && believed(&second, &secret).is_some());
}

/// Whether one of a message's signatures holds under a public key, by the specification alone.
fn holds(got: &Got, public_key: &str) -> bool {
    let key = STANDARD.decode(public_key.strip_prefix("whpk_").expect("a prefix")).expect("base64");
    let key = VerifyingKey::from_bytes(&key.try_into().expect("32 bytes")).expect("a key");
    let head = format!("{}.{}.", got.header("webhook-id"), got.header("webhook-timestamp"));
    let signed = [head.as_bytes(), &got.body].concat();
    let signatures = got.header("webhook-signature").split(' ').filter_map(|entry| entry.strip_prefix("v1a,"));
    signatures
        .map(|text| STANDARD.decode(text).expect("base64"))
        .any(|bytes| key.verify_strict(&signed, &Signature::from_slice(&bytes).expect("64 bytes")).is_ok())
}

#[tokio::test]
async fn an_endpoint_that_wants_a_key_pair_gets_its_public_half_and_changes_over_as_others_do() {
    let site = Site::new().await;
    let mut receiver = Receiver::that(&[Does::Answers(200)]).await;
    let asked = json!({ "url": receiver.url(), "types": ["shop.*"], "signature": "v1a" });
    let made = post(&site, "/api/v1/endpoints", asked).await;
    assert_eq!(made["secret"], Value::Null, "the private half is nobody's");
    let path = format!("/api/v1/endpoints/{}", made["id"].as_str().expect("an id"));
    let key = |shown: &Value| shown["public_key"].as_str().expect("a key").to_owned();
    let first = key(&made);
    let mut send = async || {
        site.append("shop.order", "{\"ü\": 1.0}").await;
        receiver.next().await
    };
    let one = send().await;
    assert!(holds(&one, &first) && !one.header("webhook-signature").contains(' '));

    let rotated = post(&site, &format!("{path}/rotate"), json!({ "overlap_s": 3600 })).await;
    let second = key(&rotated);
    let both = send().await;
    assert!(first != second && holds(&both, &first) && holds(&both, &second) && !holds(&one, &second));

    let shared = post(&site, &format!("{path}/rotate"), json!({ "overlap_s": 7200, "signature": "v1" })).await;
    assert_eq!(shared["public_key"], Value::Null);
    let secret = Secret::new(shared["secret"].as_str().expect("a secret"));
    let three = send().await;
    assert!(holds(&three, &first) && holds(&three, &second) && believed(&three, &secret) == Some(0));
    let shown = get(&site, &path).await;
    let shown: Vec<_> =
        shown["secrets"].as_array().expect("secrets").iter().map(|it| (&it["signature"], &it["public_key"])).collect();
    assert_eq!(shown, [(&json!("v1"), &Value::Null), (&json!("v1a"), &json!(second)), (&json!("v1a"), &json!(first))]);

    site.advance(HOUR);
    let later = send().await;
    assert!(!holds(&later, &first) && holds(&later, &second), "the first has ended");
    site.advance(HOUR);
    let last = send().await;
    assert!(!holds(&last, &second) && believed(&last, &secret) == Some(0));
}

async fn post(site: &Site, path: &str, body: Value) -> Value {
    let (status, answer) = call(site, Caller::Admin, Method::POST, path, Some(body)).await;
    assert!(status.is_success(), "{path}: {answer}");
    answer
}
