//! What an administrator watches: how it goes now, and one room from outside. Nothing here shows what people wrote.

use ::store::Tx;
use axum::extract::{Path, State};
use axum::{Extension, Json};
use host::Ctx;
use identity::Admin;
use kernel::{ProblemResult, limits};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::counted::Counted;
use super::{look, room_of};
use crate::model::Role;
use crate::pace::{Doing, paced};
use crate::people::{self, Named};
use crate::pulse;
use crate::refusal::Refused;
use crate::store::{self, Minute, RoomFigures};

const HOUR_MS: i64 = 3_600_000;

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(pulse)).routes(routes!(room)).layer(Extension(Counted::<Figures>::default()))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatPulse)]
struct Pulse {
    /// When it was counted, Unix milliseconds.
    now_ms: i64,
    /// People with an account.
    registered: i64,
    /// People who have the chat open now, each once.
    online: i64,
    /// Whether it is counted now, as the settings say. What happens meanwhile is in neither list.
    counting: bool,
    /// Messages of the last hour that are still there: minutes with any, oldest first. None while nothing is counted.
    messages: Vec<Minute>,
    /// How many were online in the last day, as of each minute's beginning, oldest first. A minute that is missing was not counted.
    people: Vec<Minute>,
}

/// Of a pulse, what takes long to count.
#[derive(Clone)]
struct Figures {
    now_ms: i64,
    registered: i64,
    counting: bool,
    messages: Vec<Minute>,
    people: Vec<Minute>,
}

/// How it goes now, as of ten seconds ago at most, or a little longer where counting takes long.
#[utoipa::path(get, path = "/api/v1/chat/admin/pulse", tag = "chat",
    responses((status = 200, body = Pulse), (status = 401), (status = 403), (status = 429)))]
async fn pulse(
    by: Admin,
    State(ctx): State<Ctx>,
    Extension(counted): Extension<Counted<Figures>>,
) -> ProblemResult<Json<Pulse>> {
    paced(&ctx, &by.actor.to_string(), Doing::Look).await?;
    let Figures { now_ms, registered, counting, messages, people } =
        counted.fresh(&ctx.clock, async |now_ms| count(&ctx, now_ms).await).await?;
    // Whoever has just come sees itself. Realtime counts that once for all who look.
    let online = pulse::online(&ctx).await;
    Ok(Json(Pulse { now_ms, registered, online, counting, messages, people }))
}

async fn count(ctx: &Ctx, now_ms: i64) -> ProblemResult<Figures> {
    let ours = ctx.clone();
    let read = async move |tx: &mut Tx| {
        let counting = store::settings(tx).await?.analytics;
        let registered = ours.identity.how_many_people(tx).await?;
        let since_ms = now_ms - HOUR_MS;
        let messages = if counting { store::messages_by_minute(tx, since_ms).await? } else { Vec::new() };
        let people = store::online_by_minute(tx, now_ms - limits::CHAT_MINUTES_MS).await?;
        Ok(Figures { now_ms, registered, counting, messages, people })
    };
    look(ctx, read).await
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatRoomWatched)]
struct Watched {
    #[serde(flatten)]
    figures: RoomFigures,
    /// Files that are there, and what they and their previews take, bytes.
    files: i64,
    bytes: i64,
    /// Those who manage it first.
    inside: Vec<Inside>,
    people: Vec<Named>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatInside)]
struct Inside {
    person: String,
    role: Role,
    joined_at_ms: i64,
}

/// A room from outside: who is in it, how much is said, what its files take.
#[utoipa::path(get, path = "/api/v1/chat/admin/rooms/{room}", tag = "chat", params(("room" = String, Path)),
    responses((status = 200, body = Watched), (status = 401), (status = 403), (status = 404), (status = 429)))]
async fn room(by: Admin, State(ctx): State<Ctx>, Path(room): Path<String>) -> ProblemResult<Json<Watched>> {
    let room = room_of(&room)?;
    paced(&ctx, &by.actor.to_string(), Doing::Look).await?;
    let read = async move |tx: &mut Tx| {
        let figures = store::room_figures(tx, &room).await?.ok_or(Refused::NoRoom)?;
        Ok((figures, store::stored(tx, &room).await?, store::members(tx, &room).await?))
    };
    let (figures, (files, bytes), members) = look(&ctx, read).await?;
    let people = people::named(&ctx, people::ids(members.iter().map(|it| &it.person))).await?;
    let inside =
        members.into_iter().map(|it| Inside { person: it.person, role: it.role, joined_at_ms: it.joined_at_ms });
    Ok(Json(Watched { figures, files, bytes, inside: inside.collect(), people }))
}
