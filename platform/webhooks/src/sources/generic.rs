//! Any other sender with an HMAC or a public key: its fields are given when a source is made. What is here are their defaults.

use super::prelude::*;

pub(super) const SENDER: Sender<'static> = Sender {
    name: "generic",
    family: "webhook.*",
    proofs: One(Proof { header: "x-signature-256", tag: "sha256=", ..Proof::USUAL }),
    types: Many(&[From(Body("/type")), Always("received")]),
    secret: SecretFrom::Us(MadeAs::Digits),
    documentation: "https://www.rfc-editor.org/rfc/rfc2104",
    vectors: &[Vector {
        from: "our own",
        secret: "s3cr3t-demo-0123456789",
        headers: &[("x-signature-256", "sha256=6eefca263323a7e6efc43c3a7065e94b4334da9a7e2326350582998408b2c870")],
        body: r#"{"event":"demo","n":1}"#,
        now_ms: 0,
    }],
    ..Sender::USUAL
};
