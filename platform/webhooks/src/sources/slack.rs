//! Slack: the Events API, slash commands and interactivity, all at one address.
//!
//! Slack waits three seconds and tries three times. Commands and interactivity come as forms; the signature is over the form's
//! bytes. An answer with a body would be shown to the person, and `view_submission` needs an empty one.

use super::prelude::*;

pub(super) const SENDER: Sender<'static> = Sender {
    name: "slack",
    family: "slack.*",
    proofs: One(Proof {
        header: "x-slack-signature",
        tag: "v0=",
        signed: "v0:{x-slack-request-timestamp}:{body}",
        ..Proof::USUAL
    }),
    timestamp: Some(Timestamp::within_minutes(Header("x-slack-request-timestamp"), Unit::Seconds, 5)),
    id: Many(&[Body("/event_id"), Body("/trigger_id"), Body("/action_ts"), Digest]),
    types: Many(&[From(Body("/event/type")), Has(Body("/command"), "command"), From(Body("/type"))]),
    subject: Many(&[
        Body("/event/channel"),
        Body("/channel/id"),
        Body("/channel_id"),
        Body("/team_id"),
        Body("/team/id"),
    ]),
    formats: &[Json, FormField("payload"), FormFields],
    handshakes: &[Handshake { at: Body("/type"), is: "url_verification", answer: Echo("/challenge") }],
    answer: Empty(200),
    secret_env: "SLACK_SIGNING_SECRET",
    documentation: "https://docs.slack.dev/authentication/verifying-requests-from-slack",
    vectors: &[Vector {
        from: "published by the vendor",
        secret: "8f742231b10e8888abcd99yyyzzz85a5",
        headers: &[
            ("x-slack-request-timestamp", "1531420618"),
            ("x-slack-signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
        ],
        body: "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
        now_ms: 1_531_420_618_000,
    }],
    ..Sender::USUAL
};
