//! What the fuzz targets see of this crate: it is built for them alone.

use ring::signature::{Ed25519KeyPair, KeyPair};

use crate::tokens::{Claims, Expected, Jws, Key, Refusal, key_set, text};

/// The one key that signs: its seed is known, and so everybody can.
fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a pair")
}

/// A token of these bytes, whatever they are, with a good signature.
pub fn sign(header: &[u8], payload: &[u8]) -> String {
    let signed = format!("{}.{}", text(header), text(payload));
    format!("{signed}.{}", text(pair().sign(signed.as_bytes())))
}

/// What a token says, if the key, which is called `k`, signed it for `us` in the name of `it`.
///
/// # Errors
/// [`Refusal`].
pub fn read(token: &str, now_ms: i64) -> Result<Claims, Refusal> {
    let jws = Jws::read(token).map_err(Refusal::Bad)?;
    jws.signed_by(&[Key::ed25519("k".to_owned(), pair().public_key().as_ref())])?;
    let said = jws.claims().ok_or(Refusal::Bad("no object"))?;
    Claims::judge(said, &Expected { issuer: "it", audience: "us", parties: &[] }, now_ms)
}

/// How many keys of a key set can be used; none where it is no key set.
pub fn keys(body: &[u8]) -> Option<usize> {
    key_set(body, &crate::tokens::Algorithm::ALL, kernel::limits::ISSUER_KEYS).map(|keys| keys.len())
}
