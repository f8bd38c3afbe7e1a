//! Who listens to which channel, and how far each has come.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bus::{Position, Publication};
use bytes::Bytes;
use kernel::limits;
use parking_lot::Mutex;

use crate::Caller;
use crate::broadcast::Broadcast;
use crate::centrifuge::reply;
use crate::centrifuge::wire::Wire;
use crate::codes::{Disconnect, Unsubscribed};
use crate::comings::{Coming, Hears};
use crate::members::Member;
use crate::namespace::Tells;
use crate::outbox::Posted;
use crate::shortened::Taking;
use crate::slow::Manner;
use crate::waking::{flush, flush_later};
use crate::witness::{Moment, What, Witnessing};

const SHARDS: usize = 64;

/// Locks are taken in this order and no other: the bus's shard, a shard of channels, a member's own.
pub(crate) struct Channels {
    hasher: RandomState,
    shards: Box<[Mutex<Shard>]>,
    channels: AtomicUsize,
    subscriptions: AtomicUsize,
    witnessing: Arc<Witnessing>,
}

type Shard = HashMap<Arc<str>, HashMap<u64, Subscriber>>;

struct Subscriber {
    member: Member,
    state: State,
    ticket: Ticket,
    /// Its coming and going is told.
    told: bool,
    taking: Taking,
}

/// What a member brings to a channel.
#[derive(Default)]
pub(crate) struct Ticket {
    /// On a guarded channel: whom its guard let in.
    pub(crate) caller: Option<Arc<Caller>>,
    pub(crate) hears: Hears,
}

enum State {
    /// The history is being read; what is published meanwhile waits here.
    Joining { held: Vec<Arc<Broadcast>>, bytes: usize },
    /// With the position of the last publication that was delivered, where the channel has positions.
    Live(Option<Position>),
    /// It is there, and hears nothing.
    Muted,
}

