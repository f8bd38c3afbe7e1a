//! The HTTP binding of CloudEvents 1.0.2: which mode a request is in, and events out of headers.

use std::collections::BTreeMap;

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use kernel::{Problem, limits};
use percent_encoding::percent_decode;
use serde_json::Value;

use super::{BATCH, STRUCTURED};
use crate::cloud_event::{self, Incoming, Members, Payload};
use crate::registry::Invalid;

/// How a request carries events (HTTP binding, 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Binary,
    Structured,
    Batch,
}

/// One event of a request, for naming what is wrong with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    mode: Mode,
    index: usize,
}

/// The events of a request, or the first that is none.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<(Place, Incoming)>, Problem> {
    let mode = mode(headers)?;
    let place = |index| Place { mode, index };
    let no_json =
        |error: serde_json::Error| Problem::bad_request("unparsable", format!("The body is no CloudEvent: {error}."));
    match mode {
        Mode::Binary => {
            let read = binary(headers, body).map_err(|wrong| place(0).refused(wrong))?;
            Ok(vec![(place(0), read)])
        }
        Mode::Structured => {
            let members: Members = serde_json::from_slice(body).map_err(no_json)?;
            let read = cloud_event::from_json(members).map_err(|wrong| place(0).refused(wrong))?;
            Ok(vec![(place(0), read)])
        }
        Mode::Batch => {
            let batch: Vec<Members> = serde_json::from_slice(body).map_err(no_json)?;
            if batch.len() > limits::EVENT_BATCH {
                let detail =
                    format!("A batch has {} events at most; this one has {}.", limits::EVENT_BATCH, batch.len());
                return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "batch_too_large", detail));
            }
            let one = |(index, members)| {
                let read = cloud_event::from_json(members).map_err(|wrong| place(index).refused(wrong))?;
                Ok((place(index), read))
            };
            batch.into_iter().enumerate().map(one).collect()
        }
    }
}

fn mode(headers: &HeaderMap) -> Result<Mode, Problem> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let unsupported =
        |detail: String| Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail);
    let media = cloud_event::media_type(sent).unwrap_or_default();
    if sent.split(';').skip(1).any(|part| part.trim().to_ascii_lowercase().starts_with("charset") && !is_utf8(part)) {
        return Err(unsupported("The charset is UTF-8.".to_owned()));
    }
    match media.as_str() {
        STRUCTURED => Ok(Mode::Structured),
        BATCH => Ok(Mode::Batch),
        other if other.starts_with("application/cloudevents") => {
            Err(unsupported(format!("Of the formats of CloudEvents this address takes JSON: {STRUCTURED} or {BATCH}.")))
        }
        _ if headers.contains_key("ce-specversion") => Ok(Mode::Binary),
        _ => Err(unsupported(format!(
            "Send a CloudEvent: {STRUCTURED}, {BATCH}, or the payload with the attributes in ce- headers."
        ))),
    }
}

fn is_utf8(parameter: &str) -> bool {
    let value = parameter.split_once('=').map(|(_, value)| value.trim().trim_matches('"').to_ascii_lowercase());
    value.is_some_and(|value| value == "utf-8" || value == "utf8")
}

/// Binary mode: an attribute a header, the body is the payload (3.1).
fn binary(headers: &HeaderMap, body: &[u8]) -> Result<Incoming, Vec<Invalid>> {
    let mut attributes = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut refuse =
        |name: &str, detail: &str| wrong.push(Invalid { pointer: format!("/{name}"), detail: detail.to_owned() });
    for name in headers.keys().filter_map(|name: &HeaderName| name.as_str().strip_prefix("ce-")) {
        let mut values = headers.get_all(format!("ce-{name}")).iter();
        match (values.next(), values.next()) {
            _ if name == "datacontenttype" || name == "data" => {
                refuse(name, "is no header of its own: it is Content-Type, or the body")
            }
            (Some(value), None) => match unescape(value.as_bytes()) {
                Some(text) => drop(attributes.insert(name.to_owned(), Value::String(text))),
                None => refuse(name, "cannot be decoded as percent-encoded UTF-8"),
            },
            _ => refuse(name, "comes twice"),
        }
    }
    match headers.get(header::CONTENT_TYPE).map(|value| value.to_str()) {
        Some(Ok(media)) => drop(attributes.insert("datacontenttype".to_owned(), media.into())),
        Some(Err(_)) => refuse("datacontenttype", "no text"),
        None => {}
    }
    let payload = if body.is_empty() { Payload::Absent } else { Payload::Bytes(body.to_vec()) };
    if wrong.is_empty() { cloud_event::build(attributes, payload) } else { Err(wrong) }
}

/// Out of double quotes where it stands in them, then one round of percent-decoding (3.1.3.2).
fn unescape(value: &[u8]) -> Option<String> {
    let value = value.trim_ascii();
    let quoted = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let mut bare = Vec::with_capacity(value.len());
    let mut bytes = quoted.unwrap_or(value).iter();
    while let Some(byte) = bytes.next() {
        bare.push(if quoted.is_some() && *byte == b'\\' { *bytes.next()? } else { *byte });
    }
    percent_decode(&bare).decode_utf8().ok().map(Into::into)
}

impl Place {
    /// `Event 3 of the batch`, or of which there is one.
    pub(super) fn words(self) -> String {
        if self.mode == Mode::Batch { format!("Event {} of the batch", self.index) } else { "The event".to_owned() }
    }

    /// Where an attribute stands: a pointer into the body, or the header's name.
    pub(super) fn attribute(self, pointer: &str) -> String {
        match (self.mode, pointer) {
            (Mode::Binary, "/datacontenttype") => "content-type".to_owned(),
            (Mode::Binary, "/data" | "") => String::new(),
            (Mode::Binary, name) => format!("ce-{}", name.trim_start_matches('/')),
            (Mode::Structured, pointer) => pointer.to_owned(),
            (Mode::Batch, pointer) => format!("/{}{pointer}", self.index),
        }
    }

    /// Where something in the payload stands.
    pub(super) fn payload(self, pointer: &str) -> String {
        match self.mode {
            Mode::Binary => pointer.to_owned(),
            Mode::Structured => format!("/data{pointer}"),
            Mode::Batch => format!("/{}/data{pointer}", self.index),
        }
    }

    fn refused(self, wrong: Vec<Invalid>) -> Problem {
        let detail = format!("{} is no CloudEvent 1.0.", self.words());
        let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "cloud_event_invalid", detail);
        let wrong = wrong.into_iter().take(limits::EVENT_ERRORS);
        wrong.fold(problem, |problem, it| problem.field(self.attribute(&it.pointer), it.detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_values_are_unescaped_once() {
        for (sent, read) in [
            ("Euro%20%E2%82%AC%20%F0%9F%98%80", Some("Euro € 😀")),
            ("a%2520b", Some("a%20b")),
            (r#""with \"quotes\" and %20""#, Some("with \"quotes\" and  ")),
            ("%c3%bc", Some("ü")),
            ("100%", Some("100%")),
            ("%C0%A0", None),
            ("%FF", None),
        ] {
            assert_eq!(unescape(sent.as_bytes()).as_deref(), read, "{sent}");
        }
        assert_eq!(unescape(br#""open\""#), None, "nothing after the backslash");
    }
}
