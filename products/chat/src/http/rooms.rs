//! Rooms: made, listed, looked at, changed, left, deleted.

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

use super::{act, bad, look, people_of, place_of, room_of, write};
use crate::acts::{self, NewGroup};
use crate::model;
use crate::pace::{Doing, paced};
use crate::people::{self, Named};
use crate::refusal::Refused;
use crate::rights;
use crate::store::{self, Line, Member, Whereabouts};

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(list, make))
        .routes(routes!(direct))
        .routes(routes!(show, change, delete))
        .routes(routes!(leave))
}

#[derive(Deserialize, IntoParams)]
struct ListParams {
    /// The archived ones, and no others.
    #[serde(default)]
    archived: bool,
    /// Only after this room in the list: the `next` of the page before.
    before: Option<String>,
    /// At most so many, 200 at most.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatRooms)]
struct Rooms {
    items: Vec<Line>,
    /// Who is named in them: the other one of a direct room, who spoke last.
    people: Vec<Named>,
    /// Where the others of direct rooms are.
    whereabouts: Vec<Whereabouts>,
    /// The `before` of the next page; absent on the last one.
    next: Option<String>,
}

/// The caller's rooms, the last spoken in first, with what is unread.
#[utoipa::path(get, path = "/api/v1/chat/rooms", tag = "chat", params(ListParams),
    responses((status = 200, body = Rooms), (status = 400), (status = 401), (status = 403), (status = 429)))]
async fn list(person: Person, State(ctx): State<Ctx>, Query(params): Query<ListParams>) -> ProblemResult<Json<Rooms>> {
    let (at_ms, room) = place_of(params.before.as_deref())?;
    let rows = params.limit.unwrap_or(50).clamp(1, limits::PAGE);
    let (me, archived) = (person.id.to_string(), params.archived);
    paced(&ctx, &me, Doing::Look).await?;
    let mut items =
        look(&ctx, async move |tx| Ok(store::lines(tx, &me, archived, (at_ms, &room), rows + 1).await?)).await?;
    let more = items.len() > rows;
    items.truncate(rows);
    let next = items.last().filter(|_| more).map(|line| format!("{}.{}", line.room.last_at_ms, line.room.room));
    let named = items.iter().flat_map(|it| [it.other.as_ref(), it.last_message.as_ref().map(|last| &last.sender)]);
    let people = people::named(&ctx, people::ids(named.flatten())).await?;
    let others: Vec<String> = items.iter().filter_map(|it| it.other.clone()).collect();
    let whereabouts = people::whereabouts(&ctx, others).await?;
    Ok(Json(Rooms { items, people, whereabouts, next }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChatRoom)]
struct New {
    /// 2 to 50 characters.
    name: String,
    /// At most 200 characters.
    #[serde(default)]
    description: String,
    /// Whom to begin with, at least one beside the caller.
    people: Vec<String>,
}

/// Makes a group, which belongs to the caller.
#[utoipa::path(post, path = "/api/v1/chat/rooms", tag = "chat", request_body = New,
    responses((status = 201, body = Whole), (status = 400), (status = 401), (status = 403), (status = 409), (status = 415),
        (status = 422), (status = 429)))]
async fn make(
    person: Person,
    State(ctx): State<Ctx>,
    Json(new): Json<New>,
) -> ProblemResult<(StatusCode, Json<Whole>)> {
    let by = person.id.to_string();
    let mut people = people_of("people", &new.people, limits::CHAT_MEMBERS)?;
    people.retain(|other| *other != by);
    if people.is_empty() {
        return Err(bad("people", "at least one other person"));
    }
    let (name, description) = (model::name(&new.name)?, model::description(&new.description)?);
    paced(&ctx, &by, Doing::Gather).await?;
    let (group, admin) = (NewGroup { name, description, people }, person.admin);
    // First: who may not know of somebody does not learn whether there is such a person.
    let (asked, me) = (group.people.clone(), by.clone());
    look(&ctx, async move |tx| rights::knows(tx, (&me, admin), ("people", &asked)).await).await?;
    people::welcome(&ctx, "people", &group.people).await?;
    let whole = write(&ctx, async move |ctx, tx| {
        rights::knows(tx, (&by, admin), ("people", &group.people)).await?;
        let room = acts::make_group(ctx, tx, &by, &group).await?;
        whole(tx, &room, &by).await
    });
    Ok((StatusCode::CREATED, Whole::of(&ctx, whole.await?).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewDirectRoom)]
struct Direct {
    /// The other one.
    person: String,
}

/// The direct room of the caller and another person: the one that is there, or a new one.
#[utoipa::path(post, path = "/api/v1/chat/rooms/direct", tag = "chat", request_body = Direct,
    responses((status = 200, body = Whole, description = "It was there."), (status = 201, body = Whole), (status = 400), (status = 401),
        (status = 403), (status = 409), (status = 415), (status = 422), (status = 429)))]
