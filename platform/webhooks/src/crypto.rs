//! Keys and signatures: bytes in, yes or no out. Nothing here panics on any input, and nothing compares byte by byte.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

use crate::scheme::{Algorithm, Encoding, KeyForm};

/// A secret shorter than this is refused: it could be guessed.
pub(crate) const SECRET_BYTES_MIN: usize = 16;
/// The bytes of a key in a `whsec_` secret (Standard Webhooks).
const WHSEC_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret or public key, read for a function.
pub(crate) enum Key {
    Shared(Vec<u8>),
    Ed25519(VerifyingKey),
    /// RSAPublicKey (RFC 8017), DER.
    Rsa(Vec<u8>),
}

/// Reads the text of a secret; what is wrong with it, for whoever gives it.
pub(crate) fn read_key(form: KeyForm, algorithm: Algorithm, text: &str) -> Result<Key, &'static str> {
    let bytes = match form {
        KeyForm::Text => text.as_bytes().to_vec(),
        KeyForm::Hex => unhex(text).ok_or("The key is not hexadecimal digits.")?,
        KeyForm::Base64 => STANDARD.decode(text).map_err(|_| "The key is not base64.")?,
        KeyForm::Whsec => STANDARD
            .decode(text.strip_prefix("whsec_").unwrap_or(text))
            .ok()
            .filter(|key| WHSEC_BYTES.contains(&key.len()))
            .ok_or("The secret is not `whsec_` and base64 of 24 to 64 bytes.")?,
        KeyForm::Whpk => text
            .strip_prefix("whpk_")
            .and_then(|digits| STANDARD.decode(digits).ok())
            .ok_or("The key is not `whpk_` and base64 of 32 bytes.")?,
        KeyForm::Pem => from_pem(text).ok_or("The key is no public key in PEM.")?,
    };
    match algorithm {
        Algorithm::Ed25519 => {
            let bytes = <[u8; 32]>::try_from(bytes).map_err(|_| "An Ed25519 key has 32 bytes.")?;
            let key = VerifyingKey::from_bytes(&bytes).ok().filter(|key| !key.is_weak());
            Ok(Key::Ed25519(key.ok_or("These bytes are no Ed25519 key.")?))
        }
        Algorithm::RsaSha256 => {
            let key = rsa_of(&bytes).ok_or("The key is no RSA public key of 2048 to 8192 bits.")?;
            Ok(Key::Rsa(key.to_vec()))
        }
        _ if bytes.len() < SECRET_BYTES_MIN => Err("The secret is shorter than 16 bytes: it could be guessed."),
        _ => Ok(Key::Shared(bytes)),
    }
}

/// Whether `signature` is one of these bytes under this key.
pub(crate) fn holds(algorithm: Algorithm, key: &Key, signed: &[&[u8]], signature: &[u8]) -> bool {
    match (algorithm, key) {
        (Algorithm::Ed25519, Key::Ed25519(key)) => <&[u8; 64]>::try_from(signature)
            .is_ok_and(|signature| key.verify_strict(&signed.concat(), &Signature::from_bytes(signature)).is_ok()),
        (Algorithm::RsaSha256, Key::Rsa(key)) => {
            let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
            key.verify(&signed.concat(), signature).is_ok()
        }
        (_, Key::Shared(key)) => mac(algorithm, key, signed).is_some_and(|computed| same(&computed, signature)),
        _ => false,
    }
}

/// What a shared key makes of these bytes; none for a function that has no shared key.
pub(crate) fn mac(algorithm: Algorithm, key: &[u8], signed: &[&[u8]]) -> Option<Vec<u8>> {
    macro_rules! hmac {
        ($hash:ty) => {{
            let mut mac = Hmac::<$hash>::new_from_slice(key).ok()?;
            signed.iter().for_each(|part| mac.update(part));
            mac.finalize().into_bytes().to_vec()
        }};
    }
    Some(match algorithm {
        Algorithm::HmacSha1 => hmac!(Sha1),
        Algorithm::HmacSha256 => hmac!(Sha256),
        Algorithm::HmacSha384 => hmac!(Sha384),
        Algorithm::HmacSha512 => hmac!(Sha512),
        Algorithm::SharedToken => key.to_vec(),
        Algorithm::Ed25519 | Algorithm::RsaSha256 => return None,
    })
}

/// In constant time; unequal lengths are refused first.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && bool::from(one.ct_eq(other))
}

/// The bytes that a header's text stands for. One text a value: no second way of writing the same signature is read.
pub(crate) fn decode(encoding: Encoding, text: &str) -> Option<Vec<u8>> {
    match encoding {
        Encoding::Hex => unhex(text),
        Encoding::Base64 => STANDARD.decode(text).ok(),
        Encoding::Base64url => URL_SAFE_NO_PAD.decode(text).ok(),
        Encoding::Plain => Some(text.as_bytes().to_vec()),
    }
}

