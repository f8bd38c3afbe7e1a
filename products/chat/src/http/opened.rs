//! Files as they are opened. Whatever somebody sent, nothing of it runs: it is shown as what its bytes are, or saved.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use host::Ctx;
use identity::Person;
use kernel::id::{FileId, PreviewId};
use kernel::{PersonId, Problem, ProblemResult, Secret, limits};
use objects::{Name, Objects};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::look;
use crate::clearing::{self, PREVIEW};
use crate::model::{Asked, FileKind, asked_range};
use crate::pace::{Doing, paced};
use crate::refusal::Refused;
use crate::rights;
use crate::store;

/// So much is read ahead of who opens a file, bytes.
const PIECE_BYTES: u64 = 256 * 1024;
/// When to come again while objects cannot be reached, seconds.
const RETRY_S: u32 = 10;
/// A page of its own that may do nothing, where a browser makes a page of it.
const SANDBOX: &str = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox";
/// What a name keeps of itself in a header (RFC 8187, `attr-char`).
const IN_HEADER: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(content))
        .routes(routes!(preview))
        .routes(routes!(link))
        .routes(routes!(picture))
}

#[derive(Deserialize, IntoParams)]
struct LinkParams {
    /// Of a link: until when it opens the file, Unix milliseconds.
    until: Option<i64>,
    /// Of a link: that we made it.
    signature: Option<String>,
}

/// What is opened.
pub(super) struct Opened {
    pub(super) name: Name,
    pub(super) mime: String,
    pub(super) bytes: u64,
    pub(super) etag: String,
    /// What it is called, and whether a page shows it or saves it.
    pub(super) called: Option<(String, FileKind)>,
    /// Whoever has it need not ask again: it is nobody's secret when it is gone.
    pub(super) stays: bool,
}

/// A file of an address. What is no file's name is a file that is not there.
fn file_of(text: &str) -> ProblemResult<String> {
    text.parse::<FileId>().map(|file| file.to_string()).map_err(|_| Refused::NoFile.into())
}

fn purpose(id: &str, until_ms: i64) -> String {
    format!("chat.file:{id}:{until_ms}")
}

/// Between a person and what they came with, in a link.
const AND: char = ' ';

/// Who opens a file: whoever is signed in, or whoever had a link made, whose right it is that the link carries, with what that hangs on.
fn opener(
    ctx: &Ctx,
    person: ProblemResult<Person>,
    id: &str,
    link: &LinkParams,
) -> ProblemResult<(PersonId, Option<String>)> {
    let (Some(until_ms), Some(signature)) = (link.until, &link.signature) else {
        return person.map(|person| (person.id, None));
    };
    let sealed = hex::decode(signature).ok().filter(|_| until_ms >= ctx.clock.now_ms());
    let signer = sealed.and_then(|sealed| ctx.key.open(&purpose(id, until_ms), &sealed).ok());
    let read = |signer: Secret| {
        let (person, tie) = signer.expose().split_once(AND)?;
        Some((person.parse().ok()?, Some(tie.to_owned())))
    };
    signer.and_then(read).ok_or_else(|| Refused::NoFile.into())
}

/// The file that somebody opens: a link opens none once its maker has signed out, or is banned.
async fn opened(ctx: &Ctx, person: ProblemResult<Person>, id: String, link: &LinkParams) -> ProblemResult<store::Kept> {
    let (person, tie) = opener(ctx, person, &id, link)?;
    let me = person.to_string();
    paced(ctx, &me, Doing::Open).await?;
    let ours = ctx.clone();
    look(ctx, async move |tx| {
        if let Some(tie) = tie
            && !ours.identity.is_tied(tx, person, &tie).await?
        {
            return Err(Refused::NoFile);
        }
        rights::file(tx, &id, &me).await
    })
    .await
}

/// The content of a file. `Range` is served. A picture, a recording, a video is shown; whatever else is saved. Members of its room open it,
/// and whoever has a link to it.
#[utoipa::path(get, path = "/api/v1/chat/files/{id}", tag = "chat", params(("id" = String, Path), LinkParams),
    responses((status = 200, content_type = "application/octet-stream", description = "The bytes"),
        (status = 206, content_type = "application/octet-stream", description = "The bytes that were asked for"),
        (status = 304), (status = 400), (status = 401), (status = 403), (status = 404), (status = 416), (status = 429), (status = 503)))]
