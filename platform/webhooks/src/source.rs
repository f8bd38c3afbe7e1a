//! A source: an address of ours where one sender delivers, with its secrets.

use kernel::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::crypto;
use crate::custom::Custom;
use crate::rate::Rate;
use crate::scheme::{SecretFrom, Sender};

/// Where a source comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Its secret is in the environment variable that its sender names.
    Environment,
    /// Its secret was made at the first run.
    Generated,
    /// An operator made it.
    Operator,
}

/// What an operator may set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Body at most, bytes; the sender's own bound unless said.
    pub body_bytes: Option<usize>,
    /// Deliveries a second at most; more are told to come again, or wait in a file where the sender does not come again.
    pub rate_per_second: Option<u32>,
    /// How it signs, for a `generic` source.
    pub custom: Option<Custom>,
    /// Where the sender's public key is fetched, where it publishes one; the sender's own address unless said.
    pub key_url: Option<String>,
    /// The hub that is asked for topics, where the sender has one; the sender's own unless said.
    pub hub_url: Option<String>,
}

/// A secret, and until when it counts.
#[derive(Clone, Debug)]
pub(crate) struct ActiveKey {
    pub(crate) id: i64,
    pub(crate) secret: Secret,
    pub(crate) created_at_ms: i64,
    /// When it was last fetched from where the sender publishes it.
    pub(crate) fetched_at_ms: Option<i64>,
    /// It counts before this and not after.
    pub(crate) until_ms: Option<i64>,
}

/// A source with everything that a delivery is judged by. It never changes: a change makes another.
pub(crate) struct Source {
    pub(crate) name: String,
    known: &'static Sender<'static>,
    pub(crate) enabled: bool,
    pub(crate) token: Option<Secret>,
    /// The newest first.
    pub(crate) keys: Vec<ActiveKey>,
    pub(crate) settings: Settings,
    pub(crate) origin: Origin,
    pub(crate) created_at_ms: i64,
    pub(crate) rate: Option<Rate>,
}

impl ActiveKey {
    pub(crate) fn counts(&self, now_ms: i64) -> bool {
        self.until_ms.is_none_or(|until_ms| now_ms < until_ms)
    }
}

impl Source {
    pub(crate) fn new(name: String, known: &'static Sender<'static>, origin: Origin, settings: Settings) -> Self {
        let rate = settings.rate_per_second.map(Rate::new);
        Self { name, known, enabled: true, token: None, keys: Vec::new(), settings, origin, created_at_ms: 0, rate }
    }

    /// Who sends here.
    pub(crate) fn sender(&self) -> Sender<'_> {
        let sender = match &self.settings.custom {
            Some(custom) => custom.sender(self.known),
            None => *self.known,
        };
        Sender { body_bytes: self.settings.body_bytes.unwrap_or(sender.body_bytes), ..sender }
    }

    /// Where its sender publishes the key that counts here, and the pointer to it; none where the operator gave a key.
    pub(crate) fn follows(&self) -> Option<(&str, &'static str)> {
        let SecretFrom::Published(published) = self.known.secret else { return None };
        let newest = self.keys.first().filter(|_| self.origin != Origin::Environment)?;
        let follows = newest.fetched_at_ms.is_some() || newest.secret.expose() == published.key;
        follows.then(|| (self.settings.key_url.as_deref().unwrap_or(published.url), published.at))
    }

    /// The hub that is asked for its topics.
    pub(crate) fn hub(&self) -> Option<&str> {
        let own = self.settings.hub_url.as_deref().unwrap_or(self.known.hub);
        (self.known.hub_verifies && !own.is_empty()).then_some(own)
    }

    pub(crate) fn sender_name(&self) -> &'static str {
        self.known.name
    }

    /// The secrets that count now, the newest first. A published key counts where none was given.
    pub(crate) fn secrets(&self, now_ms: i64) -> Vec<&Secret> {
        self.keys.iter().filter(|key| key.counts(now_ms)).map(|key| &key.secret).collect()
    }

    /// Whether a delivery can be judged here at all.
    pub(crate) fn can_verify(&self, now_ms: i64) -> bool {
        self.known.secret == SecretFrom::Nobody || self.keys.iter().any(|key| key.counts(now_ms))
    }

    /// Whether this is its address: without a token, or with the right one.
    pub(crate) fn is_at(&self, token: Option<&str>) -> bool {
        match (&self.token, token) {
            (None, None) => true,
            (Some(own), Some(given)) => crypto::same(own.expose().as_bytes(), given.as_bytes()),
            _ => false,
        }
    }

    /// Its address without the token: what may be shown.
    pub(crate) fn path(&self) -> String {
        let token = if self.token.is_some() { "/{token}" } else { "" };
        format!("/in/{}{token}", self.name)
    }

    /// Its whole address.
    pub(crate) fn secret_path(&self) -> String {
        match &self.token {
            Some(token) => format!("/in/{}/{}", self.name, token.expose()),
            None => format!("/in/{}", self.name),
        }
    }
}

/// What is wrong with a secret for this sender.
pub(crate) fn unfit(sender: &Sender<'_>, secret: &str) -> Option<&'static str> {
    let mut reasons = sender.proofs.iter().map(|proof| crypto::read_key(proof.key, proof.algorithm, secret).err());
    // One proof that can read it is enough; else the first says why not.
    let first = reasons.next()?;
    if first.is_none() || reasons.any(|reason| reason.is_none()) { None } else { first }
}
