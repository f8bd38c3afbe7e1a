//! Logs and metrics.

use std::io::IsTerminal;

use anyhow::{Context, Result};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// Buckets of HTTP durations, seconds (OpenTelemetry's semantic conventions).
const HTTP_BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Buckets of everything else that takes time, seconds.
const WORK_BUCKETS: &[f64] =
    &[0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0];

/// One JSON object a line on standard output, or words in a terminal.
pub(crate) fn logs(log: &Log) -> Result<()> {
    let filter = EnvFilter::try_new(&log.level).context("log.level is no filter")?;
    let json = match log.format {
        LogFormat::Auto => !std::io::stdout().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stdout);
    let set = if json {
        lines.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    } else {
        lines.compact().with_target(false).try_init()
    };
    set.map_err(|error| anyhow::anyhow!("logging cannot start: {error}"))
}

/// The recorder of this process; `/metrics` renders it.
pub(crate) fn metrics() -> Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("http_server_request_duration_seconds".into()), HTTP_BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_seconds".into()), WORK_BUCKETS))
        .context("the buckets are wrong")?;
    let handle = builder.install_recorder().context("metrics cannot start")?;
    metrics::gauge!("build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}
