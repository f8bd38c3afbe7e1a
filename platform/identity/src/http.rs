//! Signing in by link, and what a session is.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use kernel::{Problem, ProblemResult};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::sessions::SESSION_TTL_MS;
use crate::{Admin, Caller, Identity, page};

const COOKIE: &str = "mainspring_session";

/// The routes of this part.
pub fn routes(identity: Identity) -> OpenApiRouter {
    OpenApiRouter::new()
        .route("/console/enter/{token}", axum::routing::get(confirm).post(enter))
        .routes(routes!(session))
        .routes(routes!(end))
        .merge(crate::keys::routes())
        .with_state(identity)
}

impl Identity {
    /// Who sends a request with these headers. A request that shows a key acts for that key alone, whatever cookie comes
    /// with it. When the store does not answer, that is [`Caller::Unknown`].
    pub async fn caller_of(&self, headers: &HeaderMap) -> Caller {
        let known = match (bearer(headers), cookie(headers)) {
            (Some(token), _) => self.bearer(token).await,
            (None, Some(session)) => self.caller(session).await,
            (None, None) => return Caller::Anonymous,
        };
        known.unwrap_or_else(|error| {
            tracing::warn!(error = %kernel::problem::chain(&error), "who sends a request could not be looked up");
            Caller::Unknown
        })
    }
}

/// RFC 6750, section 2.1; the scheme's case does not count (RFC 9110, section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

async fn confirm() -> Response {
    page::confirm()
}

async fn enter(
    State(identity): State<Identity>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    let Some(session) = identity.open_link(&token).await? else { return Ok(page::used()) };
    // Behind a proxy that ends TLS, the proxy says so; on plain loopback a Secure cookie would be dropped by some browsers.
    let secure = if is_https(&headers) { "; Secure" } else { "" };
    let max_age = SESSION_TTL_MS / 1000;
    let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age}{secure}", session.expose());
    let mut response = Redirect::to("/console").into_response();
    let mut cookie = HeaderValue::try_from(cookie).map_err(Problem::internal)?;
    cookie.set_sensitive(true);
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}

/// Whether the browser speaks TLS to whatever stands before us: of several proxies the first one talked to it.
pub fn is_https(headers: &HeaderMap) -> bool {
    let proto = headers.get("x-forwarded-proto").and_then(|proto| proto.to_str().ok()).unwrap_or_default();
    proto.split(',').next().is_some_and(|first| first.trim().eq_ignore_ascii_case("https"))
}

#[derive(Serialize, ToSchema)]
struct Session {
    /// `admin`.
    role: &'static str,
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/session", tag = "identity", responses((status = 200, body = Session), (status = 401)))]
async fn session(_: Admin) -> Json<Session> {
    Json(Session { role: "admin" })
}

/// Signs this browser out.
#[utoipa::path(post, path = "/api/v1/session/end", tag = "identity", responses((status = 204), (status = 401)))]
async fn end(_: Admin, State(identity): State<Identity>, headers: HeaderMap) -> ProblemResult<Response> {
    if let Some(session) = cookie(&headers) {
        identity.end_session(session).await?;
    }
    let expired = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, expired)]).into_response())
}
