#![doc = include_str!("../README.md")]

pub mod conformance;
mod crowd;
mod memory;
mod presence;
mod quota;
mod redis;
mod stream;

use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use kernel::{Clock, Entropy, limits};

use crate::memory::Memory;
pub use crate::presence::{Presence, PresenceStats, Present};
pub use crate::quota::{Quota, Taken};
use crate::redis::Redis;
pub use crate::redis::{BadRedisUrl, RedisSettings};

/// A place in a stream: after the publication with this offset, in the life of the stream that this epoch names.
///
/// Offset 0 is before the first publication. An empty epoch is "whichever": for readers that know only an offset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// Offset of the last publication before this place.
    pub offset: u64,
    /// Changes whenever the stream was lost.
    pub epoch: Arc<str>,
}

/// One message of a channel.
#[derive(Debug, PartialEq, Eq)]
pub struct Publication {
    /// From 1, without holes; 0 on a channel without history.
    pub offset: u64,
    /// The stream's epoch; empty on a channel without history.
    pub epoch: Arc<str>,
    /// When it was published, Unix milliseconds.
    pub time_ms: i64,
    /// Valid JSON: the publisher's duty.
    pub data: Bytes,
    /// What others are shown of the client that published it: one line of text, which the bus does not read. None of the server's own;
    /// `{}` where it was lost.
    /// Boxed: most have none, and then it costs a pointer.
    pub info: Option<Box<Bytes>>,
}

impl Publication {
    /// What it carries, bytes.
    pub fn bytes(&self) -> usize {
        self.data.len() + self.info.as_ref().map_or(0, |info| info.len())
    }
}

/// What a channel keeps. Each publication brings the current answer, so it may change while the system runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Publications kept at most; 0 keeps nothing and counts nothing.
    pub size: usize,
    /// How long each is kept, milliseconds; `u64::MAX` for as long as it fits.
    pub ttl_ms: u64,
}

impl Keep {
    /// No history.
    pub const NOTHING: Self = Self { size: 0, ttl_ms: 0 };
}

/// What became of a publication whose offset was given by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// It was the next one.
    Delivered,
    /// It was there before.
    Ignored,
    /// Publications between `top` and this one are missing: load the stream again.
    Gap {
        /// The last offset that is there.
        top: u64,
    },
    /// The stream is not in the bus: whoever wants it loads it, and finds the publication in the table.
    NotLoaded,
}

/// One row of a durable stream, as [`Bus::load`] takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The offset that the database gave.
    pub offset: u64,
    /// When it was published, Unix milliseconds.
    pub time_ms: i64,
    /// Valid JSON.
    pub data: Bytes,
}

/// What to read of a stream.
#[derive(Clone, Debug)]
pub struct Read {
    /// Only after this position (before it, when `reverse`); from the end of the ring when absent.
    pub since: Option<Position>,
    /// Publications at most; 0 reads the position only.
    pub limit: usize,
    /// Newest first.
    pub reverse: bool,
}

impl Read {
    /// The current position and nothing else.
    pub const TOP: Self = Self { since: None, limit: 0, reverse: false };

    /// The oldest `limit` publications after `since`, in order.
    pub fn after(since: Position, limit: usize) -> Self {
        Self { since: Some(since), limit, reverse: false }
    }

    /// The newest `limit` publications, newest first.
    pub fn newest(limit: usize) -> Self {
        Self { since: None, limit, reverse: true }
    }
}

/// What a stream holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// In the order asked for.
    pub publications: Vec<Arc<Publication>>,
    /// The stream's position at the moment of the read.
    pub top: Position,
}

/// Why the bus refused.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The position is of another epoch: what came after it is unknown. Start again from `top`.
    #[error("the position belongs to a stream that is gone")]
    Unrecoverable {
        /// Where the stream is now.
        top: Position,
    },
    /// The stream's offsets come from a table: use [`Bus::publish_at`].
    #[error("the stream is durable: its offsets are given")]
    Durable,
    /// A bound of `limits` is reached: which one.
    #[error("refused: {0}")]
    Refused(&'static str),
    /// The engine is away; nothing durable is harmed.
    #[error("the bus is away")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
}

/// What the bus answers.
pub type BusResult<T> = Result<T, BusError>;

