//! One Centrifuge client: its commands in their order, and what the server remembers of it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use kernel::{Entropy, limits};
use parking_lot::Mutex;
use serde::Serialize;

use super::command::Payload;
use super::emulated::Session;
use super::reply::{self, Empty, Encode};
use super::said::Kept;
use super::subscriptions::{Removed, Subscriptions};
use super::wire::Wire;
use crate::Caller;
use crate::asks::Turns;
use crate::codes::{Disconnect, ReplyError, Unsubscribed};
use crate::doorman::Unknown;
use crate::hub::Core;
use crate::line::Line;
use crate::members::Member;
use crate::outbox::Outbox;
use crate::ws::encode::PING_FRAME;

pub(crate) struct Client {
    pub(crate) id: u64,
    pub(crate) core: Arc<Core>,
    admission: Mutex<Admission>,
    pub(crate) wire: Wire,
    /// Where commands come by other requests.
    pub(crate) session: Option<Box<Session>>,
    /// Ready messages.
    pub(crate) outbox: Outbox<Bytes>,
    /// Between it and a WebSocket.
    pub(crate) line: Line,
    /// Pings are WebSocket's own, unknown to the protocol: for tools that show frames to people.
    native_ping: bool,
    life: AtomicU8,
    pub(super) subscriptions: Subscriptions,
    pub(super) turns: Turns,
    /// What it is called among clients, in 128 bits.
    uuid: u128,
}

/// Whom a client acts for, and who said so.
#[derive(Clone)]
pub(crate) enum Admission {
    /// Its headers did not say it: only a token lets it in.
    Unknown(Unknown),
    /// Its headers said it.
    AtTheDoor(Arc<Caller>),
    /// A token said it, which it refreshes before it ends.
    ByToken(Arc<Caller>),
}

impl From<Result<Arc<Caller>, Unknown>> for Admission {
    fn from(looked_up: Result<Arc<Caller>, Unknown>) -> Self {
        looked_up.map_or_else(Self::Unknown, Self::AtTheDoor)
    }
}

/// Where a client is between its opening and its pings.
mod life {
    pub(super) const OPENED: u8 = 0;
    pub(super) const CONNECTED: u8 = 1;
    pub(super) const QUIET: u8 = 2;
    pub(super) const PINGED: u8 = 3;
    pub(super) const ANSWERED: u8 = 4;
    /// Its `connect` was answered with an error: nothing it says counts any more.
    pub(super) const REFUSED: u8 = 5;
}

impl Client {
    pub(crate) fn new(core: Arc<Core>, admission: Admission, wire: Wire, native_ping: bool) -> Self {
        let uuid = u128::from(core.entropy.u64()) << 64 | u128::from(core.entropy.u64());
        let session = wire.is_emulated().then(|| Box::new(Session::new(&core.entropy)));
        Self {
            id: core.members.fresh_id(),
            core,
            admission: Mutex::new(admission),
            wire,
            session,
            outbox: Outbox::new(limits::REALTIME_QUEUE_BYTES),
            line: Line::default(),
            native_ping,
            life: AtomicU8::new(life::OPENED),
            subscriptions: Subscriptions::default(),
            turns: Turns::default(),
            uuid,
        }
    }

    /// Handles one command.
    ///
    /// # Errors
    /// The reason to close the connection; what is wrong with one request only is a reply.
    pub(crate) async fn handle(self: Arc<Self>, said: Kept) -> Result<(), Disconnect> {
        let (id, payload) = said.command(self.wire.is_binary()).ok_or(Disconnect::BAD_REQUEST)?;
        if self.life.load(Ordering::Acquire) == life::REFUSED {
            return Ok(());
        }
        if !self.turns.command(&self.core.clock) {
            return Err(Disconnect::TOO_MANY_REQUESTS);
        }
        let connecting = matches!(payload, Payload::Connect(_));
        if connecting == self.is_connected() {
            return Err(Disconnect::BAD_REQUEST);
        }
        match payload {
            Payload::Pong => return self.pong(),
            Payload::Send(message) => return self.message(&message).await,
            _ if id == 0 => return Err(Disconnect::BAD_REQUEST),
            Payload::Connect(connect) => return self.connect(id, &connect).await,
            Payload::Subscribe(subscribe) => return self.subscribe(id, &subscribe).await,
            Payload::Unsubscribe(of) => {
                self.unsubscribe(named(&of.channel)?);
                self.answer(id, "unsubscribe", &Empty {});
            }
            Payload::History(history) => return self.history(id, history).await,
            Payload::Publish(publish) => return self.publish(id, &publish).await,
            Payload::Presence(of) => return self.presence(id, &of.channel).await,
            Payload::PresenceStats(of) => return self.presence_stats(id, &of.channel).await,
            Payload::Rpc(call) => return self.rpc(id, &call).await,
            Payload::Refresh(refresh) => return self.refresh(id, &refresh).await,
            Payload::SubRefresh(of) => return self.refresh_subscription(id, &of).await,
            Payload::Unknown => return Err(Disconnect::BAD_REQUEST),
        }
        Ok(())
    }

