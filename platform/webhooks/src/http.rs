//! `/in/{source}` for senders, `/api/v1/webhooks` for people.

use axum::extract::{Path, Query as Params, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use identity::Admin;
use kernel::{Problem, ProblemResult, RequestInfo};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ingest::Accepted;
use crate::inspect::{DeliveryDetail, SourceRow};
use crate::{DeliveryRow, Query, Verdict, Webhooks, sources};

/// The door itself. It is a router of its own, so that it can stand alone in a process.
pub fn ingress_routes(webhooks: Webhooks) -> Router {
    Router::new().route("/in/{source}", get(ready).post(ingest)).with_state(webhooks)
}

/// The routes for people.
pub fn api_routes(webhooks: Webhooks) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list_sources))
        .routes(routes!(reveal_secret))
        .routes(routes!(list_deliveries))
        .routes(routes!(show_delivery))
        .with_state(webhooks)
}

async fn ingest(
    State(webhooks): State<Webhooks>,
    Path(source): Path<String>,
    request: Request,
) -> ProblemResult<Json<Accepted>> {
    let source = sources::find(&source).ok_or_else(unknown_source)?;
    let (parts, body) = request.into_parts();
    let info = parts.extensions.get::<RequestInfo>().cloned();
    let info = info.ok_or_else(|| Problem::internal("the edge did not name the request"))?;
    webhooks.ingest(source, info, parts.headers, body).await.map(Json)
}

#[derive(Serialize, ToSchema)]
struct Ready {
    source: &'static str,
    /// What to do with this address.
    hint: &'static str,
    documentation: &'static str,
}

/// For whoever opens the address in a browser to see whether it is there.
async fn ready(Path(source): Path<String>) -> ProblemResult<Json<Ready>> {
    let source = sources::find(&source).ok_or_else(unknown_source)?;
    let hint = "Ready. Give this address to the sender as its payload URL, with this source's secret; deliveries come by POST.";
    Ok(Json(Ready { source: source.name, hint, documentation: source.documentation }))
}

fn unknown_source() -> Problem {
    let names: Vec<_> = sources::ALL.iter().map(|source| source.name).collect();
    Problem::not_found(format!("There is no such source. Known: {}.", names.join(", ")))
}

#[derive(Serialize, ToSchema)]
struct SourceList {
    items: Vec<SourceRow>,
}

/// The senders we know, with their addresses.
#[utoipa::path(get, path = "/api/v1/webhooks/sources", tag = "webhooks", responses((status = 200, body = SourceList)))]
async fn list_sources(_: Admin, State(webhooks): State<Webhooks>) -> ProblemResult<Json<SourceList>> {
    Ok(Json(SourceList { items: webhooks.sources().await? }))
}

#[derive(Serialize, ToSchema)]
struct SecretShown {
    secret: String,
}

/// Shows a source's secret, to give it to the sender.
#[utoipa::path(post, path = "/api/v1/webhooks/sources/{source}/secret", tag = "webhooks", params(("source" = String, Path)), responses((status = 200, body = SecretShown), (status = 404)))]
async fn reveal_secret(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Path(source): Path<String>,
) -> ProblemResult<Response> {
    let secret = webhooks.0.secrets.of(&source).first().ok_or_else(unknown_source)?;
    tracing::info!(source, "a source's secret was shown to an administrator");
    let shown = Json(SecretShown { secret: secret.expose().to_owned() });
    Ok(([(header::CACHE_CONTROL, "no-store")], shown).into_response())
}

#[derive(Deserialize, IntoParams)]
struct ListParams {
    /// Only of this source.
    source: Option<String>,
    /// Only with this verdict.
    verdict: Option<Verdict>,
    /// Only older than the delivery of this id: the `next` of the page before.
    before: Option<String>,
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
#[utoipa::path(get, path = "/api/v1/webhooks/deliveries", tag = "webhooks", params(ListParams), responses((status = 200, body = DeliveryPage)))]
async fn list_deliveries(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Params(params): Params<ListParams>,
) -> ProblemResult<Json<DeliveryPage>> {
    let limit = params.limit.unwrap_or(50).clamp(1, kernel::limits::PAGE);
    let ListParams { source, verdict, before, .. } = params;
    let items = webhooks.list(Query { source, verdict, before, after: None, limit }).await?;
    let next = (items.len() == limit).then(|| items.last().map(|delivery| delivery.id.clone())).flatten();
    Ok(Json(DeliveryPage { items, next }))
}

/// One delivery as it came: headers, body, and what its signature was compared with.
#[utoipa::path(get, path = "/api/v1/webhooks/deliveries/{id}", tag = "webhooks", params(("id" = String, Path)), responses((status = 200, body = DeliveryDetail), (status = 404)))]
async fn show_delivery(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Path(id): Path<String>,
) -> ProblemResult<Json<DeliveryDetail>> {
    let detail = webhooks.inspect(id).await?;
    detail.map(Json).ok_or_else(|| Problem::not_found("There is no such delivery; old ones are removed after a while."))
}
