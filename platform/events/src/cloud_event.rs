//! Events as CloudEvents 1.0.2 in its JSON format: what comes in is checked attribute by attribute, what goes out is complete.
//!
//! The payload is JSON: `datacontenttype` is absent or a JSON media type. Extensions are kept and given back. Ours are
//! `position` (a text: the event's place in this log; dropped from what comes in) and `traceparent` (W3C, kept when the
//! producer sent one, else made from the trace).

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kernel::clock::rfc3339;
use kernel::limits;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::condition::is_attribute;
use crate::registry::Invalid;
use crate::{Event, NewEvent};

/// `dataschema` of a type that is declared here: this, the type, a colon, the version.
const SCHEMA: &str = "urn:mainspring:schema:";
/// A name of an attribute, characters; the specification asks for 20 at most and does not insist.
const NAME_CHARS: usize = 64;

/// An event that came in, well formed; its type is not looked up yet.
#[derive(Debug)]
pub(crate) struct Incoming {
    pub(crate) event: NewEvent,
    /// The payload, parsed.
    pub(crate) data: Value,
    /// The version of its schema where it names one of ours.
    pub(crate) version: Option<u32>,
}

/// The payload before its media type is known.
pub(crate) enum Payload {
    Absent,
    /// JSON as it was written.
    Json(String),
    /// The bytes of the payload as they are.
    Bytes(Vec<u8>),
}