/// Receives every publication of every channel, and who comes and goes.
///
/// Of what one process says on a channel, joins, leaves, publications without history and durable ones are heard in its order,
/// here and elsewhere. Publications of a live stream are in order among themselves only: on Redis they may overtake a join, and be
/// overtaken by a leave.
///
/// On an engine across a network publications may be missed: then the next offset of a stream jumps, or its epoch changes.
/// Whoever holds a position reads the stream again from there. What jumped may come once more with what was missing.
pub trait Sink: Send + Sync {
    /// Called in the order of offsets, inside the lock of the channel's shard: must not block and must not call the bus.
    fn publication(&self, channel: &str, publication: &Arc<Publication>);

    /// Publications of any channel may have been missed until now, also the last ones, which no jump shows, and joins and
    /// leaves: whoever keeps a list asks [`Bus::present`] again until it is whole. Must not block and must not call the bus.
    fn interrupted(&self) {}

    /// A client is in a channel, in whichever process, with this info. Also of one that was there: then its info is new, or it
    /// came back. Called as [`Sink::publication`] is.
    fn joined(&self, _channel: &str, _present: &Arc<Present>) {}

    /// A client is in a channel no more: it left, or its process did, or was not heard of for a lease. Once for each that was
    /// told to be there. Called as [`Sink::publication`] is.
    fn left(&self, _channel: &str, _present: &Arc<Present>) {}
}

/// How the engine is. A look at what is known: nobody is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Whether all of it can be reached; the embedded one always can.
    pub up: bool,
    /// Processes that listen on it, as of the last second, this one included.
    pub processes: u32,
}

/// The handle on the engine. Clones are the same bus.
#[derive(Clone)]
pub struct Bus(Engine);

#[derive(Clone)]
enum Engine {
    Memory(Arc<Memory>),
    Redis(Arc<Redis>),
}

// The calls are `async` for engines across a network; the memory engine answers at once.
impl Bus {
    /// A bus inside this process. Its epochs are random, so positions of an earlier process are never taken for its own.
    pub fn memory(clock: Clock, entropy: &Entropy) -> Self {
        Self::memory_of(clock, entropy, limits::STREAMS_KEPT)
    }

    /// As [`Bus::memory`], with room for `streams` streams.
    pub fn memory_of(clock: Clock, entropy: &Entropy, streams: usize) -> Self {
        Self(Engine::Memory(Arc::new(Memory::new(clock, entropy.clone(), streams))))
    }

    /// A bus over Redis, shared by all processes with the same settings. Waits a moment for Redis
    /// (`limits::BUS_CONNECT_MS`), and begins alone where it is away. To be called on a runtime; what it starts there ends
    /// with the last clone.
    ///
    /// `clock` gives the times of durable streams; live streams and quotas go by Redis's own clock.
    pub async fn redis(settings: RedisSettings, clock: Clock, entropy: Entropy) -> Self {
        Self(Engine::Redis(Arc::new(Redis::new(settings, clock, entropy).await)))
    }

    /// How the engine is: for probes, at once.
    pub fn health(&self) -> Health {
        match &self.0 {
            Engine::Memory(_) => Health { up: true, processes: 1 },
            Engine::Redis(redis) => redis.health(),
        }
    }

    /// Publishes on a live stream, or only carries where `keep` keeps nothing (position 0, empty epoch).
    ///
    /// # Errors
    /// [`BusError::Durable`] on a stream that was loaded. [`BusError::Unavailable`] where the engine is away and there is a
    /// history: whether it was published is unknown then.
    pub async fn publish(&self, channel: &str, data: Bytes, keep: Keep) -> BusResult<Position> {
        self.publish_with(channel, data, keep, None).await
    }

    /// As [`Bus::publish`], for a client of which others are shown `info`: see [`Publication::info`].
    ///
    /// # Errors
    /// As [`Bus::publish`]; [`BusError::Refused`] where the info is empty, no line of text, or above `limits::PRESENT_BYTES`.
    pub async fn publish_by(&self, channel: &str, data: Bytes, keep: Keep, info: Bytes) -> BusResult<Position> {
        let is_line = std::str::from_utf8(&info).is_ok_and(|text| !text.is_empty() && !text.contains('\n'));
        if !is_line || info.len() > limits::PRESENT_BYTES {
            return Err(BusError::Refused("what is said of the publisher is too long, or no line of text"));
        }
        self.publish_with(channel, data, keep, Some(info)).await
    }

