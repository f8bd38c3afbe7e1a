//! Where senders deliver.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kernel::{Problem, ProblemResult, RequestInfo};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{Missed, Refused};
use crate::Webhooks;
use crate::answer::Reply;
use crate::hub::Asked;
use crate::ingest::Accepted;
use crate::refusal::Refusal;
use crate::source::Source;

pub(super) fn routes() -> OpenApiRouter<Webhooks> {
    let (schemas, paths, open) = routes!(deliver, look);
    let (more_schemas, more_paths, secret) = routes!(deliver_in_secret, look_in_secret);
    OpenApiRouter::new().routes((schemas, paths, open.fallback(other_method))).routes((
        more_schemas,
        more_paths,
        secret.fallback(other_method_in_secret),
    ))
}

#[derive(Serialize, ToSchema)]
struct Ready {
    source: String,
    /// What to do with this address.
    hint: &'static str,
    documentation: &'static str,
}

/// A delivery of a sender: verified, in the log, then answered as the sender expects.
///
/// The body, its content type and its headers are the sender's own, up to 25 MB.
#[utoipa::path(post, path = "/in/{source}", tag = "ingress", params(("source" = String, Path)),
    request_body(content = Object, description = "Whatever the sender sends, signed as it signs"), responses(
    (status = 200, description = "In the log; some senders want an empty body", body = Accepted),
    (status = 202, description = "Waits on disk for the store, or a success that this sender wants in any case", body = Accepted),
    (status = 204, description = "In the log"), Refused))]
async fn deliver(
    State(webhooks): State<Webhooks>,
    Path(source): Path<String>,
    request: Request,
) -> ProblemResult<Reply> {
    take(&webhooks, &source, None, request).await
}

/// A delivery to a source whose address is a secret.
#[utoipa::path(post, path = "/in/{source}/{token}", tag = "ingress", params(("source" = String, Path), ("token" = String, Path)),
    request_body(content = Object, description = "Whatever the sender sends"), responses(
    (status = 200, description = "In the log; some senders want an empty body", body = Accepted),
    (status = 202, description = "Waits on disk for the store, or a success that this sender wants in any case", body = Accepted),
    (status = 204, description = "In the log"), Refused))]
async fn deliver_in_secret(
    State(webhooks): State<Webhooks>,
    Path((source, token)): Path<(String, String)>,
    request: Request,
) -> ProblemResult<Reply> {
    take(&webhooks, &source, Some(&token), request).await
}

async fn take(webhooks: &Webhooks, name: &str, token: Option<&str>, request: Request) -> ProblemResult<Reply> {
    let (parts, body) = request.into_parts();
    let info = parts.extensions.get::<RequestInfo>().cloned();
    let info = info.ok_or_else(|| Problem::internal("the edge did not name the request"))?;
    let source = open_source(webhooks, name, token, Some((&info, &parts.headers))).await?;
    webhooks.ingest(&source, &info, &parts.headers, body).await
}

/// Says that the address is there; answers a hub that asks whether a subscription was meant.
#[utoipa::path(get, path = "/in/{source}", tag = "ingress", params(("source" = String, Path), Asked), responses(
    (status = 200, description = "Ready, or the hub's challenge as text", body = Ready), Missed))]
async fn look(
    State(webhooks): State<Webhooks>,
    Path(source): Path<String>,
    Query(asked): Query<Asked>,
) -> ProblemResult<Response> {
    show(&webhooks, &source, None, asked).await
}

/// Says that the secret address is there; answers a hub that asks whether a subscription was meant.
#[utoipa::path(get, path = "/in/{source}/{token}", tag = "ingress",
    params(("source" = String, Path), ("token" = String, Path), Asked), responses(
    (status = 200, description = "Ready, or the hub's challenge as text", body = Ready), Missed))]
async fn look_in_secret(
    State(webhooks): State<Webhooks>,
    Path((source, token)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> ProblemResult<Response> {
    show(&webhooks, &source, Some(&token), asked).await
}

async fn show(webhooks: &Webhooks, name: &str, token: Option<&str>, asked: Asked) -> ProblemResult<Response> {
    let source = open_source(webhooks, name, token, None).await?;
    if asked.is_question() && source.sender().hub_verifies {
        return Ok(webhooks.confirm(&source, asked).await?.into_response());
    }
    let hint = "Ready. Give this address to the sender as its payload URL, with this source's secret; deliveries come by POST.";
    let documentation = crate::sources::find(source.sender_name()).map_or("", |sender| sender.documentation);
    Ok(Json(Ready { source: source.name.clone(), hint, documentation }).into_response())
}

async fn other_method(
    State(webhooks): State<Webhooks>,
    Path(source): Path<String>,
    request: Request,
) -> ProblemResult<Response> {
    refuse_method(&webhooks, &source, None, request).await
}

async fn other_method_in_secret(
    State(webhooks): State<Webhooks>,
    Path((source, token)): Path<(String, String)>,
    request: Request,
) -> ProblemResult<Response> {
    refuse_method(&webhooks, &source, Some(&token), request).await
}

async fn refuse_method(
    webhooks: &Webhooks,
    name: &str,
    token: Option<&str>,
    request: Request,
) -> ProblemResult<Response> {
    let (parts, _) = request.into_parts();
    let source = open_source(webhooks, name, token, None).await?;
    let method: String = parts.method.as_str().chars().take(20).collect();
    let reason = format!("Deliveries come by POST, not by {method}.");
    let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "BAD_METHOD", reason);
    let problem = refusal.problem();
    if let Some(info) = parts.extensions.get::<RequestInfo>() {
        webhooks.turn_away(&source, info, &parts.headers, refusal).await;
    }
    Ok(([(header::ALLOW, "GET, HEAD, POST")], problem).into_response())
}

/// The source of this address, when it takes deliveries. To a stranger, one that is switched off is as if it were not there.
async fn open_source(
    webhooks: &Webhooks,
    name: &str,
    token: Option<&str>,
    delivery: Option<(&RequestInfo, &HeaderMap)>,
) -> ProblemResult<Arc<Source>> {
    let unknown = || Problem::not_found("There is no such source, or it is switched off.");
    let source = webhooks.0.sources.named(name).filter(|source| source.is_at(token)).ok_or_else(unknown)?;
    if source.enabled && source.can_verify(webhooks.0.clock.now_ms()) {
        return Ok(source);
    }
    if let Some((info, headers)) = delivery {
        let refusal =
            Refusal::new(StatusCode::NOT_FOUND, "SOURCE_DISABLED", "The source is switched off, or has no secret.");
        webhooks.turn_away(&source, info, headers, refusal).await;
    }
    Err(unknown())
}
