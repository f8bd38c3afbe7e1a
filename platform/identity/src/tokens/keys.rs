//! Our signing keys in memory: who signs, who is believed, what is published.

use std::sync::Arc;

use kernel::{Clock, Entropy, SealKey, Secret, limits};
use parking_lot::Mutex;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::Serialize;
use sha2::{Digest, Sha256};
use store::{Store, StoreError};
use utoipa::ToSchema;

use super::jwk::Key;
use super::state::{self, Phase, Turn};
use super::store::{self as rows, Made, Stored};
use super::strict;

/// The public part of a key, as it is published (RFC 8037, section 2).
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct PublicKey {
    /// `OKP`.
    kty: &'static str,
    /// `Ed25519`.
    crv: &'static str,
    /// `EdDSA`.
    alg: &'static str,
    /// `sig`.
    #[serde(rename = "use")]
    used: &'static str,
    /// Its name: the RFC 7638 thumbprint of what it is.
    pub(crate) kid: String,
    /// The key.
    x: String,
}

/// Who signs now.
pub(crate) struct Signer {
    pub(crate) kid: String,
    pub(crate) pair: Ed25519KeyPair,
}

/// The keys as they were at one moment.
pub(crate) struct KeySet {
    read_at_ms: i64,
    /// None when the current key does not open with this deployment's key.
    pub(crate) signer: Option<Signer>,
    /// Whose tokens are believed: the old ones, the current and the next.
    pub(crate) keys: Vec<Key>,
    pub(crate) published: Vec<PublicKey>,
}

/// The keys of this process.
pub(crate) struct Keys {
    store: Store,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    seal: SealKey,
    view: Mutex<View>,
    /// One looks, the others wait for what it sees.
    looking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct View {
    set: Option<Arc<KeySet>>,
    /// The last look, and how it failed, if it did.
    failed: Option<(i64, StoreError)>,
}

impl Keys {
    pub(crate) fn new(store: Store, clock: Clock, entropy: Entropy, seal: SealKey) -> Self {
        Self { store, clock, entropy, seal, view: Mutex::default(), looking: tokio::sync::Mutex::default() }
    }

    /// The keys to read with, no older than [`limits::TOKEN_KEYS_LOOK_MS`]; while the store is away, than
    /// [`limits::TOKEN_KEYS_STALE_MS`].
    pub(crate) async fn recent(&self) -> Result<Arc<KeySet>, StoreError> {
        self.within(limits::TOKEN_KEYS_LOOK_MS, limits::TOKEN_KEYS_STALE_MS).await
    }

    /// The keys to sign with: never older than that. An old key goes when its last token has ended, and a process that signed on with what it
    /// once read would make tokens that nobody takes.
    pub(crate) async fn signing(&self) -> Result<Arc<KeySet>, StoreError> {
        self.within(limits::TOKEN_KEYS_LOOK_MS, limits::TOKEN_KEYS_LOOK_MS).await
    }

    /// The keys, looked at again because one is missing: [`limits::TOKEN_KEYS_MISS_MS`] old at most, so that a flood of forgeries does not
    /// become one of questions.
    pub(crate) async fn newest(&self) -> Result<Arc<KeySet>, StoreError> {
        self.within(limits::TOKEN_KEYS_MISS_MS, 0).await
    }

    /// Lets the next key sign from now on; `false` when it has not been published for [`limits::TOKEN_KEYS_MAX_AGE_S`] yet.
    pub(crate) async fn rotate(&self) -> Result<bool, StoreError> {
        let (rotated, stored) = self.turn(true).await?;
        let set = Arc::new(self.open(stored, self.clock.now_ms()));
        *self.view.lock() = View { set: Some(set), failed: None };
        Ok(rotated)
    }

    async fn within(&self, age_ms: i64, stale_ms: i64) -> Result<Arc<KeySet>, StoreError> {
        if let Some(known) = self.known(age_ms, stale_ms) {
            return known;
        }
        let _one = self.looking.lock().await;
        if let Some(known) = self.known(age_ms, stale_ms) {
            return known;
        }
        let looked = self.look().await;
        let now_ms = self.clock.now_ms();
        match looked {
            Ok(set) => {
                let set = Arc::new(set);
                *self.view.lock() = View { set: Some(set.clone()), failed: None };
                Ok(set)
            }
            Err(error) => {
                tracing::warn!(error = %kernel::problem::chain(&error), "the keys of our tokens could not be read");
                let mut view = self.view.lock();
                view.failed = Some((now_ms, error.clone()));
                view.stale(now_ms, stale_ms).ok_or(error)
            }
        }
    }

