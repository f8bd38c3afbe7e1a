//! Tokens by which programs let people into realtime, and nowhere else.
//!
//! They are of a kind of their own: no request is anybody's by one, and neither what people show for themselves nor what opens a channel
//! is taken for one.

use std::time::Duration;

use kernel::{PersonId, Secret};
use serde_json::{Map, Value, json};
use store::{StoreError, Tx};

use crate::bearer::{EPOCH, Who, away, ours};
use crate::grounds::KEY;
use crate::people::{Pass, store as rows};
use crate::tickets::CHANNEL;
use crate::tokens::{Claims, Purpose, Refusal, Unissued};
use crate::{By, Caller, Identity};

impl Identity {
    /// Makes a token by which realtime is open to this person for `ttl` ([`kernel::limits::TOKEN_TTL_MS`] at most), and nothing else is;
    /// `None` for nobody who may come. It falls with the API key `by`, where one had it made. What else it says is in `more`.
    ///
    /// # Errors
    /// [`Unissued`].
    pub async fn connection_token(
        &self,
        person: PersonId,
        ttl: Duration,
        by: Option<i64>,
        mut more: Map<String, Value>,
    ) -> Result<Option<Secret>, Unissued> {
        if [CHANNEL, EPOCH, KEY].iter().any(|name| more.contains_key(*name)) {
            return Err(Unissued::Wrong("it is for no channel, and on what it hangs is not the caller's to say"));
        }
        let now_ms = self.clock.now_ms();
        let acting: Result<_, StoreError> =
            self.store.read(async move |tx: &mut Tx| rows::acting(tx, person, now_ms).await).await;
        let Some((_, epoch)) = acting? else { return Ok(None) };
        more.insert(EPOCH.to_owned(), json!(epoch));
        more.extend(by.map(|id| (KEY.to_owned(), json!(id))));
        self.tokens.meant_for(Purpose::Connection).issue(&person.to_string(), ttl, more).await.map(Some)
    }

    /// Who comes to realtime by this token, and what else it says: one of these, or one that its owner may show anywhere
    /// ([`Identity::by_token`]).
    ///
    /// # Errors
    /// [`Refusal`], as there.
    pub async fn by_connection_token(&self, token: &str) -> Result<(Pass, Claims), Refusal> {
        if !self.tokens.is_named_by(token) {
            return self.by_token(token).await;
        }
        let now_ms = self.clock.now_ms();
        let claims = match self.tokens.meant_for(Purpose::Connection).verify(token, now_ms).await {
            Ok(claims) => claims,
            // Of another kind, if it is any good.
            Err(Refusal::Bad(_)) => return self.by_token(token).await,
            Err(refusal) => return Err(refusal),
        };
        let epoch = claims.rest.get(EPOCH).and_then(Value::as_i64);
        let id = claims.subject.parse().map_err(|_| Refusal::Bad("it speaks of no person"))?;
        let grounds = self.grounds(&claims);
        let hangs_on = grounds.clone();
        let read = async move |tx: &mut Tx| ours(tx, id, (epoch, &hangs_on), now_ms).await;
        let who: Result<_, StoreError> = self.store.read(read).await;
        match who.map_err(away)? {
            Who::Acts(id, role) => {
                let caller = Caller::Person { id, role, by: By::Token };
                Ok((Pass { caller, shown: Secret::new(token), until_ms: claims.expires_at_ms, grounds }, claims))
            }
            Who::TakenBack => Err(Refusal::Expired),
            Who::Nobody => Err(Refusal::Bad("its person may not come")),
        }
    }
}