async fn content(
    person: ProblemResult<Person>,
    State(ctx): State<Ctx>,
    Path(id): Path<String>,
    Query(link): Query<LinkParams>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    let kept = opened(&ctx, person, file_of(&id)?, &link).await?;
    let name = clearing::name(&kept.file.id, "").map_err(Problem::internal)?;
    let etag = format!("\"{}\"", kept.file.id);
    let called = Some((kept.file.name, kept.file.kind));
    serve(&ctx, Opened { name, mime: kept.file.mime, bytes: kept.file.bytes, etag, called, stays: false }, &headers)
        .await
}

/// What is shown of a picture at first: 640 pixels at most on its longer side, JPEG or WebP.
#[utoipa::path(get, path = "/api/v1/chat/files/{id}/preview", tag = "chat", params(("id" = String, Path), LinkParams),
    responses((status = 200, content_type = "image/jpeg", description = "The picture"), (status = 304), (status = 400), (status = 401),
        (status = 403), (status = 404), (status = 416), (status = 429), (status = 503)))]
async fn preview(
    person: ProblemResult<Person>,
    State(ctx): State<Ctx>,
    Path(id): Path<String>,
    Query(link): Query<LinkParams>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    let kept = opened(&ctx, person, file_of(&id)?, &link).await?;
    let (mime, bytes) = kept.preview.ok_or(Refused::NoFile)?;
    let name = clearing::name(&kept.file.id, PREVIEW).map_err(Problem::internal)?;
    let etag = format!("\"{}{PREVIEW}\"", kept.file.id);
    serve(&ctx, Opened { name, mime, bytes, etag, called: None, stays: false }, &headers).await
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatFileLink)]
struct Link {
    /// Beside the address of this server.
    url: String,
    expires_at_ms: i64,
}

/// A link that opens a file for a quarter of an hour without a session, for as long as who made it may open it.
#[utoipa::path(post, path = "/api/v1/chat/files/{id}/link", tag = "chat", params(("id" = String, Path)),
    responses((status = 200, body = Link), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)))]
async fn link(
    person: Person,
    State(ctx): State<Ctx>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> ProblemResult<Json<Link>> {
    let (id, me) = (file_of(&id)?, person.id.to_string());
    paced(&ctx, &me, Doing::Open).await?;
    let expires_at_ms = ctx.clock.now_ms() + limits::CHAT_LINK_MS;
    let (ours, file, asks) = (ctx.clone(), id.clone(), me.clone());
    let tie = look(&ctx, async move |tx| {
        rights::file(tx, &file, &asks).await?;
        Ok(ours.identity.tie(tx, person.id, &headers).await?)
    });
    let tie = tie.await?.ok_or_else(|| Problem::unauthorized("Sign in again: the session has ended."))?;
    let signer = Secret::new(format!("{me}{AND}{tie}"));
    let sealed = ctx.key.seal(&ctx.entropy, &purpose(&id, expires_at_ms), &signer);
    let url = format!("/api/v1/chat/files/{id}?until={expires_at_ms}&signature={}", hex::encode(sealed));
    Ok(Json(Link { url, expires_at_ms }))
}

/// The picture of a page that a message links to.
#[utoipa::path(get, path = "/api/v1/chat/previews/{id}/image", tag = "chat", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/jpeg", description = "The picture"), (status = 304), (status = 400), (status = 401),
        (status = 403), (status = 404), (status = 416), (status = 429), (status = 503)))]
async fn picture(
    person: Person,
    State(ctx): State<Ctx>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    let id = id.parse::<PreviewId>().map_err(|_| Refused::NoFile)?.to_string();
    let me = person.id.to_string();
    paced(&ctx, &me, Doing::Open).await?;
    let picture = look(&ctx, async move |tx| rights::picture(tx, &id, &me).await).await?;
    let name = clearing::name(&picture.id, "").map_err(Problem::internal)?;
    let etag = format!("\"{}\"", picture.id);
    serve(&ctx, Opened { name, mime: picture.mime, bytes: picture.bytes, etag, called: None, stays: false }, &headers)
        .await
}

