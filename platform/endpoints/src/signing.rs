//! Standard Webhooks: secrets, and the headers that prove that a message is ours. <https://www.standardwebhooks.com>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Entropy, Secret};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use utoipa::ToSchema;

const SHARED: &str = "whsec_";
const PAIR: &str = "whsk_";
const PUBLIC: &str = "whpk_";
/// The specification allows 24 to 64.
const SHARED_BYTES: usize = 32;

/// How messages are signed, by the specification's identifiers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = EndpointSignature)]
pub enum Signature {
    /// HMAC-SHA256 with a secret that both sides have (`whsec_…`).
    #[default]
    #[serde(rename = "v1")]
    Shared,
    /// Ed25519 (RFC 8032): the receiver has the public key (`whpk_…`) alone, and can sign nothing with it.
    #[serde(rename = "v1a")]
    Public,
}

/// What signs: its text says how.
enum Key {
    Shared(Vec<u8>),
    Pair(SigningKey),
}

/// A new secret: `whsec_…`, or the key pair `whsk_…`, which nobody but us ever sees.
pub(crate) fn make(entropy: &Entropy, signature: Signature) -> Secret {
    let mut bytes = [0; SHARED_BYTES];
    entropy.fill(&mut bytes);
    Secret::new(match signature {
        Signature::Shared => format!("{SHARED}{}", STANDARD.encode(bytes)),
        Signature::Public => format!("{PAIR}{}", STANDARD.encode(SigningKey::from_bytes(&bytes).to_keypair_bytes())),
    })
}

/// How a secret signs.
pub(crate) fn signature_of(secret: &Secret) -> Signature {
    if secret.expose().starts_with(PAIR) { Signature::Public } else { Signature::Shared }
}

/// What a receiver verifies with, where that is no secret.
pub(crate) fn public_key(secret: &Secret) -> Option<String> {
    let Some(Key::Pair(pair)) = read(secret) else { return None };
    Some(format!("{PUBLIC}{}", STANDARD.encode(pair.verifying_key().to_bytes())))
}

/// The value of `webhook-signature`: one signature a secret, so that a receiver that has the old or the new one believes it. None
/// when a secret is none: nothing is sent that a receiver would have to refuse.
pub(crate) fn sign(secrets: &[Secret], id: &str, timestamp_s: i64, body: &[u8]) -> Option<String> {
    let signed = [format!("{id}.{timestamp_s}.").as_bytes(), body].concat();
    let signatures = secrets.iter().map(|secret| {
        let (identifier, signature) = match read(secret)? {
            Key::Shared(key) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
                mac.update(&signed);
                ("v1", mac.finalize().into_bytes().to_vec())
            }
            Key::Pair(pair) => ("v1a", pair.sign(&signed).to_bytes().to_vec()),
        };
        Some(format!("{identifier},{}", STANDARD.encode(signature)))
    });
    let signatures: Vec<_> = signatures.collect::<Option<_>>()?;
    (!signatures.is_empty()).then(|| signatures.join(" "))
}

