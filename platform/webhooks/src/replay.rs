//! Deliveries once more, on somebody's wish: one, or a range as a job. Each is a new event that says what it repeats.

use ::store::StoreError;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use events::AppendError;
use jobs::{Enqueued, Failure, Handler, Kind, NewJob, Run};
use kernel::{DeliveryId, Problem, RequestInfo, TraceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Webhooks;
use crate::hint::again;
use crate::ingest::{Ready, keep_in};
use crate::payload::{self, Payload};
use crate::store::deliveries::{self, DeliveryRow, Record, Rest, Verdict};
use crate::store::replays::{self, ReplayRow, Selection};
use crate::verify::Message;

const KIND: Kind = Kind::new("webhooks.replay").timeout_ms(3_600_000);
/// Deliveries of one replay at most: choose a narrower range for more.
const DELIVERIES: i64 = 100_000;
/// Replays that run at one time.
const RUNNING: i64 = 4;
/// Deliveries that share one transaction.
const BATCH: usize = 50;

#[derive(Serialize, Deserialize)]
struct Args {
    replay: i64,
}

/// A delivery that is in the log once more.
#[derive(Debug, Serialize, ToSchema)]
pub struct Replayed {
    /// The new delivery.
    pub delivery: String,
    /// `accepted`; `duplicate` when a refused delivery came again by itself meanwhile.
    pub status: Verdict,
    /// Its event.
    pub event_position: i64,
}

/// What a replay would do.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[schema(as = ReplayPlan)]
pub struct Plan {
    /// Deliveries that it would repeat.
    pub count: i64,
    /// When the oldest of them came, Unix milliseconds.
    pub oldest_ms: Option<i64>,
    /// When the newest of them came, Unix milliseconds.
    pub newest_ms: Option<i64>,
}

impl Webhooks {
    /// What a replay of these would do; nothing is done.
    ///
    /// # Errors
    /// [`Problem`].
    pub async fn plan(&self, selection: Selection) -> Result<Plan, Problem> {
        let chosen = self.0.store.read(async move |tx| replays::count(tx, &selection).await);
        let chosen: Result<_, StoreError> = chosen.await;
        let chosen = chosen?;
        Ok(Plan { count: chosen.total, oldest_ms: chosen.oldest_ms, newest_ms: chosen.newest_ms })
    }

    /// Begins a replay of these as a job.
    ///
    /// # Errors
    /// [`Problem`]: too many at once, or too many running.
    pub async fn replay_range(&self, selection: Selection) -> Result<ReplayRow, Problem> {
        let (jobs, now_ms) = (self.0.jobs.clone(), self.0.clock.now_ms());
        let text = serde_json::to_string(&selection).map_err(Problem::internal)?;
        let begun: Result<Result<ReplayRow, Problem>, jobs::EnqueueError> = self
            .0
            .store
            .write(async move |tx| {
                let chosen = replays::count(tx, &selection).await?;
                if chosen.total == 0 {
                    return Ok(Err(Problem::conflict("nothing_chosen", "No delivery is chosen by this.")));
                }
                if chosen.total > DELIVERIES {
                    let detail = format!("{} deliveries are chosen: choose {DELIVERIES} at most.", chosen.total);
                    return Ok(Err(Problem::conflict("too_many_chosen", detail)));
                }
                if replays::running(tx).await? >= RUNNING {
                    let detail = format!("{RUNNING} replays are running: wait for one to end, or cancel it.");
                    return Ok(Err(Problem::conflict("too_many_replays", detail)));
                }
                let replay = replays::begin(tx, &text, chosen, now_ms).await?;
                let job = NewJob::new(KIND, &Args { replay: replay.id }).unique(format!("replay/{}", replay.id));
                let (Enqueued::New(_) | Enqueued::Known(_)) = jobs.enqueue(tx, job).await?;
                Ok(Ok(replay))
            })
            .await;
        match begun {
            Ok(begun) => begun,
            Err(jobs::EnqueueError::Store(error)) => Err(error.into()),
            Err(error) => Err(Problem::internal(error)),
        }
    }

    /// Replays one delivery: an accepted one as it is in the log, a refused one after it is verified with the secrets of now.
    ///
    /// # Errors
    /// [`Problem`]: there is none, its event is gone, or it still does not verify.
    pub async fn replay(&self, id: &str) -> Result<Replayed, Problem> {
        let ready = self.prepare(id).await?;
        let kept = self.keep(&ready).await.map_err(|refusal| refusal.problem())?;
        tracing::info!(delivery = kept.delivery, replay_of = id, "a delivery was replayed");
        let event_position = kept.event_position.unwrap_or_default();
        Ok(Replayed { delivery: kept.delivery, status: kept.status, event_position })
    }

    pub(crate) async fn replays(&self) -> Result<Vec<ReplayRow>, StoreError> {
        self.0.store.read(async |tx| replays::list(tx, 50).await).await
    }

    /// How far a replay is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn replay_state(&self, id: i64) -> Result<Option<ReplayRow>, StoreError> {
        self.0.store.read(async move |tx| replays::find(tx, id).await).await
    }

    /// Ends a replay before its end; `false` when it is not running. What is replayed stays.
    pub(crate) async fn cancel_replay(&self, id: i64) -> Result<bool, StoreError> {
        let now_ms = self.0.clock.now_ms();
        self.0.store.write(async move |tx| replays::finish(tx, id, "cancelled", now_ms).await).await
    }

    /// What runs this part's jobs.
    pub fn handlers(&self) -> Vec<(Kind, Handler)> {
        let webhooks = self.clone();
        let others = [crate::published::handler(self), crate::hub::handler(self)];
        others.into_iter().chain([(KIND, jobs::handler(move |run| run_replay(webhooks.clone(), run)))]).collect()
    }

    async fn prepare(&self, id: &str) -> Result<Ready, Problem> {
        let wanted = id.to_owned();
        let found = self.0.store.read(async move |tx| deliveries::find(tx, &wanted).await).await?;
        let (row, rest) = found
            .ok_or_else(|| Problem::not_found("There is no such delivery; old ones are removed after a while."))?;
        let info = RequestInfo { request_id: format!("replay-{}", row.id), trace: TraceId::new(&self.0.entropy) };
        match row.event_position {
            Some(position) => self.logged(row, position, &info).await,
            None => self.refused_again(&row, rest, &info),
        }
    }

    async fn logged(&self, row: DeliveryRow, position: i64, info: &RequestInfo) -> Result<Ready, Problem> {
        let gone =
            || Problem::conflict("event_gone", "The event of this delivery is removed: there is nothing to replay.");
        let event = self.0.events.find(position).await?.ok_or_else(gone)?;
        let value = serde_json::from_str(&event.data).map_err(Problem::internal)?;
        let record = Record {
            event_type: Some(event.kind.clone()),
            sender_id: row.delivery_id,
            subject: event.subject,
            size_bytes: row.size_bytes,
            trust: row.trust,
            headers: "[]".to_owned(),
            reason: "Replayed by an administrator; in the log.".to_owned(),
            ..self.replay_record(&row.source, &row.id, info)
        };
        let payload = Payload { text: event.data, value };
        Ok(Ready { id: record.id.clone(), record, kind: event.kind, payload, waited: false })
    }

    fn refused_again(&self, row: &DeliveryRow, rest: Rest, info: &RequestInfo) -> Result<Ready, Problem> {
        let source = self.0.sources.named(&row.source).ok_or_else(|| crate::manage::unknown(&row.source))?;
        let cannot = |detail: &str| Problem::conflict("not_replayable", detail);
        let body = rest.body.filter(|body| body.len() as i64 == row.size_bytes);
        let body =
            body.ok_or_else(|| cannot("Only the beginning of its body was kept: ask the sender to send it again."))?;
        let headers = rest.signature.and_then(|sealed| self.0.sources.0.unseal(&row.id, &sealed));
        let headers = headers.and_then(|headers| headers_of(headers.expose()));
        let headers = headers.ok_or_else(|| cannot("It was refused before its signature was looked at."))?;
        let (sender, now_ms) = (source.sender(), self.0.clock.now_ms());
        let format =
            payload::format(&sender, &headers).map_err(|_| cannot("Its content type is none of this sender's."))?;
        let message = Message { headers: &headers, body: &body };
        let payload = format.read(&body).map_err(|reason| cannot(&reason))?;
        let secrets = source.secrets(now_ms);
        let verified = again(&sender, &secrets, message, Some(&payload.value), row.received_at_ms)
            .map_err(|unverified| Problem::conflict("verification_failed", unverified.reason))?;
        let record = Record { headers: rest.headers, ..self.replay_record(&source.name, &row.id, info) };
        let mut ready =
            self.ready(&source, &sender, &verified, message, payload, record).map_err(|refusal| refusal.problem())?;
        ready.record.reason = "Verified again on an administrator's wish; in the log.".to_owned();
        Ok(ready)
    }

    fn replay_record(&self, source: &str, of: &str, info: &RequestInfo) -> Record {
        Record {
            id: DeliveryId::new(&self.0.clock, &self.0.entropy).to_string(),
            source: source.to_owned(),
            received_at_ms: self.0.clock.now_ms(),
            status: 200,
            request_id: info.request_id.clone(),
            trace: info.trace.to_string(),
            replay_of: Some(of.to_owned()),
            ..Record::default()
        }
    }

    /// Replays the next few; `false` when the replay is over. The events and how far it is commit together, so that after a
    /// crash it goes on with the first that is not in the log.
    async fn replay_some(&self, id: i64) -> Result<bool, AppendError> {
        let now_ms = self.0.clock.now_ms();
        let replay = self.replay_state(id).await?.filter(|replay| replay.state == "running");
        let Some(replay) = replay else { return Ok(false) };
        let (selection, after, last) = (replay.selection.clone(), replay.cursor_seq, replay.last_seq);
        let chosen: Result<Vec<(i64, String)>, StoreError> =
            self.0.store.read(async move |tx| replays::next(tx, &selection, after, last, BATCH).await).await;
        let chosen = chosen?;
        let Some((cursor, _)) = chosen.last().cloned() else {
            let done: Result<bool, StoreError> =
                self.0.store.write(async move |tx| replays::finish(tx, id, "completed", now_ms).await).await;
            return Ok(done.map(|_| false)?);
        };
        let (mut ready, mut failed, mut failure) = (Vec::new(), 0, None);
        for (_, delivery) in chosen {
            let prepared = self.prepare(&delivery).await;
            match prepared.and_then(|it| Ok((self.checked(&it).map_err(|refusal| refusal.problem())?, it.record))) {
                Ok(one) => ready.push(one),
                Err(problem) if problem.status().is_server_error() => return Err(StoreError::Busy.into()),
                Err(problem) => {
                    failed += 1;
                    failure = Some(format!("{delivery}: {}", problem.detail()));
                }
            }
        }
        let events = self.0.events.clone();
        self.0
            .store
            .write(async move |tx| {
                let kept = ready.len() as i64;
                if !replays::advance(tx, &replay, cursor, kept, failed, failure.as_ref(), now_ms).await? {
                    return Ok(());
                }
                for (checked, record) in ready {
                    keep_in(tx, &events, &checked, record).await?;
                }
                Ok::<(), AppendError>(())
            })
            .await?;
        Ok(true)
    }
}

async fn run_replay(webhooks: Webhooks, run: Run) -> Result<(), Failure> {
    let Args { replay } = run.args()?;
    while webhooks.replay_some(replay).await.map_err(|error| Failure::Retry(kernel::problem::chain(&error)))? {}
    Ok(())
}

fn headers_of(json: &str) -> Option<HeaderMap> {
    let pairs: Vec<(String, String)> = serde_json::from_str(json).ok()?;
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::try_from(name).ok()?, HeaderValue::from_str(&value).ok()?);
    }
    Some(headers)
}
