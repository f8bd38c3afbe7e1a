//! Subscriptions: how they get on, pausing them, and what they parked.

use axum::Json;
use axum::extract::{Path, Query as Params, State};
use axum::http::StatusCode;
use identity::Admin;
use kernel::{Problem, ProblemResult};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Events;
use crate::retention::RetentionStatus;
use crate::store::Parked;
use crate::subscriptions::{NoStream, SubscriptionRow};

#[derive(Serialize, ToSchema)]
pub(super) struct SubscriptionList {
    items: Vec<SubscriptionRow>,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ParkedParams {
    /// Only newer than this position: the `next` of the page before.
    after: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ParkedPage {
    items: Vec<Parked>,
    /// Where the next page begins; absent on the last.
    next: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Asked {
    /// Parked events that are tried again.
    count: u64,
}

impl From<NoStream> for Problem {
    fn from(error: NoStream) -> Self {
        match error {
            NoStream::Unknown => {
                Self::not_found("There is no subscription of this name; they are at /api/v1/subscriptions.")
            }
            NoStream::Work => Self::conflict(
                "no_stream",
                "This is a work subscription: its jobs are retried at /api/v1/jobs, and its queue is paused.",
            ),
            NoStream::Failed(error) => error.into(),
        }
    }
}

/// Every subscription, how far it is, and whether it gets on.
#[utoipa::path(get, path = "/api/v1/subscriptions", tag = "events", responses((status = 200, body = SubscriptionList), (status = 401), (status = 403)))]
pub(super) async fn list(_: Admin, State(events): State<Events>) -> ProblemResult<Json<SubscriptionList>> {
    Ok(Json(SubscriptionList { items: events.subscriptions().await? }))
}

/// Pauses a stream after its current batch. What comes meanwhile waits in the log, which retention does not touch.
#[utoipa::path(post, path = "/api/v1/subscriptions/{name}/pause", tag = "events", params(("name" = String, Path)), responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 409)))]
pub(super) async fn pause(
    _: Admin,
    State(events): State<Events>,
    Path(name): Path<String>,
) -> ProblemResult<StatusCode> {
    events.pause(&name, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Lets a paused stream go on where it stood.
#[utoipa::path(post, path = "/api/v1/subscriptions/{name}/resume", tag = "events", params(("name" = String, Path)), responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 409)))]
pub(super) async fn resume(
    _: Admin,
    State(events): State<Events>,
    Path(name): Path<String>,
) -> ProblemResult<StatusCode> {
    events.pause(&name, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Events that a stream could not handle and went past, oldest first.
#[utoipa::path(get, path = "/api/v1/subscriptions/{name}/parked", tag = "events", params(("name" = String, Path), ParkedParams), responses((status = 200, body = ParkedPage), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409)))]
pub(super) async fn parked(
    _: Admin,
    State(events): State<Events>,
    Path(name): Path<String>,
    Params(params): Params<ParkedParams>,
) -> ProblemResult<Json<ParkedPage>> {
    let items = events.parked(&name, params.after.unwrap_or(0)).await?;
    let next = (items.len() == kernel::limits::PAGE).then(|| items.last().map(|parked| parked.position)).flatten();
    Ok(Json(ParkedPage { items, next }))
}

/// Tries every parked event of a stream again, each alone, as soon as the stream is between two batches.
#[utoipa::path(post, path = "/api/v1/subscriptions/{name}/parked/retry", tag = "events", params(("name" = String, Path)), responses((status = 202, body = Asked), (status = 401), (status = 403), (status = 404), (status = 409)))]
pub(super) async fn retry_all(
    _: Admin,
    State(events): State<Events>,
    Path(name): Path<String>,
) -> ProblemResult<(StatusCode, Json<Asked>)> {
    let count = events.retry_parked(&name, None).await?;
    Ok((StatusCode::ACCEPTED, Json(Asked { count })))
}

/// Tries one parked event again. One that goes through leaves the list.
#[utoipa::path(post, path = "/api/v1/subscriptions/{name}/parked/{position}/retry", tag = "events", params(("name" = String, Path), ("position" = i64, Path)), responses((status = 202, body = Asked), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409)))]
pub(super) async fn retry(
    _: Admin,
    State(events): State<Events>,
    Path((name, position)): Path<(String, i64)>,
) -> ProblemResult<(StatusCode, Json<Asked>)> {
    match events.retry_parked(&name, Some(position)).await? {
        0 => Err(not_parked(position)),
        count => Ok((StatusCode::ACCEPTED, Json(Asked { count }))),
    }
}

/// Takes a parked event off the list: the stream never handles it.
#[utoipa::path(post, path = "/api/v1/subscriptions/{name}/parked/{position}/discard", tag = "events", params(("name" = String, Path), ("position" = i64, Path)), responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409)))]
pub(super) async fn discard(
    _: Admin,
    State(events): State<Events>,
    Path((name, position)): Path<(String, i64)>,
) -> ProblemResult<StatusCode> {
    if events.discard_parked(&name, position).await? { Ok(StatusCode::NO_CONTENT) } else { Err(not_parked(position)) }
}

/// What the log keeps, and who still needs its oldest events.
#[utoipa::path(get, path = "/api/v1/events/retention", tag = "events", responses((status = 200, body = RetentionStatus), (status = 401), (status = 403)))]
pub(super) async fn retention(_: Admin, State(events): State<Events>) -> ProblemResult<Json<RetentionStatus>> {
    Ok(Json(events.retention_status().await?))
}

fn not_parked(position: i64) -> Problem {
    Problem::not_found(format!("Event {position} is not parked here."))
}
