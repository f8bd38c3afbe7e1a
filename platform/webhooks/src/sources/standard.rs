//! Standard Webhooks: what many senders agreed on, and what our own outgoing webhooks are.
//!
//! `v1` is an HMAC, `v1a` an Ed25519 signature; one entry that holds is enough. The id is signed, and the same on every retry.

use super::prelude::*;

/// With a shared secret.
pub(super) const HMAC: Proof<'static> = Proof {
    header: "webhook-signature",
    between: Some(' '),
    tag: "v1,",
    encoding: Encoding::Base64,
    key: KeyForm::Whsec,
    signed: "{webhook-id}.{webhook-timestamp}.{body}",
    ..Proof::USUAL
};

/// With the sender's key pair.
pub(super) const ED25519: Proof<'static> =
    Proof { tag: "v1a,", algorithm: Algorithm::Ed25519, key: KeyForm::Whpk, ..HMAC };

/// The usual time, both ways.
pub(super) const TIMESTAMP: Timestamp<'static> =
    Timestamp::within_minutes(Header("webhook-timestamp"), Unit::Seconds, 5);

pub(super) const SENDER: Sender<'static> = Sender {
    name: "standard",
    family: "standard.*",
    proofs: Many(&[HMAC, ED25519]),
    timestamp: Some(TIMESTAMP),
    id: One(Header("webhook-id")),
    types: Many(&[From(Body("/type")), Always("received")]),
    subject: Many(&[Body("/subject"), Body("/data/id")]),
    secret_env: "STANDARD_WEBHOOKS_SECRET",
    documentation: "https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md",
    vectors: &[
        VECTOR,
        Vector {
            from: "our own, asymmetric",
            secret: "whpk_ebVWLo/mVPlAeLES6KmLp5AfhTrmlb7X4OORC60ElmQ=",
            headers: &[
                ("webhook-id", "msg_demo"),
                ("webhook-timestamp", "1762000000"),
                (
                    "webhook-signature",
                    "v1a,RXqlngRum/pdM1n3PaAwsNLwtszpmkhq4SPXdMiFzZVT6oUU57H7wQk7k+0/7pNQliatQa7exG20pwIv4gKLDQ==",
                ),
            ],
            body: r#"{"event":"demo","n":1}"#,
            now_ms: 1_762_000_000_000,
        },
    ],
    ..Sender::USUAL
};

/// The bytes are the same under the names of Svix.
pub(super) const VECTOR: Vector<'static> = Vector {
    from: "published by the vendors",
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    headers: &[
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ],
    body: r#"{"test": 2432232314}"#,
    now_ms: 1_614_265_330_000,
};
