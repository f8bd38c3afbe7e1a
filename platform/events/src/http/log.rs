//! Events out: lists, searches, one in full.

use axum::Json;
use axum::extract::{Path, Query as Params, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use identity::Key;
use identity::scopes::EventsRead;
use jobs::JobRow;
use kernel::{Problem, ProblemResult};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::{BATCH, STRUCTURED};
use crate::reading::{EventRow, Found, Page, Query};
use crate::{Condition, Event, Events, cloud_event};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Only of this type, or of this family (`github.*`).
    r#type: Option<String>,
    /// Only from this source.
    source: Option<String>,
    /// Only about this.
    subject: Option<String>,
    /// Only with this id.
    id: Option<String>,
    /// Only those appended at this time or later: RFC 3339, or Unix milliseconds.
    from: Option<String>,
    /// Only those appended before this time.
    until: Option<String>,
    /// Only those of which this condition holds: JSON in the filter dialects of CloudEvents Subscriptions (`exact`, `prefix`,
    /// `suffix`, `all`, `any`, `not`), a name being an attribute's or a JSON pointer into the payload.
    filter: Option<String>,
    /// Only older than this position, newest first.
    before: Option<i64>,
    /// Only newer than this position, oldest first.
    after: Option<i64>,
    /// At most so many, 200 at the most; 50 unless said.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct EventPage {
    items: Vec<EventRow>,
    /// Where the next page begins, as `before` (or as `after`, where the list is oldest first); absent on the last. A page
    /// that has it may be short: one look goes through a bounded stretch of the log.
    next: Option<i64>,
    /// Where the page before this one begins, as `after` (or as `before`); absent where there was no edge.
    previous: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct EventDetail {
    #[serde(flatten)]
    event: EventRow,
    /// CloudEvents' optional attributes and extensions, as the producer gave them.
    #[schema(value_type = Option<Object>)]
    attributes: Option<Box<RawValue>>,
    /// The payload.
    #[schema(value_type = serde_json::Value)]
    data: Box<RawValue>,
    /// The jobs that it caused.
    jobs: Vec<JobRow>,
}

/// Events, newest first. With `Accept: application/cloudevents-batch+json` a batch of CloudEvents, and the pages in `Link`.
/// Needs the scope `events:read`.
#[utoipa::path(get, path = "/api/v1/events", tag = "events", params(ListParams), responses((status = 200, content((EventPage = "application/json"), (Vec<Object> = "application/cloudevents-batch+json"))), (status = 400), (status = 401), (status = 403)))]
pub(super) async fn list(
    _: Key<EventsRead>,
    State(events): State<Events>,
    Params(params): Params<ListParams>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    let query = Query {
        kind: params.r#type,
        source: params.source,
        subject: params.subject,
        id: params.id,
        from_ms: time(params.from.as_deref(), "from")?,
        until_ms: time(params.until.as_deref(), "until")?,
        condition: condition(params.filter.as_deref())?,
        before: params.before,
        after: params.after,
        limit: params.limit.unwrap_or(50).clamp(1, kernel::limits::PAGE),
    };
    if !accepts(&headers, BATCH) {
        let page: Page<EventRow> = events.page(&query).await?;
        let previous = previous(&query, &page);
        return Ok(Json(EventPage { items: page.items, next: page.next, previous }).into_response());
    }
    let page: Page<Event> = events.page(&query).await?;
    let batch: Vec<String> = page.items.iter().map(|event| events.cloud_event(event)).collect();
    let (onward, back) = if query.after.is_some() { ("after", "before") } else { ("before", "after") };
    let links = [(page.next, "next", onward), (previous(&query, &page), "prev", back)];
    let links: Vec<_> =
        links.into_iter().filter_map(|(edge, rel, name)| Some(format!("<?{name}={}>; rel=\"{rel}\"", edge?))).collect();
    let mut response = ([(header::CONTENT_TYPE, BATCH)], format!("[{}]", batch.join(","))).into_response();
    if let Ok(links) = HeaderValue::try_from(links.join(", "))
        && !links.is_empty()
    {
        response.headers_mut().insert(header::LINK, links);
    }
    Ok(response)
}

/// The page on the other side of the edge that was asked for.
fn previous<T: Found>(query: &Query, page: &Page<T>) -> Option<i64> {
    query.before.or(query.after)?;
    page.items.first().map(Found::position)
}

/// One event, with its payload and the jobs that it caused. With `Accept: application/cloudevents+json` as a CloudEvent. Needs
/// the scope `events:read`.
#[utoipa::path(get, path = "/api/v1/events/{position}", tag = "events", params(("position" = i64, Path)), responses((status = 200, content((EventDetail = "application/json"), (Object = "application/cloudevents+json"))), (status = 400), (status = 401), (status = 403), (status = 404)))]
pub(super) async fn show(
    _: Key<EventsRead>,
    State(events): State<Events>,
    Path(position): Path<i64>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    let Some(event) = events.find(position).await? else {
        return Err(Problem::not_found(format!(
            "There is no event at position {position}; old events are removed after a while."
        )));
    };
    if accepts(&headers, STRUCTURED) {
        return Ok(([(header::CONTENT_TYPE, STRUCTURED)], events.cloud_event(&event)).into_response());
    }
    let caused = jobs::Query { event_position: Some(position), limit: kernel::limits::PAGE, ..Default::default() };
    let jobs = events.0.jobs.list(caused).await?;
    let data = RawValue::from_string(event.data.clone()).map_err(Problem::internal)?;
    let attributes = event.attributes.clone().and_then(|json| RawValue::from_string(json).ok());
    Ok(Json(EventDetail { event: EventRow::from_event(event), attributes, data, jobs }).into_response())
}

/// Whether a media type is asked for by name.
fn accepts(headers: &HeaderMap, media: &str) -> bool {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|one| cloud_event::media_type(one.trim()).as_deref() == Some(media))
}

fn time(text: Option<&str>, name: &'static str) -> ProblemResult<Option<i64>> {
    let Some(text) = text else { return Ok(None) };
    let time_ms = text.parse().ok().or_else(|| cloud_event::time_ms(text));
    let wrong =
        || Problem::bad_request("parameter_invalid", "A time is RFC 3339 or Unix milliseconds.").field(name, "no time");
    time_ms.map(Some).ok_or_else(wrong)
}

/// A condition out of a parameter.
pub(super) fn condition(json: Option<&str>) -> ProblemResult<Option<Condition>> {
    let Some(json) = json else { return Ok(None) };
    let wrong =
        |detail: String| Problem::bad_request("filter_invalid", "The filter is no condition.").field("filter", detail);
    let json = serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
    Condition::parse(&json).map(Some).map_err(|error| wrong(error.to_string()))
}
