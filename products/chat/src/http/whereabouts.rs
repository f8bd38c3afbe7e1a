//! Where the caller is for others.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use host::Ctx;
use identity::Person;
use kernel::ProblemResult;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{act, look};
use crate::model::Status;
use crate::pace::{Doing, paced};
use crate::store;
use crate::whereabouts::want;

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(show, change))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatMyStatus)]
struct Mine {
    /// What others see.
    status: Status,
    /// Whether the caller has said that it is away.
    away: bool,
    /// Whether others are shown when the caller was last seen.
    shows_last_seen: bool,
}

/// What others see of where the caller is.
#[utoipa::path(get, path = "/api/v1/chat/status", tag = "chat", responses((status = 200, body = Mine), (status = 401), (status = 403), (status = 429)))]
async fn show(person: Person, State(ctx): State<Ctx>) -> ProblemResult<Json<Mine>> {
    let me = person.id.to_string();
    paced(&ctx, &me, Doing::Look).await?;
    let known = look(&ctx, async move |tx| Ok(store::known_of(tx, &me).await?)).await?;
    Ok(Json(Mine { status: known.status(), away: known.away, shows_last_seen: known.shows }))
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatStatusChange)]
struct Change {
    /// Says that the caller is away, whatever it does, until it says otherwise.
    away: Option<bool>,
    /// Whether others are shown when the caller was last seen.
    shows_last_seen: Option<bool>,
}

/// Says what others see of where the caller is.
#[utoipa::path(patch, path = "/api/v1/chat/status", tag = "chat", request_body = Change,
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 415), (status = 422), (status = 429)))]
async fn change(person: Person, State(ctx): State<Ctx>, Json(it): Json<Change>) -> ProblemResult<StatusCode> {
    let me = person.id.to_string();
    let wanted = (it.away, it.shows_last_seen);
    act(&ctx, (&person, Doing::Change), async move |ctx, tx| want(ctx, tx, &me, wanted).await).await?;
    Ok(StatusCode::NO_CONTENT)
}
