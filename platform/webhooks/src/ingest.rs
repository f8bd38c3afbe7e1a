//! One delivery from its first byte to its answer, in the order that README states.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use ::store::Tx;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use events::{AppendError, Appended, Checked, Events, NewEvent};
use kernel::{DeliveryId, Problem, RequestInfo, limits};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::Webhooks;
use crate::answer::Reply;
use crate::body::Raw;
use crate::hint::hint;
use crate::naming;
use crate::payload::{self, Payload};
use crate::refusal::{Refusal, headers_kept, headers_that_prove};
use crate::scheme::Sender;
use crate::source::Source;
use crate::spool::Spooled;
use crate::store::deliveries::{self, Record, Verdict};
use crate::verify::{Message, Verified, fresh, verify};

/// The answer to a delivery that is in the log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Accepted {
    /// `accepted`, or `duplicate` when it was in the log already.
    pub(crate) status: Verdict,
    /// Our id of this delivery.
    pub(crate) delivery: String,
    /// Its event in the log; none yet when the delivery waits in a file for the store to come back.
    pub(crate) event_position: Option<i64>,
}

/// A delivery that is verified and read, and only has to be kept.
pub(crate) struct Ready {
    pub(crate) record: Record,
    /// The id by which a repetition is known.
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) payload: Payload,
    /// Whether it waited in the spool, and may have been kept just before a crash.
    pub(crate) waited: bool,
}

/// What a request turned out to be.
enum Admitted {
    Delivery(Box<Ready>),
    Question(Reply),
}

/// Refusals written and logged in one second at most: a flood of forgeries must not become a flood of writes.
const REFUSALS_PER_SECOND: i64 = 20;

