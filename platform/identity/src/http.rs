//! Signing in by link, and what a session is.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Extension, Json};
use kernel::{PersonId, Problem, ProblemResult, Secret};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin::Signed;
use crate::people::model::{PersonDetails, Role};
use crate::sessions::SESSION_TTL_MS;
use crate::sign_in::{Credentials, SignedIn};
use crate::tokens::Refusal;
use crate::{By, Caller, Identity, cookies, doors, pages, people};

/// The routes of this part.
pub fn routes(identity: Identity) -> OpenApiRouter {
    OpenApiRouter::new()
        .route("/console/enter/{token}", axum::routing::get(confirm).post(enter))
        .routes(routes!(session, sign_in))
        .routes(routes!(end))
        .merge(crate::keys::routes())
        .merge(crate::revocations::routes())
        .merge(people::http::routes())
        .merge(people::me::routes())
        .merge(doors::routes())
        .with_state(identity.clone())
        .merge(crate::tokens::routes(identity.tokens))
}

impl Identity {
    /// Who sends a request with these headers. A request that shows a key acts for that key alone, whatever cookie comes
    /// with it. When the store does not answer, that is [`Caller::Unknown`].
    pub async fn caller_of(&self, headers: &HeaderMap) -> Caller {
        let known = match (bearer(headers), api_key(headers), self.session_of(headers)) {
            (Some(token), ..) if is_token(token) => return self.caller_by_token(token).await,
            (Some(key), ..) | (None, Some(key), _) => self.bearer(key).await,
            (None, None, Some(session)) => self.caller(session).await,
            (None, None, None) => return Caller::Anonymous,
        };
        known.unwrap_or_else(|error| {
            tracing::warn!(error = %kernel::problem::chain(&error), "who sends a request could not be looked up");
            Caller::Unknown
        })
    }

    /// The session that a browser shows: over TLS only one that no other host can have given it.
    pub(crate) fn session_of<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let shown = if self.is_secure(headers) { cookies::bound } else { cookies::shown };
        shown(headers, cookies::SESSION)
    }

    async fn caller_by_token(&self, token: &str) -> Caller {
        match self.by_token(token).await {
            Ok((pass, _)) => pass.caller,
            Err(Refusal::Expired | Refusal::Bad(_)) => Caller::Anonymous,
            Err(refusal @ Refusal::Unknown(_)) => {
                tracing::warn!(error = %kernel::problem::chain(&refusal), "a token could not be checked");
                Caller::Unknown
            }
        }
    }
}

/// RFC 6750, section 2.1; the scheme's case does not count (RFC 9110, section 11.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// An API key as programs that know Centrifugo send it.
fn api_key(headers: &HeaderMap) -> Option<&str> {
    if let Some(key) = headers.get("x-api-key") {
        // One that is no text is a wrong one, and not none.
        return Some(key.to_str().unwrap_or_default());
    }
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("apikey").then(|| key.trim())
}

/// Signed, rather than an API key or a session: those have no dots.
pub(crate) fn is_token(shown: &str) -> bool {
    shown.contains('.')
}

/// The session that somebody showed who is in one.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<&str> {
    cookies::shown(headers, cookies::SESSION)
}

async fn confirm() -> Response {
    pages::confirm()
}

async fn enter(
    State(identity): State<Identity>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    let Some(session) = identity.open_link(&token).await? else { return Ok(pages::used()) };
    let mut response = Redirect::to("/console").into_response();
    keep_session_of(&mut response, &identity, &headers, &session)?;
    Ok(response)
}