    /// A pong nobody asked for is a bad request.
    pub(crate) fn pong(&self) -> Result<(), Disconnect> {
        let answered = self.life.compare_exchange(life::PINGED, life::ANSWERED, Ordering::AcqRel, Ordering::Acquire);
        answered.map(|_| ()).map_err(|_| Disconnect::BAD_REQUEST)
    }

    /// A pong frame of WebSocket itself. One nobody asked for is fine there.
    pub(crate) fn native_pong(&self) {
        if self.native_ping {
            let _ = self.pong();
        }
    }

    pub(super) fn answer(&self, id: u32, method: &'static str, result: &(impl Serialize + Encode)) {
        let frame = reply::reply(self.wire, id, method, result);
        let bytes = frame.len();
        self.outbox.answer(frame, bytes);
    }

    pub(super) fn refuse(&self, id: u32, error: ReplyError) {
        self.answer(id, "error", &error);
    }

    /// Whom it acts for; nobody as long as that is unknown.
    pub(crate) fn caller(&self) -> Arc<Caller> {
        match &*self.admission.lock() {
            Admission::Unknown(_) => self.core.nobody.clone(),
            Admission::AtTheDoor(caller) | Admission::ByToken(caller) => caller.clone(),
        }
    }

    /// Only then it can refresh.
    pub(crate) fn came_by_token(&self) -> bool {
        matches!(*self.admission.lock(), Admission::ByToken(_)) && !self.wire.is_one_way()
    }

    pub(super) fn admission(&self) -> Admission {
        self.admission.lock().clone()
    }

    pub(super) fn admit(&self, admission: Admission) {
        *self.admission.lock() = admission;
    }

    /// Its `connect` has succeeded, or failed for good.
    pub(super) fn settle_connect(&self, connected: bool) {
        self.life.store(if connected { life::CONNECTED } else { life::REFUSED }, Ordering::Release);
    }

