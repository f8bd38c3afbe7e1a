//! What spans and log lines say, kept once and made harmless once: every reader (lines, traces, error reports) gets it from
//! here, so none of them can show a secret that the others hide.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use kernel::{Clock, Entropy, TraceId};
use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// A value as it was logged.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Said {
    Text(String),
    Int(i64),
    Uint(u64),
    Float(f64),
    Bool(bool),
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Int(number) => write!(f, "{number}"),
            Self::Uint(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Bool(yes) => write!(f, "{yes}"),
        }
    }
}

/// Names and values in the order they were said; a later value takes the place of an earlier one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields(Vec<(&'static str, Said)>);

/// A text of a field is cut here, bytes.
const TEXT_BYTES: usize = 4096;
/// A field with one of these in its name is never shown.
const SECRET_NAMES: [&str; 8] =
    ["secret", "token", "password", "passwd", "authorization", "cookie", "credential", "api_key"];
/// What begins a credential, whatever the field is called; what follows it is not shown.
const SECRET_STARTS: [&str; 14] = [
    "msk_",
    "whsec_",
    "Bearer ",
    "Basic ",
    "ghp_",
    "github_pat_",
    "xoxb-",
    "xoxp-",
    "sk_live_",
    "sk-",
    "/console/enter/",
    "mainspring_session=",
    "mainspring_signing_in=",
    "token=",
];
const HIDDEN: &str = "[hidden]";

impl Fields {
    pub(crate) fn get(&self, name: &str) -> Option<&Said> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, said)| said)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(Said::Text(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<Said> {
        let at = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.remove(at).1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static str, &Said)> {
        self.0.iter().map(|(name, said)| (*name, said))
    }

    pub(crate) fn put(&mut self, name: &'static str, said: Said) {
        let said = if is_secret(name) { Said::Text(HIDDEN.to_owned()) } else { said };
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some(place) => place.1 = said,
            None => self.0.push((name, said)),
        }
    }

    /// Adds what `over` says, which wins.
    pub(crate) fn merge(&mut self, over: &Self) {
        over.iter().for_each(|(name, said)| self.put(name, said.clone()));
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// The text without what follows the known beginnings of credentials, and not longer than is useful.
pub(crate) fn harmless(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT_BYTES));
    for start in SECRET_STARTS {
        let mut from = 0;
        while let Some(at) = text[from..].find(start).map(|at| from + at + start.len()) {
            let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | '&' | ')' | ']' | '}');
            let end = text[at..].find(ends).map_or(text.len(), |length| at + length);
            // A short word after `sk-` or `token=` is a word.
            if end - at >= 8 {
                text.replace_range(at..end, HIDDEN);
            }
            from = at.min(text.len());
        }
    }
    text
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // Writing to a String fails only when the value's own Debug does.
        let _ = write!(text, "{value:?}");
        self.put(field.name(), Said::Text(harmless(text)));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), Said::Text(harmless(value.to_owned())));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), Said::Int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), Said::Uint(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), Said::Float(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), Said::Bool(value));
    }
}

/// What is kept with a span while it is open.
pub(crate) struct Open {
    pub(crate) fields: Fields,
    /// Its number within its trace (W3C Trace Context), never zero.
    pub(crate) id: u64,
    pub(crate) begun: Instant,
    pub(crate) begun_at_ms: i64,
}

/// Keeps an [`Open`] with every span that matters.
pub(crate) struct Keep {
    clock: Clock,
    seed: u64,
    next: AtomicU64,
}

/// The name of the span that a request is.
pub(crate) const REQUEST: &str = "request";

impl Keep {
    pub(crate) fn new(clock: Clock, entropy: &Entropy) -> Self {
        Self { clock, seed: entropy.u64(), next: AtomicU64::new(0) }
    }

    /// The number of a new span. A request that begins a trace has the trace's own, so that a job of the same trace knows
    /// its parent without it being stored anywhere; all others are unlike each other, and unlike those of other processes.
    fn id(&self, meta: &Metadata<'_>, fields: &Fields) -> u64 {
        let begins = meta.name() == REQUEST && fields.get("parent").is_none();
        let trace = fields.text("trace_id").filter(|_| begins).and_then(|trace| trace.parse::<TraceId>().ok());
        trace.map_or_else(|| scattered(self.seed ^ self.next.fetch_add(1, Ordering::Relaxed)), root_span)
    }
}

/// The number of the span with which a trace of ours begins.
pub(crate) fn root_span(trace: TraceId) -> u64 {
    let text = trace.to_string();
    u64::from_str_radix(&text[16..], 16).unwrap_or_default().max(1)
}

/// SplitMix64's last step: a bijection, so that different numbers stay different.
fn scattered(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (x ^ (x >> 31)).max(1)
}

/// Spans of this level and above are kept, whatever is logged: a line about a failure names its request.
pub(crate) fn is_kept(meta: &Metadata<'_>) -> bool {
    meta.is_span() && *meta.level() <= Level::INFO
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Keep {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let id = self.id(attributes.metadata(), &fields);
        let open = Open { fields, id, begun: Instant::now(), begun_at_ms: self.clock.now_ms() };
        span.extensions_mut().insert(open);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            values.record(&mut open.fields);
        }
    }
}

/// What holds at a place: the fields of all spans around it, the inner ones over the outer ones, and the innermost's number.
pub(crate) fn around<'a, S: LookupSpan<'a>>(innermost: Option<SpanRef<'a, S>>) -> (Fields, Option<u64>) {
    let (mut fields, mut id) = (Fields::default(), None);
    let spans = innermost.into_iter().flat_map(|span| span.scope().from_root());
    for span in spans {
        if let Some(open) = span.extensions().get::<Open>() {
            fields.merge(&open.fields);
            id = Some(open.id);
        }
    }
    (fields, id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_says_secret_hides_its_value() {
        let mut fields = Fields::default();
        for name in ["secret", "access_token", "Authorization", "set-cookie", "db_password", "x_api_key"] {
            fields.put(name, Said::Text("hunter2".into()));
            assert_eq!(fields.text(name), Some(HIDDEN), "{name}");
        }
        fields.put("route", Said::Text("/api".into()));
        assert_eq!(fields.text("route"), Some("/api"));
    }

    #[test]
    fn a_credential_is_hidden_wherever_it_stands() {
        for (text, shown) in [
            ("GET /console/enter/0123456789abcdef0 failed", "GET /console/enter/[hidden] failed"),
            ("Authorization: Bearer abcdefghijk, x", "Authorization: Bearer [hidden], x"),
            ("https://a.example/hook?token=0123456789&b=1", "https://a.example/hook?token=[hidden]&b=1"),
            ("whsec_0123456789 and whsec_9876543210", "whsec_[hidden] and whsec_[hidden]"),
            ("a task-list and a short sk-it", "a task-list and a short sk-it"),
            ("nothing here", "nothing here"),
            ("token=", "token="),
        ] {
            assert_eq!(harmless(text.to_owned()), shown);
        }
        assert_eq!(harmless("é".repeat(5000)).len(), TEXT_BYTES);
    }

    #[test]
    fn span_numbers_differ_and_a_trace_knows_its_first() {
        let keep = Keep::new(Clock::manual(0), &Entropy::seeded(1));
        let ids: std::collections::HashSet<_> = (0..10_000).map(|i| scattered(keep.seed ^ i)).collect();
        assert_eq!(ids.len(), 10_000);
        let trace: TraceId = "4bf92f3577b34da6a3ce929d0e0e4736".parse().expect("a trace");
        assert_eq!(format!("{:016x}", root_span(trace)), "a3ce929d0e0e4736");
    }
}
