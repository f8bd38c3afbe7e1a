//! Who is in a group, as what.

use ::store::Tx;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use host::Ctx;
use identity::Person;
use kernel::{ProblemResult, limits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{act, bad, look, people_of, room_of, write};
use crate::acts;
use crate::model::Role;
use crate::pace::{Doing, paced};
use crate::people;
use crate::rights;
use crate::store::{self, Member};

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(add)).routes(routes!(remove)).routes(routes!(set))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChatMembers)]
struct Add {
    people: Vec<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatMembers)]
struct Members {
    members: Vec<Member>,
}

/// Puts people into a group; who is in it already stays what he is.
#[utoipa::path(post, path = "/api/v1/chat/rooms/{room}/members", tag = "chat", params(("room" = String, Path)), request_body = Add,
    responses((status = 200, body = Members), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409),
        (status = 415), (status = 422), (status = 429)))]
async fn add(
    person: Person,
    State(ctx): State<Ctx>,
    Path(room): Path<String>,
    Json(Add { people }): Json<Add>,
) -> ProblemResult<Json<Members>> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    let people = people_of("people", &people, limits::CHAT_MEMBERS)?;
    paced(&ctx, &me, Doing::Gather).await?;
    let admin = person.admin;
    let (asked, by, others) = (room.clone(), me.clone(), people.clone());
    let may = async move |tx: &mut Tx| {
        rights::manager(tx, &asked, &by).await?;
        // Before anything is asked of them: who may not know of somebody does not learn whether there is such a person.
        rights::knows(tx, (&by, admin), ("people", &others)).await
    };
    look(&ctx, may).await?;
    people::welcome(&ctx, "people", &people).await?;
    let members = write(&ctx, async move |ctx, tx| {
        rights::knows(tx, (&me, admin), ("people", &people)).await?;
        acts::add(ctx, tx, (&room, &me), &people).await?;
        Ok(store::members(tx, &room).await?)
    });
    Ok(Json(Members { members: members.await? }))
}

/// Takes somebody out of a group: within a second nothing of it reaches him.
#[utoipa::path(delete, path = "/api/v1/chat/rooms/{room}/members/{person}", tag = "chat",
    params(("room" = String, Path), ("person" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 409), (status = 422)))]
async fn remove(
    person: Person,
    State(ctx): State<Ctx>,
    Path((room, whom)): Path<(String, String)>,
) -> ProblemResult<StatusCode> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    let whom = people_of("person", &[whom], 1)?.remove(0);
    if whom == me {
        return Err(bad("person", "another person; to go yourself, leave the room"));
    }
    act(&ctx, (&person, Doing::Gather), async move |ctx, tx| acts::remove(ctx, tx, (&room, &me), &whom).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The owner of a group whose account is gone for ever, as one who manages it asks.
async fn gone_owner(ctx: &Ctx, room: &str, me: &str) -> ProblemResult<Option<String>> {
    let (room, me) = (room.to_owned(), me.to_owned());
    let members = look(ctx, async move |tx| {
        rights::manager(tx, &room, &me).await?;
        Ok(store::members(tx, &room).await?)
    });
    let owner = members.await?.into_iter().find(|it| it.role == Role::Owner).map(|it| it.person);
    Ok(people::gone(ctx, &people::ids(&owner)).await?.pop())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatMemberRole)]
struct As {
    /// `owner` hands the room over: then the caller is an admin. An admin takes over from an owner whose account is gone.
    role: Role,
}

/// Makes somebody of a group an admin, a member again, or its owner.
#[utoipa::path(put, path = "/api/v1/chat/rooms/{room}/members/{person}", tag = "chat",
    params(("room" = String, Path), ("person" = String, Path)), request_body = As,
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409), (status = 415), (status = 422)))]
async fn set(
    person: Person,
    State(ctx): State<Ctx>,
    Path((room, whom)): Path<(String, String)>,
    Json(As { role }): Json<As>,
) -> ProblemResult<StatusCode> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    let whom = people_of("person", &[whom], 1)?.remove(0);
    paced(&ctx, &me, Doing::Gather).await?;
    let gone = if role == Role::Owner && whom == me { gone_owner(&ctx, &room, &me).await? } else { None };
    write(&ctx, async move |ctx, tx| acts::hand(ctx, tx, (&room, &me), &whom, role, gone.as_deref()).await).await?;
    Ok(StatusCode::NO_CONTENT)
}
