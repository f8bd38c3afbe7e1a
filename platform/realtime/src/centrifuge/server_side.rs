//! What the server subscribes a client to: when it connects, by what its token says, and later, by a product's word.

use std::collections::BTreeMap;
use std::sync::Arc;

use bus::Position;

use super::client::Client;
use super::command::Resume;
use super::reply;
use super::subscribe::{Entry, Joined};
use crate::claims::subscription::Terms;
use crate::codes::{Disconnect, ReplyError, Unsubscribed};
use crate::portion::Portion;

impl Client {
    /// Joins the channels that the connection begins with, from where the client says to have come: those that its token names, of which
    /// one that does not open is left out (what a token names in vain bars nobody from the rest); and what one that only listens asks for.
    pub(super) async fn join_given(
        self: &Arc<Self>,
        positions: &BTreeMap<String, Resume>,
    ) -> Result<Vec<Joined>, ReplyError> {
        let claimed = self.caller().claimed.clone();
        let (mut given, mut portion) = (Vec::new(), Portion::whole());
        for (channel, terms) in claimed.iter().flat_map(|claimed| &claimed.subs) {
            let since = positions.get(channel).filter(|it| it.recover);
            let since = since.map(|it| Position { offset: it.offset, epoch: it.epoch.as_str().into() });
            match self.join_by_server(channel, terms, since, true).await {
                Ok(joined) => given.extend(joined.map(|joined| joined.within(&mut portion))),
                Err(ReplyError::INTERNAL) => {
                    given.iter().for_each(|joined| self.undo(joined));
                    return Err(ReplyError::INTERNAL);
                }
                Err(error) => tracing::warn!(channel, why = error.message(), "a token names a channel in vain"),
            }
        }
        if self.wire.is_one_way() {
            self.join_asked(positions, &mut given, &mut portion).await?;
        }
        Ok(given)
    }

    /// Behind the reply that told the client of them.
    pub(super) fn hear_given(&self, given: &[Joined]) {
        // One that asked for a guarded channel and is not let in was answered as on one that nothing was ever published on.
        for joined in given.iter().filter(|joined| joined.inside) {
            if !self.hear(joined, || {}) {
                // Turned out meanwhile; nobody has told it.
                self.undo(joined);
                self.say_unsubscribed(&joined.channel, Unsubscribed::PERMISSION_DENIED);
            }
        }
    }

    /// Whether it hears the channel from now on; it is told so. One that has not connected yet, or is subscribed, is left as it is.
    pub(crate) async fn subscribe_by_server(
        self: &Arc<Self>,
        channel: &str,
        terms: &Terms,
        since: Option<Position>,
    ) -> Result<bool, ReplyError> {
        if !self.is_in() || self.is_subscribed(channel) {
            return Ok(false);
        }
        let Some(joined) = self.join_by_server(channel, terms, since, false).await? else { return Ok(false) };
        let there = self.hear(&joined, || {
            let told = reply::Subscribed {
                publications: Vec::new(),
                recovered: false,
                was_recovering: false,
                ..joined.result()
            };
            self.push(reply::subscribe(self.wire, channel, &told));
            for publication in joined.recovery.iter().flat_map(|recovery| &recovery.publications) {
                self.push(reply::publication(self.wire, channel, publication));
            }
        });
        if !there {
            self.undo(&joined);
        }
        Ok(there)
    }

    /// None where a guard does not let it in. What a token names, that opens where the namespace heeds tokens.
    async fn join_by_server(
        self: &Arc<Self>,
        channel: &str,
        terms: &Terms,
        since: Option<Position>,
        by_token: bool,
    ) -> Result<Option<Joined>, ReplyError> {
        let caller = self.caller();
        let opened = self.core.open(channel, &caller).await;
        let namespace = opened.map_err(|refused| ReplyError::from(&refused))?;
        let entry = Entry {
            caller: caller.as_ref().clone(),
            terms: terms.clone(),
            opened: by_token && namespace.heeds_tokens() || namespace.guard.is_none(),
            by_server: true,
            told_comings: false,
            since,
        };
        let joined = self.begin(channel, &namespace, entry).await?;
        if !joined.inside {
            self.undo(&joined);
            return Ok(None);
        }
        Ok(Some(joined))
    }

    /// When its subscription ends by itself.
    pub(crate) fn subscribed_until(&self, channel: &str) -> Option<i64> {
        self.subscriptions.end_of(channel)?.1
    }

    /// Ends what hangs on a ground that `fell`, as if its end had come.
    pub(crate) fn fell(&self, fell: impl Fn(&str) -> bool) {
        self.subscriptions.on(fell).iter().for_each(|channel| self.lapsed(channel));
    }

    /// On what its subscriptions hang.
    pub(crate) fn grounds(&self) -> Vec<String> {
        self.subscriptions.grounds()
    }

    /// That end has come. What the client asked for itself, it asks for again.
    pub(crate) fn lapsed(&self, channel: &str) {
        if self.subscriptions.is_by_server(channel) {
            self.outbox.close(Disconnect::SUBSCRIPTION_EXPIRED);
        } else {
            self.core.channels.turn_out(channel, self.id, Unsubscribed::EXPIRED);
        }
    }
}
