//! Sources and their secrets.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use identity::Admin;
use kernel::ProblemResult;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{Acted, InTheWay, Looked, LookedUp, Numbered, Unknown, Written};
use crate::Webhooks;
use crate::inspect::SourceRow;
use crate::manage::{NewSource, Revealed, Rotation, SourceChange, unknown};
use crate::store::topics::Topic;

pub(super) fn routes() -> OpenApiRouter<Webhooks> {
    OpenApiRouter::new()
        .routes(routes!(list_sources, create_source))
        .routes(routes!(show_source, change_source, remove_source))
        .routes(routes!(reveal_secret))
        .routes(routes!(rotate_secret))
        .routes(routes!(revoke_secret))
        .routes(routes!(list_topics, wish_topic))
}

#[derive(Serialize, ToSchema)]
struct SourceList {
    items: Vec<SourceRow>,
}

/// The sources, with their addresses and figures.
#[utoipa::path(get, path = "/api/v1/webhooks/sources", tag = "webhooks", responses((status = 200, body = SourceList), Looked))]
async fn list_sources(_: Admin, State(webhooks): State<Webhooks>) -> ProblemResult<Json<SourceList>> {
    Ok(Json(SourceList { items: webhooks.sources().await? }))
}

/// Makes a source. The answer holds its secret and its whole address.
#[utoipa::path(post, path = "/api/v1/webhooks/sources", tag = "webhooks", request_body = NewSource, responses(
    (status = 201, body = Revealed), Written, InTheWay))]
async fn create_source(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Json(new): Json<NewSource>,
) -> ProblemResult<Response> {
    let made = webhooks.0.sources.create(new).await?;
    webhooks.ask_for_key(&made.name).await;
    tracing::info!(source = made.name, "a source was made");
    Ok((StatusCode::CREATED, secretly(made)).into_response())
}

/// One source.
#[utoipa::path(get, path = "/api/v1/webhooks/sources/{source}", tag = "webhooks", params(("source" = String, Path)), responses(
    (status = 200, body = SourceRow), LookedUp))]
async fn show_source(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Path(name): Path<String>,
) -> ProblemResult<Json<SourceRow>> {
    webhooks.source(&name).await?.map(Json).ok_or_else(|| unknown(&name))
}

/// Switches a source on or off, changes its settings, or gives it another secret address.
#[utoipa::path(patch, path = "/api/v1/webhooks/sources/{source}", tag = "webhooks", params(("source" = String, Path)),
    request_body = SourceChange, responses((status = 200, body = SourceRow), Written, Unknown, InTheWay))]
async fn change_source(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Path(name): Path<String>,
    Json(change): Json<SourceChange>,
) -> ProblemResult<Json<SourceRow>> {
    if webhooks.0.sources.change(&name, change).await? {
        webhooks.ask_for_key(&name).await;
        webhooks.wish_again(&name).await?;
    }
    tracing::info!(source = name, "a source was changed");
    webhooks.source(&name).await?.map(Json).ok_or_else(|| unknown(&name))
}

/// Removes a source with its secrets. Its deliveries and events stay.
#[utoipa::path(delete, path = "/api/v1/webhooks/sources/{source}", tag = "webhooks", params(("source" = String, Path)), responses(
    (status = 204), Acted, InTheWay))]
async fn remove_source(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Path(name): Path<String>,
) -> ProblemResult<StatusCode> {
    webhooks.0.sources.remove(&name).await?;
    tracing::info!(source = name, "a source was removed");
    Ok(StatusCode::NO_CONTENT)
}

/// Shows a source's secret and address, to give them to the sender.
#[utoipa::path(post, path = "/api/v1/webhooks/sources/{source}/secret", tag = "webhooks", params(("source" = String, Path)), responses(
    (status = 200, body = Revealed), Acted))]
async fn reveal_secret(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Path(name): Path<String>,
) -> ProblemResult<Response> {
    let shown = webhooks.0.sources.reveal(&name)?;
    tracing::info!(source = name, "a source's secret was shown to an administrator");
    Ok(secretly(shown).into_response())
}

/// Gives a source a new secret; the previous one counts for a while longer. Without a body one is made where we make them.
#[utoipa::path(post, path = "/api/v1/webhooks/sources/{source}/rotate", tag = "webhooks", params(("source" = String, Path)),
    request_body = Rotation, responses((status = 200, body = Revealed), Written, Unknown, InTheWay))]
async fn rotate_secret(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Path(name): Path<String>,
    rotation: Option<Json<Rotation>>,
) -> ProblemResult<Response> {
    let rotation = rotation.map(|Json(rotation)| rotation).unwrap_or_default();
    let shown = webhooks.0.sources.rotate(&name, rotation).await?;
    webhooks.ask_for_key(&name).await;
    webhooks.wish_again(&name).await?;
    tracing::info!(source = name, "a source got a new secret");
    Ok(secretly(shown).into_response())
}

/// Ends a secret at once.
#[utoipa::path(delete, path = "/api/v1/webhooks/sources/{source}/secrets/{id}", tag = "webhooks",
    params(("source" = String, Path), ("id" = i64, Path)), responses(
    (status = 204), Acted, Numbered, InTheWay))]
async fn revoke_secret(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Path((name, id)): Path<(String, i64)>,
) -> ProblemResult<StatusCode> {
    webhooks.0.sources.revoke(&name, id).await?;
    tracing::info!(source = name, secret = id, "a secret of a source was revoked");
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize, ToSchema)]
struct TopicList {
    items: Vec<Topic>,
}

/// What a source is subscribed to at its hub.
#[utoipa::path(get, path = "/api/v1/webhooks/sources/{source}/topics", tag = "webhooks", params(("source" = String, Path)),
    responses((status = 200, body = TopicList), Looked))]
async fn list_topics(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Path(name): Path<String>,
) -> ProblemResult<Json<TopicList>> {
    Ok(Json(TopicList { items: webhooks.topics(&name).await? }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewTopic {
    /// The address of the feed.
    topic: String,
    /// Whether the hub is asked to stop.
    #[serde(default)]
    end: bool,
}

/// Has the hub asked for a topic, now and before each lease ends. It is confirmed when it asks back, and nothing else is.
#[utoipa::path(post, path = "/api/v1/webhooks/sources/{source}/topics", tag = "webhooks", params(("source" = String, Path)),
    request_body = NewTopic, responses((status = 204), Written, Unknown, InTheWay))]
async fn wish_topic(
    _: Admin,
    State(webhooks): State<Webhooks>,
    Path(name): Path<String>,
    Json(new): Json<NewTopic>,
) -> ProblemResult<StatusCode> {
    webhooks.wish_topic(&name, &new.topic, new.end).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// No cache keeps an answer with a secret in it.
fn secretly(shown: Revealed) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], Json(shown))
}
