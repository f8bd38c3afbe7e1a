//! One thing done to many jobs. Nothing is done unless `dry_run` is `false`.

use axum::Json;
use axum::extract::State as Handle;
use axum::http::StatusCode;
use identity::Admin;
use kernel::{Problem, ProblemResult, limits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Jobs;
use crate::bulk::{Action, Filter};

pub(super) fn routes() -> OpenApiRouter<Jobs> {
    OpenApiRouter::new().routes(routes!(redrive)).routes(routes!(cancel))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BulkBody {
    /// Which jobs; all that the action can be done to unless said.
    #[serde(default)]
    filter: Filter,
    /// Only count. `true` unless said.
    dry_run: Option<bool>,
}

#[derive(Serialize, ToSchema)]
struct BulkAnswer {
    /// How many jobs fit now; counting stops at 100,000.
    matching: u64,
    /// Whether there are more.
    more: bool,
    /// The job that does it, as text; its progress and its result say how far it is. Absent after a dry run.
    job: Option<String>,
}

async fn answer(jobs: &Jobs, action: Action, body: BulkBody) -> ProblemResult<(StatusCode, Json<BulkAnswer>)> {
    let ended = body.filter.state.is_none_or(|state| state.is_end());
    let fits = match action {
        Action::Redrive => ended,
        Action::Cancel => body.filter.state.is_none_or(|state| !state.is_end()),
    };
    if !fits {
        let detail = "Ended jobs can be run again, unfinished ones called off.";
        return Err(Problem::bad_request("filter_invalid", detail).field("/filter/state", "another state"));
    }
    let texts = [&body.filter.kind, &body.filter.queue, &body.filter.error];
    if texts.into_iter().flatten().any(|text| text.len() > limits::JOB_ERROR_BYTES) {
        return Err(Problem::bad_request("filter_invalid", "A text of the filter is too long."));
    }
    let matching = jobs.count_matching(action, body.filter.clone()).await?;
    let job = match body.dry_run.unwrap_or(true) {
        true => None,
        false => Some(jobs.enqueue_bulk_now(action, body.filter).await?.to_string()),
    };
    let status = if job.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(BulkAnswer { matching: matching.count, more: matching.more, job })))
}

/// Runs many ended jobs again, dead letters unless said, with all their attempts before them.
#[utoipa::path(post, path = "/api/v1/jobs/redrive", tag = "jobs", request_body = BulkBody, responses((status = 200, body = BulkAnswer), (status = 202, body = BulkAnswer), (status = 400), (status = 401), (status = 403), (status = 415), (status = 422)))]
async fn redrive(
    _: Admin,
    Handle(jobs): Handle<Jobs>,
    Json(body): Json<BulkBody>,
) -> ProblemResult<(StatusCode, Json<BulkAnswer>)> {
    answer(&jobs, Action::Redrive, body).await
}

/// Calls many unfinished jobs off.
#[utoipa::path(post, path = "/api/v1/jobs/cancel", tag = "jobs", request_body = BulkBody, responses((status = 200, body = BulkAnswer), (status = 202, body = BulkAnswer), (status = 400), (status = 401), (status = 403), (status = 415), (status = 422)))]
async fn cancel(
    _: Admin,
    Handle(jobs): Handle<Jobs>,
    Json(body): Json<BulkBody>,
) -> ProblemResult<(StatusCode, Json<BulkAnswer>)> {
    answer(&jobs, Action::Cancel, body).await
}
