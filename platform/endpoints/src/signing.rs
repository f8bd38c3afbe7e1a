//! Standard Webhooks: secrets, and the headers that prove that a message is ours. <https://www.standardwebhooks.com>

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Entropy, Secret};
use sha2::Sha256;

const PREFIX: &str = "whsec_";
/// The specification allows 24 to 64.
const KEY_BYTES: usize = 32;

/// A new secret, `whsec_…`.
pub(crate) fn make(entropy: &Entropy) -> Secret {
    let mut key = [0; KEY_BYTES];
    entropy.fill(&mut key);
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(key)))
}

/// The value of `webhook-signature`: one signature a secret, so that a receiver that has the old or the new one believes it.
pub(crate) fn sign(secrets: &[Secret], id: &str, timestamp_s: i64, body: &[u8]) -> String {
    let signatures = secrets.iter().map(|secret| {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key(secret)).expect("HMAC takes a key of any length");
        mac.update(format!("{id}.{timestamp_s}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    });
    signatures.collect::<Vec<_>>().join(" ")
}

/// A secret that we made is base64; what is not would be a key of no bytes, and its signatures refused by everybody.
fn key(secret: &Secret) -> Vec<u8> {
    secret.expose().strip_prefix(PREFIX).and_then(|key| STANDARD.decode(key).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    /// Whether a source of ours that takes Standard Webhooks believes a message with this secret.
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

    proptest! {
        #[test]
        fn our_own_door_believes_every_message_and_none_that_was_changed(
            body in prop::collection::vec(any::<u8>(), 1..300), seed: u64, count in 1..4usize, at: usize, bit in 0..8u32,
        ) {
            let entropy = Entropy::seeded(seed);
            let secrets: Vec<_> = (0..count).map(|_| make(&entropy)).collect();
            let (id, now) = ("msg_1", 1_800_000_000);
            let signature = sign(&secrets, id, now, &body);
            for secret in &secrets {
                prop_assert!(believed(&signature, id, now, &body, secret));
                let mut changed = body.clone();
                changed[at % body.len()] ^= 1 << bit;
                prop_assert!(!believed(&signature, id, now, &changed, secret));
                prop_assert!(!believed(&signature, "msg_2", now, &body, secret));
                prop_assert!(!believed(&signature, id, now + 1, &body, secret));
            }
            prop_assert!(!believed(&signature, id, now, &body, &make(&entropy)));
        }
    }

    /// From the specification's test vectors, as its libraries repeat them.
    #[test]
    fn the_specifications_vector_is_made() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = sign(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_signs() {
        let entropy = Entropy::seeded(1);
        let secrets = [make(&entropy), make(&entropy)];
        assert_ne!(secrets[0], secrets[1]);
        let both = sign(&secrets, "msg_1", 1, b"{}");
        let single: Vec<_> =
            secrets.iter().map(|secret| sign(std::slice::from_ref(secret), "msg_1", 1, b"{}")).collect();
        assert_eq!(both, single.join(" "));
        assert_eq!(key(&secrets[0]).len(), KEY_BYTES);
    }
}
