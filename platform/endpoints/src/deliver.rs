//! One attempt at one message. An attempt that fails is no failed job: the job's work is to try once, and to write down what
//! came of it together with its own end and with the job of the next attempt, in one transaction.

use std::time::Duration;

use events::{Event, EventType};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use jobs::{EnqueueError, Failure, Handler, Kind, Run};
use kernel::{Secret, limits};
use outbound::{Policy, Request};
use serde::{Deserialize, Serialize};

use crate::reading::{AttemptRow, MessageRow};
use crate::state::{self, Advice, Outcome, State};
use crate::store::messages::{self, Standing};
use crate::store::{self, Stored};
use crate::{Endpoints, signing, told};

/// A worker that dies costs the job an attempt, an endpoint that fails does not.
pub(crate) const DELIVER: Kind =
    Kind::new("endpoints.deliver").on("endpoints").attempts(100).timeout_ms(2 * limits::ENDPOINT_TIMEOUT_MS);

/// Between two looks when too much waits for the endpoint's host, milliseconds.
const BUSY_MS: i64 = 1_000;
/// An event in the structured mode of the CloudEvents HTTP binding (1.0.2, 3.2).
const CLOUD_EVENT: &str = "application/cloudevents+json";
const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// The arguments of the job.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Parcel {
    pub(crate) message: i64,
    pub(crate) series: u32,
}

pub(crate) fn handler(endpoints: &Endpoints) -> Handler {
    let endpoints = endpoints.clone();
    jobs::handler(move |run: Run| {
        let endpoints = endpoints.clone();
        async move { endpoints.deliver(run).await }
    })
}

/// What came of an attempt.
struct Tried {
    outcome: Outcome,
    row: AttemptRow,
}

impl Endpoints {
    async fn deliver(&self, run: Run) -> Result<(), Failure> {
        let Parcel { message, series } = run.args()?;
        let now_ms = self.0.clock.now_ms();
        let loaded: Result<_, ::store::StoreError> = self
            .0
            .store
            .read(async move |tx| {
                let Some(message) = messages::find(tx, message).await? else { return Ok(None) };
                let Some(endpoint) = store::find(tx, &message.endpoint).await? else { return Ok(None) };
                let secrets = store::secrets(tx, &message.endpoint, now_ms).await?;
                Ok(Some((message, endpoint, secrets)))
            })
            .await;
        // A removed endpoint takes its messages with it.
        let Some((message, endpoint, secrets)) = loaded? else { return Ok(()) };
        if message.state != State::Pending || message.series != series {
            return Ok(());
        }
        if endpoint.disabled.is_some() && message.kind != told::Test::TYPE {
            return self.give_up(run, message, "the endpoint is disabled").await;
        }
        if let Some(per_minute) = endpoint.per_minute {
            let id = endpoint.id.clone();
            let enter = async move |tx: &mut ::store::Tx| store::enter(tx, &id, per_minute, now_ms).await;
            self.0.store.write_relaxed(enter).await?.map_err(Failure::Snooze)?;
        }
        let Some(event) = self.0.events.find(message.position).await? else {
            return self.give_up(run, message, "the event is gone: retention removed it").await;
        };
        let secrets = secrets.iter().map(|sealed| self.open(&endpoint.id, sealed)).collect::<Result<Vec<_>, _>>();
        let secrets = secrets.map_err(Failure::retry)?;
        match self.attempt(&message, &endpoint, &event, &secrets).await {
            Some(tried) => self.record(run, message, tried).await,
            None => Err(Failure::Snooze(self.0.clock.now_ms() + BUSY_MS)),
        }
    }

