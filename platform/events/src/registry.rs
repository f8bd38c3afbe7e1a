//! What was declared: event types with their schemas, and who is owed which events.

use std::collections::BTreeMap;

use jobs::Kind;
use jsonschema::Validator;
use serde_json::Value;

use crate::event::{EventType, Filter};

/// A work subscription: one job of this kind per event. The kind's name is the subscription's name.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// The kind of its jobs.
    pub kind: Kind,
    /// Which events.
    pub filter: Filter,
}

/// A stream subscription: a durable cursor over the log.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// Its stable name.
    pub name: &'static str,
    /// Which events.
    pub filter: Filter,
}

/// An event that breaks the schema of its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail} at {pointer:?}")]
pub struct Invalid {
    /// JSON pointer (RFC 6901) to what is wrong; empty for the whole.
    pub pointer: String,
    /// What is wrong with it.
    pub detail: String,
}

struct Schema {
    filter: Filter,
    schema: Value,
    validator: Validator,
}

/// Everything declared at the start; it never changes while the process lives.
#[derive(Default)]
pub struct Registry {
    schemas: BTreeMap<&'static str, Schema>,
    pub(crate) works: Vec<Work>,
    pub(crate) streams: Vec<Stream>,
}

impl Registry {
    /// Declares a typed event.
    ///
    /// # Panics
    /// When two types have one name, or the type's schema is broken: mistakes of the wiring.
    pub fn event<T: EventType>(&mut self) {
        self.family(Filter(T::TYPE), schemars::schema_for!(T).into());
    }

    /// Declares a family of types with one schema, such as everything that a webhook source sends.
    ///
    /// # Panics
    /// As [`Registry::event`].
    pub fn family(&mut self, filter: Filter, schema: Value) {
        let validator = jsonschema::validator_for(&schema).expect("the schema of an event type is a schema");
        let other = self.schemas.insert(filter.0, Schema { filter, schema, validator });
        assert!(other.is_none(), "two event types are called {}", filter.0);
    }

    /// Declares a work subscription.
    pub fn work(&mut self, work: Work) {
        self.works.push(work);
    }

    /// Declares a stream subscription.
    pub fn stream(&mut self, stream: Stream) {
        self.streams.push(stream);
    }

    /// The declared types with their schemas, for documents.
    pub fn schemas(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.schemas.iter().map(|(name, schema)| (*name, &schema.schema))
    }

    /// `None` when nobody declared this type.
    pub(crate) fn check(&self, kind: &str, data: &Value) -> Option<Result<(), Invalid>> {
        let exact = self.schemas.get(kind);
        // Of two families the narrower one sorts last.
        let schema = exact.or_else(|| self.schemas.values().rev().find(|schema| schema.filter.wants(kind)))?;
        Some(schema.validator.validate(data).map_err(|error| Invalid {
            pointer: error.instance_path().to_string(),
            // A payload may hold a person's words: the message, which goes into logs and answers, repeats none of them.
            detail: error.masked_with("the value").to_string().chars().take(300).collect(),
        }))
    }
}
