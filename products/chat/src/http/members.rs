//! Who is in a group, as what.

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

use super::{act, bad, people_of, room_of};
use crate::acts;
use crate::model::Role;
use crate::pace::Doing;
use crate::people;
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
    people::welcome(&ctx, "people", &people).await?;
    let members = act(&ctx, (&person, Doing::Gather), async move |ctx, tx| {
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

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChatMemberRole)]
struct As {
    /// `owner` hands the room over: then the caller is an admin.
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
    act(&ctx, (&person, Doing::Gather), async move |ctx, tx| acts::hand(ctx, tx, (&room, &me), &whom, role).await)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
