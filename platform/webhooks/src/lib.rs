#![doc = include_str!("../README.md")]

mod body;
mod http;
mod ingest;
mod inspect;
mod secrets;
mod source;
pub mod sources;
mod store;
mod verify;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use ::store::{Store, StoreError};
use events::Events;
use kernel::{Clock, Entropy, limits};

pub use self::http::{api_routes, ingress_routes};
pub use self::secrets::{Origin, Secrets, SecretsError};
pub use self::source::{Scheme, Source};
pub use self::store::{DeliveryRow, MIGRATIONS, Query, Verdict};
pub use self::verify::{Unverified, sign, verify};

/// The door for webhooks. Clones are handles to the same one.
#[derive(Clone)]
pub struct Webhooks(pub(crate) Arc<Door>);

pub(crate) struct Door {
    pub(crate) store: Store,
    pub(crate) events: Events,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) secrets: Secrets,
    pub(crate) bodies: body::Bodies,
    /// The second in which refusals were last written, and how many.
    pub(crate) refused: AtomicI64,
    /// Deliveries since the start, a count a verdict.
    pub(crate) totals: [AtomicU64; 3],
}

/// Deliveries of this process since its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct Totals {
    /// In the log.
    pub accepted_total: u64,
    /// In the log already.
    pub duplicate_total: u64,
    /// Refused.
    pub rejected_total: u64,
}

impl Webhooks {
    /// Over a store, an event log and the sources' secrets.
    pub fn new(store: Store, events: Events, clock: Clock, entropy: Entropy, secrets: Secrets) -> Self {
        let (bodies, refused) = (body::Bodies::new(), AtomicI64::new(0));
        let totals = Default::default();
        Self(Arc::new(Door { store, events, clock, entropy, secrets, bodies, refused, totals }))
    }

    /// Deliveries since the start.
    pub fn totals(&self) -> Totals {
        let [accepted_total, duplicate_total, rejected_total] =
            [Verdict::Accepted, Verdict::Duplicate, Verdict::Rejected]
                .map(|v| self.0.totals[v as usize].load(Ordering::Relaxed));
        Totals { accepted_total, duplicate_total, rejected_total }
    }

    pub(crate) fn count(&self, source: &'static str, verdict: Verdict) {
        self.0.totals[verdict as usize].fetch_add(1, Ordering::Relaxed);
        metrics::counter!("webhook_ingest_total", "source" => source, "result" => verdict.word()).increment(1);
    }

    /// Declares the event types of every source: whatever the sender sends is kept, as long as it is an object.
    pub fn declare(registry: &mut events::Registry) {
        registry.family(events::Filter("github.*"), serde_json::json!({ "type": "object" }));
    }

    /// Deliveries as people look at them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, query: Query) -> Result<Vec<DeliveryRow>, StoreError> {
        self.0.store.read(async move |tx| self::store::list(tx, &query).await).await
    }

    /// Removes deliveries older than `keep_ms`, and refusals beyond [`limits::REJECTED_KEPT`]; how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prune(&self, keep_ms: i64) -> Result<u64, StoreError> {
        let (before_ms, batch) = (self.0.clock.now_ms() - keep_ms, limits::JOB_PROMOTE_BATCH as i64);
        self.0.store.write_relaxed(async move |tx| self::store::prune(tx, before_ms, batch).await).await
    }
}