/// Answers with an object, or with the part of it that is asked for.
pub(super) async fn serve(ctx: &Ctx, it: Opened, asked: &HeaderMap) -> ProblemResult<Response> {
    let says = |name: HeaderName| asked.get(name).and_then(|value| value.to_str().ok());
    let mut head = head_of(&it)?;
    let known = says(header::IF_NONE_MATCH).is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == it.etag));
    if known {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    // What was asked for in parts never changes, but it may be another file's parts that somebody has.
    let same = says(header::IF_RANGE).is_none_or(|tag| tag == it.etag);
    let (status, range) = match asked_range(says(header::RANGE).filter(|_| same), it.bytes) {
        Asked::Whole => (StatusCode::OK, 0..it.bytes),
        Asked::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Asked::Nowhere => {
            let detail = format!("The file has {} bytes.", it.bytes);
            return Err(Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "no_such_range", detail));
        }
    };
    if status == StatusCode::PARTIAL_CONTENT {
        let which = format!("bytes {}-{}/{}", range.start, range.end - 1, it.bytes);
        head.insert(header::CONTENT_RANGE, value(&which)?);
    }
    head.insert(header::CONTENT_LENGTH, (range.end - range.start).into());
    // Whether it is there at all is known before the answer begins.
    let first = range.start..range.end.min(range.start + PIECE_BYTES);
    let (at, begun) = (first.end, ctx.objects.get(&it.name, first).await);
    let begun = begun.map_err(|error| Problem::unavailable(RETRY_S, error))?.ok_or(Refused::NoFile)?;
    let rest = rest(ctx.objects.clone(), it.name, at..range.end);
    let body = stream::once(std::future::ready(Ok(begun))).chain(rest);
    Ok((status, head, Body::from_stream(body)).into_response())
}

/// The following pieces, each read when the one before is taken: a slow reader holds one in memory, and not the file.
fn rest(
    objects: Objects,
    name: Name,
    range: std::ops::Range<u64>,
) -> impl futures_util::Stream<Item = std::io::Result<bytes::Bytes>> {
    stream::try_unfold((objects, name, range), |(objects, name, range)| async move {
        if range.is_empty() {
            return Ok(None);
        }
        let piece = range.start..range.end.min(range.start + PIECE_BYTES);
        let next = piece.end..range.end;
        // One that was removed meanwhile breaks off.
        let gone = || std::io::Error::other("the file is gone");
        let length = piece.end - piece.start;
        let bytes = objects.get(&name, piece).await.map_err(std::io::Error::other)?.ok_or_else(gone)?;
        if bytes.len() as u64 == length { Ok(Some((bytes, (objects, name, next)))) } else { Err(gone()) }
    })
    .into_stream()
}

fn value(text: &str) -> ProblemResult<HeaderValue> {
    HeaderValue::from_str(text).map_err(Problem::internal)
}

fn head_of(it: &Opened) -> ProblemResult<HeaderMap> {
    let mut head = HeaderMap::from_iter([
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
    ]);
    // Nobody sees it any more when it is deleted: whoever has it asks each time whether it is still there, unless it may stay.
    let kept = if it.stays {
        format!("private, max-age={}, immutable", limits::CHAT_AVATAR_CACHED_S)
    } else {
        "private, no-cache".into()
    };
    head.insert(header::CACHE_CONTROL, value(&kept)?);
    head.insert(header::CONTENT_TYPE, value(&it.mime)?);
    head.insert(header::ETAG, value(&it.etag)?);
    if let Some((name, kind)) = &it.called {
        let how = if *kind == FileKind::File { "attachment" } else { "inline" };
        let name = utf8_percent_encode(name, IN_HEADER);
        head.insert(header::CONTENT_DISPOSITION, value(&format!("{how}; filename*=UTF-8''{name}"))?);
    }
    Ok(head)
}
