//! `/api/v1/endpoints`: for the console and for scripts of its people.

use axum::Json;
use axum::extract::{Path, Query as Params, State as Handle};
use axum::http::StatusCode;
use identity::Admin;
use kernel::{Problem, ProblemResult, Secret};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Endpoints;
use crate::owner::{EndpointError, NewEndpoint, Patch};
use crate::reading::{AttemptRow, EndpointRow, MessageRow, Query};
use crate::recover::Plan;
use crate::signing::{self, Signature};
use crate::state::State;
use crate::store::Sealed;

/// How long the secrets before a new one go on signing unless said otherwise, and at most, seconds.
const OVERLAP_S: u32 = 86_400;
const OVERLAP_MOST_S: u32 = 30 * 86_400;

/// The routes of this part.
pub fn routes(endpoints: Endpoints) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, remove))
        .routes(routes!(enable))
        .routes(routes!(disable))
        .routes(routes!(rotate))
        .routes(routes!(test))
        .routes(routes!(recover))
        .routes(routes!(messages))
        .routes(routes!(message))
        .routes(routes!(resend))
        .with_state(endpoints)
}

impl From<EndpointError> for Problem {
    fn from(error: EndpointError) -> Self {
        let words = sentence(&error.to_string());
        match error {
            EndpointError::Store(error) => error.into(),
            EndpointError::Append(error) => error.into(),
            EndpointError::Enqueue(jobs::EnqueueError::Store(error)) => error.into(),
            EndpointError::Enqueue(error) => Self::internal(error),
            EndpointError::Unknown(_) | EndpointError::UnknownMessage(_) => Self::not_found(words),
            EndpointError::Invalid(pointer, why) => {
                Self::bad_request("endpoint_invalid", "The endpoint cannot be like this.")
                    .field(pointer, sentence(&why))
            }
            EndpointError::Refused(why) => {
                let problem = Self::bad_request("address_refused", "Nothing would be sent to this address.");
                problem.field("/url", sentence(&why.to_string()))
            }
            EndpointError::Sealed(_) => Self::internal(words),
            EndpointError::Full => Self::conflict("endpoints_full", words),
            EndpointError::Disabled => Self::conflict("endpoint_disabled", words),
            EndpointError::Gone => Self::conflict("event_gone", words),
        }
    }
}

/// An error's words as a sentence for people.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CreateBody {
    /// `https://…`; it must lead to the public internet unless the settings allow more.
    url: String,
    /// Event types: `github.push`, `github.*`, or `*`.
    types: Vec<String>,
    /// What it is, for people.
    #[serde(default)]
    description: String,
    /// Whether it gets anything from now on; `true` unless said.
    #[serde(default = "yes")]
    enabled: bool,
    /// Messages a minute at most; no bound unless said.
    per_minute: Option<u32>,
    /// How its messages are signed: `v1` with a secret that both sides have, unless said, or `v1a` with a key pair of ours.
    #[serde(default)]
    signature: Signature,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeBody {
    /// A new address.
    url: Option<String>,
    /// New event types.
    types: Option<Vec<String>>,
    /// A new description.
    description: Option<String>,
    /// Messages a minute at most; null for no bound.
    #[serde(default, deserialize_with = "said")]
    #[schema(value_type = Option<u32>)]
    per_minute: Option<Option<u32>>,
}

