//! What an operator sees: metrics that rules and panels name, traces at a collector, a log level that changes, and nothing secret.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use serde_json::Value;
use testkit::{Server, Start};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::mpsc;

use crate::sse::push;

const PATIENCE: Duration = Duration::from_secs(20);

/// Every name that stands before a brace in what Prometheus or Grafana is told to compute.
fn names(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let before = text.match_indices('{').map(|(at, _)| &text[..at]);
    before
        .map(|text| text[text.trim_end_matches(is_name).len()..].to_owned())
        .filter(|name| name.contains('_') || name.contains(':'))
        .collect()
}

async fn metrics(server: &Server) -> Result<String> {
    Ok(reqwest::get(format!("{}/metrics", server.url())).await?.error_for_status()?.text().await?)
}

#[tokio::test]
async fn every_metric_that_a_rule_or_a_panel_names_is_in_a_real_answer() -> Result<()> {
    let server = Server::start().await?;
    let answer = server.github().send("push", &push("octocat/hello-world", "mona", 1)).await?;
    assert_eq!(answer.status, 200);
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let text = loop {
        // The job that the webhook caused has ended as well.
        let text = metrics(&server).await?;
        if text.contains("jobs_total{kind=\"radio.compose\",outcome=\"completed\"}") {
            break text;
        }
        assert!(tokio::time::Instant::now() < deadline, "{text}");
    };
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy");
    let rules = std::fs::read_to_string(deploy.join("prometheus/mainspring.rules.yml"))?;
    let board = std::fs::read_to_string(deploy.join("grafana/mainspring.json"))?;
    let mut missing = BTreeSet::new();
    let mut known = 0;
    for name in names(&rules).into_iter().chain(names(&board)) {
        let there = if name.starts_with("mainspring:") {
            rules.contains(&format!("record: {name}\n"))
        } else {
            text.lines().any(|line| line.split(['{', ' ']).next() == Some(&name))
        };
        known += 1;
        if !there {
            missing.insert(name);
        }
    }
    assert!(known > 30, "only {known} names were found");
    assert!(missing.is_empty(), "{missing:?} are in no answer of /metrics:\n{text}");
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).filter_map(|line| line.split(' ').next());
    let mute: Vec<_> = types.filter(|name| !text.contains(&format!("# HELP {name} "))).collect();
    assert!(mute.is_empty(), "nobody says what these are: {mute:?}");
    Ok(())
}

/// A collector: takes OTLP over HTTP, as OpenTelemetry's own crate decodes it.
async fn collector() -> Result<(String, mpsc::Receiver<(HeaderMap, ExportTraceServiceRequest)>)> {
    let (tell, told) = mpsc::channel(1000);
    let take = |State(tell): State<mpsc::Sender<_>>, headers: HeaderMap, body: Bytes| async move {
        let request = ExportTraceServiceRequest::decode(body).expect("OTLP");
        tell.try_send((headers, request)).expect("room");
    };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = Router::new().route("/v1/traces", post(take)).with_state(tell);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok((url, told))
}