impl Webhooks {
    /// Takes one request of a sender.
    pub(crate) async fn ingest(
        &self,
        source: &Arc<Source>,
        info: &RequestInfo,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Reply, Problem> {
        let (started, sender) = (Instant::now(), source.sender());
        let mut raw = Raw::default();
        let mut record = self.record(source, info);
        let outcome = match self.admit(source, &sender, headers, body, &mut raw, &mut record).await {
            Ok(Admitted::Question(reply)) => {
                tracing::info!(source = source.name, "a sender's question was answered");
                return Ok(reply);
            }
            Ok(Admitted::Delivery(mut ready)) => {
                ready.record.headers = headers_kept(&sender, headers);
                ready.record.took_us = micros(started);
                self.take(source, &sender, *ready).await
            }
            Err(refusal) => Err(refusal),
        };
        let verdict = outcome.as_ref().map_or(Verdict::Rejected, |accepted| accepted.status);
        self.count(&source.name, verdict);
        metrics::histogram!("webhook_ingest_seconds", "source" => source.name.clone())
            .record(started.elapsed().as_secs_f64());
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
                Ok(Reply::to(&sender, &accepted))
            }
            Err(refusal) => {
                let answer = Reply::to_refusal(&refusal);
                if self.may_note_refusal() {
                    record.took_us = micros(started);
                    let doubtful = refusal.cause == "VERIFICATION_FAILED";
                    self.keep_refusal(source, headers, &raw, record, refusal).await;
                    if doubtful {
                        self.doubt_key(source).await;
                    }
                }
                answer
            }
        }
    }

    /// A request at a source's address that cannot be a delivery.
    pub(crate) async fn turn_away(
        &self,
        source: &Arc<Source>,
        info: &RequestInfo,
        headers: &HeaderMap,
        refusal: Refusal,
    ) {
        self.count(&source.name, Verdict::Rejected);
        if self.may_note_refusal() {
            let record = self.record(source, info);
            self.keep_refusal(source, headers, &Raw::default(), record, refusal).await;
        }
    }

    /// Everything that needs no store: type, size, signature, time, form. The raw bytes are left in `read`.
    async fn admit<'a>(
        &'a self,
        source: &Source,
        sender: &Sender<'_>,
        headers: &HeaderMap,
        body: Body,
        read: &mut Raw<'a>,
        record: &mut Record,
    ) -> Result<Admitted, Refusal> {
        let format = payload::format(sender, headers).map_err(|kind| {
            let reason =
                format!("The content type is {kind:?}; choose application/json in the sender's webhook settings.");
            Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BAD_CONTENT_TYPE", reason)
        })?;
        *read = self.0.bodies.read(sender.body_bytes, headers, body).await?;
        let message = Message { headers, body: &read.bytes };
        let now_ms = self.0.clock.now_ms();
        let believed = verify(sender, &source.secrets(now_ms), message, now_ms);
        let verified = believed.map_err(|unverified| Refusal::unverified(sender, unverified))?;
        let payload = format.read(&read.bytes).map_err(Refusal::unparsable)?;
        let value = Some(&payload.value);
        fresh(sender, &verified, message, value, now_ms).map_err(|stale| Refusal::unverified(sender, stale))?;
        if let Some(reply) = Reply::to_question(sender, &verified, message, &payload.value) {
            return reply.map(Admitted::Question);
        }
        let ready = self.ready(source, sender, &verified, message, payload, record.clone())?;
        Ok(Admitted::Delivery(Box::new(ready)))
    }

    /// Names what was verified: its id, its type, what it is about.
    pub(crate) fn ready(
        &self,
        source: &Source,
        sender: &Sender<'_>,
        verified: &Verified<'_>,
        message: Message<'_>,
        payload: Payload,
        record: Record,
    ) -> Result<Ready, Refusal> {
        let kind = naming::kind(sender, verified, message, &payload.value).map_err(Refusal::unparsable)?;
        let (id, covered) = naming::id(sender, verified, message, &payload.value).map_err(Refusal::unparsable)?;
        // Where a stranger could send the same signed bytes under another id, the bytes themselves are remembered.
        let repeatable = !covered || !verified.signs();
        let digest = repeatable.then(|| Sha256::digest(message.body).to_vec());
        let ends = source.keys.get(verified.secret).and_then(|key| key.until_ms).filter(|_| verified.proof.is_some());
        let reason = match ends {
            Some(until_ms) => {
                format!("Verified with a secret that ends at {}; in the log.", kernel::clock::rfc3339(until_ms))
            }
            None if verified.proof.is_none() => "The sender signs nothing: of low trust; in the log.".to_owned(),
            None => "Signature verified; in the log.".to_owned(),
        };
        let record = Record {
            event_type: Some(kind.clone()),
            subject: naming::subject(sender, verified, message, &payload.value),
            sender_id: Some(id.clone()),
            size_bytes: message.body.len() as i64,
            trust: verified.proof.is_none().then(|| "low".to_owned()),
            digest,
            reason,
            ..record
        };
        Ok(Ready { record, id, kind, payload, waited: false })
    }

    /// Keeps a good delivery: in the store, or where that cannot be now, and its sender will not come again, in a file.
    async fn take(&self, source: &Source, sender: &Sender<'_>, ready: Ready) -> Result<Accepted, Refusal> {
        let now_ms = self.0.clock.now_ms();
        let spool = self.0.spool.get().filter(|_| !sender.retries);
        // What came first is kept first: behind a delivery that waits, all of its kind wait.
        let waits = spool.is_some_and(|spool| !spool.is_empty());
        let refusal = if waits || source.rate.as_ref().is_some_and(|rate| !rate.admit(now_ms)) {
            Refusal::too_many()
        } else {
            match self.keep(&ready).await {
                Err(refusal) if refusal.is_ours() => refusal,
                kept => return kept,
            }
        };
        let Some(spool) = spool else { return Err(refusal) };
        let delivery = ready.record.id.clone();
        match spool.append(Spooled::from(ready)).await {
            Ok(()) => Ok(Accepted { status: Verdict::Accepted, delivery, event_position: None }),
            Err(error) => {
                tracing::error!(%error, "a delivery could not be put aside either");
                let reason = "The store cannot write now, and nothing was kept.";
                Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "STORE_UNAVAILABLE", reason))
            }
        }
    }

    /// One transaction: deduplicate, append, write the delivery. The answer comes after its commit.
    pub(crate) async fn keep(&self, ready: &Ready) -> Result<Accepted, Refusal> {
        let (checked, waited) = (self.checked(ready)?, ready.waited);
        let (events, record, delivery) = (self.0.events.clone(), ready.record.clone(), ready.record.id.clone());
        let kept: Result<(Verdict, i64), AppendError> = self
            .0
            .store
            .write(async move |tx| {
                if waited && let Some(position) = deliveries::position_of(tx, &record.id).await? {
                    return Ok((Verdict::Accepted, position));
                }
                keep_in(tx, &events, &checked, record).await
            })
            .await;
        let (verdict, position) = kept.map_err(Refusal::from)?;
        Ok(Accepted { status: verdict, delivery, event_position: Some(position) })
    }

    pub(crate) fn checked(&self, ready: &Ready) -> Result<Checked, Refusal> {
        let record = &ready.record;
        let event = NewEvent::raw(&ready.kind, format!("/in/{}", record.source), ready.payload.text.clone())
            .id(&ready.id)
            .subject(record.subject.clone())
            .trace(Some(record.trace.clone()))
            .attributes(marks(record));
        self.0.events.check_parsed(event, &ready.payload.value).map_err(Refusal::from)
    }

    async fn keep_refusal(
        &self,
        source: &Source,
        headers: &HeaderMap,
        raw: &Raw<'_>,
        mut record: Record,
        refusal: Refusal,
    ) {
        tracing::warn!(source = source.name, cause = refusal.cause, reason = refusal.reason, "delivery refused");
        if refusal.cause == "STORE_UNAVAILABLE" {
            return;
        }
        let (sender, now_ms) = (source.sender(), self.0.clock.now_ms());
        record.verdict = Verdict::Rejected;
        record.headers = headers_kept(&sender, headers);
        record.size_bytes = raw.bytes.len() as i64;
        record.body = Some(raw.bytes[..raw.bytes.len().min(limits::REJECTED_BODY_BYTES)].to_vec());
        record.sender_id = naming::announced_id(&sender, headers);
        (record.status, record.cause, record.reason) =
            (refusal.status.as_u16(), Some(refusal.cause.to_owned()), refusal.reason);
        if let Some(unverified) = refusal.signature {
            let message = Message { headers, body: &raw.bytes };
            record.hint = hint(source, &unverified, message, now_ms);
            let proofs = kernel::Secret::new(headers_that_prove(headers));
            record.signature = Some(self.0.sources.0.seal(&record.id, &proofs));
            (record.received, record.expected) = (unverified.received, unverified.expected);
        }
        // What quotes the body may hold a NUL, which not every store keeps in a text.
        let texts =
            [Some(&mut record.reason), record.hint.as_mut(), record.received.as_mut(), record.expected.as_mut()];
        texts
            .into_iter()
            .flatten()
            .filter(|text| text.contains('\0'))
            .for_each(|text| *text = text.replace('\0', "\u{fffd}"));
        let written: Result<(), ::store::StoreError> =
            self.0.store.write_relaxed(async move |tx| deliveries::insert_refusal(tx, &record).await).await;
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

    pub(crate) fn record(&self, source: &Source, info: &RequestInfo) -> Record {
        Record {
            id: DeliveryId::new(&self.0.clock, &self.0.entropy).to_string(),
            source: source.name.clone(),
            received_at_ms: self.0.clock.now_ms(),
            status: StatusCode::OK.as_u16(),
            request_id: info.request_id.clone(),
            trace: info.trace.to_string(),
            ..Record::default()
        }
    }
}

