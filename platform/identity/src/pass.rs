//! How long what somebody showed is good, for whoever holds something open for them.

use std::sync::Arc;

use axum::http::HeaderMap;
use kernel::{PersonId, Secret};
use store::{StoreError, Tx};

use crate::http::{bearer, cookie, is_token};
use crate::people::store as rows;
use crate::tokens::Refusal;
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
    /// [`Refusal::Unknown`].
    pub async fn pass_of(&self, headers: &HeaderMap) -> Result<Option<Pass>, Refusal> {
        // As `Identity::caller_of`: who shows something in a header is not known by the cookie beside it.
        let shown = match (bearer(headers), cookie(headers)) {
            (Some(token), _) => Some(token).filter(|token| is_token(token)),
            (None, session) => session.filter(|session| !is_token(session)),
        };
        match shown {
            Some(shown) => self.look_again(&Secret::new(shown)).await,
            None => Ok(None),
        }
    }

    /// What a session or a token is worth now; `None` for nothing.
    ///
    /// # Errors
    /// [`Refusal::Unknown`].
    pub async fn look_again(&self, shown: &Secret) -> Result<Option<Pass>, Refusal> {
        if is_token(shown.expose()) {
            return match self.by_token(shown.expose()).await {
                Ok((pass, _)) => Ok(Some(pass)),
                Err(Refusal::Expired | Refusal::Bad(_)) => Ok(None),
                Err(unknown @ Refusal::Unknown(_)) => Err(unknown),
            };
        }
        let holder = self.holder(shown.expose()).await.map_err(|error| Refusal::Unknown(Arc::new(error)))?;
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
