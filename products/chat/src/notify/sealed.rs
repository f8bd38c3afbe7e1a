//! A push message that only the browser reads it is for (RFC 8291, over the content encoding of RFC 8188). Pure: the randomness is
//! passed in.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdh::diffie_hellman;
use p256::elliptic_curve::sec1::ToSec1Point;
use p256::{PublicKey, SecretKey};
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;

/// A public key as it is sent, bytes: a point, not compressed.
pub(crate) const POINT_BYTES: usize = 65;
const AUTH_BYTES: usize = 16;
pub(crate) const SALT_BYTES: usize = 16;
/// What one record holds at most; one is all there is (RFC 8291, section 4).
const RECORD_BYTES: u32 = 4_096;
/// Ends the last record's text; zeros that follow it would be padding (RFC 8188, section 2).
const LAST: u8 = 2;

/// What a browser gave for messages to it.
#[derive(Clone)]
pub(crate) struct Reader {
    key: PublicKey,
    auth: [u8; AUTH_BYTES],
}

impl Reader {
    /// From `p256dh` and `auth`, in base64url as browsers write them. `None` for what is no such key.
    pub(crate) fn of(p256dh: &str, auth: &str) -> Option<Self> {
        let point = URL_SAFE_NO_PAD.decode(p256dh.trim_end_matches('=')).ok()?;
        let auth = URL_SAFE_NO_PAD.decode(auth.trim_end_matches('=')).ok()?.try_into().ok()?;
        if point.len() != POINT_BYTES {
            return None;
        }
        Some(Self { key: PublicKey::from_sec1_bytes(&point).ok()?, auth })
    }
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    parts.iter().for_each(|part| context.update(part));
    context.sign()
}

/// A public key as it is sent.
pub(crate) fn point(of: &PublicKey) -> Vec<u8> {
    of.to_sec1_point(false).as_bytes().to_vec()
}

/// Seals `plain` for a reader, with a key and a salt that are used this once. `None` when it is longer than one record holds.
pub(crate) fn seal(plain: &[u8], reader: &Reader, once: &SecretKey, salt: [u8; SALT_BYTES]) -> Option<Vec<u8>> {
    let (ours, theirs) = (point(&once.public_key()), point(&reader.key));
    let shared = diffie_hellman(once.to_nonzero_scalar(), reader.key.as_affine());
    let prk = hmac(&reader.auth, &[shared.raw_secret_bytes()]);
    let secret = hmac(prk.as_ref(), &[b"WebPush: info\0", &theirs, &ours, &[1]]);
    let prk = hmac(&salt, &[secret.as_ref()]);
    let key = hmac(prk.as_ref(), &[b"Content-Encoding: aes128gcm\0", &[1]]);
    let nonce = hmac(prk.as_ref(), &[b"Content-Encoding: nonce\0", &[1]]);

    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key.as_ref()[..16]).ok()?);
    let nonce = Nonce::try_assume_unique_for_key(&nonce.as_ref()[..12]).ok()?;
    let mut record = [plain, &[LAST]].concat();
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut record).ok()?;
    if record.len() > usize::try_from(RECORD_BYTES).ok()? {
        return None;
    }
    let id_length = u8::try_from(ours.len()).ok()?;
    Some([&salt[..], &RECORD_BYTES.to_be_bytes(), &[id_length], &ours, &record].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(text).expect("base64url")
    }

    /// RFC 8291, section 5 and appendix A.
    #[test]
    fn the_example_of_the_standard_is_sealed_as_it_stands_there() {
        let reader = Reader::of(
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "BTBZMqHH6r4Tts7J_aSIgg",
        );
        let once = SecretKey::from_slice(&bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")).expect("a key");
        let salt = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().expect("16 bytes");
        let plain = b"When I grow up, I want to be a watermelon";
        let sealed = seal(plain, &reader.expect("keys"), &once, salt).expect("it fits");
        assert_eq!(
            URL_SAFE_NO_PAD.encode(sealed),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn what_is_no_key_is_no_reader() {
        let (key, auth) = (
            "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "BTBZMqHH6r4Tts7J_aSIgg",
        );
        assert!(Reader::of(key, auth).is_some() && Reader::of(&format!("{key}="), &format!("{auth}==")).is_some());
        // Not on the curve: its secret would tell our key, were it one that is used again.
        let mut off = bytes(key);
        off[64] ^= 1;
        let off = URL_SAFE_NO_PAD.encode(off);
        let compressed = URL_SAFE_NO_PAD.encode([&[2], &bytes(key)[1..33]].concat());
        let zero = URL_SAFE_NO_PAD.encode([0; POINT_BYTES]);
        for bad in ["", "x", &off, &compressed, &zero, &key[..80]] {
            assert!(Reader::of(bad, auth).is_none(), "{bad}");
        }
        for bad in ["", "BTBZMqHH6r4Tts7J_aSI", "%%%", &auth.repeat(2)] {
            assert!(Reader::of(key, bad).is_none(), "{bad}");
        }
        let reader = Reader::of(key, auth).expect("keys");
        let once = SecretKey::from_slice(&[7; 32]).expect("a key");
        assert!(seal(&[0; 4_079], &reader, &once, [0; 16]).is_some());
        assert!(seal(&[0; 4_080], &reader, &once, [0; 16]).is_none(), "more than a record");
    }
}