    /// Sends it; `None` when nothing was sent because too much waits for the host.
    async fn attempt(
        &self,
        message: &MessageRow,
        endpoint: &Stored,
        event: &Event,
        secrets: &[Secret],
    ) -> Option<Tried> {
        let began_at_ms = self.0.clock.now_ms();
        let impossible = |error: String| {
            let row = AttemptRow { began_at_ms, took_ms: 0, status: None, error: Some(error), answer: String::new() };
            Some(Tried { outcome: Outcome::Impossible, row })
        };
        let body = self.0.events.cloud_event(event);
        if body.len() > limits::ENDPOINT_BODY_BYTES {
            let (size, most) = (body.len(), limits::ENDPOINT_BODY_BYTES);
            return impossible(format!("the event has {size} bytes, a message {most} at most; read it from the API"));
        }
        let request = match request(endpoint, &message.id, began_at_ms / 1000, body, secrets) {
            Ok(request) => request,
            Err(error) => return impossible(error),
        };
        let sent = self.0.outbound.send(request).await;
        let took_ms = self.0.clock.now_ms() - began_at_ms;
        Some(match sent {
            Err(outbound::Error::Busy) => return None,
            Err(error) => {
                let row = AttemptRow {
                    began_at_ms,
                    took_ms,
                    status: None,
                    error: Some(error.to_string()),
                    answer: String::new(),
                };
                Tried { outcome: Outcome::Failed(None), row }
            }
            Ok(response) => {
                let status = response.status.as_u16();
                let outcome = state::judge(status, response.retry_at_ms(self.0.clock.now_ms()));
                let error = (outcome != Outcome::Delivered).then(|| complaint(response.status));
                // Not every store keeps a NUL in a text.
                let answer = String::from_utf8_lossy(&response.body).replace('\0', "\u{fffd}");
                Tried { outcome, row: AttemptRow { began_at_ms, took_ms, status: Some(status), error, answer } }
            }
        })
    }

    /// The attempt, what it means for the message and for the endpoint, the end of this job and the next one: all or nothing,
    /// and nothing when the job was given to another worker meanwhile.
    async fn record(&self, run: Run, message: MessageRow, tried: Tried) -> Result<(), Failure> {
        let (endpoints, unit) = (self.clone(), self.0.entropy.unit());
        count(tried.outcome);
        let written = async move |tx: &mut ::store::Tx| {
            run.complete(tx).await?;
            let now_ms = endpoints.0.clock.now_ms();
            let Some(endpoint) = store::find(tx, &message.endpoint).await? else { return Ok(()) };
            messages::add_attempt(tx, message.number, &tried.row).await?;
            // Meanwhile somebody may have sent it again: then only a success still says something about the message.
            let stands = messages::find(tx, message.number).await?.filter(|now| now.state == State::Pending);
            let delivered = tried.outcome == Outcome::Delivered;
            if !stands.is_some_and(|now| now.series == message.series || delivered) {
                return Ok(());
            }
            let patience_ms = endpoints.0.settings.disable_after_ms;
            let (health, advice) = endpoint.health.after(tried.outcome, now_ms, patience_ms);
            let (made, is_test) = (message.attempts + 1, message.kind == told::Test::TYPE);
            let next_at_ms = match (tried.outcome, advice) {
                // Whoever asked for a test looks at what came of it, and asks again.
                _ if is_test => None,
                (Outcome::Failed(asked_ms), Advice::Fine | Advice::Warn) => {
                    state::next_at_ms(made, now_ms, asked_ms, unit)
                }
                _ => None,
            };
            let state = match next_at_ms {
                Some(_) => State::Pending,
                None if delivered => State::Delivered,
                None => State::Failed,
            };
            let standing = Standing {
                state,
                attempts: made,
                next_at_ms,
                finished_at_ms: next_at_ms.is_none().then_some(now_ms),
                status: tried.row.status,
                error: tried.row.error.as_deref(),
            };
            messages::set(tx, message.number, &standing).await?;
            if let Some(at_ms) = next_at_ms {
                endpoints.enqueue_next(tx, &message, at_ms).await?;
            }
            // A test that fails may be a test of something that is not there yet.
            if endpoint.disabled.is_none() && (delivered || !is_test) {
                store::set_health(tx, &endpoint.id, health, delivered.then_some(now_ms)).await?;
                endpoints.tell(tx, &Stored { health, ..endpoint }, advice, standing.error.unwrap_or_default()).await?;
            }
            tx.on_commit(move || endpoints.changed());
            Ok(())
        };
        self.0.store.write(written).await
    }

