//! Messages that the caller hides from itself.

use ::store::Tx;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use host::Ctx;
use identity::Person;
use kernel::ProblemResult;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{act, look, room_of};
use crate::acts;
use crate::pace::{Doing, paced};
use crate::rights;
use crate::store;

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(hide, show))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatHidden)]
struct Hidden {
    /// The numbers of the messages, the first first: 1,000 at most.
    items: Vec<i64>,
}

/// What the caller has hidden in a room. The room's channel is one for all: whoever shows it leaves these out.
#[utoipa::path(get, path = "/api/v1/chat/rooms/{room}/hidden", tag = "chat", params(("room" = String, Path)),
    responses((status = 200, body = Hidden), (status = 401), (status = 403), (status = 404), (status = 429)))]
async fn list(person: Person, State(ctx): State<Ctx>, Path(room): Path<String>) -> ProblemResult<Json<Hidden>> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    paced(&ctx, &me, Doing::Look).await?;
    let read = async move |tx: &mut Tx| {
        rights::member(tx, &room, &me).await?;
        Ok(Hidden { items: store::hidden(tx, &room, &me).await? })
    };
    look(&ctx, read).await.map(Json)
}

/// Deletes a message for the caller alone, on all devices: no answer holds it any more. To everybody else it is as it was.
#[utoipa::path(put, path = "/api/v1/chat/rooms/{room}/hidden/{seq}", tag = "chat", params(("room" = String, Path), ("seq" = i64, Path)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409), (status = 429)))]
async fn hide(
    person: Person,
    State(ctx): State<Ctx>,
    Path((room, seq)): Path<(String, i64)>,
) -> ProblemResult<StatusCode> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    act(&ctx, (&person, Doing::Change), async move |ctx, tx| acts::hide(ctx, tx, (&room, &me), seq, true).await)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Shows the caller a message again that it has hidden.
#[utoipa::path(delete, path = "/api/v1/chat/rooms/{room}/hidden/{seq}", tag = "chat", params(("room" = String, Path), ("seq" = i64, Path)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)))]
async fn show(
    person: Person,
    State(ctx): State<Ctx>,
    Path((room, seq)): Path<(String, i64)>,
) -> ProblemResult<StatusCode> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    act(&ctx, (&person, Doing::Change), async move |ctx, tx| acts::hide(ctx, tx, (&room, &me), seq, false).await)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
