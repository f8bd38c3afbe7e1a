//! What people leave on what was said: emoji, receipts, pins; what a room is to one of them; and that somebody is writing.

use ::store::Tx;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use host::Ctx;
use identity::Person;
use kernel::{Problem, ProblemResult};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{act, bad, look, room_of};
use crate::acts;
use crate::model;
use crate::pace::{Doing, paced};
use crate::rights::{self, TYPING};
use crate::store::{self, Pin, Reactor};

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(reactors, react))
        .routes(routes!(receive))
        .routes(routes!(pins))
        .routes(routes!(pin, unpin))
        .routes(routes!(change))
        .routes(routes!(typing))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatReactors)]
struct Reactors {
    items: Vec<Reactor>,
}

/// Who put what under a message.
#[utoipa::path(get, path = "/api/v1/chat/rooms/{room}/messages/{seq}/reactions", tag = "chat",
    params(("room" = String, Path), ("seq" = i64, Path)),
    responses((status = 200, body = Reactors), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)))]
async fn reactors(
    person: Person,
    State(ctx): State<Ctx>,
    Path((room, seq)): Path<(String, i64)>,
) -> ProblemResult<Json<Reactors>> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    paced(&ctx, &me, Doing::Look).await?;
    let read = async move |tx: &mut Tx| {
        rights::member(tx, &room, &me).await?;
        let hidden = store::is_hidden(tx, (&room, &me), seq).await?;
        Ok(Reactors { items: if hidden { Vec::new() } else { store::reactors(tx, &room, seq).await? } })
    };
    look(&ctx, read).await.map(Json)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChatReaction)]
struct React {
    /// One emoji.
    emoji: String,
    /// Whether it shall be there; without it, the other than what is.
    on: Option<bool>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatReactionState)]
struct Reacted {
    /// Whether the caller's emoji is there now.
    on: bool,
}

/// Puts an emoji under a message, or takes it back.
#[utoipa::path(post, path = "/api/v1/chat/rooms/{room}/messages/{seq}/reactions", tag = "chat",
    params(("room" = String, Path), ("seq" = i64, Path)), request_body = React,
    responses((status = 200, body = Reacted), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409),
        (status = 415), (status = 422), (status = 429)))]
async fn react(
    person: Person,
    State(ctx): State<Ctx>,
    Path((room, seq)): Path<(String, i64)>,
    Json(React { emoji, on }): Json<React>,
) -> ProblemResult<Json<Reacted>> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    model::emoji(&emoji)?;
    let on = act(&ctx, (&person, Doing::Change), async move |ctx, tx| {
        acts::react(ctx, tx, (&room, &me), seq, &emoji, on).await
    })
    .await?;
    Ok(Json(Reacted { on }))
}

/// Up to where somebody has got and read.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChatReceipt)]
struct Receive {
    /// Everything up to this number was read.
    read: Option<i64>,
    /// Everything up to this number has come.
    delivered: Option<i64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatReceipt)]
struct Received {
    read: i64,
    delivered: i64,
}

/// Says up to where the caller has got and read. It only goes forward; what is behind that already changes nothing.
#[utoipa::path(post, path = "/api/v1/chat/rooms/{room}/receipts", tag = "chat", params(("room" = String, Path)), request_body = Receive,
    responses((status = 200, body = Received), (status = 400), (status = 401), (status = 403), (status = 404), (status = 415),
        (status = 422), (status = 429)))]
async fn receive(
    person: Person,
    State(ctx): State<Ctx>,
    Path(room): Path<String>,
    Json(it): Json<Receive>,
) -> ProblemResult<Json<Received>> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    let stands = act(&ctx, (&person, Doing::Receive), async move |ctx, tx| {
        acts::receive(ctx, tx, (&room, &me), it.read, it.delivered).await
    });
    let (read, delivered) = stands.await?;
    Ok(Json(Received { read, delivered }))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatPins)]
struct Pins {
    items: Vec<Pin>,
}

