//! Keys that a sender publishes: followed when they change, and no flood of forgeries becomes a flood of questions.

use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

use crate::elsewhere::Elsewhere;
use crate::support::{Answer, Bed, within};

const MINUTE_MS: i64 = 60_000;

/// A key pair made for these tests, which signs nothing anywhere else.
pub(crate) struct Pair {
    private: &'static [u8],
    pub(crate) public: &'static str,
}

pub(crate) const ONE: Pair = Pair { private: include_bytes!("keys/one.pkcs8"), public: include_str!("keys/one.pem") };
const OTHER: Pair = Pair { private: include_bytes!("keys/other.pkcs8"), public: include_str!("keys/other.pem") };

impl Pair {
    /// What Kick would send.
    pub(crate) fn signed(&self, bed: &Bed, id: &str, body: &str) -> HeaderMap {
        let sent = kernel::clock::rfc3339(bed.clock.now_ms());
        let pair = RsaKeyPair::from_pkcs8(self.private).expect("a key pair");
        let mut signature = vec![0; pair.public().modulus_len()];
        let bytes = format!("{id}.{sent}.{body}");
        pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), bytes.as_bytes(), &mut signature).expect("signed");
        let pairs = [
            ("content-type", "application/json"),
            ("kick-event-type", "chat.message.sent"),
            ("kick-event-message-id", id),
            ("kick-event-message-timestamp", &sent),
            ("kick-event-signature", &STANDARD.encode(signature)),
        ];
        pairs
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .into_iter()
            .collect()
    }
}

fn says(key: &str) -> String {
    json!({ "data": { "public_key": key }, "message": "OK" }).to_string()
}

/// A source that follows the key that is published there, and its secret address.
async fn following(bed: &Bed, kick: &mut Elsewhere) -> String {
    bed.goes_out();
    let made = json!({ "name": "kick", "sender": "kick", "settings": { "key_url": kick.url() } });
    let path = bed.source(made).await["path"].as_str().expect("a path").to_owned();
    assert!(kick.next().await.line.starts_with("get /there "));
    path
}

async fn newest_key(bed: &Bed) -> Value {
    bed.get("/api/v1/webhooks/sources/kick").await.body["secrets"][0].clone()
}

