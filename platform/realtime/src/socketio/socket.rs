//! A client in one namespace.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bus::Position;
use bytes::Bytes;
use kernel::limits;
use parking_lot::{Mutex, MutexGuard};
use serde_json::Value;
use tokio::sync::oneshot;

use super::Args;
use super::namespace::{Call, Namespace};
use super::packet::{Body, OWN, Packet, RESERVED};
use super::peer::Peer;
use super::recovery;
use super::turn::Joining;
use crate::Caller;
use crate::broadcast::Broadcast;
use crate::claims::subscription::Terms;
use crate::codes::{Disconnect, Unsubscribed};
use crate::members::Member;
use crate::outbox::Posted;

/// A client of Socket.IO in one of the namespaces that it is in.
pub struct Socket {
    pub(crate) id: u64,
    sid: Arc<str>,
    pub(crate) peer: Arc<Peer>,
    pub(super) namespace: Arc<Namespace>,
    pub(crate) caller: Arc<Caller>,
    rooms: Mutex<Rooms>,
    /// See `Core::reflect`.
    pub(super) telling: Mutex<()>,
    asked: Mutex<Asked>,
    recovered: AtomicBool,
}

/// The channels that it hears, and how far it has come in each.
#[derive(Default)]
pub(super) struct Rooms {
    pub(super) list: Vec<Room>,
    /// What it is on its way into.
    pub(super) joining: Option<Box<Joining>>,
    /// It is over: nothing may be joined any more.
    gone: bool,
    /// When it was told last where it is.
    placed_ms: i64,
    /// What it was told before is void.
    valid_from_ms: i64,
}

pub(crate) struct Room {
    pub(super) channel: Arc<str>,
    /// None on a channel without history.
    pub(super) at: Option<Position>,
    /// Where a token opened it.
    pub(super) terms: Option<Box<Terms>>,
}

/// Acknowledgements that the server waits for.
#[derive(Default)]
struct Asked {
    /// It is over: nothing is answered any more.
    gone: bool,
    next: u64,
    waiting: HashMap<u64, oneshot::Sender<Args>>,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Socket({} in {})", self.sid, self.namespace.path)
    }
}

impl Socket {
    pub(super) fn new(peer: &Arc<Peer>, namespace: Arc<Namespace>, caller: Arc<Caller>, sid: Arc<str>) -> Arc<Self> {
        Arc::new(Self {
            id: peer.core.members.fresh_id(),
            sid,
            peer: peer.clone(),
            namespace,
            caller,
            rooms: Mutex::default(),
            telling: Mutex::default(),
            asked: Mutex::default(),
            recovered: AtomicBool::new(false),
        })
    }

    /// What its client calls `socket.id`. Others may know it: it opens nothing.
    pub fn id(&self) -> &Arc<str> {
        &self.sid
    }

    /// Whom it acts for.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The namespace.
    pub fn path(&self) -> &str {
        &self.namespace.path
    }

    /// Whether its client has come back as the same.
    pub fn recovered(&self) -> bool {
        self.recovered.load(Ordering::Acquire)
    }

    pub(super) fn has_recovered(&self) {
        self.recovered.store(true, Ordering::Release);
    }

    /// The channels that it hears.
    pub fn channels(&self) -> Vec<Arc<str>> {
        self.rooms.lock().list.iter().map(|room| room.channel.clone()).collect()
    }

    /// Sends it an event. A client that takes nothing is closed when `limits::REALTIME_QUEUE_BYTES` wait for it. Nothing is sent by a
    /// name that the client's library or this server keeps for itself. It is not kept for a client that comes back.
    pub fn emit(&self, name: &str, args: Args) {
        if !is_free(name) {
            return;
        }
        self.emit_in(&mut self.rooms.lock(), name, args);
    }

    pub(super) fn emit_in(&self, rooms: &mut Rooms, name: &str, mut args: Args) {
        // Clients take the last text of whatever event for their position.
        args.values.extend(self.place(rooms).map(Value::from));
        self.say(Body::Event { id: None, name: name.to_owned(), args });
    }

