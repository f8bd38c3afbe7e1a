//! The engine inside one process.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use kernel::{Clock, Entropy, limits};
use parking_lot::{Mutex, MutexGuard, RwLock};

use crate::crowd::Crowd;
use crate::quota::{Counters, Quota, Taken};
use crate::stream::{Stream, check_epoch};
use crate::{
    BusError, BusResult, History, Keep, Placed, Position, Presence, PresenceStats, Present, Publication, Read, Sink,
    Stored,
};

/// Locks among which the channels are divided: enough that two publishers rarely meet.
const SHARDS: usize = 64;

pub(crate) struct Memory {
    clock: Clock,
    entropy: Entropy,
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
    counters: Box<[Counters]>,
    streams_per_shard: usize,
    sinks: RwLock<Vec<Arc<dyn Sink>>>,
    swept: AtomicUsize,
    /// Clients in channels: in those that clients name, and in the platform's own.
    present: [AtomicUsize; 2],
}

/// A part of the channels.
///
/// Every live stream of a shard, also each that was never published to, has the shard's epoch. It changes when a live
/// stream is dropped, so a stream that comes back never has the epoch it had. That way an empty stream needs no entry.
struct Shard {
    epoch: Arc<str>,
    streams: HashMap<Arc<str>, Stream>,
    /// By the time of the last use: the first is the one to drop.
    idle: BTreeMap<u64, Arc<str>>,
    uses: u64,
    /// Where nobody is, there is none.
    crowds: HashMap<Arc<str>, Crowd>,
}

impl Memory {
    pub(crate) fn new(clock: Clock, entropy: Entropy, streams: usize) -> Self {
        let shards = SHARDS.min(streams.div_ceil(SHARDS)).max(1);
        let shard = || {
            let epoch = fresh_epoch(&entropy);
            let (streams, idle, crowds) = (HashMap::new(), BTreeMap::new(), HashMap::new());
            Mutex::new(Shard { epoch, streams, idle, uses: 0, crowds })
        };
        Self {
            hasher: RandomState::new(),
            shards: (0..shards).map(|_| shard()).collect(),
            counters: (0..SHARDS).map(|_| Counters::default()).collect(),
            streams_per_shard: streams.div_ceil(shards).max(1),
            sinks: RwLock::default(),
            swept: AtomicUsize::new(0),
            present: Default::default(),
            clock,
            entropy,
        }
    }

    pub(crate) fn publish(
        &self,
        channel: &str,
        data: Bytes,
        keep: Keep,
        info: Option<Box<Bytes>>,
    ) -> BusResult<Position> {
        let mut shard = self.shard(channel).lock();
        let now_ms = self.clock.now_ms();
        if keep.size == 0 {
            let epoch: Arc<str> = Arc::from("");
            let publication = Arc::new(Publication { offset: 0, epoch: epoch.clone(), time_ms: now_ms, data, info });
            self.tell(channel, &publication);
            return Ok(Position { offset: 0, epoch });
        }
        if shard.streams.get(channel).is_some_and(|stream| stream.durable) {
            return Err(BusError::Durable);
        }
        let publication = shard.open(channel, None, keep).append(data, info, now_ms, keep);
        let position = Position { offset: publication.offset, epoch: publication.epoch.clone() };
        self.tell(channel, &publication);
        shard.evict(self.streams_per_shard, &self.entropy);
        Ok(position)
    }

    pub(crate) fn publish_at(&self, channel: &str, offset: u64, data: Bytes, keep: Keep) -> Placed {
        let mut shard = self.shard(channel).lock();
        let Some(stream) = shard.touch(channel).filter(|stream| stream.durable) else { return Placed::NotLoaded };
        if offset <= stream.top {
            return Placed::Ignored;
        }
        if offset > stream.top + 1 {
            return Placed::Gap { top: stream.top };
        }
        let publication = stream.append(data, None, self.clock.now_ms(), keep);
        self.tell(channel, &publication);
        Placed::Delivered
    }

    pub(crate) fn load(&self, channel: &str, epoch: &str, stored: Vec<Stored>, top: u64, keep: Keep) {
        let mut shard = self.shard(channel).lock();
        // A stream of this epoch goes on; any other is replaced, and who held a position in it is told by the epoch.
        let goes_on = shard.streams.get(channel).is_some_and(|stream| stream.durable && *stream.epoch == *epoch);
        if !goes_on {
            shard.forget(channel, &self.entropy);
        }
        let fresh = shard.open(channel, Some(epoch), keep).load(stored, top, self.clock.now_ms(), keep);
        fresh.iter().for_each(|publication| self.tell(channel, publication));
        shard.evict(self.streams_per_shard, &self.entropy);
    }

