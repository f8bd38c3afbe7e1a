//! Who is in a channel, as products and clients ask.

use std::collections::HashMap;

use bus::{Presence, PresenceStats, Present};
use kernel::limits;
use parking_lot::Mutex;

use crate::Caller;
use crate::centrifuge::reply::ClientInfo;
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

/// How others see a client, with what a channel's terms add.
pub(crate) fn present(client: String, caller: &Caller, chan_info: Option<&[u8]>) -> Present {
    let conn_info = caller.info.as_deref().unwrap_or_default();
    let chan_info = chan_info.unwrap_or_default();
    let info = ClientInfo { user: &caller.user, client: &client, conn_info, chan_info };
    // A plain structure of texts, for which JSON has no error.
    let mut info = serde_json::to_vec(&info).unwrap_or_default();
    // Of tokens it is as they had it, with its line ends: the bus carries a line. In JSON they are only between tokens.
    info.iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    Present { client: client.into(), person: caller.user.as_str().into(), info: info.into() }
}

impl Core {
    /// Makes the bus know what is so: whether, and as what, this client is `shown` in the channel. `telling` is held meanwhile, so that
    /// a leave never overtakes its join. Not to be called in a lock of the bus.
    pub(crate) fn reflect(
        &self,
        channel: &str,
        client: &str,
        telling: &Mutex<()>,
        shown: impl FnOnce() -> Option<Present>,
    ) {
        if !self.find(channel).is_some_and(|namespace| namespace.shows_clients()) {
            return;
        }
        let _turn = telling.lock();
        let Some(present) = shown() else { return self.bus.leave(channel, client) };
        if let Err(error) = self.bus.join(channel, present) {
            tracing::warn!(%error, "a client is subscribed and not shown");
        }
    }

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
