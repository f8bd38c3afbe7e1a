//! Replays: a stretch of the log once more, into one subscription.

use axum::Json;
use axum::extract::{Path, Query as Params, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use identity::Admin;
use kernel::{Problem, ProblemResult, limits};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::replay::{Ask, Chosen, NoReplay};
use crate::replays::Replay;
use crate::{Condition, Events, cloud_event};

/// Where a range begins or ends.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum Edge {
    /// A position.
    Position(i64),
    /// A time, RFC 3339: positions of events that were appended then.
    Time(String),
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReplayRequest {
    /// Into which subscription.
    subscription: String,
    /// The first position of the range, or a time.
    from: Edge,
    /// The last position of the range, or a time before which its events were appended; the end of the log unless said.
    to: Option<Edge>,
    /// Only of this type, or of this family (`github.*`).
    r#type: Option<String>,
    /// Only those of which this condition holds, in the filter dialects of CloudEvents Subscriptions.
    #[schema(value_type = Option<Object>)]
    filter: Option<Value>,
    /// Only count. Unless said otherwise, this is what happens.
    dry_run: Option<bool>,
}

/// What a replay would do.
#[derive(Serialize, ToSchema)]
pub(super) struct DryRun {
    /// The first position of the range.
    from_position: i64,
    /// The last position of the range.
    to_position: i64,
    /// Events that the subscription would get.
    count: i64,
    /// `false` when there may be more: a count looks at 100,000 events.
    complete: bool,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReplayParams {
    /// Only older than this replay: the `next` of the page before.
    before: Option<i64>,
    /// At most so many, 200 at the most; 50 unless said.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ReplayPage {
    items: Vec<Replay>,
    /// Where the next page begins; absent on the last.
    next: Option<i64>,
}

impl From<NoReplay> for Problem {
    fn from(error: NoReplay) -> Self {
        match error {
            NoReplay::Unknown => {
                let detail = "There is no subscription of this name; they are at /api/v1/subscriptions.";
                invalid("/subscription", "unknown", detail)
            }
            NoReplay::Running => Self::conflict(
                "replay_running",
                "A replay into this subscription is running; cancel it, or wait for its end.",
            ),
            NoReplay::Enqueue(jobs::EnqueueError::Store(error)) => error.into(),
            NoReplay::Enqueue(error) => Self::internal(error),
            NoReplay::Failed(error) => error.into(),
        }
    }
}

fn invalid(pointer: &str, what: &str, detail: &str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "replay_invalid", detail).field(pointer, what)
}

/// Replays a range of the log into one subscription: a work subscription gets new jobs, a stream's handler gets the events
/// while its own cursor stays. `dry_run` is true unless it is said to be false: then only the count is answered.
///
/// Events go in by the order of the log, each once, in bounded batches, also over a crash. Beside the replay the subscription
/// goes on with what is new.
#[utoipa::path(post, path = "/api/v1/events/replay", tag = "events", request_body = ReplayRequest, responses((status = 200, body = DryRun), (status = 202, body = Replay), (status = 400), (status = 401), (status = 403), (status = 409), (status = 413), (status = 415), (status = 422)))]
pub(super) async fn begin(
    _: Admin,
    State(events): State<Events>,
    Json(request): Json<ReplayRequest>,
) -> ProblemResult<Response> {
    let condition = match &request.filter {
        Some(json) => Some(Condition::parse(json).map_err(|error| {
            invalid(&format!("/filter{}", error.pointer), &error.detail, "The filter is no condition.")
        })?),
        None => None,
    };
    let (oldest, latest) = events.ends().await?;
    let from = position(&events, &request.from, "/from", 0).await?;
    let to = match &request.to {
        Some(edge) => position(&events, edge, "/to", -1).await?,
        None => latest,
    };
    let (from, to) = (from.max(oldest), to.min(latest));
    let chosen = Chosen { types: request.r#type, condition };
    let ask = Ask { subscription: request.subscription, from, to, chosen };
    if request.dry_run.unwrap_or(true) {
        let (count, complete) = events.count_replay(&ask).await?;
        return Ok(Json(DryRun { from_position: from, to_position: to, count, complete }).into_response());
    }
    if from > to {
        return Err(invalid("/from", "after the end", "The range holds no position of the log."));
    }
    let replay = events.replay(ask).await?;
    let location = [(header::LOCATION, format!("/api/v1/events/replays/{}", replay.id))];
    Ok((StatusCode::ACCEPTED, location, Json(replay)).into_response())
}

/// A position, or the one before which a time lies, moved by `offset`.
async fn position(events: &Events, edge: &Edge, pointer: &str, offset: i64) -> ProblemResult<i64> {
    match edge {
        Edge::Position(position) => Ok(*position),
        Edge::Time(text) => match cloud_event::time_ms(text) {
            Some(time_ms) => Ok(events.first_at(time_ms).await? + offset),
            None => Err(invalid(pointer, "no time", "A time is RFC 3339; a position is a number.")),
        },
    }
}

/// Replays, newest first.
#[utoipa::path(get, path = "/api/v1/events/replays", tag = "events", params(ReplayParams), responses((status = 200, body = ReplayPage), (status = 400), (status = 401), (status = 403)))]
pub(super) async fn list(
    _: Admin,
    State(events): State<Events>,
    Params(params): Params<ReplayParams>,
) -> ProblemResult<Json<ReplayPage>> {
    let limit = params.limit.unwrap_or(50).clamp(1, limits::PAGE);
    let items = events.replays(params.before.unwrap_or(i64::MAX), limit).await?;
    let next = (items.len() == limit).then(|| items.last().map(|replay| replay.id)).flatten();
    Ok(Json(ReplayPage { items, next }))
}

/// One replay and how far it is.
#[utoipa::path(get, path = "/api/v1/events/replays/{id}", tag = "events", params(("id" = i64, Path)), responses((status = 200, body = Replay), (status = 400), (status = 401), (status = 403), (status = 404)))]
pub(super) async fn show(_: Admin, State(events): State<Events>, Path(id): Path<i64>) -> ProblemResult<Json<Replay>> {
    let found = events.find_replay(id).await?;
    found.map(Json).ok_or_else(|| Problem::not_found(format!("There is no replay {id}.")))
}

/// Calls off a running replay after its current batch. What went in stays.
#[utoipa::path(post, path = "/api/v1/events/replays/{id}/cancel", tag = "events", params(("id" = i64, Path)), responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 409)))]
pub(super) async fn cancel(_: Admin, State(events): State<Events>, Path(id): Path<i64>) -> ProblemResult<StatusCode> {
    if events.cancel_replay(id).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::conflict("replay_over", "There is no such replay that is running."))
}
