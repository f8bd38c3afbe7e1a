//! A collector that is there, goes away, comes back, or takes for ever, and what it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use kernel::{Clock, Entropy};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusRecorder};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{Metric, metric::Data, number_data_point};
use outbound::Outbound;
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::measures::Measures;

const BEGUN_MS: i64 = 1_790_000_000_000;
const GUARD: Duration = Duration::from_secs(20);

type Told = mpsc::Receiver<(HeaderMap, ExportMetricsServiceRequest)>;

/// A collector at this address, until its task is aborted.
async fn collector(address: &str) -> (SocketAddr, Told, JoinHandle<()>) {
    let (tell, told) = mpsc::channel(1_000);
    let take = move |headers: HeaderMap, body: Bytes| async move {
        let request = ExportMetricsServiceRequest::decode(body).expect("OTLP");
        tell.try_send((headers, request)).expect("room");
    };
    let listener = TcpListener::bind(address).await.expect("an address");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/v1/metrics", post(take));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("served") });
    (address, told, serving)
}

/// An exporter to this address, and what ends it.
struct Bench {
    clock: Clock,
    recorder: Arc<PrometheusRecorder>,
    shown: Arc<AtomicUsize>,
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Bench {
    fn start(address: SocketAddr, variables: &[(&str, &str)]) -> Self {
        let endpoint = format!("http://{address}");
        let environment = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some(endpoint.clone()),
            "OTEL_EXPORTER_OTLP_HEADERS" => Some("x-scope=tests%20%26%20more".to_owned()),
            "OTEL_SERVICE_NAME" => Some("under-test".to_owned()),
            name => variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()),
        };
        let clock = Clock::manual(BEGUN_MS);
        let (measures, why) = super::measures(environment, &clock, &Entropy::seeded(1));
        let measures: Measures = measures.unwrap_or_else(|| panic!("{why:?}"));
        let buckets = PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &[0.1, 1.0]);
        let recorder = Arc::new(buckets.expect("buckets").build_recorder());
        let (stop, shown, handle) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)), recorder.handle());
        let (until, shows) = (stop.clone(), shown.clone());
        let figures = move || {
            shows.fetch_add(1, Ordering::SeqCst);
            handle.render()
        };
        let running = tokio::spawn(async move {
            measures.run(Outbound::new(outbound::Settings::default()), figures, until).await;
        });
        Self { clock, recorder, shown, stop, running }
    }

    fn count(&self, more: u64) {
        metrics::with_local_recorder(&*self.recorder, || {
            metrics::counter!("things_total", "what" => "\"odd\"\n").increment(more);
        });
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(GUARD, self.running).await.expect("it ends").expect("no panic");
    }
}

/// The metrics of one request by their names.
fn metrics_of(request: ExportMetricsServiceRequest) -> Vec<Metric> {
    let resource = request.resource_metrics.into_iter().next().expect("a resource");
    let attributes = resource.resource.expect("a resource").attributes;
    let service = attributes.iter().find(|it| it.key == "service.name").expect("a service");
    assert_eq!(text(service), "under-test");
    resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics).collect()
}

