//! The envelope: CloudEvents 1.0 attributes and a position in the log.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use store::{FromRow, Row, StoreError};

/// A typed event: its payload, with a schema made from the Rust type.
pub trait EventType: Serialize + DeserializeOwned + schemars::JsonSchema + Send + 'static {
    /// CloudEvents `type`, such as `radio.phrase`. Stored: never changes.
    const TYPE: &'static str;
    /// The schema's version: one more whenever an older payload no longer fits, or would be misread.
    const VERSION: u32 = 1;

    /// Turns a payload of `version` into one of the next, for events that were stored before [`EventType::VERSION`].
    ///
    /// # Errors
    /// In words, when there is no way.
    fn upcast(version: u32, payload: Value) -> Result<Value, String> {
        let _ = payload;
        Err(format!("{} says nothing about how its version {version} becomes the next", Self::TYPE))
    }
}

/// Why an event is not of the type that was asked for.
#[derive(Debug, thiserror::Error)]
#[error("event {position} ({kind}, version {version}) cannot be read: {reason}")]
pub struct Unreadable {
    position: i64,
    kind: String,
    version: u32,
    reason: String,
}

/// An event as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place in the log.
    pub position: i64,
    /// Unique within its source.
    pub id: String,
    /// CloudEvents `type`.
    pub kind: String,
    /// CloudEvents `source`: who says so.
    pub source: String,
    /// CloudEvents `subject`: what it is about.
    pub subject: Option<String>,
    /// When it was appended, Unix milliseconds.
    pub time_ms: i64,
    /// The version of its schema.
    pub schema_version: u32,
    /// The trace it belongs to.
    pub trace: Option<String>,
    /// The payload, JSON.
    pub data: String,
    /// What it has beyond these, as CloudEvents' optional attributes and extensions: a JSON object.
    pub attributes: Option<String>,
}

impl Event {
    /// The payload as its event type has it now, brought up from the version it was stored with.
    ///
    /// # Errors
    /// [`Unreadable`]: another type, a version that has no way up, or one that a newer binary wrote.
    pub fn read<T: EventType>(&self) -> Result<T, Unreadable> {
        let unreadable = |reason: String| Unreadable {
            position: self.position,
            kind: self.kind.clone(),
            version: self.schema_version,
            reason,
        };
        if self.kind != T::TYPE {
            return Err(unreadable(format!("wanted {}", T::TYPE)));
        }
        if self.schema_version == T::VERSION {
            return self.data().map_err(|error| unreadable(error.to_string()));
        }
        if self.schema_version > T::VERSION {
            return Err(unreadable(format!("this binary knows versions up to {}", T::VERSION)));
        }
        let mut payload: Value = self.data().map_err(|error| unreadable(error.to_string()))?;
        for version in self.schema_version..T::VERSION {
            payload = T::upcast(version, payload).map_err(&unreadable)?;
        }
        serde_json::from_value(payload).map_err(|error| unreadable(error.to_string()))
    }

    /// The payload as it was stored, whatever the version.
    ///
    /// # Errors
    /// When the payload is of another type.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.data)
    }
}

pub(crate) const COLUMNS: &str =
    "position, id, type, source, subject, time_ms, schema_version, trace, data, attributes";

impl FromRow for Event {
    fn from_row(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            position: row.get(0)?,
            id: row.get(1)?,
            kind: row.get(2)?,
            source: row.get(3)?,
            subject: row.get(4)?,
            time_ms: row.get(5)?,
            schema_version: row.get(6)?,
            trace: row.get(7)?,
            data: row.get(8)?,
            attributes: row.get(9)?,
        })
    }
}

/// An event to append.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub(crate) kind: String,
    pub(crate) source: String,
    pub(crate) id: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) trace: Option<String>,
    pub(crate) version: u32,
    pub(crate) data: String,
    /// As [`Event::attributes`].
    pub(crate) attributes: Option<String>,
}

impl NewEvent {
    /// A typed event.
    pub fn of<T: EventType>(source: impl Into<String>, payload: &T) -> Self {
        // A payload that cannot be written is refused by the check of its schema: the empty text is no JSON.
        let data = serde_json::to_string(payload).unwrap_or_default();
        Self { version: T::VERSION, ..Self::raw(T::TYPE, source, data) }
    }

    /// An event whose payload is JSON already, such as a webhook's body.
    pub fn raw(kind: impl Into<String>, source: impl Into<String>, data: String) -> Self {
        let (kind, source) = (kind.into(), source.into());
        Self { kind, source, id: None, subject: None, trace: None, version: 1, data, attributes: None }
    }

    /// Its type.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What it is about.
    pub fn about(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Its own id within the source: appending it again does nothing.
    #[must_use]
    pub fn id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// What it is about.
    #[must_use]
    pub fn subject(self, subject: Option<String>) -> Self {
        Self { subject, ..self }
    }

    /// Attributes beyond these: a JSON object of CloudEvents' optional attributes and extensions.
    #[must_use]
    pub fn attributes(self, attributes: Option<String>) -> Self {
        Self { attributes, ..self }
    }

    /// The trace it belongs to.
    #[must_use]
    pub fn trace(self, trace: Option<String>) -> Self {
        Self { trace, ..self }
    }

    /// As it is in the log now.
    pub(crate) fn at(&self, position: i64, id: String, time_ms: i64) -> Event {
        Event {
            position,
            id,
            kind: self.kind.clone(),
            source: self.source.clone(),
            subject: self.subject.clone(),
            time_ms,
            schema_version: self.version,
            trace: self.trace.clone(),
            data: self.data.clone(),
            attributes: self.attributes.clone(),
        }
    }
}
