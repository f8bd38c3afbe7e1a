//! Our own tokens: short, for sockets and for programs that act for a person.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Clock, Entropy, Problem, SealKey, Secret, limits};
use serde_json::{Map, Value, json};
use store::{Store, StoreError};

use super::claims::{self, Claims, Expected};
use super::jws::{Doubt, Jws};
use super::keys::{Keys, PublicKey};
use super::{Refusal, strict};

/// What only we say in a token.
const OURS: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];
/// Of a token's own name (`jti`), which is written as hexadecimal digits.
pub(crate) const ID_BYTES: usize = 16;

/// What a token of ours is for. One that was made for one thing is refused for every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// To act for a person in requests and on sockets (RFC 9068).
    Access,
    /// To be let into a channel of realtime.
    Subscription,
    /// To be let into realtime, and nowhere else: made for a person by a program.
    Connection,
}

impl Purpose {
    /// The token's `typ`.
    const fn kind(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Subscription => "subscription+jwt",
            Self::Connection => "connection+jwt",
        }
    }

    /// The token's `aud`.
    const fn audience(self) -> &'static str {
        match self {
            Self::Access => "mainspring",
            Self::Subscription => "mainspring:subscription",
            Self::Connection => "mainspring:connection",
        }
    }
}

/// Why no token was made.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unissued {
    /// The store does not say which key signs.
    #[error("the key that signs tokens cannot be read")]
    Store(#[from] StoreError),
    /// The key that signs does not open: this process has another seal key than the one that made it.
    #[error("the key that signs tokens does not open with this deployment's key")]
    Sealed,
    /// There can be no such token: a bug of ours.
    #[error("no token can be made: {0}")]
    Wrong(&'static str),
}

impl From<Unissued> for Problem {
    fn from(unissued: Unissued) -> Self {
        match unissued {
            Unissued::Store(error) => error.into(),
            Unissued::Sealed | Unissued::Wrong(_) => Self::internal(unissued),
        }
    }
}

/// Makes and checks tokens of one purpose. Clones are handles to the same keys.
#[derive(Clone)]
pub struct Tokens {
    keys: Arc<Keys>,
    issuer: Arc<str>,
    purpose: Purpose,
}

impl Tokens {
    /// Tokens for [`Purpose::Access`]. Keys are made when first needed, in the store, sealed by `seal`. They say to be made by
    /// `urn:mainspring:` and the database's name, so that no deployment takes those of another.
    pub fn new(store: Store, clock: Clock, entropy: Entropy, seal: SealKey) -> Self {
        let issuer = format!("urn:mainspring:{}", store.id()).into();
        Self { keys: Arc::new(Keys::new(store, clock, entropy, seal)), issuer, purpose: Purpose::Access }
    }

    /// The same keys, for another purpose.
    #[must_use]
    pub fn meant_for(&self, purpose: Purpose) -> Self {
        Self { purpose, ..self.clone() }
    }

    /// Who our tokens say made them (`iss`).
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Makes a token that speaks of `sub` (1 to 255 bytes, no control characters) for `ttl` ([`limits::TOKEN_TTL_MS`] at most), with
    /// `extra` claims of the caller's, none of them one that a token has anyway.
    ///
    /// # Errors
    /// [`Unissued`].
    pub async fn issue(&self, sub: &str, ttl: Duration, extra: Map<String, Value>) -> Result<Secret, Unissued> {
        let ttl_ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        if !(1000..=limits::TOKEN_TTL_MS).contains(&ttl_ms) {
            return Err(Unissued::Wrong("it would live for less than a second or too long"));
        }
        if !claims::is_subject(sub) {
            return Err(Unissued::Wrong("its subject is no name"));
        }
        if OURS.iter().any(|name| extra.contains_key(*name)) {
            return Err(Unissued::Wrong("a claim of the caller's is one of ours"));
        }
        let set = self.keys.signing().await?;
        let signer = set.signer.as_ref().ok_or(Unissued::Sealed)?;
        let now_ms = self.keys.clock.now_ms();
        let mut said = extra;
        let ours = [
            ("iss", json!(&*self.issuer)),
            ("sub", json!(sub)),
            ("aud", json!(self.purpose.audience())),
            ("iat", json!(now_ms / 1000)),
            ("exp", json!((now_ms + ttl_ms) / 1000)),
            ("jti", json!(self.keys.entropy.token(ID_BYTES))),
        ];
        said.extend(ours.map(|(name, value)| (name.to_owned(), value)));
        let header = json!({"alg": "EdDSA", "kid": signer.kid, "typ": self.purpose.kind()});
        let text = format!("{}.{}", strict::text(header.to_string()), strict::text(Value::Object(said).to_string()));
        let token = format!("{text}.{}", strict::text(signer.pair.sign(text.as_bytes())));
        if token.len() > limits::TOKEN_BYTES {
            return Err(Unissued::Wrong("it would be too long"));
        }
        Ok(Secret::new(token))
    }

    /// What a token calls itself (`jti`). It proves nothing.
    pub fn name_of(token: &Secret) -> Option<String> {
        Jws::read(token.expose()).ok()?.claims()?.get("jti")?.as_str().map(str::to_owned)
    }

    /// Whether a token says that we made it: whom to ask about it, [`Tokens::verify`] or [`crate::issuers::Issuers::verify`]. It proves
    /// nothing.
    pub fn is_named_by(&self, token: &str) -> bool {
        let said = Jws::read(token).ok().and_then(|jws| jws.claims());
        said.is_some_and(|said| said.get("iss").and_then(Value::as_str) == Some(&*self.issuer))
    }

    /// What a token of this purpose says, if one of our keys signed it and it is good at `now_ms` (Unix milliseconds).
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn verify(&self, token: &str, now_ms: i64) -> Result<Claims, Refusal> {
        let jws = Jws::read(token).map_err(Refusal::Bad)?;
        if !jws.is(self.purpose.kind()) {
            return Err(Refusal::Bad("it was made for something else"));
        }
        let away = |error: StoreError| Refusal::Unknown(Arc::new(error));
        let mut signed = jws.signed_by(&self.keys.recent().await.map_err(away)?.keys);
        if signed == Err(Doubt::NoKey) {
            signed = jws.signed_by(&self.keys.newest().await.map_err(away)?.keys);
        }
        signed?;
        let said = jws.claims().ok_or(Refusal::Bad("its payload is no JSON object, or names a member twice"))?;
        let expected = Expected { issuer: &self.issuer, audience: self.purpose.audience(), parties: &[] };
        Claims::judge(said, &expected, now_ms)
    }

    /// Lets the next key sign from now on, everywhere within [`limits::TOKEN_KEYS_LOOK_MS`]; tokens of the old one stay good. `false`,
    /// and nothing is changed, when the next key is so new that others may not know it yet ([`limits::TOKEN_KEYS_MAX_AGE_S`]): of
    /// several calls at once, one rotates. By itself a key rotates after [`limits::TOKEN_KEY_MS`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rotate(&self) -> Result<bool, StoreError> {
        self.keys.rotate().await
    }

    pub(crate) async fn published(&self) -> Result<Vec<PublicKey>, StoreError> {
        Ok(self.keys.recent().await?.published.clone())
    }
}
