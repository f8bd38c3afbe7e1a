//! Keys that tokens are checked with (RFC 7517). A key says itself what it can be used for; a token has no say in it.

use ring::hmac;
use ring::signature::{RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Map, Value};

use super::algorithm::{Algorithm, Family};
use super::strict;

/// RSA moduli, bytes: 2048 to 8192 bits, which is what is checked with them.
const MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// The id of a key, bytes.
const KID_BYTES: usize = 512;

/// A key, what it is called and how it may be used.
#[derive(Clone)]
pub(crate) struct Key {
    kid: Option<String>,
    material: Material,
    /// All of the material's family.
    algorithms: Vec<Algorithm>,
}

#[derive(Clone)]
enum Material {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// A point, as the curve's signatures want it.
    Point(Vec<u8>),
    Secret(Vec<u8>),
}

impl Key {
    /// A public key of a key set; `None` when it is for something else (`use`, `key_ops`, `alg`), of a kind that is not used here, too
    /// weak, or no public key at all: secrets never come from a key set, and a key whose private part is published is nobody's.
    pub(crate) fn from_jwk(jwk: &Map<String, Value>, allowed: &[Algorithm]) -> Option<Self> {
        let says = |name: &str| jwk.get(name).and_then(Value::as_str);
        let part = |name: &str| says(name).and_then(strict::bytes);
        let exactly = |name: &str, length: usize| part(name).filter(|bytes| bytes.len() == length);
        let point = |length: usize| Some([vec![4], exactly("x", length)?, exactly("y", length)?].concat());
        if jwk.contains_key("d") || jwk.contains_key("k") {
            return None;
        }
        let (family, material) = match (says("kty")?, says("crv")) {
            ("RSA", _) => (Family::Rsa, Material::Rsa { n: modulus(part("n")?)?, e: exponent(part("e")?)? }),
            ("EC", Some("P-256")) => (Family::P256, Material::Point(point(32)?)),
            ("EC", Some("P-384")) => (Family::P384, Material::Point(point(48)?)),
            ("OKP", Some("Ed25519")) => (Family::Ed25519, Material::Point(exactly("x", 32)?)),
            _ => return None,
        };
        if !for_signatures(jwk) {
            return None;
        }
        let algorithms: Vec<_> = allowed
            .iter()
            .copied()
            .filter(|algorithm| algorithm.family() == family)
            .filter(|algorithm| jwk.get("alg").is_none_or(|alg| alg.as_str() == Some(algorithm.name())))
            .collect();
        if algorithms.is_empty() {
            return None;
        }
        let kid = match jwk.get("kid") {
            None => None,
            Some(kid) => Some(kid.as_str().filter(|kid| kid.len() <= KID_BYTES)?.to_owned()),
        };
        Some(Self { kid, material, algorithms })
    }

    /// A public Ed25519 key of ours.
    pub(crate) fn ed25519(kid: String, public: &[u8]) -> Self {
        Self { kid: Some(kid), material: Material::Point(public.to_vec()), algorithms: vec![Algorithm::EdDsa] }
    }

    /// A secret that an operator configured; `None` when it is too short for one of these algorithms, or one of them has no secret.
    pub(crate) fn secret(secret: &[u8], algorithms: &[Algorithm]) -> Option<Self> {
        let fits = |algorithm: &Algorithm| algorithm.hmac().is_some_and(|(_, least)| secret.len() >= least);
        let fit = !algorithms.is_empty() && algorithms.iter().all(fits);
        fit.then(|| Self { kid: None, material: Material::Secret(secret.to_vec()), algorithms: algorithms.to_vec() })
    }

    /// Whether a token that names this key, or none, may be meant for it. A secret has no name: it is the only one of its issuer.
    pub(crate) fn is_called(&self, kid: Option<&str>) -> bool {
        kid.is_none() || matches!(self.material, Material::Secret(_)) || self.kid.as_deref() == kid
    }

    /// Whether this key may be used so.
    pub(crate) fn takes(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// Whether this is the key's signature of these bytes. Anything that is not in order is a no.
    pub(crate) fn signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.takes(algorithm) {
            return false;
        }
        match &self.material {
            Material::Rsa { n, e } => algorithm
                .rsa()
                .is_some_and(|rsa| RsaPublicKeyComponents { n, e }.verify(rsa, message, signature).is_ok()),
            Material::Point(point) => algorithm
                .curve()
                .is_some_and(|curve| UnparsedPublicKey::new(curve, point).verify(message, signature).is_ok()),
            Material::Secret(secret) => algorithm
                .hmac()
                .is_some_and(|(hash, _)| hmac::verify(&hmac::Key::new(hash, secret), message, signature).is_ok()),
        }
    }
}

/// The public keys of a key set that can be used, of its first `most`; `None` when it is no key set. Others are passed over, as RFC
/// 7517, section 5, asks.
pub(crate) fn key_set(body: &[u8], allowed: &[Algorithm], most: usize) -> Option<Vec<Key>> {
    let document = strict::object(body)?;
    let keys = document.get("keys")?.as_array()?;
    Some(keys.iter().take(most).filter_map(|jwk| Key::from_jwk(jwk.as_object()?, allowed)).collect())
}

