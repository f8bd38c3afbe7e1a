//! Traces for a collector, over OTLP/HTTP in protobuf. Without an endpoint there is no layer, no queue and no task.

mod layer;
mod protobuf;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use kernel::{Clock, Entropy, limits};
use outbound::{Outbound, Policy, Request};
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use self::layer::Spans;
use self::protobuf::Message;
use self::settings::Settings;

/// Spans of one request to the collector.
const BATCH: usize = 512;
/// Bytes of one request: collectors refuse more than 4 MiB.
const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// Attempts at one batch; while it is tried the queue fills, and then loses.
const ATTEMPTS: u32 = 5;
/// At the end, what is left gets so long.
const FAREWELL: Duration = Duration::from_secs(3);

/// Sends what the layer queued. Clones are handles.
#[derive(Clone)]
pub(crate) struct Exporter(Arc<Inner>);

struct Inner {
    settings: Settings,
    clock: Clock,
    entropy: Entropy,
    queue: Mutex<mpsc::Receiver<Message>>,
}

/// The exporter and its layer, where the environment asks for them; else why they cannot be.
pub(crate) fn open(
    environment: impl Fn(&str) -> Option<String>,
    clock: &Clock,
    entropy: &Entropy,
) -> (Option<Exporter>, Option<Spans>, Option<String>) {
    let settings = match settings::read(environment) {
        Ok(Some(settings)) => settings,
        Ok(None) => return (None, None, None),
        Err(why) => return (None, None, Some(why)),
    };
    let (queue, waiting) = mpsc::channel(limits::TELEMETRY_QUEUE);
    let layer = Spans { clock: clock.clone(), sampler: settings.sampler, queue };
    let (clock, entropy, queue) = (clock.clone(), entropy.clone(), Mutex::new(waiting));
    (Some(Exporter(Arc::new(Inner { settings, clock, entropy, queue }))), Some(layer), None)
}

impl Exporter {
    /// Sends until told to stop, and then what is left.
    pub(crate) async fn run(&self, outbound: Outbound, stop: CancellationToken) {
        let mut queue = self.0.queue.lock().await;
        let (mut well, mut batch) = (true, Vec::new());
        loop {
            let gathered = stop.run_until_cancelled(gather(&mut queue, &mut batch, self.0.settings.delay)).await;
            if gathered.is_none() {
                break;
            }
            let Some(sent) = stop.run_until_cancelled(self.send(&outbound, &batch)).await else { break };
            batch.clear();
            match &sent {
                Err(why) if well => tracing::warn!(why, "traces cannot be exported"),
                Ok(()) if !well => tracing::info!("traces are exported again"),
                _ => {}
            }
            well = sent.is_ok();
        }
        while let Ok(span) = queue.try_recv() {
            batch.push(span);
        }
        for part in batch.chunks(BATCH) {
            let _ = tokio::time::timeout(FAREWELL, self.send(&outbound, part)).await;
        }
    }

    async fn send(&self, outbound: &Outbound, batch: &[Message]) -> Result<(), String> {
        let Settings { resource, .. } = &self.0.settings;
        let resource = resource.iter().fold(Message::default(), |all, (name, value)| all.attribute(1, name, value));
        let body: bytes::Bytes = protobuf::request(&resource, batch).into();
        let mut outcome = Ok(());
        for attempt in 1..=ATTEMPTS {
            let (again, wait) = match self.attempt(outbound, body.clone()).await {
                Ok(()) => {
                    metrics::counter!("otel_spans_total", "outcome" => "exported").increment(batch.len() as u64);
                    return Ok(());
                }
                Err((why, again)) => {
                    outcome = Err(why);
                    (again.is_some() && attempt < ATTEMPTS, again.unwrap_or_default())
                }
            };
            if !again {
                break;
            }
            // Half of it to all of it, so that many processes do not come back together.
            let most = wait.max(Duration::from_secs(1 << attempt)).min(Duration::from_secs(30));
            tokio::time::sleep(most.mul_f64(0.5 + self.0.entropy.unit() / 2.0)).await;
        }
        metrics::counter!("otel_spans_total", "outcome" => "failed").increment(batch.len() as u64);
        outcome
    }

    /// One attempt; when it failed, why, and how long to wait at least if it may be repeated.
    async fn attempt(&self, outbound: &Outbound, body: bytes::Bytes) -> Result<(), (String, Option<Duration>)> {
        let Settings { url, headers, timeout, .. } = &self.0.settings;
        let mut request = Request::new("traces", Policy::Operator, Method::POST, url.expose())
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"))
            .body(body)
            .timeout(*timeout)
            .keep_first(1024);
        for (name, value) in headers {
            request = request.header(name.clone(), value.clone());
        }
        // What sending says about itself must not become spans to send.
        let answer = outbound.send(request).with_subscriber(NoSubscriber::default()).await;
        let answer = answer.map_err(|error| (kernel::problem::chain(&error), Some(Duration::ZERO)))?;
        match answer.status {
            status if status.is_success() => Ok(()),
            status @ (StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => {
                let now_ms = self.0.clock.now_ms();
                let wait_ms = answer.retry_at_ms(now_ms).map_or(0, |at_ms| (at_ms - now_ms).max(0));
                Err((format!("the collector answered {status}"), Some(Duration::from_millis(wait_ms as u64))))
            }
            status => Err((format!("the collector answered {status}"), None)),
        }
    }
}

/// Fills the batch: from the first span on for `delay`, or until it is full. Waits for ever when nothing comes.
async fn gather(queue: &mut mpsc::Receiver<Message>, batch: &mut Vec<Message>, delay: Duration) {
    let Some(first) = queue.recv().await else { return std::future::pending().await };
    let mut bytes = first.len();
    batch.push(first);
    let more = async {
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Some(span) = queue.recv().await else { return };
            bytes += span.len();
            batch.push(span);
        }
    };
    let _ = tokio::time::timeout(delay, more).await;
}