/// Tells `null` from nothing said.
fn said<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RotateBody {
    /// For how long the secrets before this one go on signing, seconds: 86,400 unless said, 30 days at most.
    overlap_s: Option<u32>,
    /// How the new one signs; as the newest does unless said.
    signature: Option<Signature>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RecoverBody {
    /// Events appended since then, Unix milliseconds.
    since_ms: i64,
    /// Only count.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only in this state.
    state: Option<State>,
    /// Only older than this number: the `next` of the page before.
    before: Option<i64>,
    /// At most so many, 200 at the most; 50 unless said.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
struct EndpointList {
    items: Vec<EndpointRow>,
}

#[derive(Serialize, ToSchema)]
struct EndpointDetail {
    #[serde(flatten)]
    endpoint: EndpointRow,
    /// The secrets that sign at this moment, the newest first; they themselves are shown once, when they are made.
    secrets: Vec<SecretRow>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = EndpointSecret)]
struct SecretRow {
    /// Unix milliseconds.
    created_at_ms: i64,
    /// When it stops signing, Unix milliseconds.
    expires_at_ms: Option<i64>,
    /// How it signs.
    signature: Signature,
    /// What the receiver verifies with (`whpk_…`); absent where that is the secret itself.
    public_key: Option<String>,
}

/// What a receiver verifies with (Standard Webhooks).
#[derive(Serialize, ToSchema)]
#[schema(as = EndpointShown)]
struct Shown {
    /// The secret of `v1` (`whsec_…`). It is never shown again.
    secret: Option<String>,
    /// The public key of `v1a` (`whpk_…`).
    public_key: Option<String>,
}

impl Shown {
    fn of(secret: &Secret) -> Self {
        let public_key = signing::public_key(secret);
        Self { secret: public_key.is_none().then(|| secret.expose().to_owned()), public_key }
    }
}

#[derive(Serialize, ToSchema)]
struct Created {
    #[serde(flatten)]
    endpoint: EndpointRow,
    #[serde(flatten)]
    shown: Shown,
}

#[derive(Serialize, ToSchema)]
struct Rotated {
    #[serde(flatten)]
    shown: Shown,
    /// Until when the ones before it sign as well, Unix milliseconds.
    others_until_ms: i64,
}

#[derive(Serialize, ToSchema)]
struct MessagePage {
    items: Vec<MessageRow>,
    /// Where the next page begins; absent on the last.
    next: Option<i64>,
}

#[derive(Serialize, ToSchema)]
struct MessageDetail {
    #[serde(flatten)]
    message: MessageRow,
    /// Every attempt, oldest first; of many the last 200.
    history: Vec<AttemptRow>,
    /// What is sent; absent when the event was removed.
    #[schema(value_type = Option<Object>)]
    body: Option<Box<RawValue>>,
}

/// Every endpoint, the oldest first.
#[utoipa::path(get, path = "/api/v1/endpoints", tag = "endpoints", responses((status = 200, body = EndpointList), (status = 401)))]
async fn list(_: Admin, Handle(endpoints): Handle<Endpoints>) -> ProblemResult<Json<EndpointList>> {
    Ok(Json(EndpointList { items: endpoints.list().await? }))
}

/// Registers an endpoint. It gets the events of its types that are appended from now on, each at least once and in no
/// promised order, as Standard Webhooks messages.
#[utoipa::path(post, path = "/api/v1/endpoints", tag = "endpoints", request_body = CreateBody, responses((status = 201, body = Created), (status = 400), (status = 401), (status = 403), (status = 409), (status = 415), (status = 422)))]
async fn create(
    _: Admin,
    Handle(endpoints): Handle<Endpoints>,
    Json(body): Json<CreateBody>,
) -> ProblemResult<(StatusCode, Json<Created>)> {
    let CreateBody { url, types, description, enabled, per_minute, signature } = body;
    let new = NewEndpoint { url, types, description, enabled, per_minute, signature };
    let (endpoint, secret) = endpoints.create(new).await?;
    Ok((StatusCode::CREATED, Json(Created { endpoint, shown: Shown::of(&secret) })))
}

/// One endpoint.
#[utoipa::path(get, path = "/api/v1/endpoints/{id}", tag = "endpoints", params(("id" = String, Path)), responses((status = 200, body = EndpointDetail), (status = 401), (status = 404)))]
async fn show(
    _: Admin,
    Handle(endpoints): Handle<Endpoints>,
    Path(id): Path<String>,
) -> ProblemResult<Json<EndpointDetail>> {
    let endpoint = endpoints.find(&id).await?;
    let secrets =
        endpoints.secrets(&id).await?.into_iter().map(|(Sealed { created_at_ms, expires_at_ms, .. }, secret)| {
            let (signature, public_key) = (signing::signature_of(&secret), signing::public_key(&secret));
            SecretRow { created_at_ms, expires_at_ms, signature, public_key }
        });
    let secrets = secrets.collect();
    Ok(Json(EndpointDetail { endpoint, secrets }))
}

/// Changes an endpoint; what is not named stays.
#[utoipa::path(patch, path = "/api/v1/endpoints/{id}", tag = "endpoints", params(("id" = String, Path)), request_body = ChangeBody, responses((status = 200, body = EndpointRow), (status = 400), (status = 401), (status = 403), (status = 404), (status = 415), (status = 422)))]
async fn change(
    _: Admin,
    Handle(endpoints): Handle<Endpoints>,
    Path(id): Path<String>,
    Json(body): Json<ChangeBody>,
) -> ProblemResult<Json<EndpointRow>> {
    let ChangeBody { url, types, description, per_minute } = body;
    Ok(Json(endpoints.update(&id, Patch { url, types, description, per_minute }).await?))
}

/// Removes an endpoint with its secrets and messages.
#[utoipa::path(delete, path = "/api/v1/endpoints/{id}", tag = "endpoints", params(("id" = String, Path)), responses((status = 204), (status = 401), (status = 403), (status = 404)))]
async fn remove(_: Admin, Handle(endpoints): Handle<Endpoints>, Path(id): Path<String>) -> ProblemResult<StatusCode> {
    endpoints.remove(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Enables an endpoint; its health is forgotten. What it missed is sent by `recover`.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/enable", tag = "endpoints", params(("id" = String, Path)), responses((status = 200, body = EndpointRow), (status = 401), (status = 403), (status = 404)))]
async fn enable(
    _: Admin,
    Handle(endpoints): Handle<Endpoints>,
    Path(id): Path<String>,
) -> ProblemResult<Json<EndpointRow>> {
    Ok(Json(endpoints.switch(&id, true).await?))
}

/// Disables an endpoint: it gets nothing, and what waits for it is given up when its time comes.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/disable", tag = "endpoints", params(("id" = String, Path)), responses((status = 200, body = EndpointRow), (status = 401), (status = 403), (status = 404)))]
async fn disable(
    _: Admin,
    Handle(endpoints): Handle<Endpoints>,
    Path(id): Path<String>,
) -> ProblemResult<Json<EndpointRow>> {
    Ok(Json(endpoints.switch(&id, false).await?))
}

/// Makes a new secret; the ones before it sign beside it for a while, each message then has a signature of each.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/rotate", tag = "endpoints", params(("id" = String, Path)), request_body = RotateBody, responses((status = 200, body = Rotated), (status = 400), (status = 401), (status = 403), (status = 404), (status = 415), (status = 422)))]
async fn rotate(
    _: Admin,
    Handle(endpoints): Handle<Endpoints>,
    Path(id): Path<String>,
    Json(body): Json<RotateBody>,
) -> ProblemResult<Json<Rotated>> {
    let overlap_s = body.overlap_s.unwrap_or(OVERLAP_S);
    if overlap_s > OVERLAP_MOST_S {
        return Err(EndpointError::Invalid("/overlap_s", "30 days (2592000) at most".to_owned()).into());
    }
    let (secret, others_until_ms) = endpoints.rotate(&id, i64::from(overlap_s) * 1000, body.signature).await?;
    Ok(Json(Rotated { shown: Shown::of(&secret), others_until_ms }))
}

/// Sends a message of type `mainspring.endpoint.test` to this endpoint alone, also when it is disabled. It is tried once.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/test", tag = "endpoints", params(("id" = String, Path)), responses((status = 202, body = MessageRow), (status = 401), (status = 403), (status = 404)))]
async fn test(
    _: Admin,
    Handle(endpoints): Handle<Endpoints>,
    Path(id): Path<String>,
) -> ProblemResult<(StatusCode, Json<MessageRow>)> {
    Ok((StatusCode::ACCEPTED, Json(endpoints.test(&id).await?)))
}

/// Sends what the endpoint missed since a time: events that never went to it, and messages that were given up. With `dry_run`
/// it only counts.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/recover", tag = "endpoints", params(("id" = String, Path)), request_body = RecoverBody, responses((status = 200, body = Plan), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409), (status = 415), (status = 422)))]
async fn recover(
    _: Admin,
    Handle(endpoints): Handle<Endpoints>,
    Path(id): Path<String>,
    Json(body): Json<RecoverBody>,
) -> ProblemResult<Json<Plan>> {
    Ok(Json(endpoints.recover(&id, body.since_ms, body.dry_run).await?))
}

/// Messages of an endpoint, newest first.
#[utoipa::path(get, path = "/api/v1/endpoints/{id}/messages", tag = "endpoints", params(("id" = String, Path), ListParams), responses((status = 200, body = MessagePage), (status = 400), (status = 401), (status = 404)))]
async fn messages(
    _: Admin,
    Handle(endpoints): Handle<Endpoints>,
    Path(id): Path<String>,
    Params(params): Params<ListParams>,
) -> ProblemResult<Json<MessagePage>> {
    let limit = params.limit.unwrap_or(50).clamp(1, kernel::limits::PAGE);
    let ListParams { state, before, .. } = params;
    let items = endpoints.messages(Query { endpoint: id, state, before, limit }).await?;
    let next = (items.len() == limit).then(|| items.last().map(|message| message.number)).flatten();
    Ok(Json(MessagePage { items, next }))
}

/// One message, with its attempts and what is sent.
#[utoipa::path(get, path = "/api/v1/endpoints/{id}/messages/{number}", tag = "endpoints", params(("id" = String, Path), ("number" = i64, Path)), responses((status = 200, body = MessageDetail), (status = 400), (status = 401), (status = 404)))]
async fn message(
    _: Admin,
    Handle(endpoints): Handle<Endpoints>,
    Path((id, number)): Path<(String, i64)>,
) -> ProblemResult<Json<MessageDetail>> {
    let (message, history, body) = endpoints.message(&id, number).await?;
    let body = body.map(RawValue::from_string).transpose().map_err(Problem::internal)?;
    Ok(Json(MessageDetail { message, history, body }))
}

/// Sends a message again under its own id, now; its attempts begin anew.
#[utoipa::path(post, path = "/api/v1/endpoints/{id}/messages/{number}/resend", tag = "endpoints", params(("id" = String, Path), ("number" = i64, Path)), responses((status = 202, body = MessageRow), (status = 400), (status = 401), (status = 403), (status = 404), (status = 409)))]
async fn resend(
    _: Admin,
    Handle(endpoints): Handle<Endpoints>,
    Path((id, number)): Path<(String, i64)>,
) -> ProblemResult<(StatusCode, Json<MessageRow>)> {
    Ok((StatusCode::ACCEPTED, Json(endpoints.resend(&id, number).await?)))
}
