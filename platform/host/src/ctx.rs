//! Handles to the platform.

use events::Events;
use jobs::Jobs;
use kernel::{Clock, Entropy};
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
    /// The time.
    pub clock: Clock,
    /// The dice.
    pub entropy: Entropy,
}
