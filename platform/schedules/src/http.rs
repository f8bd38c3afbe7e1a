//! `/api/v1/schedules`: for the console and for scripts of its people.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Path, Query as Params, State as Handle};
use axum::http::StatusCode;
use identity::Admin;
use kernel::{Problem, ProblemResult, limits};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::calendar::Mark;
use crate::reading::{FiringRow, Preview, ScheduleDetail, ScheduleRow, next_runs};
use crate::spec::Invalid;
use crate::{ChangeError, Schedules, Spec, words};

/// The routes of this part.
pub fn routes(schedules: Schedules) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(preview))
        .routes(routes!(show, edit, remove))
        .routes(routes!(firings))
        .routes(routes!(fire))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .with_state(schedules)
}

/// A JSON object whose members are all known: a mistyped one is a mistake, not a default.
struct Object(Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for Object {
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, Problem> {
        match Json::from_request(request, state).await {
            Ok(Json(Value::Object(members))) => Ok(Self(members)),
            Ok(_) => Err(Problem::bad_request("invalid_body", "The body is a JSON object.")),
            Err(JsonRejection::BytesRejection(error)) => {
                Err(Problem::new(error.status(), "body_not_read", error.body_text()))
            }
            Err(error) => Err(Problem::bad_request("invalid_body", error.body_text())),
        }
    }
}

const SPEC: &[&str] = &[
    "cron",
    "every_ms",
    "zone",
    "kind",
    "queue",
    "args",
    "missed",
    "missed_window_ms",
    "missed_most",
    "overlap",
    "jitter_ms",
];

impl Object {
    /// The members as `T`, whose fields are `known`.
    fn read<T: DeserializeOwned>(self, known: &[&str]) -> ProblemResult<T> {
        if let Some(unknown) = self.0.keys().find(|name| !known.contains(&name.as_str())) {
            let detail = format!("There is no such member. Those that are: {}.", known.join(", "));
            return Err(unprocessable().field(format!("/{unknown}"), detail));
        }
        // Read one by one first, so that the member that does not fit is named.
        let wrong = self.0.iter().find_map(|(name, value)| {
            let mut alone =
                Map::from_iter([("kind".to_owned(), Value::from("any")), ("name".to_owned(), "any".into())]);
            alone.insert(name.clone(), value.clone());
            let error = serde_json::from_value::<T>(Value::Object(alone)).err()?;
            Some((name.clone(), error))
        });
        if let Some((name, error)) = wrong {
            return Err(unprocessable().field(format!("/{name}"), error.to_string()));
        }
        serde_json::from_value(Value::Object(self.0)).map_err(|error| {
            let missing = if error.to_string().contains("`name`") { "/name" } else { "/kind" };
            unprocessable().field(missing, error.to_string())
        })
    }
}

fn unprocessable() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "invalid_schedule",
        "The schedule is not valid; `errors` says which members and why.",
    )
}

