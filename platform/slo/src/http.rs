//! `/api/v1/slo` and `/api/v1/alerts`: for the console and for scripts of its people.

use ::http::StatusCode;
use axum::Json;
use axum::extract::{Path, Query, State};
use identity::Admin;
use kernel::{Problem, ProblemResult};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Slo;
use crate::alert::Alert;
use crate::objective::ALL;
use crate::reading::Status;

/// The longest silence, milliseconds: what is forgotten must come back by itself.
const SILENCE_MS: i64 = 7 * 86_400_000;

/// The routes of this part.
pub fn routes(slo: Slo) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(objectives))
        .routes(routes!(silence))
        .routes(routes!(alerts))
        .routes(routes!(acknowledge))
        .with_state(slo)
}

#[derive(Serialize, ToSchema)]
struct Objectives {
    items: Vec<Status>,
}

/// Every objective: its budget, how fast it burns, its days.
#[utoipa::path(get, path = "/api/v1/slo", tag = "ops", responses((status = 200, body = Objectives), (status = 401)))]
async fn objectives(_: Admin, State(slo): State<Slo>) -> ProblemResult<Json<Objectives>> {
    Ok(Json(Objectives { items: slo.status().await? }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Silence {
    /// Nobody is told before then, Unix milliseconds; 0 ends the silence. Seven days at most.
    until_ms: i64,
}

/// Keeps an objective's alerts from being told for a while. They are noted and shown all the same.
#[utoipa::path(put, path = "/api/v1/slo/{objective}/silence", tag = "ops",
    params(("objective" = String, Path, description = "Its name")), request_body = Silence,
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 415), (status = 422)))]
async fn silence(
    _: Admin,
    State(slo): State<Slo>,
    Path(objective): Path<String>,
    Json(Silence { until_ms }): Json<Silence>,
) -> ProblemResult<StatusCode> {
    let named = ALL.iter().find(|it| it.name == objective);
    let objective = named.ok_or_else(|| Problem::not_found("There is no such objective."))?.name;
    if !(0..=slo.0.setup.clock.now_ms() + SILENCE_MS).contains(&until_ms) {
        let problem = Problem::bad_request("invalid_silence", "A silence ends within seven days.");
        return Err(problem.field("/until_ms", "Unix milliseconds, at most seven days from now; 0 ends the silence"));
    }
    slo.silence(objective, until_ms).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, IntoParams)]
struct ListParams {
    /// Only older than this alert: the `next` of the page before.
    before: Option<i64>,
    /// At most so many, 200 at the most; 50 unless said.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
struct AlertPage {
    items: Vec<Alert>,
    /// Where the next page begins; null on the last.
    next: Option<String>,
}

/// Alerts, newest first.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "ops", params(ListParams),
    responses((status = 200, body = AlertPage), (status = 400), (status = 401)))]
async fn alerts(
    _: Admin,
    State(slo): State<Slo>,
    Query(ListParams { before, limit }): Query<ListParams>,
) -> ProblemResult<Json<AlertPage>> {
    let limit = limit.unwrap_or(50).clamp(1, kernel::limits::PAGE);
    let items = slo.alerts(before, limit).await?;
    let next = (items.len() == limit).then(|| items.last().map(|alert| alert.id.clone())).flatten();
    Ok(Json(AlertPage { items, next }))
}

/// Takes note of an open alert: there are no more reminders.
#[utoipa::path(post, path = "/api/v1/alerts/{id}/acknowledge", tag = "ops",
    params(("id" = i64, Path, description = "Its number")),
    responses((status = 200, body = Alert), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409)))]
async fn acknowledge(_: Admin, State(slo): State<Slo>, Path(id): Path<i64>) -> ProblemResult<Json<Alert>> {
    match slo.acknowledge(id).await? {
        Some((alert, true)) => Ok(Json(alert)),
        Some((alert, false)) => {
            let state = alert.state.word();
            Err(Problem::conflict("alert_not_open", format!("The alert is {state}; only an open one is acknowledged.")))
        }
        None => Err(Problem::not_found("There is no alert of this number.")),
    }
}