/// A JSON object as it was written; a name that comes twice is refused, since readers do not agree on which one counts.
pub(crate) struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a CloudEvent, which is an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members: Vec<(String, Box<RawValue>)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if members.len() >= limits::EVENT_ATTRIBUTES || members.iter().any(|(other, _)| *other == name) {
                        return Err(de::Error::custom("a member comes twice, or there are too many"));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// The JSON format (CloudEvents JSON format 1.0.2, 3).
pub(crate) fn from_json(Members(members): Members) -> Result<Incoming, Vec<Invalid>> {
    let (mut attributes, mut payload, mut wrong) = (BTreeMap::new(), Payload::Absent, Vec::new());
    for (name, value) in members {
        match name.as_str() {
            "data" | "data_base64" if !matches!(payload, Payload::Absent) => {
                wrong.push(invalid(&name, "there is `data` or `data_base64`, not both"));
            }
            "data" => payload = Payload::Json(value.get().to_owned()),
            "data_base64" => match decoded(&value) {
                Some(Some(bytes)) => payload = Payload::Bytes(bytes),
                Some(None) => {}
                None => wrong.push(invalid(&name, "no Base64 text (RFC 4648, 4)")),
            },
            _ => match serde_json::from_str(value.get()) {
                Ok(Value::Null) => {}
                Ok(value) => drop(attributes.insert(name, value)),
                Err(_) => wrong.push(invalid(&name, "an attribute is a text, a whole number or true or false")),
            },
        }
    }
    let read = build(attributes, payload);
    match read {
        Ok(incoming) if wrong.is_empty() => Ok(incoming),
        Ok(_) => Err(wrong),
        Err(more) => Err(wrong.into_iter().chain(more).collect()),
    }
}

/// The bytes; `Some(None)` where JSON says `null`, which is absent.
fn decoded(value: &RawValue) -> Option<Option<Vec<u8>>> {
    match serde_json::from_str::<Option<String>>(value.get()).ok()? {
        Some(text) => STANDARD.decode(text).ok().map(Some),
        None => Some(None),
    }
}

/// An event of checked attributes.
pub(crate) fn build(mut attributes: BTreeMap<String, Value>, payload: Payload) -> Result<Incoming, Vec<Invalid>> {
    let mut wrong = Vec::new();
    attributes.remove("position");
    for (name, value) in &attributes {
        if let Err(detail) = attribute(name, value) {
            wrong.push(invalid(name, detail));
        }
    }
    match attributes.remove("specversion") {
        Some(Value::String(version)) if version == "1.0" => {}
        _ => wrong.push(invalid("specversion", "must be the text \"1.0\"")),
    }
    let mut required = |name: &str| match attributes.remove(name) {
        Some(Value::String(text)) => text,
        Some(_) => String::new(),
        None => {
            wrong.push(invalid(name, "is required"));
            String::new()
        }
    };
    let (id, source, kind) = (required("id"), required("source"), required("type"));
    let subject = match attributes.remove("subject") {
        Some(Value::String(subject)) => Some(subject),
        _ => None,
    };
    let version = match attributes.get("dataschema").and_then(Value::as_str).and_then(|uri| uri.strip_prefix(SCHEMA)) {
        Some(ours) => {
            let version = ours.rsplit_once(':').filter(|(of, _)| *of == kind).and_then(|(_, n)| n.parse().ok());
            if version.is_none() {
                wrong.push(invalid("dataschema", "names the schema of another type"));
            }
            attributes.remove("dataschema");
            version
        }
        None => None,
    };
    let text = text_of(payload, attributes.get("datacontenttype").and_then(Value::as_str));
    let parsed = text.and_then(|text| match serde_json::from_str(&text) {
        Ok(value) => Ok((text, value)),
        Err(error) => Err(Invalid { pointer: "/data".to_owned(), detail: format!("no JSON: {error}") }),
    });
    let kept = if attributes.is_empty() { None } else { serde_json::to_string(&attributes).ok() };
    if kept.as_ref().is_some_and(|kept| kept.len() > limits::EVENT_ATTRIBUTES_BYTES) {
        let most = limits::EVENT_ATTRIBUTES_BYTES;
        wrong
            .push(Invalid { pointer: String::new(), detail: format!("the attributes are over {most} bytes together") });
    }
    match parsed {
        Ok((text, data)) if wrong.is_empty() => {
            let trace = attributes.get("traceparent").and_then(Value::as_str).and_then(trace_of);
            let event = NewEvent::raw(kind, source, text).id(id).subject(subject).trace(trace).attributes(kept);
            Ok(Incoming { event, data, version })
        }
        Ok(_) => Err(wrong),
        Err(error) => Err(wrong.into_iter().chain([error]).collect()),
    }
}

/// The payload as JSON text; an absent one is `null`.
fn text_of(payload: Payload, media_type: Option<&str>) -> Result<String, Invalid> {
    if media_type.is_some_and(|media_type| !is_json(media_type)) {
        return Err(invalid(
            "datacontenttype",
            "the payload of an event is JSON here: application/json, or a type +json",
        ));
    }
    match payload {
        Payload::Absent => Ok("null".to_owned()),
        Payload::Json(text) => Ok(text),
        // Without a media type nothing may be assumed of bytes (JSON format, 3.1.2).
        Payload::Bytes(_) if media_type.is_none() => {
            Err(invalid("datacontenttype", "bytes need their media type, which is JSON here"))
        }
        Payload::Bytes(bytes) => {
            String::from_utf8(bytes).map_err(|_| Invalid { pointer: "/data".to_owned(), detail: "no UTF-8".to_owned() })
        }
    }
}

/// Whether one attribute may be so (CloudEvents 1.0.2, naming conventions and type system).
fn attribute(name: &str, value: &Value) -> Result<(), &'static str> {
    if !is_attribute(name) || name.len() > NAME_CHARS {
        return Err("a name has the letters a-z and digits alone, 64 at most");
    }
    let standard = matches!(name, "id" | "source" | "type" | "subject" | "time" | "datacontenttype" | "dataschema");
    let text = match value {
        Value::String(text) => text,
        _ if standard => return Err("must be a text"),
        Value::Bool(_) => return Ok(()),
        Value::Number(number) => {
            let whole = number.as_i64().is_some_and(|number| i32::try_from(number).is_ok());
            return if whole { Ok(()) } else { Err("a number is whole and has 32 bits") };
        }
        _ => return Err("an attribute is a text, a whole number or true or false"),
    };
    if text.chars().any(|c| c.is_control() || is_noncharacter(c)) {
        return Err("holds a control character or a noncharacter");
    }
    if standard && text.is_empty() {
        return Err("is empty");
    }
    let most = if standard { limits::EVENT_ATTRIBUTE_BYTES } else { limits::EVENT_ATTRIBUTES_BYTES };
    if text.len() > most {
        return Err("is too long");
    }
    match name {
        "source" if fluent_uri::UriRef::parse(text.as_str()).is_err() => Err("no URI reference (RFC 3986, 4.1)"),
        "dataschema" if fluent_uri::Uri::parse(text.as_str()).is_err() => Err("no URI with a scheme (RFC 3986, 3)"),
        "time" if time_ms(text).is_none() => Err("no time as in RFC 3339"),
        "datacontenttype" if media_type(text).is_none() => Err("no media type (RFC 2046)"),
        _ => Ok(()),
    }
}

