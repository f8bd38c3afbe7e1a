#![doc = include_str!("../README.md")]

mod answer;
mod atom;
mod body;
mod crypto;
mod custom;
mod directory;
mod drain;
#[cfg(fuzzing)]
pub mod fuzzing;
mod hint;
mod http;
mod hub;
mod ingest;
mod inspect;
mod lease;
mod manage;
mod naming;
mod outside;
mod payload;
mod pending;
mod published;
mod rate;
mod refusal;
mod replay;
mod sample;
pub mod scheme;
mod selftest;
mod sign;
mod source;
pub mod sources;
mod spool;
mod store;
mod template;
mod time;
mod verify;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use ::store::{Store, StoreError};
use events::Events;
use jobs::Jobs;
use kernel::{Clock, Entropy, limits};

pub use self::directory::{Sources, SourcesError};
pub use self::http::{api_routes, ingress_routes};
pub use self::inspect::SourceRow;
pub use self::sample::Stand;
pub use self::selftest::selftest;
pub use self::sign::{Draft, sign};
pub use self::store::MIGRATIONS;
pub use self::store::deliveries::{DeliveryRow, Query, Verdict};
pub use self::store::replays::Selection;
pub use self::verify::{Message, verify};

/// The door for webhooks. Clones are handles to the same one.
#[derive(Clone)]
pub struct Webhooks(pub(crate) Arc<Door>);

pub(crate) struct Door {
    pub(crate) store: Store,
    pub(crate) events: Events,
    pub(crate) jobs: Jobs,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) sources: Sources,
    pub(crate) bodies: body::Bodies,
    pub(crate) spool: OnceLock<spool::Spool>,
    pub(crate) outside: OnceLock<outside::Outside>,
    pub(crate) asked: published::Asked,
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

/// How long a secret is remembered after its end, so that its use can be told from a forgery.
const ENDED_SECRETS_MS: i64 = 30 * 86_400_000;

impl Webhooks {
    /// Over a store, an event log, its jobs, and the sources.
    pub fn new(store: Store, events: Events, jobs: Jobs, clock: Clock, entropy: Entropy, sources: Sources) -> Self {
        let (bodies, spool, refused) = (body::Bodies::new(), OnceLock::new(), AtomicI64::new(0));
        let (outside, asked, totals) = Default::default();
        let door =
            Door { store, events, jobs, clock, entropy, sources, bodies, spool, outside, asked, refused, totals };
        Self(Arc::new(door))
    }

    /// Lets deliveries of senders that do not come again wait in a file of this directory while the store is away.
    /// [`Webhooks::run`] empties it.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn spool_in(self, dir: &Path) -> std::io::Result<Self> {
        let spool = spool::Spool::open(dir)?;
        let _ = self.0.spool.set(spool);
        Ok(self)
    }

    /// Deliveries since the start.
    pub fn totals(&self) -> Totals {
        let [accepted_total, duplicate_total, rejected_total] =
            [Verdict::Accepted, Verdict::Duplicate, Verdict::Rejected]
                .map(|v| self.0.totals[v as usize].load(Ordering::Relaxed));
        Totals { accepted_total, duplicate_total, rejected_total }
    }

    pub(crate) fn count(&self, source: &str, verdict: Verdict) {
        self.0.totals[verdict as usize].fetch_add(1, Ordering::Relaxed);
        metrics::counter!("webhook_ingest_total", "source" => source.to_owned(), "result" => verdict.word())
            .increment(1);
    }

    /// Declares the event types of every sender: whatever it sends is kept, as long as it is an object.
    pub fn declare(registry: &mut events::Registry) {
        registry.reserve("/in");
        let families: BTreeSet<_> = sources::ALL.iter().map(|sender| sender.family).collect();
        for family in families {
            registry.family(events::Filter(family), serde_json::json!({ "type": "object" }));
        }
    }

    /// Deliveries as people look at them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, query: Query) -> Result<Vec<DeliveryRow>, StoreError> {
        self.0.store.read_lagging(async move |tx| self::store::deliveries::list(tx, &query).await).await
    }

    /// Removes deliveries older than `keep_ms`, refusals beyond [`limits::REJECTED_KEPT`], and secrets that ended long ago; how
    /// many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prune(&self, keep_ms: i64) -> Result<u64, StoreError> {
        let now_ms = self.0.clock.now_ms();
        let (before_ms, batch) = (now_ms - keep_ms, limits::JOB_PROMOTE_BATCH as i64);
        self.0
            .store
            .write_relaxed(async move |tx| {
                let secrets = self::store::sources::prune_keys(tx, now_ms - ENDED_SECRETS_MS).await?;
                Ok(secrets + self::store::deliveries::prune(tx, before_ms, batch).await?)
            })
            .await
    }
}
