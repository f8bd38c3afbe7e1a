//! Enqueuing over HTTP.

use axum::Json;
use axum::extract::State as Handle;
use axum::http::StatusCode;
use identity::{Key, scopes};
use kernel::{Problem, ProblemResult, limits};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Jobs;
use crate::new_job::{EnqueueError, Enqueued, NewJob};
use crate::policy::Unique;
use crate::state::State;

pub(super) fn routes() -> OpenApiRouter<Jobs> {
    OpenApiRouter::new().routes(routes!(one)).routes(routes!(many))
}

/// Kinds that begin so are the engine's own.
const OURS: &str = "mainspring.";

/// A job's number, as text or as a number.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum Id {
    Number(i64),
    Text(String),
}

impl Id {
    pub(super) fn number(&self) -> Result<i64, Problem> {
        match self {
            Self::Number(id) => Ok(*id),
            Self::Text(text) => text
                .parse()
                .map_err(|_| Problem::bad_request("id_invalid", format!("`{text:.40}` is not the number of a job."))),
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JobBody {
    /// What is to be done; its worker knows it by this name.
    kind: String,
    /// Where it waits; the kind's own, or `default`.
    queue: Option<String>,
    /// What its worker is given; `null` unless said.
    #[schema(value_type = Option<Object>)]
    args: Option<Box<RawValue>>,
    /// Not before, Unix milliseconds.
    run_at_ms: Option<i64>,
    /// Lower runs earlier.
    priority: Option<i16>,
    /// Attempts before it is discarded, 1 at least.
    max_attempts: Option<u32>,
    /// Whose it is: keys of one queue take turns, and limits per key count by it.
    key: Option<String>,
    /// Jobs with the same kind and this key run one after the other.
    in_order: Option<String>,
    /// Begins when all of these have completed.
    #[serde(default)]
    after: Vec<Id>,
    /// Begins also when some of them failed.
    #[serde(default)]
    after_failures: bool,
    /// Which other job makes this one superfluous.
    unique: Option<UniqueBody>,
    /// The batch it belongs to.
    batch: Option<Id>,
    /// The trace it belongs to.
    trace_id: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UniqueBody {
    /// A job with the same key; by the same arguments unless said.
    key: Option<String>,
    /// Only one that was enqueued less than so long ago.
    within_ms: Option<u32>,
    /// Only one in one of these states.
    states: Option<Vec<State>>,
}

impl UniqueBody {
    fn unique(self) -> Unique {
        let unique = self.key.map_or_else(Unique::by_args, Unique::by_key);
        let unique = self.within_ms.map_or(unique.clone(), |ms| unique.within(i64::from(ms)));
        self.states.map_or(unique.clone(), |states| unique.states(&states))
    }
}

impl JobBody {
    /// The job, with what this process knows of its kind.
    pub(super) fn job(self, jobs: &Jobs) -> Result<NewJob, Problem> {
        if self.kind.starts_with(OURS) {
            return Err(Problem::forbidden("This kind is the engine's own.").field("/kind", "another kind"));
        }
        let args = self.args.unwrap_or_else(|| RawValue::NULL.to_owned());
        let known = jobs.kind(&self.kind);
        let queue = self.queue.unwrap_or_else(|| known.map_or("default", |kind| kind.queue).to_owned());
        let mut job = NewJob::dynamic(self.kind, queue, &args);
        if let Some(kind) = known {
            job = job.priority(kind.priority).attempts(kind.max_attempts);
        }
        if let Some(max_attempts) = self.max_attempts {
            job = job.attempts(max_attempts.min(limits::JOB_ATTEMPTS_MOST));
        }
        let after = self.after.iter().map(Id::number).collect::<Result<Vec<_>, _>>()?;
        job = if self.after_failures { job.after_ends(&after) } else { job.after(&after) };
        job.run_at_ms = self.run_at_ms;
        job.priority = self.priority.unwrap_or(job.priority);
        job.key = self.key.unwrap_or_default();
        job.order_key = self.in_order;
        job.unique = self.unique.map(UniqueBody::unique);
        job.batch = self.batch.as_ref().map(Id::number).transpose()?;
        job.trace = self.trace_id.map(|trace| trace.chars().take(64).collect());
        Ok(job)
    }
}

impl From<EnqueueError> for Problem {
    fn from(error: EnqueueError) -> Self {
        let detail = error.to_string();
        match error {
            EnqueueError::Args(_) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "args_too_large", detail),
            EnqueueError::Name(_) | EnqueueError::TooMany => Self::bad_request("job_invalid", detail),
            EnqueueError::After(_) => Self::conflict("job_absent", detail).field("/after", "an existing job"),
            EnqueueError::Batch(_) => Self::conflict("batch_closed", detail).field("/batch", "an open batch"),
            EnqueueError::Store(error) => error.into(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct EnqueuedBody {
    /// The job's number, as text.
    id: String,
    /// Whether it was there before: nothing was added.
    known: bool,
}

impl From<Enqueued> for EnqueuedBody {
    fn from(enqueued: Enqueued) -> Self {
        let (id, known) = match enqueued {
            Enqueued::New(id) => (id, false),
            Enqueued::Known(id) => (id, true),
        };
        Self { id: id.to_string(), known }
    }
}

/// Enqueues a job. When it is acknowledged, it is on disk.
#[utoipa::path(post, path = "/api/v1/jobs", tag = "jobs", request_body = JobBody, responses((status = 201, body = EnqueuedBody), (status = 400), (status = 401), (status = 403), (status = 409), (status = 413), (status = 415), (status = 422)))]
async fn one(
    _: Key<scopes::JobsEnqueue>,
    Handle(jobs): Handle<Jobs>,
    Json(body): Json<JobBody>,
) -> ProblemResult<(StatusCode, Json<EnqueuedBody>)> {
    let enqueued = jobs.enqueue_now(body.job(&jobs)?).await?;
    Ok((StatusCode::CREATED, Json(enqueued.into())))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ManyBody {
    /// 1 to 100 jobs.
    jobs: Vec<JobBody>,
}

#[derive(Serialize, ToSchema)]
struct ManyEnqueued {
    /// As many, in the same order.
    jobs: Vec<EnqueuedBody>,
}

/// Enqueues many jobs: all of them, or none.
#[utoipa::path(post, path = "/api/v1/jobs/bulk", tag = "jobs", request_body = ManyBody, responses((status = 201, body = ManyEnqueued), (status = 400), (status = 401), (status = 403), (status = 409), (status = 413), (status = 415), (status = 422)))]
async fn many(
    _: Key<scopes::JobsEnqueue>,
    Handle(jobs): Handle<Jobs>,
    Json(body): Json<ManyBody>,
) -> ProblemResult<(StatusCode, Json<ManyEnqueued>)> {
    let new = checked(body.jobs, &jobs)?;
    let enqueued = jobs.enqueue_all(new).await?;
    Ok((StatusCode::CREATED, Json(ManyEnqueued { jobs: enqueued.into_iter().map(Into::into).collect() })))
}

/// Jobs as they may come in one request.
pub(super) fn checked(bodies: Vec<JobBody>, jobs: &Jobs) -> Result<Vec<NewJob>, Problem> {
    if bodies.is_empty() || bodies.len() > limits::JOB_REQUEST_BATCH {
        let detail = format!("A request enqueues 1 to {} jobs.", limits::JOB_REQUEST_BATCH);
        return Err(Problem::bad_request("jobs_invalid", detail).field("/jobs", "1 to 100 jobs"));
    }
    bodies.into_iter().map(|body| body.job(jobs)).collect()
}
