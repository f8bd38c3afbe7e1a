//! Guarded channels: who is let in, what the others see, and how a right that was taken back ends what it opened.

use std::sync::Arc;

use bus::{BusResult, Position, Read};

use crate::Caller;
use crate::codes::Unsubscribed;
use crate::hub::{Core, Hub, Recovery};
use crate::namespace::Namespace;

impl Hub {
    /// Asks the guard of a channel again about everybody who reads it here, and turns out whom it no longer lets in. Call it
    /// when rights have changed and that is committed.
    pub async fn recheck(&self, channel: &str) {
        let Some(namespace) = self.0.find(channel) else { return };
        // Many share a right: each is asked about once.
        let mut asked: Vec<(Arc<Caller>, bool)> = Vec::new();
        for (id, caller) in self.0.channels.callers(channel) {
            let known = asked.iter().find(|(other, _)| **other == *caller).map(|(_, inside)| *inside);
            let inside = match known {
                Some(inside) => inside,
                None => {
                    let inside = self.0.admits(&namespace, channel, &caller).await;
                    asked.push((caller, inside));
                    inside
                }
            };
            if !inside {
                self.0.channels.turn_out(channel, id, Unsubscribed::PERMISSION_DENIED);
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