/// Waits until no question is open.
async fn nobody_is_asked(bed: &Bed) {
    within(async {
        while bed.number("SELECT COUNT(*) FROM jobs WHERE kind = 'webhooks.key' AND finished_at_ms IS NULL").await > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Waits until the key that counts is the newest of so many.
async fn keys_are(bed: &Bed, count: usize) {
    within(async {
        loop {
            let secrets = bed.get("/api/v1/webhooks/sources/kick").await.body["secrets"].clone();
            let secrets = secrets.as_array().expect("secrets").clone();
            if secrets.len() == count && secrets[0]["fetched_at_ms"].is_i64() {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    nobody_is_asked(bed).await;
}

async fn deliver(bed: &Bed, path: &str, pair: &Pair, id: &str) -> Answer {
    let body = format!("{{\"id\":\"{id}\"}}");
    bed.post(path, pair.signed(bed, id, &body), body).await
}

#[tokio::test]
async fn a_key_that_changes_is_followed_and_what_was_refused_meanwhile_is_kept() {
    let bed = Bed::new().await;
    let mut kick = Elsewhere::that_answers(200, &says(ONE.public)).await;
    let path = following(&bed, &mut kick).await;
    keys_are(&bed, 2).await;
    assert_eq!(
        deliver(&bed, &path, &ONE, "01A").await.status,
        200,
        "the key of now, not the one of when this was written"
    );
    bed.clock.advance(10 * MINUTE_MS);
    kick.now_answers(200, &says(OTHER.public));
    assert_eq!(deliver(&bed, &path, &OTHER, "01B").await.status, 401);
    assert!(kick.next().await.line.starts_with("get /there "));
    within(async {
        while bed.events_count().await < 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let again = deliver(&bed, &path, &OTHER, "01B").await;
    assert_eq!(
        (again.status.as_u16(), &again.body["status"]),
        (200, &json!("duplicate")),
        "Kick comes again by itself"
    );
    assert_eq!(deliver(&bed, &path, &OTHER, "01C").await.status, 200);
    assert_eq!(deliver(&bed, &path, &ONE, "01D").await.status, 200, "what was signed before is on its way");
    bed.clock.advance(60 * MINUTE_MS);
    assert_eq!(deliver(&bed, &path, &ONE, "01E").await.status, 401, "and no longer than an hour");
    assert_eq!(deliver(&bed, &path, &OTHER, "01F").await.status, 200);
}

#[tokio::test]
async fn a_flood_of_forgeries_is_no_flood_of_questions() {
    let bed = Bed::new().await;
    let mut kick = Elsewhere::that_answers(200, &says(ONE.public)).await;
    let path = following(&bed, &mut kick).await;
    keys_are(&bed, 2).await;
    for round in 0..3 {
        for n in 0..100 {
            assert_eq!(deliver(&bed, &path, &OTHER, &format!("forged-{round}-{n}")).await.status, 401);
            if n == 0 {
                kick.next().await;
                nobody_is_asked(&bed).await;
            }
            // Over many seconds, so that it is not the bound on records that holds the questions back.
            bed.clock.advance(2_000);
        }
        bed.clock.advance(101_000);
        assert_eq!(deliver(&bed, &path, &ONE, &format!("real-{round}")).await.status, 200);
        assert!(kick.rest().is_empty(), "one question in five minutes");
    }
    assert_eq!(newest_key(&bed).await["until_ms"], Value::Null, "the same key is no new key");
}

#[tokio::test]
async fn a_key_that_was_given_is_never_replaced() {
    let bed = Bed::new().await;
    let mut kick = Elsewhere::that_answers(200, &says(OTHER.public)).await;
    bed.goes_out();
    let settings = json!({ "key_url": kick.url() });
    let made = json!({ "name": "kick", "sender": "kick", "secret": ONE.public, "settings": settings });
    let path = bed.source(made).await["path"].as_str().expect("a path").to_owned();
    assert_eq!(deliver(&bed, &path, &OTHER, "01A").await.status, 401);
    assert_eq!(deliver(&bed, &path, &ONE, "01B").await.status, 200);
    assert_eq!(bed.number("SELECT COUNT(*) FROM jobs WHERE kind = 'webhooks.key'").await, 0);
    // Without one, it follows again.
    assert_eq!(bed.change("POST", "/sources/kick/rotate", &Value::Null).await.status, 200);
    kick.next().await;
    keys_are(&bed, 3).await;
    assert_eq!(deliver(&bed, &path, &OTHER, "01A").await.status, 200);
}

#[tokio::test]
async fn what_is_no_key_changes_nothing() {
    let bed = Bed::new().await;
    let mut kick = Elsewhere::that_answers(200, &says(ONE.public)).await;
    let path = following(&bed, &mut kick).await;
    keys_are(&bed, 2).await;
    let ed25519 = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";
    for (status, body) in [
        (500, says(OTHER.public)),
        (302, says(OTHER.public)),
        (200, "no JSON".to_owned()),
        (200, json!({ "data": {} }).to_string()),
        (200, says("")),
        (200, says(ed25519)),
        (200, format!("{} {}", says(OTHER.public), " ".repeat(20_000))),
    ] {
        kick.now_answers(status, &body);
        bed.clock.advance(6 * MINUTE_MS);
        assert_eq!(deliver(&bed, &path, &OTHER, "forged").await.status, 401);
        kick.next().await;
        nobody_is_asked(&bed).await;
        assert_eq!(deliver(&bed, &path, &ONE, &format!("after-{}", bed.clock.now_ms())).await.status, 200, "{body}");
        assert_eq!(deliver(&bed, &path, &OTHER, "forged").await.status, 401, "{body}");
    }
}
