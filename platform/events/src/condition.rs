//! Conditions on events, as data: the filter dialects of CloudEvents Subscriptions 1.0 (3.2.4.1.1), and JSON pointers into
//! the payload beside the names of attributes.

use std::collections::BTreeMap;
use std::sync::Arc;

use kernel::limits;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Event;
use crate::registry::Invalid;

/// Nested so deep at most.
const DEPTH: usize = 8;
/// So many terms at most, over all levels.
const TERMS: usize = 64;

/// What must hold of an event. In JSON as the dialect writes it: `{"all": [{"prefix": {"subject": "octocat/"}}, {"not":
/// {"exact": {"/action": "closed"}}}]}`.
///
/// A key is an attribute's name (`type`, `source`, `subject`, `id`, or an extension), or, beginning with `/`, a JSON pointer
/// (RFC 6901) into the payload. Whatever is absent fits nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// Each is exactly this: an attribute a text, a place in the payload any JSON value.
    Exact(BTreeMap<String, Value>),
    /// Each text begins so.
    Prefix(BTreeMap<String, String>),
    /// Each text ends so.
    Suffix(BTreeMap<String, String>),
    /// Every one holds.
    All(Vec<Condition>),
    /// One holds at least.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
}

impl Condition {
    /// A condition from JSON, checked.
    ///
    /// # Errors
    /// [`Invalid`]: an unknown dialect, a name that no attribute can have, a pointer that is none, an empty term, or more
    /// than eight levels or 64 terms.
    pub fn parse(json: &Value) -> Result<Self, Invalid> {
        if depth(json, DEPTH * 2 + 2).is_none() {
            return Err(wrong("", format!("a condition has {DEPTH} levels at most")));
        }
        let condition: Self = serde_json::from_value(json.clone()).map_err(|error| wrong("", error.to_string()))?;
        condition.check().map(|()| condition)
    }

    /// As the constructors of the wiring make them: checked when the subscription is declared.
    pub(crate) fn check(&self) -> Result<(), Invalid> {
        let mut terms = 0;
        self.check_at("", 1, &mut terms)
    }

    fn check_at(&self, at: &str, level: usize, terms: &mut usize) -> Result<(), Invalid> {
        *terms += 1;
        if level > DEPTH || *terms > TERMS {
            return Err(wrong(at, format!("a condition has {DEPTH} levels and {TERMS} terms at most")));
        }
        match self {
            Self::Exact(values) => {
                let texts = values.iter().map(|(name, value)| (name, value.as_str(), !name.starts_with('/')));
                check_terms(&format!("{at}/exact"), texts, terms)
            }
            Self::Prefix(texts) => check_terms(&format!("{at}/prefix"), each(texts), terms),
            Self::Suffix(texts) => check_terms(&format!("{at}/suffix"), each(texts), terms),
            Self::All(many) | Self::Any(many) => {
                let at = format!("{at}/{}", if matches!(self, Self::All(_)) { "all" } else { "any" });
                if many.is_empty() {
                    return Err(wrong(&at, "there must be one condition at least"));
                }
                many.iter().enumerate().try_for_each(|(n, one)| one.check_at(&format!("{at}/{n}"), level + 1, terms))
            }
            Self::Not(one) => one.check_at(&format!("{at}/not"), level + 1, terms),
        }
    }

    /// Whether it holds of this event. The payload is parsed once, and only when a pointer asks for it.
    pub fn holds(&self, event: &Event) -> bool {
        let payload = self.needs_payload().then(|| serde_json::from_str(&event.data).unwrap_or_default());
        self.holds_of(&Facts::of(event, payload.as_ref()))
    }

    pub(crate) fn needs_payload(&self) -> bool {
        let pointer = |name: &String| name.starts_with('/');
        match self {
            Self::Exact(values) => values.keys().any(pointer),
            Self::Prefix(texts) | Self::Suffix(texts) => texts.keys().any(pointer),
            Self::All(many) | Self::Any(many) => many.iter().any(Self::needs_payload),
            Self::Not(one) => one.needs_payload(),
        }
    }