/// Spans until one fulfils the condition.
async fn until(
    told: &mut mpsc::Receiver<(HeaderMap, ExportTraceServiceRequest)>,
    spans: &mut Vec<Span>,
    is: impl Fn(&Span) -> bool,
) -> Result<Span> {
    let look = async {
        loop {
            if let Some(found) = spans.iter().find(|span| is(span)) {
                return Ok(found.clone());
            }
            let Some((headers, request)) = told.recv().await else { bail!("the collector ended") };
            assert_eq!(headers["content-type"], "application/x-protobuf");
            assert_eq!(headers["x-scope"], "tests & more");
            for resource in request.resource_spans {
                let attributes = resource.resource.context("a resource")?.attributes;
                let service = attributes.iter().find(|it| it.key == "service.name").context("a service")?;
                let name = service.value.clone().and_then(|value| value.value);
                assert_eq!(name, Some(Any::StringValue("mainspring-under-test".into())));
                spans.extend(resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
            }
        }
    };
    tokio::time::timeout(PATIENCE, look).await.with_context(|| "the span never came")?
}

fn attribute(span: &Span, key: &str) -> Option<Any> {
    span.attributes.iter().find(|it| it.key == key)?.value.clone()?.value
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_webhooks_whole_life_is_one_trace_at_the_collector() -> Result<()> {
    let (url, mut told) = collector().await?;
    let server = Start::default()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", &url)
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-scope=tests%20%26%20more")
        .env("OTEL_SERVICE_NAME", "mainspring-under-test")
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .start()
        .await?;
    let admin = server.admin().await?;
    let theirs = "0af7651916cd43dd8448eb211c80319c";
    let body = push("octocat/hello-world", "mona", 1).to_string();
    let signature = server.github().sign(body.as_bytes());
    let client = reqwest::Client::new();
    let sent = client.post(format!("{}/in/github", server.url())).header("content-type", "application/json");
    let sent = sent.header("x-github-event", "push").header("x-github-delivery", "traced");
    let sent =
        sent.header("x-hub-signature-256", signature).header("traceparent", format!("00-{theirs}-b7ad6b7169203331-01"));
    sent.body(body).send().await?.error_for_status()?;

    let mut spans = Vec::new();
    let request = until(&mut told, &mut spans, |span| span.name == "POST /in/{source}").await?;
    let job = until(&mut told, &mut spans, |span| span.name == "process radio.compose").await?;
    let deliveries = admin.get("/api/v1/webhooks/deliveries").await?;
    let trace = deliveries["items"][0]["trace_id"].as_str().context("a trace")?;
    assert_eq!(
        (hex(&request.trace_id).as_str(), hex(&job.trace_id).as_str()),
        (trace, trace),
        "one trace from end to end"
    );
    assert_eq!((request.kind, job.kind), (2, 5), "server, consumer");
    assert_eq!(
        (request.parent_span_id.len(), &job.parent_span_id),
        (0, &request.span_id),
        "the job hangs below the request"
    );
    assert_ne!(job.span_id, request.span_id);
    assert!(request.end_time_unix_nano > request.start_time_unix_nano);
    assert_eq!(attribute(&request, "http.response.status_code"), Some(Any::IntValue(200)));
    assert_eq!(attribute(&request, "http.route"), Some(Any::StringValue("/in/{source}".into())));
    assert_eq!(attribute(&job, "messaging.destination.name"), Some(Any::StringValue("radio.compose".into())));
    let delivery = request.events.iter().find(|event| event.name == "delivery").context("what it was")?;
    assert!(delivery.attributes.iter().any(|it| it.key == "source"));
    // A stranger's trace is a link, and never ours.
    assert_ne!(trace, theirs);
    assert_eq!(request.links.first().map(|link| hex(&link.trace_id)).as_deref(), Some(theirs));

    // An administrator's is continued.
    let asked = client.get(format!("{}/api/v1/jobs", server.url())).header("cookie", &admin.cookie);
    asked.header("traceparent", format!("00-{theirs}-b7ad6b7169203331-01")).send().await?.error_for_status()?;
    let asked =
        until(&mut told, &mut spans, |span| span.name == "GET /api/v1/jobs" && hex(&span.trace_id) == theirs).await?;
    assert_eq!(hex(&asked.parent_span_id), "b7ad6b7169203331");
    assert!(!spans.iter().any(|span| span.name.contains("readyz") || span.name.contains("metrics")));
    Ok(())
}

#[tokio::test]
async fn what_is_logged_changes_while_it_runs_and_is_never_a_secret() -> Result<()> {
    let server = Start::default()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
        .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20collectorkey123")
        .env("SENTRY_DSN", "http://sentrykey123@127.0.0.1:9/1")
        .env(
            "MAINSPRING__ALERTS__TARGETS",
            "[{ kind = \"webhook\", url = \"http://127.0.0.1:9/?token=targetkey123\" }]",
        )
        .start()
        .await?;
    let link = server.admin_link().context("a link")?.to_owned();
    let admin = server.admin().await?;
    let client = reqwest::Client::new();
    let level = |body: Value| {
        let request = client.put(format!("{}/api/v1/ops/log-level", server.url())).header("cookie", &admin.cookie);
        let request = request.header("x-mainspring-console", "1").header("content-type", "application/json");
        request.body(body.to_string()).send()
    };
    // Probes are logged at debug only.
    reqwest::get(format!("{}/readyz?first", server.url())).await?;
    let refused = level(serde_json::json!({ "filter": "loud", "for_minutes": 5 })).await?;
    assert_eq!(refused.status().as_u16(), 400);
    let changed = level(serde_json::json!({ "filter": "trace", "for_minutes": 5 })).await?.error_for_status()?;
    let now: Value = serde_json::from_str(&changed.text().await?)?;
    assert_eq!((&now["filter"], &now["configured"]), (&"trace".into(), &"info".into()));

    reqwest::get(format!("{}/readyz", server.url())).await?;
    let signed = server.github().send("push", &push("octocat/hello-world", "mona", 1)).await?;
    assert_eq!(signed.status, 200);
    server.github().send_signed("forged", "push", b"{}".to_vec(), "sha256=00").await?;
    reqwest::get(&link).await?;
    for path in ["/api/v1/overview", "/api/v1/slo", "/api/v1/alerts"] {
        admin.get(path).await?;
    }
    let binary = binary()?;
    let said = Command::new(&binary).args(["log-level", "--data"]).arg(server.data()).output().await?;
    assert!(String::from_utf8_lossy(&said.stdout).starts_with("trace (until "), "{said:?}");
    let back =
        Command::new(&binary).args(["log-level", "info", "--for", "0", "--data"]).arg(server.data()).output().await?;
    assert_eq!(String::from_utf8_lossy(&back.stdout), "info\n");
    let marked = client.get(format!("{}/readyz", server.url())).header("x-request-id", "after-the-change");
    marked.send().await?;

    let log = server.log();
    let lines: Vec<Value> =
        log.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("a line is no JSON")?;
    let probes = lines.iter().filter(|line| line["msg"] == "request" && line["route"] == "/readyz").count();
    assert_eq!(probes, 1, "only the one at trace level");
    let delivery = lines.iter().find(|line| line["msg"] == "delivery").context("the delivery")?;
    for field in ["ts", "level", "target", "request_id", "trace_id", "span_id", "route", "method"] {
        assert!(delivery[field].is_string(), "{field}: {delivery}");
    }
    assert!(lines.iter().any(|line| line["msg"] == "request" && line["duration_ms"].is_number()));
    let cookie = admin.cookie.split('=').nth(1).context("a session")?;
    let token = link.rsplit('/').next().context("a token")?;
    let secrets = [cookie, token, "collectorkey123", "sentrykey123", "targetkey123", "a secret that only tests know"];
    for secret in secrets {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    Ok(())
}

#[tokio::test]
async fn settings_that_are_secrets_are_not_printed() -> Result<()> {
    let printed = Command::new(binary()?)
        .args(["config", "print"])
        .env(
            "MAINSPRING__ALERTS__TARGETS",
            "[{ kind = \"webhook\", url = \"http://127.0.0.1:9/?token=targetkey123\" }]",
        )
        .output()
        .await?;
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(printed.contains("alerts.targets = [secret]") && !printed.contains("targetkey123"), "{printed}");
    Ok(())
}

/// The binary of the same build.
fn binary() -> Result<std::path::PathBuf> {
    if let Some(path) = std::env::var_os("MAINSPRING_BIN") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let found = test.ancestors().map(|dir| dir.join("mainspring")).find(|path| path.is_file());
    found.context("the binary is not built")
}

#[tokio::test]
async fn an_address_for_traces_that_cannot_be_used_is_said_and_the_server_serves() -> Result<()> {
    let server = Start::default()
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
        .env("SENTRY_DSN", "nonsense")
        .start()
        .await?;
    assert_eq!(reqwest::get(format!("{}/readyz", server.url())).await?.status().as_u16(), 200);
    let log = server.log();
    assert!(log.contains("http/protobuf") && log.contains("https://KEY@HOST/PROJECT"), "{log}");
    Ok(())
}
