//! How the whole thing is, on one page and as metrics.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use fleet::{Fleet, Instance};
use host::Ctx;
use identity::{Admin, Caller};
use kernel::{Problem, ProblemResult};
use serde::Serialize;
use store::{Store, StoreError};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use webhooks::Webhooks;

use crate::config::MetricsFor;
use crate::edge::Peer;
use crate::health::{Check, Health};
use crate::process::{self, Process};
use crate::telemetry::Telemetry;

/// Knows how everything is. Clones are handles.
#[derive(Clone)]
pub(crate) struct Overview {
    ctx: Ctx,
    fleet: Fleet,
    webhooks: Webhooks,
    health: Health,
    instance: String,
    started_at_ms: i64,
}

/// How everything is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Now {
    version: &'static str,
    /// `{host}/{process}`.
    instance: String,
    started_at_ms: i64,
    now_ms: i64,
    uptime_s: i64,
    ready: bool,
    checks: Vec<Check>,
    #[schema(value_type = Object)]
    store: store::Stats,
    webhooks: webhooks::Totals,
    events: EventsNow,
    jobs: jobs::Counts,
    #[schema(value_type = Object)]
    realtime: realtime::Stats,
    process: Process,
}

#[derive(Serialize, ToSchema)]
struct EventsNow {
    latest_position: i64,
}

impl Overview {
    pub(crate) fn new(ctx: Ctx, fleet: Fleet, webhooks: Webhooks, health: Health, instance: String) -> Self {
        let started_at_ms = ctx.clock.now_ms();
        Self { ctx, fleet, webhooks, health, instance, started_at_ms }
    }

    pub(crate) async fn now(&self) -> Result<Now, StoreError> {
        let now_ms = self.ctx.clock.now_ms();
        Ok(Now {
            version: env!("CARGO_PKG_VERSION"),
            instance: self.instance.clone(),
            started_at_ms: self.started_at_ms,
            now_ms,
            uptime_s: (now_ms - self.started_at_ms) / 1000,
            ready: self.health.ready(),
            checks: self.health.checks(),
            store: self.ctx.store.stats(),
            webhooks: self.webhooks.totals(),
            events: EventsNow { latest_position: self.ctx.events.latest().await? },
            jobs: self.ctx.jobs.counts().await?,
            realtime: self.ctx.hub.stats(),
            process: process::now(),
        })
    }
}

pub(crate) fn routes(overview: Overview) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(instances)).with_state(overview)
}

/// The processes on the same database; the embedded engine has one.
#[derive(Serialize, ToSchema)]
struct Instances {
    items: Vec<Instance>,
}

/// Which processes there are, what they do, and what each leads in.
#[utoipa::path(get, path = "/api/v1/instances", tag = "ops",
    responses((status = 200, body = Instances), (status = 401), (status = 503)))]
async fn instances(_: Admin, State(overview): State<Overview>) -> ProblemResult<Json<Instances>> {
    Ok(Json(Instances { items: overview.fleet.instances().await? }))
}

/// How everything is.
#[utoipa::path(get, path = "/api/v1/overview", tag = "ops", responses((status = 200, body = Now), (status = 401)))]
async fn show(_: Admin, State(overview): State<Overview>) -> ProblemResult<Json<Now>> {
    Ok(Json(overview.now().await?))
}

pub(crate) fn metrics_route(telemetry: Telemetry, readers: MetricsFor, store: Store) -> Router {
    Router::new().route("/metrics", get(render)).with_state((telemetry, readers, store))
}

async fn render(
    State((telemetry, readers, store)): State<(Telemetry, MetricsFor, Store)>,
    headers: HeaderMap,
    request: Request,
) -> ProblemResult<Response> {
    let admin = request.extensions().get::<Caller>() == Some(&Caller::Admin);
    // A proxy on this machine connects from loopback for everybody, and says so.
    let forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded");
    let local = request.extensions().get::<Peer>().is_some_and(|peer| peer.0.ip().is_loopback()) && !forwarded;
    if !(readers == MetricsFor::Anyone || admin || local) {
        return Err(Problem::forbidden("Metrics are for this machine only; the setting ops.metrics opens them."));
    }
    let text = telemetry.figures(&store);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}
