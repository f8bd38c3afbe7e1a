//! Files that people send.

use ::store::Tx;
use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use host::Ctx;
use identity::Person;
use kernel::id::FileId;
use kernel::{Problem, ProblemResult, limits};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Bodies;
use super::{look, room_of, write};
use crate::acts;
use crate::clearing::{self, PREVIEW};
use crate::model::{self, FileKind, Form};
use crate::pace::{Doing, paced};
use crate::pictures::{self, Picture, Shut};
use crate::refusal::Refused;
use crate::rights;
use crate::store::{File, NewFile};

/// When to come again while objects cannot be reached, seconds.
pub(super) const RETRY_S: u32 = 10;

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(upload))
}

#[derive(Deserialize, IntoParams)]
struct UploadParams {
    /// What it is called, such as `photo.jpg`.
    name: Option<String>,
    /// Of a recording that does not say so itself: how long it is, milliseconds. 120 s at most.
    duration_ms: Option<u64>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatFileSent)]
struct Sent {
    file: File,
}

/// Sends a file to a room, for a message to come: `file_id` of that. What it is its bytes say; 10 MiB at most. Of a picture and of a
/// recording it is left out where and with what it was taken. A file that no message gets within an hour is removed.
#[utoipa::path(post, path = "/api/v1/chat/rooms/{room}/files", tag = "chat", params(("room" = String, Path), UploadParams),
    request_body(content = String, content_type = "application/octet-stream", description = "The bytes of the file"),
    responses((status = 201, body = Sent), (status = 400), (status = 401), (status = 403), (status = 404), (status = 408),
        (status = 413), (status = 415), (status = 422), (status = 429), (status = 503)))]
async fn upload(
    person: Person,
    State(ctx): State<Ctx>,
    Extension(bodies): Extension<Bodies>,
    Path(room): Path<String>,
    Query(params): Query<UploadParams>,
    request: Request,
) -> ProblemResult<(StatusCode, Json<Sent>)> {
    let (room, me) = (room_of(&room)?, person.id.to_string());
    paced(&ctx, &me, Doing::Upload).await?;
    let _turn = bodies.turn(&me)?;
    let place = (room.clone(), me.clone());
    // Before the first byte of who is not in the room.
    look(&ctx, async move |tx| rights::member(tx, &place.0, &place.1).await.map(drop)).await?;
    let (parts, body) = request.into_parts();
    // The memory is its own until the end.
    let raw = bodies.read(&parts.headers, body, limits::CHAT_FILE_BYTES).await?;
    let bytes = raw.bytes.clone();
    let form = model::form_of(&bytes).ok_or_else(not_taken)?;
    let duration_ms = duration_of(form, &bytes, params.duration_ms)?;
    let name = model::named(params.name.as_deref().unwrap_or_default(), form);
    let picture = match form.kind {
        FileKind::Image => Some(pictures::open(form, bytes.clone()).await.map_err(not_opened)?),
        _ => None,
    };
    let (bytes, preview) = match &picture {
        Some(picture) => (picture.bare.clone(), Some(picture)),
        None => (model::untold(form, &bytes).map_or(bytes, bytes::Bytes::from), None),
    };
    let file = File {
        id: FileId::new(&ctx.clock, &ctx.entropy).to_string(),
        kind: form.kind,
        name,
        mime: form.mime.to_owned(),
        bytes: bytes.len() as u64,
        width: preview.map(|it| it.width),
        height: preview.map(|it| it.height),
        duration_ms,
    };
    keep(&ctx, (room, me), file.clone(), bytes, picture).await?;
    Ok((StatusCode::CREATED, Json(Sent { file })))
}

/// The row, the objects, and then it is there: whoever is cut off in between leaves what is found and removed.
async fn keep(
    ctx: &Ctx,
    place: (String, String),
    file: File,
    bytes: bytes::Bytes,
    picture: Option<Picture>,
) -> ProblemResult<()> {
    let (id, expected, (room, me)) = (file.id.clone(), place.clone(), place);
    let made = picture.as_ref().map(|it| (it.preview_form.mime, it.preview.len() as u64));
    write(ctx, async move |ctx, tx: &mut Tx| {
        let new = NewFile { room: &expected.0, sender: &expected.1, file: &file, preview: made };
        acts::expect_file(ctx, tx, &new).await
    })
    .await?;
    let away = |error: objects::Error| Problem::unavailable(RETRY_S, error);
    let name = |end| clearing::name(&id, end).map_err(Problem::internal);
    ctx.objects.put(&name("")?, bytes).await.map_err(away)?;
    if let Some(picture) = picture {
        ctx.objects.put(&name(PREVIEW)?, picture.preview).await.map_err(away)?;
    }
    write(ctx, async move |_, tx| acts::file_is_ready(tx, (&room, &me), &id).await).await
}

/// As the file says, or as its sender does; a voice note is short.
fn duration_of(form: Form, bytes: &[u8], said_ms: Option<u64>) -> Result<Option<u64>, Refused> {
    let most_ms = match form.kind {
        FileKind::Audio => limits::CHAT_VOICE_MS,
        FileKind::Video => limits::CHAT_VIDEO_MS,
        FileKind::Image | FileKind::File => return Ok(None),
    };
    let duration_ms = model::duration_ms(form, bytes).or(said_ms);
    if duration_ms.is_some_and(|ms| ms > most_ms) {
        let must = "a voice note of 120 s at most".to_owned();
        return Err(model::Wrong { field: "duration_ms", must }.into());
    }
    Ok(duration_ms)
}

fn not_taken() -> Problem {
    let detail = format!("What these bytes are is not taken, whatever the file is called. Taken are {}.", model::TAKEN);
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_taken", detail)
}

pub(super) fn not_opened(why: Shut) -> Problem {
    let detail = match why {
        Shut::Broken => "The picture cannot be opened: it is damaged, or is none.".to_owned(),
        Shut::TooLarge => format!(
            "A picture has {} million pixels at most, and fewer where it is a progressive JPEG.",
            limits::CHAT_PICTURE_PIXELS / 1_000_000
        ),
    };
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_opened", detail)
}
