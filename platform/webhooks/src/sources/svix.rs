//! Svix: Standard Webhooks, under its own header names or the standard ones.

use super::prelude::*;
use super::standard::{ED25519, HMAC, TIMESTAMP, VECTOR};

const OWN_NAMES: Proof<'static> =
    Proof { header: "svix-signature", signed: "{svix-id}.{svix-timestamp}.{body}", ..HMAC };

pub(super) const SENDER: Sender<'static> = Sender {
    name: "svix",
    family: "svix.*",
    proofs: Many(&[
        OWN_NAMES,
        Proof { tag: ED25519.tag, algorithm: ED25519.algorithm, key: ED25519.key, ..OWN_NAMES },
        HMAC,
        ED25519,
    ]),
    timestamp: Some(Timestamp { places: Many(&[Header("svix-timestamp"), Header("webhook-timestamp")]), ..TIMESTAMP }),
    id: Many(&[Header("svix-id"), Header("webhook-id")]),
    types: Many(&[From(Body("/type")), From(Body("/eventType")), Always("received")]),
    secret_env: "SVIX_WEBHOOK_SECRET",
    documentation: "https://docs.svix.com/receiving/verifying-payloads/how-manual",
    vectors: &[VECTOR],
    ..Sender::USUAL
};