fn invalid(wrong: Vec<Invalid>) -> Problem {
    wrong.into_iter().fold(unprocessable(), |problem, it| problem.field(it.pointer, it.detail))
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Invalid(wrong) => invalid(wrong),
            ChangeError::Unknown => Self::not_found("There is no such schedule."),
            ChangeError::Taken => Self::conflict("schedule_exists", "A schedule of this name is there already.")
                .field("/name", "Is taken."),
            ChangeError::Full => {
                let detail = format!("There are {} schedules already; delete one first.", limits::SCHEDULES);
                Self::conflict("too_many_schedules", detail)
            }
            ChangeError::Declared(product) => Self::conflict(
                "schedule_declared",
                format!(
                    "The product {product} declares this schedule in its code, where it is changed. It can be paused."
                ),
            ),
            ChangeError::Unfinished(job) => Self::conflict(
                "schedule_busy",
                format!("Its job {job} is unfinished, and its jobs do not overlap. Wait for it, or cancel it."),
            ),
            ChangeError::Contended => Self::unavailable(1, error),
            ChangeError::Store(error) => error.into(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only those after this one: the `next` of the page before.
    after: Option<i64>,
    /// At most so many, 200 at the most; 50 unless said.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
struct SchedulePage {
    items: Vec<ScheduleRow>,
    /// Where the next page begins; absent on the last.
    next: Option<String>,
}

/// A schedule to add.
#[derive(Deserialize, ToSchema)]
struct NewSchedule {
    /// Its name: 1 to 100 letters, digits and the signs `.`, `_` and `-`. It never changes.
    name: String,
    #[serde(flatten)]
    spec: Spec,
}

/// When something would fire.
#[derive(Deserialize, ToSchema)]
#[serde(default)]
struct Times {
    /// A cron expression.
    cron: Option<String>,
    /// An interval of elapsed time, milliseconds.
    every_ms: Option<i64>,
    /// The IANA time zone of the expression.
    zone: String,
}

impl Default for Times {
    fn default() -> Self {
        Self { cron: None, every_ms: None, zone: "UTC".to_owned() }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct FiringParams {
    /// Only older than this one: the `next` of the page before.
    before: Option<i64>,
    /// At most so many, 200 at the most; 50 unless said.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
struct FiringPage {
    items: Vec<FiringRow>,
    /// Where the next page begins; absent on the last.
    next: Option<String>,
}

fn page_limit(limit: Option<usize>) -> usize {
    limit.unwrap_or(50).clamp(1, limits::PAGE)
}

/// Schedules, in the order in which they were made.
#[utoipa::path(get, path = "/api/v1/schedules", tag = "schedules", params(ListParams), responses(
    (status = 200, body = SchedulePage), (status = 400), (status = 401), (status = 503)))]
async fn list(
    _: Admin,
    Handle(schedules): Handle<Schedules>,
    Params(params): Params<ListParams>,
) -> ProblemResult<Json<SchedulePage>> {
    let limit = page_limit(params.limit);
    let items = schedules.list(params.after.unwrap_or(0), limit).await?;
    let next = (items.len() == limit).then(|| items.last().map(|last| last.id.clone())).flatten();
    Ok(Json(SchedulePage { items, next }))
}

/// Adds a schedule.
#[utoipa::path(post, path = "/api/v1/schedules", tag = "schedules", request_body = NewSchedule, responses(
    (status = 201, body = ScheduleDetail), (status = 400), (status = 401), (status = 403), (status = 409), (status = 413),
    (status = 422), (status = 503)))]
async fn create(
    _: Admin,
    Handle(schedules): Handle<Schedules>,
    body: Object,
) -> ProblemResult<(StatusCode, Json<ScheduleDetail>)> {
    let known: Vec<_> = SPEC.iter().copied().chain(["name"]).collect();
    let NewSchedule { name, spec } = body.read(&known)?;
    let id = schedules.create(name, spec).await?;
    Ok((StatusCode::CREATED, detail(&schedules, id).await?))
}

/// What an expression or an interval means: in words, and its next ten times. Nothing is kept.
#[utoipa::path(post, path = "/api/v1/schedules/preview", tag = "schedules", request_body = Times, responses(
    (status = 200, body = Preview), (status = 400), (status = 401), (status = 403), (status = 413), (status = 422)))]
async fn preview(_: Admin, Handle(schedules): Handle<Schedules>, body: Object) -> ProblemResult<Json<Preview>> {
    let times: Times = body.read(&["cron", "every_ms", "zone"])?;
    let now_ms = schedules.0.clock.now_ms();
    let timing = times.timing(now_ms).map_err(|wrong| invalid(vec![wrong]))?;
    let next = next_runs(&timing, Mark::since(now_ms));
    Ok(Json(Preview { words: words::describe(&timing), next }))
}

impl Times {
    fn timing(self, now_ms: i64) -> Result<crate::calendar::Timing, Invalid> {
        let spec = Spec::firing(self.cron, self.every_ms, self.zone);
        match spec.check(now_ms).into_iter().next() {
            Some(wrong) => Err(wrong),
            None => spec.timing(now_ms),
        }
    }
}

/// One schedule, with its next ten times and what it did.
#[utoipa::path(get, path = "/api/v1/schedules/{id}", tag = "schedules", params(("id" = i64, Path)), responses(
    (status = 200, body = ScheduleDetail), (status = 400), (status = 401), (status = 404), (status = 503)))]
async fn show(
    _: Admin,
    Handle(schedules): Handle<Schedules>,
    Path(id): Path<i64>,
) -> ProblemResult<Json<ScheduleDetail>> {
    detail(&schedules, id).await
}

