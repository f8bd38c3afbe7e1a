//! Twitch EventSub.
//!
//! Message id, time and body are signed without anything between them, so the time must be read strictly. Twitch asks to refuse
//! what is older than ten minutes. A revocation is an event: whoever subscribed has to know. The secret of each subscription is
//! ours, 10 to 100 ASCII characters.

use super::prelude::*;

/// Beside the header that says the same and is not signed.
const STATUS: Place<'static> = Body("/subscription/status");

pub(super) const SENDER: Sender<'static> = Sender {
    name: "twitch",
    family: "twitch.*",
    proofs: One(Proof {
        header: "twitch-eventsub-message-signature",
        tag: "sha256=",
        signed: "{twitch-eventsub-message-id}{twitch-eventsub-message-timestamp}{body}",
        ..Proof::USUAL
    }),
    timestamp: Some(Timestamp::within_minutes(Header("twitch-eventsub-message-timestamp"), Unit::Rfc3339, 10)),
    id: One(Header("twitch-eventsub-message-id")),
    types: Many(&[
        When(STATUS, "user_removed", "revocation"),
        When(STATUS, "authorization_revoked", "revocation"),
        When(STATUS, "notification_failures_exceeded", "revocation"),
        When(STATUS, "version_removed", "revocation"),
        From(Body("/subscription/type")),
    ]),
    subject: Many(&[
        Body("/subscription/condition/broadcaster_user_id"),
        Body("/subscription/condition/to_broadcaster_user_id"),
        Body("/subscription/condition/user_id"),
    ]),
    handshakes: &[Handshake { at: STATUS, is: "webhook_callback_verification_pending", answer: Echo("/challenge") }],
    answer: Empty(204),
    secret: SecretFrom::Us(MadeAs::Digits),
    secret_env: "TWITCH_EVENTSUB_SECRET",
    documentation: "https://dev.twitch.tv/docs/eventsub/handling-webhook-events/",
    vectors: &[Vector {
        from: "our own",
        secret: "s3cr3t-demo-0123456789",
        headers: &[
            ("twitch-eventsub-message-id", "befa7b53-d79d-478f-86b9-120f112b044e"),
            ("twitch-eventsub-message-timestamp", "2026-11-01T12:00:00.123456789Z"),
            (
                "twitch-eventsub-message-signature",
                "sha256=a79b64420d349698bbc6299dc184ef0dfef899a1f0c93a10b64bfad773a0ae34",
            ),
        ],
        body: r#"{"event":"demo","n":1}"#,
        now_ms: 1_793_534_400_000,
    }],
    ..Sender::USUAL
};
