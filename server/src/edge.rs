//! What every request goes through: it gets a name and a trace, its caller is found out, its answer gets its headers, its
//! failure its problem body, and one line says how it went.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request, State};
use axum::http::response::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use guard::Client;
use identity::Identity;
use ipnet::IpNet;
use kernel::{Clock, Entropy, Problem, RequestId, RequestInfo, TraceId, limits};
use tracing::Instrument;

use crate::traceparent::TraceParent;
use crate::{refusal, slow_body};

/// Who is at the other end of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

#[derive(Clone)]
pub(crate) struct Edge {
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) identity: Identity,
    pub(crate) trusted_proxies: std::sync::Arc<[IpNet]>,
}

/// What a problem says in its header beside its own.
const KEPT: [HeaderName; 5] = [
    REPLAYED,
    header::ALLOW,
    header::WWW_AUTHENTICATE,
    HeaderName::from_static("ratelimit"),
    HeaderName::from_static("ratelimit-policy"),
];
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) async fn handle(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let caller = edge.identity.caller_of(request.headers()).await;
    let sent = TraceParent::of(request.headers());
    // Whoever operates this may continue a trace; anybody else's is at most a link.
    let continued = sent.filter(|_| caller.operates());
    let trace = continued.map_or_else(|| TraceId::new(&edge.entropy), |sent| sent.trace);
    let info = RequestInfo { request_id: request_id(&edge, request.headers()), trace };
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    let client = peer.map(|peer| guard::client_of(peer, request.headers(), &edge.trusted_proxies));
    if let Some(client) = client {
        request.extensions_mut().insert(Client(client));
    }
    request.extensions_mut().insert(info.clone());
    request.extensions_mut().insert(caller);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str()).to_owned();
    let path = request.uri().path().to_owned();
    let https = identity::is_https(request.headers());

    let span = span(&info, &method, &route, sent, continued.is_some());
    if caller.is_somebody() {
        span.record("caller", tracing::field::display(caller));
    }
    let (request, refused) = slow_body::guarded(&edge.identity, request, caller);
    let answered = AssertUnwindSafe(next.run(request).instrument(span.clone())).catch_unwind().await;
    let response = answered.unwrap_or_else(|_| Problem::internal("a handler panicked").into_response());
    let response = refused.get().map_or(response, |problem| problem.clone().into_response());
    let mut response = match response.status().as_u16() {
        400.. => with_problem(response, &info, &route).instrument(span.clone()).await,
        _ => response,
    };
    let _in_span = span.enter();
    seal(response.headers_mut(), &info, &path, https);
    span.record("status", u64::from(response.status().as_u16()));
    account(&method, &route, &path, response.status(), started);
    response
}

/// What every line about this request says, and what its span is in a trace.
fn span(info: &RequestInfo, method: &Method, route: &str, sent: Option<TraceParent>, continued: bool) -> tracing::Span {
    use tracing::field::{Empty, display};
    let span = tracing::info_span!(
        "request",
        request_id = info.request_id,
        trace_id = %info.trace,
        method = method_word(method),
        route,
        caller = Empty,
        status = Empty,
        parent = Empty,
        sampled = Empty,
        link = Empty,
    );
    match sent {
        Some(sent) if continued => {
            span.record("parent", display(format_args!("{:016x}", sent.span)));
            span.record("sampled", sent.sampled);
        }
        Some(sent) => {
            span.record("link", display(format_args!("{}-{:016x}", sent.trace, sent.span)));
        }
        None => {}
    }
    span
}

/// The sender's id where it is a sane one, so that its logs and ours can be put together; else a new one.
fn request_id(edge: &Edge, headers: &HeaderMap) -> String {
    let sane = |id: &&str| {
        (8..=128).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
    };
    let sent = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(sane);
    sent.map_or_else(|| RequestId::new(&edge.clock, &edge.entropy).to_string(), str::to_owned)
}

/// Marks an answer that is whole as it is, whatever its status: a probe's "no" is no failure.
#[derive(Clone, Copy)]
pub(crate) struct Whole;

fn is(headers: &HeaderMap, kind: &str) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|said| said.as_bytes().starts_with(kind.as_bytes()))
}

