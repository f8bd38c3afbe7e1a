//! One way of a collector, for whatever is sent there: OTLP/HTTP in protobuf.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use kernel::{Clock, Entropy};
use outbound::{Outbound, Policy, Request};
use tracing::instrument::WithSubscriber;
use tracing::subscriber::NoSubscriber;

use crate::telemetry::otel::protobuf::{self, Message};
use crate::telemetry::otel::settings::Door;

/// Bytes of one request: collectors refuse more than 4 MiB.
pub(super) const REQUEST_BYTES: usize = 2 * 1024 * 1024;
/// Attempts at one request.
const ATTEMPTS: u32 = 5;
/// At the end, what is left gets so long.
pub(super) const FAREWELL: Duration = Duration::from_secs(3);

/// Where one signal (`traces`, `metrics`) goes.
pub(super) struct Collector {
    pub(super) signal: &'static str,
    pub(super) door: Door,
    pub(super) clock: Clock,
    pub(super) entropy: Entropy,
}

impl Collector {
    /// Sends these spans or metrics, again after failures that may pass.
    pub(super) async fn send(&self, outbound: &Outbound, items: &[Message]) -> Result<(), String> {
        let resource = self.door.resource.iter();
        let resource = resource.fold(Message::default(), |all, (name, value)| all.attribute(1, name, value));
        let body: Bytes = protobuf::request(&resource, items).into();
        let mut attempt = 1;
        loop {
            let (why, wait) = match self.attempt(outbound, body.clone()).await {
                Ok(()) => return Ok(()),
                Err((why, Some(wait))) if attempt < ATTEMPTS => (why, wait),
                Err((why, _)) => return Err(why),
            };
            tracing::debug!(why, attempt, signal = self.signal, "the collector is asked again");
            // Half of it to all of it, so that many processes do not come back together.
            let most = wait.max(Duration::from_secs(1 << attempt)).min(Duration::from_secs(30));
            tokio::time::sleep(most.mul_f64(0.5 + self.entropy.unit() / 2.0)).await;
            attempt += 1;
        }
    }

    /// One attempt; when it failed, why, and how long to wait at least if it may be repeated.
    async fn attempt(&self, outbound: &Outbound, body: Bytes) -> Result<(), (String, Option<Duration>)> {
        let Door { url, headers, timeout, .. } = &self.door;
        let mut request = Request::new(self.signal, Policy::Operator, Method::POST, url.expose())
            .header(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"))
            .body(body)
            .timeout(*timeout)
            .keep_first(1024);
        for (name, value) in headers {
            request = request.header(name.clone(), value.clone());
        }
        // What sending says about itself must not become something to send.
        let answer = outbound.send(request).with_subscriber(NoSubscriber::default()).await;
        let answer = answer.map_err(|error| (kernel::problem::chain(&error), Some(Duration::ZERO)))?;
        match answer.status {
            status if status.is_success() => Ok(()),
            status @ (StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => {
                let now_ms = self.clock.now_ms();
                let wait_ms = answer.retry_at_ms(now_ms).map_or(0, |at_ms| (at_ms - now_ms).max(0));
                Err((format!("the collector answered {status}"), Some(Duration::from_millis(wait_ms as u64))))
            }
            status => Err((format!("the collector answered {status}"), None)),
        }
    }

    /// Says it once when it stops working, and once when it works again.
    pub(super) fn tell(&self, well: &mut bool, sent: &Result<(), String>) {
        let signal = self.signal;
        match sent {
            Err(why) if *well => tracing::warn!(why, signal, "{signal} cannot be exported"),
            Ok(()) if !*well => tracing::info!(signal, "{signal} are exported again"),
            _ => {}
        }
        *well = sent.is_ok();
    }
}
