//! The pages of signing in with an issuer: one that begins, and one to which it sends the browser back. They need no script.

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use kernel::{Problem, ProblemResult, Secret, limits};
use serde::Deserialize;

use super::attempt::Attempt;
use super::come::Come;
use super::{AWAY, Answer, Provider, Providers};
use crate::doors::Next;
use crate::{Identity, cookies, http, pages};

pub(crate) fn routes() -> Router<Identity> {
    Router::new()
        .route("/sign-in/with/{issuer}", get(begin))
        .route("/join/{token}/with/{issuer}", get(begin_invited))
        .route("/sign-in/with/{issuer}/callback", get(finish))
}

/// What the page shows below its form: words and a path for each issuer.
pub(crate) fn buttons(identity: &Identity, next: &str) -> Vec<(String, String)> {
    let query = if next == "/" { Ok(String::new()) } else { serde_urlencoded::to_string([("next", next)]) };
    let query = query.map(|query| if query.is_empty() { query } else { format!("?{query}") }).unwrap_or_default();
    let button = |it: &Provider| (format!("Sign in with {}", it.label), format!("/sign-in/with/{}{query}", it.name));
    identity.providers().map(button).collect()
}

/// The same for whoever has an invitation. What is no token is none.
pub(crate) fn invited_buttons(identity: &Identity, token: &str) -> Vec<(String, String)> {
    let is_token = token.bytes().all(|b| b.is_ascii_alphanumeric());
    let button = |it: &Provider| (format!("Join with {}", it.label), format!("/join/{token}/with/{}", it.name));
    identity.providers().filter(|_| is_token).map(button).collect()
}

impl Identity {
    fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.providers.iter().flat_map(Providers::all)
    }

    fn provider(&self, name: &str) -> Option<(&Providers, &Provider)> {
        let providers = self.providers.as_ref()?;
        Some((providers, providers.named(name)?))
    }
}

async fn begin(
    State(identity): State<Identity>,
    Path(name): Path<String>,
    Query(next): Query<Next>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    let next = Some(next.path()).filter(|next| next.len() <= limits::SIGN_IN_NEXT_BYTES).unwrap_or("/");
    if is_from_elsewhere(&headers) {
        let query = serde_urlencoded::to_string([("next", next)]).map_err(Problem::internal)?;
        return Ok(Redirect::to(&format!("/sign-in?{query}")).into_response());
    }
    send(&identity, &name, (next, ""), &headers).await
}

async fn begin_invited(
    State(identity): State<Identity>,
    Path((token, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    let is_token = token.len() <= limits::SIGN_IN_NEXT_BYTES && token.bytes().all(|b| b.is_ascii_alphanumeric());
    let token = if is_token { token } else { String::new() };
    if is_from_elsewhere(&headers) && is_token {
        return Ok(Redirect::to(&format!("/join/{token}")).into_response());
    }
    send(&identity, &name, ("/", &token), &headers).await
}

/// Whether another site has the browser come (Fetch Metadata, `Sec-Fetch-Site`): whoever is signed in as somebody else is not to be made
/// somebody at the issuer without a word. There the button is shown.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

/// Sends the browser to the issuer.
async fn send(identity: &Identity, name: &str, asked: (&str, &str), headers: &HeaderMap) -> ProblemResult<Response> {
    let Some((providers, provider)) = identity.provider(name) else { return Ok(unknown()) };
    let (attempt, address) = match providers.begin(provider, &identity.entropy, asked).await {
        Ok(begun) => begun,
        Err(problem) => return page(problem),
    };
    let kept = attempt.sealed(&identity.key, &identity.entropy).map_err(Problem::internal)?;
    let mut response = Redirect::to(&address).into_response();
    let secure = identity.is_secure(headers) || providers.are_reached_by_tls();
    let cookie = (cookies::ATTEMPT, kept.as_str(), limits::SIGN_IN_ATTEMPT_MS / 1_000);
    cookies::keep(response.headers_mut(), headers, cookie, secure)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// What the issuer has the browser bring. Other parameters are its own affair.
#[derive(Deserialize)]
struct Brought {
    code: Option<Secret>,
    #[serde(default)]
    state: String,
    iss: Option<String>,
    error: Option<String>,
}

async fn finish(
    State(identity): State<Identity>,
    Path(name): Path<String>,
    brought: Result<Query<Brought>, QueryRejection>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    let Some((providers, provider)) = identity.provider(&name) else { return Ok(unknown()) };
    let Ok(Query(brought)) = brought else { return Ok(not_begun()) };
    // Whoever could have the browser send another cookie could have it end a sign-in that somebody else began.
    let secure = identity.is_secure(&headers) || providers.are_reached_by_tls();
    let read = if secure { cookies::bound } else { cookies::plain };
    let attempt = read(&headers, cookies::ATTEMPT)
        .and_then(|kept| Attempt::open(&identity.key, kept, (&provider.name, &brought.state), identity.clock.now_ms()));
    let Some(attempt) = attempt else { return Ok(not_begun()) };
    // First: an issuer that does not answer now takes away nobody's way back.
    if let Err(problem) = providers.answers(provider).await {
        return page(problem);
    }
    if !identity.use_answer(&attempt).await? {
        return Ok(not_begun());
    }
    let (code, issuer, error) = (brought.code.as_ref(), brought.iss.as_deref(), brought.error.as_deref());
    let answer = Answer { code, issuer, error };
    let mut response = match come(&identity, (providers, provider), (&attempt, &answer), &headers).await {
        Ok(come) => {
            let mut response = Redirect::to(&attempt.next).into_response();
            let shown = (come.person, come.role, &come.session);
            http::keep_session(&mut response, &identity, &headers, shown)?;
            response
        }
        Err(problem) => page(problem)?,
    };
    cookies::forget(response.headers_mut(), &headers, cookies::ATTEMPT, secure)?;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn come(
    identity: &Identity,
    (providers, provider): (&Providers, &Provider),
    (attempt, answer): (&Attempt, &Answer<'_>),
    headers: &HeaderMap,
) -> ProblemResult<Come> {
    let claims = providers.finish(provider, attempt, answer).await?;
    let client = headers.get(header::USER_AGENT).and_then(|name| name.to_str().ok()).unwrap_or_default();
    identity.come_in(provider, attempt, &claims, client).await
}

/// A page for people of what is theirs or the issuer's; what is ours goes where failures go.
fn page(problem: Problem) -> ProblemResult<Response> {
    if problem.status().is_server_error() && problem.code() != AWAY {
        return Err(problem);
    }
    Ok(pages::says(problem.status(), "You are not signed in", problem.detail()))
}

fn unknown() -> Response {
    pages::says(StatusCode::NOT_FOUND, "You are not signed in", "Nobody signs in here by that way.")
}

fn not_begun() -> Response {
    let words =
        "This sign-in was not begun in this browser, was used already, or is more than ten minutes old. Begin again.";
    pages::says(StatusCode::BAD_REQUEST, "You are not signed in", words)
}
