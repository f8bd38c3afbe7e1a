//! One delivery from its first byte to its answer, in the order that README states.

use std::sync::atomic::Ordering;
use std::time::Instant;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use events::{AppendError, Appended, NewEvent};
use kernel::{DeliveryId, Problem, RequestInfo, limits};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::body::Raw;
use crate::store::{self, Record, Verdict};
use crate::verify::{Unverified, verify};
use crate::{Source, Webhooks};

/// The answer to a delivery that is in the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// `accepted`, or `duplicate` when it was in the log already.
    status: Verdict,
    /// Our id of this delivery.
    delivery: String,
    /// Its event in the log.
    event_position: i64,
}

/// Why a delivery is refused.
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) cause: &'static str,
    reason: String,
    signature: Option<Unverified>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, cause: &'static str, reason: impl Into<String>) -> Self {
        Self { status, cause, reason: reason.into(), signature: None }
    }
}

/// Refusals written and logged in one second at most: a flood of forgeries must not become a flood of writes.
const REFUSALS_PER_SECOND: i64 = 20;

impl Webhooks {
    /// Takes a delivery that was made in this process, such as a sample: by the same steps as one from outside.
    ///
    /// # Errors
    /// The [`Problem`] that a sender would get.
    pub async fn deliver(
        &self,
        source: &'static Source,
        info: RequestInfo,
        headers: HeaderMap,
        body: Body,
    ) -> Result<(), Problem> {
        self.ingest(source, info, headers, body).await.map(drop)
    }

    /// Takes one delivery.
    pub(crate) async fn ingest(
        &self,
        source: &'static Source,
        info: RequestInfo,
        headers: HeaderMap,
        body: Body,
    ) -> Result<Accepted, Problem> {
        let started = Instant::now();
        let mut record = self.record(source, &info, &headers);
        let mut raw = Raw::default();
        let outcome = match self.admit(source, &headers, body, &mut raw).await {
            Ok(event) => {
                record.size_bytes = raw.bytes.len() as i64;
                record.digest = Some(Sha256::digest(&raw.bytes).to_vec());
                record.took_us = micros(started);
                self.keep(event, record.clone()).await
            }
            Err(refusal) => Err(refusal),
        };
        self.count(source.name, outcome.as_ref().map_or(Verdict::Rejected, |accepted| accepted.status));
        metrics::histogram!("webhook_ingest_seconds", "source" => source.name).record(started.elapsed().as_secs_f64());
        match outcome {
            Ok(accepted) => {
                tracing::info!(
                    source = source.name,
                    status = accepted.status.word(),
                    delivery = accepted.delivery,
                    event_position = accepted.event_position,
                    size_bytes = raw.bytes.len(),
                    "delivery"
                );
                Ok(accepted)
            }
            Err(refusal) => {
                let problem = problem(&refusal);
                if self.may_note_refusal() {
                    tracing::warn!(
                        source = source.name,
                        cause = refusal.cause,
                        reason = refusal.reason,
                        "delivery refused"
                    );
                    record.size_bytes = raw.bytes.len() as i64;
                    record.took_us = micros(started);
                    record.body = Some(raw.bytes[..raw.bytes.len().min(limits::REJECTED_BODY_BYTES)].to_vec());
                    drop(raw);
                    self.keep_refusal(record, refusal).await;
                }
                Err(problem)
            }
        }
    }

