//! The hub: namespaces, publishing, and the opening of channels, common to all protocols.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bus::{Bus, BusError, BusResult, Position, Present, Publication, Read, Sink};
use kernel::{Clock, Entropy, limits};
use parking_lot::RwLock;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::address;
use crate::centrifuge::emulated::NODES;
use crate::channels::Channels;
use crate::codes::{Disconnect, Refused};
use crate::comings::Comings;
use crate::doorman::{Caller, Doorman};
use crate::durable::Loads;
use crate::feed::Feed;
use crate::guarded::{RIGHTS, Rechecks};
use crate::lapses::Lapses;
use crate::members::{Members, Seat};
use crate::namespace::{Access, ByToken, Namespace};
use crate::orders::{ORDERS, Orders};
use crate::people::{Asking, Rights};
use crate::portion::{self, Portion};
use crate::presence::Counts;
use crate::rpc::Handler;
use crate::shares::{PEOPLE, Shares};
use crate::socketio;
use crate::witness::Witnessing;

/// How long [`Hub::drain`] waits for the last connection, milliseconds: longer than a farewell takes.
const DRAIN_MS: u64 = 5_000;

/// How busy this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Open connections, of every protocol.
    pub connections: usize,
    /// Channels with a subscriber here.
    pub channels: usize,
    /// Subscriptions of all connections.
    pub subscriptions: usize,
}

/// The handle on everything live. Clones are the same hub.
#[derive(Clone)]
pub struct Hub(pub(crate) Arc<Core>);

pub(crate) struct Core {
    pub(crate) bus: Bus,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) doorman: Arc<dyn Doorman>,
    pub(crate) asking: Asking,
    /// The caller that most share.
    pub(crate) nobody: Arc<Caller>,
    /// The name of this process among those of the bus.
    pub(crate) node: String,
    pub(crate) channels: Channels,
    pub(crate) comings: Comings,
    pub(crate) counts: Counts,
    pub(crate) members: Arc<Members>,
    pub(crate) witnessing: Arc<Witnessing>,
    pub(crate) shares: Shares,
    pub(crate) origins: RwLock<Vec<String>>,
    namespaces: RwLock<HashMap<&'static str, Arc<Namespace>>>,
    pub(crate) loads: Loads,
    pub(crate) socketio: socketio::Namespaces,
    pub(crate) handlers: RwLock<HashMap<&'static str, Arc<dyn Handler>>>,
    pub(crate) messages: RwLock<Option<Arc<dyn Handler>>>,
    pub(crate) rechecks: Rechecks,
    pub(crate) orders: Orders,
    pub(crate) lapses: Lapses,
    /// When this hub was made, Unix milliseconds.
    pub(crate) since_ms: i64,
    connections: AtomicUsize,
    draining: AtomicBool,
    /// Publications of any channel may have been missed.
    pub(crate) doubt: Notify,
}

/// Weak, because the bus keeps its listeners for as long as it lives.
struct Ear(Weak<Core>);

impl Sink for Ear {
    fn publication(&self, channel: &str, publication: &Arc<Publication>) {
        let Some(core) = self.0.upgrade() else { return };
        match (channel.strip_prefix(NODES), channel.strip_prefix(RIGHTS)) {
            (Some(node), _) => core.told(node, &publication.data),
            (None, Some(named)) => core.rights_changed(named),
            (None, None) if channel == ORDERS => core.ordered(&publication.data),
            (None, None) => {
                let manner = core.find(channel).map(|namespace| namespace.manner);
                core.channels.publication(channel, publication, manner.unwrap_or_default());
            }
        }
    }

    fn joined(&self, channel: &str, present: &Arc<Present>) {
        if let Some(core) = self.0.upgrade() {
            match channel.strip_prefix(PEOPLE) {
                Some(person) => core.came(person),
                None => core.heard(channel, true, present),
            }
        }
    }

