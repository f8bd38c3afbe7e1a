//! Log lines on standard output: one JSON object a line, or words in a terminal.

use std::fmt::Write as _;
use std::io::Write as _;

use kernel::Clock;
use kernel::clock::rfc3339;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Filter, Layer};
use tracing_subscriber::registry::LookupSpan;

use crate::telemetry::fields::{Fields, Said, around, is_kept};

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    Json,
    /// With colours, where they are wanted.
    Words {
        colours: bool,
    },
}

/// Writes the lines.
pub(crate) struct Lines {
    clock: Clock,
    look: Look,
}

impl Lines {
    pub(crate) fn new(clock: Clock, look: Look) -> Self {
        Self { clock, look }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let (mut fields, span) = around(context.event_span(event));
        let mut own = Fields::default();
        event.record(&mut own);
        let message = own.take("message");
        fields.merge(&own);
        let line = Line { at_ms: self.clock.now_ms(), meta: event.metadata(), message, fields, span };
        let text = match self.look {
            Look::Json => line.json(),
            Look::Words { colours } => line.words(colours),
        };
        // A reader that has gone must not end the server.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }
}

struct Line<'a> {
    at_ms: i64,
    meta: &'a Metadata<'a>,
    message: Option<Said>,
    fields: Fields,
    span: Option<u64>,
}

impl Line<'_> {
    fn json(mut self) -> String {
        let mut line = String::with_capacity(256);
        let message = self.message.map(|message| message.to_string()).unwrap_or_default();
        let level = self.meta.level().as_str().to_ascii_lowercase();
        // What every line has, in an order that people can read; what comes from a caller is quoted by serde_json.
        let _ = write!(line, "{{\"ts\":\"{}\",\"level\":\"{level}\",\"msg\":{}", rfc3339(self.at_ms), quoted(&message));
        let _ = write!(line, ",\"target\":{}", quoted(self.meta.target()));
        let trace = self.fields.take("trace_id");
        let request = self.fields.take("request_id");
        for (name, said) in [("request_id", request), ("trace_id", trace.clone())] {
            if let Some(said) = said {
                let _ = write!(line, ",\"{name}\":{}", quoted(&said.to_string()));
            }
        }
        if let (Some(span), Some(_)) = (self.span, trace) {
            let _ = write!(line, ",\"span_id\":\"{span:016x}\"");
        }
        for (name, said) in self.fields.iter() {
            let said = serde_json::to_string(said).unwrap_or_else(|_| "null".to_owned());
            let _ = write!(line, ",{}:{said}", quoted(clear(name)));
        }
        line.push_str("}\n");
        line
    }

    fn words(self, colours: bool) -> String {
        let mut line = String::with_capacity(160);
        let level = *self.meta.level();
        let (colour, dim, plain) = if colours { (colour(level), "\x1b[2m", "\x1b[0m") } else { ("", "", "") };
        let at = rfc3339(self.at_ms);
        let _ = write!(line, "{dim}{}{plain} {colour}{level:>5}{plain} ", at.get(11..23).unwrap_or_default());
        if let Some(message) = self.message {
            line.push_str(&printable(&message.to_string()));
        }
        for (name, said) in self.fields.iter().filter(|(name, _)| *name != "trace_id") {
            let _ = write!(line, " {dim}{name}={plain}{}", printable(&said.to_string()));
        }
        line.push('\n');
        line
    }
}

/// A field's name must not stand in for one that every line has.
fn clear(name: &str) -> &str {
    match name {
        "ts" => "field.ts",
        "level" => "field.level",
        "msg" => "field.msg",
        "target" => "field.target",
        "span_id" => "field.span_id",
        name => name.strip_prefix("r#").unwrap_or(name),
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_else(|_| "\"\"".to_owned())
}

/// A terminal obeys control characters; a log shows them.
fn printable(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect()
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\x1b[31m",
        Level::WARN => "\x1b[33m",
        Level::INFO => "\x1b[32m",
        _ => "\x1b[34m",
    }
}

/// Which lines are written. Spans that matter pass always, so that a line of whatever level names its request.
pub(crate) struct Wanted(pub(crate) Targets);

impl<S> Filter<S> for Wanted {
    fn enabled(&self, meta: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        is_kept(meta) || self.0.would_enable(meta.target(), meta.level())
    }

    fn callsite_enabled(&self, meta: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        if is_kept(meta) || self.0.would_enable(meta.target(), meta.level()) {
            tracing::subscriber::Interest::always()
        } else {
            tracing::subscriber::Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let lines = self.0.iter().map(|(_, level)| level).chain(self.0.default_level()).max();
        Some(lines.unwrap_or(LevelFilter::OFF).max(LevelFilter::INFO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_caller_sends_breaks_a_line() {
        assert_eq!(printable("a\x1b[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
        assert_eq!(quoted("a\"\n"), r#""a\"\n""#);
        assert_eq!((clear("level"), clear("r#type"), clear("route")), ("field.level", "type", "route"));
    }
}