    /// Where it is, sealed.
    fn place(&self, rooms: &mut Rooms) -> Option<String> {
        let key = self.namespace.recovery.as_ref()?;
        rooms.placed_ms = self.peer.core.clock.now_ms().max(rooms.valid_from_ms);
        Some(recovery::place(key, &self.peer.core.entropy, self.path(), &self.sid, rooms.placed_ms, &rooms.list))
    }

    /// What it was told of its place is soon too old.
    pub(super) fn keep_placed(&self) {
        let mut rooms = self.rooms.lock();
        let old_ms = self.peer.core.clock.now_ms() - limits::SOCKETIO_RECOVERY_MS / 2;
        if self.namespace.recovery.is_some() && !rooms.list.is_empty() && rooms.placed_ms <= old_ms {
            self.emit_in(&mut rooms, "place", Args::default());
        }
    }

    /// Sends it an event, and waits for what its listener answers. None where that does not come in time, or at all. In a
    /// recovering namespace do not end it with a text: the client's library would take that for where it is.
    pub async fn ask(&self, name: &str, args: Args, patience: Duration) -> Option<Args> {
        let (answer, answered) = oneshot::channel();
        if !is_free(name) {
            return None;
        }
        let id = {
            let mut asked = self.asked.lock();
            if asked.gone {
                return None;
            }
            asked.waiting.retain(|_, waiting| !waiting.is_closed());
            if asked.waiting.len() >= limits::SOCKETIO_ASKED {
                return None;
            }
            let id = asked.next;
            asked.next += 1;
            asked.waiting.insert(id, answer);
            id
        };
        self.say(Body::Event { id: Some(id), name: name.to_owned(), args });
        tokio::time::timeout(patience, answered).await.ok()?.ok()
    }

    /// Puts it out of the namespace. Its client does not come back by itself.
    pub fn disconnect(self: &Arc<Self>) {
        self.say(Body::Disconnect);
        self.goodbye();
    }

    /// It has left, or was put out, and does not come back as the same.
    pub(super) fn goodbye(self: &Arc<Self>) {
        self.peer.sockets.lock().retain(|other| !Arc::ptr_eq(other, self));
        self.leave_all();
        self.void();
    }

    fn void(&self) -> i64 {
        let now_ms = self.peer.core.clock.now_ms();
        if self.namespace.recovery.is_some() {
            self.peer.core.socketio.void(&self.sid, now_ms);
        }
        now_ms
    }

    pub(super) fn say(&self, body: Body) {
        let packet = Packet { namespace: self.namespace.path.to_string(), body };
        self.peer.post(packet.frames());
    }

    pub(super) async fn happens(self: &Arc<Self>, id: Option<u64>, name: &str, args: Args) {
        // As with the library's own server, what nobody listens to is not acknowledged.
        let Some(listener) = self.namespace.listener(name) else { return };
        let done = listener(Call { socket: self.clone(), args, acknowledged: id.is_some() });
        match tokio::time::timeout(Duration::from_millis(limits::SOCKETIO_EVENT_MS), done).await {
            Ok(args) => {
                if let Some(id) = id {
                    self.say(Body::Ack { id, args });
                }
            }
            Err(_) => tracing::warn!(namespace = self.path(), event = name, "an event took too long and was given up"),
        }
    }

    /// One that nobody asked for, or no longer waits for, is nothing.
    pub(super) fn acknowledged(&self, id: u64, args: Args) {
        let waiting = self.asked.lock().waiting.remove(&id);
        if let Some(waiting) = waiting {
            let _ = waiting.send(args);
        }
    }

    /// It has left the namespace, whatever becomes of its connection.
    pub(crate) fn has_left(&self) -> bool {
        self.rooms.lock().gone
    }