#[derive(Serialize, ToSchema)]
struct Session {
    /// `admin` or `member`.
    role: Role,
    /// Who; null for the administrator by a link.
    person: Option<PersonDetails>,
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/session", tag = "identity", responses((status = 200, body = Session), (status = 401), (status = 403)))]
async fn session(caller: Option<Extension<Caller>>, State(identity): State<Identity>) -> ProblemResult<Json<Session>> {
    match caller.map(|Extension(caller)| caller).unwrap_or_default() {
        Caller::Admin => Ok(Json(Session { role: Role::Admin, person: None })),
        Caller::Person { id, role, .. } => Ok(Json(Session { role, person: identity.person(id).await? })),
        Caller::Key { .. } => Err(Problem::forbidden("An API key has no session.")),
        Caller::Unknown => Err(crate::admin::unknown()),
        Caller::Anonymous => Err(Problem::unauthorized(
            "Sign in first: with an account, or by the link that `mainspring admin-link` prints beside the server.",
        )),
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignIn {
    /// The address of the account.
    email: String,
    /// Its password.
    #[schema(value_type = String, format = Password)]
    password: Secret,
}

/// Signs this browser in, for 30 days.
#[utoipa::path(post, path = "/api/v1/session", tag = "identity", request_body = SignIn, responses((status = 200, body = Session), (status = 400), (status = 401), (status = 403), (status = 415), (status = 422), (status = 429), (status = 503)))]
async fn sign_in(
    State(identity): State<Identity>,
    headers: HeaderMap,
    Json(SignIn { email, password }): Json<SignIn>,
) -> ProblemResult<Response> {
    let signed_in = identity.sign_in(credentials(&headers, &email, &password)).await?;
    let details = identity.person(signed_in.person).await?;
    let role = details.as_ref().map_or(Role::Member, |details| details.role);
    let mut response = Json(Session { role, person: details }).into_response();
    keep_signed_in(&mut response, &identity, &headers, &signed_in)?;
    Ok(response)
}

/// What a browser says with these headers.
pub(crate) fn credentials<'a>(headers: &'a HeaderMap, email: &'a str, password: &'a Secret) -> Credentials<'a> {
    let client = headers.get(header::USER_AGENT).and_then(|name| name.to_str().ok()).unwrap_or_default();
    Credentials { email, password, device: cookies::shown(headers, cookies::DEVICE).unwrap_or_default(), client }
}

/// Has the browser keep its session, and that it had one.
pub(crate) fn keep_signed_in(
    response: &mut Response,
    identity: &Identity,
    headers: &HeaderMap,
    it: &SignedIn,
) -> ProblemResult<()> {
    keep_session(response, identity, headers, (it.person, it.role, &it.session))?;
    let device = (cookies::DEVICE, it.device.expose(), cookies::DEVICE_S);
    cookies::keep(response.headers_mut(), headers, device, identity.is_secure(headers))
}

/// Has the browser keep its session. Whoever records the request reads from its answer who signed in.
pub(crate) fn keep_session(
    response: &mut Response,
    identity: &Identity,
    headers: &HeaderMap,
    (id, role, session): (PersonId, Role, &Secret),
) -> ProblemResult<()> {
    response.extensions_mut().insert(Caller::Person { id, role, by: By::Session });
    keep_session_of(response, identity, headers, session)
}

fn keep_session_of(
    response: &mut Response,
    identity: &Identity,
    headers: &HeaderMap,
    session: &Secret,
) -> ProblemResult<()> {
    let session = (cookies::SESSION, session.expose(), SESSION_TTL_MS / 1_000);
    cookies::keep(response.headers_mut(), headers, session, identity.is_secure(headers))
}

/// Signs this browser out.
#[utoipa::path(post, path = "/api/v1/session/end", tag = "identity", responses((status = 204), (status = 401), (status = 403)))]
async fn end(_: Signed, State(identity): State<Identity>, headers: HeaderMap) -> ProblemResult<Response> {
    // Whichever the other name holds would be shown next.
    for session in cookies::all_shown(&headers, cookies::SESSION) {
        identity.end_session(session).await?;
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    let secure = identity.is_secure(&headers);
    cookies::forget(response.headers_mut(), &headers, cookies::SESSION, secure)?;
    Ok(response)
}
