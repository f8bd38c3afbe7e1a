//! Traces and metrics for a collector, over OTLP/HTTP in protobuf. Without an endpoint there is no layer, no queue and no task.

mod collector;
mod exposition;
mod layer;
mod measures;
mod protobuf;
mod settings;
#[cfg(test)]
mod tests;
mod traces;

use kernel::{Clock, Entropy, limits};
use tokio::sync::mpsc;

use self::collector::Collector;
use self::layer::Spans;
pub(crate) use self::measures::Measures;
pub(crate) use self::traces::Traces;

/// The exporter of traces and its layer, where the environment asks for them; else why they cannot be.
pub(crate) fn traces(
    environment: impl Fn(&str) -> Option<String>,
    clock: &Clock,
    entropy: &Entropy,
) -> (Option<Traces>, Option<Spans>, Option<String>) {
    let settings = match settings::traces(environment) {
        Ok(Some(settings)) => settings,
        Ok(None) => return (None, None, None),
        Err(why) => return (None, None, Some(why)),
    };
    let (queue, waiting) = mpsc::channel(limits::TELEMETRY_QUEUE);
    let layer = Spans { clock: clock.clone(), sampler: settings.sampler, queue };
    let (clock, entropy) = (clock.clone(), entropy.clone());
    let collector = Collector { signal: "traces", door: settings.door, clock, entropy };
    (Some(Traces::new(collector, settings.delay, waiting)), Some(layer), None)
}

/// The exporter of metrics, where the environment asks for it; else why it cannot be.
pub(crate) fn measures(
    environment: impl Fn(&str) -> Option<String>,
    clock: &Clock,
    entropy: &Entropy,
) -> (Option<Measures>, Option<String>) {
    match settings::metrics(environment) {
        Ok(Some(settings)) => {
            let (clock, entropy) = (clock.clone(), entropy.clone());
            let collector = Collector { signal: "metrics", door: settings.door, clock, entropy };
            (Some(Measures::new(collector, settings.every)), None)
        }
        Ok(None) => (None, None),
        Err(why) => (None, Some(why)),
    }
}

fn nanoseconds(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or_default().saturating_mul(1_000_000)
}
