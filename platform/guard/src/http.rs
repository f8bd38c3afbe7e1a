//! `/api/v1/audit`.

use axum::Json;
use axum::extract::{Query as Params, State};
use identity::Admin;
use kernel::{ProblemResult, limits};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{Entry, Guard, Query};

/// The routes of this part.
pub fn routes(guard: Guard) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(list)).with_state(guard)
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only by this actor: `admin`, a person's id, `key:7`, `anonymous` or `cli`.
    actor: Option<String>,
    /// Only with this text in the action or in the target.
    q: Option<String>,
    /// Only older than this entry: the `next` of the page before.
    before: Option<i64>,
    /// At most so many, 200 at the most; 50 unless said.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
struct AuditPage {
    items: Vec<Entry>,
    /// Where the next page begins; absent on the last.
    next: Option<i64>,
}

/// The audit log, newest first: every change that a signed-in person, an API key or the command line made, and every use of a
/// sign-in link.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(ListParams),
    responses((status = 200, body = AuditPage), (status = 401), (status = 400)))]
async fn list(
    _: Admin,
    State(guard): State<Guard>,
    Params(params): Params<ListParams>,
) -> ProblemResult<Json<AuditPage>> {
    let limit = params.limit.unwrap_or(50).clamp(1, limits::PAGE);
    let ListParams { actor, q, before, .. } = params;
    let items = guard.audit(Query { before, actor, text: q, limit }).await?;
    let next = (items.len() == limit).then(|| items.last().map(|entry| entry.id)).flatten();
    Ok(Json(AuditPage { items, next }))
}