    fn left(&self, channel: &str, present: &Arc<Present>) {
        if let Some(core) = self.0.upgrade() {
            core.heard(channel, false, present);
        }
    }

    fn interrupted(&self) {
        if let Some(core) = self.0.upgrade() {
            core.doubt.notify_one();
            core.rechecks.interrupted();
        }
    }
}

/// What a reader that comes (or comes back) gets, and where it stands then.
pub(crate) struct Recovery {
    pub(crate) publications: Vec<Arc<Publication>>,
    pub(crate) recovered: bool,
    pub(crate) top: Position,
}

impl Hub {
    /// A hub without namespaces that listens to the bus.
    pub fn new(bus: Bus, clock: Clock, entropy: Entropy, doorman: Arc<dyn Doorman>) -> Self {
        let node = entropy.token(8);
        let witnessing = Witnessing::of(&node);
        let core = Arc::new(Core {
            since_ms: clock.now_ms(),
            clock,
            node,
            entropy,
            doorman,
            asking: Asking::default(),
            nobody: Arc::default(),
            channels: Channels::new(witnessing.clone()),
            comings: Comings::default(),
            counts: Counts::default(),
            members: Arc::new(Members::new(witnessing.clone())),
            witnessing,
            shares: Shares::default(),
            origins: RwLock::default(),
            namespaces: RwLock::default(),
            loads: Loads::default(),
            socketio: socketio::Namespaces::default(),
            handlers: RwLock::default(),
            messages: RwLock::default(),
            rechecks: Rechecks::default(),
            orders: Orders::default(),
            lapses: Lapses::default(),
            connections: AtomicUsize::new(limits::CONNECTIONS),
            draining: AtomicBool::new(false),
            doubt: Notify::new(),
            bus,
        });
        core.bus.listen(Arc::new(Ear(Arc::downgrade(&core))));
        Self(core)
    }

    /// Adds a namespace, at set-up.
    ///
    /// # Panics
    /// When two have the same name.
    pub fn namespace(&self, namespace: Namespace) {
        let name = namespace.name;
        self.0.witnessing.learn(&namespace);
        let other = self.0.namespaces.write().insert(name, Arc::new(namespace));
        assert!(other.is_none(), "the realtime namespace {name} is declared twice");
    }

    /// Lets pages of another origin (`https://app.example.com`) connect, at set-up.
    pub fn allow_origin(&self, origin: impl Into<String>) {
        self.0.origins.write().push(origin.into());
    }

    /// Bounds the connections, at set-up; `limits::CONNECTIONS` otherwise.
    pub fn connections_at_most(&self, connections: usize) {
        self.0.connections.store(connections, Ordering::Relaxed);
    }

    /// Opens a channel as a stream: everything after `since_offset` (0 is the beginning) if that is still there, else the
    /// newest `backlog` publications (at most `limits::HISTORY_READ`, and `limits::HISTORY_READ_BYTES`), and then each as it comes. It takes one of the
    /// process's connections.
    ///
    /// # Errors
    /// See [`Refused`]; it becomes a `Problem` by `?`.
    pub async fn open_stream(
        &self,
        channel: &str,
        since_offset: Option<u64>,
        backlog: usize,
        caller: &Caller,
    ) -> Result<Feed, Refused> {
        let since = since_offset.map(|offset| Position { offset, epoch: "".into() });
        self.open_since(channel, since, backlog, &Arc::new(caller.clone()), None).await
    }