fn for_signatures(jwk: &Map<String, Value>) -> bool {
    let used = jwk.get("use").is_none_or(|used| used.as_str() == Some("sig"));
    let verifies = |operations: &Value| {
        operations.as_array().is_some_and(|list| list.iter().any(|operation| operation.as_str() == Some("verify")))
    };
    used && jwk.get("key_ops").is_none_or(verifies)
}

/// Numbers have no leading zero (RFC 7518, section 6.3.1).
fn modulus(n: Vec<u8>) -> Option<Vec<u8>> {
    (MODULUS_BYTES.contains(&n.len()) && n[0] != 0).then_some(n)
}

fn exponent(e: Vec<u8>) -> Option<Vec<u8>> {
    // 1 and even numbers are no exponents; what is under 65537 is, and makes nothing of ours weaker.
    let odd = e.last().is_some_and(|last| last & 1 == 1);
    (odd && e[0] != 0 && e.len() <= 5 && e != [1]).then_some(e)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key(jwk: &Value, allowed: &[Algorithm]) -> Option<Key> {
        Key::from_jwk(jwk.as_object().expect("an object"), allowed)
    }

    fn with(mut jwk: Value, name: &str, value: Value) -> Value {
        jwk[name] = value;
        jwk
    }

    #[test]
    fn a_key_that_is_for_something_else_is_passed_over() {
        let good = json!({"kty": "OKP", "crv": "Ed25519", "x": strict::text([7; 32]), "kid": "1"});
        assert!(key(&good, &Algorithm::ALL).is_some());
        assert!(key(&good, &[Algorithm::Es256, Algorithm::Hs256]).is_none(), "not allowed here");
        for (name, value) in [
            ("use", json!("enc")),
            ("use", json!(1)),
            ("key_ops", json!(["sign"])),
            ("key_ops", json!("verify")),
            ("alg", json!("ES256")),
            ("alg", json!("none")),
            ("alg", json!(null)),
            ("d", json!("AQ")),
            ("k", json!("AQ")),
            ("x", json!(strict::text([7; 31]))),
            ("x", json!(strict::text([7; 33]))),
            ("x", json!(format!("{}=", strict::text([7; 32])))),
            ("kid", json!(7)),
            ("kid", json!("k".repeat(KID_BYTES + 1))),
            ("crv", json!("Ed448")),
            ("crv", json!("P-256")),
            ("kty", json!("oct")),
            ("kty", json!("EC")),
        ] {
            assert!(key(&with(good.clone(), name, value.clone()), &Algorithm::ALL).is_none(), "{name} {value}");
        }
        for (name, value) in [("use", json!("sig")), ("key_ops", json!(["verify"])), ("alg", json!("EdDSA"))] {
            assert!(key(&with(good.clone(), name, value.clone()), &Algorithm::ALL).is_some(), "{name} {value}");
        }
    }

    #[test]
    fn an_rsa_key_is_long_enough_and_written_in_one_way() {
        let rsa = |n: Vec<u8>, e: &[u8]| json!({"kty": "RSA", "n": strict::text(n), "e": strict::text(e)});
        let number = |length: usize| [vec![0x80], vec![1; length - 1]].concat();
        for (good, jwk) in [
            (true, rsa(number(256), &[1, 0, 1])),
            (true, rsa(number(1024), &[3])),
            (false, rsa(number(255), &[1, 0, 1])),
            (false, rsa(number(1025), &[1, 0, 1])),
            (false, rsa([vec![0], number(256)].concat(), &[1, 0, 1])),
            (false, rsa(number(256), &[1])),
            (false, rsa(number(256), &[2])),
            (false, rsa(number(256), &[])),
            (false, rsa(number(256), &[0, 1, 0, 1])),
            (false, rsa(number(256), &[1, 0, 0, 0, 0, 1])),
        ] {
            assert_eq!(key(&jwk, &Algorithm::ALL).is_some(), good, "{jwk}");
        }
    }

    #[test]
    fn a_secret_is_as_long_as_its_hash() {
        assert!(Key::secret(&[7; 32], &[Algorithm::Hs256]).is_some());
        assert!(Key::secret(&[7; 31], &[Algorithm::Hs256]).is_none());
        assert!(Key::secret(&[7; 63], &[Algorithm::Hs256, Algorithm::Hs512]).is_none());
        assert!(Key::secret(&[7; 64], &[]).is_none());
        assert!(Key::secret(&[7; 64], &[Algorithm::EdDsa]).is_none());
    }

    #[test]
    fn a_set_is_read_up_to_its_bound_and_no_secret_comes_out_of_it() {
        let one = json!({"kty": "OKP", "crv": "Ed25519", "x": strict::text([7; 32])});
        let oct = json!({"kty": "oct", "k": strict::text([7; 64]), "alg": "HS256"});
        let many = json!({"keys": vec![one.clone(); 5]}).to_string();
        assert_eq!(key_set(many.as_bytes(), &Algorithm::ALL, 3).map(|keys| keys.len()), Some(3));
        let mixed = json!({"keys": [oct, 7, null, one], "more": 1}).to_string();
        assert_eq!(key_set(mixed.as_bytes(), &Algorithm::ALL, 100).map(|keys| keys.len()), Some(1));
        for wrong in ["{}", r#"{"keys":{}}"#, "[]", "", "<html>", r#"{"keys":[],"keys":[]}"#] {
            assert!(key_set(wrong.as_bytes(), &Algorithm::ALL, 100).is_none(), "{wrong}");
        }
    }
}
