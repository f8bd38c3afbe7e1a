//! Probes. Dependencies are looked at in the background; a probe only reads what was found.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use bus::Bus;
use kernel::{Clock, limits};
use parking_lot::Mutex;
use serde::Serialize;
use store::{OldTransaction, Store};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;

use crate::edge::Whole;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);
/// A look that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(1);
/// Looks that must fail before readiness goes: one slow answer must not empty the balancer.
const STRIKES: u32 = 3;
/// The runtime is stuck when its own beat is older than this.
const BEAT_MS: i64 = 15_000;

/// One dependency.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Check {
    pub(crate) name: &'static str,
    pub(crate) ok: bool,
    pub(crate) detail: String,
}

#[derive(Clone)]
pub(crate) struct Health(Arc<Inner>);

struct Inner {
    store: Store,
    bus: Bus,
    clock: Clock,
    min_free_bytes: u64,
    draining: AtomicBool,
    beat_ms: AtomicI64,
    found: Mutex<(u32, Check)>,
}

impl Health {
    pub(crate) fn new(store: Store, bus: Bus, clock: Clock, min_free_mb: u64) -> Self {
        let beat_ms = AtomicI64::new(clock.now_ms());
        let found = Mutex::new((0, Check { name: "store", ok: true, detail: "opened".into() }));
        let min_free_bytes = min_free_mb.saturating_mul(1024 * 1024);
        Self(Arc::new(Inner { store, bus, clock, min_free_bytes, draining: AtomicBool::new(false), beat_ms, found }))
    }

    pub(crate) fn drain(&self) {
        self.0.draining.store(true, Ordering::Release);
    }

    pub(crate) fn checks(&self) -> Vec<Check> {
        let draining = self.0.draining.load(Ordering::Acquire);
        let open =
            Check { name: "door", ok: !draining, detail: if draining { "shutting down" } else { "open" }.into() };
        let checks = [self.0.found.lock().1.clone(), open, self.bus()];
        checks.into_iter().chain(self.replica()).collect()
    }

    /// Without a shared bus each process goes on alone: to be looked at, and no reason to send people away.
    fn bus(&self) -> Check {
        let bus = self.0.bus.health();
        let detail = match (bus.up, bus.processes) {
            (true, 1) => "this process alone".into(),
            (true, processes) => format!("{processes} processes"),
            (false, _) => "Redis is away: this process goes on alone".into(),
        };
        Check { name: "bus", ok: bus.up, detail }
    }

    /// Without it the primary answers everything: to be looked at too.
    fn replica(&self) -> Option<Check> {
        let is = self.0.store.stats().replica?;
        let detail = match is.why {
            None => format!("answers reads that may lag; {} ms behind, {} bytes of log", is.lag_ms, is.lag_bytes),
            Some(why) => format!("the primary answers everything: {why}"),
        };
        Some(Check { name: "replica", ok: is.up, detail })
    }

    pub(crate) fn ready(&self) -> bool {
        self.checks().iter().all(|check| check.ok || matches!(check.name, "bus" | "replica"))
    }

    /// Looks until told to stop.
    pub(crate) async fn watch(self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            self.look().await;
        }
    }

    fn well(&self, oldest: Option<&OldTransaction>) -> String {
        let stats = self.0.store.stats();
        let promise = match stats.durability {
            store::Durability::Full => "full: what is acknowledged survives power loss",
            store::Durability::Normal => "normal: a power cut takes the last second or so",
        };
        let free = stats.free_bytes.map(|bytes| format!("; {} MiB free", bytes / (1024 * 1024)));
        let pool = (stats.connections_most > 0).then(|| {
            let (open, most) = (stats.connections, stats.connections_most);
            format!(
                "; {open} of {most} connections open, {} writes and {} reads wait",
                stats.waiting_writes, stats.waiting_reads
            )
        });
        let old = oldest.map(|OldTransaction { pid, age_s, program }| {
            format!("; a transaction (pid {pid}, {program:?}) has been open for {age_s} s: rows that died since then stay in the tables")
        });
        let [free, pool, old] = [free, pool, old].map(Option::unwrap_or_default);
        format!("answers; durability {promise}{free}{pool}{old}")
    }

    async fn look(&self) {
        self.0.beat_ms.store(self.0.clock.now_ms(), Ordering::Release);
        let asked = self.0.store.probe(self.0.min_free_bytes);
        let detail = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(kernel::problem::chain(&error)),
            Err(_) => Some(format!("no answer within {} ms", PATIENCE.as_millis())),
        };
        // Whoever may not see others' transactions sees none.
        let oldest = match &detail {
            None => tokio::time::timeout(PATIENCE, self.0.store.oldest_transaction()).await,
            Some(_) => Ok(Ok(None)),
        };
        let oldest = oldest.ok().and_then(Result::ok).flatten();
        let oldest = oldest.filter(|oldest| oldest.age_s > limits::STORE_OLD_TRANSACTION_S);
        let mut found = self.0.found.lock();
        found.0 = if detail.is_some() { found.0 + 1 } else { 0 };
        let ok = found.0 < STRIKES;
        if ok != found.1.ok {
            tracing::warn!(ready = ok, detail, "readiness changed");
        }
        found.1 = Check { name: "store", ok, detail: detail.unwrap_or_else(|| self.well(oldest.as_ref())) };
    }
}

pub(crate) fn routes(health: Health) -> Router {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
        .route("/startupz", get(ready))
        .route("/healthz", get(detail))
        .with_state(health)
}

async fn live(State(health): State<Health>) -> Response {
    let age_ms = health.0.clock.now_ms() - health.0.beat_ms.load(Ordering::Acquire);
    probe(age_ms < BEAT_MS)
}

async fn ready(State(health): State<Health>) -> Response {
    probe(health.ready())
}

fn probe(ok: bool) -> Response {
    if ok { "ok\n".into_response() } else { unavailable("unavailable\n") }
}

fn unavailable(body: impl IntoResponse) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, Extension(Whole), body).into_response()
}

async fn detail(State(health): State<Health>) -> Response {
    let (checks, ok) = (health.checks(), health.ready());
    let body = Json(serde_json::json!({ "status": if ok { "ok" } else { "unavailable" }, "checks": checks }));
    if ok { body.into_response() } else { unavailable(body) }
}
