//! Who is in a channel: what callers say, hear and ask.

pub(crate) mod conformance;

use std::sync::Arc;

use bytes::Bytes;
use kernel::limits;

use crate::{Bus, BusError, BusResult, Engine};

/// A client in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// The id of its connection: no two are the same, in whichever process.
    pub client: Arc<str>,
    /// Whose connection it is. [`PresenceStats::people`] counts these.
    pub person: Arc<str>,
    /// What others are shown of it; the bus does not read it.
    pub info: Bytes,
}

/// Who is in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// In no order, each once; `limits::PRESENT_LISTED` at most.
    pub clients: Vec<Arc<Present>>,
    /// Whether these are all. They are not where there are more than are listed; and while Redis is away, or within a lease
    /// after it lost its memory: then clients of other processes are missing. Nobody has left because they are missing here.
    pub whole: bool,
}

/// How many are in a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresenceStats {
    /// Connections.
    pub clients: u64,
    /// Different people among them. Of other processes' clients `limits::PRESENT_COUNTED` are looked at.
    pub people: u64,
    /// As [`Presence::whole`]: where it is not, there are at least so many.
    pub whole: bool,
}

impl Bus {
    /// Says that a client is in a channel, until [`Bus::leave`] or the end of this process. Listeners hear it when it was not
    /// there, and when what is said of it is new. Never waits: others are told when they can be reached.
    ///
    /// # Errors
    /// [`BusError::Refused`] above `limits::PRESENT_BYTES`, or where this process holds `limits::PRESENT_KEPT` already
    /// (`limits::PRESENT_OWN` in channels whose names begin with `@`, which have room of their own).
    pub fn join(&self, channel: &str, present: Present) -> BusResult<()> {
        let bytes = channel.len() + present.client.len() + present.person.len() + present.info.len();
        if bytes > limits::PRESENT_BYTES {
            return Err(BusError::Refused("what is said of a client is too long"));
        }
        match &self.0 {
            Engine::Memory(memory) => memory.join(channel, present).map(|_| ()),
            Engine::Redis(redis) => redis.join(channel, present),
        }
    }

    /// Says that a client that joined in this process has left. Of another one nothing happens.
    pub fn leave(&self, channel: &str, client: &str) {
        match &self.0 {
            Engine::Memory(memory) => _ = memory.leave(channel, client),
            Engine::Redis(redis) => redis.leave(channel, client),
        }
    }

    /// Who is in a channel: this process's own clients as they are now, others as they are known. Never fails: where the
    /// engine is away there are only this process's own, and [`Presence::whole`] says so.
    pub async fn present(&self, channel: &str) -> Presence {
        match &self.0 {
            Engine::Memory(memory) => memory.present(channel),
            Engine::Redis(redis) => redis.present(channel).await,
        }
    }

    /// How many are in a channel. As [`Bus::present`] it never fails.
    pub async fn presence_stats(&self, channel: &str) -> PresenceStats {
        match &self.0 {
            Engine::Memory(memory) => memory.presence_stats(channel),
            Engine::Redis(redis) => redis.presence_stats(channel).await,
        }
    }

    /// Leaves for every client of this process, and waits until the others were told, `limits::BUS_CALL_MS` at most: for a
    /// process that is about to end. One that ends without is missed when its lease is over.
    pub async fn depart(&self) {
        match &self.0 {
            Engine::Memory(memory) => memory.leave_all(),
            Engine::Redis(redis) => redis.depart().await,
        }
    }
}
