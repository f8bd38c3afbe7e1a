//! `/api/v1/jobs` and its neighbours: for the console, for programs that enqueue, and for workers in other languages.

mod batches;
mod bulk;
mod enqueue;
mod queues;
mod work;

use axum::Json;
use axum::extract::{Path, Query as Params, State as Handle};
use identity::Admin;
use kernel::{Problem, ProblemResult};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Jobs;
use crate::reading::{Counts, JobDetail, JobRow, Query};
use crate::state::State;

/// The routes of this part.
pub fn routes(jobs: Jobs) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(counts))
        .routes(routes!(show))
        .routes(routes!(retry))
        .routes(routes!(cancel))
        .merge(enqueue::routes())
        .merge(work::routes())
        .merge(queues::routes())
        .merge(batches::routes())
        .merge(bulk::routes())
        .with_state(jobs)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only in this state.
    state: Option<State>,
    /// Only in this queue.
    queue: Option<String>,
    /// Only of this kind.
    kind: Option<String>,
    /// Only of this batch.
    batch: Option<i64>,
    /// Only after this job in the list: the `next` of the page before.
    before: Option<i64>,
    /// At most so many, 200 at the most; 50 unless said.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
struct JobPage {
    items: Vec<JobRow>,
    /// Where the next page begins; absent on the last.
    next: Option<String>,
}

/// Jobs, newest first; those of one end state by their end.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(ListParams), responses((status = 200, body = JobPage), (status = 400), (status = 401), (status = 403)))]
async fn list(
    _: Admin,
    Handle(jobs): Handle<Jobs>,
    Params(params): Params<ListParams>,
) -> ProblemResult<Json<JobPage>> {
    let limit = params.limit.unwrap_or(50).clamp(1, kernel::limits::PAGE);
    let ListParams { state, queue, kind, batch, before, .. } = params;
    queue.iter().chain(&kind).try_for_each(|name| queues::named(name))?;
    let items = jobs.list(Query { state, queue, kind, before, limit, event_position: None, batch }).await?;
    let next = (items.len() == limit).then(|| items.last().map(|job| job.id.clone())).flatten();
    Ok(Json(JobPage { items, next }))
}

/// How many jobs there are in each state.
#[utoipa::path(get, path = "/api/v1/jobs/counts", tag = "jobs", responses((status = 200, body = Counts), (status = 401), (status = 403)))]
async fn counts(_: Admin, Handle(jobs): Handle<Jobs>) -> ProblemResult<Json<Counts>> {
    Ok(Json(jobs.counts().await?))
}

/// One job, with its arguments and the error of every attempt.
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = i64, Path)), responses((status = 200, body = JobDetail), (status = 400), (status = 401), (status = 403), (status = 404)))]
async fn show(_: Admin, Handle(jobs): Handle<Jobs>, Path(id): Path<i64>) -> ProblemResult<Json<JobDetail>> {
    let job = jobs.detail(id).await?;
    Ok(Json(job.ok_or_else(|| absent(id))?))
}

/// Runs a job now: one that waits for its time, or one that has ended (its attempts begin again).
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", tag = "jobs", params(("id" = i64, Path)), responses((status = 200, body = JobRow), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409)))]
async fn retry(_: Admin, Handle(jobs): Handle<Jobs>, Path(id): Path<i64>) -> ProblemResult<Json<JobRow>> {
    let before = found(&jobs, id).await?;
    if !jobs.run_now(id).await? && before.state != State::Available {
        let why = format!(
            "Job {id} is {:?}: it runs already, waits for other jobs, or another job has its unique key.",
            before.state
        );
        return Err(Problem::conflict("job_not_retryable", why));
    }
    Ok(Json(found(&jobs, id).await?))
}

/// Calls a job off. One that runs is told to stop, and ends cancelled when it has: until then it is `cancelling`.
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs", params(("id" = i64, Path)), responses((status = 200, body = JobRow), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409)))]
async fn cancel(_: Admin, Handle(jobs): Handle<Jobs>, Path(id): Path<i64>) -> ProblemResult<Json<JobRow>> {
    let before = found(&jobs, id).await?;
    if before.state.is_end() {
        let why = format!("Job {id} has ended already: it is {:?}.", before.state).to_lowercase();
        return Err(Problem::conflict("job_ended", why));
    }
    if !jobs.cancel(id).await? {
        return Err(Problem::conflict("job_ended", format!("Job {id} ended just now.")));
    }
    Ok(Json(found(&jobs, id).await?))
}

async fn found(jobs: &Jobs, id: i64) -> ProblemResult<JobRow> {
    let job = jobs.find(id).await?;
    job.ok_or_else(|| absent(id))
}

fn absent(id: i64) -> Problem {
    Problem::not_found(format!("There is no job {id}; finished jobs are removed after a while."))
}
