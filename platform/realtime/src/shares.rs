//! How many connections a person may have, over all processes.
//!
//! Each connection is present in a channel of its person, which nobody can subscribe to. So every process hears who comes and reads who
//! is there, in an order that all of them see alike: each looks which of its own are too many. The share of a process that died comes
//! back with its lease in the bus.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bus::Present;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::codes::Disconnect;
use crate::hub::{Core, Hub};
use crate::members::Member;

/// Before the name of a person, the channel of its connections.
pub(crate) const PEOPLE: &str = "@person:";

#[derive(Default)]
pub(crate) struct Shares {
    /// 0: as many as they like.
    most: AtomicUsize,
    close_oldest: AtomicBool,
    /// Of whom a connection came, somewhere: at most everybody who is here.
    heard: Mutex<HashSet<Arc<str>>>,
    news: Notify,
}

impl Hub {
    /// Bounds the connections of a person over all processes on the bus, at set-up; 0 for no bound. One too many is refused (3504), or,
    /// with `close_oldest`, the longest open one closed (3504); neither comes again by itself.
    pub fn connections_per_person(&self, most: usize, close_oldest: bool) {
        self.0.shares.most.store(most, Ordering::Relaxed);
        self.0.shares.close_oldest.store(close_oldest, Ordering::Relaxed);
    }
}

impl Core {
    /// A member that was looked up takes one of its person's shares.
    ///
    /// # Errors
    /// The connection is to end: there is none left.
    pub(crate) async fn takes_share(&self, member: &Member) -> Result<(), Disconnect> {
        let Some(channel) = self.shares_of(member) else { return Ok(()) };
        let client: Arc<str> = self.witnessing.name_of(member).into();
        let caller = member.caller();
        // The time is in front, of one width, so that texts are in its order.
        let info = format!("\"{:020}\"", self.clock.now_ms().max(0));
        let present =
            Present { client: client.clone(), person: caller.user.as_str().into(), info: info.into_bytes().into() };
        if let Err(error) = self.bus.join(&channel, present) {
            // There is room for everybody who has a seat; whoever cannot be counted all the same has no share.
            tracing::warn!(%error, "a connection cannot be counted among those of its person");
            return Err(Disconnect::CONNECTION_LIMIT);
        }
        if self.members.find(member.id()).is_none() {
            // It left meanwhile.
            self.bus.leave(&channel, &client);
            return Ok(());
        }
        let too_many = self.too_many(&channel).await;
        if too_many.contains(&client) { Err(Disconnect::CONNECTION_LIMIT) } else { Ok(()) }
    }

    /// The member is gone; nothing happens if it had no share.
    pub(crate) fn gives_share(&self, member: &Member) {
        if let Some(channel) = self.shares_of(member) {
            self.bus.leave(&channel, &self.witnessing.name_of(member));
        }
    }

    fn shares_of(&self, member: &Member) -> Option<String> {
        let caller = member.caller();
        let counted = self.shares.most.load(Ordering::Relaxed) > 0 && !caller.user.is_empty();
        counted.then(|| format!("{PEOPLE}{}", caller.user))
    }

    /// The clients that have no share, as every process sees it.
    async fn too_many(&self, channel: &str) -> HashSet<Arc<str>> {
        let most = self.shares.most.load(Ordering::Relaxed);
        let mut there = self.bus.present(channel).await.clients;
        if most == 0 || there.len() <= most {
            return HashSet::new();
        }
        there.sort_by(|a, b| (&a.info, &a.client).cmp(&(&b.info, &b.client)));
        if self.shares.close_oldest.load(Ordering::Relaxed) {
            there.truncate(there.len() - most);
        } else {
            there.drain(..most);
        }
        there.into_iter().map(|present| present.client.clone()).collect()
    }

    /// A connection of a person came, in whichever process. Called by the bus, inside its lock.
    pub(crate) fn came(&self, person: &str) {
        if !self.members.of(person).is_empty() {
            self.shares.heard.lock().insert(person.into());
            self.shares.news.notify_one();
        }
    }

    /// Closes what is too many here, whoever made it so. Never ends.
    pub(crate) async fn keep_the_shares(&self) {
        loop {
            self.shares.news.notified().await;
            let heard = std::mem::take(&mut *self.shares.heard.lock());
            for person in heard {
                let too_many = self.too_many(&format!("{PEOPLE}{person}")).await;
                if too_many.is_empty() {
                    continue;
                }
                let here = self.members.of(&person);
                let over = here.iter().filter(|member| too_many.contains(self.witnessing.name_of(member).as_str()));
                over.for_each(|member| member.close(Disconnect::CONNECTION_LIMIT));
            }
        }
    }
}