async fn direct(
    person: Person,
    State(ctx): State<Ctx>,
    Json(Direct { person: other }): Json<Direct>,
) -> ProblemResult<(StatusCode, Json<Whole>)> {
    let by = person.id.to_string();
    let other = people_of("person", &[other], 1)?.remove(0);
    if other == by {
        return Err(bad("person", "another person"));
    }
    paced(&ctx, &by, Doing::Gather).await?;
    people::welcome(&ctx, "person", std::slice::from_ref(&other)).await?;
    let admin = person.admin;
    let (whole, new) = write(&ctx, async move |ctx, tx| {
        rights::knows(tx, (&by, admin), ("person", std::slice::from_ref(&other))).await?;
        let (room, new) = acts::begin_direct(ctx, tx, &by, &other).await?;
        Ok((whole(tx, &room, &by).await?, new))
    })
    .await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, Whole::of(&ctx, whole).await?))
}

/// A room with its people.
#[derive(Serialize, ToSchema)]
#[schema(as = ChatRoomWhole)]
struct Whole {
    #[serde(flatten)]
    line: Line,
    members: Vec<Member>,
    /// Members whose accounts are gone for ever: they get and read nothing any more.
    gone: Vec<String>,
    /// What people call them.
    people: Vec<Named>,
    /// Where the members are whose accounts are there.
    whereabouts: Vec<Whereabouts>,
}

impl Whole {
    async fn of(ctx: &Ctx, (line, members): (Line, Vec<Member>)) -> ProblemResult<Json<Self>> {
        let ids = people::ids(members.iter().map(|member| &member.person));
        let (gone, people) = (people::gone(ctx, &ids).await?, people::named(ctx, ids).await?);
        let there = members.iter().map(|member| member.person.clone()).filter(|person| !gone.contains(person));
        let whereabouts = people::whereabouts(ctx, there.collect()).await?;
        Ok(Json(Self { line, members, gone, people, whereabouts }))
    }
}

async fn whole(tx: &mut ::store::Tx, room: &str, person: &str) -> Result<(Line, Vec<Member>), Refused> {
    let line = store::line(tx, person, room).await?.ok_or(Refused::NoRoom)?;
    Ok((line, store::members(tx, room).await?))
}

/// A room, with who is in it and what each has got and read.
#[utoipa::path(get, path = "/api/v1/chat/rooms/{room}", tag = "chat", params(("room" = String, Path)),
    responses((status = 200, body = Whole), (status = 401), (status = 403), (status = 404), (status = 429)))]
async fn show(person: Person, State(ctx): State<Ctx>, Path(room): Path<String>) -> ProblemResult<Json<Whole>> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    paced(&ctx, &me, Doing::Look).await?;
    let found = look(&ctx, async move |tx| {
        rights::member(tx, &room, &me).await?;
        whole(tx, &room, &me).await
    });
    Whole::of(&ctx, found.await?).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatRoomChange)]
struct Change {
    name: Option<String>,
    description: Option<String>,
}

/// Gives a group another name or description.
#[utoipa::path(patch, path = "/api/v1/chat/rooms/{room}", tag = "chat", params(("room" = String, Path)), request_body = Change,
    responses((status = 200, body = Whole), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409),
        (status = 415), (status = 422), (status = 429)))]
async fn change(
    person: Person,
    State(ctx): State<Ctx>,
    Path(room): Path<String>,
    Json(change): Json<Change>,
) -> ProblemResult<Json<Whole>> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    let name = change.name.as_deref().map(model::name).transpose()?;
    let description = change.description.as_deref().map(model::description).transpose()?;
    let changed = act(&ctx, (&person, Doing::Gather), async move |ctx, tx| {
        acts::describe(ctx, tx, (&room, &me), name, description).await?;
        whole(tx, &room, &me).await
    });
    Whole::of(&ctx, changed.await?).await
}

/// Deletes a group, for everybody. Its owner may.
#[utoipa::path(delete, path = "/api/v1/chat/rooms/{room}", tag = "chat", params(("room" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 409)))]
async fn delete(person: Person, State(ctx): State<Ctx>, Path(room): Path<String>) -> ProblemResult<StatusCode> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    act(&ctx, (&person, Doing::Gather), async move |ctx, tx| acts::delete(ctx, tx, &room, &me).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Leaves a group. Its owner hands it over first.
#[utoipa::path(post, path = "/api/v1/chat/rooms/{room}/leave", tag = "chat", params(("room" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 409)))]
async fn leave(person: Person, State(ctx): State<Ctx>, Path(room): Path<String>) -> ProblemResult<StatusCode> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    act(&ctx, (&person, Doing::Gather), async move |ctx, tx| acts::leave(ctx, tx, &room, &me).await).await?;
    Ok(StatusCode::NO_CONTENT)
}
