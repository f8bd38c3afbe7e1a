//! Pictures of people and of groups: given, shown, taken back.

use ::store::Tx;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::{Extension, Json};
use host::Ctx;
use identity::Person;
use kernel::id::FileId;
use kernel::{Problem, ProblemResult, limits};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Bodies;
use super::files::{RETRY_S, not_opened};
use super::opened::{Opened, serve};
use super::{act, look, room_of, write};
use crate::acts::{self, Face};
use crate::clearing;
use crate::model::{self, FileKind, avatar_path};
use crate::pace::{Doing, paced};
use crate::people;
use crate::pictures;
use crate::refusal::Refused;
use crate::rights;
use crate::store::Avatar;

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(own, give, take_back))
        .routes(routes!(give_room, take_from_room))
        .routes(routes!(picture))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatAvatar)]
struct Given {
    /// Where it is read, beside the address of this server: another one for each picture. `null` without one.
    avatar: Option<String>,
}

/// The caller's picture.
#[utoipa::path(get, path = "/api/v1/chat/avatar", tag = "chat",
    responses((status = 200, body = Given), (status = 401), (status = 403), (status = 429)))]
async fn own(person: Person, State(ctx): State<Ctx>) -> ProblemResult<Json<Given>> {
    paced(&ctx, &person.id.to_string(), Doing::Look).await?;
    let avatar = people::named(&ctx, vec![person.id]).await?.pop().and_then(|it| it.avatar);
    Ok(Json(Given { avatar }))
}

/// Gives the caller a picture, in place of the one that was there. JPEG, PNG, GIF or WebP, told by its bytes; 5 MiB at most. It is made
/// anew of its middle, 400 by 400 pixels: nothing is left of where and with what it was taken.
#[utoipa::path(post, path = "/api/v1/chat/avatar", tag = "chat",
    request_body(content = String, content_type = "application/octet-stream", description = "The bytes of the picture"),
    responses((status = 200, body = Given), (status = 400), (status = 401), (status = 403), (status = 408), (status = 413),
        (status = 415), (status = 429), (status = 503)))]
async fn give(
    person: Person,
    State(ctx): State<Ctx>,
    Extension(bodies): Extension<Bodies>,
    request: Request,
) -> ProblemResult<Json<Given>> {
    take_in(&ctx, &bodies, Face::Own(person.id.to_string()), request).await
}

/// Takes the caller's picture back.
#[utoipa::path(delete, path = "/api/v1/chat/avatar", tag = "chat",
    responses((status = 204), (status = 401), (status = 403), (status = 429)))]
async fn take_back(person: Person, State(ctx): State<Ctx>) -> ProblemResult<StatusCode> {
    let face = Face::Own(person.id.to_string());
    act(&ctx, (&person, Doing::Change), async move |ctx, tx| acts::take_down(ctx, tx, &face).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a group a picture, as the caller's own is given. Who manages the group may.
#[utoipa::path(post, path = "/api/v1/chat/rooms/{room}/avatar", tag = "chat", params(("room" = String, Path)),
    request_body(content = String, content_type = "application/octet-stream", description = "The bytes of the picture"),
    responses((status = 200, body = Given), (status = 400), (status = 401), (status = 403), (status = 404), (status = 408),
        (status = 409), (status = 413), (status = 415), (status = 429), (status = 503)))]
async fn give_room(
    person: Person,
    State(ctx): State<Ctx>,
    Extension(bodies): Extension<Bodies>,
    Path(room): Path<String>,
    request: Request,
) -> ProblemResult<Json<Given>> {
    let face = Face::Group { room: room_of(&room)?, by: person.id.to_string() };
    take_in(&ctx, &bodies, face, request).await
}

/// Takes a group's picture back. Who manages the group may.
#[utoipa::path(delete, path = "/api/v1/chat/rooms/{room}/avatar", tag = "chat", params(("room" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 409), (status = 429)))]
async fn take_from_room(person: Person, State(ctx): State<Ctx>, Path(room): Path<String>) -> ProblemResult<StatusCode> {
    let face = Face::Group { room: room_of(&room)?, by: person.id.to_string() };
    act(&ctx, (&person, Doing::Gather), async move |ctx, tx| acts::take_down(ctx, tx, &face).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads a picture, makes it anew, and shows it once it is kept.
async fn take_in(ctx: &Ctx, bodies: &Bodies, face: Face, request: Request) -> ProblemResult<Json<Given>> {
    paced(ctx, face.by(), Doing::Upload).await?;
    let _turn = bodies.turn(face.by())?;
    let asked = face.clone();
    // Before the first byte of who may not.
    look(ctx, async move |tx| asked.may_change(tx).await).await?;
    let (parts, body) = request.into_parts();
    // The memory is its own until the end.
    let raw = bodies.read(&parts.headers, body, limits::CHAT_AVATAR_BYTES).await?;
    let form = model::form_of(&raw.bytes).filter(|form| form.kind == FileKind::Image).ok_or_else(no_picture)?;
    let (made, form) = pictures::avatar(form, raw.bytes.clone()).await.map_err(not_opened)?;
    let id = FileId::new(&ctx.clock, &ctx.entropy).to_string();
    let new =
        Avatar { id: id.clone(), whose: face.whose().to_owned(), mime: form.mime.to_owned(), bytes: made.len() as u64 };
    let expected = face.clone();
    write(ctx, async move |ctx, tx: &mut Tx| acts::expect_avatar(ctx, tx, &expected, &new).await).await?;
    let name = clearing::name(&id, "").map_err(Problem::internal)?;
    ctx.objects.put(&name, made).await.map_err(|error| Problem::unavailable(RETRY_S, error))?;
    let avatar = Some(avatar_path(&id));
    write(ctx, async move |ctx, tx| acts::show_avatar(ctx, tx, &face, &id).await).await?;
    Ok(Json(Given { avatar }))
}

fn no_picture() -> Problem {
    let detail =
        "These bytes are no picture that is taken, whatever the file is called. Taken are JPEG, PNG, GIF and WebP.";
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_taken", detail)
}

/// A picture of somebody whom the caller may know of, or of a room that the caller is in: 400 by 400 pixels, JPEG, or WebP
/// where one sees through it. What an address answered with stays so: another picture has another one.
#[utoipa::path(get, path = "/api/v1/chat/avatars/{id}", tag = "chat", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/jpeg", description = "The picture"), (status = 304), (status = 400), (status = 401),
        (status = 403), (status = 404), (status = 416), (status = 429), (status = 503)))]
async fn picture(
    person: Person,
    State(ctx): State<Ctx>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    let id = id.parse::<FileId>().map_err(|_| Refused::NoFile)?.to_string();
    let (me, admin) = (person.id.to_string(), person.admin);
    paced(&ctx, &me, Doing::Open).await?;
    let found = look(&ctx, async move |tx| rights::avatar(tx, &id, (&me, admin)).await).await?;
    // Of whoever comes never again nothing is shown; a room is nobody.
    if !people::gone(&ctx, &people::ids([&found.whose])).await?.is_empty() {
        return Err(Refused::NoFile.into());
    }
    let name = clearing::name(&found.id, "").map_err(Problem::internal)?;
    let etag = format!("\"{}\"", found.id);
    let opened = Opened { name, mime: found.mime, bytes: found.bytes, etag, called: None, stays: true };
    serve(&ctx, opened, &headers).await
}