fn text(attribute: &KeyValue) -> String {
    match attribute.value.clone().and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn counted(metrics: &[Metric]) -> Option<f64> {
    let metric = metrics.iter().find(|metric| metric.name == "things_total")?;
    let Some(Data::Sum(sum)) = &metric.data else { panic!("{metric:?}") };
    assert!(sum.is_monotonic && sum.aggregation_temporality == 2, "cumulative");
    match sum.data_points.first()?.value {
        Some(number_data_point::Value::AsDouble(value)) => Some(value),
        other => panic!("{other:?}"),
    }
}

/// Requests until the counter has this value.
async fn until(told: &mut Told, value: f64) -> Vec<Metric> {
    let look = async {
        loop {
            let (headers, request) = told.recv().await.expect("the collector is there");
            assert_eq!(
                (&headers["content-type"], &headers["x-scope"]),
                (&"application/x-protobuf".parse().expect("a value"), &"tests & more".parse().expect("a value"))
            );
            let metrics = metrics_of(request);
            if counted(&metrics) == Some(value) {
                return metrics;
            }
        }
    };
    tokio::time::timeout(GUARD, look).await.expect("the figure never came")
}

#[tokio::test]
async fn counters_gauges_and_histograms_arrive_as_what_they_are() {
    let (address, mut told, _collector) = collector("127.0.0.1:0").await;
    let bench = Bench::start(address, &[("OTEL_METRIC_EXPORT_INTERVAL", "50")]);
    metrics::with_local_recorder(&*bench.recorder, || {
        metrics::describe_counter!("things_total", "What there was.");
        metrics::gauge!("held_bytes").set(2.5);
        for seconds in [0.1, 0.5, 0.7, 30.0] {
            metrics::histogram!("took_seconds", "route" => "/a/{b}").record(seconds);
        }
    });
    bench.clock.advance(5_000);
    bench.count(7);
    let metrics = until(&mut told, 7.0).await;
    let named = |name: &str| metrics.iter().find(|metric| metric.name == name).expect("a metric");

    let things = named("things_total");
    assert_eq!((things.description.as_str(), things.unit.as_str()), ("What there was.", "1"));
    let Some(Data::Sum(sum)) = &things.data else { panic!("{things:?}") };
    let point = &sum.data_points[0];
    assert_eq!(point.attributes.iter().map(text).collect::<Vec<_>>(), ["\"odd\"\n"]);
    let (begun, now) = (BEGUN_MS as u64 * 1_000_000, (BEGUN_MS as u64 + 5_000) * 1_000_000);
    assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (begun, now), "since the start, up to now");

    let held = named("held_bytes");
    let Some(Data::Gauge(gauge)) = &held.data else { panic!("{held:?}") };
    assert_eq!((held.unit.as_str(), gauge.data_points[0].value), ("By", Some(number_data_point::Value::AsDouble(2.5))));

    let took = named("took_seconds");
    let Some(Data::Histogram(histogram)) = &took.data else { panic!("{took:?}") };
    let point = &histogram.data_points[0];
    assert_eq!((took.unit.as_str(), histogram.aggregation_temporality, point.count), ("s", 2, 4));
    assert_eq!((point.explicit_bounds.as_slice(), point.bucket_counts.as_slice()), (&[0.1, 1.0][..], &[1, 2, 1][..]));
    assert!((point.sum.expect("a sum") - 31.3).abs() < 1e-9);
    assert_eq!(point.attributes.iter().map(text).collect::<Vec<_>>(), ["/a/{b}"]);
    bench.end().await;
}

#[tokio::test]
async fn a_collector_that_was_away_is_told_everything_that_happened_meanwhile() {
    let (address, mut told, serving) = collector("127.0.0.1:0").await;
    let bench = Bench::start(address, &[("OTEL_METRIC_EXPORT_INTERVAL", "50")]);
    bench.count(1);
    until(&mut told, 1.0).await;
    serving.abort();
    assert!(serving.await.expect_err("gone").is_cancelled());
    // Several exports find nobody.
    let shown = bench.shown.load(Ordering::SeqCst);
    let (mut beat, deadline) = (tokio::time::interval(Duration::from_millis(20)), Instant::now() + GUARD);
    while bench.shown.load(Ordering::SeqCst) < shown + 4 {
        assert!(Instant::now() < deadline, "it gave up");
        bench.count(10);
        beat.tick().await;
    }
    let counted = {
        let text = bench.recorder.handle().render();
        let line = text.lines().find(|line| line.starts_with("things_total{")).expect("a line");
        line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a number")
    };
    assert!(counted > 1.0);
    let (_, mut told, _collector) = collector(&address.to_string()).await;
    until(&mut told, counted).await;
    bench.end().await;
}

#[tokio::test]
async fn a_collector_that_never_answers_holds_up_nothing_and_nothing_piles_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    // Takes connections, and never says a word.
    let (tell, mut came) = mpsc::channel(100);
    let silent = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if tell.send(stream).await.is_err() {
                return;
            }
        }
    });
    let variables = [("OTEL_METRIC_EXPORT_INTERVAL", "100"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000")];
    let bench = Bench::start(address, &variables);
    let mut held = Vec::new();
    for asked in 1..=3 {
        bench.count(1);
        let stream = tokio::time::timeout(GUARD, came.recv()).await.expect("it asks again").expect("accepted");
        held.push(stream);
        let shown = bench.shown.load(Ordering::SeqCst);
        // One look at the figures for each time it asks, and one under way: what could not be said is not kept.
        assert!((asked..=asked + 1).contains(&shown), "{shown} looks for {asked} requests");
    }
    let begun = Instant::now();
    bench.end().await;
    assert!(begun.elapsed() < Duration::from_secs(5), "the end waits for nobody: {:?}", begun.elapsed());
    silent.abort();
}
