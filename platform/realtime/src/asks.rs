//! What a client may say to a channel and see of it, in whatever protocol it asks: the one place where the namespace, its guard and the
//! client's token are asked about that.

use std::sync::Arc;

use bus::{BusError, Presence, PresenceStats, Read};
use bytes::Bytes;
use kernel::{Clock, limits};
use parking_lot::{Mutex, MutexGuard};

use crate::Caller;
use crate::claims::caps::Right;
use crate::codes::ReplyError;
use crate::hub::{Core, Hub};
use crate::namespace::{ByToken, Namespace};
use crate::portion;
use crate::publish::PublishError;

/// A client that asks.
pub(crate) trait Asks: Sync {
    fn core(&self) -> &Arc<Core>;
    /// Under which it is subscribed.
    fn id(&self) -> u64;
    /// Whom it acts for now.
    fn caller(&self) -> Arc<Caller>;
    /// Whether it may say, or look at, one more thing within this second.
    fn has_turn(&self) -> bool;
    /// Whether it is subscribed and was let in.
    fn hears(&self, channel: &str) -> bool;
    /// What others are shown of it in the channel.
    fn shown(&self, channel: &str) -> Bytes;
}

/// What one client has done within a second.
#[derive(Default)]
pub(crate) struct Turns(Mutex<Account>);

#[derive(Default)]
struct Account {
    second: u32,
    said: u16,
    subscriptions: u16,
    commands: u16,
}

impl Turns {
    /// Whether it may say, or look at, one more thing.
    pub(crate) fn say(&self, clock: &Clock) -> bool {
        counted(&mut self.account(clock).said, limits::CLIENT_SAYS_PER_S)
    }

    /// Whether it may try to subscribe once more.
    pub(crate) fn subscribe(&self, clock: &Clock) -> bool {
        counted(&mut self.account(clock).subscriptions, limits::CLIENT_SUBSCRIBES_PER_S)
    }

    /// Whether it may give one more command of any kind.
    pub(crate) fn command(&self, clock: &Clock) -> bool {
        counted(&mut self.account(clock).commands, limits::CLIENT_COMMANDS_PER_S)
    }

    fn account(&self, clock: &Clock) -> MutexGuard<'_, Account> {
        // Cut short: it is only held against the one before.
        let second = clock.now_ms().div_euclid(1_000) as u32;
        let mut account = self.0.lock();
        if account.second != second {
            *account = Account { second, ..Account::default() };
        }
        account
    }
}

fn counted(count: &mut u16, most: u32) -> bool {
    *count = count.saturating_add(1);
    u32::from(*count) <= most
}

/// Publishes a JSON text for the client, which subscribers are shown. What is none is refused, and counts as well; so is who has so much
/// to show that it does not go along: it would pass for the server.
pub(crate) async fn publish(of: &dyn Asks, channel: &str, data: Result<Bytes, ReplyError>) -> Result<(), ReplyError> {
    if !of.has_turn() {
        return Err(ReplyError::TOO_MANY_REQUESTS);
    }
    let data = data?;
    let caller = of.caller();
    let namespace = of.core().open(channel, &caller).await.map_err(|refused| ReplyError::from(&refused))?;
    // What is durable is committed by its product first.
    if namespace.durable.is_some() || !may_publish(of, &namespace, channel).await {
        return Err(ReplyError::PERMISSION_DENIED);
    }
    let published = Hub(of.core().clone()).publish_by(channel, data, of.shown(channel)).await;
    published.map(drop).map_err(|error| {
        if let PublishError::Bus(BusError::Refused(_)) = error {
            return ReplyError::LIMIT_EXCEEDED;
        }
        tracing::warn!(%error, "what a client said could not be published");
        ReplyError::INTERNAL
    })
}

async fn may_publish(of: &dyn Asks, namespace: &Namespace, channel: &str) -> bool {
    if namespace.allow_publish_for_subscriber && of.hears(channel) {
        return true;
    }
    if namespace.heeds_tokens() && of.caller().is_given(channel, Right::Publish) {
        return true;
    }
    let Some(guard) = &namespace.guard else { return false };
    guard.may_publish(channel, &of.caller()).await.unwrap_or_else(|error| {
        tracing::warn!(%error, namespace = namespace.name, "a guard could not answer");
        false
    })
}

/// What is kept of the channel: `limits::HISTORY_READ` publications and `limits::HISTORY_READ_BYTES` at most.
pub(crate) async fn history(of: &dyn Asks, channel: &str, read: Read) -> Result<bus::History, ReplyError> {
    if !sees(of, channel, Right::History, |namespace| namespace.history_size > 0).await? {
        let nothing = of.core().nothing(channel, None).await.map_err(|_| ReplyError::INTERNAL)?;
        return Ok(bus::History { publications: Vec::new(), top: nothing.top });
    }
    let read = Read { limit: read.limit.min(limits::HISTORY_READ), ..read };
    let mut history = of.core().bus.history(channel, read).await.map_err(|error| match error {
        BusError::Unrecoverable { .. } => ReplyError::UNRECOVERABLE,
        error => {
            tracing::warn!(%error, "a history could not be read");
            ReplyError::INTERNAL
        }
    })?;
    portion::cut(&mut history.publications);
    Ok(history)
}

/// Who is in the channel; none where the client is outside.
pub(crate) async fn presence(of: &dyn Asks, channel: &str) -> Result<Option<Presence>, ReplyError> {
    if !sees(of, channel, Right::Presence, |namespace| namespace.presence).await? {
        return Ok(None);
    }
    of.core().stamp(channel, of.id(), true);
    let there = of.core().bus.present(channel).await;
    of.core().stamp(channel, of.id(), false);
    Ok(Some(there))
}

/// How many they are; none where the client is outside.
pub(crate) async fn presence_stats(of: &dyn Asks, channel: &str) -> Result<Option<PresenceStats>, ReplyError> {
    if !sees(of, channel, Right::Presence, |namespace| namespace.presence).await? {
        return Ok(None);
    }
    Ok(Some(of.core().presence_stats(channel).await))
}

/// Whether the client may look, where the namespace `offers` that. Who is not let in is to see a channel that nobody ever used.
async fn sees(of: &dyn Asks, channel: &str, right: Right, offers: fn(&Namespace) -> bool) -> Result<bool, ReplyError> {
    if !of.has_turn() {
        return Err(ReplyError::TOO_MANY_REQUESTS);
    }
    let caller = of.caller();
    let namespace = of.core().open(channel, &caller).await.map_err(|refused| ReplyError::from(&refused))?;
    if !offers(&namespace) {
        return Err(ReplyError::NOT_AVAILABLE);
    }
    let given = namespace.heeds_tokens() && caller.is_given(channel, right);
    let inside = given || of.hears(channel) || of.core().admits(&namespace, channel, &caller).await;
    if !inside && namespace.by_token == ByToken::Alone {
        return Err(ReplyError::PERMISSION_DENIED);
    }
    Ok(inside)
}
