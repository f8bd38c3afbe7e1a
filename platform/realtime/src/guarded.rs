//! Guarded channels: who is let in, what the others see, and how a right that was taken back ends what it opened.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bus::{BusResult, Keep, Position, Read};
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};

use crate::Caller;
use crate::claims::caps::Right;
use crate::codes::Unsubscribed;
use crate::hub::{Core, Hub, Recovery};
use crate::namespace::{ByToken, LoadError, Namespace};

/// Before the name of a channel: the channel on which processes tell one another that rights to it, or rows of it, have changed.
pub(crate) const RIGHTS: &str = "@rights:";
/// In place of a name, which has a colon: rights to any channel.
const ANY: &str = "*";

/// Questions to guards beside one another, whatever the number of channels.
const AT_ONCE: usize = 32;
/// What was told so long ago the others have heard, where the bus was there all the time, milliseconds.
const HEARD_MS: i64 = 60_000;
/// Channels of which it is remembered that they were told of; instead of more, all are told of.
const TOLD: usize = 1_024;

/// Channels to ask about again.
pub(crate) struct Rechecks {
    /// Because another process said so. Those that somebody here reads, so no more than there are.
    waiting: Mutex<HashSet<Box<str>>>,
    news: Notify,
    /// Of whom their guards could not tell anything: at most everybody who is here.
    unanswered: Mutex<HashMap<Box<str>, HashSet<u64>>>,
    /// What the others were told of, and when, Unix milliseconds.
    told: Mutex<HashMap<Box<str>, i64>>,
    /// They may not have heard it.
    doubted: AtomicBool,
    again: Notify,
    turns: Semaphore,
}

impl Default for Rechecks {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            news: Notify::new(),
            unanswered: Mutex::default(),
            told: Mutex::default(),
            doubted: AtomicBool::new(false),
            again: Notify::new(),
            turns: Semaphore::new(AT_ONCE),
        }
    }
}

impl Rechecks {
    /// The bus was away, and is back, or will be with the next second.
    pub(crate) fn interrupted(&self) {
        self.doubted.store(true, Ordering::SeqCst);
    }

    /// One second has passed.
    pub(crate) fn tick(&self, bus_is_up: bool, now_ms: i64) {
        if self.doubted.load(Ordering::SeqCst) || !self.unanswered.lock().is_empty() {
            self.again.notify_one();
        } else if bus_is_up {
            self.told.lock().retain(|_, told_ms| now_ms.saturating_sub(*told_ms) < HEARD_MS);
        }
    }

    fn remember(&self, channel: &str, now_ms: i64) {
        let mut told = self.told.lock();
        if told.len() >= TOLD && !told.contains_key(channel) {
            told.clear();
            told.insert(ANY.into(), now_ms);
        }
        told.insert(channel.into(), now_ms);
    }
}

impl Hub {
    /// Asks the guard of a channel again about everybody who reads it here, and turns out whom it no longer lets in. Of whom it
    /// cannot tell stays, and is asked about again every second by [`Hub::run`]. Call it when rights have changed and that is
    /// committed.
    pub async fn recheck(&self, channel: &str) {
        self.0.recheck(channel).await;
    }

    /// As [`Hub::recheck`], in every process: here at once; elsewhere within a moment, or when the bus is back, by [`Hub::run`].
    pub async fn recheck_everywhere(&self, channel: &str) {
        self.0.rechecks.remember(channel, self.0.clock.now_ms());
        self.0.tell_rights(channel).await;
        self.recheck(channel).await;
    }

    /// Reads a durable channel from its table again in every process, where rows were changed or removed that were published already:
    /// who comes back from then on gets what the table has. Here at once; elsewhere within a moment, or when the bus is back.
    ///
    /// # Errors
    /// The table did not answer: call it again then.
    pub async fn reread_everywhere(&self, channel: &str) -> Result<(), LoadError> {
        self.0.rechecks.remember(channel, self.0.clock.now_ms());
        self.0.tell_rights(channel).await;
        self.reload(channel).await
    }
}

impl Core {
    /// See [`Hub::recheck`].
    pub(crate) async fn recheck(&self, channel: &str) {
        self.recheck_those(channel, |_| true).await;
    }

    async fn recheck_those(&self, channel: &str, those: impl Fn(u64) -> bool) {
        let Some(namespace) = self.find(channel).filter(|namespace| namespace.guard.is_some()) else { return };
        // Many share a right: each is asked about once.
        #[expect(clippy::mutable_key_type, reason = "what changes in a regex is its scratch space")]
        let mut sharing: HashMap<Arc<Caller>, Vec<(u64, Arc<Caller>)>> = HashMap::new();
        for (id, caller) in self.channels.callers(channel).into_iter().filter(|(id, _)| those(*id)) {
            sharing.entry(caller.clone()).or_default().push((id, caller));
        }
        let namespace = &namespace;
        let asked = stream::iter(sharing).map(async move |(caller, members)| {
            // It is never closed.
            let _turn = self.rechecks.turns.acquire().await;
            (self.would_admit(namespace, channel, &caller).await, members)
        });
        let mut asked = std::pin::pin!(asked.buffer_unordered(AT_ONCE));
        while let Some((inside, members)) = asked.next().await {
            match inside {
                Some(true) => {}
                Some(false) => members.iter().for_each(|(id, caller)| {
                    self.channels.turn_out_by(channel, *id, caller, Unsubscribed::PERMISSION_DENIED);
                }),
                None => {
                    let ids = members.iter().map(|(id, _)| *id);
                    self.rechecks.unanswered.lock().entry(channel.into()).or_default().extend(ids);
                }
            }
        }
    }

