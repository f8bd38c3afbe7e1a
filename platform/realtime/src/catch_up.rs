//! After the bus was away: who missed something gets it, or is told to read the history again.

use std::time::Duration;

use bus::Read;
use futures_util::{StreamExt, stream};

use crate::LoadError;
use crate::hub::Core;

/// Channels that are looked at beside one another.
const AT_ONCE: usize = 32;
/// Before the channels that could not be looked at are tried again.
const AGAIN: Duration = Duration::from_secs(1);

impl Core {
    /// Looks at every channel that somebody here listens to whenever publications may have been missed. Never ends.
    pub(crate) async fn catch_up(&self) {
        let mut left = Vec::new();
        loop {
            let doubt = self.doubt.notified();
            let anew = if left.is_empty() {
                doubt.await;
                true
            } else {
                tokio::time::timeout(AGAIN, doubt).await.is_ok()
            };
            if anew {
                // Those that are left are among them, while anybody listens.
                left = self.channels.names();
            }
            let looks = stream::iter(left).map(async |channel| {
                let looked = self.look(&channel, anew).await;
                (!matches!(looked, Ok(true))).then_some(channel)
            });
            left = looks.buffer_unordered(AT_ONCE).filter_map(std::future::ready).collect().await;
        }
    }

    /// A durable stream that is read again delivers what was missed. Of a live one, whoever is behind reads the history. Who came
    /// and went meanwhile is told. Whether everything could be seen.
    async fn look(&self, channel: &str, anew: bool) -> Result<bool, LoadError> {
        let Some(namespace) = self.find(channel) else { return Ok(true) };
        // That rights have changed may have been missed as well: asked once, and whom the guard cannot tell of, again by itself.
        if anew {
            self.recheck(channel).await;
        }
        if namespace.durable.is_some() {
            self.loads.ensure(&self.bus, &namespace, channel).await?;
        } else if namespace.history_size > 0 {
            let history = self.bus.history(channel, Read::TOP).await.map_err(crate::durable::load_error)?;
            self.channels.behind(channel, &history.top);
        }
        Ok(!namespace.join_leave || self.recount(channel).await)
    }
}
