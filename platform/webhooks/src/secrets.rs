//! The secrets of the sources: from the environment, or made at the first run and kept sealed.

use std::collections::HashMap;
use std::sync::Arc;

use kernel::{Clock, Entropy, SealKey, Secret};
use store::{Store, StoreError, params};

use crate::sources;

/// A secret shorter than this is refused: it could be guessed.
const SECRET_BYTES_MIN: usize = 16;
const MADE_BYTES: usize = 24;

/// Why the secrets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The environment holds one that is too short.
    #[error("{0} is shorter than 16 characters: choose a longer one, or unset it to have one made")]
    TooShort(&'static str),
    /// The data directory's key is not the one that sealed them.
    #[error(
        "the stored secret of source {0} does not open with this data directory's key: restore the key file that belongs to this database"
    )]
    Sealed(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where a source's secret comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The environment variable that the source names.
    Environment,
    /// Made at the first run.
    Generated,
}

/// The active secrets of every source. Clones are handles.
#[derive(Clone)]
pub struct Secrets(Arc<HashMap<&'static str, Entry>>);

struct Entry {
    origin: Origin,
    since_ms: i64,
    /// The newest first.
    secrets: Vec<Secret>,
}

impl Secrets {
    /// Reads them, and makes the missing ones.
    ///
    /// # Errors
    /// [`SecretsError`].
    pub async fn open(
        store: &Store,
        key: &SealKey,
        clock: &Clock,
        entropy: &Entropy,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SecretsError> {
        let mut all = HashMap::new();
        for source in sources::ALL {
            let entry = match environment(source.secret_env).filter(|secret| !secret.is_empty()) {
                Some(secret) if secret.len() < SECRET_BYTES_MIN => {
                    return Err(SecretsError::TooShort(source.secret_env));
                }
                Some(secret) => {
                    let secrets = vec![Secret::new(secret)];
                    Entry { origin: Origin::Environment, since_ms: clock.now_ms(), secrets }
                }
                None => {
                    let (since_ms, secret) = made(store, key, clock, entropy, source.name).await?;
                    Entry { origin: Origin::Generated, since_ms, secrets: vec![secret] }
                }
            };
            all.insert(source.name, entry);
        }
        Ok(Self(Arc::new(all)))
    }

    /// The active secrets of a source, the newest first.
    pub fn of(&self, source: &str) -> &[Secret] {
        self.0.get(source).map_or(&[], |entry| &entry.secrets)
    }

    pub(crate) fn origin(&self, source: &str) -> Option<(Origin, i64)> {
        self.0.get(source).map(|entry| (entry.origin, entry.since_ms))
    }
}

async fn made(
    store: &Store,
    key: &SealKey,
    clock: &Clock,
    entropy: &Entropy,
    source: &'static str,
) -> Result<(i64, Secret), SecretsError> {
    let purpose = format!("webhook_secrets/{source}");
    let fresh = key.seal(entropy, &purpose, &Secret::new(entropy.token(MADE_BYTES)));
    let now_ms = clock.now_ms();
    let stored: Result<(i64, Vec<u8>), StoreError> = store
        .write(async move |tx| {
            let sql = "INSERT INTO webhook_secrets (source, sealed, created_at_ms) VALUES ($1, $2, $3)
                 ON CONFLICT (source) DO NOTHING";
            tx.execute(sql, params![source, &fresh, now_ms]).await?;
            tx.one("SELECT created_at_ms, sealed FROM webhook_secrets WHERE source = $1", params![source]).await
        })
        .await;
    let (made_at_ms, sealed) = stored?;
    let secret = key.open(&purpose, &sealed).map_err(|_| SecretsError::Sealed(source))?;
    Ok((made_at_ms, secret))
}
