//! One client of Socket.IO, over whatever carries it: what it says is put together, and worked on one after the other.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use kernel::limits;
use parking_lot::Mutex;
use subtle::ConstantTimeEq;

use super::engine;
use super::packet::{Assembler, Body, Packet};
use super::session::{By, Courting, Poll as Asked, Received, Refused, Session, Tick};
use super::{Malformed, Socket};
use crate::Caller;
use crate::asks::Turns;
use crate::broadcast::Broadcast;
use crate::codes::Disconnect;
use crate::hub::Core;
use crate::line::Line;
use crate::members::{Member, Seat};
use crate::outbox::{Outbox, Posted};
use crate::people::Rights;

/// What a packet takes beside its bytes: many short ones are not free.
const PACKET_BYTES: usize = 128;

pub(crate) struct Peer {
    pub(crate) id: u64,
    /// With the number, the name that only the client knows.
    secret: String,
    pub(crate) core: Arc<Core>,
    /// Who its headers said it is, and how the rights were then.
    pub(super) door: (Arc<Caller>, Rights),
    session: Mutex<Session>,
    /// Ready frames; a polling request takes their payloads.
    pub(crate) outbox: Outbox<Bytes>,
    /// Between it and a WebSocket.
    pub(crate) line: Line,
    /// Bytes that a polling request took and that count until the next one comes.
    polled: AtomicUsize,
    /// A socket carries it, whose task sees by itself when the queue is given up.
    carried: AtomicBool,
    inbox: Mutex<Inbox>,
    pub(super) turns: Turns,
    /// One for each namespace that it is in.
    pub(super) sockets: Mutex<Vec<Arc<Socket>>>,
    seat: Mutex<Option<Seat>>,
    /// Why it ends, once it does.
    ending: OnceLock<Disconnect>,
}

#[derive(Default)]
struct Inbox {
    assembler: Assembler,
    waiting: VecDeque<(Packet, usize)>,
    bytes: usize,
    /// A task works on what waits.
    working: bool,
}

impl Peer {
    pub(crate) fn new(core: &Arc<Core>, mut session: Session, door: (Arc<Caller>, Rights), seat: Seat) -> Arc<Self> {
        let beat = core.socketio.beat();
        let first_look = session.opens(beat, |below| core.entropy.below(below.into()) as u32);
        let peer = Arc::new(Self {
            id: core.members.fresh_id(),
            secret: core.entropy.token(16),
            core: core.clone(),
            door,
            outbox: Outbox::new(limits::REALTIME_QUEUE_BYTES),
            line: Line::default(),
            polled: AtomicUsize::new(0),
            carried: AtomicBool::new(session.is_heard()),
            inbox: Mutex::default(),
            turns: Turns::default(),
            sockets: Mutex::default(),
            seat: Mutex::new(Some(seat)),
            session: Mutex::new(session),
            ending: OnceLock::new(),
        });
        core.members.enter_for(Member::Peer(peer.clone()), first_look);
        tracing::debug!(connection = peer.id, "a connection opened");
        peer
    }

    /// The client of this name, if it is one of this process.
    pub(crate) fn find(core: &Core, sid: &str) -> Option<Arc<Self>> {
        let (number, secret) = sid.split_once('-')?;
        let Some(Member::Peer(peer)) = core.members.find(number.parse().ok()?) else { return None };
        bool::from(peer.secret.as_bytes().ct_eq(secret.as_bytes())).then_some(peer)
    }

    /// What Engine.IO calls `sid`.
    pub(crate) fn name(&self) -> String {
        format!("{}-{}", self.id, self.secret)
    }

    pub(crate) fn begin_get(self: &Arc<Self>) -> Result<(), Refused> {
        let begun = self.session.lock().get();
        // One that is waiting is told that the session is over.
        self.told(begun)
    }

    pub(crate) fn begin_post(self: &Arc<Self>) -> Result<(), Refused> {
        let begun = self.session.lock().post();
        self.told(begun)
    }

    fn told(self: &Arc<Self>, begun: Result<(), Refused>) -> Result<(), Refused> {
        if begun == Err(Refused::Twice) {
            self.close(Disconnect::BAD_REQUEST);
        }
        begun
    }

    pub(crate) fn end_post(&self) {
        self.session.lock().post_ends();
    }

    /// The GET has its answer, or will never take it.
    pub(crate) fn end_get(&self, abandoned: bool) {
        let mut session = self.session.lock();
        session.get_ends(abandoned);
        let over = session.is_over();
        drop(session);
        if over {
            self.leave(Disconnect::CLOSED);
        }
    }