    pub(crate) fn holds_of(&self, facts: &Facts<'_>) -> bool {
        let text = |name: &str, fits: &dyn Fn(&str) -> bool| facts.text(name).is_some_and(fits);
        match self {
            Self::Exact(values) => values.iter().all(|(name, wanted)| match name.starts_with('/') {
                true => facts.place(name).is_some_and(|value| same(value, wanted)),
                false => text(name, &|value| wanted.as_str() == Some(value)),
            }),
            Self::Prefix(texts) => texts.iter().all(|(name, start)| text(name, &|value| value.starts_with(start))),
            Self::Suffix(texts) => texts.iter().all(|(name, end)| text(name, &|value| value.ends_with(end))),
            Self::All(many) => many.iter().all(|one| one.holds_of(facts)),
            Self::Any(many) => many.iter().any(|one| one.holds_of(facts)),
            Self::Not(one) => !one.holds_of(facts),
        }
    }
}

/// What a condition is asked of.
#[derive(Clone)]
pub(crate) struct Facts<'a> {
    pub(crate) kind: &'a str,
    pub(crate) source: &'a str,
    pub(crate) subject: Option<&'a str>,
    pub(crate) id: &'a str,
    /// The other attributes, parsed.
    pub(crate) attributes: Option<Arc<Value>>,
    pub(crate) payload: Option<&'a Value>,
}

impl<'a> Facts<'a> {
    pub(crate) fn of(event: &'a Event, payload: Option<&'a Value>) -> Self {
        Self {
            kind: &event.kind,
            source: &event.source,
            subject: event.subject.as_deref(),
            id: &event.id,
            attributes: attributes(event.attributes.as_deref()),
            payload,
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        match name {
            "type" => Some(self.kind),
            "source" => Some(self.source),
            "subject" => self.subject,
            "id" => Some(self.id),
            pointer if pointer.starts_with('/') => self.place(pointer)?.as_str(),
            other => self.attributes.as_ref()?.get(other)?.as_str(),
        }
    }

    fn place(&self, pointer: &str) -> Option<&'a Value> {
        self.payload?.pointer(pointer)
    }
}

/// Optional attributes, as they are stored.
pub(crate) fn attributes(json: Option<&str>) -> Option<Arc<Value>> {
    json.and_then(|json| serde_json::from_str(json).ok()).map(Arc::new)
}

/// Numbers are the same when they are equal, however they were written.
fn same(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(a), Some(b)) if !(one.is_i64() && other.is_i64()) => a == b,
        _ => one == other,
    }
}

fn each(texts: &BTreeMap<String, String>) -> impl Iterator<Item = (&String, Option<&str>, bool)> {
    texts.iter().map(|(name, text)| (name, Some(text.as_str()), true))
}

/// Names, and texts where a text must be: neither may be empty (3.2.4.1.1), and both have the bound of an attribute.
fn check_terms<'a>(
    at: &str,
    texts: impl Iterator<Item = (&'a String, Option<&'a str>, bool)>,
    terms: &mut usize,
) -> Result<(), Invalid> {
    let mut some = false;
    for (name, text, must_be_text) in texts {
        some = true;
        *terms += 1;
        let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        if *terms > TERMS {
            return Err(wrong(&place, format!("a condition has {TERMS} terms at most")));
        }
        if !(is_pointer(name) || is_attribute(name)) || name.len() > limits::EVENT_ATTRIBUTE_BYTES {
            return Err(wrong(&place, "neither an attribute's name ([a-z0-9]) nor a JSON pointer"));
        }
        match text {
            Some(text) if text.len() > limits::EVENT_ATTRIBUTE_BYTES => {
                return Err(wrong(&place, "the text is too long"));
            }
            Some("") if must_be_text => return Err(wrong(&place, "the text is empty")),
            None if must_be_text => return Err(wrong(&place, "an attribute is compared with a text")),
            _ => {}
        }
    }
    if some { Ok(()) } else { Err(wrong(at, "there must be one term at least")) }
}

/// What CloudEvents allows as an attribute's name.
pub(crate) fn is_attribute(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// RFC 6901; the empty pointer, the whole, is not asked for here.
fn is_pointer(name: &str) -> bool {
    name.starts_with('/') && name.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']))
}

/// `None` when JSON is nested deeper than `left`.
fn depth(json: &Value, left: usize) -> Option<()> {
    let left = left.checked_sub(1)?;
    match json {
        Value::Array(items) => items.iter().try_for_each(|item| depth(item, left)),
        Value::Object(members) => members.values().try_for_each(|member| depth(member, left)),
        _ => Some(()),
    }
}

fn wrong(pointer: &str, detail: impl Into<String>) -> Invalid {
    Invalid { pointer: pointer.to_owned(), detail: detail.into() }
}
