//! Stripe.
//!
//! The key is the whole text of the secret, `whsec_` included. While a secret is rolled there are several `v1` entries; other
//! schemes in the header count for nothing. Stripe tries for three days, and people send again by hand for thirty.

use super::prelude::*;

pub(super) const SENDER: Sender<'static> = Sender {
    name: "stripe",
    family: "stripe.*",
    proofs: One(Proof {
        header: "stripe-signature",
        between: Some(','),
        tag: "v1=",
        signed: "{t=}.{body}",
        ..Proof::USUAL
    }),
    timestamp: Some(Timestamp::within_minutes(Entry("t="), Unit::Seconds, 5)),
    id: One(Body("/id")),
    types: One(From(Body("/type"))),
    subject: Many(&[Body("/data/object/customer"), Body("/data/object/id")]),
    resends_days: 30,
    secret_env: "STRIPE_WEBHOOK_SECRET",
    documentation: "https://docs.stripe.com/webhooks#verify-manually",
    vectors: &[Vector {
        from: "our own",
        secret: "whsec_demo_stripe_secret",
        headers: &[(
            "stripe-signature",
            "t=1762000000,v1=dcae03d732e64d0276f18a90fd2af2523996b8412a1e5bf7962015084edcdddf",
        )],
        body: r#"{"event":"demo","n":1}"#,
        now_ms: 1_762_000_000_000,
    }],
    ..Sender::USUAL
};
