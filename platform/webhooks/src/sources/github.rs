//! GitHub: repository, organization and app webhooks.
//!
//! The delivery id is not part of what is signed, and a redelivery by hand has the same id. GitHub sends up to 25 MB, waits
//! ten seconds for the answer and never tries again by itself. Without settings of its own it may send a form.

use super::prelude::*;

pub(super) const SENDER: Sender<'static> = Sender {
    name: "github",
    family: "github.*",
    proofs: One(Proof { header: "x-hub-signature-256", tag: "sha256=", ..Proof::USUAL }),
    id: One(Header("x-github-delivery")),
    types: One(From(Header("x-github-event"))),
    // Names are the same in any case.
    subject: Many(&[
        Body("/repository/full_name"),
        Body("/organization/login"),
        Body("/installation/account/login"),
        Body("/sender/login"),
    ]),
    subject_in_lower_case: true,
    formats: &[Json, FormField("payload")],
    retries: false,
    body_bytes: 25 * 1024 * 1024,
    secret: SecretFrom::Us(MadeAs::Digits),
    secret_env: "GITHUB_WEBHOOK_SECRET",
    documentation: "https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries",
    vectors: &[Vector {
        from: "published by the vendor",
        secret: "It's a Secret to Everybody",
        headers: &[("x-hub-signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")],
        body: "Hello, World!",
        now_ms: 0,
    }],
    ..Sender::USUAL
};