    async fn publish_with(&self, channel: &str, data: Bytes, keep: Keep, info: Option<Bytes>) -> BusResult<Position> {
        match &self.0 {
            Engine::Memory(memory) => memory.publish(channel, data, keep, info.map(Box::new)),
            Engine::Redis(redis) => redis.publish(channel, data, keep, info).await,
        }
    }

    /// Carries to the listeners of this process alone, and keeps nothing: for what is about this process.
    pub fn publish_here(&self, channel: &str, data: Bytes) {
        let memory = match &self.0 {
            Engine::Memory(memory) => memory,
            Engine::Redis(redis) => redis.memory(),
        };
        // Only a history can refuse.
        let _ = memory.publish(channel, data, Keep::NOTHING, None);
    }

    /// Publishes on a durable stream at the offset that the database gave.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] only.
    pub async fn publish_at(&self, channel: &str, offset: u64, data: Bytes, keep: Keep) -> BusResult<Placed> {
        match &self.0 {
            Engine::Memory(memory) => Ok(memory.publish_at(channel, offset, data, keep)),
            Engine::Redis(redis) => Ok(redis.publish_at(channel, offset, data, keep)),
        }
    }

    /// Installs a durable stream, or brings it up to `top`: listeners receive what is new to the bus, in order.
    ///
    /// `epoch` comes from the store, so that positions survive a restart. Of `stored` (ascending) the part without holes
    /// that ends at `top` is kept. A load that is older than what the bus holds changes nothing.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] only.
    pub async fn load(&self, channel: &str, epoch: &str, stored: Vec<Stored>, top: u64, keep: Keep) -> BusResult<()> {
        match &self.0 {
            Engine::Memory(memory) => memory.load(channel, epoch, stored, top, keep),
            Engine::Redis(redis) => redis.load(channel, epoch, stored, top, keep),
        }
        Ok(())
    }

    /// Whether the bus holds a durable stream of this name.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] only.
    pub async fn is_loaded(&self, channel: &str) -> BusResult<bool> {
        match &self.0 {
            Engine::Memory(memory) => Ok(memory.is_loaded(channel)),
            Engine::Redis(redis) => Ok(redis.is_loaded(channel)),
        }
    }

    /// Reads a stream. A channel that was never published to is an empty stream with an epoch of its own.
    ///
    /// # Errors
    /// [`BusError::Unrecoverable`] when `since` is of another epoch; [`BusError::Unavailable`] of a live stream.
    pub async fn history(&self, channel: &str, read: Read) -> BusResult<History> {
        match &self.0 {
            Engine::Memory(memory) => memory.history(channel, &read),
            Engine::Redis(redis) => redis.history(channel, &read).await,
        }
    }

    /// Forgets what a live stream keeps: its position stays, and whoever has come less far cannot recover.
    ///
    /// # Errors
    /// [`BusError::Durable`] on a stream that was loaded; [`BusError::Unavailable`].
    pub async fn clear(&self, channel: &str) -> BusResult<()> {
        match &self.0 {
            Engine::Memory(memory) => memory.clear(channel),
            Engine::Redis(redis) => redis.clear(channel).await,
        }
    }

    /// Adds a listener, for as long as the bus lives.
    pub fn listen(&self, sink: Arc<dyn Sink>) {
        match &self.0 {
            Engine::Memory(memory) => memory.listen(sink),
            Engine::Redis(redis) => redis.listen(sink),
        }
    }

    /// Takes one of what `quota` allows this key. A key keeps its count when its quota changes.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] only.
    pub async fn take(&self, key: &str, quota: Quota) -> BusResult<Taken> {
        match &self.0 {
            Engine::Memory(memory) => Ok(memory.take(key, quota)),
            Engine::Redis(redis) => Ok(redis.take(key, quota).await),
        }
    }

    /// Drops what is past its time in one part of the streams. Called once a second it goes round about once a minute;
    /// readers never see expired publications either way.
    pub fn sweep(&self) {
        match &self.0 {
            Engine::Memory(memory) => memory.sweep(),
            Engine::Redis(redis) => redis.sweep(),
        }
    }
}
