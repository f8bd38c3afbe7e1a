//! How long what somebody showed is good, for whoever holds something open for them.

use std::sync::Arc;

use axum::http::HeaderMap;
use kernel::{PersonId, Secret};
use store::{StoreError, Tx};

use crate::grounds::Ground;
use crate::http::{bearer, is_token};
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
    /// On what else it hangs.
    pub grounds: Vec<Ground>,
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
    /// What is shown by these headers; `None` where that is nothing, a cookie that is worth nothing (browsers keep those), or a key,
    /// which holds nothing open.
    ///
    /// # Errors
    /// [`Refusal`]: also where a header shows a token or a key that is not good. That is no way to be nobody.
    pub async fn pass_of(&self, headers: &HeaderMap) -> Result<Option<Pass>, Refusal> {
        // As `Identity::caller_of`: who shows something in a header is not known by the cookie beside it.
        match (bearer(headers), self.session_of(headers)) {
            (Some(token), _) if is_token(token) => self.by_token(token).await.map(|(pass, _)| Some(pass)),
            (Some(key), _) => match self.bearer(key).await {
                Ok(Caller::Anonymous) => Err(Refusal::Bad("no key is called so")),
                Ok(_) => Ok(None),
                Err(error) => Err(Refusal::Unknown(Arc::new(error))),
            },
            (None, Some(session)) if !is_token(session) => self.look_again(&Secret::new(session)).await,
            (None, _) => Ok(None),
        }
    }

    /// What a session or a token is worth now to who came to realtime by it; `None` for nothing.
    ///
    /// # Errors
    /// [`Refusal::Unknown`].
    pub async fn look_again(&self, shown: &Secret) -> Result<Option<Pass>, Refusal> {
        if is_token(shown.expose()) {
            return match self.by_connection_token(shown.expose()).await {
                Ok((pass, _)) => Ok(Some(pass)),
                Err(Refusal::Expired | Refusal::Bad(_)) => Ok(None),
                Err(unknown @ Refusal::Unknown(_)) => Err(unknown),
            };
        }
        let holder = self.holder(shown.expose()).await.map_err(|error| Refusal::Unknown(Arc::new(error)))?;
        Ok(holder.map(|(caller, until_ms)| Pass { caller, shown: shown.clone(), until_ms, grounds: Vec::new() }))
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
