//! Queues and kinds: what waits, what may run, what is paused.

use axum::Json;
use axum::extract::{Path, State as Handle};
use axum::http::StatusCode;
use identity::Admin;
use kernel::{Problem, ProblemResult};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::policy::{KindRow, Pausable, QueuePolicy, QueueRow};
use crate::{Jobs, enqueue};

pub(super) fn routes() -> OpenApiRouter<Jobs> {
    OpenApiRouter::new()
        .routes(routes!(queues))
        .routes(routes!(limit, unlimit))
        .routes(routes!(pause_queue))
        .routes(routes!(resume_queue))
        .routes(routes!(kinds))
        .routes(routes!(pause_kind))
        .routes(routes!(resume_kind))
}

/// Every queue that is served, limited or paused, or in which jobs wait or run.
#[utoipa::path(get, path = "/api/v1/queues", tag = "jobs", responses((status = 200, body = Vec<QueueRow>), (status = 401), (status = 403)))]
async fn queues(_: Admin, Handle(jobs): Handle<Jobs>) -> ProblemResult<Json<Vec<QueueRow>>> {
    Ok(Json(jobs.queue_rows().await?))
}

pub(super) fn named(name: &str) -> Result<(), Problem> {
    if !enqueue::named(name) {
        return Err(Problem::bad_request("name_invalid", "A name has 1 to 200 bytes, none of them 0."));
    }
    Ok(())
}

/// Changes what a queue may do, in every process, from the next claim on.
#[utoipa::path(put, path = "/api/v1/queues/{queue}/policy", tag = "jobs", params(("queue" = String, Path)), request_body = QueuePolicy, responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 415), (status = 422)))]
async fn limit(
    _: Admin,
    Handle(jobs): Handle<Jobs>,
    Path(queue): Path<String>,
    Json(policy): Json<QueuePolicy>,
) -> ProblemResult<StatusCode> {
    named(&queue)?;
    policy.check()?;
    jobs.set_policy(&queue, Some(policy)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Goes back to what the code declares for a queue.
#[utoipa::path(delete, path = "/api/v1/queues/{queue}/policy", tag = "jobs", params(("queue" = String, Path)), responses((status = 204), (status = 400), (status = 401), (status = 403)))]
async fn unlimit(_: Admin, Handle(jobs): Handle<Jobs>, Path(queue): Path<String>) -> ProblemResult<StatusCode> {
    named(&queue)?;
    jobs.set_policy(&queue, None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begins nothing more of a queue; what runs goes on.
#[utoipa::path(post, path = "/api/v1/queues/{queue}/pause", tag = "jobs", params(("queue" = String, Path)), responses((status = 204), (status = 400), (status = 401), (status = 403)))]
async fn pause_queue(_: Admin, Handle(jobs): Handle<Jobs>, Path(queue): Path<String>) -> ProblemResult<StatusCode> {
    named(&queue)?;
    jobs.pause(Pausable::Queue, &queue).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Goes on with a queue.
#[utoipa::path(post, path = "/api/v1/queues/{queue}/resume", tag = "jobs", params(("queue" = String, Path)), responses((status = 204), (status = 400), (status = 401), (status = 403)))]
async fn resume_queue(_: Admin, Handle(jobs): Handle<Jobs>, Path(queue): Path<String>) -> ProblemResult<StatusCode> {
    named(&queue)?;
    jobs.resume(Pausable::Queue, &queue).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Every kind that this process serves, and every paused one.
#[utoipa::path(get, path = "/api/v1/kinds", tag = "jobs", responses((status = 200, body = Vec<KindRow>), (status = 401), (status = 403)))]
async fn kinds(_: Admin, Handle(jobs): Handle<Jobs>) -> Json<Vec<KindRow>> {
    Json(jobs.kind_rows())
}

/// Begins nothing more of a kind, in whatever queue; what runs goes on.
#[utoipa::path(post, path = "/api/v1/kinds/{kind}/pause", tag = "jobs", params(("kind" = String, Path)), responses((status = 204), (status = 400), (status = 401), (status = 403)))]
async fn pause_kind(_: Admin, Handle(jobs): Handle<Jobs>, Path(kind): Path<String>) -> ProblemResult<StatusCode> {
    named(&kind)?;
    jobs.pause(Pausable::Kind, &kind).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Goes on with a kind.
#[utoipa::path(post, path = "/api/v1/kinds/{kind}/resume", tag = "jobs", params(("kind" = String, Path)), responses((status = 204), (status = 400), (status = 401), (status = 403)))]
async fn resume_kind(_: Admin, Handle(jobs): Handle<Jobs>, Path(kind): Path<String>) -> ProblemResult<StatusCode> {
    named(&kind)?;
    jobs.resume(Pausable::Kind, &kind).await?;
    Ok(StatusCode::NO_CONTENT)
}
