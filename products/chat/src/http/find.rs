//! Finding what was said.

use axum::Json;
use axum::extract::{Query, State};
use host::Ctx;
use identity::Person;
use kernel::{ProblemResult, limits};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{bad, junk, look, room_of};
use crate::model;
use crate::pace::{Doing, paced};
use crate::people::{self, Named};
use crate::rights;
use crate::store::{self, Found, Message, Search};

/// Messages of a page, unless said.
const PAGE: usize = 20;
/// A search, characters: at least, at most.
const TEXT_CHARS: (usize, usize) = (2, 200);

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(search)).routes(routes!(mentions))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatFound)]
struct Messages {
    /// The newest first.
    items: Vec<Message>,
    /// Who wrote them.
    people: Vec<Named>,
    /// The `before` of the next page; absent on the last one.
    next: Option<String>,
}

impl Messages {
    async fn of(ctx: &Ctx, mut found: Vec<Found>, rows: usize) -> ProblemResult<Json<Self>> {
        let more = found.len() > rows;
        found.truncate(rows);
        let next = found.last().filter(|_| more).map(|it| it.key.to_string());
        let people = people::named(ctx, people::ids(found.iter().map(|it| &it.message.sender))).await?;
        Ok(Json(Self { items: found.into_iter().map(|it| it.message).collect(), people, next }))
    }
}

fn key_of(before: Option<&str>) -> ProblemResult<i64> {
    before.map_or(Ok(i64::MAX), |before| before.parse().map_err(|_| bad("before", "the `next` of a page")))
}

#[derive(Deserialize, IntoParams)]
struct SearchParams {
    /// Words, all of which a message has; the last one may be only begun, if it has two characters. 2 to 200 characters, at most 16 words.
    q: String,
    /// Only in this room.
    room: Option<String>,
    /// The `next` of the page before.
    before: Option<String>,
    /// At most so many, 200 at most.
    limit: Option<usize>,
}

/// Finds messages by their words, in the caller's rooms.
#[utoipa::path(get, path = "/api/v1/chat/search", tag = "chat", params(SearchParams),
    responses((status = 200, body = Messages), (status = 400), (status = 401), (status = 403), (status = 404), (status = 422), (status = 429)))]
async fn search(
    person: Person,
    State(ctx): State<Ctx>,
    Query(params): Query<SearchParams>,
) -> ProblemResult<Json<Messages>> {
    let me = person.id.to_string();
    let (least, most) = TEXT_CHARS;
    let text = params.q.trim().to_owned();
    if !(least..=most).contains(&text.chars().count()) {
        return Err(bad("q", format!("{least} to {most} characters")));
    }
    if model::too_many(&text) {
        return Err(junk("q", format!("at most {} words", model::ASKED)));
    }
    let room = params.room.as_deref().map(room_of).transpose()?;
    let before = key_of(params.before.as_deref())?;
    let rows = params.limit.unwrap_or(PAGE).clamp(1, limits::PAGE);
    paced(&ctx, &me, Doing::Find).await?;
    let found = look(&ctx, async move |tx| {
        if let Some(room) = &room {
            rights::member(tx, room, &me).await?;
        }
        let asked = Search { person: &me, text: &text, room: room.as_deref(), before };
        Ok(store::search(tx, &asked, rows + 1).await?)
    });
    Messages::of(&ctx, found.await?, rows).await
}

#[derive(Deserialize, IntoParams)]
struct MentionParams {
    /// The `next` of the page before.
    before: Option<String>,
    /// At most so many, 200 at most.
    limit: Option<usize>,
}

/// The messages that mention the caller.
#[utoipa::path(get, path = "/api/v1/chat/mentions", tag = "chat", params(MentionParams),
    responses((status = 200, body = Messages), (status = 400), (status = 401), (status = 403), (status = 422), (status = 429)))]
async fn mentions(
    person: Person,
    State(ctx): State<Ctx>,
    Query(params): Query<MentionParams>,
) -> ProblemResult<Json<Messages>> {
    let (me, before) = (person.id.to_string(), key_of(params.before.as_deref())?);
    paced(&ctx, &me, Doing::Look).await?;
    let rows = params.limit.unwrap_or(PAGE).clamp(1, limits::PAGE);
    let found = look(&ctx, async move |tx| Ok(store::mentions_of(tx, &me, before, rows + 1).await?)).await?;
    Messages::of(&ctx, found, rows).await
}