    /// `rights` is the state of the rights before the caller was looked up; none where somebody else did that.
    pub(crate) async fn open_since(
        &self,
        channel: &str,
        since: Option<Position>,
        backlog: usize,
        caller: &Arc<Caller>,
        rights: Option<Rights>,
    ) -> Result<Feed, Refused> {
        let core = &self.0;
        let seat = core.seat()?;
        let namespace = core.open(channel, caller).await?;
        let (caller, opened) = &core.opened_to_reader(&namespace, channel, caller).await?;
        // Joined first and asked then: whoever loses its right in between is found by `recheck` and `ask_again`.
        let mut feed = Feed::join(core, channel, seat, caller, namespace.guard.is_some() && !opened);
        core.entered(&feed.member(), rights).await;
        core.takes_share(&feed.member()).await.map_err(|_| Refused::TooMany)?;
        let inside = *opened || core.admits(&namespace, channel, caller).await;
        if !inside && namespace.by_token == ByToken::Alone {
            return Err(Refused::Forbidden);
        }
        if !inside {
            feed.stay_outside();
        }
        let recovery = match (namespace.history_size > 0 && !feed.is_cut(), inside) {
            (false, _) => Ok(None),
            (true, true) => core.resume(channel, since, backlog).await.map(Some),
            (true, false) => core.nothing(channel, since.as_ref()).await.map(Some),
        };
        feed.settle(recovery.map_err(|error| Refused::Unavailable(Arc::new(error)))?);
        Ok(feed)
    }

    /// Subscribers of a channel in this process.
    pub fn subscribers(&self, channel: &str) -> usize {
        self.0.channels.subscribers(channel)
    }

    /// Of those, the sockets, and the streams ([`Feed`]s) of every kind.
    pub fn subscribers_by_kind(&self, channel: &str) -> (usize, usize) {
        self.0.channels.by_kind(channel)
    }

    /// How busy this process is.
    pub fn stats(&self) -> Stats {
        let (channels, subscriptions) = self.0.channels.totals();
        Stats { connections: self.0.members.seated(), channels, subscriptions }
    }

