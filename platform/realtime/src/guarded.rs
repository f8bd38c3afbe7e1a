//! Guarded channels: who is let in, what the others see, and how a right that was taken back ends what it opened.

use std::collections::HashSet;
use std::sync::Arc;

use bus::{BusResult, Keep, Position, Read};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::Caller;
use crate::codes::Unsubscribed;
use crate::hub::{Core, Hub, Recovery};
use crate::namespace::Namespace;

/// Before the name of a channel: the channel on which processes tell one another that rights to it have changed.
pub(crate) const RIGHTS: &str = "@rights:";

/// Channels to ask about again, because another process said so.
#[derive(Default)]
pub(crate) struct Rechecks {
    /// Those that somebody here reads, so no more than there are.
    waiting: Mutex<HashSet<Box<str>>>,
    news: Notify,
}

impl Hub {
    /// Asks the guard of a channel again about everybody who reads it here, and turns out whom it no longer lets in. Call it
    /// when rights have changed and that is committed.
    pub async fn recheck(&self, channel: &str) {
        self.0.recheck(channel).await;
    }

    /// As [`Hub::recheck`], in every process: here at once; elsewhere within a moment, or when the bus is back, by [`Hub::run`].
    pub async fn recheck_everywhere(&self, channel: &str) {
        self.recheck(channel).await;
        let told = self.0.bus.publish(&format!("{RIGHTS}{channel}"), "{}".into(), Keep::NOTHING).await;
        if let Err(error) = told {
            // Who was not told was interrupted, and asks about every channel when it hears again.
            tracing::warn!(%error, "other processes were not told that rights have changed");
        }
    }
}

impl Core {
    /// See [`Hub::recheck`].
    pub(crate) async fn recheck(&self, channel: &str) {
        let Some(namespace) = self.find(channel).filter(|namespace| namespace.guard.is_some()) else { return };
        // Many share a right: each is asked about once.
        let mut asked: Vec<(Arc<Caller>, bool)> = Vec::new();
        for (id, caller) in self.channels.callers(channel) {
            let known = asked.iter().find(|(other, _)| **other == *caller).map(|(_, inside)| *inside);
            let inside = match known {
                Some(inside) => inside,
                None => {
                    let inside = self.admits(&namespace, channel, &caller).await;
                    asked.push((caller, inside));
                    inside
                }
            };
            if !inside {
                self.channels.turn_out(channel, id, Unsubscribed::PERMISSION_DENIED);
            }
        }
    }

    /// Another process says that rights to a channel have changed.
    pub(crate) fn rights_changed(&self, channel: &str) {
        if self.channels.subscribers(channel) > 0 {
            self.rechecks.waiting.lock().insert(channel.into());
            self.rechecks.news.notify_one();
        }
    }

    /// Asks again about the channels that other processes named. Never ends.
    pub(crate) async fn recheck_the_named(&self) {
        loop {
            self.rechecks.news.notified().await;
            let named = std::mem::take(&mut *self.rechecks.waiting.lock());
            for channel in named {
                self.recheck(&channel).await;
            }
        }
    }
}

impl Core {
    /// Whether the namespace's guard lets the caller in. It must have joined: see [`Hub::recheck`].
    pub(crate) async fn admits(&self, namespace: &Namespace, channel: &str, caller: &Caller) -> bool {
        let Some(guard) = &namespace.guard else { return true };
        guard.admits(channel, caller).await.unwrap_or_else(|error| {
            tracing::warn!(%error, namespace = namespace.name, "a guard could not answer");
            false
        })
    }

    /// What somebody outside gets: a channel that nothing was published on.
    pub(crate) async fn nothing(&self, channel: &str, since: Option<&Position>) -> BusResult<Recovery> {
        let epoch = self.bus.history(channel, Read::TOP).await?.top.epoch;
        let recovered =
            since.is_some_and(|since| since.offset == 0 && (since.epoch.is_empty() || since.epoch == epoch));
        Ok(Recovery { publications: Vec::new(), recovered, top: Position { offset: 0, epoch } })
    }
}
