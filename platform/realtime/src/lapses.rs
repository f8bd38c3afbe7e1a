//! Subscriptions that end by themselves: those that a token opened, and was not refreshed.

use std::collections::BTreeSet;
use std::sync::Arc;

use kernel::limits;
use parking_lot::Mutex;

use crate::hub::Core;
use crate::members::Member;

/// When whose subscription to what ends, Unix milliseconds, the grace to refresh it included: one entry a subscription at most.
#[derive(Default)]
pub(crate) struct Lapses(Mutex<BTreeSet<(i64, u64, Arc<str>)>>);

const fn with_grace(until_ms: i64) -> i64 {
    until_ms.saturating_add(limits::REALTIME_EXPIRY_GRACE_MS)
}

impl Lapses {
    pub(crate) fn add(&self, until_ms: i64, id: u64, channel: &Arc<str>) {
        self.0.lock().insert((with_grace(until_ms), id, channel.clone()));
    }

    pub(crate) fn remove(&self, until_ms: i64, id: u64, channel: &Arc<str>) {
        self.0.lock().remove(&(with_grace(until_ms), id, channel.clone()));
    }

    fn due(&self, now_ms: i64) -> Vec<(u64, Arc<str>)> {
        let (mut lapses, mut due) = (self.0.lock(), Vec::new());
        while lapses.first().is_some_and(|(at_ms, ..)| *at_ms <= now_ms) {
            due.extend(lapses.pop_first().map(|(_, id, channel)| (id, channel)));
        }
        due
    }
}

impl Core {
    /// Ends what is past its end.
    pub(crate) fn lapse(&self, now_ms: i64) {
        for (id, channel) in self.lapses.due(now_ms) {
            let is_over = |until_ms: i64| with_grace(until_ms) <= now_ms;
            match self.members.find(id) {
                Some(Member::Socket(client)) if client.subscribed_until(&channel).is_some_and(is_over) => {
                    client.lapsed(&channel);
                }
                Some(Member::Socketio(socket)) => socket.lapses(&channel, |terms| terms.until_ms.is_some_and(is_over)),
                _ => {}
            }
        }
    }
}
