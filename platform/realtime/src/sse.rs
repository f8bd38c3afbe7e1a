//! Server-sent events (HTML, 9.2): one way, one channel, resumed by the browser itself.

use std::convert::Infallible;
use std::fmt::Display;
use std::task::Poll;

use axum::body::Body;
use axum::response::Response;
use bus::{Position, Publication};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, header};

use crate::feed::{Feed, Item};

/// One event. Line ends in `data` (in JSON only between tokens) become spaces, because they would end the field.
pub fn sse_event(event: Option<&str>, id: Option<&dyn Display>, data: &[u8]) -> Bytes {
    let mut text = Vec::with_capacity(data.len() + 64);
    if let Some(event) = event {
        text.extend_from_slice(format!("event: {event}\n").as_bytes());
    }
    if let Some(id) = id {
        text.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    text.extend_from_slice(b"data: ");
    text.extend(data.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
    text.extend_from_slice(b"\n\n");
    text.into()
}

/// A publication under its position.
pub(crate) fn event(publication: &Publication) -> Bytes {
    let id = EventId(publication.offset, &publication.epoch);
    sse_event(None, (publication.offset > 0).then_some(&id as &dyn Display), &publication.data)
}

/// `{offset}@{epoch}`.
pub(crate) struct EventId<'a>(pub(crate) u64, pub(crate) &'a str);

impl Display for EventId<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.0, self.1)
    }
}

/// What the client sent as its last event's id. One of another form is a position of no epoch there is.
pub(crate) fn parse_id(id: &str) -> Position {
    let (offset, epoch) = id.split_once('@').unwrap_or_default();
    match offset.parse() {
        Ok(offset) if !epoch.is_empty() => Position { offset, epoch: epoch.into() },
        _ => Position { offset: 0, epoch: "?".into() },
    }
}

/// What the plain route says first: how soon to come back, and where the client stands. One that could not be resumed
/// is told to load the state again.
pub(crate) fn opening(feed: &Feed, resuming: bool) -> Bytes {
    const RETRY: &str = "retry: 2000\n";
    let top = feed.top();
    let id = EventId(top.offset, &top.epoch);
    if resuming && !feed.recovered() {
        let data = serde_json::json!({ "offset": top.offset, "epoch": &*top.epoch }).to_string();
        let reset = sse_event(Some("reset"), (!top.epoch.is_empty()).then_some(&id as &dyn Display), data.as_bytes());
        return [RETRY.as_bytes(), &reset].concat().into();
    }
    // An event without data is not dispatched, yet its id is remembered.
    if resuming || top.epoch.is_empty() { format!("{RETRY}\n") } else { format!("{RETRY}id: {id}\n\n") }.into()
}

impl Feed {
    /// Answers with the feed as server-sent events: `opening` first, then what `render` makes of each publication
    /// (see [`sse_event`]), and a comment every 15 s so that intermediaries keep the connection.
    pub fn into_sse(self, opening: Bytes, render: impl Fn(&Publication) -> Bytes + Send + 'static) -> Response {
        self.respond(opening, move |item| match item {
            Item::Past(publication) => render(&publication),
            Item::Live(broadcast) => render(&broadcast.publication),
            Item::Beat => BEAT,
        })
    }

    /// As the plain route has it: what is live is encoded once for all readers.
    pub(crate) fn into_plain_sse(self, opening: Bytes) -> Response {
        self.respond(opening, |item| match item {
            Item::Past(publication) => event(&publication),
            Item::Live(broadcast) => broadcast.event().clone(),
            Item::Beat => BEAT,
        })
    }

    fn respond(mut self, opening: Bytes, render: impl Fn(Item) -> Bytes + Send + 'static) -> Response {
        let mut opening = (!opening.is_empty()).then_some(opening);
        let events = stream::poll_fn(move |cx| match opening.take() {
            Some(opening) => Poll::Ready(Some(Ok::<_, Infallible>(opening))),
            None => self.poll_item(cx).map(|item| item.map(|item| Ok(render(item)))),
        });
        let mut response = Response::new(Body::from_stream(events));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }
}

const BEAT: Bytes = Bytes::from_static(b":\n\n");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_stays_one_event() {
        let bytes = sse_event(Some("phrase"), Some(&7), b"{\n\r}");
        assert_eq!(bytes, "event: phrase\nid: 7\ndata: {  }\n\n");
        assert_eq!(sse_event(None, None, b"1"), "data: 1\n\n");
    }

    #[test]
    fn ids_come_back_as_positions() {
        let position = Position { offset: 7, epoch: "ab@c".into() };
        assert_eq!(parse_id(&EventId(7, "ab@c").to_string()), position);
        for bad in ["", "7", "7@", "@abc", "x@abc", "-1@abc"] {
            assert_eq!(parse_id(bad), Position { offset: 0, epoch: "?".into() }, "{bad}");
        }
    }
}
