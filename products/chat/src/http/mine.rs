//! What is the caller's alone.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use host::Ctx;
use identity::Person;
use kernel::{Problem, ProblemResult, limits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{act, junk, look};
use crate::model;
use crate::pace::{Doing, paced};
use crate::refusal::Refused;
use crate::store::{self, QuickReply};

pub(super) fn routes() -> OpenApiRouter<Ctx> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, remove))
}

#[derive(Serialize, ToSchema)]
#[schema(as = ChatQuickReplies)]
struct Replies {
    items: Vec<QuickReply>,
}

/// The caller's quick replies.
#[utoipa::path(get, path = "/api/v1/chat/quick-replies", tag = "chat", responses((status = 200, body = Replies), (status = 401), (status = 403), (status = 429)))]
async fn list(person: Person, State(ctx): State<Ctx>) -> ProblemResult<Json<Replies>> {
    let me = person.id.to_string();
    paced(&ctx, &me, Doing::Look).await?;
    let items = look(&ctx, async move |tx| Ok(store::replies(tx, &me).await?)).await?;
    Ok(Json(Replies { items }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewChatQuickReply)]
struct Reply {
    /// At most 2,000 characters.
    content: String,
}

/// Keeps a quick reply, in place of the one of this name.
#[utoipa::path(put, path = "/api/v1/chat/quick-replies/{shortcut}", tag = "chat", params(("shortcut" = String, Path)), request_body = Reply,
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 409), (status = 415), (status = 422), (status = 429)))]
async fn put(
    person: Person,
    State(ctx): State<Ctx>,
    Path(shortcut): Path<String>,
    Json(Reply { content }): Json<Reply>,
) -> ProblemResult<StatusCode> {
    model::shortcut(&shortcut)?;
    model::content(&content, limits::CHAT_MESSAGE_CHARS)?;
    let (me, reply) = (person.id.to_string(), QuickReply { shortcut, content });
    act(&ctx, (&person, Doing::Change), async move |_, tx| {
        let kept = store::put_reply(tx, &me, &reply).await?;
        if kept {
            Ok(())
        } else {
            Err(Refused::Not("too_many_replies", "You have as many quick replies as one may have."))
        }
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Drops a quick reply.
#[utoipa::path(delete, path = "/api/v1/chat/quick-replies/{shortcut}", tag = "chat", params(("shortcut" = String, Path)),
    responses((status = 204), (status = 400), (status = 401), (status = 403), (status = 404), (status = 429)))]
async fn remove(person: Person, State(ctx): State<Ctx>, Path(shortcut): Path<String>) -> ProblemResult<StatusCode> {
    let me = person.id.to_string();
    model::shortcut(&shortcut).map_err(|wrong| junk(wrong.field, wrong.must))?;
    let there =
        act(&ctx, (&person, Doing::Change), async move |_, tx| Ok(store::drop_reply(tx, &me, &shortcut).await?))
            .await?;
    if there { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::not_found("You have no quick reply of this name.")) }
}
