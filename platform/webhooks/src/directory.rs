//! The sources of this installation: from the environment, made at the first run, or by an operator; their secrets kept sealed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use kernel::{Clock, Entropy, SealKey, Secret};
use store::{Store, StoreError};
use tokio_util::sync::CancellationToken;

use crate::scheme::{MadeAs, SecretFrom, Sender};
use crate::source::{ActiveKey, Origin, Settings, Source, unfit};
use crate::sources as known;
use crate::store::sources::{self as rows, Stored, StoredKey};

/// Sources at most.
pub(crate) const SOURCES: usize = 200;
const MADE_BYTES: usize = 24;
const WHSEC_BYTES: usize = 32;
const TOKEN_BYTES: usize = 20;
/// What the other processes are told when a source or a secret was changed.
const TOPIC: &str = "sources";
/// In a fleet the sources are read again so often, if nothing is told.
const EVERY: Duration = Duration::from_secs(5);
/// The source that is there from the first run.
const FIRST: &str = "github";

/// Why the sources cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    /// The environment holds a secret that is none.
    #[error("{0}: {1} Choose another one, or unset it")]
    Unfit(&'static str, &'static str),
    /// The data directory's key is not the one that sealed them.
    #[error(
        "a stored secret of source {0} does not open with this data directory's key: restore the key file that belongs to this database"
    )]
    Sealed(String),
    /// A sender's own vector does not verify: this build must not take deliveries.
    #[error("the self-test of sender {0} failed ({1}): {2}")]
    Selftest(&'static str, &'static str, &'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// All sources. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Sources(pub(crate) Arc<Directory>);

pub(crate) struct Directory {
    pub(crate) store: Store,
    pub(crate) key: SealKey,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    environment: BTreeMap<&'static str, ActiveKey>,
    live: RwLock<Arc<HashMap<String, Arc<Source>>>>,
    /// One change at a time, so that what is live never goes back.
    pub(crate) changing: tokio::sync::Mutex<()>,
}

impl Sources {
    /// Runs the self-test, reads the sources, and at the first run makes the one that is always there.
    ///
    /// # Errors
    /// [`SourcesError`].
    pub async fn open(
        store: &Store,
        key: &SealKey,
        clock: &Clock,
        entropy: &Entropy,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SourcesError> {
        if let Some(tried) = crate::selftest().into_iter().find(|tried| tried.failed.is_some()) {
            return Err(SourcesError::Selftest(tried.sender, tried.from, tried.failed.unwrap_or_default()));
        }
        let given = given(clock, environment)?;
        let first_is_given = given.contains_key(FIRST);
        let directory = Directory {
            store: store.clone(),
            key: key.clone(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            environment: given,
            live: RwLock::default(),
            changing: tokio::sync::Mutex::default(),
        };
        let sources = Self(Arc::new(directory));
        if !first_is_given {
            sources.make_first().await?;
        }
        sources.reload().await?;
        Ok(sources)
    }

    /// The newest secret of a source that counts.
    pub fn secret(&self, source: &str) -> Option<Secret> {
        let source = self.named(source)?;
        source.secrets(self.0.clock.now_ms()).first().map(|secret| (*secret).clone())
    }

    /// The address of a source, token and all; none when there is no such source.
    pub fn address(&self, source: &str) -> Option<String> {
        Some(self.named(source)?.secret_path())
    }

    pub(crate) fn named(&self, name: &str) -> Option<Arc<Source>> {
        self.0.live.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Source>> {
        let live = self.0.live.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut all: Vec<_> = live.values().cloned().collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// Reads the sources again, as another process may have changed them.
    ///
    /// # Errors
    /// [`SourcesError`]; what was live stays.
    pub async fn reload(&self) -> Result<(), SourcesError> {
        let (stored, keys) = self.0.store.read(async |tx| rows::all(tx, SOURCES).await).await?;
        let live = self.0.assemble(stored, &keys)?;
        *self.0.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
        Ok(())
    }

    /// What this process changed is in force here from now on, and soon in the others.
    ///
    /// # Errors
    /// As [`Sources::reload`].
    pub(crate) async fn changed(&self) -> Result<(), SourcesError> {
        self.0.store.tell(TOPIC);
        self.reload().await
    }

    /// Follows what other processes change, until told to stop.
    pub(crate) async fn follow_others(&self, stop: &CancellationToken) {
        let (mut told, alone) = (self.0.store.told(TOPIC), self.0.store.stats().engine == "sqlite");
        loop {
            tokio::select! {
                Ok(()) = told.changed() => {}
                () = tokio::time::sleep(EVERY), if !alone => {}
                () = stop.cancelled() => return,
            }
            let _one_at_a_time = self.0.changing.lock().await;
            if let Err(error) = self.reload().await {
                tracing::warn!(error = %kernel::problem::chain(&error), "the sources are as they were; others may have changed them");
            }
        }
    }

    async fn make_first(&self) -> Result<(), SourcesError> {
        let directory = &self.0;
        let Some(sender) = known::find(FIRST) else { return Ok(()) };
        let sealed = directory.seal(FIRST, &directory.make(sender));
        let created_at_ms = directory.clock.now_ms();
        let (name, settings) = (FIRST.to_owned(), "{}".to_owned());
        let first = Stored { sender: name.clone(), name, enabled: true, token: None, settings, created_at_ms };
        let made: Result<(), StoreError> = directory
            .store
            .write(async move |tx| {
                if rows::add(tx, &first).await? {
                    rows::add_key(tx, FIRST, &sealed, created_at_ms).await?;
                }
                Ok(())
            })
            .await;
        Ok(made?)
    }
}

impl Directory {
    fn assemble(&self, stored: Vec<Stored>, keys: &[StoredKey]) -> Result<HashMap<String, Arc<Source>>, SourcesError> {
        let before = self.live.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut live = HashMap::new();
        for it in stored {
            let Some(sender) = known::find(&it.sender) else {
                tracing::warn!(source = it.name, sender = it.sender, "this build does not know the sender of a source");
                continue;
            };
            let settings: Settings = serde_json::from_str(&it.settings).unwrap_or_default();
            let environment = self.environment.get(it.name.as_str());
            let origin = match environment {
                Some(_) => Origin::Environment,
                None if it.name == FIRST => Origin::Generated,
                None => Origin::Operator,
            };
            let mut source = Source::new(it.name, sender, origin, settings);
            source.enabled = it.enabled;
            source.created_at_ms = it.created_at_ms;
            source.token = it.token.map(|sealed| self.open(&source.name, &sealed)).transpose()?;
            source.keys = match environment {
                Some(key) => vec![key.clone()],
                None => self.keys_of(&source.name, keys)?,
            };
            source.keep_rate(before.get(&source.name));
            live.insert(source.name.clone(), Arc::new(source));
        }
        for (name, key) in &self.environment {
            // Where the address is the secret, an operator has to make it first.
            let Some(sender) = known::find(name).filter(|sender| !sender.secret_address) else { continue };
            live.entry((*name).to_owned()).or_insert_with(|| {
                let mut source = Source::new((*name).to_owned(), sender, Origin::Environment, Settings::default());
                (source.keys, source.created_at_ms) = (vec![key.clone()], key.created_at_ms);
                Arc::new(source)
            });
        }
        Ok(live)
    }

    fn keys_of(&self, source: &str, keys: &[StoredKey]) -> Result<Vec<ActiveKey>, SourcesError> {
        let own = keys.iter().filter(|key| key.source == source);
        own.map(|key| {
            let secret = self.open(source, &key.sealed)?;
            let StoredKey { id, created_at_ms, fetched_at_ms, until_ms, .. } = *key;
            Ok(ActiveKey { id, secret, created_at_ms, fetched_at_ms, until_ms })
        })
        .collect()
    }

    /// A fresh secret of the form that a sender takes.
    pub(crate) fn make(&self, sender: &Sender<'_>) -> Secret {
        match sender.secret {
            SecretFrom::Us(MadeAs::Whsec) => {
                let mut bytes = [0; WHSEC_BYTES];
                self.entropy.fill(&mut bytes);
                Secret::new(format!("whsec_{}", crate::crypto::encode(crate::scheme::Encoding::Base64, &bytes)))
            }
            SecretFrom::Published(published) => Secret::new(published.key),
            _ => Secret::new(self.entropy.token(MADE_BYTES)),
        }
    }

    /// A fresh token for an address: 160 bits.
    pub(crate) fn token(&self) -> Secret {
        Secret::new(self.entropy.token(TOKEN_BYTES))
    }

    pub(crate) fn seal(&self, source: &str, secret: &Secret) -> Vec<u8> {
        self.key.seal(&self.entropy, &purpose(source), secret)
    }

    /// What was sealed under this name; none when it was by another key, or under another name.
    pub(crate) fn unseal(&self, name: &str, sealed: &[u8]) -> Option<Secret> {
        self.key.open(&purpose(name), sealed).ok()
    }

    fn open(&self, source: &str, sealed: &[u8]) -> Result<Secret, SourcesError> {
        self.key.open(&purpose(source), sealed).map_err(|_| SourcesError::Sealed(source.to_owned()))
    }
}

impl Source {
    /// A change of something else lets nobody begin again.
    fn keep_rate(&mut self, before: Option<&Arc<Source>>) {
        if let (Some(rate), Some(old)) = (&mut self.rate, before.and_then(|before| before.rate.as_ref())) {
            rate.go_on(old);
        }
    }
}

/// A sealed value that is moved to another source no longer opens.
fn purpose(source: &str) -> String {
    format!("webhook_secrets/{source}")
}

fn given(
    clock: &Clock,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<&'static str, ActiveKey>, SourcesError> {
    let mut given = BTreeMap::new();
    for sender in known::ALL.iter().filter(|sender| !sender.secret_env.is_empty()) {
        let Some(secret) = environment(sender.secret_env).filter(|secret| !secret.is_empty()) else { continue };
        if let Some(reason) = unfit(sender, &secret) {
            return Err(SourcesError::Unfit(sender.secret_env, reason));
        }
        let (secret, created_at_ms) = (Secret::new(secret), clock.now_ms());
        given.insert(sender.name, ActiveKey { id: 0, secret, created_at_ms, fetched_at_ms: None, until_ms: None });
    }
    Ok(given)
}
