//! What a product declares about a namespace of Socket.IO: which events it listens to, and what they do.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kernel::{SealKey, limits};
use parking_lot::{Mutex, RwLock};
use serde_json::{Map, Value};

use super::packet::RESERVED;
use super::{Args, Beat, Socket};
use crate::Hub;
use crate::codes::Disconnect;

type Handler = Arc<dyn Fn(Call) -> BoxFuture<'static, Args> + Send + Sync>;
type Welcome = Arc<dyn Fn(Arc<Socket>, Map<String, Value>) -> BoxFuture<'static, ()> + Send + Sync>;

/// One event of a client.
#[derive(Debug)]
pub struct Call {
    /// Who sent it.
    pub socket: Arc<Socket>,
    /// Without the name.
    pub args: Args,
    /// Whether the client waits for an acknowledgement.
    pub acknowledged: bool,
}

/// A namespace of Socket.IO (`/`, `/chat`), which has nothing to do with a [`Namespace`](crate::Namespace) of channels: any channel
/// can be joined from any of them.
#[derive(Clone)]
pub struct Namespace {
    pub(crate) path: Arc<str>,
    events: HashMap<&'static str, Handler>,
    welcome: Option<Welcome>,
    pub(crate) recovery: Option<SealKey>,
    /// Clients join by themselves.
    pub(super) with_subscriptions: bool,
}

impl Namespace {
    /// A namespace that listens to nothing yet.
    ///
    /// # Panics
    /// When the path does not begin with a slash, or has a comma, which would end it.
    pub fn new(path: &str) -> Self {
        assert!(path.starts_with('/') && !path.contains(','), "{path} is no namespace of Socket.IO");
        Self { path: path.into(), events: HashMap::new(), welcome: None, recovery: None, with_subscriptions: false }
    }

    /// The one that every server has: in `/` clients join channels by themselves, and come back as the same.
    pub fn main(key: SealKey) -> Self {
        Self::new("/").with_subscriptions().recovering(key)
    }

