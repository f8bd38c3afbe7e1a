//! Signed tokens, attacked: ours over a real store, and issuers that do as they like.

mod forged;
mod issuer;
mod issuers;
mod ours;
mod published;
mod rotation;
mod troubles;

use std::time::Duration;

use identity::tokens::{Claims, Refusal, Tokens};
use kernel::{Clock, Entropy, SealKey};
use serde_json::{Map, Value, json};
use store::{Durability, Store};

pub(crate) const START_MS: i64 = 1_700_000_000_000;
pub(crate) const MINUTE_MS: i64 = 60_000;
const SEAL: [u8; 32] = [5; 32];

/// A deployment of one process, beside which others can be started.
pub(crate) struct Deployment {
    dir: tempfile::TempDir,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) tokens: Tokens,
}

impl Deployment {
    pub(crate) fn new() -> Self {
        Self::with(Entropy::system())
    }

    pub(crate) fn with(entropy: Entropy) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let clock = Clock::manual(START_MS);
        let store = open(dir.path(), &clock);
        let tokens = Tokens::new(store.clone(), clock.clone(), entropy, SealKey::new(SEAL));
        Self { dir, clock, store, tokens }
    }

    /// Another process on the same database, which has read nothing yet.
    pub(crate) fn beside(&self) -> Tokens {
        self.sealing_with(SEAL)
    }

    pub(crate) fn sealing_with(&self, seal: [u8; 32]) -> Tokens {
        let store = if testkit::on_postgres() { open(self.dir.path(), &self.clock) } else { self.store.clone() };
        Tokens::new(store, self.clock.clone(), Entropy::system(), SealKey::new(seal))
    }

    pub(crate) async fn read(&self, tokens: &Tokens, token: &str) -> Result<Claims, Refusal> {
        tokens.verify(token, self.clock.now_ms()).await
    }

    pub(crate) async fn count(&self) -> i64 {
        let counted: Result<(i64,), store::StoreError> =
            self.store.read(async |tx| tx.one("SELECT COUNT(*) FROM token_keys", &[]).await).await;
        counted.expect("counted").0
    }

    pub(crate) async fn change(&self, sql: &'static str) -> u64 {
        let changed: Result<u64, store::StoreError> =
            self.store.write(async move |tx| tx.execute(sql, &[]).await).await;
        changed.expect("changed")
    }
}

fn open(dir: &std::path::Path, clock: &Clock) -> Store {
    testkit::open(dir, Durability::Normal, identity::MIGRATIONS, clock, &Entropy::system()).expect("opened")
}

/// A token of a quarter of an hour for `sub`.
pub(crate) async fn issue(tokens: &Tokens, sub: &str) -> String {
    issue_with(tokens, sub, json!({})).await
}

pub(crate) async fn issue_with(tokens: &Tokens, sub: &str, extra: Value) -> String {
    let secret = tokens.issue(sub, Duration::from_mins(15), members(extra)).await.expect("issued");
    secret.expose().to_owned()
}

pub(crate) fn members(object: Value) -> Map<String, Value> {
    let Value::Object(members) = object else { panic!("an object") };
    members
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes)
}

/// A part of a token, read as JSON.
pub(crate) fn part(token: &str, at: usize) -> Value {
    let text = token.split('.').nth(at).expect("a part");
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

pub(crate) fn kid(token: &str) -> String {
    part(token, 0)["kid"].as_str().expect("a name").to_owned()
}

/// `good`, `expired`, `bad` or `unknown`.
pub(crate) fn verdict<T>(read: &Result<T, Refusal>) -> &'static str {
    match read {
        Ok(_) => "good",
        Err(Refusal::Expired) => "expired",
        Err(Refusal::Bad(_)) => "bad",
        Err(Refusal::Unknown(_)) => "unknown",
    }
}