fn is_noncharacter(c: char) -> bool {
    let code = u32::from(c);
    (0xFDD0..=0xFDEF).contains(&code) || code & 0xFFFE == 0xFFFE
}

/// Unix milliseconds of a time as RFC 3339 writes it.
pub(crate) fn time_ms(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = text.parse().ok().filter(|_| is_rfc3339(text.as_bytes()))?;
    Some(time.as_millisecond())
}

/// `2026-11-21T03:04:05`, perhaps a fraction, and `Z` or an offset: the library reads more than RFC 3339 has.
fn is_rfc3339(text: &[u8]) -> bool {
    let fits = |text: &[u8], form: &[u8]| {
        let one = |(byte, form): (&u8, &u8)| match form {
            b'0' => byte.is_ascii_digit(),
            form => byte.eq_ignore_ascii_case(form),
        };
        text.len() == form.len() && text.iter().zip(form).all(one)
    };
    let Some((time, rest)) = text.split_at_checked(19) else { return false };
    let digits = rest.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
    let zone = if rest.first() == Some(&b'.') && digits > 0 { &rest[1 + digits..] } else { rest };
    fits(time, b"0000-00-00T00:00:00") && (fits(zone, b"Z") || fits(zone, b"+00:00") || fits(zone, b"-00:00"))
}

/// Type and subtype in small letters, where it is a media type.
pub(crate) fn media_type(text: &str) -> Option<String> {
    let mut parts = text.split(';');
    let (kind, subtype) = parts.next()?.trim().split_once('/')?;
    let token = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
    };
    let parameter =
        |part: &str| part.trim().is_empty() || part.split_once('=').is_some_and(|(name, _)| token(name.trim()));
    (token(kind) && token(subtype) && parts.all(parameter)).then(|| format!("{kind}/{subtype}").to_ascii_lowercase())
}

/// `*/json` or `*/*+json` (JSON format, 3.1.1).
pub(crate) fn is_json(text: &str) -> bool {
    let subtype = media_type(text).and_then(|media| media.split_once('/').map(|(_, subtype)| subtype.to_owned()));
    subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

/// The trace id of a `traceparent` (Trace Context, W3C, 3.2), where it is one.
fn trace_of(traceparent: &str) -> Option<String> {
    let mut parts = traceparent.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex =
        |part: &str, len: usize| part.len() == len && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let whole = hex(version, 2) && version != "ff" && hex(parent, 16) && hex(flags, 2) && hex(trace, 32);
    let trace: kernel::TraceId = trace.parse().ok().filter(|_| whole)?;
    Some(trace.to_string())
}

/// What `dataschema` says of a type that is declared here.
pub(crate) fn schema_urn(kind: &str, version: u32) -> String {
    format!("{SCHEMA}{kind}:{version}")
}

/// An event in the JSON format. `typed` says that its type has a schema of its own here.
pub(crate) fn to_json(event: &Event, typed: bool) -> String {
    let mut members: Map<String, Value> =
        event.attributes.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    let mut say = |name: &str, value: String| drop(members.insert(name.to_owned(), value.into()));
    say("specversion", "1.0".to_owned());
    say("id", event.id.clone());
    say("source", event.source.clone());
    say("type", event.kind.clone());
    say("position", event.position.to_string());
    if let Some(subject) = &event.subject {
        say("subject", subject.clone());
    }
    let mut unless = |name: &str, value: String| {
        members.entry(name).or_insert(value.into());
    };
    unless("time", rfc3339(event.time_ms));
    unless("datacontenttype", "application/json".to_owned());
    if typed {
        unless("dataschema", schema_urn(&event.kind, event.schema_version));
    }
    if let Some(trace) = event.trace.as_ref().filter(|trace| trace.parse::<kernel::TraceId>().is_ok()) {
        unless("traceparent", format!("00-{trace}-{:016x}-01", event.position));
    }
    let mut text = serde_json::to_string(&members).unwrap_or_default();
    // The payload goes out as it came in, digit by digit.
    text.truncate(text.len().saturating_sub(1));
    text + ",\"data\":" + &event.data + "}"
}

fn invalid(name: &str, detail: &str) -> Invalid {
    let short: String = name.chars().take(NAME_CHARS).collect();
    Invalid { pointer: format!("/{}", short.replace('~', "~0").replace('/', "~1")), detail: detail.to_owned() }
}
