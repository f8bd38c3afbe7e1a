//! Linear.
//!
//! The body is signed, and says when it was sent; the id of the delivery is in a header that is not signed. Linear wants exactly
//! 200 in five seconds and tries three times within six hours.

use super::prelude::*;

pub(super) const SENDER: Sender<'static> = Sender {
    name: "linear",
    family: "linear.*",
    proofs: One(Proof { header: "linear-signature", ..Proof::USUAL }),
    timestamp: Some(Timestamp::within_minutes(Body("/webhookTimestamp"), Unit::Millis, 1)),
    id: One(Header("linear-delivery")),
    types: One(From(Body("/type"))),
    subject: Many(&[
        Body("/data/identifier"),
        Body("/data/issue/identifier"),
        Body("/data/id"),
        Body("/organizationId"),
    ]),
    secret_env: "LINEAR_WEBHOOK_SECRET",
    documentation: "https://linear.app/developers/webhooks#securing-webhooks",
    vectors: &[Vector {
        from: "our own",
        secret: "s3cr3t-demo-0123456789",
        headers: &[("linear-signature", "6eefca263323a7e6efc43c3a7065e94b4334da9a7e2326350582998408b2c870")],
        body: r#"{"event":"demo","n":1}"#,
        now_ms: 0,
    }],
    ..Sender::USUAL
};
