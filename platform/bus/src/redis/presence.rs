//! Presence across processes: this one's own clients from its memory, the others' from Redis.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kernel::limits;
use tokio::time::timeout;

use super::Redis;
use super::net::partition_of;
use super::outbox::Item;
use super::roll::Member;
use super::wire::present_of;
use crate::{BusResult, Presence, PresenceStats, Present};

impl Redis {
    pub(crate) fn join(&self, channel: &str, present: Present) -> BusResult<()> {
        let client = present.client.clone();
        if self.memory.join(channel, present)? {
            self.came_or_went(channel, client);
        }
        Ok(())
    }

    pub(crate) fn leave(&self, channel: &str, client: &str) {
        if self.memory.leave(channel, client) {
            self.came_or_went(channel, client.into());
        }
    }

    fn came_or_went(&self, channel: &str, client: Arc<str>) {
        self.outbox.push(partition_of(channel), Item::Member(Member { channel: channel.into(), client }));
    }

    pub(crate) async fn present(&self, channel: &str) -> Presence {
        let Presence { mut clients, whole: all_here } = self.memory.present(channel);
        let Some((settled, count, others)) = self.others(channel, false).await else {
            return Presence { clients, whole: false };
        };
        let all_there = count <= others.len() as u64 / 2;
        let mut known: HashSet<_> = clients.iter().map(|present| present.client.clone()).collect();
        let mut room = limits::PRESENT_LISTED - clients.len();
        for other in others.chunks_exact(2) {
            let client = String::from_utf8_lossy(&other[0]);
            let Some(present) = present_of(&client, other[1].clone()) else { continue };
            if !known.insert(present.client.clone()) {
                continue;
            }
            if room == 0 {
                return Presence { clients, whole: false };
            }
            room -= 1;
            clients.push(Arc::new(present));
        }
        Presence { clients, whole: settled && all_here && all_there }
    }

    pub(crate) async fn presence_stats(&self, channel: &str) -> PresenceStats {
        let here = self.memory.presence_stats(channel);
        match self.others(channel, true).await {
            None => PresenceStats { whole: false, ..here },
            Some((whole, 0, _)) => PresenceStats { whole, ..here },
            Some((settled, count, others)) => {
                let mut people = self.memory.people(channel);
                people.extend(others.iter().map(|person| String::from_utf8_lossy(person).into()));
                let whole = settled && count <= limits::PRESENT_COUNTED as u64;
                PresenceStats { clients: here.clients + count, people: people.len() as u64, whole }
            }
        }
    }

    /// Whether every process had the time to say who is there, how many are there by the others, and who (or their people).
    async fn others(&self, channel: &str, people: bool) -> Option<(bool, u64, Vec<Bytes>)> {
        let partition = partition_of(channel);
        let call = self.roster.present_call(&self.dial, partition, channel, people);
        self.call(&self.scripts.present, partition, &call).await.ok()
    }

    pub(crate) async fn depart(&self) {
        self.memory.leave_all();
        self.roster.put_off_all();
        let _ = timeout(Duration::from_millis(limits::BUS_CALL_MS), self.outbox.emptied(&self.net)).await;
    }
}