impl Channels {
    pub(crate) fn new(witnessing: Arc<Witnessing>) -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            channels: AtomicUsize::new(0),
            subscriptions: AtomicUsize::new(0),
            witnessing,
        }
    }

    /// Registers a member that begins to read the channel's history. Returns the shared name.
    pub(crate) fn join(&self, channel: &str, member: Member, ticket: Ticket) -> Arc<str> {
        self.join_as(channel, member, ticket, |_| true).0
    }

    /// As [`Channels::join`]; the member learns the shared name (`named`) before anybody finds it in the channel, and may have changed
    /// its mind by then. Whether it has joined.
    pub(crate) fn join_as(
        &self,
        channel: &str,
        member: Member,
        ticket: Ticket,
        named: impl FnOnce(&Arc<str>) -> bool,
    ) -> (Arc<str>, bool) {
        let told = self.witnessing.tells(channel) != Tells::default();
        let mut shard = self.shard(channel).lock();
        let name = shard.get_key_value(channel).map_or_else(|| channel.into(), |(name, _)| name.clone());
        if !named(&name) {
            return (name, false);
        }
        let subscribers = match shard.entry(name.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                self.channels.fetch_add(1, Ordering::Relaxed);
                entry.insert(HashMap::new())
            }
        };
        let state = State::Joining { held: Vec::new(), bytes: 0 };
        let subscriber = Subscriber { member, state, ticket, told, taking: Taking::default() };
        if subscribers.insert(subscriber.member.id(), subscriber).is_none() {
            self.subscriptions.fetch_add(1, Ordering::Relaxed);
        }
        (name, true)
    }

    /// Lets a joining member go live at `position`: `first` (its reply) comes before everything that was held back. Whether it was
    /// still there; one that says no has left meanwhile, and is to be taken out.
    pub(crate) fn settle(
        &self,
        channel: &str,
        id: u64,
        position: Option<Position>,
        first: impl FnOnce() -> bool,
    ) -> bool {
        let mut shard = self.shard(channel).lock();
        let Some((name, _)) = shard.get_key_value(channel) else { return false };
        let name = name.clone();
        let Some(subscriber) = shard.get_mut(channel).and_then(|subscribers| subscribers.get_mut(&id)) else {
            return false;
        };
        if !first() {
            return false;
        }
        let joining = std::mem::replace(&mut subscriber.state, State::Live(position));
        let State::Joining { held, .. } = joining else { return true };
        if subscriber.told {
            self.witnessing.subscribed(&subscriber.member, &name);
        }
        let whole = held.iter().all(|broadcast| match subscriber.offer(broadcast) {
            Posted::Done => true,
            Posted::Now | Posted::Later => {
                subscriber.member.wake();
                true
            }
            Posted::Lost => false,
        });
        if !whole {
            subscriber.member.cut(Disconnect::INSUFFICIENT_STATE);
        }
        true
    }

    /// How a joining member is given what comes from then on; it keeps to that for as long as it stays.
    pub(crate) fn takes(&self, channel: &str, id: u64, taking: Taking) {
        if let Some(subscriber) = self.shard(channel).lock().get_mut(channel).and_then(|all| all.get_mut(&id)) {
            subscriber.taking = taking;
        }
    }

    pub(crate) fn leave(&self, channel: &str, id: u64) {
        self.take_out(channel, id, None, |_| true);
    }

    /// Takes the member off the channel if its ticket is one that `goes`; `why` is what it is told.
    fn take_out(
        &self,
        channel: &str,
        id: u64,
        why: Option<Unsubscribed>,
        goes: impl FnOnce(&Ticket) -> bool,
    ) -> Option<Member> {
        let mut shard = self.shard(channel).lock();
        let name = shard.get_key_value(channel)?.0.clone();
        let subscribers = shard.get_mut(channel)?;
        subscribers.get(&id).filter(|subscriber| goes(&subscriber.ticket))?;
        let gone = subscribers.remove(&id)?;
        self.is_gone(&gone, &name, why);
        self.subscriptions.fetch_sub(1, Ordering::Relaxed);
        if subscribers.is_empty() {
            shard.remove(channel);
            self.channels.fetch_sub(1, Ordering::Relaxed);
        }
        Some(gone.member)
    }

    /// Appends the publication to every subscriber's queue; nobody is waited for.
    pub(crate) fn publication(&self, channel: &str, publication: &Arc<Publication>, manner: Manner) {
        let mut shard = self.shard(channel).lock();
        let Some((name, _)) = shard.get_key_value(channel) else { return };
        let broadcast = Broadcast::new(name.clone(), publication.clone(), manner);
        let Some(subscribers) = shard.get_mut(channel) else { return };
        let before = subscribers.len();
        let (mut now, mut later) = (Vec::new(), Vec::new());
        self.keep(&mut shard, channel, |subscriber| match subscriber.offer(&broadcast) {
            Posted::Done => true,
            Posted::Now => {
                now.push(subscriber.member.clone());
                true
            }
            Posted::Later => {
                later.push(subscriber.member.clone());
                true
            }
            Posted::Lost => false,
        });
        metrics::counter!("realtime_deliveries_total").increment(before as u64);
        drop(shard);
        flush(now);
        flush_later(later, manner.delay_ms);
    }

    /// Tells whoever wants to hear it who came and went. Returns how many these are; those who still join are among them, and read
    /// who is there after their reply.
    pub(crate) fn tell(&self, channel: &str, comings: &[Coming]) -> usize {
        let shard = self.shard(channel).lock();
        let Some((name, subscribers)) = shard.get_key_value(channel) else { return 0 };
        let messages: [OnceCell<Bytes>; Wire::COUNT] = Default::default();
        let (mut listeners, mut waiting) = (0, Vec::new());
        for subscriber in subscribers.values() {
            let hears = subscriber.ticket.hears;
            if hears == Hears::Nothing {
                continue;
            }
            listeners += 1;
            let (State::Live(_), Member::Socket(client)) = (&subscriber.state, &subscriber.member) else { continue };
            let wire = client.wire;
            let encode = |of: Hears| reply::comings(wire, name, comings.iter().filter(|coming| coming.is_for(of)));
            // Nearly everybody came before all of it.
            let same = comings.iter().all(|coming| coming.is_for(hears) == coming.is_for(Hears::Since(0)));
            let message = if same {
                messages[wire as usize].get_or_init(|| encode(Hears::Since(0))).clone()
            } else {
                encode(hears)
            };
            let bytes = message.len();
            if bytes > 0 && client.outbox.post(message, bytes) {
                waiting.push(subscriber.member.clone());
            }
        }
        drop(shard);
        flush(waiting);
        listeners
    }

    /// Whether anybody wants to hear who comes and goes.
    pub(crate) fn listens(&self, channel: &str) -> bool {
        let shard = self.shard(channel).lock();
        shard.get(channel).is_some_and(|all| all.values().any(|one| one.ticket.hears != Hears::Nothing))
    }

    /// What a subscriber that is told who comes and goes knows already.
    pub(crate) fn stamp(&self, channel: &str, id: u64, hears: Hears) {
        if let Some(subscriber) = self.shard(channel).lock().get_mut(channel).and_then(|all| all.get_mut(&id))
            && subscriber.ticket.hears != Hears::Nothing
        {
            subscriber.ticket.hears = hears;
        }
    }

    /// Ends the subscription of whoever has not come as far as `top`, or is in another life of the stream.
    pub(crate) fn behind(&self, channel: &str, top: &Position) {
        self.keep(&mut self.shard(channel).lock(), channel, |subscriber| match &subscriber.state {
            State::Live(Some(at)) => at.epoch == top.epoch && at.offset >= top.offset,
            _ => true,
        });
    }

    /// Drops the subscribers for whom `stays` says no; they are told that they missed something.
    fn keep(&self, shard: &mut Shard, channel: &str, mut stays: impl FnMut(&mut Subscriber) -> bool) {
        let Some(name) = shard.get_key_value(channel).map(|(name, _)| name.clone()) else { return };
        let Some(subscribers) = shard.get_mut(channel) else { return };
        let before = subscribers.len();
        subscribers.retain(|_, subscriber| {
            let stays = stays(subscriber);
            if !stays {
                self.is_gone(subscriber, &name, Some(Unsubscribed::INSUFFICIENT_STATE));
                subscriber.member.lost(channel);
            }
            stays
        });
        self.subscriptions.fetch_sub(before - subscribers.len(), Ordering::Relaxed);
        if subscribers.is_empty() {
            shard.remove(channel);
            self.channels.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn is_gone(&self, subscriber: &Subscriber, channel: &Arc<str>, why: Option<Unsubscribed>) {
        if subscriber.told && !matches!(subscriber.state, State::Joining { .. }) {
            self.witnessing.unsubscribed(&subscriber.member, channel, why);
        }
    }

    /// Every subscription whose beginning was told, as that.
    pub(crate) fn told(&self) -> Vec<Moment> {
        let mut moments = Vec::new();
        for shard in &self.shards {
            for (channel, subscribers) in &*shard.lock() {
                let told = subscribers.values().filter(|one| one.told && !matches!(one.state, State::Joining { .. }));
                let subscribed = |one: &Subscriber| {
                    self.witnessing.moment(&one.member, What::Subscribed { channel: channel.clone() })
                };
                moments.extend(told.map(subscribed));
            }
        }
        moments
    }

    /// Every channel with a subscriber.
    pub(crate) fn names(&self) -> Vec<Arc<str>> {
        self.shards.iter().flat_map(|shard| shard.lock().keys().cloned().collect::<Vec<_>>()).collect()
    }

    /// Everybody who was let into a guarded channel.
    pub(crate) fn callers(&self, channel: &str) -> Vec<(u64, Arc<Caller>)> {
        let shard = self.shard(channel).lock();
        let subscribers = shard.get(channel).into_iter().flatten();
        subscribers.filter_map(|(id, subscriber)| Some((*id, subscriber.ticket.caller.clone()?))).collect()
    }

    /// Ends the subscription of a member for good. Whether there was one.
    pub(crate) fn turn_out(&self, channel: &str, id: u64, why: Unsubscribed) -> bool {
        let gone = self.take_out(channel, id, Some(why), |_| true);
        gone.map(|member| member.turned_out(channel, why)).is_some()
    }

    /// As [`Channels::turn_out`], of a member that came in by this caller and not anew by another.
    pub(crate) fn turn_out_by(&self, channel: &str, id: u64, caller: &Arc<Caller>, why: Unsubscribed) {
        let by_it = |ticket: &Ticket| ticket.caller.as_ref().is_some_and(|other| Arc::ptr_eq(other, caller));
        if let Some(member) = self.take_out(channel, id, Some(why), by_it) {
            member.turned_out(channel, why);
        }
    }

    /// Ends the subscription of a member for good if `goes` says so, which tells it then: nobody joins or leaves in between.
    pub(crate) fn turn_out_if(&self, channel: &str, id: u64, why: Unsubscribed, goes: impl FnOnce() -> bool) -> bool {
        self.take_out(channel, id, Some(why), |_| goes()).is_some()
    }

    /// Delivers nothing to this member any more.
    pub(crate) fn mute(&self, channel: &str, id: u64) {
        let mut shard = self.shard(channel).lock();
        if let Some(subscriber) = shard.get_mut(channel).and_then(|all| all.get_mut(&id)) {
            subscriber.state = State::Muted;
        }
    }

    /// Subscribers that are sockets, and the others.
    pub(crate) fn by_kind(&self, channel: &str) -> (usize, usize) {
        let shard = self.shard(channel).lock();
        let Some(subscribers) = shard.get(channel) else { return (0, 0) };
        let sockets =
            subscribers.values().filter(|one| matches!(one.member, Member::Socket(_) | Member::Socketio(_))).count();
        (sockets, subscribers.len() - sockets)
    }

    pub(crate) fn subscribers(&self, channel: &str) -> usize {
        self.shard(channel).lock().get(channel).map_or(0, HashMap::len)
    }

    /// Channels with a subscriber, and subscriptions.
    pub(crate) fn totals(&self) -> (usize, usize) {
        (self.channels.load(Ordering::Relaxed), self.subscriptions.load(Ordering::Relaxed))
    }

    fn shard(&self, channel: &str) -> &Mutex<Shard> {
        &self.shards[self.hasher.hash_one(channel) as usize % SHARDS]
    }
}

impl Subscriber {
    /// Lost: the subscriber misses something that it cannot get here.
    fn offer(&mut self, broadcast: &Arc<Broadcast>) -> Posted {
        let publication = &broadcast.publication;
        match &mut self.state {
            State::Joining { held, bytes } => {
                *bytes += broadcast.weight();
                if *bytes > limits::REALTIME_QUEUE_BYTES {
                    *held = Vec::new();
                    self.member.close(Disconnect::SLOW);
                } else {
                    held.push(broadcast.clone());
                }
            }
            State::Muted => {}
            State::Live(None) => return self.member.deliver(broadcast),
            State::Live(Some(at)) if publication.epoch != at.epoch => return Posted::Lost,
            State::Live(Some(at)) if publication.offset <= at.offset => {}
            State::Live(Some(at)) if publication.offset > at.offset + 1 => return Posted::Lost,
            State::Live(Some(at)) => {
                at.offset = publication.offset;
                return self.taking.deliver(&self.member, broadcast);
            }
        }
        Posted::Done
    }
}
