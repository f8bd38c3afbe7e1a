#![doc = include_str!("../README.md")]

mod deliver;
mod fanout;
mod http;
mod migrations;
mod owner;
mod pace;
mod reading;
mod recover;
mod signing;
pub mod state;
mod store;
mod told;

use std::sync::{Arc, Weak};

use ::store::{Store, StoreError};
use events::{Events, Registry};
use jobs::{Handler, Jobs, Kind, QueuePolicy};
use kernel::{Clock, Entropy, SealKey, limits};
use outbound::Outbound;
use tokio::sync::watch;

pub use self::http::routes;
pub use self::migrations::MIGRATIONS;
pub use self::owner::{EndpointError, NewEndpoint, Patch};
pub use self::reading::{AttemptRow, EndpointRow, MessageRow, Query};
pub use self::recover::Plan;
pub use self::signing::Signature;

/// Outgoing webhooks of this process. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Endpoints(pub(crate) Arc<Desk>);

pub(crate) struct Desk {
    pub(crate) parts: Parts,
    pub(crate) changes: watch::Sender<u64>,
}

impl std::ops::Deref for Desk {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// What endpoints stand on.
pub struct Parts {
    /// Their rows.
    pub store: Store,
    /// Their deliveries.
    pub jobs: Jobs,
    /// What they get.
    pub events: Events,
    /// The way out.
    pub outbound: Outbound,
    /// The time.
    pub clock: Clock,
    /// The dice.
    pub entropy: Entropy,
    /// What seals their secrets.
    pub key: SealKey,
    /// What the operator says.
    pub settings: Settings,
}

/// What an operator says about endpoints.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// An endpoint at which every attempt failed for so long is disabled, milliseconds; its owner is warned at half of it.
    pub disable_after_ms: i64,
}

/// What the other processes are told when an endpoint or a message was changed.
const TOPIC: &str = "endpoints";

/// Passes on what other processes tell, for as long as this desk and its store are there.
async fn hear(desk: Weak<Desk>, mut told: watch::Receiver<u64>) {
    while told.changed().await.is_ok() {
        let Some(desk) = desk.upgrade() else { return };
        desk.changes.send_modify(|count| *count += 1);
    }
}

impl Endpoints {
    /// Over what they stand on.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Desk { parts, changes: watch::channel(0).0 }))
    }

    /// Declares the event types and the stream of this part.
    pub fn declare(registry: &mut Registry) {
        registry.reserve(told::SOURCE);
        registry.event::<told::Failing>();
        registry.event::<told::Disabled>();
        registry.event::<told::Test>();
        registry.stream(fanout::STREAM);
    }

    /// Starts looking at the log; the kinds of job to serve, with their handlers.
    pub fn start(&self) -> Vec<(Kind, Handler)> {
        // A slow endpoint has its share of the queue, and the others have theirs.
        let policy = QueuePolicy { key_concurrency: Some(limits::ENDPOINT_CONCURRENCY), ..QueuePolicy::default() };
        self.0.jobs.declare(deliver::DELIVER.queue, policy);
        fanout::serve(self);
        tokio::spawn(hear(Arc::downgrade(&self.0), self.0.store.told(TOPIC)));
        vec![(deliver::DELIVER, deliver::handler(self)), (recover::RECOVER, recover::handler(self))]
    }

    /// Told whenever a process changed an endpoint or a message: a number that grows.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// A change of this process is committed.
    pub(crate) fn changed(&self) {
        self.0.store.tell(TOPIC);
        self.0.changes.send_modify(|count| *count += 1);
    }

    /// Removes ended messages older than `keep_ms` and those of removed endpoints, at most a batch; how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prune(&self, keep_ms: i64) -> Result<u64, StoreError> {
        let (before_ms, batch) = (self.0.clock.now_ms() - keep_ms, limits::JOB_PROMOTE_BATCH as i64);
        self.0.store.write_relaxed(async move |tx| self::store::messages::prune(tx, before_ms, batch).await).await
    }
}
