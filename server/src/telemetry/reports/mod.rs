//! Errors for an error tracker that speaks Sentry's protocol. Without a `SENTRY_DSN` there is no layer, no queue and no task.

mod dsn;
mod layer;
mod limits;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use kernel::{Clock, Entropy};
use outbound::{Outbound, Policy, Request};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use self::dsn::Dsn;
use self::layer::{Errors, Origin, Report};
use self::limits::Allowance;

const PATIENCE: Duration = Duration::from_secs(10);
/// At the end, what is left gets so long.
const FAREWELL: Duration = Duration::from_secs(2);
const AUTH: HeaderName = HeaderName::from_static("x-sentry-auth");
const LIMITS: HeaderName = HeaderName::from_static("x-sentry-rate-limits");

/// Sends what the layer queued. Clones are handles.
#[derive(Clone)]
pub(crate) struct Reporter(Arc<Inner>);

struct Inner {
    dsn: Dsn,
    clock: Clock,
    allowance: Arc<Mutex<Allowance>>,
    queue: tokio::sync::Mutex<mpsc::Receiver<Report>>,
}

/// The reporter and its layer, where the environment asks for them; else why they cannot be.
pub(crate) fn open(
    environment: impl Fn(&str) -> Option<String>,
    clock: &Clock,
    entropy: &Entropy,
) -> (Option<Reporter>, Option<Errors>, Option<String>) {
    let said = |name: &str| environment(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let Some(text) = said("SENTRY_DSN") else { return (None, None, None) };
    let Some(dsn) = Dsn::parse(&text) else {
        return (None, None, Some("it is of the form https://KEY@HOST/PROJECT".into()));
    };
    let origin = Origin {
        release: said("SENTRY_RELEASE").unwrap_or_else(|| concat!("mainspring@", env!("CARGO_PKG_VERSION")).into()),
        environment: said("SENTRY_ENVIRONMENT").unwrap_or_else(|| "production".into()),
    };
    let (queue, waiting) = mpsc::channel(kernel::limits::REPORTS_QUEUE);
    let allowance = Arc::new(Mutex::new(Allowance::default()));
    let layer = Errors { clock: clock.clone(), entropy: entropy.clone(), origin, allowance: allowance.clone(), queue };
    let inner = Inner { dsn, clock: clock.clone(), allowance, queue: tokio::sync::Mutex::new(waiting) };
    (Some(Reporter(Arc::new(inner))), Some(layer), None)
}

impl Reporter {
    /// Sends until told to stop, and then what is left.
    pub(crate) async fn run(&self, outbound: Outbound, stop: CancellationToken) {
        let mut queue = self.0.queue.lock().await;
        while let Some(Some(report)) = stop.run_until_cancelled(queue.recv()).await {
            self.send(&outbound, report).await;
        }
        let left = async {
            while let Ok(report) = queue.try_recv() {
                self.send(&outbound, report).await;
            }
        };
        let _ = tokio::time::timeout(FAREWELL, left).await;
    }

    /// Once: a report that is lost comes again with the next failure of its kind.
    async fn send(&self, outbound: &Outbound, report: Report) {
        let Dsn { url, key } = &self.0.dsn;
        let client = concat!("mainspring/", env!("CARGO_PKG_VERSION"));
        let auth = format!("Sentry sentry_version=7, sentry_client={client}, sentry_key={}", key.expose());
        let Ok(mut auth) = HeaderValue::try_from(auth) else { return };
        auth.set_sensitive(true);
        let request = Request::new("reports", Policy::Operator, Method::POST, url.expose())
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-sentry-envelope"))
            .header(AUTH, auth)
            .body(report.body)
            .timeout(PATIENCE)
            .keep_first(1024);
        // An error about errors that cannot be reported must not be one more to report.
        let answer = outbound.send(request).with_subscriber(NoSubscriber::default()).await;
        let outcome = match answer {
            Ok(answer) => {
                let now_ms = self.0.clock.now_ms();
                let limits = answer.headers.get(LIMITS).and_then(|value| value.to_str().ok());
                let throttled = answer.status == StatusCode::TOO_MANY_REQUESTS;
                self.0.allowance.lock().answered(limits, throttled, answer.retry_at_ms(now_ms), now_ms);
                if answer.status.is_success() { "sent" } else { "refused" }
            }
            Err(_) => "failed",
        };
        metrics::counter!("error_reports_total", "outcome" => outcome).increment(1);
        if outcome == "sent" {
            tracing::debug!(report = report.id, "an error was reported");
        } else {
            tracing::warn!(report = report.id, outcome, "an error could not be reported");
        }
    }
}
