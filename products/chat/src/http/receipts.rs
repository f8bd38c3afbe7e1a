//! How far a message has come, and when.

use ::store::Tx;
use axum::Json;
use axum::extract::{Path, State};
use host::Ctx;
use identity::Person;
use kernel::ProblemResult;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{look, room_of};
use crate::pace::{Doing, paced};
use crate::refusal::Refused;
use crate::rights;
use crate::store::{self, Reached};

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatReceipts)]
struct Receipts {
    /// Everybody else who is in the room, and was when the message came: who read it first is the first, then whom it has come to.
    items: Vec<Reached>,
}

/// Who has got and read a message, and when. The times of somebody's last 200 steps in a room are known, none from before they were kept, and
/// none of who does not show when it was last seen.
#[utoipa::path(get, path = "/api/v1/chat/rooms/{room}/messages/{seq}/receipts", tag = "chat",
    params(("room" = String, Path), ("seq" = i64, Path)),
    responses((status = 200, body = Receipts), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)))]
async fn list(
    person: Person,
    State(ctx): State<Ctx>,
    Path((room, seq)): Path<(String, i64)>,
) -> ProblemResult<Json<Receipts>> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    paced(&ctx, &me, Doing::Look).await?;
    let read = async move |tx: &mut Tx| {
        rights::member(tx, &room, &me).await?;
        let said = store::message_for(tx, (&room, &me), seq).await?.ok_or(Refused::NoSuch("message"))?;
        let mut items = store::reached(tx, &room, (seq, &said.sender, said.at_ms)).await?;
        // A time of somebody is when it was seen.
        let discreet = store::discreet(tx, &room).await?;
        for it in items.iter_mut().filter(|it| discreet.contains(&it.person)) {
            (it.delivered_at_ms, it.read_at_ms) = (None, None);
        }
        Ok(Receipts { items })
    };
    look(&ctx, read).await.map(Json)
}