    /// What it is called among clients: a UUID of version 4.
    pub(crate) fn name(&self) -> String {
        let id = self.uuid & !(0xf << 76 | 0b11 << 62) | 0x4 << 76 | 0b10 << 62;
        let hex = format!("{id:032x}");
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    pub(super) fn has_native_ping(&self) -> bool {
        self.native_ping
    }

    pub(super) fn is_connected(&self) -> bool {
        self.life.load(Ordering::Acquire) != life::OPENED
    }

    /// Its `connect` was answered, and well.
    pub(super) fn is_in(&self) -> bool {
        !matches!(self.life.load(Ordering::Acquire), life::OPENED | life::REFUSED)
    }

    /// Where its commands come by other requests, what they show; else empty.
    pub(crate) fn session_name(&self) -> String {
        self.session.as_ref().map_or_else(String::new, |session| format!("{}-{}", self.id, session.secret))
    }

    pub(super) fn is_subscribed(&self, channel: &str) -> bool {
        self.subscriptions.has(channel)
    }

    fn unsubscribe(&self, channel: &str) {
        self.core.channels.leave(channel, self.id);
        self.forget(channel);
        self.reflect(channel);
    }

    /// Whether it is subscribed and its guard has let it in.
    pub(super) fn hears(&self, channel: &str) -> bool {
        self.subscriptions.end_of(channel).is_some()
    }

    /// Takes a subscription off the list.
    pub(super) fn forget(&self, channel: &str) -> Option<Removed> {
        let removed = self.subscriptions.remove(channel)?;
        if let Some((name, until_ms)) = &removed.lapses {
            self.core.lapses.remove(*until_ms, self.id, name);
        }
        Some(removed)
    }

    /// The core took the subscription away because a publication is missing; the client subscribes again by itself, or connects anew
    /// where the server had subscribed it. In a lock of the bus: whoever calls sees to it that the client is reflected later.
    pub(crate) fn lost(&self, channel: &str) {
        let by_server = self.forget(channel).is_some_and(|removed| removed.by_server);
        if by_server || self.wire.is_one_way() {
            return self.outbox.close(Disconnect::INSUFFICIENT_STATE);
        }
        let Unsubscribed { code, reason } = Unsubscribed::INSUFFICIENT_STATE;
        let frame = reply::unsubscribe(self.wire, channel, code, reason);
        let bytes = frame.len();
        // Once for each subscription, so it always has room.
        self.outbox.answer(frame, bytes);
    }

    /// The subscription was ended for good. Who is not answered yet hears of it by the answer.
    pub(crate) fn turned_out(&self, channel: &str, why: Unsubscribed) {
        if self.forget(channel).is_some_and(|removed| removed.live) {
            self.reflect(channel);
            self.say_unsubscribed(channel, why);
        }
    }

    pub(super) fn say_unsubscribed(&self, channel: &str, why: Unsubscribed) {
        self.push(reply::unsubscribe(self.wire, channel, why.code, why.reason));
    }

    pub(super) fn push(&self, frame: Bytes) {
        let bytes = frame.len();
        self.outbox.push(frame, bytes);
    }

    /// What it is told of its end: the words of whoever sent it away, or the reason's own.
    pub(super) fn last_words(&self, why: Disconnect) -> Cow<'static, str> {
        let given = self.outbox.words().filter(|_| self.outbox.closing() == Some(why));
        given.map_or(Cow::Borrowed(why.reason), |words| Cow::Owned(words.into()))
    }

    /// The connection is over, by what was said first or by this.
    pub(crate) fn leave(self: &Arc<Self>, otherwise: Disconnect) {
        self.outbox.close(otherwise);
        self.leave_channels();
        self.core.members.leave(self.id);
        self.core.gives_share(&Member::Socket(self.clone()));
    }

    /// Closes what never connected or does not answer, pings what is quiet. Returns the seconds to the next look.
    pub(crate) fn tick(&self, entropy: &Entropy) -> Option<usize> {
        const PING_S: usize = limits::REALTIME_PING_S as usize;
        const PONG_S: usize = limits::REALTIME_PONG_S as usize;
        match self.life.load(Ordering::Acquire) {
            life::OPENED | life::REFUSED => {
                self.outbox.close(Disconnect::STALE);
                None
            }
            // The first look is REALTIME_CONNECT_S after the opening. The first ping is spread over the second half of
            // the interval, so that clients that came together are not pinged together.
            life::CONNECTED => {
                self.life.store(life::QUIET, Ordering::Release);
                Some(1 + entropy.below(PING_S as u64 / 2) as usize)
            }
            life::PINGED => {
                self.outbox.close(Disconnect::NO_PONG);
                None
            }
            life::ANSWERED => {
                self.life.store(life::QUIET, Ordering::Release);
                Some(PING_S - PONG_S)
            }
            _ => {
                // Who only listens does not answer.
                let answers = !self.wire.is_one_way();
                if answers {
                    self.life.store(life::PINGED, Ordering::Release);
                }
                let ping = if self.native_ping { PING_FRAME } else { self.wire.ping() };
                let bytes = ping.len();
                // Whether it is slow is not for its pings to say.
                self.outbox.answer(ping, bytes);
                Some(if answers { PONG_S } else { PING_S })
            }
        }
    }
}

/// A missing channel is a fault of the client library, not of its user: the connection ends.
pub(super) fn named(channel: &str) -> Result<&str, Disconnect> {
    if channel.is_empty() { Err(Disconnect::BAD_REQUEST) } else { Ok(channel) }
}
