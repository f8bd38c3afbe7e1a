//! Discord webhook events: the same signature as interactions, other answers.
//!
//! A ping is `type` 0 here, and both it and an event want an empty 204 within three seconds. Events have no id of their own; one
//! that is sent again has the same body under a new timestamp. Discord tries for ten minutes.

use super::discord::{ED25519, VECTOR};
use super::prelude::*;

pub(super) const SENDER: Sender<'static> = Sender {
    name: "discord-events",
    family: "discord.*",
    proofs: One(ED25519),
    timestamp: Some(Timestamp::within_minutes(Header("x-signature-timestamp"), Unit::Seconds, 5)),
    types: One(From(Body("/event/type"))),
    subject: Many(&[Body("/event/data/guild/id"), Body("/event/data/user/id"), Body("/application_id")]),
    handshakes: &[Handshake { at: Body("/type"), is: "0", answer: Empty(204) }],
    answer: Empty(204),
    secret_env: "DISCORD_EVENTS_PUBLIC_KEY",
    documentation: "https://docs.discord.com/developers/events/webhook-events#preparing-for-events",
    vectors: &[VECTOR],
    ..Sender::USUAL
};