    /// Ticks once a second until `stop`, or more often where [`Hub::socketio_beat`] wants that. Without it nobody is pinged, and no
    /// connection closed that is stale or past its end.
    pub async fn run(&self, stop: CancellationToken) {
        let per_second = self.0.socketio.beat().slots_per_second();
        let mut slot = tokio::time::interval(Duration::from_secs(1) / per_second);
        // A second that was missed is made up for: each belongs to other connections. What is shorter only comes later, so that a moment
        // without the processor takes from nobody the time to answer.
        if per_second > 1 {
            slot.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let ticking = async {
            for number in (0..per_second).cycle() {
                if stop.run_until_cancelled(slot.tick()).await.is_none() {
                    return;
                }
                if number == 0 {
                    self.second();
                }
                self.0.members.tick(&self.0.entropy);
            }
        };
        let core = &self.0;
        tokio::join!(
            ticking,
            stop.run_until_cancelled(core.catch_up()),
            stop.run_until_cancelled(core.ask_the_unanswered()),
            stop.run_until_cancelled(core.recheck_the_named()),
            stop.run_until_cancelled(core.recheck_again()),
            stop.run_until_cancelled(core.tell_the_comings()),
            stop.run_until_cancelled(core.follow_orders()),
            stop.run_until_cancelled(core.keep_the_shares()),
        );
    }

    /// One second has passed, as in [`Hub::run`]: for tests.
    pub fn tick(&self) {
        self.second();
        for _ in 0..self.0.socketio.beat().slots_per_second() {
            self.0.members.tick(&self.0.entropy);
        }
    }

    fn second(&self) {
        self.0.members.second(self.0.clock.now_ms());
        self.0.lapse(self.0.clock.now_ms());
        self.0.asking.tick();
        self.0.rechecks.tick(self.0.bus.health().up, self.0.clock.now_ms());
        self.0.tell_comings();
        self.0.close_rooms();
        self.0.bus.sweep();
        metrics::gauge!("realtime_subscriptions").set(self.stats().subscriptions as f64);
    }

    /// Lets nobody in any more, closes every connection within `window` with 3001 so that clients come back elsewhere, and waits
    /// for them to end: 5 s more at most.
    pub async fn drain(&self, window: Duration) {
        self.0.draining.store(true, Ordering::SeqCst);
        self.0.members.close_all(Disconnect::SHUTDOWN, window).await;
        let left = tokio::time::timeout(Duration::from_millis(DRAIN_MS), self.0.members.all_left()).await;
        if left.is_err() {
            tracing::warn!(connections = self.0.members.seated(), "connections did not end in time and are cut");
        }
    }
}

impl Core {
    /// A place for one more connection.
    pub(crate) fn seat(&self) -> Result<Seat, Refused> {
        let bound = if self.is_draining() { 0 } else { self.connections.load(Ordering::Relaxed) };
        // Those who are sent away together must not come back together.
        let retry_after_s = || 2 + self.entropy.below(9) as u32;
        if !self.members.arrives(limits::ARRIVALS_PER_S) {
            return Err(Refused::Crowded { retry_after_s: retry_after_s() });
        }
        let seat = self.members.seat(bound).ok_or_else(|| Refused::Full { retry_after_s: retry_after_s() })?;
        seat.of(address::of_request()).ok_or(Refused::TooManyThere)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    pub(crate) fn find(&self, channel: &str) -> Option<Arc<Namespace>> {
        let (name, rest) = channel.split_once(':')?;
        if rest.is_empty() { None } else { self.namespaces.read().get(name).cloned() }
    }

    /// Whether this caller may read the channel; its stream is in the bus then.
    pub(crate) async fn open(&self, channel: &str, caller: &Caller) -> Result<Arc<Namespace>, Refused> {
        if channel.len() > limits::CHANNEL_BYTES {
            return Err(Refused::NameTooLong);
        }
        let namespace = self.find(channel).ok_or(Refused::UnknownChannel)?;
        match namespace.access {
            Access::Admin if !caller.admin => return Err(Refused::Forbidden),
            Access::Admin | Access::Public => {}
        }
        match self.loads.ensure(&self.bus, &namespace, channel).await {
            Ok(true) => Ok(namespace),
            Ok(false) => Err(Refused::UnknownChannel),
            Err(error) => {
                tracing::warn!(%error, namespace = namespace.name, "a durable stream could not be loaded");
                Err(Refused::Unavailable(error))
            }
        }
    }

    /// What came after `since`: all of it, or nothing where that is more than one answer carries. Without `since`, the position only.
    pub(crate) async fn recover(&self, channel: &str, since: Option<Position>) -> BusResult<Recovery> {
        let nothing = |top| Recovery { publications: Vec::new(), recovered: false, top };
        let Some(since) = since else {
            return Ok(nothing(self.bus.history(channel, Read::TOP).await?.top));
        };
        let offset = since.offset;
        let history = match self.bus.history(channel, Read::after(since, limits::HISTORY_READ)).await {
            Err(BusError::Unrecoverable { top }) => return Ok(nothing(top)),
            history => history?,
        };
        let whole = match (history.publications.first(), history.publications.last()) {
            (Some(first), Some(last)) => first.offset == offset + 1 && last.offset == history.top.offset,
            _ => history.top.offset == offset,
        };
        if !whole || !Portion::whole().has_room(&history.publications) {
            return Ok(nothing(history.top));
        }
        Ok(Recovery { publications: history.publications, recovered: true, top: history.top })
    }

    /// As [`Core::recover`], with the newest `backlog` publications where that does not succeed.
    async fn resume(&self, channel: &str, since: Option<Position>, backlog: usize) -> BusResult<Recovery> {
        let recovery = self.recover(channel, since).await?;
        if recovery.recovered || backlog == 0 {
            return Ok(recovery);
        }
        let history = self.bus.history(channel, Read::newest(backlog.min(limits::HISTORY_READ))).await?;
        let (mut publications, top) = (history.publications, history.top);
        portion::cut(&mut publications);
        publications.reverse();
        Ok(Recovery { publications, recovered: false, top })
    }
}
