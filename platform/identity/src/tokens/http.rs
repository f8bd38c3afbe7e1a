//! Our public keys, for whoever checks our tokens without us.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use kernel::{ProblemResult, limits};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Tokens;
use super::keys::PublicKey;

/// The route of the public keys.
pub fn routes(tokens: Tokens) -> OpenApiRouter {
    OpenApiRouter::new().routes(routes!(published)).with_state(tokens)
}

#[derive(Serialize, ToSchema)]
struct KeySet {
    /// The public keys.
    keys: Vec<PublicKey>,
}

/// The public keys of our tokens (RFC 7517): those that signed, the one that signs, and the one that will sign next.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "identity", responses((status = 200, body = KeySet), (status = 503)))]
async fn published(State(tokens): State<Tokens>) -> ProblemResult<Response> {
    let keys = tokens.published().await?;
    let mut response = Json(KeySet { keys }).into_response();
    let kept = format!("public, max-age={}", limits::TOKEN_KEYS_MAX_AGE_S);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::try_from(kept).map_err(kernel::Problem::internal)?);
    Ok(response)
}