    /// Ends a message that cannot be tried, without an attempt.
    async fn give_up(&self, run: Run, message: MessageRow, why: &'static str) -> Result<(), Failure> {
        let endpoints = self.clone();
        let written = async move |tx: &mut ::store::Tx| {
            run.complete(tx).await?;
            let standing = Standing {
                state: State::Failed,
                attempts: message.attempts,
                next_at_ms: None,
                finished_at_ms: Some(endpoints.0.clock.now_ms()),
                status: message.status,
                error: Some(why),
            };
            messages::set(tx, message.number, &standing).await?;
            tx.on_commit(move || endpoints.changed());
            Ok(())
        };
        self.0.store.write(written).await
    }

    async fn enqueue_next(&self, tx: &mut ::store::Tx, message: &MessageRow, at_ms: i64) -> Result<(), Failure> {
        let parcel = Parcel { message: message.number, series: message.series };
        let about = (message.endpoint.as_str(), message.position, message.trace_id.as_deref());
        let enqueued = self.enqueue(tx, parcel, about, at_ms).await;
        enqueued.map_err(|error| match error {
            EnqueueError::Store(error) => error.into(),
            other => Failure::Retry(other.to_string()),
        })
    }

    /// Follows the advice, and says so in the log.
    async fn tell(&self, tx: &mut ::store::Tx, endpoint: &Stored, advice: Advice, error: &str) -> Result<(), Failure> {
        let (id, description, last_error) = (endpoint.id.clone(), endpoint.description.clone(), error.to_owned());
        let now_ms = self.0.clock.now_ms();
        let health = endpoint.health;
        let event = match advice {
            Advice::Fine => return Ok(()),
            Advice::Warn => {
                let failing_since_ms = health.failing_since_ms.unwrap_or(now_ms);
                let disables_at_ms = failing_since_ms + self.0.settings.disable_after_ms;
                let failures = health.failures;
                let failing =
                    told::Failing { endpoint: id, description, failures, failing_since_ms, disables_at_ms, last_error };
                told::about(&endpoint.id, &failing)
            }
            Advice::Disable(reason) => {
                store::switch(tx, &endpoint.id, Some(reason), now_ms).await?;
                tracing::warn!(endpoint = endpoint.id, reason = reason.word(), "an endpoint was disabled");
                let (failures, failing_since_ms) = (health.failures, health.failing_since_ms);
                let disabled =
                    told::Disabled { endpoint: id, description, reason, failures, failing_since_ms, last_error };
                told::about(&endpoint.id, &disabled)
            }
        };
        let append = |error: events::AppendError| Failure::Retry(kernel::problem::chain(&error));
        let checked = self.0.events.check(event).map_err(append)?;
        self.0.events.append(tx, &checked).await.map(drop).map_err(append)
    }
}

fn request(endpoint: &Stored, id: &str, timestamp_s: i64, body: String, secrets: &[Secret]) -> Result<Request, String> {
    let signature =
        signing::sign(secrets, id, timestamp_s, body.as_bytes()).ok_or("a secret of the endpoint is none")?;
    let value = |text: String| HeaderValue::try_from(text).map_err(|error| error.to_string());
    let request = Request::new("endpoints", Policy::Public, Method::POST, &endpoint.url)
        .header(CONTENT_TYPE, HeaderValue::from_static(CLOUD_EVENT))
        .header(ID, value(id.to_owned())?)
        .header(TIMESTAMP, HeaderValue::from(timestamp_s))
        .header(SIGNATURE, value(signature)?)
        .body(body)
        .timeout(Duration::from_millis(limits::ENDPOINT_TIMEOUT_MS))
        .keep_first(limits::ENDPOINT_ANSWER_BYTES);
    Ok(request)
}

fn complaint(status: StatusCode) -> String {
    let hint = if status.is_redirection() { "; redirects are not followed: give the address that answers" } else { "" };
    format!("answered {status}{hint}")
}

fn count(outcome: Outcome) {
    let word = match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Failed(_) => "failed",
        Outcome::Gone => "gone",
        Outcome::Impossible => "impossible",
    };
    metrics::counter!("endpoint_attempts_total", "outcome" => word).increment(1);
}
