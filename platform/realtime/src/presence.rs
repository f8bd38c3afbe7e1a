//! Who is in a channel, as products and clients ask.

use std::collections::HashMap;

use bus::{Presence, PresenceStats};
use kernel::limits;
use parking_lot::Mutex;

use crate::hub::{Core, Hub};

/// What was counted a moment ago, and when, Unix milliseconds: in a large channel all ask at once.
#[derive(Default)]
pub(crate) struct Counts(Mutex<HashMap<Box<str>, (i64, PresenceStats)>>);

impl Hub {
    /// The clients of a channel of a namespace with [`Namespace::presence`](crate::Namespace::presence), of all processes. Streams
    /// ([`Feed`](crate::Feed)s) are not among them.
    pub async fn presence(&self, channel: &str) -> Presence {
        self.0.bus.present(channel).await
    }

    /// How many they are, as of a tenth of a second ago at most.
    pub async fn presence_stats(&self, channel: &str) -> PresenceStats {
        self.0.presence_stats(channel).await
    }
}

impl Core {
    pub(crate) async fn presence_stats(&self, channel: &str) -> PresenceStats {
        let now_ms = self.clock.now_ms();
        let fresh = |at_ms: i64| (0..limits::PRESENCE_STATS_MS).contains(&(now_ms - at_ms));
        if let Some((at_ms, stats)) = self.counts.0.lock().get(channel)
            && fresh(*at_ms)
        {
            return *stats;
        }
        let stats = self.bus.presence_stats(channel).await;
        let mut counts = self.counts.0.lock();
        if counts.len() >= limits::PRESENCE_STATS_KEPT {
            counts.retain(|_, (at_ms, _)| fresh(*at_ms));
        }
        if counts.len() < limits::PRESENCE_STATS_KEPT {
            counts.insert(channel.into(), (now_ms, stats));
        }
        stats
    }
}