/// A room's pinned messages, the last pinned first.
#[utoipa::path(get, path = "/api/v1/chat/rooms/{room}/pins", tag = "chat", params(("room" = String, Path)),
    responses((status = 200, body = Pins), (status = 401), (status = 403), (status = 404), (status = 429)))]
async fn pins(person: Person, State(ctx): State<Ctx>, Path(room): Path<String>) -> ProblemResult<Json<Pins>> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    paced(&ctx, &me, Doing::Look).await?;
    let read = async move |tx: &mut Tx| {
        rights::member(tx, &room, &me).await?;
        Ok(Pins { items: store::pins(tx, &room, &me).await? })
    };
    look(&ctx, read).await.map(Json)
}

/// Pins a message.
#[utoipa::path(put, path = "/api/v1/chat/rooms/{room}/pins/{seq}", tag = "chat", params(("room" = String, Path), ("seq" = i64, Path)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409), (status = 429)))]
async fn pin(
    person: Person,
    State(ctx): State<Ctx>,
    Path((room, seq)): Path<(String, i64)>,
) -> ProblemResult<StatusCode> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    act(&ctx, (&person, Doing::Change), async move |ctx, tx| acts::pin(ctx, tx, (&room, &me), seq, true).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a pin away.
#[utoipa::path(delete, path = "/api/v1/chat/rooms/{room}/pins/{seq}", tag = "chat", params(("room" = String, Path), ("seq" = i64, Path)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)))]
async fn unpin(
    person: Person,
    State(ctx): State<Ctx>,
    Path((room, seq)): Path<(String, i64)>,
) -> ProblemResult<StatusCode> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    act(&ctx, (&person, Doing::Change), async move |ctx, tx| acts::pin(ctx, tx, (&room, &me), seq, false).await)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatMineChange)]
struct Change {
    /// No pushes before this time, Unix milliseconds; 0 is none.
    muted_until_ms: Option<i64>,
    archived: Option<bool>,
}

/// Mutes or archives a room for the caller alone.
#[utoipa::path(patch, path = "/api/v1/chat/rooms/{room}/mine", tag = "chat", params(("room" = String, Path)), request_body = Change,
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 415), (status = 422), (status = 429)))]
async fn change(
    person: Person,
    State(ctx): State<Ctx>,
    Path(room): Path<String>,
    Json(change): Json<Change>,
) -> ProblemResult<StatusCode> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    let Change { muted_until_ms, archived } = change;
    if muted_until_ms.is_some_and(|until_ms| until_ms < 0) {
        return Err(bad("muted_until_ms", "a time, Unix milliseconds, or 0"));
    }
    act(&ctx, (&person, Doing::Change), async move |ctx, tx| {
        acts::set_mine(ctx, tx, (&room, &me), muted_until_ms, archived).await
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatTyping)]
struct Typing {
    /// Whether the caller goes on.
    on: bool,
}

/// Who is writing, as listeners get it.
#[derive(Serialize)]
struct Writing<'a> {
    person: &'a str,
    on: bool,
}

/// Says that the caller is writing, to those who look at the room now. It is kept nowhere.
#[utoipa::path(post, path = "/api/v1/chat/rooms/{room}/typing", tag = "chat", params(("room" = String, Path)), request_body = Typing,
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 415), (status = 422), (status = 429)))]
async fn typing(
    person: Person,
    State(ctx): State<Ctx>,
    Path(room): Path<String>,
    Json(Typing { on }): Json<Typing>,
) -> ProblemResult<StatusCode> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    let channel = format!("{TYPING}:{room}");
    paced(&ctx, &me, Doing::Type).await?;
    let asked = me.clone();
    look(&ctx, async move |tx| rights::member(tx, &room, &asked).await.map(drop)).await?;
    ctx.hub.publish(&channel, &Writing { person: &me, on }).await.map_err(|error| Problem::unavailable(1, error))?;
    Ok(StatusCode::NO_CONTENT)
}