    pub(crate) fn is_loaded(&self, channel: &str) -> bool {
        self.shard(channel).lock().streams.get(channel).is_some_and(|stream| stream.durable && !stream.stale)
    }

    /// As [`Memory::is_loaded`], whether something may be missing or not.
    pub(crate) fn is_durable(&self, channel: &str) -> bool {
        self.shard(channel).lock().streams.get(channel).is_some_and(|stream| stream.durable)
    }

    /// Tells a publication that is kept elsewhere, or nowhere.
    pub(crate) fn carry(&self, channel: &str, publication: &Arc<Publication>) {
        let _order = self.shard(channel).lock();
        self.tell(channel, publication);
    }

    /// Tells a publication of a durable stream that has a hole before it. The stream counts as not loaded until it is.
    pub(crate) fn jump(&self, channel: &str, offset: u64, data: Bytes) {
        let mut shard = self.shard(channel).lock();
        let Some(stream) = shard.streams.get_mut(channel).filter(|stream| stream.durable) else { return };
        stream.stale = true;
        let (epoch, time_ms) = (stream.epoch.clone(), self.clock.now_ms());
        self.tell(channel, &Arc::new(Publication { offset, epoch, time_ms, data, info: None }));
    }

    /// Something may have been published that was not heard here: durable streams count as not loaded until they are, and
    /// listeners are told.
    pub(crate) fn interrupted(&self) {
        for shard in &self.shards {
            shard.lock().streams.values_mut().for_each(|stream| stream.stale = stream.durable);
        }
        self.sinks.read().iter().for_each(|sink| sink.interrupted());
    }

    pub(crate) fn history(&self, channel: &str, read: &Read) -> BusResult<History> {
        let mut shard = self.shard(channel).lock();
        let empty = Position { offset: 0, epoch: shard.epoch.clone() };
        let Some(stream) = shard.touch(channel) else {
            check_epoch(read, &empty)?;
            return Ok(History { publications: Vec::new(), top: empty });
        };
        stream.trim(self.clock.now_ms());
        stream.read(read)
    }

