//! `/in/{source}` for senders, `/api/v1/webhooks` for people.

mod answers;
mod deliveries;
mod door;
mod replays;
mod sources;

use utoipa_axum::router::OpenApiRouter;

use crate::Webhooks;

/// The door itself. It is a router of its own, so that it can stand alone in a process.
pub fn ingress_routes(webhooks: Webhooks) -> OpenApiRouter {
    OpenApiRouter::with_openapi(answers::document()).merge(door::routes()).with_state(webhooks)
}

/// The routes for people.
pub fn api_routes(webhooks: Webhooks) -> OpenApiRouter {
    OpenApiRouter::with_openapi(answers::document())
        .merge(sources::routes())
        .merge(deliveries::routes())
        .merge(replays::routes())
        .with_state(webhooks)
}
