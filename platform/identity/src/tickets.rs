//! Tokens that open one channel of realtime to one user: ours, and those of the issuers that the operator trusts.
//!
//! What tells them from tokens that people show for themselves is the kind (ours) and the claim `channel` (everybody's): neither is ever
//! taken for the other.

use std::time::Duration;

use kernel::Secret;
use serde_json::{Map, Value, json};
use store::{StoreError, Tx};

use crate::Identity;
use crate::bearer::{Who, away, issued};
use crate::grounds::{KEY, stand};
use crate::tokens::{Claims, Purpose, Refusal, Unissued};

/// The claim that names the channel.
pub(crate) const CHANNEL: &str = "channel";

impl Identity {
    /// Makes a token that lets `user` (a person's id, or `admin`) subscribe to a channel for `ttl`
    /// ([`kernel::limits::TOKEN_TTL_MS`] at most). It falls with the API key `by`, where one had it made. What else it says is in `more`:
    /// `client`, `expire_at`, `info`, `data`, `override`.
    ///
    /// # Errors
    /// [`Unissued`].
    pub async fn subscription_token(
        &self,
        user: &str,
        channel: &str,
        ttl: Duration,
        by: Option<i64>,
        mut more: Map<String, Value>,
    ) -> Result<Secret, Unissued> {
        let named = more.insert(CHANNEL.to_owned(), json!(channel)).is_some() || more.contains_key(KEY);
        if channel.is_empty() || named {
            return Err(Unissued::Wrong("it opens one channel, which is named apart, as what it hangs on is"));
        }
        more.extend(by.map(|id| (KEY.to_owned(), json!(id))));
        self.tokens.meant_for(Purpose::Subscription).issue(user, ttl, more).await
    }

    /// What the token of a subscription says. Its subject is a user of ours, also where an issuer has another name for that person; it
    /// ends without leeway, for whoever shows it may have another at once.
    ///
    /// # Errors
    /// [`Refusal`]: `Expired` also where it was taken back, or what the issuer gave out until then.
    pub async fn by_subscription_token(&self, token: &str) -> Result<Claims, Refusal> {
        let now_ms = self.clock.now_ms();
        let claims = if self.tokens.is_named_by(token) {
            let claims = self.tokens.meant_for(Purpose::Subscription).verify(token, now_ms).await?;
            let grounds = self.grounds(&claims);
            let stands: Result<_, StoreError> =
                self.store.read(async move |tx: &mut Tx| stand(tx, &grounds, now_ms).await).await;
            if !stands.map_err(away)? {
                return Err(Refusal::Expired);
            }
            claims
        } else {
            let issuers = self.issuers.as_ref().ok_or(Refusal::Bad("no issuer is trusted"))?;
            let (issuer, claims) = issuers.verify(token).await?;
            self.as_ours(&issuer, claims).await?
        };
        if !claims.rest.get(CHANNEL).is_some_and(Value::is_string) {
            return Err(Refusal::Bad("it is for no channel"));
        }
        if claims.expires_at_ms <= now_ms {
            return Err(Refusal::Expired);
        }
        Ok(claims)
    }

    /// Nobody becomes a person by the token of a subscription: its owner has come by another before.
    async fn as_ours(&self, issuer: &str, claims: Claims) -> Result<Claims, Refusal> {
        let (issuer, subject) = (issuer.to_owned(), claims.subject.clone());
        let (issued_ms, now_ms) = (claims.issued_at_ms.unwrap_or_default(), self.clock.now_ms());
        let find = async move |tx: &mut Tx| issued(tx, (&issuer, &subject), issued_ms, now_ms).await;
        let who: Result<_, StoreError> = self.store.read(find).await;
        match who.map_err(away)? {
            Some(Who::Acts(id, _)) => Ok(Claims { subject: id.to_string(), ..claims }),
            Some(Who::TakenBack) => Err(Refusal::Expired),
            Some(Who::Nobody) | None => Err(Refusal::Bad("its person may not come")),
        }
    }
}
