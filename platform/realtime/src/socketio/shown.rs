//! A client of Socket.IO among those who are in a channel, as every other client is.

use super::Socket;
use crate::presence;

impl Socket {
    /// What it is called among clients. One that came back as the same may be here twice for a moment.
    pub(crate) fn name(&self) -> String {
        format!("{}.{}", Self::id(self), self.id)
    }

    /// Makes the bus know what is so: whether this client is in the channel. Not to be called in a lock of the bus, nor while its
    /// channels are locked.
    pub(super) fn reflect(&self, channel: &str) {
        let terms = || self.rooms().shown(channel);
        let shown = || terms().map(|info| presence::present(self.name(), self.caller(), info.as_deref()));
        self.peer.core.reflect(channel, &self.name(), &self.telling, shown);
    }
}