    /// Everything that needs no store: type, size, signature, form. The raw bytes are left in `raw`.
    async fn admit<'a>(
        &'a self,
        source: &'static Source,
        headers: &HeaderMap,
        body: Body,
        read: &mut Raw<'a>,
    ) -> Result<(NewEvent, Value), Refusal> {
        let form = body_is_form(source, headers)?;
        *read = self.0.bodies.read(source, headers, body).await?;
        let raw = &read.bytes;
        verify(source, self.0.secrets.of(source.name), headers, raw).map_err(|unverified| Refusal {
            signature: Some(unverified.clone()),
            ..Refusal::new(StatusCode::UNAUTHORIZED, "VERIFICATION_FAILED", unverified.reason)
        })?;
        let unparsable = |reason: String| Refusal::new(StatusCode::BAD_REQUEST, "UNPARSABLE", reason);
        let kind = source
            .event_type(headers)
            .ok_or_else(|| unparsable(format!("There is no usable {} header.", source.type_header)))?;
        let id = source
            .sender_id(headers)
            .ok_or_else(|| unparsable(format!("There is no usable {} header.", source.id_header)))?;
        let text = if form { form_value(source, raw) } else { std::str::from_utf8(raw).ok().map(str::to_owned) };
        let text =
            text.ok_or_else(|| unparsable("The body is not UTF-8 text of the kind its type says.".to_owned()))?;
        let payload: Value = serde_json::from_str(&text).map_err(|error| {
            unparsable(format!("The body is no JSON: line {}, column {}.", error.line(), error.column()))
        })?;
        let event =
            NewEvent::raw(kind, format!("/in/{}", source.name), text).id(id).subject((source.subject)(&payload));
        Ok((event, payload))
    }

    /// One transaction: deduplicate, append, write the delivery. The answer comes after its commit.
    async fn keep(&self, (event, payload): (NewEvent, Value), mut record: Record) -> Result<Accepted, Refusal> {
        let event = event.trace(Some(record.trace.clone()));
        record.event_type = Some(event.kind().to_owned());
        record.subject = event.about().map(str::to_owned);
        let checked = self.0.events.check_parsed(event, &payload).map_err(|error| refused(&error))?;
        drop(payload);
        let events = self.0.events.clone();
        let delivery = record.id.clone();
        let kept: Result<(Verdict, i64), AppendError> = self
            .0
            .store
            .write(async move |tx| {
                let digest = record.digest.clone().unwrap_or_default();
                let since_ms = record.received_at_ms - limits::SAME_BYTES_WINDOW_MS;
                let same = store::same_bytes(tx, record.source, &digest, since_ms).await?;
                let (verdict, position) = match same {
                    Some(position) => (Verdict::Duplicate, position),
                    None => match events.append(tx, &checked).await? {
                        Appended::New(position) => (Verdict::Accepted, position),
                        Appended::Known(position) => (Verdict::Duplicate, position),
                    },
                };
                record.verdict = verdict;
                record.event_position = Some(position);
                record.reason = match verdict {
                    Verdict::Duplicate if same.is_some() => {
                        "The same signed bytes came within ten minutes; answered as a success."
                    }
                    Verdict::Duplicate => "A delivery with this id is in the log already; answered as a success.",
                    _ => "Signature verified; in the log.",
                }
                .to_owned();
                store::insert(tx, &record).await?;
                Ok((verdict, position))
            })
            .await;
        let (verdict, event_position) = kept.map_err(|error| refused(&error))?;
        Ok(Accepted { status: verdict, delivery, event_position })
    }

    async fn keep_refusal(&self, mut record: Record, refusal: Refusal) {
        if refusal.cause == "STORE_UNAVAILABLE" {
            return;
        }
        record.verdict = Verdict::Rejected;
        (record.status, record.cause, record.reason) = (refusal.status.as_u16(), Some(refusal.cause), refusal.reason);
        if let Some(signature) = refusal.signature {
            (record.received, record.expected) = (signature.received, signature.expected);
        }
        let written: Result<(), ::store::StoreError> =
            self.0.store.write_relaxed(async move |tx| store::insert(tx, &record).await).await;
        if let Err(error) = written {
            tracing::warn!(error = %kernel::problem::chain(&error), "a refusal could not be recorded");
        }
    }

    fn may_note_refusal(&self) -> bool {
        // One word holds the second and the count within it. Another second, later or earlier, begins again.
        let second = self.0.clock.now_ms() / 1000 * 1000;
        let noted = |word: i64| if word / 1000 * 1000 == second { word - second } else { 0 };
        let bump = |word: i64| Some(noted(word)).filter(|n| *n < REFUSALS_PER_SECOND).map(|n| second + n + 1);
        self.0.refused.fetch_update(Ordering::Relaxed, Ordering::Relaxed, bump).is_ok()
    }

    fn record(&self, source: &'static Source, info: &RequestInfo, headers: &HeaderMap) -> Record {
        Record {
            id: DeliveryId::new(&self.0.clock, &self.0.entropy).to_string(),
            source: source.name,
            received_at_ms: self.0.clock.now_ms(),
            verdict: Verdict::Rejected,
            cause: None,
            reason: String::new(),
            status: StatusCode::OK.as_u16(),
            event_type: source.event_type(headers),
            sender_id: source.sender_id(headers),
            subject: None,
            event_position: None,
            size_bytes: 0,
            took_us: 0,
            request_id: info.request_id.clone(),
            trace: info.trace.to_string(),
            digest: None,
            headers: headers_kept(headers),
            body: None,
            received: None,
            expected: None,
        }
    }
}

