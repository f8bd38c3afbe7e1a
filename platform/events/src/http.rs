//! `/api/v1/events`: the log, for the console and for scripts of its people.

use axum::Json;
use axum::extract::{Path, Query as Params, State};
use identity::Admin;
use jobs::JobRow;
use kernel::{Problem, ProblemResult};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::reading::{EventRow, Query};
use crate::{Event, Events};

/// The routes of this part.
pub fn routes(events: Events) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).with_state(events)
}

#[derive(Deserialize, IntoParams)]
struct ListParams {
    /// Only of this type.
    r#type: Option<String>,
    /// Only about this.
    subject: Option<String>,
    /// Only older than this position: the `next` of the page before.
    before: Option<i64>,
    /// Only newer than this position, oldest first.
    after: Option<i64>,
    /// At most so many, 200 at the most; 50 unless said.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
struct EventPage {
    items: Vec<EventRow>,
    /// Where the next page begins; absent on the last.
    next: Option<i64>,
}

#[derive(Serialize, ToSchema)]
struct EventDetail {
    #[serde(flatten)]
    event: EventRow,
    /// The payload.
    #[schema(value_type = Object)]
    data: Box<RawValue>,
    /// The jobs that it caused.
    jobs: Vec<JobRow>,
}

/// Events, newest first.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(ListParams), responses((status = 200, body = EventPage)))]
async fn list(
    _: Admin,
    State(events): State<Events>,
    Params(params): Params<ListParams>,
) -> ProblemResult<Json<EventPage>> {
    let limit = params.limit.unwrap_or(50).clamp(1, kernel::limits::PAGE);
    let ListParams { r#type: kind, subject, before, after, .. } = params;
    let items = events.list(Query { kind, subject, before, after, limit }).await?;
    let next = (items.len() == limit).then(|| items.last().map(|event| event.position)).flatten();
    Ok(Json(EventPage { items, next }))
}

/// One event, with its payload and the jobs that it caused.
#[utoipa::path(get, path = "/api/v1/events/{position}", tag = "events", params(("position" = i64, Path)), responses((status = 200, body = EventDetail), (status = 404)))]
async fn show(_: Admin, State(events): State<Events>, Path(position): Path<i64>) -> ProblemResult<Json<EventDetail>> {
    let Some(event) = events.find(position).await? else {
        return Err(Problem::not_found(format!(
            "There is no event at position {position}; old events are removed after a while."
        )));
    };
    let caused = jobs::Query { event_position: Some(position), limit: kernel::limits::PAGE, ..Default::default() };
    let jobs = events.0.jobs.list(caused).await?;
    let data = RawValue::from_string(event.data.clone()).map_err(Problem::internal)?;
    Ok(Json(EventDetail { event: row(event), data, jobs }))
}

fn row(event: Event) -> EventRow {
    EventRow {
        position: event.position,
        id: event.id,
        kind: event.kind,
        source: event.source,
        subject: event.subject,
        time_ms: event.time_ms,
        schema_version: event.schema_version,
        trace_id: event.trace,
        size_bytes: event.data.len() as i64,
    }
}
