//! Endpoints, messages and attempts as people look at them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::state::{State, Why};

/// A receiver of events.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EndpointRow {
    /// `ep_…`.
    pub id: String,
    /// Where its messages go.
    pub url: String,
    /// What it is, in its owner's words.
    pub description: String,
    /// The event types that it asks for: `github.push`, `github.*`, or `*`.
    pub types: Vec<String>,
    /// Messages a minute at most.
    pub per_minute: Option<u32>,
    /// Whether it gets anything.
    pub enabled: bool,
    /// Why it gets nothing.
    pub disabled: Option<Why>,
    /// Since when, Unix milliseconds.
    pub disabled_at_ms: Option<i64>,
    /// Attempts that failed since the last that succeeded.
    pub failures: u32,
    /// The first of them, Unix milliseconds.
    pub failing_since_ms: Option<i64>,
    /// When it is disabled if every attempt goes on failing, Unix milliseconds.
    pub disables_at_ms: Option<i64>,
    /// The last success, Unix milliseconds.
    pub delivered_at_ms: Option<i64>,
    /// Messages that wait for an attempt; the count stops at 1,000.
    pub pending: i64,
    /// Messages that were given up, as far as they are kept; the count stops at 1,000.
    pub failed: i64,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// Unix milliseconds.
    pub updated_at_ms: i64,
}

/// One event on its way to one endpoint.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MessageRow {
    /// Its place in lists.
    pub number: i64,
    /// `msg_…`: the `webhook-id` of every attempt.
    pub id: String,
    /// The endpoint.
    pub endpoint: String,
    /// The event's place in the log.
    pub position: i64,
    /// The event's type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the event is about.
    pub subject: Option<String>,
    /// The trace it belongs to.
    pub trace_id: Option<String>,
    /// Where it is.
    pub state: State,
    /// Which series of attempts this is: a person who sends it again begins a new one.
    pub series: u32,
    /// Attempts made in this series.
    pub attempts: u32,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    /// When the next attempt is due, Unix milliseconds.
    pub next_at_ms: Option<i64>,
    /// When it arrived or was given up, Unix milliseconds.
    pub finished_at_ms: Option<i64>,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// What was wrong with the last attempt.
    pub error: Option<String>,
}

/// One attempt at a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AttemptRow {
    /// Unix milliseconds.
    pub began_at_ms: i64,
    /// Milliseconds.
    pub took_ms: i64,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What was wrong.
    pub error: Option<String>,
    /// How the answer began.
    pub answer: String,
}

/// Which messages to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Of this endpoint.
    pub endpoint: String,
    /// In this state only.
    pub state: Option<State>,
    /// Older than this number only.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: usize,
}
