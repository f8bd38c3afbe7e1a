//! Replays of a range.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use identity::Admin;
use kernel::{Problem, ProblemResult};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{Acted, InTheWay, Looked, LookedUp, Numbered, Written};
use crate::Webhooks;
use crate::replay::Plan;
use crate::store::replays::{ReplayRow, Selection};

pub(super) fn routes() -> OpenApiRouter<Webhooks> {
    OpenApiRouter::new()
        .routes(routes!(begin_replay, list_replays))
        .routes(routes!(show_replay))
        .routes(routes!(cancel_replay))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewReplay {
    selection: Selection,
    /// Whether to count alone, which is the default: nothing is replayed before `false` is said.
    #[serde(default = "yes")]
    dry_run: bool,
}

fn yes() -> bool {
    true
}

#[derive(Serialize, ToSchema)]
struct ReplayList {
    items: Vec<ReplayRow>,
}

/// Counts the deliveries that a replay would repeat, or begins it as a job.
#[utoipa::path(post, path = "/api/v1/webhooks/replays", tag = "webhooks", request_body = NewReplay, responses(
    (status = 200, description = "What it would do", body = Plan),
    (status = 202, description = "Begun", body = ReplayRow), Written, InTheWay))]
async fn begin_replay(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Json(new): Json<NewReplay>,
) -> ProblemResult<Response> {
    if new.dry_run {
        return Ok(Json(webhooks.plan(new.selection).await?).into_response());
    }
    let replay = webhooks.replay_range(new.selection).await?;
    Ok((StatusCode::ACCEPTED, Json(replay)).into_response())
}

/// The newest replays.
#[utoipa::path(get, path = "/api/v1/webhooks/replays", tag = "webhooks", responses((status = 200, body = ReplayList), Looked))]
async fn list_replays(_: Admin, State(webhooks): State<Webhooks>) -> ProblemResult<Json<ReplayList>> {
    Ok(Json(ReplayList { items: webhooks.replays().await? }))
}

/// How far a replay is.
#[utoipa::path(get, path = "/api/v1/webhooks/replays/{id}", tag = "webhooks", params(("id" = i64, Path)), responses(
    (status = 200, body = ReplayRow), LookedUp, Numbered))]
async fn show_replay(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Path(id): Path<i64>,
) -> ProblemResult<Json<ReplayRow>> {
    webhooks.replay_state(id).await?.map(Json).ok_or_else(|| Problem::not_found("There is no such replay."))
}

/// Ends a replay; what is replayed stays.
#[utoipa::path(post, path = "/api/v1/webhooks/replays/{id}/cancel", tag = "webhooks", params(("id" = i64, Path)), responses(
    (status = 204), Acted, Numbered, InTheWay))]
async fn cancel_replay(_: Admin, State(webhooks): State<Webhooks>, Path(id): Path<i64>) -> ProblemResult<StatusCode> {
    if webhooks.cancel_replay(id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::conflict("not_running", "This replay is not running."))
}
