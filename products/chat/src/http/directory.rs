//! Whom one may begin a room with.

use axum::Json;
use axum::extract::{Query, State};
use host::Ctx;
use identity::Person;
use identity::people::Profile;
use kernel::{PersonId, ProblemResult, limits};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{bad, junk, look};
use crate::pace::{Doing, paced};
use crate::people::{self, Named};
use crate::rights;
use crate::store::{self, Whereabouts};

/// People of a page, unless said.
const PAGE: usize = 50;
/// What a name is looked for by, characters at most.
const TEXT_CHARS: usize = 50;

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(people))
}

#[derive(Deserialize, IntoParams)]
struct Params {
    /// Only with this text in their name; at most 50 characters.
    q: Option<String>,
    /// The `next` of the page before.
    after: Option<String>,
    /// At most so many, 200 at most.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatPeople)]
struct People {
    /// Names and pictures alone: nobody's address is shown to others.
    items: Vec<Named>,
    /// Where they are.
    whereabouts: Vec<Whereabouts>,
    /// The `after` of the next page; absent on the last one.
    next: Option<String>,
}

impl People {
    async fn of(ctx: &Ctx, items: Vec<Profile>, next: Option<String>) -> ProblemResult<Self> {
        let whereabouts = people::whereabouts(ctx, items.iter().map(|it| it.id.to_string()).collect()).await?;
        Ok(Self { items: people::with_avatars(ctx, items).await?, whereabouts, next })
    }
}

/// The people who may sign in, for whoever may too; where the settings say so, those alone whom one shares a room with.
#[utoipa::path(get, path = "/api/v1/chat/people", tag = "chat", params(Params),
    responses((status = 200, body = People), (status = 400), (status = 401), (status = 403), (status = 422), (status = 429)))]
async fn people(person: Person, State(ctx): State<Ctx>, Query(params): Query<Params>) -> ProblemResult<Json<People>> {
    let text = params.q.as_deref().unwrap_or_default().trim();
    // Not every store can compare a text with a NUL in it.
    if text.chars().count() > TEXT_CHARS || text.contains('\0') {
        return Err(bad("q", format!("at most {TEXT_CHARS} characters")));
    }
    let after = params.after.as_deref().map(str::parse::<PersonId>).transpose();
    let after = after.map_err(|_| junk("after", "the `next` of a page"))?;
    paced(&ctx, &person.id.to_string(), Doing::Look).await?;
    let rows = params.limit.unwrap_or(PAGE).clamp(1, limits::PAGE - 1);
    if !look(&ctx, async move |tx| Ok(rights::sees_everyone(tx, person.admin).await?)).await? {
        let (items, next) = roommates(&ctx, person.id, (text.to_owned(), after, rows)).await?;
        return People::of(&ctx, items, next).await.map(Json);
    }
    let mut items = ctx.identity.find_people(text, after, rows + 1).await?;
    let more = items.len() > rows;
    items.truncate(rows);
    let next = items.last().filter(|_| more).map(|it| it.id.to_string());
    People::of(&ctx, items, next).await.map(Json)
}

/// Those of them whom this person shares a room with. A page may be short of its limit and yet have a next one.
async fn roommates(
    ctx: &Ctx,
    me: PersonId,
    (text, after, rows): (String, Option<PersonId>, usize),
) -> ProblemResult<(Vec<Profile>, Option<String>)> {
    let (ours, me) = (ctx.clone(), me.to_string());
    look(ctx, async move |tx| {
        let mut after = after.map(|id| id.to_string()).unwrap_or_default();
        let (mut items, mut more) = (Vec::new(), true);
        for _ in 0..limits::CHAT_ROOMMATE_PAGES {
            let ids = store::roommates(tx, &me, &after, limits::PAGE).await?;
            items.extend(ours.identity.find_among(tx, &text, &people::ids(&ids)).await?);
            more = ids.len() == limits::PAGE;
            if let Some(last) = ids.into_iter().next_back() {
                after = last;
            }
            if !more || items.len() > rows {
                break;
            }
        }
        if items.len() > rows {
            items.truncate(rows);
            (after, more) = (items.last().map(|it| it.id.to_string()).unwrap_or_default(), true);
        }
        Ok((items, more.then_some(after)))
    })
    .await
}
