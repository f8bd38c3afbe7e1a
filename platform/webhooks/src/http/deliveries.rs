//! Deliveries, as people look at them.

use axum::Json;
use axum::extract::{Path, Query as Params, State};
use identity::Admin;
use kernel::{Problem, ProblemResult};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{Acted, InTheWay, Looked, LookedUp, Numbered};
use crate::inspect::DeliveryDetail;
use crate::replay::Replayed;
use crate::{DeliveryRow, Query, Verdict, Webhooks};

pub(super) fn routes() -> OpenApiRouter<Webhooks> {
    OpenApiRouter::new()
        .routes(routes!(list_deliveries))
        .routes(routes!(show_delivery))
        .routes(routes!(replay_delivery))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only of this source.
    source: Option<String>,
    /// Only with this verdict.
    verdict: Option<Verdict>,
    /// Only older: the `next` of the page before.
    before: Option<i64>,
    /// At most so many, 200 at the most; 50 unless said.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
struct DeliveryPage {
    items: Vec<DeliveryRow>,
    /// Where the next page begins; absent on the last.
    next: Option<String>,
}

/// Deliveries with their verdicts, newest first.
#[utoipa::path(get, path = "/api/v1/webhooks/deliveries", tag = "webhooks", params(ListParams), responses(
    (status = 200, body = DeliveryPage), Looked, Numbered))]
async fn list_deliveries(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Params(params): Params<ListParams>,
) -> ProblemResult<Json<DeliveryPage>> {
    let limit = params.limit.unwrap_or(50).clamp(1, kernel::limits::PAGE);
    let ListParams { source, verdict, before, .. } = params;
    let items = webhooks.list(Query { source, verdict, before, after: None, limit }).await?;
    let next = (items.len() == limit).then(|| items.last().map(|delivery| delivery.seq.to_string())).flatten();
    Ok(Json(DeliveryPage { items, next }))
}

/// One delivery as it came: headers, body, and what its signature was compared with.
#[utoipa::path(get, path = "/api/v1/webhooks/deliveries/{id}", tag = "webhooks", params(("id" = String, Path)), responses(
    (status = 200, body = DeliveryDetail), LookedUp))]
async fn show_delivery(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Path(id): Path<String>,
) -> ProblemResult<Json<DeliveryDetail>> {
    let detail = webhooks.inspect(id).await?;
    detail.map(Json).ok_or_else(|| Problem::not_found("There is no such delivery; old ones are removed after a while."))
}

/// Puts a delivery into the log once more; a refused one when it verifies with the secrets of now.
#[utoipa::path(post, path = "/api/v1/webhooks/deliveries/{id}/replay", tag = "webhooks", params(("id" = String, Path)), responses(
    (status = 200, body = Replayed), Acted, Numbered, InTheWay))]
async fn replay_delivery(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Path(id): Path<String>,
) -> ProblemResult<Json<Replayed>> {
    webhooks.replay(&id).await.map(Json)
}
