//! Workers in other languages. A claim's token is the only thing that settles the job: whoever has lost the job to another
//! worker is told so by 409.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State as Handle};
use axum::http::StatusCode;
use identity::{Key, scopes};
use kernel::{Problem, ProblemResult, limits};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::progress::{Said, storable};
use crate::remote::{End, Handed, Token, Wanted};
use crate::state::State;
use crate::{Failure, Jobs, enqueue};

pub(super) fn routes() -> OpenApiRouter<Jobs> {
    OpenApiRouter::new()
        .routes(routes!(claim))
        .routes(routes!(heartbeat))
        .routes(routes!(complete))
        .routes(routes!(fail))
}

const LEASE_S: u32 = 60;
const QUEUES: usize = 20;
const KINDS: usize = 100;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ClaimBody {
    /// Where to look, in this order: 1 to 20.
    queues: Vec<String>,
    /// Only these kinds, 100 at most; all unless said.
    #[serde(default)]
    kinds: Vec<String>,
    /// At most so many jobs: 1 to 100, 1 unless said.
    limit: Option<usize>,
    /// Waits so long for jobs when there are none, seconds: 30 at most, 0 unless said.
    wait_s: Option<u32>,
    /// How long the jobs are the worker's without a heartbeat, seconds: 1 to 3600, 60 unless said.
    lease_s: Option<u32>,
    /// Who works, for people who look: 200 characters at most.
    worker: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct ClaimedBody {
    jobs: Vec<ClaimedJob>,
}

#[derive(Serialize, ToSchema)]
struct ClaimedJob {
    /// The number, as text.
    id: String,
    kind: String,
    queue: String,
    /// Whose it is.
    key: Option<String>,
    /// Which attempt this is, from 1.
    attempt: u32,
    max_attempts: u32,
    #[schema(value_type = Object)]
    args: Box<RawValue>,
    /// What names this claim: send it with everything about the job.
    token: String,
    /// Until when the job is the worker's, Unix milliseconds.
    lease_ends_at_ms: i64,
    trace_id: Option<String>,
    event_position: Option<i64>,
}

impl From<Handed> for ClaimedJob {
    fn from(Handed { job, token, lease_ends_ms }: Handed) -> Self {
        Self {
            id: job.id.to_string(),
            kind: job.kind,
            queue: job.queue.to_string(),
            key: Some(job.key.to_string()).filter(|key| !key.is_empty()),
            attempt: job.attempt,
            max_attempts: job.max_attempts,
            args: RawValue::from_string(job.args).unwrap_or_else(|_| RawValue::NULL.to_owned()),
            token: token.text(),
            lease_ends_at_ms: lease_ends_ms,
            trace_id: job.trace,
            event_position: job.event_position,
        }
    }
}

fn in_range(name: &str, value: u32, least: u32, most: u32) -> Result<u32, Problem> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(Problem::bad_request("claim_invalid", format!("`{name}` is {least} to {most}."))
        .field(format!("/{name}"), format!("{least} to {most}")))
}

impl ClaimBody {
    fn wanted(self) -> Result<Wanted, Problem> {
        let named = |names: &[String], most: usize| names.len() <= most && names.iter().all(|it| enqueue::named(it));
        if self.queues.is_empty() || !named(&self.queues, QUEUES) {
            return Err(Problem::bad_request("claim_invalid", "A worker names 1 to 20 queues.")
                .field("/queues", "1 to 20 names"));
        }
        if !named(&self.kinds, KINDS) {
            return Err(Problem::bad_request("claim_invalid", "A worker names at most 100 kinds.")
                .field("/kinds", "at most 100 names"));
        }
        let limit = in_range("limit", self.limit.unwrap_or(1).try_into().unwrap_or(u32::MAX), 1, MOST)?;
        let wait_s = in_range("wait_s", self.wait_s.unwrap_or(0), 0, limits::JOB_WAIT_S)?;
        let lease_s = in_range("lease_s", self.lease_s.unwrap_or(LEASE_S), 1, limits::JOB_LEASE_S)?;
        Ok(Wanted {
            worker: storable(self.worker.unwrap_or_default()).chars().take(limits::JOB_NAME_BYTES).collect(),
            queues: self.queues,
            kinds: self.kinds,
            limit: limit as usize,
            wait: Duration::from_secs(u64::from(wait_s)),
            lease_ms: i64::from(lease_s) * 1000,
        })
    }
}

const MOST: u32 = limits::JOB_REQUEST_BATCH as u32;

/// Gives a worker its next jobs; waits for some if it is told to. No jobs are an empty list.
#[utoipa::path(post, path = "/api/v1/jobs/claim", tag = "workers", request_body = ClaimBody, responses((status = 200, body = ClaimedBody), (status = 400), (status = 401), (status = 403), (status = 415), (status = 422), (status = 429)))]
async fn claim(
    _: Key<scopes::JobsWork>,
    Handle(jobs): Handle<Jobs>,
    Json(body): Json<ClaimBody>,
) -> ProblemResult<Json<ClaimedBody>> {
    let Some(handed) = jobs.claim_remote(body.wanted()?).await? else {
        let detail = "Too many workers wait, or for too many different queues.";
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "workers_full", detail).retry_after(5));
    };
    Ok(Json(ClaimedBody { jobs: handed.into_iter().map(Into::into).collect() }))
}

