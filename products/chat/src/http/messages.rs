//! What is said in a room.

use ::store::Tx;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use host::Ctx;
use identity::Person;
use kernel::{ProblemResult, limits};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{act, bad, look, room_of, write};
use crate::acts::{self, Send};
use crate::model;
use crate::pace::{Doing, paced};
use crate::people::{self, Named};
use crate::refusal::Refused;
use crate::rights;
use crate::store::{self, Asked, Message, Reaction};

/// Messages of a page, unless said.
const PAGE: usize = 50;

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(list, send)).routes(routes!(show, change, delete))
}

#[derive(Deserialize, IntoParams)]
struct ListParams {
    /// The newest before this number.
    before: Option<i64>,
    /// The first after this number.
    after: Option<i64>,
    /// At most so many, 200 at most.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatMessages)]
struct Messages {
    /// In the order of the room.
    items: Vec<Shown>,
    /// Whether there are more in the direction that was asked for.
    more: bool,
    /// Who wrote them.
    people: Vec<Named>,
    /// The last number of the room's log when this was read: where to begin listening.
    top: i64,
}

/// A message with what is under it.
#[derive(Serialize, ToSchema)]
#[schema(as = ChatMessageShown)]
struct Shown {
    #[serde(flatten)]
    message: Message,
    reactions: Vec<Reaction>,
}

/// The names of a room's people, where a text mentions any.
async fn names_in(ctx: &Ctx, room: &str, me: &str, content: &str) -> ProblemResult<Vec<(String, String)>> {
    if !content.contains('@') {
        return Ok(Vec::new());
    }
    let (room, me) = (room.to_owned(), me.to_owned());
    let ids = look(ctx, async move |tx| {
        rights::member(tx, &room, &me).await?;
        Ok(store::member_ids(tx, &room).await?)
    });
    people::names(ctx, &ids.await?).await
}

/// The messages as a person sees them.
async fn shown(tx: &mut Tx, (room, person): (&str, &str), items: Vec<Message>) -> Result<Vec<Shown>, Refused> {
    let (Some(first), Some(last)) = (items.first(), items.last()) else { return Ok(Vec::new()) };
    let under = store::reactions(tx, (room, person), first.seq, last.seq).await?;
    let with = |message: Message| {
        let reactions = under.iter().filter(|reaction| reaction.seq == message.seq).cloned().collect();
        Shown { message, reactions }
    };
    Ok(items.into_iter().map(with).collect())
}

/// Messages of a room: the newest, those before a number, or those after one.
#[utoipa::path(get, path = "/api/v1/chat/rooms/{room}/messages", tag = "chat", params(("room" = String, Path), ListParams),
    responses((status = 200, body = Messages), (status = 400), (status = 401), (status = 403), (status = 404), (status = 422), (status = 429)))]
async fn list(
    person: Person,
    State(ctx): State<Ctx>,
    Path(room): Path<String>,
    Query(params): Query<ListParams>,
) -> ProblemResult<Json<Messages>> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    let asked = match (params.before, params.after) {
        (None, Some(after)) => Asked::After(after),
        (before, None) => Asked::Before(before.unwrap_or(i64::MAX)),
        (Some(_), Some(_)) => return Err(bad("after", "not together with `before`")),
    };
    let rows = params.limit.unwrap_or(PAGE).clamp(1, limits::PAGE);
    paced(&ctx, &me, Doing::Look).await?;
    let read = async move |tx: &mut Tx| {
        let top = rights::member(tx, &room, &me).await?.room.top;
        let page = store::messages(tx, (&room, &me), asked, rows).await?;
        Ok((shown(tx, (&room, &me), page.items).await?, page.more, top))
    };
    let (items, more, top) = look(&ctx, read).await?;
    let people = people::named(&ctx, people::ids(items.iter().map(|it| &it.message.sender))).await?;
    Ok(Json(Messages { items, more, people, top }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChatMessage)]
