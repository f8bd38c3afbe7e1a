//! The ways to sign that are believed, and which keys they go with.

use ring::{hmac, signature};
use serde::{Deserialize, Serialize};

/// A way to sign a token (RFC 7518, section 3.1; RFC 8037, section 3.1). There is no `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Algorithm {
    /// RSA, PKCS #1 1.5, SHA-256.
    Rs256,
    /// RSA, PKCS #1 1.5, SHA-384.
    Rs384,
    /// RSA, PKCS #1 1.5, SHA-512.
    Rs512,
    /// RSA, PSS, SHA-256.
    Ps256,
    /// RSA, PSS, SHA-384.
    Ps384,
    /// RSA, PSS, SHA-512.
    Ps512,
    /// ECDSA over P-256, SHA-256.
    Es256,
    /// ECDSA over P-384, SHA-384.
    Es384,
    /// Ed25519.
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// A shared secret, SHA-256.
    Hs256,
    /// A shared secret, SHA-384.
    Hs384,
    /// A shared secret, SHA-512.
    Hs512,
}

/// What a key is: it decides which algorithms there are to choose from, whatever a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Rsa,
    P256,
    P384,
    Ed25519,
    Secret,
}

impl Algorithm {
    /// Every one.
    pub const ALL: [Self; 12] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
        Self::EdDsa,
        Self::Hs256,
        Self::Hs384,
        Self::Hs512,
    ];

    /// As the header of a token writes it; the case counts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }

    /// The one that is written so.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Whether whoever can check a token can make one.
    pub fn is_symmetric(self) -> bool {
        self.family() == Family::Secret
    }

    pub(crate) const fn family(self) -> Family {
        match self {
            Self::Rs256 | Self::Rs384 | Self::Rs512 | Self::Ps256 | Self::Ps384 | Self::Ps512 => Family::Rsa,
            Self::Es256 => Family::P256,
            Self::Es384 => Family::P384,
            Self::EdDsa => Family::Ed25519,
            Self::Hs256 | Self::Hs384 | Self::Hs512 => Family::Secret,
        }
    }

    /// How an RSA key of 2048 bits or more is used.
    pub(crate) fn rsa(self) -> Option<&'static signature::RsaParameters> {
        Some(match self {
            Self::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Self::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
            Self::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
            Self::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
            _ => return None,
        })
    }

    /// How a point is used. Signatures are R and S side by side (RFC 7518, section 3.4), never in ASN.1.
    pub(crate) fn curve(self) -> Option<&'static dyn signature::VerificationAlgorithm> {
        Some(match self {
            Self::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::EdDsa => &signature::ED25519,
            _ => return None,
        })
    }

    /// How a secret is used, and how many bytes it must have: as many as the hash gives (RFC 7518, section 3.2).
    pub(crate) fn hmac(self) -> Option<(hmac::Algorithm, usize)> {
        Some(match self {
            Self::Hs256 => (hmac::HMAC_SHA256, 32),
            Self::Hs384 => (hmac::HMAC_SHA384, 48),
            Self::Hs512 => (hmac::HMAC_SHA512, 64),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_in_tokens_and_settings() {
        for algorithm in Algorithm::ALL {
            assert_eq!(Algorithm::named(algorithm.name()), Some(algorithm));
            assert_eq!(serde_json::to_value(algorithm).expect("a name"), algorithm.name());
            let ways = [algorithm.rsa().is_some(), algorithm.curve().is_some(), algorithm.hmac().is_some()];
            assert_eq!(ways.into_iter().filter(|way| *way).count(), 1, "{algorithm:?} has one way");
        }
        for wrong in ["none", "None", "NONE", "nOnE", "", "rs256", "RS256 ", "HS1", "ES256K", "EDDSA", "dir"] {
            assert_eq!(Algorithm::named(wrong), None, "{wrong}");
        }
    }
}
