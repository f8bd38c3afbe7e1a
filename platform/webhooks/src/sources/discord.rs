//! Discord interactions over HTTP.
//!
//! Discord sends bad signatures on purpose, and takes an address away that does not answer them with 401. The answer to an
//! interaction goes through its callback endpoint within three seconds, which the empty 202 here leaves open; the token of an
//! interaction then lives for fifteen minutes.

use super::prelude::*;

pub(super) const SENDER: Sender<'static> = Sender {
    name: "discord",
    family: "discord.*",
    proofs: One(ED25519),
    timestamp: Some(Timestamp::within_minutes(Header("x-signature-timestamp"), Unit::Seconds, 5)),
    id: Many(&[Body("/id"), Digest]),
    types: Many(&[
        When(Body("/type"), "2", "application_command"),
        When(Body("/type"), "3", "message_component"),
        When(Body("/type"), "4", "autocomplete"),
        When(Body("/type"), "5", "modal_submit"),
        Always("interaction"),
    ]),
    subject: Many(&[Body("/guild_id"), Body("/channel_id"), Body("/user/id")]),
    handshakes: &[Handshake { at: Body("/type"), is: "1", answer: Answer::Json(r#"{"type":1}"#) }],
    answer: Empty(202),
    // An interaction that was not answered in three seconds has failed for the person who waits.
    retries: false,
    secret_env: "DISCORD_PUBLIC_KEY",
    documentation: "https://docs.discord.com/developers/interactions/overview#setting-up-an-endpoint",
    vectors: &[VECTOR],
    ..Sender::USUAL
};

/// Also that of its webhook events.
pub(super) const ED25519: Proof<'static> = Proof {
    header: "x-signature-ed25519",
    algorithm: Algorithm::Ed25519,
    key: KeyForm::Hex,
    signed: "{x-signature-timestamp}{body}",
    ..Proof::USUAL
};

pub(super) const VECTOR: Vector<'static> = Vector {
    from: "our own, with the key whose seed is 00 to 1f",
    secret: "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
    headers: &[
        ("x-signature-timestamp", "1762000000"),
        (
            "x-signature-ed25519",
            "0cc84f2bae25c09cf5ca40202e9d624b88d3d4c8cffcb492878b041c95175c5fc442aaeb323df6dad2b535f76e7c75472c1fec7e7696b9dc304b897916e18100",
        ),
    ],
    body: r#"{"type":1}"#,
    now_ms: 1_762_000_000_000,
};
