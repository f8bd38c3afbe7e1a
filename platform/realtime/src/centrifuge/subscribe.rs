//! Subscribing: register first, read the history then, so that nothing falls between the two.

use std::sync::Arc;

use bus::Position;
use kernel::limits;

use super::client::{Client, named};
use super::command::Subscribe;
use super::reply::Subscribed;
use crate::channels::Ticket;
use crate::codes::{Disconnect, ReplyError};
use crate::comings::Hears;
use crate::hub::Recovery;
use crate::members::Member;
use crate::shortened::Taking;

impl Client {
    pub(super) async fn subscribe(self: &Arc<Self>, id: u32, subscribe: &Subscribe) -> Result<(), Disconnect> {
        let channel = named(&subscribe.channel)?;
        if let Err(error) = self.try_subscribe(id, channel, subscribe).await {
            self.refuse(id, error);
        }
        Ok(())
    }

    async fn try_subscribe(self: &Arc<Self>, id: u32, channel: &str, subscribe: &Subscribe) -> Result<(), ReplyError> {
        if self.is_subscribed(channel) {
            return Err(ReplyError::ALREADY_SUBSCRIBED);
        }
        if self.subscriptions.len() >= limits::CHANNELS_PER_CONNECTION {
            return Err(ReplyError::LIMIT_EXCEEDED);
        }
        let caller = self.caller().showing(&subscribe.token);
        let namespace = self.core.open(channel, &caller).await.map_err(|refused| {
            tracing::debug!(%refused, "a subscription was refused");
            ReplyError::from(&refused)
        })?;
        let guarded = namespace.guard.is_some();
        if !subscribe.token.is_empty() && !guarded {
            return Err(ReplyError::PERMISSION_DENIED);
        }
        if subscribe.kind != 0 || subscribe.tf.is_some() {
            return Err(ReplyError::NOT_AVAILABLE);
        }
        // Joined first and asked then: whoever loses its right in between is found by `Hub::recheck`.
        let hears = if subscribe.join_leave && namespace.join_leave { Hears::All } else { Hears::Nothing };
        let ticket = Ticket { caller: guarded.then(|| Arc::new(caller.clone())), hears };
        // The list knows of it first: whoever is turned out is found there.
        let add = |name: &Arc<str>| self.subscriptions.add(name.clone());
        self.core.channels.join_as(channel, Member::Socket(self.clone()), ticket, add);
        let recoverable = namespace.history_size > 0;
        let by_deltas = recoverable && namespace.allow_delta && subscribe.delta == Subscribe::FOSSIL;
        let settled = if self.core.admits(&namespace, channel, &caller).await {
            if hears != Hears::Nothing {
                self.core.watch(channel).await;
            }
            self.settle(id, channel, (recoverable, by_deltas), subscribe).await
        } else {
            self.core.channels.leave(channel, self.id);
            self.pretend(id, channel, (recoverable, by_deltas), subscribe).await
        };
        if settled.is_err() {
            self.core.channels.leave(channel, self.id);
            self.forget(channel);
            if hears != Hears::Nothing {
                self.core.close_rooms();
            }
        }
        settled
    }

    /// Answers somebody outside as on a channel that nothing was published on.
    async fn pretend(
        &self,
        id: u32,
        channel: &str,
        (recoverable, by_deltas): (bool, bool),
        asked: &Subscribe,
    ) -> Result<(), ReplyError> {
        let since = asked.recover.then(|| Position { offset: asked.offset, epoch: asked.epoch.as_str().into() });
        let recovery = if recoverable {
            Some(self.core.nothing(channel, since.as_ref()).await.map_err(|_| ReplyError::INTERNAL)?)
        } else {
            None
        };
        let failed = asked.recover && !recovery.as_ref().is_some_and(|recovery| recovery.recovered);
        if failed && asked.flag & Subscribe::REJECT_UNRECOVERED != 0 {
            return Err(ReplyError::UNRECOVERABLE);
        }
        let result = subscribed(recovery.as_ref(), asked.recover, asked.offset);
        self.answer(id, "subscribe", &if by_deltas { result.by_deltas() } else { result });
        Ok(())
    }

    /// Reads the history and lets the subscription go live. Every channel with a history is recoverable, asked or not.
    async fn settle(
        &self,
        id: u32,
        channel: &str,
        (recoverable, by_deltas): (bool, bool),
        asked: &Subscribe,
    ) -> Result<(), ReplyError> {
        let recovery = if recoverable {
            let since = Position { offset: asked.offset, epoch: asked.epoch.as_str().into() };
            let read = self.core.recover(channel, asked.recover.then_some(since)).await;
            Some(read.map_err(|error| {
                tracing::warn!(%error, "a channel could not be recovered");
                ReplyError::INTERNAL
            })?)
        } else {
            None
        };
        let failed = asked.recover && !recovery.as_ref().is_some_and(|recovery| recovery.recovered);
        if failed && asked.flag & Subscribe::REJECT_UNRECOVERED != 0 {
            return Err(ReplyError::UNRECOVERABLE);
        }
        let mut result = subscribed(recovery.as_ref(), asked.recover, asked.offset);
        if by_deltas {
            result = result.by_deltas();
            let last = recovery.as_ref().and_then(|recovery| recovery.publications.last().cloned());
            self.core.channels.takes(channel, self.id, last.map_or(Taking::Whole, Taking::After));
        }
        let top = recovery.as_ref().map(|recovery| recovery.top.clone());
        let there = self.core.channels.settle(channel, self.id, top, || {
            self.subscriptions.goes_live(channel);
            self.answer(id, "subscribe", &result);
        });
        if !there {
            // Turned out meanwhile: the answer says so, and nothing else did.
            return Err(ReplyError::PERMISSION_DENIED);
        }
        // Told of it after the reply.
        self.core.stamp(channel, self.id, false);
        self.reflect(channel);
        Ok(())
    }
}

/// After a successful recovery the reply's offset is the one asked for: the client advances with each publication.
pub(super) fn subscribed(recovery: Option<&Recovery>, was_recovering: bool, offset: u64) -> Subscribed<'_> {
    let recovered = recovery.is_some_and(|recovery| recovery.recovered);
    let publications = recovery.map_or_else(Vec::new, |recovery| {
        recovery.publications.iter().map(|publication| (&**publication).into()).collect()
    });
    Subscribed {
        recoverable: recovery.is_some(),
        positioned: recovery.is_some(),
        epoch: recovery.map_or("", |recovery| &recovery.top.epoch),
        offset: if recovered { offset } else { recovery.map_or(0, |recovery| recovery.top.offset) },
        publications,
        recovered,
        was_recovering,
        delta: false,
    }
}
