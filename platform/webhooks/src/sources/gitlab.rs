//! GitLab, with a signing token (Standard Webhooks, since 2026) or an older secret token.
//!
//! The secret token is sent as it is and signs nothing, so two headers and the body stand against repeats. `Idempotency-Key` is
//! the same on every retry; the UUID of an event is shared by those that it causes, and so is no id. GitLab waits ten seconds,
//! pauses an address after four failures and gives it up after forty.

use super::prelude::*;
use super::standard::{HMAC, TIMESTAMP};

pub(super) const SENDER: Sender<'static> = Sender {
    name: "gitlab",
    family: "gitlab.*",
    proofs: Many(&[
        HMAC,
        Proof {
            header: "x-gitlab-token",
            algorithm: Algorithm::SharedToken,
            encoding: Encoding::Plain,
            signed: "",
            ..Proof::USUAL
        },
    ]),
    timestamp: Some(TIMESTAMP),
    id: Many(&[Header("webhook-id"), Header("idempotency-key"), Digest]),
    types: Many(&[From(Body("/object_kind")), From(Body("/event_name"))]),
    subject: Many(&[Body("/project/path_with_namespace"), Body("/path_with_namespace"), Body("/group/full_path")]),
    subject_in_lower_case: true,
    secret: SecretFrom::Us(MadeAs::Whsec),
    secret_env: "GITLAB_WEBHOOK_TOKEN",
    documentation: "https://docs.gitlab.com/user/project/integrations/webhooks/",
    vectors: &[
        Vector {
            from: "our own, with a signing token",
            secret: "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            headers: &[
                ("webhook-id", "f5e5f430-f57b-4e6e-9fac-d9128cd7232f"),
                ("webhook-timestamp", "1762000000"),
                ("webhook-signature", "v1,N9E3Z9ydiQQ9adHuGL4rZIEHQYqcWn3MvmcCzK8mVyE="),
            ],
            body: r#"{"object_kind":"push"}"#,
            now_ms: 1_762_000_000_000,
        },
        Vector {
            from: "our own, with a secret token",
            secret: "a token of our own",
            headers: &[("x-gitlab-token", "a token of our own")],
            body: r#"{"object_kind":"push"}"#,
            now_ms: 0,
        },
    ],
    ..Sender::USUAL
};
