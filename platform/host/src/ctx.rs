//! Handles to the platform.

use bus::Bus;
use events::Events;
use identity::Identity;
use jobs::Jobs;
use kernel::{Clock, Entropy, SealKey};
use mail::Mail;
use objects::Objects;
use outbound::Outbound;
use realtime::Hub;
use store::Store;

/// What a product's code gets. Cheap to clone.
#[derive(Clone)]
pub struct Ctx {
    /// Rows, in transactions.
    pub store: Store,
    /// The event log.
    pub events: Events,
    /// Durable jobs.
    pub jobs: Jobs,
    /// Channels to listeners.
    pub hub: Hub,
    /// Who there is.
    pub identity: Identity,
    /// What may be lost and is shared by all processes: how often somebody did something.
    pub bus: Bus,
    /// What is too large for rows.
    pub objects: Objects,
    /// The way out, over HTTP.
    pub outbound: Outbound,
    /// Letters to people.
    pub mail: Mail,
    /// The time.
    pub clock: Clock,
    /// The dice.
    pub entropy: Entropy,
    /// What seals secrets that are stored.
    pub key: SealKey,
}
