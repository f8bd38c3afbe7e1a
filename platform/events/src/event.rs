//! The envelope: CloudEvents 1.0 attributes and a position in the log.

use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{FromRow, Row, StoreError};

/// A typed event: its payload, with a schema made from the Rust type.
pub trait EventType: Serialize + DeserializeOwned + schemars::JsonSchema + Send + 'static {
    /// CloudEvents `type`, such as `radio.phrase`. Stored: never changes.
    const TYPE: &'static str;
    /// The schema's version; a reader of an older one must still understand it.
    const VERSION: u32 = 1;
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
}

impl Event {
    /// The payload as a type.
    ///
    /// # Errors
    /// When the payload is of another type.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.data)
    }
}

pub(crate) const COLUMNS: &str = "position, id, type, source, subject, time_ms, schema_version, trace, data";

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
        Self { kind, source, id: None, subject: None, trace: None, version: 1, data }
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

    /// The trace it belongs to.
    #[must_use]
    pub fn trace(self, trace: Option<String>) -> Self {
        Self { trace, ..self }
    }
}

/// Which types a subscription wants: one (`radio.phrase`), or a family (`github.*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter(pub &'static str);

impl Filter {
    /// Whether it wants this type.
    pub fn wants(self, kind: &str) -> bool {
        match self.family() {
            Some(family) => kind.starts_with(family),
            None => kind == self.0,
        }
    }

    /// `github.` of `github.*`.
    fn family(self) -> Option<&'static str> {
        self.0.strip_suffix('*').filter(|family| family.ends_with('.'))
    }

    /// The same in SQL: a condition on `type`, and its parameter `$2`. Not a range of texts, since their order is the
    /// database's own on PostgreSQL.
    pub(crate) fn condition(self) -> (String, &'static str) {
        match self.family() {
            Some(family) => (format!("substr(type, 1, {}) = $2", family.chars().count()), family),
            None => ("type = $2".to_owned(), self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_wants_one_type_or_a_family() {
        for (filter, kind, wanted) in [
            ("github.*", "github.push", true),
            ("github.*", "github", false),
            ("github.*", "githubby.push", false),
            ("github.push", "github.push", true),
            ("github.push", "github.pushed", false),
        ] {
            assert_eq!(Filter(filter).wants(kind), wanted, "{filter:?} {kind}");
        }
    }
}