    /// The frames for the GET that waits. It is the queue's reader only as long as no socket is.
    pub(crate) fn poll_frames(&self, cx: &mut Context<'_>) -> Poll<VecDeque<Bytes>> {
        let mut session = self.session.lock();
        let asked = session.poll();
        if asked == Asked::Noop {
            return Poll::Ready([engine::NOOP].into());
        }
        self.outbox.register(cx.waker());
        let mut frames = VecDeque::new();
        let written = self.polled.swap(0, Ordering::AcqRel);
        let closing = self.outbox.take(&mut frames, written);
        if let Some(why) = closing {
            let _ = self.ending.set(why);
            session.close(By::Server);
        }
        // Within the lock: a socket that takes over takes it off.
        self.polled.store(frames.iter().map(Bytes::len).sum(), Ordering::Release);
        drop(session);
        if closing.is_some() || asked == Asked::Close {
            frames.extend(self.farewell(closing));
            frames.push_back(engine::CLOSE);
        } else if frames.is_empty() && asked == Asked::Release {
            frames.push_back(engine::NOOP);
        }
        if frames.is_empty() { Poll::Pending } else { Poll::Ready(frames) }
    }

    /// What a client is told before its connection ends. One that may not come back is put out of its namespaces: it does not try
    /// then. Every other comes again by itself.
    pub(crate) fn farewell(&self, why: Option<Disconnect>) -> Vec<Bytes> {
        if !matches!(why, Some(Disconnect::FORCED | Disconnect::CONNECTION_LIMIT)) {
            return Vec::new();
        }
        let sockets = self.sockets.lock();
        let packets =
            sockets.iter().map(|socket| Packet { namespace: socket.path().to_owned(), body: Body::Disconnect });
        packets.map(|packet| packet.frames()).collect()
    }

    /// A socket comes with the client's name.
    pub(crate) fn court(&self) -> Result<(), Refused> {
        self.session.lock().court()
    }

    pub(crate) fn court_ends(&self) {
        self.session.lock().court_ends();
    }

    /// What the socket says that came, until it carries the client.
    pub(crate) fn courting(&self, packet: &engine::Packet<'_>) -> Courting {
        let courting = self.session.lock().courting(packet);
        // A GET that waits is let go: the client says nothing further before its answer.
        if courting != Courting::Refused {
            self.outbox.wake();
        }
        if courting == Courting::Upgraded {
            self.carried.store(true, Ordering::Release);
        }
        courting
    }

    /// Bytes that the last poll took: the client had them before it went over to its socket.
    pub(crate) fn polled(&self) -> usize {
        self.polled.swap(0, Ordering::AcqRel)
    }

    /// A packet of Engine.IO, on the way that carries the client.
    ///
    /// # Errors
    /// Why the connection ends.
    pub(crate) fn receive(self: &Arc<Self>, packet: engine::Packet<'_>) -> Result<(), Disconnect> {
        let received = self.session.lock().receive(packet);
        match received {
            Received::Nothing => Ok(()),
            // Reading a text costs many times its bytes; what is large goes as bytes.
            Received::Message(text) if text.len() > limits::REALTIME_MESSAGE_BYTES => Err(Disconnect::TOO_BIG),
            Received::Message(text) => self.take(|assembler| assembler.text(text)),
            Received::Binary(bytes) => self.take(|assembler| assembler.binary(bytes)),
            Received::Closed => Err(Disconnect::CLOSED),
            Received::Refused => Err(Disconnect::BAD_REQUEST),
        }
    }

    fn take(
        self: &Arc<Self>,
        put: impl FnOnce(&mut Assembler) -> Result<Option<Packet>, Malformed>,
    ) -> Result<(), Disconnect> {
        let mut inbox = self.inbox.lock();
        let packet = put(&mut inbox.assembler).map_err(|_| Disconnect::BAD_REQUEST)?;
        let Some(packet) = packet else { return Ok(()) };
        if let Packet { namespace, body: Body::Ack { id, args } } = packet {
            drop(inbox);
            // At once: an event that is worked on may wait for it. Who has left the namespace waits for nothing.
            if let Some(socket) = self.socket(&namespace) {
                socket.acknowledged(id, args);
            }
            return Ok(());
        }
        if inbox.bytes > limits::SOCKETIO_WAITING_BYTES {
            return Err(Disconnect::TOO_MANY_REQUESTS);
        }
        let bytes = PACKET_BYTES + inbox.assembler.bytes;
        inbox.bytes += bytes;
        inbox.waiting.push_back((packet, bytes));
        if !std::mem::replace(&mut inbox.working, true) {
            tokio::spawn(self.clone().work());
        }
        Ok(())
    }

    /// Whether a socket should wait before it reads on.
    pub(crate) fn is_full(&self) -> bool {
        self.inbox.lock().bytes > limits::SOCKETIO_WAITING_BYTES / 2
    }

    /// Works on what waits, until nothing does. A panic of a product ends the connection, and no other.
    async fn work(self: Arc<Self>) {
        while let Some((packet, bytes)) = self.next() {
            let handled = std::panic::AssertUnwindSafe(self.handle(packet)).catch_unwind().await;
            self.inbox.lock().bytes -= bytes;
            // A socket may wait for room.
            self.outbox.wake();
            match handled {
                Ok(Ok(())) => {}
                Ok(Err(why)) => return self.close(why),
                Err(_) => return self.close(Disconnect::INTERNAL),
            }
        }
    }

