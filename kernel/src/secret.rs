//! Values that never print, and the key that seals them where they are stored.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use crate::Entropy;

/// A text that must not reach a log, an error or a page: no `Display`, and `Debug` prints `[secret]`.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Each call is a place to look at in review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// The sealed bytes were made by another key, for another purpose, or were changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored secret does not open with this key")]
pub struct SealBroken;

/// The deployment's key: 32 bytes of the data directory, never stored beside what it seals.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

const NONCE_BYTES: usize = 24;

impl SealKey {
    /// A key from its 32 bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Seals `plain` with XChaCha20-Poly1305. `purpose` (table and row) is authenticated, so that a sealed value moved
    /// to another row no longer opens.
    pub fn seal(&self, entropy: &Entropy, purpose: &str, plain: &Secret) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let payload = Payload { msg: plain.0.as_bytes(), aad: purpose.as_bytes() };
        let sealed =
            self.cipher().encrypt(&XNonce::from(nonce), payload).expect("a secret is far below the cipher's bound");
        [&nonce[..], &sealed].concat()
    }

    /// Opens what [`SealKey::seal`] made for the same `purpose`.
    ///
    /// # Errors
    /// [`SealBroken`] for another key, another purpose or a changed byte.
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Secret, SealBroken> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(SealBroken)?;
        let payload = Payload { msg: sealed, aad: purpose.as_bytes() };
        let plain = self.cipher().decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealBroken)?;
        String::from_utf8(plain).map(Secret).map_err(|_| SealBroken)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "[secret] Some([secret])");
        assert_eq!(format!("{:?}", SealKey::new([1; 32])), "[secret]");
    }

    #[test]
    fn sealed_opens_only_with_its_key_and_purpose() {
        let (key, entropy) = (SealKey::new([1; 32]), Entropy::seeded(4));
        let plain = Secret::new("whsec");
        let sealed = key.seal(&entropy, "source:github", &plain);
        assert_eq!(key.open("source:github", &sealed), Ok(plain.clone()));
        assert_eq!(key.open("source:slack", &sealed), Err(SealBroken));
        assert_eq!(SealKey::new([2; 32]).open("source:github", &sealed), Err(SealBroken));
        assert_ne!(sealed, key.seal(&entropy, "source:github", &plain), "a nonce is never used twice");
        for i in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[i] ^= 1;
            assert_eq!(key.open("source:github", &changed), Err(SealBroken));
        }
        assert_eq!(key.open("source:github", b"short"), Err(SealBroken));
    }
}
