//! What is published of our keys, and what never is.

use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use identity::tokens::{self, Tokens};
use kernel::Entropy;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::Value;
use tower::ServiceExt;

use super::{Deployment, MINUTE_MS, encode, issue, kid};

async fn get(tokens: &Tokens) -> axum::response::Response {
    let router = tokens::routes(tokens.clone()).split_for_parts().0;
    let request = Request::get("/.well-known/jwks.json").body(Body::empty()).expect("a request");
    router.oneshot(request).await.expect("answered")
}

pub(crate) async fn body(tokens: &Tokens) -> String {
    let body = get(tokens).await.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(body.to_vec()).expect("text")
}

pub(crate) async fn names(tokens: &Tokens) -> Vec<String> {
    let keys: Value = serde_json::from_str(&body(tokens).await).expect("JSON");
    let keys = keys["keys"].as_array().expect("keys").clone();
    keys.iter().map(|key| key["kid"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test]
async fn anybody_can_read_the_public_keys_and_keep_them_for_five_minutes() {
    let bed = Deployment::new();
    let answer = get(&bed.tokens).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "public, max-age=300");
    assert_eq!(answer.headers()["content-type"], "application/json");
    let names = names(&bed.tokens).await;
    assert_eq!(names.len(), 2, "the one that signs and the next");
    assert!(names.contains(&kid(&issue(&bed.tokens, "ann").await)));
}

#[tokio::test]
async fn a_private_key_is_never_published() {
    const SEED: u64 = 20_261_122;
    println!("seed {SEED}");
    let bed = Deployment::with(Entropy::seeded(SEED));
    bed.clock.advance(6 * MINUTE_MS);
    names(&bed.tokens).await;
    bed.clock.advance(6 * MINUTE_MS);
    assert!(bed.tokens.rotate().await.expect("rotated"));
    let body = body(&bed.tokens).await;
    let keys: Value = serde_json::from_str(&body).expect("JSON");
    for key in keys["keys"].as_array().expect("keys") {
        let members: Vec<_> = key.as_object().expect("an object").keys().map(String::as_str).collect();
        let mut sorted = members.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["alg", "crv", "kid", "kty", "use", "x"]);
    }
    // Whatever was drawn, in every place and form, is looked for in the whole body.
    let mut drawn = vec![0; 4096];
    Entropy::seeded(SEED).fill(&mut drawn);
    let mut found = 0;
    for window in drawn.windows(32) {
        let pair = Ed25519KeyPair::from_seed_unchecked(window).expect("a pair");
        found += usize::from(body.contains(&encode(pair.public_key())));
        for private in [encode(window), hex(window)] {
            assert!(!body.to_lowercase().contains(&private.to_lowercase()), "a seed is published");
        }
    }
    assert_eq!(found, 3, "what was looked for are the seeds of these keys");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn while_the_store_is_away_what_was_read_is_published() {
    let bed = Deployment::new();
    let before = names(&bed.tokens).await;
    bed.store.close().await;
    bed.clock.advance(14 * MINUTE_MS);
    assert_eq!(names(&bed.tokens).await, before);
    bed.clock.advance(2 * MINUTE_MS);
    assert_eq!(get(&bed.tokens).await.status(), 503);
}
