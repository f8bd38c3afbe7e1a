//! Spans that end become spans of OTLP.

use kernel::{Clock, TraceId};
use tokio::sync::mpsc;
use tracing::span::Id;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::telemetry::fields::{Fields, Open, REQUEST, Said, around, root_span};
use crate::telemetry::otel::nanoseconds;
use crate::telemetry::otel::protobuf::{Kind, Message};
use crate::telemetry::otel::settings::Sampler;

/// What is said within a span goes along with it, up to so many lines.
const EVENTS: u32 = 32;
/// Asked for every few seconds by machines: their traces would be most of all.
const QUIET: [&str; 6] = ["/livez", "/readyz", "/startupz", "/healthz", "/metrics", "/assets/{*path}"];

/// Hands every span of a trace that ends to the exporter's queue; a full queue loses it.
pub(crate) struct Spans {
    pub(crate) clock: Clock,
    pub(crate) sampler: Sampler,
    pub(crate) queue: mpsc::Sender<Message>,
}

/// What was said within a span.
#[derive(Default)]
struct Heard {
    events: Message,
    count: u32,
    dropped: u32,
    error: Option<String>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(span) = context.event_span(event) else { return };
        let mut extensions = span.extensions_mut();
        if extensions.get_mut::<Open>().is_none() {
            return;
        }
        if extensions.get_mut::<Heard>().is_none() {
            extensions.insert(Heard::default());
        }
        let Some(heard) = extensions.get_mut::<Heard>() else { return };
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message =
            fields.take("message").map_or_else(|| event.metadata().name().to_owned(), |said| said.to_string());
        let level = *event.metadata().level();
        if level <= Level::WARN {
            let said = fields.get("error").or_else(|| fields.get("cause")).map(ToString::to_string);
            if level == Level::ERROR || said.is_some() {
                heard.error = Some(said.unwrap_or_else(|| message.clone()));
            }
        }
        if heard.count == EVENTS {
            heard.dropped += 1;
            return;
        }
        heard.count += 1;
        let at_ns = nanoseconds(self.clock.now_ms());
        let mut said = Message::default().fixed64(1, at_ns).text(2, &message);
        said = said.attribute(3, "level", &Said::Text(level.as_str().to_ascii_lowercase()));
        said = fields.iter().fold(said, |said, (name, value)| said.attribute(3, name, value));
        heard.events = std::mem::take(&mut heard.events).message(11, &said);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let (inherited, parent) = around(span.parent());
        let extensions = span.extensions();
        let Some(open) = extensions.get::<Open>() else { return };
        let trace = open.fields.text("trace_id").or_else(|| inherited.text("trace_id"));
        let Some(trace) = trace.and_then(|trace| trace.parse::<TraceId>().ok()) else { return };
        if open.fields.text("route").is_some_and(|route| QUIET.contains(&route)) {
            return;
        }
        let caller = match open.fields.get("sampled").or_else(|| inherited.get("sampled")) {
            Some(Said::Bool(sampled)) => Some(*sampled),
            _ => None,
        };
        if !self.sampler.keeps(trace, caller) {
            return;
        }
        let name = span.metadata().name();
        let message = encode(name, trace, parent, open, extensions.get::<Heard>());
        let outcome = if self.queue.try_send(message).is_ok() { "queued" } else { "dropped" };
        metrics::counter!("otel_spans_total", "outcome" => outcome).increment(1);
    }
}

fn encode(name: &str, trace: TraceId, parent: Option<u64>, open: &Open, heard: Option<&Heard>) -> Message {
    let fields = &open.fields;
    let root = root_span(trace);
    let caller = fields.text("parent").and_then(|parent| u64::from_str_radix(parent, 16).ok());
    // What has no span around it and does not begin the trace was caused by what began it.
    let parent = parent.or(caller).or((open.id != root).then_some(root));
    let (title, kind) = title(name, fields);
    let begun_ns = nanoseconds(open.begun_at_ms);
    let ended_ns = begun_ns + u64::try_from(open.begun.elapsed().as_nanos()).unwrap_or_default();
    let mut message = Message::default().bytes(1, &trace_bytes(trace)).bytes(2, &open.id.to_be_bytes());
    if let Some(parent) = parent {
        message = message.bytes(4, &parent.to_be_bytes());
    }
    message = message.text(5, &title).number(6, kind as u64).fixed64(7, begun_ns).fixed64(8, ended_ns);
    for (field, value) in fields.iter() {
        if let Some(attribute) = attribute(name, field) {
            message = message.attribute(9, &attribute, value);
        }
    }
    if let Some(heard) = heard {
        message = message.encoded(&heard.events).number(12, heard.dropped.into());
    }
    if let Some((trace, span)) = fields.text("link").and_then(|link| link.split_once('-')) {
        let (trace, span) = (trace.parse::<TraceId>(), u64::from_str_radix(span, 16));
        if let (Ok(trace), Ok(span)) = (trace, span) {
            let link = Message::default().bytes(1, &trace_bytes(trace)).bytes(2, &span.to_be_bytes());
            message = message.message(13, &link);
        }
    }
    let failed = matches!(fields.get("status"), Some(Said::Uint(500..)));
    let error = heard.and_then(|heard| heard.error.as_deref());
    if failed || error.is_some() {
        message = message.message(15, &Message::default().text(2, error.unwrap_or_default()).number(3, 2));
    }
    message
}

/// The span's name and kind, by OpenTelemetry's semantic conventions.
fn title(name: &str, fields: &Fields) -> (String, Kind) {
    let said = |field: &str| fields.get(field).map(ToString::to_string).unwrap_or_default();
    match name {
        REQUEST => {
            let route = fields.text("route").filter(|route| *route != "none");
            (route.map_or_else(|| said("method"), |route| format!("{} {route}", said("method"))), Kind::Server)
        }
        "job" => (format!("process {}", said("kind")), Kind::Consumer),
        other => (other.to_owned(), Kind::Internal),
    }
}

/// What a field is called as an attribute; `None` for what the span says otherwise.
fn attribute(span: &str, field: &str) -> Option<String> {
    Some(match (span, field) {
        (_, "trace_id" | "parent" | "sampled" | "link") => return None,
        (REQUEST, "method") => "http.request.method".into(),
        (REQUEST, "route") => "http.route".into(),
        (REQUEST, "status") => "http.response.status_code".into(),
        ("job", "kind") => "messaging.destination.name".into(),
        ("job", "id") => "messaging.message.id".into(),
        (_, field) => format!("mainspring.{field}"),
    })
}

fn trace_bytes(trace: TraceId) -> [u8; 16] {
    u128::from_str_radix(&trace.to_string(), 16).unwrap_or_default().to_be_bytes()
}
