//! A sign-in that is under way. The browser keeps it, sealed, and nobody else can: so it is bound to that browser, beginning one costs
//! no row, and whichever process the browser comes back to knows what was begun.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Entropy, SealKey, Secret, limits};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::sessions::digest;

/// What the seal is for.
const PURPOSE: &str = "a sign-in under way";
const TOKEN_BYTES: usize = 32;

/// What was begun, and what must come back.
#[derive(Serialize, Deserialize)]
pub(crate) struct Attempt {
    /// The name of the issuer: an answer of another is none to this.
    pub(crate) with: String,
    /// What the answer must repeat.
    pub(crate) state: String,
    /// What the identity token must repeat.
    pub(crate) nonce: String,
    /// What only we know that exchange the code (RFC 7636).
    pub(crate) verifier: String,
    /// Where to go then: a path of ours.
    pub(crate) next: String,
    /// The token of an invitation; empty for none.
    pub(crate) invitation: String,
    /// Unix milliseconds.
    pub(crate) began_ms: i64,
}

impl Attempt {
    pub(crate) fn new(entropy: &Entropy, with: &str, (next, invitation): (&str, &str), now_ms: i64) -> Self {
        Self {
            with: with.to_owned(),
            state: entropy.token(TOKEN_BYTES),
            nonce: entropy.token(TOKEN_BYTES),
            verifier: entropy.token(TOKEN_BYTES),
            next: next.to_owned(),
            invitation: invitation.to_owned(),
            began_ms: now_ms,
        }
    }

    /// What the issuer is shown of the verifier, by the method `S256`.
    pub(crate) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(&self.verifier))
    }

    /// As the browser keeps it.
    pub(crate) fn sealed(&self, key: &SealKey, entropy: &Entropy) -> serde_json::Result<String> {
        let text = Secret::new(serde_json::to_string(self)?);
        Ok(URL_SAFE_NO_PAD.encode(key.seal(entropy, PURPOSE, &text)))
    }

    /// What a browser kept, if it is ours, of this issuer, not older than [`limits::SIGN_IN_ATTEMPT_MS`], and this answer's.
    pub(crate) fn open(key: &SealKey, kept: &str, (with, state): (&str, &str), now_ms: i64) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(kept).ok()?;
        let it: Self = serde_json::from_str(key.open(PURPOSE, &sealed).ok()?.expose()).ok()?;
        let fresh = now_ms <= it.began_ms.saturating_add(limits::SIGN_IN_ATTEMPT_MS);
        // Digests are compared, so that the time it takes says nothing about the state.
        (fresh && it.with == with && digest(&it.state) == digest(state)).then_some(it)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_700_000_000_000;

    #[test]
    fn an_attempt_is_opened_by_its_own_answer_within_ten_minutes() {
        let (key, entropy) = (SealKey::new([1; 32]), Entropy::seeded(4));
        let made = Attempt::new(&entropy, "corp", ("/chat", ""), NOW_MS);
        let kept = made.sealed(&key, &entropy).expect("sealed");
        assert!(kept.len() < 1_000 && !kept.contains(&made.state), "{kept}");
        let open = |kept: &str, with: &str, state: &str, now_ms| Attempt::open(&key, kept, (with, state), now_ms);
        let until_ms = NOW_MS + limits::SIGN_IN_ATTEMPT_MS;
        assert_eq!(open(&kept, "corp", &made.state, until_ms).expect("good").nonce, made.nonce);
        assert!(open(&kept, "corp", &made.state, until_ms + 1).is_none());
        assert!(open(&kept, "other", &made.state, NOW_MS).is_none());
        for state in ["", "x", &made.nonce, &made.state[1..], &format!("{}0", made.state)] {
            assert!(open(&kept, "corp", state, NOW_MS).is_none(), "{state}");
        }
        let other = Attempt::open(&SealKey::new([2; 32]), &kept, ("corp", &made.state), NOW_MS);
        assert!(other.is_none() && open("", "corp", &made.state, NOW_MS).is_none());
        let longest = Attempt { next: "/".repeat(limits::SIGN_IN_NEXT_BYTES), invitation: "0".repeat(64), ..made };
        let kept = longest.sealed(&key, &entropy).expect("sealed");
        assert!(kept.len() < 4_000, "browsers keep cookies of 4096 bytes: {}", kept.len());
    }

    /// RFC 7636, appendix B.
    #[test]
    fn the_challenge_is_what_the_standard_says() {
        let mut it = Attempt::new(&Entropy::seeded(1), "corp", ("/", ""), NOW_MS);
        it.verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned();
        assert_eq!(it.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