    fn next(&self) -> Option<(Packet, usize)> {
        let mut inbox = self.inbox.lock();
        let next = inbox.waiting.pop_front();
        inbox.working = next.is_some();
        next
    }

    async fn handle(self: &Arc<Self>, packet: Packet) -> Result<(), Disconnect> {
        let Packet { namespace, body } = packet;
        match (self.socket(&namespace), body) {
            (None, Body::Connect(auth)) => self.enter(namespace, auth).await,
            (Some(socket), Body::Disconnect) => {
                socket.goodbye();
                Ok(())
            }
            (Some(socket), Body::Event { id, name, args }) => {
                socket.happens(id, &name, args).await;
                Ok(())
            }
            _ => Err(Disconnect::BAD_REQUEST),
        }
    }

    fn socket(&self, namespace: &str) -> Option<Arc<Socket>> {
        self.sockets.lock().iter().find(|socket| *socket.path() == *namespace).cloned()
    }

    /// Registers one of its sockets; not when it is over, because nobody would take that away.
    pub(super) fn has_entered(&self, socket: &Arc<Socket>, member: &Member) -> bool {
        let mut sockets = self.sockets.lock();
        let here = self.seat.lock().is_some();
        if here {
            sockets.push(socket.clone());
            self.core.members.enter(member.clone(), 1);
        }
        here
    }

    /// It is in a namespace.
    pub(super) fn settle(&self) {
        self.session.lock().connected();
    }

    pub(crate) fn post(self: &Arc<Self>, frame: Bytes) {
        let bytes = frame.len();
        self.outbox.push(frame, bytes);
        self.see_the_end();
    }

    /// A publication; whoever calls sees that it is written.
    pub(super) fn publish(self: &Arc<Self>, frame: Bytes, of: &Arc<Broadcast>) -> Posted {
        let bytes = frame.len();
        let posted = self.outbox.publish(frame, bytes, of);
        self.see_the_end();
        posted
    }

    /// Where nobody waits to see that too much did, it ends here.
    fn see_the_end(self: &Arc<Self>) {
        if !self.carried.load(Ordering::Acquire)
            && self.ending.get().is_none()
            && let Some(why) = self.outbox.given_up()
        {
            self.closed(why);
        }
    }

    /// Why it ends, once it does.
    pub(crate) fn ending(&self) -> Option<Disconnect> {
        self.ending.get().copied()
    }

    /// Ends the connection after what waits. May be called from wherever: nothing is locked that others hold meanwhile.
    pub(crate) fn close(self: &Arc<Self>, why: Disconnect) {
        self.outbox.close(why);
        self.closed(why);
    }

    /// Ends the connection without what waits.
    pub(crate) fn cut(self: &Arc<Self>, why: Disconnect) {
        self.outbox.cut(why);
        self.closed(why);
    }

    /// Where nobody is there to hear of the end, nobody would take the client away.
    fn closed(self: &Arc<Self>, why: Disconnect) {
        let _ = self.ending.set(why);
        let mut session = self.session.lock();
        session.close(if why == Disconnect::CLOSED { By::Client } else { By::Server });
        if !session.is_heard() {
            let peer = self.clone();
            tokio::spawn(async move { peer.leave(why) });
        }
    }

    /// The connection is over, by what was said first or by this. Only the first time counts.
    pub(crate) fn leave(&self, otherwise: Disconnect) {
        let why = *self.ending.get_or_init(|| otherwise);
        self.session.lock().close(By::Server);
        let Some(_seat) = self.seat.lock().take() else { return };
        let sockets = std::mem::take(&mut *self.sockets.lock());
        for socket in &sockets {
            // Who is put out for good does not come back as the same.
            if why == Disconnect::FORCED { socket.goodbye() } else { socket.leave_all() }
        }
        self.core.members.leave(self.id);
        self.inbox.lock().waiting.clear();
        tracing::debug!(connection = self.id, code = why.code, "a connection ended");
        metrics::counter!("realtime_disconnects_total", "code" => why.code.to_string()).increment(1);
    }

    /// Returns when to look at it next.
    pub(crate) fn tick(self: &Arc<Self>) -> Option<Duration> {
        let tick = self.session.lock().tick(self.core.socketio.beat());
        match tick {
            Tick::Wait(next) => return Some(next),
            Tick::Ping(next) => {
                self.post(engine::PING);
                let sockets = self.sockets.lock().clone();
                sockets.iter().for_each(|socket| socket.keep_placed());
                return Some(next);
            }
            Tick::Stale => self.close(Disconnect::STALE),
            Tick::Dead => self.close(Disconnect::NO_PONG),
            Tick::Over => {}
        }
        None
    }
}
