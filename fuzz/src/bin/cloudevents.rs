//! CloudEvents in any mode: what is taken is what was said, and goes out as it came in.
//!
//! - An event that is taken in a JSON mode has the attributes and the payload that a plain reading of the JSON finds, digit by
//!   digit; those of the specification are there, and none is there twice.
//! - Written out and read again it is the same event; written out again it is the same text.
//! - What is refused is refused with a status that the API documents.
//! - Memory is in proportion to what came.
//!
//! Input: a request's headers and, after an empty line, its body.
#![no_main]

use std::collections::BTreeMap;
use std::fmt::{self, Formatter};

use events::Event;
use events::fuzzing::{Read, read, to_json};
use fuzz::{Input, within};
use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let (headers, body) = (input.headers(), input.0);
    let granted = 64 * 1024 + 256 * bytes.len();
    let events = match within(granted, || read(&headers, body)) {
        Ok(events) => events,
        Err(problem) => {
            assert!([400, 413, 415, 422].contains(&problem.status().as_u16()), "{problem:?}");
            return;
        }
    };
    let media = headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media.as_str() {
        "application/cloudevents+json" => plainly(&events[0], serde_json::from_slice(body).expect("JSON")),
        "application/cloudevents-batch+json" => {
            let plain: Vec<&RawValue> = serde_json::from_slice(body).expect("a list");
            assert_eq!(plain.len(), events.len());
            events.iter().zip(plain).for_each(|(event, plain)| plainly(event, plain));
        }
        _ => assert_eq!(events.len(), 1, "the headers of one"),
    }
    events.iter().for_each(|event| again(event));
});

/// As a plain reading of the JSON finds it.
fn plainly(read: &Read, json: &RawValue) {
    let event = &read.event;
    let mut members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(json.get()).expect("an object");
    let Count(written) = serde_json::from_str(json.get()).expect("an object");
    assert_eq!(written, members.len(), "a member twice");
    if let Some(data) = members.remove("data") {
        assert_eq!(data.get(), event.data, "digit by digit");
    }
    let parsed = |value: Box<RawValue>| serde_json::from_str(value.get()).expect("an attribute");
    let members: Map<String, Value> = members.into_iter().map(|(name, value)| (name, parsed(value))).collect();
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    assert_eq!(text("specversion"), Some("1.0"));
    for (name, value) in [("id", &event.id), ("source", &event.source), ("type", &event.kind)] {
        assert_eq!(text(name), Some(value.as_str()), "{name}");
        assert!(!value.is_empty(), "{name}");
    }
    assert_eq!(text("subject"), event.subject.as_deref());
    let kept = attributes(event);
    for (name, value) in &members {
        let ours =
            matches!(name.as_str(), "specversion" | "id" | "source" | "type" | "subject" | "position" | "data_base64");
        let named = name == "dataschema" && read.version.is_some();
        assert!(ours || named || value.is_null() || kept.get(name) == Some(value), "{name} is lost");
    }
}

/// How many members an object has as it is written.
struct Count(usize);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self(0))
    }
}

impl<'de> Visitor<'de> for Count {
    type Value = Self;

    fn expecting(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            self.0 += 1;
        }
        Ok(self)
    }
}

/// Out, and in again.
fn again(read: &Read) {
    // Blanks around a payload are no part of it.
    let event = Event { data: read.event.data.trim_ascii().to_owned(), ..read.event.clone() };
    let data: Value = serde_json::from_str(&event.data).expect("the payload is JSON");
    assert_eq!(data, read.data);
    let sent = to_json(&event, read.version.is_some());
    let mut headers = HeaderMap::new();
    headers.insert("content-type", http::HeaderValue::from_static("application/cloudevents+json"));
    let events = self::read(&headers, sent.as_bytes()).unwrap_or_else(|problem| panic!("{sent}: {problem:?}"));
    let [back] = &events[..] else { panic!("one went out, {} came back", events.len()) };
    let (first, second) = (attributes(&event), attributes(&back.event));
    assert!(first.iter().all(|(name, value)| second.get(name) == Some(value)), "{first:?} became {second:?}");
    let bare = |event: &Event| Event { attributes: None, ..event.clone() };
    assert_eq!(bare(&event), bare(&back.event));
    assert_eq!(to_json(&back.event, back.version.is_some()), sent);
}

fn attributes(event: &Event) -> Map<String, Value> {
    event.attributes.as_deref().map(|json| serde_json::from_str(json).expect("an object")).unwrap_or_default()
}
