//! What the token of a subscription opens, in whatever protocol it is shown.

use std::sync::Arc;

use crate::Caller;
use crate::claims::subscription::Terms;
use crate::codes::{Refused, ReplyError};
use crate::doorman::{Ticket, Unknown};
use crate::hub::{Core, Hub};
use crate::namespace::{Access, ByToken, Namespace};

/// Why a token opens nothing.
pub(crate) enum Unopened {
    Error(ReplyError),
    /// It is somebody else's, or for something else.
    NotTheirs,
}

impl From<Unopened> for Refused {
    fn from(why: Unopened) -> Self {
        match why {
            Unopened::Error(ReplyError::TOKEN_EXPIRED | ReplyError::EXPIRED) => Self::Expired,
            Unopened::Error(ReplyError::INTERNAL) => Self::Unavailable(Arc::new(Unknown::Away)),
            Unopened::Error(_) | Unopened::NotTheirs => Self::Forbidden,
        }
    }
}

impl Hub {
    /// Whether the token of a subscription opens this channel, to whom it names.
    ///
    /// # Errors
    /// [`Refused`]: there is no such namespace, or none that heeds such tokens.
    pub fn heeds_ticket(&self, channel: &str) -> Result<(), Refused> {
        let namespace = self.heeds_claim(channel).and_then(|()| self.0.find(channel).ok_or(Refused::UnknownChannel))?;
        if namespace.heeds_tokens() { Ok(()) } else { Err(Refused::Forbidden) }
    }

    /// Whether a client may be subscribed to this channel by the token of its connection (`channels`, `subs`), as far as its namespace has a
    /// say: its guard, if it has one and no token overrules it, is asked when the client comes.
    ///
    /// # Errors
    /// [`Refused`]: there is no such namespace, or it is for admins, whom no token makes.
    pub fn heeds_claim(&self, channel: &str) -> Result<(), Refused> {
        match self.0.find(channel).ok_or(Refused::UnknownChannel)?.access {
            Access::Public => Ok(()),
            Access::Admin => Err(Refused::Forbidden),
        }
    }
}

impl Core {
    /// What the token that this caller shows opens by itself; others call its client `name`. None where it is not for that: the guard
    /// decides, by the token as well.
    pub(crate) async fn opened(
        &self,
        namespace: &Namespace,
        channel: &str,
        caller: &Caller,
        name: &str,
    ) -> Result<Option<Terms>, Unopened> {
        let Some(token) = &caller.token else { return Ok(None) };
        if !namespace.heeds_tokens() {
            let denied = Unopened::Error(ReplyError::PERMISSION_DENIED);
            return if namespace.guard.is_some() { Ok(None) } else { Err(denied) };
        }
        let now_ms = self.clock.now_ms();
        Err(match self.doorman.by_ticket(token.expose()).await {
            Ticket::Good(ticket) if !ticket.is_for(&caller.user, channel, name) => Unopened::NotTheirs,
            Ticket::Good(ticket) if ticket.terms.until_ms.is_some_and(|until_ms| until_ms <= now_ms) => {
                Unopened::Error(ReplyError::EXPIRED)
            }
            Ticket::Good(ticket) => return Ok(Some(ticket.terms)),
            Ticket::Expired => Unopened::Error(ReplyError::TOKEN_EXPIRED),
            // It may be one of the product's own.
            Ticket::Bad if namespace.guard.is_some() && namespace.by_token == ByToken::Also => return Ok(None),
            Ticket::Bad => Unopened::Error(ReplyError::PERMISSION_DENIED),
            Ticket::Unknown => Unopened::Error(ReplyError::INTERNAL),
        })
    }

    /// As [`Core::opened`], to a reader of a stream, which has no name, and cannot refresh: as whom it reads, and whether its token opened
    /// the channel.
    pub(crate) async fn opened_to_reader(
        &self,
        namespace: &Namespace,
        channel: &str,
        caller: &Arc<Caller>,
    ) -> Result<(Arc<Caller>, bool), Refused> {
        let terms = match namespace.heeds_tokens() {
            true => self.opened(namespace, channel, caller, "").await?,
            false => None,
        };
        let Some(terms) = terms else { return Ok((caller.clone(), false)) };
        let until_ms = [caller.until_ms, terms.until_ms].into_iter().flatten().min();
        let grounds = [&caller.grounds[..], &terms.grounds].concat();
        Ok((Arc::new(Caller { until_ms, grounds, ..(**caller).clone() }), true))
    }
}
