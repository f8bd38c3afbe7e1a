//! What a client is subscribed to, and that the bus is told of it.

use std::sync::Arc;

use bus::Present;
use bytes::Bytes;
use kernel::limits;
use parking_lot::Mutex;

use super::client::Client;
use crate::claims::subscription::Terms;
use crate::presence;

/// The channels of one client.
#[derive(Default)]
pub(crate) struct Subscriptions {
    list: Mutex<List>,
    /// Held while the bus is told what the list says, so that a leave never overtakes its join.
    telling: Mutex<()>,
}

#[derive(Default)]
struct List {
    all: Vec<Subscription>,
    /// The client is gone: nothing is begun for it any more.
    closed: bool,
}

struct Subscription {
    channel: Arc<str>,
    /// The client knows of it: it was answered, and is not outside of a guarded channel.
    live: bool,
    /// The server made it, and the client resumes it by its `connect`.
    by_server: bool,
    terms: Option<Box<Lasting>>,
}

/// What of its terms a subscription keeps.
struct Lasting {
    info: Option<Bytes>,
    until_ms: Option<i64>,
    hidden: bool,
    grounds: Vec<String>,
}

/// A subscription that was taken off the list.
pub(super) struct Removed {
    pub(super) live: bool,
    pub(super) by_server: bool,
    /// Its name and its end, where it has one.
    pub(super) lapses: Option<(Arc<str>, i64)>,
}

impl List {
    fn find(&mut self, channel: &str) -> Option<&mut Subscription> {
        self.all.iter_mut().find(|one| *one.channel == *channel)
    }
}

impl Subscriptions {
    pub(super) fn len(&self) -> usize {
        self.list.lock().all.len()
    }

    pub(super) fn has(&self, channel: &str) -> bool {
        self.list.lock().find(channel).is_some()
    }

    /// Whether there was room for one more, and it is none that is there.
    pub(super) fn reserve(&self, channel: &str, by_server: bool, terms: &Terms) -> bool {
        let mut list = self.list.lock();
        if list.closed || list.all.len() >= limits::CHANNELS_PER_CONNECTION || list.find(channel).is_some() {
            return false;
        }
        let Terms { info, until_ms, hidden, grounds, .. } = terms.clone();
        let lasting = info.is_some() || until_ms.is_some() || hidden || !grounds.is_empty();
        let terms = lasting.then(|| Box::new(Lasting { info, until_ms, hidden, grounds }));
        list.all.push(Subscription { channel: channel.into(), live: false, by_server, terms });
        true
    }

    /// Takes the name that all subscribers share. Whether it is still wanted.
    pub(super) fn share(&self, name: &Arc<str>) -> bool {
        self.list.lock().find(name).map(|one| one.channel = name.clone()).is_some()
    }

    pub(super) fn goes_live(&self, channel: &str) {
        if let Some(one) = self.list.lock().find(channel) {
            one.live = true;
        }
    }

    pub(super) fn remove(&self, channel: &str) -> Option<Removed> {
        let mut list = self.list.lock();
        let at = list.all.iter().position(|one| *one.channel == *channel)?;
        let Subscription { channel, live, by_server, terms } = list.all.remove(at);
        let lapses = terms.and_then(|terms| terms.until_ms).map(|until_ms| (channel, until_ms));
        Some(Removed { live, by_server, lapses })
    }

    /// Its shared name and when it ends by itself; None for what is not live.
    pub(super) fn end_of(&self, channel: &str) -> Option<(Arc<str>, Option<i64>)> {
        let mut list = self.list.lock();
        let one = list.find(channel).filter(|one| one.live)?;
        Some((one.channel.clone(), one.terms.as_ref().and_then(|terms| terms.until_ms)))
    }

    pub(super) fn is_by_server(&self, channel: &str) -> bool {
        self.list.lock().find(channel).is_some_and(|one| one.by_server)
    }

    /// Lets it end at another time, and with what these say.
    pub(super) fn prolong(&self, channel: &str, terms: &Terms) {
        if let Some(one) = self.list.lock().find(channel) {
            let lasting = Lasting { info: None, until_ms: None, hidden: false, grounds: Vec::new() };
            let kept = one.terms.get_or_insert_with(|| lasting.into());
            (kept.until_ms, kept.grounds) = (terms.until_ms, terms.grounds.clone());
        }
    }

    /// What hangs on this ground, of what is live.
    pub(super) fn on(&self, fell: impl Fn(&str) -> bool) -> Vec<Arc<str>> {
        let hangs = |one: &&Subscription| {
            one.live && one.terms.as_ref().is_some_and(|terms| terms.grounds.iter().any(|ground| fell(ground)))
        };
        self.list.lock().all.iter().filter(hangs).map(|one| one.channel.clone()).collect()
    }

    /// All on which something hangs.
    pub(super) fn grounds(&self) -> Vec<String> {
        let list = self.list.lock();
        list.all.iter().filter_map(|one| one.terms.as_ref()).flat_map(|terms| terms.grounds.clone()).collect()
    }

    /// What its terms add to what others are shown of the client in the channel.
    pub(super) fn info(&self, channel: &str) -> Option<Bytes> {
        self.list.lock().find(channel).filter(|one| one.live)?.terms.as_ref()?.info.clone()
    }

    /// What others are shown of the client in the channel, if anything.
    fn shown(&self, channel: &str) -> Option<Option<Bytes>> {
        let mut list = self.list.lock();
        let one = list.find(channel).filter(|one| one.live)?;
        match &one.terms {
            Some(terms) if terms.hidden => None,
            Some(terms) => Some(terms.info.clone()),
            None => Some(None),
        }
    }

    fn take(&self) -> Vec<Subscription> {
        let mut list = self.list.lock();
        list.closed = true;
        std::mem::take(&mut list.all)
    }
}

impl Client {
    /// Makes the bus know what is so: whether this client is in the channel. Not to be called in a lock of the bus.
    pub(crate) fn reflect(&self, channel: &str) {
        let shown = || self.subscriptions.shown(channel).map(|info| self.present(info.as_deref()));
        self.core.reflect(channel, &self.name(), &self.subscriptions.telling, shown);
    }

    /// How others see it, with what a channel's terms add.
    pub(super) fn present(&self, chan_info: Option<&[u8]>) -> Present {
        presence::present(self.name(), &self.caller(), chan_info)
    }

    /// Ends every subscription.
    pub(super) fn leave_channels(&self) {
        for Subscription { channel, terms, .. } in self.subscriptions.take() {
            self.core.channels.leave(&channel, self.id);
            if let Some(until_ms) = terms.and_then(|terms| terms.until_ms) {
                self.core.lapses.remove(until_ms, self.id, &channel);
            }
            self.reflect(&channel);
        }
    }
}