    /// Does something with an event. What comes back acknowledges it, where the client asked for that. Events of one client come
    /// one after the other; one that takes longer than `limits::SOCKETIO_EVENT_MS` is given up, unacknowledged.
    ///
    /// # Panics
    /// When the name has a listener, or is one that the clients' library keeps for itself.
    #[must_use]
    pub fn on<F>(mut self, name: &'static str, does: impl Fn(Call) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Args> + Send + 'static,
    {
        assert!(!RESERVED.contains(&name), "{name} is reserved");
        let other = self.events.insert(name, Arc::new(move |call| does(call).boxed()));
        assert!(other.is_none(), "two listen to {name}");
        self
    }

    /// Does something with everybody who comes in, before their first event; with what the client showed (`auth`). Also with those who
    /// come back as the same ([`Socket::recovered`]), who are in their channels already and have been told what they missed.
    #[must_use]
    pub fn on_connect<F>(mut self, does: impl Fn(Arc<Socket>, Map<String, Value>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.welcome = Some(Arc::new(move |socket, auth| does(socket, auth).boxed()));
        self
    }

    /// Lets clients join channels by themselves: `subscribe` with a channel and, for a guarded one, a token; `unsubscribe` with a
    /// channel. And lets them ask for what every client may ask: `publish` with a channel and the data; `history` with a channel and
    /// perhaps `{limit, since: {offset, epoch}, reverse}`; `presence` and `presence_stats` with a channel. They are acknowledged with
    /// the answer, `{}` where there is none, or `{"error":{"code":…,"message":…}}`, in the codes of the Centrifuge protocol.
    #[must_use]
    pub fn with_subscriptions(mut self) -> Self {
        self.with_subscriptions = true;
        let joining = self.on("subscribe", super::join::subscribe).on("unsubscribe", super::join::unsubscribe);
        let asking = joining.on("publish", super::verbs::publish).on("history", super::verbs::history);
        asking.on("presence", super::verbs::presence).on("presence_stats", super::verbs::presence_stats)
    }

    /// A client that was cut off comes back as the same within `limits::SOCKETIO_RECOVERY_MS`: its id, its channels, and what was
    /// published on them meanwhile. Not one that left or was put out, as far as this process knows. The key seals what it shows
    /// for that; it must be the same in every process, and after a restart.
    #[must_use]
    pub fn recovering(self, key: SealKey) -> Self {
        Self { recovery: Some(key), ..self }
    }

    pub(crate) fn listener(&self, name: &str) -> Option<&Handler> {
        self.events.get(name)
    }

    pub(crate) async fn welcome(&self, socket: &Arc<Socket>, auth: Map<String, Value>) {
        let Some(welcome) = &self.welcome else { return };
        let patience = Duration::from_millis(limits::SOCKETIO_EVENT_MS);
        if tokio::time::timeout(patience, welcome(socket.clone(), auth)).await.is_err() {
            tracing::warn!(namespace = &*self.path, "a welcome took too long and was given up");
        }
    }
}

/// Those of a hub, by their paths.
#[derive(Default)]
pub(crate) struct Namespaces {
    by_path: RwLock<HashMap<Arc<str>, Arc<Namespace>>>,
    /// Who may come back as the same: at most everybody who is here.
    here: Mutex<HashMap<Arc<str>, Arc<Socket>>>,
    voided: Mutex<Voided>,
    beat: RwLock<Beat>,
}

/// Ids whose places are void up to a time: their clients left, or were put out of something.
#[derive(Default)]
struct Voided {
    until_ms: HashMap<Arc<str>, i64>,
    /// In their order; the oldest goes first.
    order: VecDeque<(Arc<str>, i64)>,
    /// Who was forgotten too early: whatever is as old is void for everybody.
    forgotten_ms: Option<i64>,
}

impl Namespaces {
    pub(crate) fn beat(&self) -> Beat {
        *self.beat.read()
    }

    pub(super) fn find(&self, path: &str) -> Option<Arc<Namespace>> {
        self.by_path.read().get(path).cloned()
    }

    /// Whoever had this id is not gone yet as far as the server knows: its client has come back sooner.
    pub(super) fn came(&self, socket: &Arc<Socket>) {
        let before = self.here.lock().insert(socket.id().clone(), socket.clone());
        if let Some(before) = before {
            before.peer.close(Disconnect::CLOSED);
            before.leave_all();
        }
    }

    /// What this id was given until now no longer brings it back.
    pub(super) fn void(&self, sid: &Arc<str>, now_ms: i64) {
        let mut voided = self.voided.lock();
        if voided.until_ms.insert(sid.clone(), now_ms).is_none() {
            voided.order.push_back((sid.clone(), now_ms));
        }
        while let Some(at_ms) = voided.order.front().map(|(_, at_ms)| *at_ms) {
            let old = at_ms < now_ms - limits::SOCKETIO_RECOVERY_MS;
            if !old && voided.order.len() <= limits::SOCKETIO_VOIDED {
                break;
            }
            let Some((sid, _)) = voided.order.pop_front() else { break };
            match voided.until_ms.get(&sid).copied() {
                Some(until_ms) if until_ms > at_ms => voided.order.push_back((sid, until_ms)),
                _ => {
                    voided.until_ms.remove(&sid);
                    if !old {
                        voided.forgotten_ms = voided.forgotten_ms.max(Some(at_ms));
                    }
                }
            }
        }
    }

    pub(super) fn is_void(&self, sid: &str, at_ms: i64) -> bool {
        let voided = self.voided.lock();
        [voided.until_ms.get(sid).copied(), voided.forgotten_ms].into_iter().flatten().any(|until_ms| at_ms <= until_ms)
    }

    pub(super) fn gone(&self, socket: &Arc<Socket>) {
        let mut here = self.here.lock();
        if here.get(socket.id()).is_some_and(|other| Arc::ptr_eq(other, socket)) {
            here.remove(socket.id());
        }
    }
}

impl Hub {
    /// Adds a namespace of Socket.IO, at set-up. Without one no client of Socket.IO gets in.
    ///
    /// # Panics
    /// When two have the same path.
    pub fn socketio(&self, namespace: Namespace) {
        let path = namespace.path.clone();
        let other = self.0.socketio.by_path.write().insert(path.clone(), Arc::new(namespace));
        assert!(other.is_none(), "the Socket.IO namespace {path} is declared twice");
    }

    /// Everything that clients of Socket.IO may say: each event that somebody listens to, with its namespace, in order.
    pub fn socketio_events(&self) -> Vec<(Arc<str>, &'static str)> {
        let by_path = self.0.socketio.by_path.read();
        let events = by_path.values().flat_map(|it| it.events.keys().map(|event| (it.path.clone(), *event)));
        let mut events: Vec<_> = events.collect();
        events.sort();
        events
    }

    /// Another beat for the clients of Socket.IO, at set-up.
    ///
    /// # Panics
    /// When [`Beat::is_sound`] says no.
    pub fn socketio_beat(&self, beat: Beat) {
        assert!(beat.is_sound(), "{beat:?} is no beat for clients of Socket.IO");
        *self.0.socketio.beat.write() = beat;
        self.0.members.look(beat.slots_per_second() as usize);
    }
}
