//! What a client is subscribed to, and that the bus is told of it.

use std::sync::Arc;

use bus::Present;
use parking_lot::Mutex;

use super::client::Client;
use super::reply::ClientInfo;

/// The channels of one client.
#[derive(Default)]
pub(crate) struct Subscriptions {
    list: Mutex<Vec<Subscription>>,
    /// Held while the bus is told what the list says, so that a leave never overtakes its join.
    telling: Mutex<()>,
}

struct Subscription {
    channel: Arc<str>,
    /// The client knows of it: it was answered, and is not outside of a guarded channel.
    live: bool,
}

impl Subscriptions {
    pub(super) fn len(&self) -> usize {
        self.list.lock().len()
    }

    pub(super) fn has(&self, channel: &str) -> bool {
        self.list.lock().iter().any(|one| *one.channel == *channel)
    }

    pub(super) fn add(&self, channel: Arc<str>) {
        self.list.lock().push(Subscription { channel, live: false });
    }

    pub(super) fn goes_live(&self, channel: &str) {
        self.list.lock().iter_mut().filter(|one| *one.channel == *channel).for_each(|one| one.live = true);
    }

    /// Whether the client knew of it.
    pub(super) fn remove(&self, channel: &str) -> bool {
        let mut list = self.list.lock();
        let at = list.iter().position(|one| *one.channel == *channel);
        at.is_some_and(|at| list.remove(at).live)
    }

    fn is_live(&self, channel: &str) -> bool {
        self.list.lock().iter().any(|one| one.live && *one.channel == *channel)
    }

    fn take(&self) -> Vec<Subscription> {
        std::mem::take(&mut *self.list.lock())
    }
}

impl Client {
    /// Makes the bus know what is so: whether this client is in the channel. Not to be called in a lock of the bus.
    pub(crate) fn reflect(&self, channel: &str) {
        if !self.core.find(channel).is_some_and(|namespace| namespace.shows_clients()) {
            return;
        }
        let _turn = self.subscriptions.telling.lock();
        if !self.subscriptions.is_live(channel) {
            return self.core.bus.leave(channel, &self.name());
        }
        if let Err(error) = self.core.bus.join(channel, self.present()) {
            tracing::warn!(%error, "a client is subscribed and not shown");
        }
    }

    /// How others see it.
    pub(super) fn present(&self) -> Present {
        let (client, caller) = (self.name(), self.caller());
        let conn_info = caller.info.as_deref().unwrap_or_default();
        let info = ClientInfo { user: &caller.user, client: &client, conn_info };
        // A plain structure of texts, for which JSON has no error.
        let info = serde_json::to_vec(&info).unwrap_or_default();
        Present { client: client.into(), person: caller.user.as_str().into(), info: info.into() }
    }

    /// Ends every subscription.
    pub(super) fn leave_channels(&self) {
        for Subscription { channel, .. } in self.subscriptions.take() {
            self.core.channels.leave(&channel, self.id);
            self.reflect(&channel);
        }
    }
}
