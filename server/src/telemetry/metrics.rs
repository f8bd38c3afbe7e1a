//! Every metric of this process: described once, counted by a recorder that the objectives read along.

use anyhow::{Context, Result};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use slo::Meter;

/// Buckets of HTTP durations, seconds (OpenTelemetry's semantic conventions).
const HTTP_BUCKETS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
/// Buckets of everything else that takes time, seconds. An objective's bound is one of them.
const WORK_BUCKETS: &[f64] =
    &[0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 120.0, 600.0];

/// Counters: the name, and what one of it is.
const COUNTERS: &[(&str, &str)] = &[
    ("backup_failures_total", "Backups by schedule that failed."),
    ("endpoint_attempts_total", "Attempts to deliver an event to an endpoint, by outcome."),
    ("error_reports_total", "Errors for the error tracker, by what became of them."),
    ("event_stream_parked_total", "Events that a stream's handler refused too often; they wait for a person."),
    ("event_stream_failures_total", "Batches that a stream's handler refused; they come again."),
    ("events_appended_total", "Events appended to the log."),
    ("jobs_rescued_total", "Jobs taken back from a worker that is gone."),
    ("jobs_settlements_failed_total", "Writes of outcomes that failed; they are tried again."),
    ("jobs_settlements_refused_total", "Outcomes of workers that no longer held the job."),
    ("jobs_total", "Attempts at jobs, by kind and outcome."),
    ("otel_metrics_exports_total", "Exports of metrics to the collector, by outcome."),
    ("otel_spans_total", "Spans for the trace collector, by what became of them."),
    ("radio_late_phrases_total", "Phrases that came too late for their place on the air."),
    ("radio_opus_cracks_total", "Packets of Opus that did not sound like what went in, and were made again."),
    ("radio_slow_listeners_total", "Audio listeners that were cut off for falling behind."),
    ("ratelimit_rejected_total", "Requests over a rate limit, by policy."),
    ("realtime_deliveries_total", "Publications handed to the connections of subscribers."),
    ("realtime_disconnects_total", "WebSocket connections that ended, by the code that the client was told."),
    ("realtime_publications_total", "Publications on channels."),
    ("schedule_firings_total", "Ticks of schedules, by outcome."),
    ("store_writes_total", "Writes committed; many share a commit."),
    ("webhook_ingest_total", "Deliveries by source and verdict."),
];
/// What goes up and down.
const GAUGES: &[(&str, &str)] = &[
    ("backup_last_success_seconds", "When the last backup by schedule succeeded, Unix time."),
    ("build_info", "1, with the version of this binary."),
    ("jobs", "Jobs by state, as they were at most 15 s ago; counting one state stops at 100,000."),
    ("radio_audio_listeners", "Open audio streams."),
    ("radio_stations_on_air", "Stations that are rendered because somebody listens."),
    ("realtime_connections", "Open connections of every protocol."),
    ("realtime_subscriptions", "Subscriptions of all connections."),
    ("store_log_bytes", "The write-ahead log, as the last checkpoint saw it."),
    ("store_log_pages", "Pages of the write-ahead log since the last checkpoint."),
    ("webhook_oldest_pending_seconds", "Age of the oldest delivery whose jobs have not ended, by source."),
    ("webhook_spool_bytes", "Deliveries that wait in the spool until the store can write."),
];
/// What takes time, in seconds.
const HISTOGRAMS: &[(&str, &str)] = &[
    ("http_server_request_duration_seconds", "From a request's headers to its answer's headers."),
    ("jobs_run_seconds", "Attempts at jobs, from begin to end."),
    ("jobs_wait_seconds", "From the time an attempt was due to its begin."),
    ("outbound_request_seconds", "Requests that went out, by what for and outcome."),
    ("radio_air_seconds", "From a webhook's arrival to its phrase on the air."),
    ("schedule_lateness_seconds", "From a tick's time to its firing."),
    ("store_checkpoint_seconds", "Folding the write-ahead log into the database."),
    ("store_commit_seconds", "Commits, with their sync."),
    ("webhook_ingest_seconds", "From a delivery's headers to its verdict, durable."),
    ("webhook_ingest_to_done_seconds", "From a delivery's arrival to the end of a job that it caused."),
];
/// Counters without labels, and those that objectives count as bad, are there from the start: a rate from nothing to one is
/// no rate.
const PLAIN: &[&str] = &[
    "events_appended_total",
    "jobs_rescued_total",
    "jobs_settlements_failed_total",
    "jobs_settlements_refused_total",
    "realtime_deliveries_total",
    "realtime_publications_total",
    "store_writes_total",
];

/// Installs the recorder of this process; `/metrics` renders it, and the meter reads along.
pub(crate) fn install(meter: &Meter) -> Result<PrometheusHandle> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("http_server_request_duration_seconds".into()), HTTP_BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_seconds".into()), WORK_BUCKETS))
        .context("the buckets are wrong")?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(meter.before(recorder))
        .map_err(|_| anyhow::anyhow!("metrics cannot start: there is a recorder already"))?;
    COUNTERS.iter().for_each(|(name, what)| metrics::describe_counter!(*name, *what));
    GAUGES.iter().for_each(|(name, what)| metrics::describe_gauge!(*name, *what));
    HISTOGRAMS.iter().for_each(|(name, what)| metrics::describe_histogram!(*name, metrics::Unit::Seconds, *what));
    PLAIN.iter().for_each(|name| metrics::counter!(*name).increment(0));
    for code in ["3008", "3009", "3010"] {
        metrics::counter!("realtime_disconnects_total", "code" => code).increment(0);
    }
    metrics::gauge!("realtime_connections").set(0.0);
    metrics::gauge!("realtime_subscriptions").set(0.0);
    metrics::gauge!("build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use slo::objective::{ALL, Sli};

    use super::*;

    #[test]
    fn every_objective_is_measured_by_a_metric_that_is_described_and_has_its_bucket() {
        for objective in ALL {
            let known = |name: &str| COUNTERS.iter().chain(HISTOGRAMS).any(|(known, _)| *known == name);
            match objective.sli {
                Sli::Share { metric, within_s, .. } => {
                    assert!(known(metric), "{metric}");
                    let buckets = if metric.starts_with("http_") { HTTP_BUCKETS } else { WORK_BUCKETS };
                    assert!(within_s.is_none_or(|bound| buckets.contains(&bound)), "{}", objective.name);
                }
                Sli::Against { all, bad, .. } => assert!(known(all) && known(bad), "{all}, {bad}"),
            }
        }
    }
}
