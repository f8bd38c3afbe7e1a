//! Every route there is, and what stands before all of them.

use axum::Router;
use axum::middleware::from_fn_with_state;
use guard::Guard;
use host::Product;

use crate::config::Config;
use crate::telemetry::{Telemetry, level};
use crate::wiring::Machine;
use crate::{edge, health, openapi, overview, pages};

pub(crate) fn router(config: &Config, products: &[Product], telemetry: &Telemetry, machine: &Machine) -> Router {
    let ctx = &machine.ctx;
    let api = openapi::Api::new()
        .with(identity::routes(machine.identity.clone()))
        .with(guard::routes(machine.guard.clone()))
        .with(overview::routes(machine.overview.clone()))
        .with(slo::routes(machine.slo.clone()))
        .with(level::routes(machine.level.clone()))
        .with(webhooks::ingress_routes(machine.webhooks.clone()))
        .with(webhooks::api_routes(machine.webhooks.clone()))
        .with(endpoints::routes(machine.endpoints.clone()))
        .with(events::routes(ctx.events.clone()))
        .with(jobs::routes(ctx.jobs.clone()))
        .with(schedules::routes(machine.schedules.clone()));
    let api = products.iter().fold(api, |api, product| api.with(product.router(ctx)));
    let router = api
        .router()
        .merge(ctx.hub.routes())
        .merge(health::routes(machine.health.clone()))
        .merge(overview::metrics_route(telemetry.recorder.clone(), config.ops.metrics, ctx.store.clone()))
        .merge(pages::routes(products))
        .fallback(pages::nothing_here);
    let edge = edge::Edge {
        clock: ctx.clock.clone(),
        entropy: ctx.entropy.clone(),
        identity: machine.identity.clone(),
        trusted_proxies: config.server.trusted_proxies.as_slice().into(),
    };
    // The last one added is the first that a request meets.
    router.layer(from_fn_with_state(machine.guard.clone(), Guard::handle)).layer(from_fn_with_state(edge, edge::handle))
}