    pub(super) fn rooms(&self) -> MutexGuard<'_, Rooms> {
        self.rooms.lock()
    }

    /// Queues a publication. Whoever calls sees that it is written.
    pub(crate) fn deliver(&self, broadcast: &Arc<Broadcast>) -> Posted {
        // Held until it is queued: what a client hears last says how far it has come in every channel.
        let mut rooms = self.rooms.lock();
        let frame = self.frame(&mut rooms, broadcast);
        let posted = self.peer.publish(frame, broadcast);
        if matches!(posted, Posted::Lost) {
            // While nobody moves its place: what waits says that it has come further than it has.
            self.lost();
        }
        posted
    }

    /// A publication as the client gets it, which moves it on.
    pub(super) fn frame(&self, rooms: &mut Rooms, broadcast: &Broadcast) -> Bytes {
        let publication = &broadcast.publication;
        if let Some(room) = rooms.list.iter_mut().find(|room| *room.channel == **broadcast.channel()) {
            room.at =
                room.at.as_ref().map(|_| Position { offset: publication.offset, epoch: publication.epoch.clone() });
        }
        let Some(key) = &self.namespace.recovery else { return broadcast.socketio(&self.namespace.path, None) };
        let core = &self.peer.core;
        match &rooms.list[..] {
            [alone] if alone.channel == *broadcast.channel() && self.namespace.with_subscriptions => {
                rooms.placed_ms = core.clock.now_ms();
                let (list, placed_ms) = (&rooms.list, rooms.placed_ms);
                let place = || recovery::place(key, &core.entropy, self.path(), "", placed_ms, list);
                broadcast.socketio(&self.namespace.path, Some(&place))
            }
            _ => {
                let place = self.place(rooms).unwrap_or_default();
                broadcast.socketio_apart(&self.namespace.path, &place)
            }
        }
    }

    /// The guard of the channel no longer lets it in.
    pub(crate) fn turned_out(&self, channel: &str, why: Unsubscribed) {
        self.is_out(&mut self.rooms.lock(), channel, why);
        self.reflect(channel);
    }

    pub(super) fn is_out(&self, rooms: &mut Rooms, channel: &str, why: Unsubscribed) {
        self.forget(rooms, channel);
        // What it was told before would bring it back into the channel.
        rooms.valid_from_ms = self.void() + 1;
        self.emit_in(rooms, "unsubscribed", Args::of(serde_json::json!([channel, why.code, why.reason])));
    }

    /// A publication is missing: the client comes again and gets it, or begins anew and sees that it did.
    pub(crate) fn lost(&self) {
        self.peer.cut(Disconnect::INSUFFICIENT_STATE);
    }

    /// It has left the namespace, or its connection is over.
    pub(super) fn leave_all(self: &Arc<Self>) {
        let list = {
            let mut rooms = self.rooms.lock();
            rooms.gone = true;
            let channels: Vec<_> = rooms.list.iter().map(|room| room.channel.clone()).collect();
            channels.iter().for_each(|channel| self.forget(&mut rooms, channel));
            channels
        };
        let core = &self.peer.core;
        for channel in &list {
            core.channels.leave(channel, self.id);
            self.reflect(channel);
        }
        let waiting = {
            let mut asked = self.asked.lock();
            asked.gone = true;
            std::mem::take(&mut asked.waiting)
        };
        drop(waiting);
        core.members.leave(self.id);
        core.gives_share(&self.member());
        core.socketio.gone(self);
    }

    pub(crate) fn member(self: &Arc<Self>) -> Member {
        Member::Socketio(self.clone())
    }
}

fn is_free(name: &str) -> bool {
    let free = !RESERVED.contains(&name) && !OWN.contains(&name);
    if !free {
        tracing::error!(event = name, "an event of a reserved name is not sent");
    }
    free
}

impl Rooms {
    pub(super) fn has(&self, channel: &str) -> bool {
        self.list.iter().any(|room| *room.channel == *channel)
    }

    /// Whether it may still come in by the join that has its turn.
    pub(super) fn lets_in(&self, channel: &str) -> bool {
        !self.gone && !self.joining.as_ref().is_some_and(|joining| joining.was_left(channel))
    }

    /// Whether the room was added.
    pub(super) fn add(&mut self, channel: &Arc<str>, at: Option<Position>) -> bool {
        if !self.lets_in(channel) {
            return false;
        }
        if !self.has(channel) {
            self.list.push(Room { channel: channel.clone(), at, terms: None });
        }
        true
    }
}