    pub(crate) fn clear(&self, channel: &str) -> BusResult<()> {
        match self.shard(channel).lock().touch(channel) {
            Some(stream) if stream.durable => Err(BusError::Durable),
            Some(stream) => {
                stream.clear();
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(crate) fn listen(&self, sink: Arc<dyn Sink>) {
        self.sinks.write().push(sink);
    }

    pub(crate) fn sweep(&self) {
        let turn = self.swept.fetch_add(1, Ordering::Relaxed);
        let now_ms = self.clock.now_ms();
        self.counters[turn % SHARDS].sweep(now_ms);
        self.shards[turn % self.shards.len()].lock().streams.values_mut().for_each(|stream| stream.trim(now_ms));
    }

    pub(crate) fn take(&self, key: &str, quota: Quota) -> Taken {
        let counters = &self.counters[self.hasher.hash_one(key) as usize % SHARDS];
        counters.take(key, quota, self.clock.now_ms())
    }

    /// Whether anything changed.
    pub(crate) fn join(&self, channel: &str, present: Present) -> BusResult<bool> {
        let mut shard = self.shard(channel).lock();
        match shard.crowds.get(channel).and_then(|crowd| crowd.get(&present.client)) {
            Some(known) if **known == present => return Ok(false),
            Some(_) => {}
            None => {
                let (count, most) = self.room(channel);
                if count.fetch_add(1, Ordering::Relaxed) >= most {
                    count.fetch_sub(1, Ordering::Relaxed);
                    return Err(BusError::Refused("this process holds as many clients in channels as it may"));
                }
            }
        }
        let present = Arc::new(present);
        shard.crowds.entry(channel.into()).or_default().join(present.clone());
        self.sinks.read().iter().for_each(|sink| sink.joined(channel, &present));
        Ok(true)
    }

    /// Whether it was there.
    pub(crate) fn leave(&self, channel: &str, client: &str) -> bool {
        let shard = self.shard(channel).lock();
        self.leave_in(shard, channel, client)
    }

    fn leave_in(&self, mut shard: MutexGuard<'_, Shard>, channel: &str, client: &str) -> bool {
        let Some(crowd) = shard.crowds.get_mut(channel) else { return false };
        let Some(present) = crowd.leave(client) else { return false };
        if crowd.clients().len() == 0 {
            shard.crowds.remove(channel);
        }
        self.room(channel).0.fetch_sub(1, Ordering::Relaxed);
        self.sinks.read().iter().for_each(|sink| sink.left(channel, &present));
        true
    }

    pub(crate) fn leave_all(&self) {
        for shard in &self.shards {
            let all: Vec<_> = {
                let shard = shard.lock();
                let crowds = shard.crowds.iter();
                crowds.flat_map(|(channel, crowd)| crowd.clients().map(|it| (channel.clone(), it.clone()))).collect()
            };
            all.iter().for_each(|(channel, present)| _ = self.leave_in(shard.lock(), channel, &present.client));
        }
    }

    /// A client that joined in this process.
    pub(crate) fn client(&self, channel: &str, client: &str) -> Option<Arc<Present>> {
        self.shard(channel).lock().crowds.get(channel)?.get(client).cloned()
    }

    pub(crate) fn present(&self, channel: &str) -> Presence {
        let shard = self.shard(channel).lock();
        let Some(crowd) = shard.crowds.get(channel) else { return Presence { clients: Vec::new(), whole: true } };
        let all = crowd.clients();
        let whole = all.len() <= limits::PRESENT_LISTED;
        Presence { clients: all.take(limits::PRESENT_LISTED).cloned().collect(), whole }
    }

    pub(crate) fn presence_stats(&self, channel: &str) -> PresenceStats {
        let shard = self.shard(channel).lock();
        let (clients, people) =
            shard.crowds.get(channel).map_or((0, 0), |crowd| (crowd.clients().len(), crowd.people().len()));
        PresenceStats { clients: clients as u64, people: people as u64, whole: true }
    }

    pub(crate) fn people(&self, channel: &str) -> HashSet<Arc<str>> {
        let shard = self.shard(channel).lock();
        shard.crowds.get(channel).map(|crowd| crowd.people().cloned().collect()).unwrap_or_default()
    }

    /// Tells that a client of another process came or went. One that is here too has not left.
    pub(crate) fn carry_presence(&self, channel: &str, present: &Arc<Present>, joined: bool) {
        let shard = self.shard(channel).lock();
        let sinks = self.sinks.read();
        if joined {
            sinks.iter().for_each(|sink| sink.joined(channel, present));
        } else if shard.crowds.get(channel).is_none_or(|crowd| crowd.get(&present.client).is_none()) {
            sinks.iter().for_each(|sink| sink.left(channel, present));
        }
    }

    /// How many clients are in channels of this kind, and how many may be: what clients fill takes nothing of what the platform counts.
    fn room(&self, channel: &str) -> (&AtomicUsize, usize) {
        let [of_clients, own] = &self.present;
        if channel.starts_with('@') { (own, limits::PRESENT_OWN) } else { (of_clients, limits::PRESENT_KEPT) }
    }

    fn tell(&self, channel: &str, publication: &Arc<Publication>) {
        self.sinks.read().iter().for_each(|sink| sink.publication(channel, publication));
    }

    fn shard(&self, channel: &str) -> &Mutex<Shard> {
        &self.shards[self.hasher.hash_one(channel) as usize % self.shards.len()]
    }
}

impl Shard {
    /// The stream, as the one used last.
    fn touch(&mut self, channel: &str) -> Option<&mut Stream> {
        let stream = self.streams.get_mut(channel)?;
        self.uses += 1;
        let name = self.idle.remove(&stream.used)?;
        self.idle.insert(self.uses, name);
        stream.used = self.uses;
        Some(stream)
    }

    /// As [`Shard::touch`], made when it is not there: durable with its own epoch, or live with the shard's.
    fn open(&mut self, channel: &str, durable: Option<&str>, keep: Keep) -> &mut Stream {
        self.uses += 1;
        let uses = self.uses;
        let name = match self.streams.get(channel) {
            Some(stream) => self.idle.remove(&stream.used).unwrap_or_else(|| channel.into()),
            None => channel.into(),
        };
        self.idle.insert(uses, name.clone());
        let epoch = || durable.map_or_else(|| self.epoch.clone(), Arc::from);
        let stream = self.streams.entry(name).or_insert_with(|| Stream::new(epoch(), durable.is_some(), keep));
        stream.used = uses;
        stream
    }

    fn evict(&mut self, bound: usize, entropy: &Entropy) {
        while self.streams.len() > bound {
            let Some((_, name)) = self.idle.first_key_value() else { return };
            let name = name.clone();
            self.forget(&name, entropy);
        }
    }

    fn forget(&mut self, channel: &str, entropy: &Entropy) {
        let Some(stream) = self.streams.remove(channel) else { return };
        self.idle.remove(&stream.used);
        if !stream.durable {
            self.epoch = fresh_epoch(entropy);
        }
    }
}

/// Eight random letters.
fn fresh_epoch(entropy: &Entropy) -> Arc<str> {
    let mut bytes = [0; 8];
    entropy.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect::<String>().into()
}