pub(crate) fn encode(encoding: Encoding, bytes: &[u8]) -> String {
    match encoding {
        Encoding::Hex => hex::encode(bytes),
        Encoding::Base64 => STANDARD.encode(bytes),
        Encoding::Base64url => URL_SAFE_NO_PAD.encode(bytes),
        Encoding::Plain => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// How long a signature is, bytes; none where it depends on the key.
pub(crate) fn signature_bytes(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::HmacSha1 => Some(20),
        Algorithm::HmacSha256 => Some(32),
        Algorithm::HmacSha384 => Some(48),
        Algorithm::HmacSha512 | Algorithm::Ed25519 => Some(64),
        Algorithm::RsaSha256 | Algorithm::SharedToken => None,
    }
}

/// Digits, all in one case.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let mixed = text.bytes().any(|b| b.is_ascii_lowercase()) && text.bytes().any(|b| b.is_ascii_uppercase());
    if mixed { None } else { hex::decode(text).ok() }
}

fn from_pem(text: &str) -> Option<Vec<u8>> {
    let inside = text.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?.strip_suffix("-----END PUBLIC KEY-----")?;
    let digits: String = inside.split_ascii_whitespace().collect();
    STANDARD.decode(digits).ok()
}

/// The RSAPublicKey inside a SubjectPublicKeyInfo (RFC 5280): a sequence of the algorithm and a string of whole bytes.
fn rsa_of(spki: &[u8]) -> Option<&[u8]> {
    const RSA_ENCRYPTION: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
    let (outer, []) = der(0x30, spki)? else { return None };
    let (algorithm, rest) = der(0x30, outer)?;
    let (bits, []) = der(0x03, rest)? else { return None };
    let key = bits.strip_prefix(&[0]).filter(|_| algorithm == RSA_ENCRYPTION)?;
    let (inside, []) = der(0x30, key)? else { return None };
    let (modulus, exponent) = der(0x02, inside)?;
    let (_, []) = der(0x02, exponent)? else { return None };
    let modulus = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    MODULUS_BYTES.contains(&modulus.len()).then_some(key)
}

/// The value of the element of this tag at the beginning, and what follows it. Lengths up to 65,535 bytes.
fn der(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match bytes.strip_prefix(&[tag])? {
        [length @ ..=0x7f, rest @ ..] => (usize::from(*length), rest),
        [0x81, length, rest @ ..] => (usize::from(*length), rest),
        [0x82, high, low, rest @ ..] => (usize::from(*high) << 8 | usize::from(*low), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn bad_keys_are_refused_with_a_reason() {
        let identity = format!("01{}", "00".repeat(31));
        for (form, algorithm, text, reason) in [
            (KeyForm::Text, Algorithm::HmacSha256, "fifteen letters", "16 bytes"),
            (KeyForm::Hex, Algorithm::HmacSha256, "zz", "hexadecimal"),
            (KeyForm::Hex, Algorithm::HmacSha256, "Ab", "hexadecimal"),
            (KeyForm::Whsec, Algorithm::HmacSha256, "whsec_AAAA", "24 to 64"),
            (KeyForm::Hex, Algorithm::Ed25519, "00", "32 bytes"),
            (KeyForm::Hex, Algorithm::Ed25519, identity.as_str(), "no Ed25519 key"),
            (KeyForm::Whpk, Algorithm::Ed25519, "whsec_AAAA", "whpk_"),
            (KeyForm::Pem, Algorithm::RsaSha256, "-----BEGIN PUBLIC KEY-----", "PEM"),
            (KeyForm::Pem, Algorithm::RsaSha256, "-----BEGIN PUBLIC KEY-----AAAA-----END PUBLIC KEY-----", "RSA"),
        ] {
            let refused = read_key(form, algorithm, text).err().expect("refused");
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }

    #[test]
    fn one_signature_has_one_text() {
        assert_eq!(decode(Encoding::Hex, "00aF"), None);
        assert_eq!(decode(Encoding::Hex, "00AF"), Some(vec![0, 0xaf]));
        assert_eq!(decode(Encoding::Base64, "AAF="), None, "bits that mean nothing must be zero");
        assert_eq!(decode(Encoding::Base64, "AAE"), None, "no padding");
        assert_eq!(decode(Encoding::Base64url, "AAE="), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_no_signature_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,300}") {
            let algorithms = [Algorithm::HmacSha1, Algorithm::HmacSha256, Algorithm::HmacSha384, Algorithm::HmacSha512, Algorithm::Ed25519, Algorithm::RsaSha256];
            for algorithm in algorithms {
                for form in [KeyForm::Text, KeyForm::Hex, KeyForm::Base64, KeyForm::Whsec, KeyForm::Whpk, KeyForm::Pem] {
                    if let Ok(key) = read_key(form, algorithm, &text) {
                        prop_assert!(!holds(algorithm, &key, &[b"something"], &bytes));
                    }
                }
            }
        }
    }
}
