//! Rights that were taken back: whoever still acts by one is found here and sent away.
//!
//! A connection may be on its way in while rights change: looked up before, registered after. So the changes are counted. Whoever
//! comes in registers first and compares then: if there was a change since its look-up, it is asked about once more.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{StreamExt, stream};
use http::HeaderMap;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::codes::{Disconnect, Unsubscribed};
use crate::doorman::{Caller, Standing, Unknown};
use crate::grounds::Fallen;
use crate::hub::{Core, Hub};
use crate::members::Member;

/// Connections that are asked about beside one another.
const AT_ONCE: usize = 32;

/// How often rights had changed at some moment.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rights(u64);

#[derive(Default)]
pub(crate) struct Asking {
    changes: AtomicU64,
    /// About whom the doorman could not say anything: at most everybody who is here.
    unanswered: Mutex<HashSet<u64>>,
    again: Notify,
    pub(crate) fallen: Fallen,
}

impl Asking {
    /// Rights change: whoever is on its way in is asked about once more.
    pub(crate) fn change(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// One second has passed.
    pub(crate) fn tick(&self) {
        if !self.unanswered.lock().is_empty() {
            self.again.notify_one();
        }
    }
}

impl Hub {
    /// Asks the doorman again about every connection here that acts for this user, and closes those whose right was taken back:
    /// for good (3503) where the person may not come at all, else so that the client comes again by other means (3014). Call
    /// it in every process, when rights have changed and that is committed. Whom the doorman cannot answer about stays, and is
    /// asked about again every second by [`Hub::run`].
    pub async fn ask_again(&self, user: &str) {
        self.0.asking.change();
        self.0.ask(self.0.members.of(user)).await;
    }

    /// As [`Hub::ask_again`], about everybody who is somebody.
    pub async fn ask_about_all(&self) {
        self.0.asking.change();
        self.0.ask(self.0.members.known()).await;
    }

    /// Closes every connection here that acts for this user. Where it is to come `again` its clients do so by themselves (3011), after
    /// what waits for them; else not, and without that (3503): what keeps it from coming is the doorman's to know. Returns how many
    /// there were.
    pub fn disconnect(&self, user: &str, again: bool) -> usize {
        let members = self.0.members.of(user);
        for member in &members {
            if again { member.close(Disconnect::FORCE_RECONNECT) } else { member.cut(Disconnect::FORCED) }
        }
        members.len()
    }

    /// Ends the subscriptions of this user to a channel here (2000): its clients do not subscribe again by themselves, and may. Streams
    /// end. Returns how many there were.
    pub fn unsubscribe(&self, user: &str, channel: &str) -> usize {
        let ended = |member: &Member| self.0.channels.turn_out(channel, member.id(), Unsubscribed::BY_SERVER);
        self.0.members.of(user).iter().filter(|member| ended(member)).count()
    }
}

impl Core {
    /// To be remembered before anybody is looked up: see [`Core::entered`].
    pub(crate) fn rights(&self) -> Rights {
        Rights(self.asking.changes.load(Ordering::SeqCst))
    }

    pub(crate) async fn at_the_door(&self, headers: &HeaderMap) -> Result<Arc<Caller>, Unknown> {
        self.doorman.at_the_door(headers).await.map(|caller| self.shared(caller))
    }

    /// Most are nobody, and share one.
    pub(crate) fn shared(&self, caller: Caller) -> Arc<Caller> {
        if caller == *self.nobody { self.nobody.clone() } else { Arc::new(caller) }
    }

    /// The member is registered; its caller was looked up when the rights were like `since`, or by somebody else.
    pub(crate) async fn entered(&self, member: &Member, since: Option<Rights>) {
        // What a reader shows beside who it is, the doorman is not asked about again.
        if self.asking.fallen.any(&member.caller().grounds) {
            return member.cut(Disconnect::STATE_INVALIDATED);
        }
        if since != Some(self.rights()) && member.caller().is_known() {
            self.ask(vec![member.clone()]).await;
        }
    }

    async fn ask(&self, members: Vec<Member>) {
        let asked = stream::iter(members).map(async |member| (self.ask_about(&member).await, member.id()));
        let unanswered = asked.buffer_unordered(AT_ONCE).filter_map(async |(answered, id)| (!answered).then_some(id));
        let unanswered: Vec<u64> = unanswered.collect().await;
        if !unanswered.is_empty() {
            tracing::warn!(connections = unanswered.len(), "whether rights still stand could not be looked up");
            self.asking.unanswered.lock().extend(unanswered);
        }
    }

    /// Whether there was an answer.
    async fn ask_about(&self, member: &Member) -> bool {
        loop {
            let caller = member.caller();
            let why = match self.doorman.still(&caller).await {
                Standing::Good => return true,
                Standing::Unknown => return false,
                Standing::Again => Disconnect::STATE_INVALIDATED,
                Standing::Never => Disconnect::FORCED,
            };
            if Arc::ptr_eq(&caller, &member.caller()) {
                tracing::info!(connection = member.id(), code = why.code, "a right was taken back");
                member.cut(why);
                return true;
            }
            // It came to another caller meanwhile: by another token, or by the same right with another end.
        }
    }

    /// Asks again about those about whom there was no answer, a second later. Never ends.
    pub(crate) async fn ask_the_unanswered(&self) {
        loop {
            self.asking.again.notified().await;
            let left = std::mem::take(&mut *self.asking.unanswered.lock());
            self.ask(left.into_iter().filter_map(|id| self.members.find(id)).collect()).await;
        }
    }
}
