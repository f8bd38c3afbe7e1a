//! Errors in the log become error reports: with the request or the job they belong to, and nothing that the log hides.

use std::hash::{DefaultHasher, Hash, Hasher};

use kernel::{Clock, Entropy};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::telemetry::fields::{Fields, Said, around};
use crate::telemetry::reports::limits::Allowance;

/// What the reports of this process have in common.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(crate) release: String,
    pub(crate) environment: String,
}

/// One report, encoded.
pub(crate) struct Report {
    pub(crate) id: String,
    pub(crate) body: Vec<u8>,
}

/// Queues a report for each error, as far as that helps.
pub(crate) struct Errors {
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) origin: Origin,
    pub(crate) allowance: std::sync::Arc<Mutex<Allowance>>,
    pub(crate) queue: mpsc::Sender<Report>,
}

/// By which errors are found again.
const TAGS: [&str; 8] = ["request_id", "trace_id", "route", "method", "kind", "code", "source", "objective"];

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Errors {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let level = *event.metadata().level();
        if level > Level::WARN {
            return;
        }
        let mut own = Fields::default();
        event.record(&mut own);
        // A job that is given up is said as a warning: it is no failure of the engine, and somebody's all the same.
        let given_up = own.text("outcome") == Some("discarded");
        if level == Level::WARN && !given_up {
            return;
        }
        let message = own.take("message").map(|said| said.to_string()).unwrap_or_default();
        let place = event.metadata();
        let mut hasher = DefaultHasher::new();
        (place.target(), place.line(), own.text("code"), own.text("location")).hash(&mut hasher);
        let now_ms = self.clock.now_ms();
        let outcome = if !self.allowance.lock().admit(hasher.finish(), now_ms) {
            "limited"
        } else {
            let (mut fields, span) = around(context.event_span(event));
            fields.merge(&own);
            let report = self.report(place.target(), &message, &own, &fields, span, now_ms);
            if self.queue.try_send(report).is_ok() { "queued" } else { "dropped" }
        };
        metrics::counter!("error_reports_total", "outcome" => outcome).increment(1);
    }
}

impl Errors {
    /// An event of the protocol (develop.sentry.dev, "Event Payloads").
    fn report(
        &self,
        target: &str,
        message: &str,
        own: &Fields,
        all: &Fields,
        span: Option<u64>,
        now_ms: i64,
    ) -> Report {
        let id = self.entropy.token(16);
        let text = |name: &str| own.get(name).map(ToString::to_string);
        // What went wrong is the title; where, and what else is known, stands below it.
        let (kind, value) = match (own.get("panic"), own.text("outcome")) {
            (Some(_), _) => ("panic".to_owned(), message.to_owned()),
            (None, Some("discarded")) => {
                let kind = all.text("kind").unwrap_or("job");
                (format!("{kind} discarded"), text("error").unwrap_or_else(|| message.to_owned()))
            }
            _ => match text("cause").or_else(|| text("error")) {
                Some(cause) => (message.to_owned(), cause),
                None => (text("code").unwrap_or_else(|| "error".to_owned()), message.to_owned()),
            },
        };
        let mut tags = Map::new();
        let mut extra = Map::new();
        for (name, said) in all.iter() {
            let place = if TAGS.contains(&name) { &mut tags } else { &mut extra };
            // Tags are texts of 200 characters at most.
            let said = match said {
                Said::Text(text) if TAGS.contains(&name) => json!(text.chars().take(200).collect::<String>()),
                other if TAGS.contains(&name) => json!(other.to_string()),
                other => json!(other),
            };
            place.insert(name.to_owned(), said);
        }
        let mut event = json!({
            "event_id": id,
            "timestamp": now_ms as f64 / 1000.0,
            "platform": "native",
            "level": if own.get("panic").is_some() { "fatal" } else { "error" },
            "logger": target,
            "release": self.origin.release,
            "environment": self.origin.environment,
            "exception": { "values": [{ "type": kind, "value": value }] },
            "tags": tags,
            "extra": extra,
        });
        if let Some(place) = all.text("route").or_else(|| all.text("kind")) {
            event["transaction"] = json!(place);
        }
        if let (Some(trace), Some(span)) = (all.text("trace_id"), span) {
            event["contexts"] =
                json!({ "trace": { "type": "trace", "trace_id": trace, "span_id": format!("{span:016x}") } });
        }
        Report { body: envelope(&id, &event), id }
    }
}

/// An envelope with one item: a line of headers, a line about the item, the item.
fn envelope(id: &str, event: &Value) -> Vec<u8> {
    let event = event.to_string();
    let head = json!({ "event_id": id });
    let item = json!({ "type": "event", "length": event.len(), "content_type": "application/json" });
    format!("{head}\n{item}\n{event}\n").into_bytes()
}