struct New {
    /// What the client calls it, such as a UUID: sent again under the same name, it is the same message.
    client_id: String,
    /// Text, at most 2,000 characters; with a file it may be absent.
    #[serde(default)]
    content: String,
    /// A file that its sender has sent to this room, and that no message has yet.
    file_id: Option<String>,
    /// The number of the message that it answers, of the same room.
    reply_to: Option<i64>,
}

/// Says something. The same `client_id` again answers with the message that it became.
#[utoipa::path(post, path = "/api/v1/chat/rooms/{room}/messages", tag = "chat", params(("room" = String, Path)), request_body = New,
    responses((status = 200, body = Message, description = "It was sent before."), (status = 201, body = Message), (status = 400),
        (status = 401), (status = 403), (status = 404), (status = 415), (status = 422), (status = 429)))]
async fn send(
    person: Person,
    State(ctx): State<Ctx>,
    Path(room): Path<String>,
    Json(New { client_id, content, file_id: file, reply_to }): Json<New>,
) -> ProblemResult<(StatusCode, Json<Message>)> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    model::client_id(&client_id)?;
    if file.is_none() || !content.is_empty() {
        model::content(&content, limits::CHAT_MESSAGE_CHARS)?;
    }
    paced(&ctx, &me, Doing::Send).await?;
    let names = names_in(&ctx, &room, &me, &content).await?;
    let new = Send { client_id, content, reply_to, file, names };
    let (message, new) = write(&ctx, async move |ctx, tx| acts::send(ctx, tx, (&room, &me), &new).await).await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Json(message)))
}

/// One message.
#[utoipa::path(get, path = "/api/v1/chat/rooms/{room}/messages/{seq}", tag = "chat", params(("room" = String, Path), ("seq" = i64, Path)),
    responses((status = 200, body = Shown), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)))]
async fn show(
    person: Person,
    State(ctx): State<Ctx>,
    Path((room, seq)): Path<(String, i64)>,
) -> ProblemResult<Json<Shown>> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    paced(&ctx, &me, Doing::Look).await?;
    let read = async move |tx: &mut Tx| {
        rights::member(tx, &room, &me).await?;
        let message = store::message_for(tx, (&room, &me), seq).await?.ok_or(Refused::NoSuch("message"))?;
        shown(tx, (&room, &me), vec![message]).await?.pop().ok_or(Refused::NoSuch("message"))
    };
    look(&ctx, read).await.map(Json)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatMessageChange)]
struct Change {
    content: String,
}

/// Gives one's own message another text.
#[utoipa::path(patch, path = "/api/v1/chat/rooms/{room}/messages/{seq}", tag = "chat",
    params(("room" = String, Path), ("seq" = i64, Path)), request_body = Change,
    responses((status = 200, body = Message), (status = 400), (status = 401), (status = 403), (status = 404), (status = 415),
        (status = 422), (status = 429)))]
async fn change(
    person: Person,
    State(ctx): State<Ctx>,
    Path((room, seq)): Path<(String, i64)>,
    Json(Change { content }): Json<Change>,
) -> ProblemResult<Json<Message>> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    model::content(&content, limits::CHAT_MESSAGE_CHARS)?;
    paced(&ctx, &me, Doing::Change).await?;
    let names = names_in(&ctx, &room, &me, &content).await?;
    write(&ctx, async move |ctx, tx| acts::change(ctx, tx, (&room, &me), seq, &content, &names).await).await.map(Json)
}

/// Deletes a message for everybody.
#[utoipa::path(delete, path = "/api/v1/chat/rooms/{room}/messages/{seq}", tag = "chat",
    params(("room" = String, Path), ("seq" = i64, Path)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)))]
async fn delete(
    person: Person,
    State(ctx): State<Ctx>,
    Path((room, seq)): Path<(String, i64)>,
) -> ProblemResult<StatusCode> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    act(&ctx, (&person, Doing::Change), async move |ctx, tx| acts::delete_message(ctx, tx, (&room, &me), seq).await)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
