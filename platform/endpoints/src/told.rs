//! What owners are told, as events of the log: in the console, to whoever subscribes, and to their other endpoints.

use events::{EventType, NewEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::state::Why;

pub(crate) const SOURCE: &str = "/mainspring/endpoints";

/// An endpoint has only failed for half of the time after which it is disabled.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Failing {
    pub(crate) endpoint: String,
    pub(crate) description: String,
    /// Attempts since the last success.
    pub(crate) failures: u32,
    /// The first of them, Unix milliseconds.
    pub(crate) failing_since_ms: i64,
    /// When it is disabled if that goes on, Unix milliseconds.
    pub(crate) disables_at_ms: i64,
    pub(crate) last_error: String,
}

impl EventType for Failing {
    const TYPE: &'static str = "mainspring.endpoint.failing";
}

/// An endpoint was disabled without a person asking for it. It gets nothing until it is enabled again.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Disabled {
    pub(crate) endpoint: String,
    pub(crate) description: String,
    pub(crate) reason: Why,
    /// Attempts since the last success.
    pub(crate) failures: u32,
    /// The first of them, Unix milliseconds.
    pub(crate) failing_since_ms: Option<i64>,
    pub(crate) last_error: String,
}

impl EventType for Disabled {
    const TYPE: &'static str = "mainspring.endpoint.disabled";
}

/// A message that only its endpoint gets, because its owner asked for one.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Test {
    pub(crate) endpoint: String,
    pub(crate) message: String,
}

impl EventType for Test {
    const TYPE: &'static str = "mainspring.endpoint.test";
}

/// An event about an endpoint.
pub(crate) fn about<T: EventType>(endpoint: &str, payload: &T) -> NewEvent {
    NewEvent::of(SOURCE, payload).subject(Some(endpoint.to_owned()))
}
