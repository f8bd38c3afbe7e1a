//! Proof that the sender is the sender, pure: secrets, headers and the raw bytes in, a verdict out.

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use kernel::Secret;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{Scheme, Source};

/// Why a delivery is not believed, in words for whoever set the webhook up, and what was compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified {
    /// A sentence that says what to do.
    pub reason: &'static str,
    /// The signature as it came, cut.
    pub received: Option<String>,
    /// The first digits of the one we expected. A prefix helps to compare and cannot be used to forge.
    pub expected: Option<String>,
}

/// Characters of a signature that are kept for comparison: the prefix and eight digits.
const SHOWN: usize = 15;

/// Checks a delivery against every active secret, in constant time.
///
/// # Errors
/// [`Unverified`].
pub fn verify(source: &Source, secrets: &[Secret], headers: &HeaderMap, body: &[u8]) -> Result<(), Unverified> {
    let Scheme::HmacSha256Hex { header, prefix } = source.scheme;
    let refuse = |reason, received: Option<&str>, expected: Option<String>| {
        let cut = |text: &str| text.chars().take(SHOWN).collect::<String>();
        Err(Unverified { reason, received: received.map(cut), expected: expected.as_deref().map(cut) })
    };
    let mut sent = headers.get_all(header).iter();
    let (Some(first), None) = (sent.next(), sent.next()) else {
        return refuse("There is no signature. Set this source's secret in the sender's webhook settings.", None, None);
    };
    let Ok(received) = first.to_str() else {
        return refuse("The signature is not text.", None, None);
    };
    let digits = received.strip_prefix(prefix).unwrap_or_default();
    let Some(signature) = decode(digits) else {
        return refuse("The signature is not of the form that this sender uses.", Some(received), None);
    };
    let mut expected = None;
    for secret in secrets {
        let computed = hmac_sha256(secret, body);
        if bool::from(computed.ct_eq(&signature)) {
            return Ok(());
        }
        expected.get_or_insert_with(|| format!("{prefix}{}", hex::encode(computed)));
    }
    let reason =
        "The signature does not match: the sender signs with another secret, or something on the way changed the body.";
    refuse(reason, Some(received), expected)
}

/// The signature that `source` would send, for tests and for trying a webhook out.
pub fn sign(source: &Source, secret: &Secret, body: &[u8]) -> (&'static str, String) {
    let Scheme::HmacSha256Hex { header, prefix } = source.scheme;
    (header, format!("{prefix}{}", hex::encode(hmac_sha256(secret, body))))
}

fn decode(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(digits, &mut bytes).ok().map(|()| bytes)
}

fn hmac_sha256(secret: &Secret, body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;
    use crate::sources;

    fn github() -> &'static Source {
        sources::find("github").expect("built in")
    }

    fn signed(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(
            "x-hub-signature-256".parse().expect("a name"),
            HeaderValue::from_str(value).expect("a value"),
        )])
    }

    /// From GitHub's page on validating deliveries.
    #[test]
    fn the_vendors_vector_passes() {
        let secret = Secret::new("It's a Secret to Everybody");
        let headers = signed("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17");
        assert_eq!(verify(github(), std::slice::from_ref(&secret), &headers, b"Hello, World!"), Ok(()));
        let old = Secret::new("an older one that is still accepted");
        assert_eq!(verify(github(), &[old, secret], &headers, b"Hello, World!"), Ok(()));
    }

    #[test]
    fn what_is_missing_or_malformed_says_so() {
        let secrets = [Secret::new("It's a Secret to Everybody")];
        let reason = |headers: &HeaderMap| verify(github(), &secrets, headers, b"x").expect_err("refused").reason;
        assert!(reason(&HeaderMap::new()).contains("no signature"));
        for bad in ["", "sha256=", "sha256=zz", "sha1=757107ea0eb2509fc211221cce984b8a37570b6d", "sha256=00"] {
            assert!(reason(&signed(bad)).contains("form"), "{bad}");
        }
        let mut twice = signed("sha256=00");
        twice.append("x-hub-signature-256", HeaderValue::from_static("sha256=11"));
        assert!(reason(&twice).contains("no signature"));
        assert!(verify(github(), &[], &signed(&format!("sha256={}", "0".repeat(64))), b"x").is_err());
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_refused(body in prop::collection::vec(any::<u8>(), 1..200), at: usize, bit in 0..8u32, secret in "[a-z]{16,40}") {
            let (secret, source) = (Secret::new(secret), github());
            let (_, signature) = sign(source, &secret, &body);
            prop_assert_eq!(verify(source, std::slice::from_ref(&secret), &signed(&signature), &body), Ok(()));

            let mut changed = body.clone();
            changed[at % body.len()] ^= 1 << bit;
            prop_assert!(verify(source, std::slice::from_ref(&secret), &signed(&signature), &changed).is_err());

            let mut forged = signature.into_bytes();
            let place = 7 + at % 64;
            forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
            let forged = String::from_utf8(forged).expect("digits");
            let refused = verify(source, &[secret], &signed(&forged), &body).expect_err("refused");
            prop_assert!(refused.expected.expect("shown").len() <= SHOWN);
        }

        #[test]
        fn any_header_is_handled(value in "[ -~]{0,200}") {
            let _ = verify(github(), &[Secret::new("0123456789abcdef")], &signed(&value), b"body");
        }
    }
}
