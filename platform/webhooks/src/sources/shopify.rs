//! Shopify.
//!
//! Only the body is signed; the topic and the ids are in headers that are not. Shopify waits five seconds, tries eight times in
//! four hours, and then deletes a subscription that was made through its API.

use super::prelude::*;

pub(super) const SENDER: Sender<'static> = Sender {
    name: "shopify",
    family: "shopify.*",
    proofs: One(Proof { header: "x-shopify-hmac-sha256", encoding: Encoding::Base64, ..Proof::USUAL }),
    id: One(Header("x-shopify-webhook-id")),
    types: One(From(Header("x-shopify-topic"))),
    subject: One(Header("x-shopify-shop-domain")),
    subject_in_lower_case: true,
    resends_days: 30,
    secret_env: "SHOPIFY_CLIENT_SECRET",
    documentation: "https://shopify.dev/docs/apps/build/webhooks/verify-deliveries",
    vectors: &[Vector {
        from: "our own",
        secret: "s3cr3t-demo-0123456789",
        headers: &[("x-shopify-hmac-sha256", "bu/KJjMjp+bvxDw6cGXpS0M02pp+IyY1BYKZhAiyyHA=")],
        body: r#"{"event":"demo","n":1}"#,
        now_ms: 0,
    }],
    ..Sender::USUAL
};
