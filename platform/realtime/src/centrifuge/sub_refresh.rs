//! A later end for a subscription that a token opened.

use std::sync::Arc;

use super::client::{Client, named};
use super::command::OfChannel;
use super::reply::{SubscriptionRefreshed, Term};
use crate::codes::{Disconnect, ReplyError};
use crate::doorman::Ticket;

impl Client {
    pub(super) async fn refresh_subscription(self: &Arc<Self>, id: u32, of: &OfChannel) -> Result<(), Disconnect> {
        let channel = named(&of.channel)?;
        if !self.is_subscribed(channel) {
            self.refuse(id, ReplyError::PERMISSION_DENIED);
        } else if of.token.is_empty() {
            self.refuse(id, ReplyError::BAD_REQUEST);
        } else if self.core.find(channel).is_some_and(|namespace| namespace.heeds_tokens()) {
            match self.prolong(channel, &of.token).await? {
                Ok(term) => self.answer(id, "sub_refresh", &SubscriptionRefreshed { term }),
                Err(error) => self.refuse(id, error),
            }
        } else {
            return Err(Disconnect::INVALID_TOKEN);
        }
        Ok(())
    }

    async fn prolong(&self, channel: &str, token: &str) -> Result<Result<Term, ReplyError>, Disconnect> {
        let terms = match self.core.doorman.by_ticket(token).await {
            Ticket::Good(ticket) if ticket.is_for(&self.caller().user, channel, &self.name()) => ticket.terms,
            Ticket::Good(_) | Ticket::Bad => return Err(Disconnect::INVALID_TOKEN),
            Ticket::Expired => return Ok(Err(ReplyError::EXPIRED)),
            Ticket::Unknown => return Ok(Err(ReplyError::INTERNAL)),
        };
        let left_s = self.left_s(terms.until_ms);
        if left_s == Some(0) {
            return Ok(Err(ReplyError::EXPIRED));
        }
        // One outside of a guarded channel has nothing to prolong.
        let Some((name, before_ms)) = self.subscriptions.end_of(channel) else {
            return Ok(Err(ReplyError::PERMISSION_DENIED));
        };
        if let Some(before_ms) = before_ms {
            self.core.lapses.remove(before_ms, self.id, &name);
        }
        self.subscriptions.prolong(channel, &terms);
        if let Some(until_ms) = terms.until_ms {
            self.core.lapses.add(until_ms, self.id, &name);
        }
        if self.core.asking.fallen.any(&terms.grounds) {
            self.lapsed(channel);
        }
        Ok(Ok(left_s.map_or_else(Term::default, |ttl| Term { expires: true, ttl })))
    }
}
