//! What a verified body says: the event's payload, as JSON.

use std::borrow::Cow;

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use crate::atom;
use crate::scheme::{Format, Sender};

/// The kind of body that the headers announce; else the content type, cut, for whoever has to set the webhook up.
pub(crate) fn format<'a>(sender: &Sender<'a>, headers: &HeaderMap) -> Result<Announced<'a>, String> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind: String = kind.split(';').next().unwrap_or_default().trim().chars().take(100).collect();
    let is = |format: &Format<'_>| match (kind.to_ascii_lowercase().as_str(), format) {
        ("application/json", Format::Json) => true,
        (kind, Format::Json) => kind.starts_with("application/") && kind.ends_with("+json"),
        ("application/x-www-form-urlencoded", Format::FormField(_) | Format::FormFields) => true,
        ("application/atom+xml" | "application/xml" | "text/xml", Format::Atom) => true,
        _ => false,
    };
    let fits: Vec<_> = sender.formats.iter().copied().filter(is).collect();
    if fits.is_empty() { Err(kind) } else { Ok(Announced(fits)) }
}

/// The formats that a body of this content type may have, the first that reads it counts.
pub(crate) struct Announced<'a>(Vec<Format<'a>>);

/// A payload, as text for the log and parsed.
pub(crate) struct Payload {
    pub(crate) text: String,
    pub(crate) value: Value,
}

impl Announced<'_> {
    /// Reads the body; a sentence when it is none of these.
    pub(crate) fn read(&self, body: &[u8]) -> Result<Payload, String> {
        let mut refused = None;
        for format in &self.0 {
            let text = match format {
                Format::Json => std::str::from_utf8(body).ok().map(Cow::Borrowed),
                Format::FormField(field) => fields(body).and_then(|fields| {
                    fields.into_iter().find_map(|(name, value)| (name == *field).then_some(Cow::Owned(value)))
                }),
                Format::FormFields => fields(body).filter(|fields| !fields.is_empty()).map(|fields| {
                    let object = fields.into_iter().map(|(name, value)| (name, Value::String(value)));
                    Cow::Owned(Value::Object(object.collect::<Map<_, _>>()).to_string())
                }),
                Format::Atom => match std::str::from_utf8(body).map(atom::payload) {
                    Ok(Ok(payload)) => Some(Cow::Owned(payload.to_string())),
                    Ok(Err(reason)) => {
                        refused = Some(reason);
                        None
                    }
                    Err(_) => None,
                },
            };
            let Some(text) = text else { continue };
            return match serde_json::from_str(&text) {
                Ok(value) => Ok(Payload { text: text.into_owned(), value }),
                Err(error) => Err(format!("The body is no JSON: line {}, column {}.", error.line(), error.column())),
            };
        }
        Err(refused.unwrap_or_else(|| "The body is not UTF-8 text of the kind its type says.".to_owned()))
    }
}

fn fields(body: &[u8]) -> Option<Vec<(String, String)>> {
    // Lone bytes that are no UTF-8 would become replacement characters.
    std::str::from_utf8(body).ok()?;
    serde_urlencoded::from_bytes(body).ok()
}
