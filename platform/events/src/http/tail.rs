//! Events as they come: server-sent events (HTML, 9.2).

use std::convert::Infallible;
use std::fmt::Write;

use axum::body::Body;
use axum::extract::{Query as Params, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use identity::Key;
use identity::scopes::EventsRead;
use kernel::{Problem, ProblemResult};
use serde::Deserialize;
use utoipa::IntoParams;

use super::log::condition;
use crate::Events;
use crate::tail::{Tail, Tailed, Watch};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TailParams {
    /// Only of this type, or of this family (`github.*`).
    r#type: Option<String>,
    /// Only from this source.
    source: Option<String>,
    /// Only about this.
    subject: Option<String>,
    /// Only those of which this condition holds: JSON in the filter dialects of CloudEvents Subscriptions (`exact`, `prefix`,
    /// `suffix`, `all`, `any`, `not`), a name being an attribute's or a JSON pointer into the payload.
    filter: Option<String>,
    /// Begin after this position instead of now; the header `Last-Event-ID` says it as well, and wins.
    after: Option<i64>,
}

/// The live tail: each event as a CloudEvent, with its position as the id of the message.
///
/// Whoever comes back with `Last-Event-ID` gets what it missed. Where the log no longer reaches back so far, the first message
/// is `reset` and says where the tail goes on. Needs the scope `events:read`.
#[utoipa::path(get, path = "/api/v1/events/tail", tag = "events", params(TailParams), responses((status = 200, body = String, content_type = "text/event-stream"), (status = 400), (status = 401), (status = 403), (status = 503)))]
pub(super) async fn tail(
    _: Key<EventsRead>,
    State(events): State<Events>,
    Params(params): Params<TailParams>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    let watch = Watch {
        kind: params.r#type,
        source: params.source,
        subject: params.subject,
        condition: condition(params.filter.as_deref())?,
    };
    let resumed = headers.get("last-event-id").map(|id| id.to_str().ok().and_then(|id| id.parse().ok()));
    let after = match resumed {
        // An id of another form is a position that the log does not have.
        Some(id) => Some(id.unwrap_or(i64::MAX)),
        None => params.after,
    };
    let Some(tail) = events.tail(after).await? else {
        return Err(Problem::unavailable(10, "every place for a tail is taken"));
    };
    let mut first = format!("retry: 2000\nid: {}\n\n", tail.position());
    if tail.lost {
        let _ = write!(first, "event: reset\ndata: {{\"position\":\"{}\"}}\n\n", tail.position());
    }
    let messages = stream::unfold((Some(first), tail, watch), step);
    let mut response = Response::new(Body::from_stream(messages));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

type Step = (Option<String>, Tail, Watch);

async fn step((first, mut tail, watch): Step) -> Option<(Result<String, Infallible>, Step)> {
    if let Some(first) = first {
        return Some((Ok(first), (None, tail, watch)));
    }
    match tail.next().await {
        Ok(Some(batch)) => Some((Ok(text(&batch, &watch)), (None, tail, watch))),
        Ok(None) => None,
        Err(error) => {
            tracing::warn!(error = %kernel::problem::chain(&error), "a tail ended; its reader comes back by itself");
            None
        }
    }
}

/// A message for each wanted event, and the position that the tail has reached for a reader who comes back.
fn text(batch: &[Tailed], watch: &Watch) -> String {
    let mut text = String::new();
    let Some(last) = batch.last().map(|tailed| tailed.event.position) else { return ":\n\n".to_owned() };
    let mut said = 0;
    for tailed in batch.iter().filter(|tailed| watch.wants(&tailed.event)) {
        said = tailed.event.position;
        let _ = write!(text, "id: {said}\nevent: event\ndata: ");
        // A line end in JSON stands between tokens, and would end the field.
        text.extend(tailed.json.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
        text.push_str("\n\n");
    }
    if said != last {
        // Without data nothing is dispatched, yet the id is remembered.
        let _ = write!(text, "id: {last}\n\n");
    }
    text
}