fn token(text: &str) -> Result<Token, Problem> {
    Token::parse(text).ok_or_else(lost)
}

/// One answer for a token that is forged, old or of another job: there is nothing to learn from it.
fn lost() -> Problem {
    Problem::conflict(
        "claim_lost",
        "The job is no longer this worker's: its lease ended, it was settled, or called off.",
    )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HeartbeatBody {
    /// Of the claim.
    token: String,
    /// From now on, seconds: 1 to 3600, 60 unless said.
    lease_s: Option<u32>,
    /// How far it is, 0 to 100.
    percent: Option<u8>,
    /// What it does: 1,024 bytes at most.
    note: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct HeartbeatAnswer {
    /// Until when the job is the worker's now, Unix milliseconds.
    lease_ends_at_ms: i64,
    /// Whether the job is called off: stop, and say so by `fail`.
    cancelled: bool,
}

/// Says that the worker still works, and how far it is.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/heartbeat", tag = "workers", params(("id" = i64, Path)), request_body = HeartbeatBody, responses((status = 200, body = HeartbeatAnswer), (status = 400), (status = 401), (status = 403), (status = 409), (status = 415), (status = 422)))]
async fn heartbeat(
    _: Key<scopes::JobsWork>,
    Handle(jobs): Handle<Jobs>,
    Path(id): Path<i64>,
    Json(body): Json<HeartbeatBody>,
) -> ProblemResult<Json<HeartbeatAnswer>> {
    let lease_s = in_range("lease_s", body.lease_s.unwrap_or(LEASE_S), 1, limits::JOB_LEASE_S)?;
    let mut said = Said::default();
    if body.percent.is_some() || body.note.is_some() {
        said.progress(body.percent.unwrap_or(0), body.note.unwrap_or_default());
    }
    let beat = jobs.beat(id, token(&body.token)?, i64::from(lease_s) * 1000, said).await?.map_err(|_| lost())?;
    Ok(Json(HeartbeatAnswer { lease_ends_at_ms: beat.lease_ends_ms, cancelled: beat.cancelled }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CompleteBody {
    /// Of the claim.
    token: String,
    /// What the job leaves: 64 KiB at most.
    #[schema(value_type = Option<Object>)]
    result: Option<Box<RawValue>>,
}

#[derive(Serialize, ToSchema)]
struct Settled {
    /// Where the job is now: a job that was called off is `cancelled`, whatever was said.
    state: State,
}

/// Says that the job is done.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/complete", tag = "workers", params(("id" = i64, Path)), request_body = CompleteBody, responses((status = 200, body = Settled), (status = 400), (status = 401), (status = 403), (status = 409), (status = 413), (status = 415), (status = 422)))]
async fn complete(
    _: Key<scopes::JobsWork>,
    Handle(jobs): Handle<Jobs>,
    Path(id): Path<i64>,
    Json(body): Json<CompleteBody>,
) -> ProblemResult<Json<Settled>> {
    let result = body.result.map(|result| result.get().to_owned());
    if result.as_ref().is_some_and(|result| result.len() > limits::JOB_RESULT_BYTES) {
        let detail = format!("A result has {} bytes at most.", limits::JOB_RESULT_BYTES);
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "result_too_large", detail));
    }
    let state = jobs.settle_remote(id, token(&body.token)?, End::Completed(result)).await?.map_err(|_| lost())?;
    Ok(Json(Settled { state }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FailBody {
    /// Of the claim.
    token: String,
    /// What went wrong: 2 KiB are kept.
    error: String,
    /// Trying again cannot help.
    #[serde(default)]
    discard: bool,
    /// Again not before this time, Unix milliseconds; after the usual pause unless said.
    retry_at_ms: Option<i64>,
    /// Not now, and nobody's fault: again not before this time, Unix milliseconds, and the attempt does not count.
    snooze_until_ms: Option<i64>,
}

/// Says that the attempt failed, and what is to happen.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/fail", tag = "workers", params(("id" = i64, Path)), request_body = FailBody, responses((status = 200, body = Settled), (status = 400), (status = 401), (status = 403), (status = 409), (status = 415), (status = 422)))]
async fn fail(
    _: Key<scopes::JobsWork>,
    Handle(jobs): Handle<Jobs>,
    Path(id): Path<i64>,
    Json(body): Json<FailBody>,
) -> ProblemResult<Json<Settled>> {
    let failure = match (body.discard, body.retry_at_ms, body.snooze_until_ms) {
        (true, None, None) => Failure::Discard(body.error),
        (false, Some(at_ms), None) => Failure::RetryAt(at_ms, body.error),
        (false, None, Some(at_ms)) => Failure::Snooze(at_ms),
        (false, None, None) => Failure::Retry(body.error),
        _ => {
            let detail = "Say one of `discard`, `retry_at_ms` and `snooze_until_ms`, or none.";
            return Err(Problem::bad_request("failure_invalid", detail));
        }
    };
    let state = jobs.settle_remote(id, token(&body.token)?, End::Failed(failure)).await?.map_err(|_| lost())?;
    Ok(Json(Settled { state }))
}
