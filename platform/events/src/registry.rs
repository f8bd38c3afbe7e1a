//! What was declared: event types with their schemas, and who is owed which events.

use std::collections::BTreeMap;
use std::sync::Arc;

use jobs::{Kind, NewJob};
use jsonschema::Validator;
use kernel::limits;
use serde_json::Value;

use crate::condition::{Condition, Facts};
use crate::event::{Event, EventType};
use crate::filter::Filter;
use crate::state::Retry;

/// A work subscription: one job of this kind per event. The kind's name is the subscription's name.
#[derive(Clone, Debug)]
pub struct Work {
    /// The kind of its jobs.
    pub kind: Kind,
    /// Which types.
    pub filter: Filter,
    /// Whether the jobs of one subject run strictly in the order of the log.
    pub ordered: bool,
    condition: Option<Condition>,
}

impl Work {
    /// One job of `kind` for each event of these types.
    pub const fn new(kind: Kind, filter: Filter) -> Self {
        Self { kind, filter, ordered: false, condition: None }
    }

    /// For those events alone of which this holds.
    #[must_use]
    pub fn when(self, condition: Condition) -> Self {
        Self { condition: Some(condition), ..self }
    }

    /// The jobs of one subject run strictly in the order of the log: until one has ended, its retries included, those
    /// behind it wait. A discarded or cancelled one lets them go. Events without a subject are not ordered.
    #[must_use]
    pub const fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// Whether an event is owed a job. `payload` gives the parsed payload, to conditions that ask for it.
    pub(crate) fn wants<'a>(&self, facts: &Facts<'a>, payload: impl FnOnce() -> &'a Value) -> bool {
        if !self.filter.wants(facts.kind) {
            return false;
        }
        let Some(condition) = &self.condition else { return true };
        let payload = condition.needs_payload().then(payload);
        condition.holds_of(&Facts { payload, ..facts.clone() })
    }

    /// As [`Work::wants`], of an event that is stored.
    pub(crate) fn wants_event(&self, event: &Event) -> bool {
        self.filter.wants(&event.kind) && self.condition.as_ref().is_none_or(|condition| condition.holds(event))
    }

    /// The job that it owes to an event.
    pub(crate) fn job(&self, position: i64, subject: Option<&str>, trace: Option<String>) -> NewJob {
        let job = NewJob::new(self.kind, &Value::Null).event(position).trace(trace);
        match subject.filter(|_| self.ordered) {
            Some(subject) => job.in_order(subject),
            None => job,
        }
    }

    /// What it wants beyond types.
    pub(crate) fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }
}

/// A stream subscription: a durable cursor over the log.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Its stable name.
    pub name: &'static str,
    /// Which types.
    pub filter: Filter,
    pub(crate) retry: Retry,
    condition: Option<Condition>,
}

impl Stream {
    /// The events of these types.
    pub const fn new(name: &'static str, filter: Filter) -> Self {
        let (first_ms, most_ms) = limits::STREAM_PAUSE_MS;
        let retry = Retry { first_ms, most_ms, park_after: limits::STREAM_PARK_AFTER };
        Self { name, filter, retry, condition: None }
    }

    /// Those events alone of which this holds.
    #[must_use]
    pub fn when(self, condition: Condition) -> Self {
        Self { condition: Some(condition), ..self }
    }

    /// The first and the longest pause between two tries of a failing batch, milliseconds; the pause doubles.
    #[must_use]
    pub const fn pauses(mut self, first_ms: u64, most_ms: u64) -> Self {
        (self.retry.first_ms, self.retry.most_ms) = (first_ms, most_ms);
        self
    }

    /// Parks an event that failed so often alone; [`limits::STREAM_PARK_AFTER`] unless said.
    #[must_use]
    pub const fn parks_after(mut self, failures: u32) -> Self {
        self.retry.park_after = failures;
        self
    }

    /// Holds for ever at an event that its handler refuses: for what must not have a gap.
    #[must_use]
    pub const fn never_parks(mut self) -> Self {
        self.retry.park_after = 0;
        self
    }

    pub(crate) fn wants(&self, event: &Event) -> bool {
        self.condition.as_ref().is_none_or(|condition| condition.holds(event))
    }

    /// What it wants beyond types.
    pub(crate) fn condition(&self) -> Option<&Condition> {
        self.condition.as_ref()
    }
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

/// A declared event type, or a family of them.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    pub(crate) pattern: String,
    /// `None` of a family: its types have no versions.
    pub(crate) version: Option<u32>,
    pub(crate) schema: Value,
    /// Whether others than the parts of this process may publish it.
    pub(crate) open: bool,
    validator: Arc<Validator>,
}

/// A channel of realtime, as a document describes it.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    /// Its address, with parameters in braces: `radio:{station}`.
    pub(crate) address: String,
    /// What is published there, in a sentence.
    pub(crate) description: String,
}