fn refused(error: &AppendError) -> Refusal {
    match error {
        AppendError::Store(error) if error.is_temporary() => {
            tracing::error!(error = %kernel::problem::chain(error), "a delivery could not be stored");
            let reason = "The store cannot write now. Nothing was kept: send it again.";
            Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "STORE_UNAVAILABLE", reason)
        }
        AppendError::Invalid { source, .. } => Refusal::new(StatusCode::BAD_REQUEST, "UNPARSABLE", source.to_string()),
        AppendError::TooLarge(_) | AppendError::Malformed(_) | AppendError::UnknownType(_) => {
            Refusal::new(StatusCode::BAD_REQUEST, "UNPARSABLE", error.to_string())
        }
        AppendError::Store(_) | AppendError::Enqueue(_) => {
            tracing::error!(error = %kernel::problem::chain(error), "a delivery could not be stored");
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "STORE_UNAVAILABLE", "Something broke on our side.")
        }
    }
}

fn problem(refusal: &Refusal) -> Problem {
    match refusal.status {
        StatusCode::SERVICE_UNAVAILABLE => Problem::unavailable(5, refusal.reason.clone()),
        StatusCode::INTERNAL_SERVER_ERROR => Problem::internal(refusal.reason.clone()),
        status => Problem::new(status, code(refusal.cause), refusal.reason.clone()),
    }
}

fn code(cause: &str) -> &'static str {
    match cause {
        "VERIFICATION_FAILED" => "verification_failed",
        "BAD_CONTENT_TYPE" => "bad_content_type",
        "TOO_LARGE" => "too_large",
        "TOO_SLOW" => "too_slow",
        _ => "unparsable",
    }
}

fn body_is_form(source: &Source, headers: &HeaderMap) -> Result<bool, Refusal> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind: String = kind.split(';').next().unwrap_or_default().trim().chars().take(100).collect();
    match kind.to_ascii_lowercase().as_str() {
        "application/json" => Ok(false),
        "application/x-www-form-urlencoded" if source.form_field.is_some() => Ok(true),
        other => {
            let reason =
                format!("The content type is {other:?}; choose application/json in the sender's webhook settings.");
            Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BAD_CONTENT_TYPE", reason))
        }
    }
}

fn form_value(source: &Source, raw: &[u8]) -> Option<String> {
    let field = source.form_field?;
    let pairs: Vec<(String, String)> = serde_urlencoded::from_bytes(raw).ok()?;
    pairs.into_iter().find_map(|(name, value)| (name == field).then_some(value))
}

/// What a header's name holds when its value may be somebody's credentials.
const CREDENTIALS: [&str; 6] = ["authorization", "cookie", "token", "secret", "password", "api-key"];

/// Headers worth keeping, as a JSON list of pairs.
fn headers_kept(headers: &HeaderMap) -> String {
    let kept: Vec<(&str, String)> = headers
        .iter()
        .filter(|(name, _)| !CREDENTIALS.iter().any(|word| name.as_str().contains(word)))
        .take(64)
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).chars().take(500).collect()))
        .collect();
    serde_json::to_string(&kept).unwrap_or_default()
}

fn micros(since: Instant) -> i64 {
    i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX)
}
