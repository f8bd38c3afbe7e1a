//! Subscribing: register first, read the history then, so that nothing falls between the two.

use std::sync::Arc;

use bus::Position;
use kernel::limits;

use super::client::{Client, named};
use super::command::Subscribe;
use super::reply::{Subscribed, Term};
use crate::Caller;
use crate::channels::Ticket;
use crate::claims::subscription::Terms;
use crate::codes::{Disconnect, ReplyError};
use crate::comings::Hears;
use crate::hub::Recovery;
use crate::members::Member;
use crate::namespace::{ByToken, Namespace};
use crate::opening::Unopened;
use crate::portion::Portion;
use crate::shortened::Taking;

/// Why a request comes to nothing.
pub(super) enum Refusal {
    /// The client is told so, and goes on.
    Error(ReplyError),
    /// The connection ends.
    Close(Disconnect),
}

impl From<ReplyError> for Refusal {
    fn from(error: ReplyError) -> Self {
        Self::Error(error)
    }
}

/// With what a client comes to a channel.
pub(super) struct Entry {
    pub(super) caller: Caller,
    pub(super) terms: Terms,
    /// A token opens the channel: its guard is not asked.
    pub(super) opened: bool,
    pub(super) by_server: bool,
    /// Asks to be told who comes and goes.
    pub(super) told_comings: bool,
    pub(super) since: Option<Position>,
}

/// A channel that was joined and is not heard yet, with what the client gets first.
pub(super) struct Joined {
    pub(super) channel: Arc<str>,
    /// Whether the guard let it in.
    pub(super) inside: bool,
    pub(super) recovery: Option<Recovery>,
    pub(super) terms: Terms,
    hears: Hears,
    since: Option<Position>,
}

impl Client {
    pub(super) async fn subscribe(self: &Arc<Self>, id: u32, subscribe: &Subscribe) -> Result<(), Disconnect> {
        let channel = named(&subscribe.channel)?;
        match self.try_subscribe(id, channel, subscribe).await {
            Ok(()) => {}
            Err(Refusal::Error(error)) => self.refuse(id, error),
            Err(Refusal::Close(why)) => return Err(why),
        }
        Ok(())
    }

    async fn try_subscribe(self: &Arc<Self>, id: u32, channel: &str, asked: &Subscribe) -> Result<(), Refusal> {
        if self.is_subscribed(channel) {
            return Err(ReplyError::ALREADY_SUBSCRIBED.into());
        }
        if self.subscriptions.len() >= limits::CHANNELS_PER_CONNECTION {
            return Err(ReplyError::LIMIT_EXCEEDED.into());
        }
        if !self.turns.subscribe(&self.core.clock) {
            return Err(ReplyError::TOO_MANY_REQUESTS.into());
        }
        let caller = self.caller().showing(&asked.token);
        let namespace = self.core.open(channel, &caller).await.map_err(|refused| {
            tracing::debug!(%refused, "a subscription was refused");
            ReplyError::from(&refused)
        })?;
        let terms = self.shown(&namespace, channel, &caller).await?;
        if asked.kind != 0 || asked.tf.is_some() {
            return Err(ReplyError::NOT_AVAILABLE.into());
        }
        let entry = Entry {
            caller,
            opened: terms.is_some(),
            terms: terms.unwrap_or_default(),
            by_server: false,
            told_comings: asked.join_leave,
            since: asked.recover.then(|| Position { offset: asked.offset, epoch: asked.epoch.as_str().into() }),
        };
        if self.is_barred(channel, &namespace, &entry).await {
            return Err(ReplyError::PERMISSION_DENIED.into());
        }
        let joined = self.begin(channel, &namespace, entry).await?;
        // What changed of one that was skipped is nothing that can be used.
        let allowed = namespace.allow_delta && !namespace.manner.slow.skips();
        let by_deltas = allowed && joined.recovery.is_some() && asked.delta == Subscribe::FOSSIL;
        let answered = self.answer_subscribe(id, &joined, asked, by_deltas);
        if answered.is_err() {
            self.undo(&joined);
        }
        Ok(answered?)
    }

    /// Whether only a token opens the channel, and it came without.
    pub(super) async fn is_barred(&self, channel: &str, namespace: &Namespace, entry: &Entry) -> bool {
        let needs_one = !entry.opened && namespace.by_token == ByToken::Alone;
        needs_one && !self.core.admits(namespace, channel, &entry.caller).await
    }

    /// What a token of the subscription opens by itself. None where it is not for that: the guard decides, by the token as well.
    pub(super) async fn shown(
        &self,
        namespace: &Namespace,
        channel: &str,
        caller: &Caller,
    ) -> Result<Option<Terms>, Refusal> {
        let opened = self.core.opened(namespace, channel, caller, &self.name()).await;
        opened.map_err(|why| match why {
            Unopened::Error(error) => Refusal::Error(error),
            Unopened::NotTheirs => Refusal::Close(Disconnect::INVALID_TOKEN),
        })
    }

