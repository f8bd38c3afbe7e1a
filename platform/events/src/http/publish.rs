//! Events in.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use identity::Key;
use identity::scopes::EventsPublish;
use kernel::{Problem, ProblemResult, RequestInfo};
use serde::Serialize;
use utoipa::ToSchema;

use super::binding::{self, Place};
use crate::publish::{NotAppended, Refused};
use crate::{AppendError, Appended, Events};

/// What became of the events of a request, in their order.
#[derive(Serialize, ToSchema)]
pub(super) struct Published {
    events: Vec<PublishedEvent>,
}

#[derive(Serialize, ToSchema)]
struct PublishedEvent {
    /// As the producer named it.
    id: String,
    /// As the producer named itself.
    source: String,
    /// Its place in the log.
    position: i64,
    /// `false` when the log had it already.
    new: bool,
}

/// Publishes CloudEvents: one (`application/cloudevents+json`, or the payload with `ce-` headers), or a batch of at most 500
/// (`application/cloudevents-batch+json`), which is stored whole or not at all.
///
/// The answer comes when the events are stored durably: 201 when one is new, 200 when the log had all of them. The same
/// source and id again with the same type, subject and payload is no error; with others it is 409. An event whose type nobody
/// declared, or that breaks the schema of its type, is 422, with a pointer to each place; one of a type or a source that is this
/// server's own is 403 (`type_reserved`, `source_reserved`). Needs the scope `events:publish`.
#[utoipa::path(post, path = "/api/v1/events", tag = "events", request_body(content((Object = "application/cloudevents+json"), (Vec<Object> = "application/cloudevents-batch+json"), (Object = "application/json"))), responses((status = 200, body = Published), (status = 201, body = Published), (status = 400), (status = 401), (status = 403), (status = 409), (status = 413), (status = 415), (status = 422), (status = 503)))]
pub(super) async fn publish(
    _: Key<EventsPublish>,
    State(events): State<Events>,
    info: Option<Extension<RequestInfo>>,
    headers: HeaderMap,
    body: Bytes,
) -> ProblemResult<Response> {
    let trace = info.map(|Extension(info)| info.trace.to_string());
    let (mut places, mut checked) = (Vec::new(), Vec::new());
    for (place, mut incoming) in binding::read(&headers, &body)? {
        incoming.event.trace = incoming.event.trace.or_else(|| trace.clone());
        checked.push(events.check_incoming(incoming).map_err(|error| problem(error, place))?);
        places.push(place);
    }
    let named: Vec<(String, String)> = checked.iter().map(|event| event.name()).collect();
    let appended = events.append_batch(checked).await.map_err(|failed| match failed {
        NotAppended::At(index, error) => match places.get(index) {
            Some(place) => problem(error, *place),
            None => Problem::internal("an event that was not sent was refused"),
        },
        NotAppended::Store(error) => error.into(),
    })?;
    let answer = named.into_iter().zip(&appended).map(|((id, source), appended)| PublishedEvent {
        id,
        source,
        position: appended.position(),
        new: matches!(appended, Appended::New(_)),
    });
    let events: Vec<_> = answer.collect();
    let status = if events.iter().any(|event| event.new) { StatusCode::CREATED } else { StatusCode::OK };
    let location = match &events[..] {
        [one] => Some([(header::LOCATION, format!("/api/v1/events/{}", one.position))]),
        _ => None,
    };
    Ok((status, location, Json(Published { events })).into_response())
}

fn problem(refused: Refused, place: Place) -> Problem {
    let unprocessable = |code, detail| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail);
    let who = place.words();
    match refused {
        Refused::Append(AppendError::Invalid { kind, source, more }) => {
            let problem = unprocessable("event_invalid", format!("{who} breaks the schema of {kind}."));
            let all = [source].into_iter().chain(more);
            all.fold(problem, |problem, it| problem.field(place.payload(&it.pointer), it.detail))
        }
        Refused::Append(AppendError::UnknownType(_)) => {
            let detail = format!("{who} is of a type that nobody declared here; the types are at /api/v1/event-types.");
            unprocessable("event_type_unknown", detail).field(place.attribute("/type"), "nobody declared it")
        }
        Refused::Append(other) => other.into(),
        Refused::Reserved => {
            let detail = format!("{who} names a source that only this server itself may be.");
            Problem::new(StatusCode::FORBIDDEN, "source_reserved", detail).field(place.attribute("/source"), "reserved")
        }
        Refused::ReservedType => {
            let detail = format!(
                "{who} is of a type that only this server itself publishes; the setting events.open lists others."
            );
            Problem::new(StatusCode::FORBIDDEN, "type_reserved", detail).field(place.attribute("/type"), "reserved")
        }
        Refused::Version(current) => {
            unprocessable("event_version_unknown", format!("{who} names another version of its schema."))
                .field(place.attribute("/dataschema"), format!("the version here is {current}"))
        }
        Refused::Differs(position) => {
            let detail = format!("{who} has the source and the id of event {position}, which says something else.");
            Problem::conflict("event_differs", detail).field(place.attribute("/id"), "taken")
        }
    }
}