    /// Another process says that rights to a channel have changed.
    pub(crate) fn rights_changed(&self, channel: &str) {
        if channel == ANY {
            self.doubt.notify_one();
        } else if self.channels.subscribers(channel) > 0 || self.find(channel).is_some_and(|it| it.durable.is_some()) {
            self.rechecks.waiting.lock().insert(channel.into());
            self.rechecks.news.notify_one();
        }
    }

    async fn tell_rights(&self, channel: &str) {
        let told = self.bus.publish(&format!("{RIGHTS}{channel}"), "{}".into(), Keep::NOTHING).await;
        if let Err(error) = told {
            // It is told again when the bus is back.
            tracing::warn!(%error, "other processes were not told that rights have changed");
        }
    }

    /// Asks again about the channels that other processes named. Never ends.
    pub(crate) async fn recheck_the_named(&self) {
        loop {
            self.rechecks.news.notified().await;
            let named = std::mem::take(&mut *self.rechecks.waiting.lock());
            stream::iter(named).for_each_concurrent(AT_ONCE, async |channel| self.look_at_named(&channel).await).await;
        }
    }

    /// Who may hear no more goes before anything is read again: that may bring what came later.
    async fn look_at_named(&self, channel: &str) {
        self.recheck(channel).await;
        let Some(namespace) = self.find(channel) else { return };
        if let Err(error) = self.loads.again(&self.bus, &namespace, channel).await {
            tracing::warn!(%error, namespace = namespace.name, "a durable stream could not be read again");
            self.doubt.notify_one();
        }
    }

    /// Tells again what may not have been heard, and asks again where there was no answer, a second later. Never ends.
    pub(crate) async fn recheck_again(&self) {
        loop {
            self.rechecks.again.notified().await;
            if self.rechecks.doubted.swap(false, Ordering::SeqCst) {
                let told: Vec<_> = self.rechecks.told.lock().keys().cloned().collect();
                for channel in told {
                    self.tell_rights(&channel).await;
                }
            }
            let left = std::mem::take(&mut *self.rechecks.unanswered.lock());
            let ask = async |(channel, ids): (Box<str>, HashSet<u64>)| {
                self.recheck_those(&channel, |id| ids.contains(&id)).await;
            };
            stream::iter(left).for_each_concurrent(AT_ONCE, ask).await;
        }
    }

    /// Whether the caller's own token or the namespace's guard lets it in. It must have joined: see [`Hub::recheck`].
    pub(crate) async fn admits(&self, namespace: &Namespace, channel: &str, caller: &Caller) -> bool {
        self.would_admit(namespace, channel, caller).await.unwrap_or(false)
    }

    /// None where the guard cannot tell.
    async fn would_admit(&self, namespace: &Namespace, channel: &str, caller: &Caller) -> Option<bool> {
        if namespace.heeds_tokens() && caller.is_given(channel, Right::Subscribe) {
            return Some(true);
        }
        if namespace.by_token == ByToken::Alone {
            return Some(false);
        }
        let Some(guard) = &namespace.guard else { return Some(true) };
        let inside = guard.admits(channel, caller).await;
        inside.inspect_err(|error| tracing::warn!(%error, namespace = namespace.name, "a guard could not answer")).ok()
    }

    /// What somebody outside gets: a channel that nothing was published on.
    pub(crate) async fn nothing(&self, channel: &str, since: Option<&Position>) -> BusResult<Recovery> {
        let epoch = self.bus.history(channel, Read::TOP).await?.top.epoch;
        let recovered =
            since.is_some_and(|since| since.offset == 0 && (since.epoch.is_empty() || since.epoch == epoch));
        Ok(Recovery { publications: Vec::new(), recovered, top: Position { offset: 0, epoch } })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use bus::{Bus, Publication, Sink};
    use kernel::{Clock, Entropy};

    use super::*;

    /// Counts what is told of `rooms:a`.
    #[derive(Default)]
    struct Told(AtomicUsize, Notify);

    impl Sink for Told {
        fn publication(&self, channel: &str, _: &Arc<Publication>) {
            if channel == "@rights:rooms:a" {
                self.0.fetch_add(1, Ordering::SeqCst);
                self.1.notify_one();
            }
        }
    }

    #[tokio::test]
    async fn what_may_not_have_been_heard_is_told_again() {
        let (clock, entropy) = (Clock::manual(0), Entropy::seeded(1));
        let (bus, told) = (Bus::memory(clock.clone(), &entropy), Arc::new(Told::default()));
        bus.listen(told.clone());
        let hub = Hub::new(bus, clock.clone(), entropy, Arc::new(crate::doorman::Nobody));
        hub.recheck_everywhere("rooms:a").await;
        told.1.notified().await;
        clock.advance(HEARD_MS - 1);
        hub.tick();
        hub.0.rechecks.interrupted();
        hub.tick();
        tokio::select! {
            () = hub.0.recheck_again() => {}
            () = told.1.notified() => {}
        }
        assert_eq!(told.0.load(Ordering::SeqCst), 2);
        clock.advance(1);
        hub.tick();
        assert!(hub.0.rechecks.told.lock().is_empty(), "all have heard it");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let rechecks = Rechecks::default();
        (0..=TOLD).for_each(|number| rechecks.remember(&format!("rooms:{number}"), 0));
        let told = rechecks.told.lock();
        assert!(told.len() == 2 && told.contains_key(ANY), "{}", told.len());
    }
}