fn read(secret: &Secret) -> Option<Key> {
    let text = secret.expose();
    if let Some(pair) = text.strip_prefix(PAIR) {
        let bytes = <[u8; 64]>::try_from(STANDARD.decode(pair).ok()?).ok()?;
        return SigningKey::from_keypair_bytes(&bytes).ok().map(Key::Pair);
    }
    let key = STANDARD.decode(text.strip_prefix(SHARED)?).ok()?;
    (!key.is_empty()).then_some(Key::Shared(key))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};
    use ed25519_dalek::{Verifier, VerifyingKey};
    use proptest::prelude::*;

    use super::*;

    /// Whether a source of ours that takes Standard Webhooks believes a message with this secret or public key.
    fn believed(signature: &str, id: &str, timestamp_s: i64, body: &[u8], secret: &Secret) -> bool {
        let value = |text: &str| HeaderValue::from_str(text).expect("a value");
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", value(id));
        headers.insert("webhook-timestamp", HeaderValue::from(timestamp_s));
        headers.insert("webhook-signature", value(signature));
        let standard = webhooks::sources::find("standard").expect("built in");
        let message = webhooks::Message { headers: &headers, body };
        webhooks::verify(standard, &[secret], message, timestamp_s * 1000).is_ok()
    }

    /// What its receiver has of a secret.
    fn received(secret: &Secret) -> Secret {
        public_key(secret).map_or_else(|| secret.clone(), Secret::new)
    }

    proptest! {
        #[test]
        fn our_own_door_believes_every_message_and_none_that_was_changed(
            body in prop::collection::vec(any::<u8>(), 1..300), seed: u64, public in prop::collection::vec(any::<bool>(), 1..4),
            at: usize, bit in 0..8u32,
        ) {
            let entropy = Entropy::seeded(seed);
            let kind = |public: &bool| if *public { Signature::Public } else { Signature::Shared };
            let secrets: Vec<_> = public.iter().map(|it| make(&entropy, kind(it))).collect();
            let (id, now) = ("msg_1", 1_800_000_000);
            let signature = sign(&secrets, id, now, &body).expect("signed");
            for secret in secrets.iter().map(received) {
                prop_assert!(believed(&signature, id, now, &body, &secret));
                let mut changed = body.clone();
                changed[at % body.len()] ^= 1 << bit;
                prop_assert!(!believed(&signature, id, now, &changed, &secret));
                prop_assert!(!believed(&signature, "msg_2", now, &body, &secret));
                prop_assert!(!believed(&signature, id, now + 1, &body, &secret));
            }
            for other in [Signature::Shared, Signature::Public] {
                prop_assert!(!believed(&signature, id, now, &body, &received(&make(&entropy, other))));
            }
        }
    }

    /// From the specification's test vectors, as its libraries repeat them.
    #[test]
    fn the_specifications_vector_is_made() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = sign(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed.expect("signed"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    /// The specification's words and nothing of ours: base64 behind the prefix, Ed25519 over `{id}.{timestamp}.{payload}`.
    #[test]
    fn an_asymmetric_signature_is_what_the_specification_says() {
        let secret = make(&Entropy::seeded(1), Signature::Public);
        let key = public_key(&secret).expect("a public key");
        let key = STANDARD.decode(key.strip_prefix("whpk_").expect("a prefix")).expect("base64");
        let key = VerifyingKey::from_bytes(&key.try_into().expect("32 bytes")).expect("a key");
        let pair = STANDARD.decode(secret.expose().strip_prefix("whsk_").expect("a prefix")).expect("base64");
        assert_eq!((pair.len(), &pair[32..]), (64, &key.to_bytes()[..]), "the seed, and the public key behind it");
        let value = sign(&[secret], "msg_1", 1_762_000_000, b"{\"a\": 1}").expect("signed");
        let signature = STANDARD.decode(value.strip_prefix("v1a,").expect("an identifier")).expect("base64");
        let signature = ed25519_dalek::Signature::from_slice(&signature).expect("64 bytes");
        assert!(key.verify(b"msg_1.1762000000.{\"a\": 1}", &signature).is_ok());
        assert!(key.verify(b"msg_1.1762000000.{\"a\":1}", &signature).is_err());
    }

    #[test]
    fn each_secret_signs() {
        let entropy = Entropy::seeded(1);
        let secrets = [make(&entropy, Signature::Shared), make(&entropy, Signature::Public)];
        let both = sign(&secrets, "msg_1", 1, b"{}");
        let single: Vec<_> =
            secrets.iter().filter_map(|secret| sign(std::slice::from_ref(secret), "msg_1", 1, b"{}")).collect();
        assert_eq!(both, Some(single.join(" ")));
    }

    #[test]
    fn what_is_no_secret_signs_nothing() {
        let good = make(&Entropy::seeded(1), Signature::Public);
        let mut other = STANDARD.decode(good.expose().trim_start_matches("whsk_")).expect("base64");
        other[40] ^= 1;
        for bad in ["", "whsec_", "whsec_?", "whsk_", "whsk_AAAA", &format!("whsk_{}", STANDARD.encode(other))] {
            assert_eq!(sign(&[good.clone(), Secret::new(bad)], "msg_1", 1, b"{}"), None, "{bad}");
            assert_eq!(public_key(&Secret::new(bad)), None);
        }
        assert_eq!(sign(&[], "msg_1", 1, b"{}"), None, "nothing goes out unsigned");
    }
}
