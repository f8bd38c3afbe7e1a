//! What something hangs on that goes on while nobody asks: it ends when whoever began it could not begin it any more.

use axum::http::HeaderMap;
use kernel::PersonId;
use store::{StoreError, Tx};

use crate::Identity;
use crate::http::bearer;
use crate::people::store as rows;
use crate::sessions::digest;

/// Hangs on a session, whose digest follows.
const SESSION: char = 's';
/// Hangs on all that was given to the person until then, whose epoch follows: for who comes with tokens.
const EPOCH: char = 'e';

impl Identity {
    /// What something hangs on that this person begins by a request with these headers: the browser's session, or, where it came with a
    /// token, all that the person was given. `None` for nobody who may act.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tie(&self, tx: &mut Tx, person: PersonId, headers: &HeaderMap) -> Result<Option<String>, StoreError> {
        if bearer(headers).is_none()
            && let Some(session) = self.session_of(headers)
        {
            let tie = format!("{SESSION}{}", hex::encode(digest(session)));
            return Ok(self.is_tied(tx, person, &tie).await?.then_some(tie));
        }
        let acting = rows::acting(tx, person, self.clock.now_ms()).await?;
        Ok(acting.map(|(_, epoch)| format!("{EPOCH}{epoch}")))
    }

    /// Whether what a person's thing hangs on still holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_tied(&self, tx: &mut Tx, person: PersonId, tie: &str) -> Result<bool, StoreError> {
        let now_ms = self.clock.now_ms();
        if let Some(session) = tie.strip_prefix(SESSION).and_then(|session| hex::decode(session).ok()) {
            let of = rows::by_session(tx, &session, now_ms).await?;
            return Ok(of.is_some_and(|(of, ..)| of == person));
        }
        let epoch = tie.strip_prefix(EPOCH).and_then(|epoch| epoch.parse::<i64>().ok());
        let acting = rows::acting(tx, person, now_ms).await?;
        Ok(epoch.is_some() && acting.map(|(_, now)| now) == epoch)
    }
}