/// Everything declared at the start; it never changes while the process lives.
#[derive(Default)]
pub struct Registry {
    types: BTreeMap<String, Declared>,
    channels: Vec<Channel>,
    reserved: Vec<String>,
    pub(crate) works: Vec<Work>,
    pub(crate) streams: Vec<Stream>,
}

impl Registry {
    /// Declares a typed event of a part or product of this process. Nobody else publishes it, unless [`Registry::open`] says so.
    ///
    /// # Panics
    /// When two types have one name, or the type's schema is broken: mistakes of the wiring.
    pub fn event<T: EventType>(&mut self) {
        self.declare(T::TYPE, Some(T::VERSION), schemars::schema_for!(T).into(), false);
    }

    /// Declares a family of types with one schema, such as everything that a webhook source sends. Nobody else publishes them, as
    /// with [`Registry::event`].
    ///
    /// # Panics
    /// As [`Registry::event`].
    pub fn family(&mut self, filter: Filter, schema: Value) {
        self.declare(filter.0, None, schema, false);
    }

    /// Lets others publish these types. What a part has declared so before keeps its schema; else payloads are whatever their
    /// producers send. Without this, what nobody declared is refused, and so is what is a part's own.
    ///
    /// # Errors
    /// In words, when the pattern is none (`partner.*`, `partner.order`) or is open already.
    pub fn open(&mut self, pattern: &str) -> Result<(), String> {
        if pattern == "*" || !Filter::is_pattern(pattern) {
            return Err(format!("{pattern:?} is no type and no family of types such as \"partner.*\""));
        }
        match self.types.get_mut(pattern) {
            Some(declared) if declared.open => return Err(format!("the event type {pattern:?} is open already")),
            Some(declared) => declared.open = true,
            None => self.declare(pattern, None, Value::Bool(true), true),
        }
        Ok(())
    }

    fn declare(&mut self, pattern: &str, version: Option<u32>, schema: Value, open: bool) {
        let validator = jsonschema::validator_for(&schema).expect("the schema of an event type is a schema");
        let declared = Declared { pattern: pattern.to_owned(), version, schema, open, validator: Arc::new(validator) };
        let other = self.types.insert(pattern.to_owned(), declared);
        assert!(other.is_none(), "two event types are called {pattern}");
    }

    /// Keeps a source, and every one below it, for the parts of this process, such as `/in` for verified webhooks: a
    /// publisher who names one is refused.
    pub fn reserve(&mut self, source: impl Into<String>) {
        self.reserved.push(source.into().trim_end_matches('/').to_owned());
    }

    pub(crate) fn is_reserved(&self, source: &str) -> bool {
        let below = |rest: &str| rest.is_empty() || rest.starts_with('/');
        self.reserved.iter().any(|reserved| source.strip_prefix(reserved.as_str()).is_some_and(below))
    }

    /// Describes a channel of realtime for the AsyncAPI document: its address, parameters in braces (`radio:{station}`), and
    /// what is published there.
    pub fn channel(&mut self, address: impl Into<String>, description: impl Into<String>) {
        self.channels.push(Channel { address: address.into(), description: description.into() });
    }

    /// Declares a work subscription.
    ///
    /// # Panics
    /// When its condition is broken: a mistake of the wiring.
    pub fn work(&mut self, work: Work) {
        check(work.condition.as_ref(), work.kind.name);
        self.works.push(work);
    }

    /// Declares a stream subscription.
    ///
    /// # Panics
    /// As [`Registry::work`].
    pub fn stream(&mut self, stream: Stream) {
        check(stream.condition.as_ref(), stream.name);
        self.streams.push(stream);
    }

    /// The declared types, by name.
    pub(crate) fn types(&self) -> impl Iterator<Item = &Declared> {
        self.types.values()
    }

    pub(crate) fn channels(&self) -> &[Channel] {
        &self.channels
    }

    /// Who declared this type: itself, or the narrowest family; of two families the narrower one sorts last.
    pub(crate) fn declared(&self, kind: &str) -> Option<&Declared> {
        let family = || self.types.values().rev().find(|declared| Filter::matches(&declared.pattern, kind));
        self.types.get(kind).or_else(family)
    }
}

impl Declared {
    /// Every place where a payload breaks the schema, [`limits::EVENT_ERRORS`] at most.
    pub(crate) fn check(&self, data: &Value) -> Result<(), (Invalid, Vec<Invalid>)> {
        let mut errors = self.validator.iter_errors(data).take(limits::EVENT_ERRORS).map(|error| Invalid {
            pointer: error.instance_path().to_string(),
            // A payload may hold a person's words: the message, which goes into logs and answers, repeats none of them.
            detail: error.masked_with("the value").to_string().chars().take(300).collect(),
        });
        match errors.next() {
            Some(first) => Err((first, errors.collect())),
            None => Ok(()),
        }
    }
}

fn check(condition: Option<&Condition>, name: &str) {
    let checked = condition.map_or(Ok(()), Condition::check);
    assert!(checked.is_ok(), "the condition of {name} is broken: {checked:?}");
}