/// Changes the members that are given; `null` takes one away. When it fires counts from now on. A schedule that a
/// product declares is changed in its code.
#[utoipa::path(patch, path = "/api/v1/schedules/{id}", tag = "schedules", params(("id" = i64, Path)), request_body = Spec,
    responses((status = 200, body = ScheduleDetail), (status = 400), (status = 401), (status = 403), (status = 404),
    (status = 409), (status = 413), (status = 422), (status = 503)))]
async fn edit(
    _: Admin,
    Handle(schedules): Handle<Schedules>,
    Path(id): Path<i64>,
    body: Object,
) -> ProblemResult<Json<ScheduleDetail>> {
    let before = found(&schedules, id).await?;
    let spec = match serde_json::to_value(&before.row.spec) {
        Ok(Value::Object(mut members)) => {
            members.extend(body.0);
            members
        }
        Ok(_) => Map::new(),
        Err(error) => return Err(Problem::internal(error)),
    };
    let spec = spec.into_iter().filter(|(name, value)| !value.is_null() || name == "args").collect();
    schedules.edit(id, Object(spec).read(SPEC)?).await?;
    detail(&schedules, id).await
}

/// Removes a schedule and its history. Jobs that it enqueued stay.
#[utoipa::path(delete, path = "/api/v1/schedules/{id}", tag = "schedules", params(("id" = i64, Path)), responses(
    (status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409), (status = 503)))]
async fn remove(_: Admin, Handle(schedules): Handle<Schedules>, Path(id): Path<i64>) -> ProblemResult<StatusCode> {
    schedules.delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a schedule did, newest first.
#[utoipa::path(get, path = "/api/v1/schedules/{id}/firings", tag = "schedules", params(("id" = i64, Path), FiringParams),
    responses((status = 200, body = FiringPage), (status = 400), (status = 401), (status = 404), (status = 503)))]
async fn firings(
    _: Admin,
    Handle(schedules): Handle<Schedules>,
    Path(id): Path<i64>,
    Params(params): Params<FiringParams>,
) -> ProblemResult<Json<FiringPage>> {
    found(&schedules, id).await?;
    let limit = page_limit(params.limit);
    let items = schedules.firings(id, params.before.unwrap_or(i64::MAX), limit).await?;
    let next = (items.len() == limit).then(|| items.last().map(|last| last.id.clone())).flatten();
    Ok(Json(FiringPage { items, next }))
}

/// Fires now, beside the ticks, paused or not.
#[utoipa::path(post, path = "/api/v1/schedules/{id}/run", tag = "schedules", params(("id" = i64, Path)), responses(
    (status = 200, body = FiringRow), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409),
    (status = 503)))]
async fn fire(_: Admin, Handle(schedules): Handle<Schedules>, Path(id): Path<i64>) -> ProblemResult<Json<FiringRow>> {
    let firing = schedules.fire_now(id).await?;
    Ok(Json(schedules.firing_row(firing).await?))
}

/// Fires no further tick until it is resumed. Jobs that are enqueued run.
#[utoipa::path(post, path = "/api/v1/schedules/{id}/pause", tag = "schedules", params(("id" = i64, Path)), responses(
    (status = 200, body = ScheduleDetail), (status = 400), (status = 401), (status = 403), (status = 404), (status = 503)))]
async fn pause(
    _: Admin,
    Handle(schedules): Handle<Schedules>,
    Path(id): Path<i64>,
) -> ProblemResult<Json<ScheduleDetail>> {
    schedules.pause(id).await?;
    detail(&schedules, id).await
}

/// Fires from now on; what was due while it was paused is not made up.
#[utoipa::path(post, path = "/api/v1/schedules/{id}/resume", tag = "schedules", params(("id" = i64, Path)), responses(
    (status = 200, body = ScheduleDetail), (status = 400), (status = 401), (status = 403), (status = 404), (status = 503)))]
async fn resume(
    _: Admin,
    Handle(schedules): Handle<Schedules>,
    Path(id): Path<i64>,
) -> ProblemResult<Json<ScheduleDetail>> {
    schedules.resume(id).await?;
    detail(&schedules, id).await
}

async fn detail(schedules: &Schedules, id: i64) -> ProblemResult<Json<ScheduleDetail>> {
    Ok(Json(found(schedules, id).await?))
}

async fn found(schedules: &Schedules, id: i64) -> ProblemResult<ScheduleDetail> {
    schedules.find(id).await?.ok_or_else(|| Problem::not_found("There is no such schedule."))
}