    /// Joins a channel, asks and reads, in this order: whoever loses its right in between is found by `Hub::recheck`.
    pub(super) async fn begin(
        self: &Arc<Self>,
        channel: &str,
        namespace: &Namespace,
        entry: Entry,
    ) -> Result<Joined, ReplyError> {
        let told = (entry.told_comings || entry.terms.told_comings) && namespace.join_leave;
        let hears = if told { Hears::All } else { Hears::Nothing };
        // The list knows of it first: whoever is turned out is found there.
        if !self.subscriptions.reserve(channel, entry.by_server, &entry.terms) {
            return Err(ReplyError::ALREADY_SUBSCRIBED);
        }
        let guarded = namespace.guard.is_some() && !entry.opened;
        let ticket = Ticket { caller: guarded.then(|| Arc::new(entry.caller.clone())), hears };
        let share = |name: &Arc<str>| self.subscriptions.share(name);
        let (name, has_joined) = self.core.channels.join_as(channel, Member::Socket(self.clone()), ticket, share);
        if !has_joined {
            return Err(ReplyError::INTERNAL);
        }
        let inside = entry.opened || self.core.admits(namespace, channel, &entry.caller).await;
        if !inside {
            self.core.channels.leave(channel, self.id);
        } else if told {
            self.core.watch(channel).await;
        }
        let Entry { terms, since, .. } = entry;
        let mut joined = Joined { channel: name, inside, recovery: None, terms, hears, since };
        if namespace.history_size > 0 {
            match self.read(&joined).await {
                Ok(recovery) => joined.recovery = Some(recovery),
                Err(error) => {
                    self.undo(&joined);
                    return Err(error);
                }
            }
        }
        Ok(joined)
    }

    /// Every channel with a history is recoverable, asked or not. Somebody outside gets one that nothing was published on.
    async fn read(&self, joined: &Joined) -> Result<Recovery, ReplyError> {
        let read = match joined.inside {
            true => self.core.recover(&joined.channel, joined.since.clone()).await,
            false => self.core.nothing(&joined.channel, joined.since.as_ref()).await,
        };
        read.map_err(|error| {
            tracing::warn!(%error, "a channel could not be recovered");
            ReplyError::INTERNAL
        })
    }

    fn answer_subscribe(&self, id: u32, joined: &Joined, asked: &Subscribe, by_deltas: bool) -> Result<(), ReplyError> {
        let recovered = joined.recovery.as_ref().is_some_and(|recovery| recovery.recovered);
        if asked.recover && !recovered && asked.flag & Subscribe::REJECT_UNRECOVERED != 0 {
            return Err(ReplyError::UNRECOVERABLE);
        }
        let mut result = joined.result();
        if let Some(ttl) = self.left_s(joined.terms.until_ms) {
            result.term = Term { expires: true, ttl };
        }
        if by_deltas {
            result = result.by_deltas();
            let last = joined.recovery.as_ref().and_then(|recovery| recovery.publications.last().cloned());
            self.core.channels.takes(&joined.channel, self.id, last.map_or(Taking::Whole, Taking::After));
        }
        if !joined.inside {
            self.answer(id, "subscribe", &result);
        } else if !self.hear(joined, || self.answer(id, "subscribe", &result)) {
            // Turned out meanwhile: the answer says so, and nothing else did.
            return Err(ReplyError::PERMISSION_DENIED);
        }
        Ok(())
    }

    /// What was joined is heard from here on, behind `first`. Whether it was still there.
    pub(super) fn hear(&self, joined: &Joined, first: impl FnOnce()) -> bool {
        let Joined { channel, recovery, terms, .. } = joined;
        let top = recovery.as_ref().map(|recovery| recovery.top.clone());
        let there = self.core.channels.settle(channel, self.id, top, || {
            self.subscriptions.goes_live(channel);
            first();
            true
        });
        if there {
            if let Some(until_ms) = terms.until_ms {
                self.core.lapses.add(until_ms, self.id, channel);
            }
            // Told of it after the reply.
            self.core.stamp(channel, self.id, false);
            self.reflect(channel);
            if self.core.asking.fallen.any(&terms.grounds) {
                self.lapsed(channel);
            }
        }
        there
    }

    /// Takes back what was joined.
    pub(super) fn undo(&self, joined: &Joined) {
        self.core.channels.leave(&joined.channel, self.id);
        self.forget(&joined.channel);
        if joined.hears != Hears::Nothing {
            self.core.close_rooms();
        }
    }
}

impl Joined {
    /// One of several that one answer tells of.
    pub(super) fn within(mut self, portion: &mut Portion) -> Self {
        if let Some(recovery) = &mut self.recovery {
            portion.give(recovery);
        }
        self
    }

    /// After a successful recovery the offset is the one asked for: the client advances with each publication.
    pub(super) fn result(&self) -> Subscribed<'_> {
        let recovery = self.recovery.as_ref();
        let (recovered, since) = (recovery.is_some_and(|recovery| recovery.recovered), self.since.as_ref());
        let publications = recovery.map_or_else(Vec::new, |recovery| {
            recovery.publications.iter().map(|publication| (&**publication).into()).collect()
        });
        let top = recovery.map_or(0, |recovery| recovery.top.offset);
        Subscribed {
            recoverable: recovery.is_some(),
            positioned: recovery.is_some(),
            epoch: recovery.map_or("", |recovery| &recovery.top.epoch),
            offset: since.filter(|_| recovered).map_or(top, |since| since.offset),
            publications,
            recovered,
            was_recovering: since.is_some(),
            delta: false,
            term: Term::default(),
            data: self.terms.data.as_deref().unwrap_or_default(),
        }
    }
}
