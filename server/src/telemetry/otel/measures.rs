//! Sends metrics: every so often, the figures that `/metrics` shows, as the cumulative values that they are. One that is lost is
//! made up for by the next, so nothing waits in a queue.

use std::sync::Arc;
use std::time::Duration;

use outbound::Outbound;
use tokio_util::sync::CancellationToken;

use crate::telemetry::fields::Said;
use crate::telemetry::otel::collector::{Collector, FAREWELL, REQUEST_BYTES};
use crate::telemetry::otel::exposition::{self, Family, Kind, Series};
use crate::telemetry::otel::nanoseconds;
use crate::telemetry::otel::protobuf::Message;

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u64 = 2;

/// Sends what it is shown. Clones are handles.
#[derive(Clone)]
pub(crate) struct Measures(Arc<Inner>);

struct Inner {
    collector: Collector,
    every: Duration,
    /// Since when this process counts.
    begun_ns: u64,
}

impl Measures {
    pub(super) fn new(collector: Collector, every: Duration) -> Self {
        let begun_ns = nanoseconds(collector.clock.now_ms());
        Self(Arc::new(Inner { collector, every, begun_ns }))
    }

    /// Sends what `figures` says (Prometheus' text) until told to stop, and then once more. An attempt ends when the next is due.
    pub(crate) async fn run(&self, outbound: Outbound, figures: impl Fn() -> String, stop: CancellationToken) {
        let (mut well, every) = (true, self.0.every);
        let mut due = tokio::time::interval(every);
        due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        // The first tick is at once: there is nothing to say yet.
        due.tick().await;
        while stop.run_until_cancelled(due.tick()).await.is_some() {
            let sending = tokio::time::timeout(every, self.send(&outbound, figures()));
            let Some(sent) = stop.run_until_cancelled(sending).await else { break };
            let sent =
                sent.unwrap_or_else(|_| Err("the collector did not answer before the next export was due".into()));
            let outcome = if sent.is_ok() { "exported" } else { "failed" };
            metrics::counter!("otel_metrics_exports_total", "outcome" => outcome).increment(1);
            self.0.collector.tell(&mut well, &sent);
        }
        let _ = tokio::time::timeout(FAREWELL, self.send(&outbound, figures())).await;
    }

    async fn send(&self, outbound: &Outbound, figures: String) -> Result<(), String> {
        let times = (self.0.begun_ns, nanoseconds(self.0.collector.clock.now_ms()));
        let metrics: Vec<_> = exposition::read(&figures).iter().map(|family| encode(family, times)).collect();
        drop(figures);
        for part in parts(&metrics) {
            self.0.collector.send(outbound, part).await?;
        }
        Ok(())
    }
}

/// As many to a request as it may hold; one at least.
fn parts(metrics: &[Message]) -> impl Iterator<Item = &[Message]> {
    let mut rest = metrics;
    std::iter::from_fn(move || {
        let (first, others) = rest.split_first()?;
        let mut bytes = first.len();
        let fits = others.iter().take_while(|metric| {
            bytes += metric.len();
            bytes <= REQUEST_BYTES
        });
        let (part, left) = rest.split_at(1 + fits.count());
        rest = left;
        Some(part)
    })
}

/// A `Metric` of opentelemetry-proto v1, `metrics.proto`.
fn encode(family: &Family, times: (u64, u64)) -> Message {
    let metric = Message::default().text(1, &family.name).text(2, &family.help).text(3, unit(&family.name));
    let points = |point: fn(&Series, (u64, u64)) -> Message| {
        family.series.iter().fold(Message::default(), |all, series| all.message(1, &point(series, times)))
    };
    match family.kind {
        Kind::Gauge => metric.message(5, &points(|series, (_, now_ns)| number(series, (0, now_ns)))),
        Kind::Counter => metric.message(7, &points(number).number(2, CUMULATIVE).number(3, 1)),
        Kind::Histogram => metric.message(9, &points(distribution).number(2, CUMULATIVE)),
    }
}

/// The units of our names (UCUM); what has none is a count.
fn unit(name: &str) -> &'static str {
    let name = name.strip_suffix("_total").unwrap_or(name);
    if name.ends_with("_seconds") {
        "s"
    } else if name.ends_with("_bytes") {
        "By"
    } else {
        "1"
    }
}

fn attributes(point: Message, field: u32, series: &Series) -> Message {
    series.labels.iter().fold(point, |point, (name, value)| point.attribute(field, name, &Said::Text(value.clone())))
}

/// A `NumberDataPoint`.
fn number(series: &Series, (begun_ns, now_ns): (u64, u64)) -> Message {
    let point = Message::default().fixed64(2, begun_ns).fixed64(3, now_ns).double(4, series.value);
    attributes(point, 7, series)
}

/// A `HistogramDataPoint`: its buckets are each for itself, where Prometheus' hold all below.
fn distribution(series: &Series, (begun_ns, now_ns): (u64, u64)) -> Message {
    let (mut below, mut counts) = (0, Vec::with_capacity(8 * (series.buckets.len() + 1)));
    for up_to in series.buckets.iter().map(|(_, up_to)| *up_to).chain([series.count]) {
        counts.extend(up_to.saturating_sub(below).to_le_bytes());
        below = up_to;
    }
    let bounds: Vec<u8> = series.buckets.iter().flat_map(|(bound, _)| bound.to_le_bytes()).collect();
    let point = Message::default().fixed64(2, begun_ns).fixed64(3, now_ns);
    let point = point.fixed64(4, series.count).double(5, series.value).bytes(6, &counts).bytes(7, &bounds);
    attributes(point, 9, series)
}
