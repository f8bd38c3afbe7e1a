//! How long what somebody showed is good, for whoever holds something open for them.

use axum::http::HeaderMap;
use kernel::{PersonId, Secret};
use store::{StoreError, Tx};

use crate::people::store as rows;
use crate::{Caller, Identity};

/// What somebody showed, who they are by it, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// Who.
    pub caller: Caller,
    /// What was shown: [`Identity::look_again`] takes it.
    pub shown: Secret,
    /// When it ends by itself, Unix milliseconds.
    pub until_ms: i64,
}

/// Whether a person may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Welcome {
    /// By whatever they have to show.
    Yes,
    /// By nothing: banned, or gone.
    No,
}

impl Identity {
    /// What a browser with these headers shows; `None` for nothing that is good.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pass_of(&self, headers: &HeaderMap) -> Result<Option<Pass>, StoreError> {
        match crate::http::cookie(headers) {
            Some(session) => self.look_again(&Secret::new(session)).await,
            None => Ok(None),
        }
    }

    /// What this is worth now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn look_again(&self, shown: &Secret) -> Result<Option<Pass>, StoreError> {
        let holder = self.holder(shown.expose()).await?;
        Ok(holder.map(|(caller, until_ms)| Pass { caller, shown: shown.clone(), until_ms }))
    }

    /// Whether this person may come at all.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn welcomes(&self, id: PersonId) -> Result<Welcome, StoreError> {
        let now_ms = self.clock.now_ms();
        let acting: Result<_, StoreError> =
            self.store.read(async move |tx: &mut Tx| rows::acting(tx, id, now_ms).await).await;
        Ok(if acting?.is_some() { Welcome::Yes } else { Welcome::No })
    }
}
