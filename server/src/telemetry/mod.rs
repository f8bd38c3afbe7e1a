//! What an operator sees of this process: lines, metrics, traces, error reports.

pub(crate) mod fields;
pub(crate) mod level;
mod lines;
pub(crate) mod metrics;
mod otel;
mod panics;
mod reports;

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::{Context, Result};
use kernel::{Clock, Entropy};
use metrics_exporter_prometheus::PrometheusHandle;
use outbound::Outbound;
use slo::Meter;
use store::Store;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, reload};

use crate::config::{Log, LogFormat};
use crate::process;

/// Histograms keep each observation until they are folded; without a reader of `/metrics` nobody else does it.
const FOLD: Duration = Duration::from_secs(5);

/// Everything that was installed. Clones are handles.
#[derive(Clone)]
pub(crate) struct Telemetry {
    pub(crate) level: level::LogLevel,
    pub(crate) meter: Meter,
    recorder: PrometheusHandle,
    traces: Option<otel::Traces>,
    measures: Option<otel::Measures>,
    reports: Option<reports::Reporter>,
}

/// Installs what this process says about itself. Once a process: logs and metrics are the process's.
///
/// # Errors
/// When the settings cannot be used, or something was installed before.
pub(crate) fn install(
    log: &Log,
    environment: impl Fn(&str) -> Option<String>,
    clock: &Clock,
    entropy: &Entropy,
) -> Result<Telemetry> {
    let wanted = level::parse(&log.level).context("log.level is no filter")?;
    let terminal = std::io::stdout().is_terminal();
    let look = match log.format {
        LogFormat::Auto if !terminal => lines::Look::Json,
        LogFormat::Json => lines::Look::Json,
        LogFormat::Auto | LogFormat::Text => lines::Look::Words { colours: terminal },
    };
    let (filter, handle) = reload::Layer::new(lines::Wanted(wanted));
    let (traces, traced, untraced) = otel::traces(&environment, clock, entropy);
    let (measures, unmeasured) = otel::measures(&environment, clock, entropy);
    let (reports, reported, unreported) = reports::open(&environment, clock, entropy);
    tracing_subscriber::registry()
        .with(
            fields::Keep::new(clock.clone(), entropy)
                .with_filter(filter_fn(fields::is_kept).with_max_level_hint(LevelFilter::INFO)),
        )
        .with(lines::Lines::new(clock.clone(), look).with_filter(filter))
        .with(traced.map(|layer| layer.with_filter(LevelFilter::INFO)))
        .with(reported.map(|layer| layer.with_filter(LevelFilter::INFO)))
        .try_init()
        .map_err(|error| anyhow::anyhow!("logging cannot start: {error}"))?;
    panics::log();
    // Only now there is somebody to tell.
    for (what, why) in [("OTEL traces", untraced), ("OTEL metrics", unmeasured), ("SENTRY_DSN", unreported)] {
        if let Some(why) = why {
            tracing::error!(what, why, "a setting of the environment cannot be used");
        }
    }
    let meter = Meter::new(slo::objective::ALL);
    let recorder = metrics::install(&meter)?;
    let level = level::LogLevel::new(handle, &log.level, clock.clone());
    Ok(Telemetry { level, meter, recorder, traces, measures, reports })
}

impl Telemetry {
    /// Every figure of this process, in Prometheus' text format.
    pub(crate) fn figures(&self, store: &Store) -> String {
        let mut text = self.recorder.render();
        process::render(&mut text, &store.stats());
        text
    }

    /// Folds histograms, sends traces, metrics and reports, and returns the log level in time, until told to stop.
    pub(crate) async fn run(self, outbound: Outbound, store: Store, stop: CancellationToken) {
        let fold = async {
            while stop.run_until_cancelled(tokio::time::sleep(FOLD)).await.is_some() {
                self.recorder.run_upkeep();
            }
        };
        let traces = async {
            if let Some(traces) = &self.traces {
                traces.run(outbound.clone(), stop.clone()).await;
            }
        };
        let measures = async {
            if let Some(measures) = &self.measures {
                measures.run(outbound.clone(), || self.figures(&store), stop.clone()).await;
            }
        };
        let reports = async {
            if let Some(reports) = &self.reports {
                reports.run(outbound.clone(), stop.clone()).await;
            }
        };
        tokio::join!(fold, traces, measures, reports, self.level.clone().run(stop.clone()));
    }
}
