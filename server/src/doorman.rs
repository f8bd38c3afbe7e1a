//! Who a realtime connection acts for, as identity knows it; and what is taken back there ends here.

use std::time::Duration;

use axum::http::HeaderMap;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use identity::people::{Actor, Changed, Ground, Pass, Welcome};
use identity::tokens::{Claims, Refusal};
use identity::{By, Caller, Identity, Role};
use kernel::Secret;
use realtime::doorman::{BadClaims, Shown, Standing, Ticket, Ticketed, Unknown};
use realtime::{Doorman, Hub};
use tokio_util::sync::CancellationToken;

/// Between two look-ups while the store does not answer.
const AGAIN: Duration = Duration::from_secs(1);

pub(crate) struct Door(pub(crate) Identity);

impl Doorman for Door {
    fn at_the_door<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<realtime::Caller, Unknown>> {
        async move {
            let pass = self.0.pass_of(headers).await.map_err(|refusal| match refusal {
                Refusal::Expired => Unknown::Expired,
                Refusal::Bad(why) => {
                    tracing::debug!(why, "what a connection shows in its headers is refused");
                    Unknown::Bad
                }
                Refusal::Unknown(_) => unknown(&refusal),
            })?;
            Ok(pass.as_ref().and_then(caller).unwrap_or_default())
        }
        .boxed()
    }

    fn by_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Shown> {
        async move {
            match self.0.by_connection_token(token).await {
                Ok((pass, claims)) => by_claims(&pass, claims).map_or_else(
                    |error| {
                        tracing::debug!(%error, "what the token of a connection says cannot be used");
                        Shown::Bad
                    },
                    Shown::Good,
                ),
                Err(Refusal::Expired) => Shown::Expired,
                Err(Refusal::Bad(why)) => {
                    tracing::debug!(why, "the token of a connection is refused");
                    Shown::Bad
                }
                Err(refusal @ Refusal::Unknown(_)) => {
                    unknown(&refusal);
                    Shown::Unknown
                }
            }
        }
        .boxed()
    }

    fn by_ticket<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Ticket> {
        async move {
            let refusal = match self.0.by_subscription_token(token).await {
                Ok(claims) => match ticketed(&self.0.grounds(&claims), claims) {
                    Ok(opens) => return Ticket::Good(Box::new(opens)),
                    Err(error) => {
                        tracing::debug!(%error, "what the token of a subscription says cannot be used");
                        return Ticket::Bad;
                    }
                },
                Err(refusal) => refusal,
            };
            match refusal {
                Refusal::Expired => Ticket::Expired,
                Refusal::Bad(why) => {
                    tracing::debug!(why, "the token of a subscription is refused");
                    Ticket::Bad
                }
                Refusal::Unknown(_) => {
                    unknown(&refusal);
                    Ticket::Unknown
                }
            }
        }
        .boxed()
    }

    /// Looks again at what was shown then.
    fn still<'a>(&'a self, it: &'a realtime::Caller) -> BoxFuture<'a, Standing> {
        async move {
            self.standing(it).await.unwrap_or_else(|error| {
                unknown(&error);
                Standing::Unknown
            })
        }
        .boxed()
    }
}

impl Door {
    async fn standing(&self, it: &realtime::Caller) -> Result<Standing, Refusal> {
        let Some(shown) = &it.pass else { return Ok(Standing::Good) };
        let now = self.0.look_again(shown).await?;
        if now.as_ref().and_then(caller).is_some_and(|now| now.user == it.user && now.admin == it.admin) {
            return Ok(Standing::Good);
        }
        match it.user.parse() {
            Ok(person) => Ok(match self.0.welcomes(person).await {
                Ok(Welcome::No) => Standing::Never,
                Ok(Welcome::Yes) => Standing::Again,
                Err(_) => Standing::Unknown,
            }),
            Err(_) => Ok(Standing::Again),
        }
    }
}

fn unknown(refusal: &Refusal) -> Unknown {
    tracing::warn!(error = %kernel::problem::chain(refusal), "who a connection acts for could not be looked up");
    Unknown::Away
}

/// Somebody who may have connections of their own.
fn caller(pass: &Pass) -> Option<realtime::Caller> {
    let (actor, admin) = match pass.caller {
        Caller::Admin => (Actor::Admin, true),
        // Nobody administers by a token.
        Caller::Person { id, role, by } => (Actor::Person(id), role == Role::Admin && by == By::Session),
        Caller::Anonymous | Caller::Key { .. } | Caller::Unknown => return None,
    };
    let (until_ms, shown): (_, Secret) = (Some(pass.until_ms), pass.shown.clone());
    let grounds = named(&pass.grounds);
    Some(realtime::Caller {
        user: actor.to_string(),
        admin,
        until_ms,
        pass: Some(shown),
        grounds,
        ..Default::default()
    })
}

fn named(grounds: &[Ground]) -> Vec<String> {
    grounds.iter().map(ToString::to_string).collect()
}

fn ticketed(grounds: &[Ground], claims: Claims) -> Result<Ticketed, BadClaims> {
    let mut said = claims.rest;
    said.insert("sub".to_owned(), claims.subject.into());
    said.insert("exp".to_owned(), (claims.expires_at_ms / 1_000).into());
    let mut opens = Ticketed::of_claims(&said.into())?;
    opens.terms.grounds = named(grounds);
    Ok(opens)
}

/// The same, with what the token says of the connection: until when it may last, what others are shown, and what it gives.
fn by_claims(pass: &Pass, claims: Claims) -> Result<realtime::Caller, BadClaims> {
    let Some(known) = caller(pass) else { return Ok(realtime::Caller::default()) };
    let mut said = claims.rest;
    said.insert("sub".to_owned(), known.user.clone().into());
    said.insert("exp".to_owned(), (claims.expires_at_ms / 1_000).into());
    let said = realtime::Caller::of_claims(&said.into())?;
    Ok(realtime::Caller { until_ms: said.until_ms, info: said.info, claimed: said.claimed, ..known })
}

/// Ends the connections of whoever lost a right, until `stop`.
pub(crate) async fn watch(identity: Identity, hub: Hub, stop: CancellationToken) {
    let mut changes = identity.changes();
    while let Some(changed) = stop.run_until_cancelled(changes.next()).await {
        match changed {
            Changed::These { actors, grounds } => {
                hub.fell(&named(&grounds)).await;
                for actor in actors {
                    hub.ask_again(&actor.to_string()).await;
                }
            }
            Changed::Everybody => {
                hub.ask_about_all().await;
                stop.run_until_cancelled(look_at_grounds(&identity, &hub)).await;
            }
        }
    }
}

/// Ends what hangs on what fell unheard. A store that does not answer is asked again.
async fn look_at_grounds(identity: &Identity, hub: &Hub) {
    let here: Vec<_> = hub.grounds().iter().filter_map(|name| Ground::named(name)).collect();
    loop {
        match identity.fallen(&here).await {
            Ok(fallen) => return hub.fell(&named(&fallen)).await,
            Err(error) => {
                tracing::warn!(error = %kernel::problem::chain(&error), "what tokens hang on could not be looked up");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}
