#![doc = include_str!("../README.md")]

pub mod facts;
mod migrations;
mod page;
mod queue;
mod recorder;
mod store;
mod sweep;

use std::sync::Arc;

use ::store::Store;
use events::{Events, Registry};
use fleet::Fleet;
use kernel::{Clock, Entropy};
use realtime::Hub;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use self::migrations::MIGRATIONS;
use self::queue::Queue;

/// What of a deployment is told. What is told of channels their namespaces say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Who connects, and goes.
    pub connections: bool,
    /// Who is online, and no longer.
    pub people: bool,
    /// Whoever is back within so long was never away, milliseconds.
    pub grace_ms: i64,
}

/// What this part is made of.
pub struct Parts {
    /// The table of who is there.
    pub store: Store,
    /// The log.
    pub events: Events,
    /// Who leads, and who is dead.
    pub fleet: Fleet,
    /// Who comes and goes here.
    pub hub: Hub,
    /// The time.
    pub clock: Clock,
    /// The dice.
    pub entropy: Entropy,
    /// What is told.
    pub settings: Settings,
}

/// The account of who is connected. Clones are handles to the same one.
#[derive(Clone)]
pub struct Attendance(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) events: Events,
    pub(crate) fleet: Fleet,
    pub(crate) hub: Hub,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    /// Begins the ids of what this process tells.
    pub(crate) run: String,
    pub(crate) queue: Arc<Queue>,
    /// Somebody of this process went.
    pub(crate) gone: Notify,
}

impl Attendance {
    /// Listens to the hub from now on. Before its first connection.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, events, fleet, hub, clock, entropy, settings } = parts;
        let queue = Arc::new(Queue::new(clock.clone(), settings.connections || settings.people));
        hub.witnessed_by(queue.clone());
        let run = entropy.token(8);
        Self(Arc::new(Inner { store, events, fleet, hub, clock, settings, run, queue, gone: Notify::new() }))
    }

    /// Declares the events.
    pub fn declare(registry: &mut Registry) {
        facts::declare(registry);
    }

    /// Writes down what happens until `stop` and then what is left; while this process leads, for the dead as well.
    pub async fn run(self, stop: CancellationToken) {
        let swept = self.0.fleet.while_leading("attendance", &stop, || self.sweep());
        tokio::join!(self.record(&stop), swept);
    }
}
