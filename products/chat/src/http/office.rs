//! What an administrator of the installation sees and does. Nothing here shows what people wrote.

use ::store::Tx;
use axum::Extension;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use host::Ctx;
use identity::Admin;
use kernel::{ProblemResult, limits};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::counted::Counted;
use super::{bad, look, place_of, room_of};
use crate::acts;
use crate::analytics;
use crate::pace::{Doing, paced};
use crate::refusal::Refused;
use crate::store::{self, Counts, Day, Figures, RoomFigures, Settings};

/// Ten years.
const RETENTION_DAYS: u32 = 3_650;

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new()
        .routes(routes!(rooms))
        .routes(routes!(close))
        .routes(routes!(figures))
        .routes(routes!(analytics))
        .routes(routes!(settings, save))
        .layer(Extension(Counted::<Figures>::default()))
}

#[derive(Deserialize, IntoParams)]
struct ListParams {
    /// The `next` of the page before.
    before: Option<String>,
    /// At most so many, 200 at most.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatAllRooms)]
struct Rooms {
    items: Vec<RoomFigures>,
    /// The `before` of the next page; absent on the last one.
    next: Option<String>,
}

/// Does what an administrator asked for, in one transaction, if it is in the administrator's share.
async fn office<T: Send + 'static>(
    ctx: &Ctx,
    by: &Admin,
    act: impl AsyncFnOnce(&Ctx, &mut Tx) -> Result<T, Refused> + Send + 'static,
) -> ProblemResult<T> {
    paced(ctx, &by.actor.to_string(), Doing::Change).await?;
    let ours = ctx.clone();
    Ok(ctx.store.write(async move |tx| act(&ours, tx).await).await?)
}

/// All rooms, the last spoken in first.
#[utoipa::path(get, path = "/api/v1/chat/admin/rooms", tag = "chat", params(ListParams),
    responses((status = 200, body = Rooms), (status = 400), (status = 401), (status = 403), (status = 422), (status = 429)))]
async fn rooms(by: Admin, State(ctx): State<Ctx>, Query(params): Query<ListParams>) -> ProblemResult<Json<Rooms>> {
    let (at_ms, room) = place_of(params.before.as_deref())?;
    let rows = params.limit.unwrap_or(50).clamp(1, limits::PAGE);
    paced(&ctx, &by.actor.to_string(), Doing::Look).await?;
    let mut items = look(&ctx, async move |tx| Ok(store::all_rooms(tx, (at_ms, &room), rows + 1).await?)).await?;
    let more = items.len() > rows;
    items.truncate(rows);
    let next = items.last().filter(|_| more).map(|it| format!("{}.{}", it.last_at_ms, it.room));
    Ok(Json(Rooms { items, next }))
}

/// Deletes a room, for everybody.
#[utoipa::path(delete, path = "/api/v1/chat/admin/rooms/{room}", tag = "chat", params(("room" = String, Path)),
    responses((status = 204), (status = 401), (status = 403), (status = 404), (status = 429)))]
async fn close(by: Admin, State(ctx): State<Ctx>, Path(room): Path<String>) -> ProblemResult<StatusCode> {
    let room = room_of(&room)?;
    office(&ctx, &by, async move |ctx, tx| acts::close(ctx, tx, &room).await).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How much is going on, as of ten seconds ago at most, or a little longer where counting takes long.
#[utoipa::path(get, path = "/api/v1/chat/admin/stats", tag = "chat",
    responses((status = 200, body = Figures), (status = 401), (status = 403), (status = 429)))]
async fn figures(
    by: Admin,
    State(ctx): State<Ctx>,
    Extension(counted): Extension<Counted<Figures>>,
) -> ProblemResult<Json<Figures>> {
    paced(&ctx, &by.actor.to_string(), Doing::Look).await?;
    let count = async |now_ms| look(&ctx, async move |tx| Ok(store::figures(tx, now_ms).await?)).await;
    counted.fresh(&ctx.clock, count).await.map(Json)
}

#[derive(Deserialize, IntoParams)]
struct AnalyticsParams {
    /// So many days up to now (UTC), today included: 1 to 90.
    #[serde(default = "a_week")]
    days: u32,
}

fn a_week() -> u32 {
    7
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatAnalytics)]
struct Analytics {
    /// The first moment that is shown, Unix milliseconds.
    since_ms: i64,
    /// Hours in which something happened, oldest first.
    hours: Vec<Counts>,
    /// Days on which somebody said something, oldest first.
    days: Vec<Day>,
    /// Whether it is counted now, as the settings say. What happens meanwhile is never counted.
    counting: bool,
}

/// How much was said, hour by hour, and by how many, day by day. Counted from the event log, so a moment late.
#[utoipa::path(get, path = "/api/v1/chat/admin/analytics", tag = "chat", params(AnalyticsParams),
    responses((status = 200, body = Analytics), (status = 400), (status = 401), (status = 403), (status = 422), (status = 429)))]
async fn analytics(
    by: Admin,
    State(ctx): State<Ctx>,
    Query(params): Query<AnalyticsParams>,
) -> ProblemResult<Json<Analytics>> {
    if !(1..=analytics::DAYS).contains(&params.days) {
        return Err(bad("days", format!("1 to {}", analytics::DAYS)));
    }
    paced(&ctx, &by.actor.to_string(), Doing::Look).await?;
    let since_ms = analytics::since(ctx.clock.now_ms(), params.days);
    let read = async move |tx: &mut Tx| {
        let (hours, days) = (store::hours(tx, since_ms).await?, store::days(tx, since_ms).await?);
        Ok(Analytics { since_ms, hours, days, counting: store::settings(tx).await?.analytics })
    };
    look(&ctx, read).await.map(Json)
}

/// The settings of the chat.
#[utoipa::path(get, path = "/api/v1/chat/admin/settings", tag = "chat",
    responses((status = 200, body = Settings), (status = 401), (status = 403), (status = 429)))]
async fn settings(by: Admin, State(ctx): State<Ctx>) -> ProblemResult<Json<Settings>> {
    paced(&ctx, &by.actor.to_string(), Doing::Look).await?;
    let ours = ctx.clone();
    look(&ctx, async move |tx| acts::settings(&ours, tx).await).await.map(Json)
}

/// Saves the settings; they hold from the next request on, in every process. `version` is that of the settings that were read: where somebody
/// saved others since, nothing is saved, and the answer is 409 with the code `settings_changed`.
#[utoipa::path(put, path = "/api/v1/chat/admin/settings", tag = "chat", request_body = Settings,
    responses((status = 200, body = Settings), (status = 400), (status = 401), (status = 403), (status = 409),
        (status = 415), (status = 422), (status = 429)))]
async fn save(by: Admin, State(ctx): State<Ctx>, Json(new): Json<Settings>) -> ProblemResult<Json<Settings>> {
    let within =
        |value: u32, least: u32, most: usize| value >= least && usize::try_from(value).is_ok_and(|it| it <= most);
    if !within(new.max_members, 2, limits::CHAT_MEMBERS) {
        return Err(bad("max_members", format!("2 to {}", limits::CHAT_MEMBERS)));
    }
    if !within(new.max_message_chars, 1, limits::CHAT_MESSAGE_CHARS) {
        return Err(bad("max_message_chars", format!("1 to {}", limits::CHAT_MESSAGE_CHARS)));
    }
    if new.retention_days > RETENTION_DAYS {
        return Err(bad("retention_days", format!("at most {RETENTION_DAYS}")));
    }
    let actor = by.actor;
    office(&ctx, &by, async move |ctx, tx| acts::save(ctx, tx, actor, &new).await).await.map(Json)
}
