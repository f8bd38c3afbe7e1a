//! YouTube, by WebSub (W3C, 2018).
//!
//! The hub asks by GET whether a subscription was meant, and sends Atom. It signs with SHA-1 when it was given a secret; other
//! hubs may choose a longer hash. A wrong signature is answered with a success and ignored (§8), so that nobody can probe.

use super::prelude::*;

const SIGNATURE: Proof<'static> =
    Proof { header: "x-hub-signature", tag: "sha1=", algorithm: Algorithm::HmacSha1, ..Proof::USUAL };

pub(super) const SENDER: Sender<'static> = Sender {
    name: "youtube",
    family: "youtube.*",
    proofs: Many(&[
        SIGNATURE,
        Proof { tag: "sha256=", algorithm: Algorithm::HmacSha256, ..SIGNATURE },
        Proof { tag: "sha384=", algorithm: Algorithm::HmacSha384, ..SIGNATURE },
        Proof { tag: "sha512=", algorithm: Algorithm::HmacSha512, ..SIGNATURE },
    ]),
    id: Many(&[Body("/version_id"), Digest]),
    types: Many(&[Has(Body("/deleted_at"), "video_deleted"), Always("video")]),
    subject: One(Body("/channel_id")),
    formats: &[Atom],
    hub_verifies: true,
    hub: "https://pubsubhubbub.appspot.com/subscribe",
    answer: Empty(204),
    refusal: 202,
    secret: SecretFrom::Us(MadeAs::Digits),
    secret_env: "YOUTUBE_WEBSUB_SECRET",
    documentation: "https://developers.google.com/youtube/v3/guides/push_notifications",
    vectors: &[Vector {
        from: "our own",
        secret: "s3cr3t-demo-0123456789",
        headers: &[("x-hub-signature", "sha1=732c7fcd1cd54007578f8e197b07981bcfff1eca")],
        body: "<feed/>",
        now_ms: 0,
    }],
    ..Sender::USUAL
};
