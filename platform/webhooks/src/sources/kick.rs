//! Kick.
//!
//! One key signs for every app, so whoever receives Kick's deliveries could send them on to us: the address holds a token. The
//! type is in a header that is not signed. Kick tries three times, and after a day of failures unsubscribes the app.

use super::prelude::*;

pub(super) const SENDER: Sender<'static> = Sender {
    name: "kick",
    family: "kick.*",
    proofs: One(Proof {
        header: "kick-event-signature",
        algorithm: Algorithm::RsaSha256,
        encoding: Encoding::Base64,
        key: KeyForm::Pem,
        signed: "{kick-event-message-id}.{kick-event-message-timestamp}.{body}",
        ..Proof::USUAL
    }),
    timestamp: Some(Timestamp::within_minutes(Header("kick-event-message-timestamp"), Unit::Rfc3339, 10)),
    id: One(Header("kick-event-message-id")),
    types: One(From(Header("kick-event-type"))),
    subject: Many(&[Body("/broadcaster/user_id"), Body("/broadcaster/channel_slug")]),
    secret: SecretFrom::Published(Published {
        key: PUBLIC_KEY,
        url: "https://api.kick.com/public/v1/public-key",
        at: "/data/public_key",
    }),
    secret_address: true,
    secret_env: "KICK_WEBHOOK_PUBLIC_KEY",
    documentation: "https://docs.kick.com/events/webhook-security",
    vectors: &[Vector {
        from: "our own, with a key made for it",
        secret: "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAlt3KiAz6o11Ju2K2h7Au
nqdvybKXrnu3jBHecDa+/pVlQ9NBYZvpUK5GZNCGuO1kW7+F7g3pee6Ev2QRYsn5
dIpEnyiUn8laIfJCzUf9ivYKl2ey4VghUjR0mWrwMPhzI7WbaH6v7SUj/ShqgNyf
EsN5v0ukLRzYBEusxYiPGGZwJ6sBUoyH0IapiSJbl76ezXB1OHFsyRLnwqBIyakb
ytlddSPA9vlvzAfEzgrZmGn+xuAEUOsZO3JHL2LIYIqDWuXi1ur0H7Pxwu17qV/K
COzWaE+fXf70uGxTK+qo+AWUN0NJok9wxu+UivgTd0R8JuQMgq8RvvyoOq5AThTd
uQIDAQAB
-----END PUBLIC KEY-----
",
        headers: &[
            ("kick-event-message-id", "01KABCDEFGHJKMNPQRSTVWXYZ0"),
            ("kick-event-message-timestamp", "2026-11-01T12:00:00Z"),
            (
                "kick-event-signature",
                "ge4ERS4BGhKZCIPkcfwGwf6gzb0ucw4NdJlHyVkTJ5YQ+dnMKWfScDo3KG7BAwNL5QY+3nvvKE3/500Loq/O4nvAlKJnj+9a82JfJmPvK6GdJgq729wygse+IzCUkHudJOZPshjBcG2IfH4S9bB6opV//oJspeJa+wOgC3Cztkw5lLGuCHVRzkoLgmtoHvvoDmvZFRKoE0rPeyhCGSlAEsQdOzrwrq8mgXGO6HlntR4cqyO740hXTCgG+I3QDUGwlpOo+yM8GXNCGxRrMEQPUbiVrWZn564ju3UuxU+O4h1H3rwkxkbSkyPCntygalLQI1mivfkvg3jGLLX4mOufsg==",
            ),
        ],
        body: r#"{"event":"demo","n":1}"#,
        now_ms: 1_793_534_400_000,
    }],
    ..Sender::USUAL
};

/// As Kick publishes it on the page named above. What its API says counts for more: it is asked when a signature does not hold.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAq/+l1WnlRrGSolDMA+A8
6rAhMbQGmQ2SapVcGM3zq8ANXjnhDWocMqfWcTd95btDydITa10kDvHzw9WQOqp2
MZI7ZyrfzJuz5nhTPCiJwTwnEtWft7nV14BYRDHvlfqPUaZ+1KR4OCaO/wWIk/rQ
L/TjY0M70gse8rlBkbo2a8rKhu69RQTRsoaf4DVhDPEeSeI5jVrRDGAMGL3cGuyY
6CLKGdjVEM78g3JfYOvDU/RvfqD7L89TZ3iN94jrmWdGz34JNlEI5hqK8dd7C5EF
BEbZ5jgB8s8ReQV8H+MkuffjdAj3ajDDX3DOJMIut1lBrUVD1AaSrGCKHooWoL2e
twIDAQAB
-----END PUBLIC KEY-----
";
