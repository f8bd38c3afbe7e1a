//! Batches over HTTP.

use axum::Json;
use axum::extract::{Path, Query as Params, State as Handle};
use axum::http::StatusCode;
use identity::{Admin, Key, scopes};
use kernel::{Problem, ProblemResult};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::enqueue::{JobBody, checked};
use crate::Jobs;
use crate::batches::BatchRow;

pub(super) fn routes() -> OpenApiRouter<Jobs> {
    OpenApiRouter::new().routes(routes!(list, open)).routes(routes!(show)).routes(routes!(seal)).routes(routes!(cancel))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only older than this batch.
    before: Option<i64>,
    /// At most so many, 200 at the most; 50 unless said.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
struct BatchPage {
    items: Vec<BatchRow>,
    /// Where the next page begins; absent on the last.
    next: Option<String>,
}

/// Batches, newest first.
#[utoipa::path(get, path = "/api/v1/batches", tag = "jobs", params(ListParams), responses((status = 200, body = BatchPage), (status = 400), (status = 401), (status = 403)))]
async fn list(
    _: Admin,
    Handle(jobs): Handle<Jobs>,
    Params(params): Params<ListParams>,
) -> ProblemResult<Json<BatchPage>> {
    let limit = params.limit.unwrap_or(50).clamp(1, kernel::limits::PAGE);
    let items = jobs.batches(params.before, limit).await?;
    let next = (items.len() == limit).then(|| items.last().map(|batch| batch.id.clone())).flatten();
    Ok(Json(BatchPage { items, next }))
}

/// One batch, and how far it is.
#[utoipa::path(get, path = "/api/v1/batches/{id}", tag = "jobs", params(("id" = i64, Path)), responses((status = 200, body = BatchRow), (status = 400), (status = 401), (status = 403), (status = 404)))]
async fn show(
    _: Key<scopes::JobsEnqueue>,
    Handle(jobs): Handle<Jobs>,
    Path(id): Path<i64>,
) -> ProblemResult<Json<BatchRow>> {
    Ok(Json(found(&jobs, id).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OpenBody {
    /// What people call it.
    name: String,
    /// The job that begins when the batch is sealed and all its jobs have ended, however they did.
    callback: Option<JobBody>,
    /// Its first jobs, 100 at most.
    #[serde(default)]
    jobs: Vec<JobBody>,
    /// Nothing more will come in.
    #[serde(default)]
    sealed: bool,
}

/// Opens a batch. Jobs come in by their `batch` until it is sealed.
#[utoipa::path(post, path = "/api/v1/batches", tag = "jobs", request_body = OpenBody, responses((status = 201, body = BatchRow), (status = 400), (status = 401), (status = 403), (status = 409), (status = 413), (status = 415), (status = 422)))]
async fn open(
    _: Key<scopes::JobsEnqueue>,
    Handle(jobs): Handle<Jobs>,
    Json(body): Json<OpenBody>,
) -> ProblemResult<(StatusCode, Json<BatchRow>)> {
    let callback = body.callback.map(|callback| callback.job(&jobs)).transpose()?;
    let members = if body.jobs.is_empty() { Vec::new() } else { checked(body.jobs, &jobs)? };
    let id = jobs.open_batch_with(&body.name, callback, members, body.sealed).await?;
    Ok((StatusCode::CREATED, Json(found(&jobs, id).await?)))
}

/// Says that nothing more comes in.
#[utoipa::path(post, path = "/api/v1/batches/{id}/seal", tag = "jobs", params(("id" = i64, Path)), responses((status = 200, body = BatchRow), (status = 400), (status = 401), (status = 403), (status = 404)))]
async fn seal(
    _: Key<scopes::JobsEnqueue>,
    Handle(jobs): Handle<Jobs>,
    Path(id): Path<i64>,
) -> ProblemResult<Json<BatchRow>> {
    jobs.seal_batch_now(id).await?;
    Ok(Json(found(&jobs, id).await?))
}

/// Seals a batch and calls off what has not ended of it, in bounded steps. Its callback still begins.
#[utoipa::path(post, path = "/api/v1/batches/{id}/cancel", tag = "jobs", params(("id" = i64, Path)), responses((status = 202, body = BatchRow), (status = 400), (status = 401), (status = 403), (status = 404)))]
async fn cancel(
    _: Key<scopes::JobsEnqueue>,
    Handle(jobs): Handle<Jobs>,
    Path(id): Path<i64>,
) -> ProblemResult<(StatusCode, Json<BatchRow>)> {
    jobs.cancel_batch(id).await?;
    Ok((StatusCode::ACCEPTED, Json(found(&jobs, id).await?)))
}

async fn found(jobs: &Jobs, id: i64) -> ProblemResult<BatchRow> {
    let batch = jobs.batch(id).await?;
    batch.ok_or_else(|| Problem::not_found(format!("There is no batch {id}; finished ones are removed after a while.")))
}