/// Every failure gets a problem body with the request's id; the cause of one of ours goes to the log.
async fn with_problem(response: Response, info: &RequestInfo, route: &str) -> Response {
    let status = response.status();
    // A page for people says itself what is wrong.
    if is(response.headers(), "text/html") || response.extensions().get::<Whole>().is_some() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let problem = match parts.extensions.get::<Problem>() {
        Some(problem) => problem.clone(),
        None if is(&parts.headers, "application/problem+json") && parts.headers.contains_key(REPLAYED) => {
            return again(Response::from_parts(parts, body), info).await;
        }
        None => plain(&parts, body, route).await,
    };
    if status.is_server_error() {
        tracing::error!(code = problem.code(), cause = problem.cause(), "request failed");
    }
    let mut answer = problem.respond(Some(&info.request_id));
    for name in KEPT {
        if let Some(value) = parts.headers.get(&name) {
            answer.headers_mut().insert(name, value.clone());
        }
    }
    answer
}

/// A refusal of the framework (no such path, method, parameter), in our form.
async fn plain(parts: &Parts, body: Body, route: &str) -> Problem {
    let status = parts.status;
    match status {
        StatusCode::NOT_FOUND => Problem::not_found("There is nothing at this address."),
        StatusCode::METHOD_NOT_ALLOWED => {
            Problem::new(status, "method_not_allowed", "This address does not take this method.")
        }
        status if status.is_client_error() => {
            let said = if is(&parts.headers, "text/plain") { text(body, limits::REFUSAL_BYTES).await } else { None };
            said.and_then(|said| refusal::problem(status, &said, route)).unwrap_or_else(|| {
                let detail =
                    "A parameter or the body is not of the form that this address takes. The reference is at /docs.";
                Problem::new(status, "bad_request", detail)
            })
        }
        _ => Problem::internal("an answer without a problem"),
    }
}

/// A problem that is told again, as it was told, in the name of this request.
async fn again(response: Response, info: &RequestInfo) -> Response {
    let (mut parts, body) = response.into_parts();
    let told = text(body, limits::IDEMPOTENCY_ANSWER_BYTES).await;
    let Some(Ok(mut told)) = told.map(|told| serde_json::from_str::<serde_json::Map<_, _>>(&told)) else {
        return Problem::internal("a kept problem cannot be read").respond(Some(&info.request_id));
    };
    told.insert("request_id".to_owned(), info.request_id.as_str().into());
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(serde_json::Value::from(told).to_string()))
}

/// The text of an answer that is held already, and is no longer than this.
async fn text(body: Body, most: usize) -> Option<String> {
    body.size_hint().exact().filter(|bytes| *bytes <= most as u64)?;
    let bytes = axum::body::to_bytes(body, most).await.ok()?;
    String::from_utf8(bytes.into()).ok()
}

/// No page of ours is framed, sniffed, or runs anything that we did not send.
fn seal(headers: &mut HeaderMap, info: &RequestInfo, path: &str, https: bool) {
    let reference = path.starts_with("/docs");
    let policy = if reference {
        "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
    } else {
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    };
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in fixed {
        // A page that is stricter about itself keeps what it said.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if let Ok(id) = HeaderValue::from_str(&info.request_id) {
        headers.insert(REQUEST_ID, id);
    }
}

fn account(method: &Method, route: &str, path: &str, status: StatusCode, started: Instant) {
    let took = started.elapsed();
    let class = ["other", "1xx", "2xx", "3xx", "4xx", "5xx"][usize::from(status.as_u16() / 100).min(5)];
    metrics::histogram!("http_server_request_duration_seconds",
        "method" => method_word(method), "route" => route.to_owned(), "status_class" => class)
    .record(took.as_secs_f64());
    let quiet =
        matches!(route, "/livez" | "/readyz" | "/startupz" | "/healthz" | "/metrics") || path.starts_with("/assets/");
    let duration_ms = took.as_secs_f64() * 1000.0;
    if quiet {
        tracing::debug!(duration_ms, "request");
    } else {
        tracing::info!(duration_ms, "request");
    }
}

/// A label must not take whatever a client sends.
fn method_word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