    /// What can be said without the store.
    fn known(&self, age_ms: i64, stale_ms: i64) -> Option<Result<Arc<KeySet>, StoreError>> {
        let (now_ms, view) = (self.clock.now_ms(), self.view.lock());
        if let Some((at_ms, error)) = &view.failed
            && (0..limits::TOKEN_KEYS_MISS_MS).contains(&now_ms.saturating_sub(*at_ms))
        {
            return Some(view.stale(now_ms, stale_ms).ok_or_else(|| error.clone()));
        }
        view.stale(now_ms, age_ms).map(Ok)
    }

    async fn look(&self) -> Result<KeySet, StoreError> {
        let now_ms = self.clock.now_ms();
        let stored: Vec<Stored> = self.store.read(async |tx| rows::all(tx).await).await?;
        let lives: Vec<_> = stored.iter().map(|stored| stored.life.clone()).collect();
        let gone = lives.iter().any(|life| life.phase(now_ms) == Phase::Gone);
        if state::due(&lives, now_ms, false) == Turn::Stay && !gone {
            return Ok(self.open(stored, now_ms));
        }
        let (_, stored) = self.turn(false).await?;
        Ok(self.open(stored, now_ms))
    }

    async fn turn(&self, now: bool) -> Result<(bool, Vec<Stored>), StoreError> {
        let (fresh, now_ms) = ([self.make(), self.make()], self.clock.now_ms());
        let (rotated, stored): (bool, Vec<Stored>) =
            self.store.write(async move |tx| rows::turn(tx, fresh, now_ms, now).await).await?;
        if rotated {
            tracing::info!("another key signs our tokens");
        }
        Ok((rotated, stored))
    }

    fn make(&self) -> Made {
        let mut seed = [0; 32];
        self.entropy.fill(&mut seed);
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed");
        let kid = thumbprint(pair.public_key().as_ref());
        let sealed = self.seal.seal(&self.entropy, &purpose(&kid), &Secret::new(strict::text(seed)));
        Made { kid, sealed }
    }

    /// A key whose private part does not open is not believed either: nobody but a Mainspring with our key has made those that do.
    fn open(&self, stored: Vec<Stored>, now_ms: i64) -> KeySet {
        let mut set = KeySet { read_at_ms: now_ms, signer: None, keys: Vec::new(), published: Vec::new() };
        for Stored { key: Made { kid, sealed }, life } in stored {
            let opened = self.seal.open(&purpose(&kid), &sealed).ok().and_then(|seed| pair(&seed));
            let Some(pair) = opened.filter(|pair| thumbprint(pair.public_key().as_ref()) == kid) else {
                tracing::warn!(kid, "a key of our tokens does not open with this deployment's key");
                continue;
            };
            let public = pair.public_key().as_ref();
            set.keys.push(Key::ed25519(kid.clone(), public));
            set.published.push(PublicKey {
                kty: "OKP",
                crv: "Ed25519",
                alg: "EdDSA",
                used: "sig",
                kid: kid.clone(),
                x: strict::text(public),
            });
            if life.phase(now_ms) == Phase::Current {
                set.signer = Some(Signer { kid, pair });
            }
        }
        set
    }
}

impl View {
    /// The keys, if they are younger than this. A clock that was set back makes them neither young nor old: they are read again.
    fn stale(&self, now_ms: i64, age_ms: i64) -> Option<Arc<KeySet>> {
        self.set.as_ref().filter(|set| (0..age_ms).contains(&now_ms.saturating_sub(set.read_at_ms))).cloned()
    }
}

fn pair(seed: &Secret) -> Option<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(&strict::bytes(seed.expose())?).ok()
}

/// What the private part of a key is sealed for: its row, and no other.
fn purpose(kid: &str) -> String {
    format!("token_keys:{kid}")
}

/// RFC 7638 over the members that RFC 8037, section 2, names, in the order of the alphabet.
fn thumbprint(public: &[u8]) -> String {
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, strict::text(public));
    strict::text(Sha256::digest(members))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_has_its_name() {
        let public = strict::bytes("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").expect("bytes");
        assert_eq!(thumbprint(&public), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "RFC 8037, appendix A.3");
    }
}
