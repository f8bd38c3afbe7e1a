//! The metrics of the built binary at a collector: the same that `/metrics` shows.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use prost::Message;
use testkit::Start;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::sse::push;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn every_metric_reaches_the_collector_and_the_last_figures_go_out_at_the_end() -> Result<()> {
    let (tell, mut told) = mpsc::channel(1000);
    let take = move |body: Bytes| async move {
        let request = ExportMetricsServiceRequest::decode(body).expect("OTLP");
        tell.try_send(request).expect("room");
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/v1/metrics", post(take))).await });
    let mut server = Start::default()
        .env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", &format!("{url}/v1/metrics"))
        .env("OTEL_METRIC_EXPORT_INTERVAL", "200")
        .start()
        .await?;
    let answer = server.github().send("push", &push("octocat/hello-world", "mona", 1)).await?;
    assert_eq!(answer.status, 200);
    let shown = reqwest::get(format!("{}/metrics", server.url())).await?.text().await?;
    let shown: BTreeSet<_> = shown.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let look = async {
        loop {
            let request: ExportMetricsServiceRequest = told.recv().await.context("the collector ended")?;
            let metrics =
                request.resource_metrics.into_iter().flat_map(|it| it.scope_metrics).flat_map(|it| it.metrics);
            let metrics: Vec<_> = metrics.collect();
            let names: BTreeSet<_> = metrics.iter().map(|metric| metric.name.as_str()).collect();
            if names.is_superset(&shown) {
                return anyhow::Ok(metrics);
            }
        }
    };
    let metrics = tokio::time::timeout(PATIENCE, look).await.with_context(|| format!("never all of {shown:?}"))??;
    assert!(shown.len() > 30, "{shown:?}");
    assert!(metrics.iter().all(|metric| !metric.description.is_empty() && metric.data.is_some()));
    let requests = metrics.iter().find(|it| it.name == "http_server_request_duration_seconds").context("requests")?;
    let Some(Data::Histogram(histogram)) = &requests.data else { panic!("{requests:?}") };
    let point = &histogram.data_points[0];
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);

    // One that comes after the process was told to stop has what happened until then.
    while told.try_recv().is_ok() {}
    server.terminate().await?;
    assert!(told.try_recv().is_ok(), "the last figures went out before the end");
    Ok(())
}