/// Deduplicates, appends the event, writes the delivery, in the caller's transaction.
pub(crate) async fn keep_in(
    tx: &mut Tx,
    events: &Events,
    checked: &Checked,
    mut record: Record,
) -> Result<(Verdict, i64), AppendError> {
    let since_ms = record.received_at_ms - limits::SAME_BYTES_WINDOW_MS;
    let same = match &record.digest {
        Some(digest) => deliveries::same_bytes(tx, &record.source, digest, since_ms).await?,
        None => None,
    };
    let (verdict, position) = match same {
        Some(position) => (Verdict::Duplicate, position),
        None => match events.append(tx, checked).await? {
            Appended::New(position) => (Verdict::Accepted, position),
            Appended::Known(position) => (Verdict::Duplicate, position),
        },
    };
    if verdict == Verdict::Duplicate {
        record.digest = None;
        record.reason = match same {
            Some(_) => "The same signed bytes came within ten minutes; answered as a success.".to_owned(),
            None => "A delivery with this id is in the log already; answered as a success.".to_owned(),
        };
    }
    (record.verdict, record.event_position) = (verdict, Some(position));
    deliveries::insert(tx, &record).await?;
    Ok((verdict, position))
}

/// What the event says about itself beyond its type: CloudEvents extensions.
fn marks(record: &Record) -> Option<String> {
    let marks = [("trust", record.trust.as_ref()), ("replayof", record.replay_of.as_ref())];
    let marks: serde_json::Map<String, Value> =
        marks.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?)))).collect();
    (!marks.is_empty()).then(|| Value::Object(marks).to_string())
}

fn micros(since: Instant) -> i64 {
    i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX)
}
