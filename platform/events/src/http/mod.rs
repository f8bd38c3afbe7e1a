//! `/api/v1/events` and `/api/v1/subscriptions`: the log, for producers, for consumers and for the console.

mod binding;
mod declared;
mod log;
mod publish;
mod replays;
mod subscriptions;
mod tail;

use axum::extract::DefaultBodyLimit;
use kernel::limits;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Events;

/// `application/cloudevents+json`.
const STRUCTURED: &str = "application/cloudevents+json";
/// `application/cloudevents-batch+json`.
const BATCH: &str = "application/cloudevents-batch+json";

/// The events of a request, for the fuzz targets.
#[cfg(fuzzing)]
pub(crate) fn read(
    headers: &axum::http::HeaderMap,
    body: &[u8],
) -> Result<Vec<crate::cloud_event::Incoming>, kernel::Problem> {
    Ok(binding::read(headers, body)?.into_iter().map(|(_, incoming)| incoming).collect())
}

/// The routes of this part.
pub fn routes(events: Events) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(log::list, publish::publish))
        .routes(routes!(tail::tail))
        .routes(routes!(log::show))
        .routes(routes!(replays::begin))
        .routes(routes!(replays::list))
        .routes(routes!(replays::show))
        .routes(routes!(replays::cancel))
        .routes(routes!(declared::list))
        .routes(routes!(declared::document))
        .routes(routes!(subscriptions::list))
        .routes(routes!(subscriptions::pause))
        .routes(routes!(subscriptions::resume))
        .routes(routes!(subscriptions::parked))
        .routes(routes!(subscriptions::retry_all))
        .routes(routes!(subscriptions::retry))
        .routes(routes!(subscriptions::discard))
        .routes(routes!(subscriptions::retention))
        .layer(DefaultBodyLimit::max(limits::API_BODY_BYTES))
        .with_state(events)
}
