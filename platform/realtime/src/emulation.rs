//! The Centrifuge protocol over plain HTTP, for clients that no WebSocket gets through to: where they come in.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use kernel::problem::share::Share;
use kernel::{Problem, ProblemResult, limits};
use serde::Deserialize;

use crate::Hub;
use crate::centrifuge::client::Client;
use crate::centrifuge::command::{Connect, Payload};
use crate::centrifuge::emulated::{Answer, Emulation, NotTaken};
use crate::centrifuge::said::{Kept, Said};
use crate::centrifuge::wire::Wire;
use crate::codes::Disconnect;
use crate::doorman::Unknown;
use crate::members::Member;
use crate::ws::handshake::origin_allowed;

/// How long a browser may remember what it may ask, seconds.
const PREFLIGHT_S: HeaderValue = HeaderValue::from_static("300");

pub(crate) fn routes(hub: &Hub) -> Router<Hub> {
    Router::new()
        .route("/connection/sse", get(events_by_query).post(events))
        .route("/connection/http_stream", post(lines))
        .route("/connection/uni_sse", get(one_way_by_query).post(one_way_events))
        .route("/connection/uni_http_stream", post(one_way_lines))
        .route("/emulation", post(emulate))
        .layer(middleware::from_fn_with_state(hub.clone(), from_allowed_pages))
}

/// As at the handshake of a WebSocket, with what a browser wants to hear about pages of other origins.
pub(crate) async fn from_allowed_pages(State(hub): State<Hub>, request: Request<Body>, next: Next) -> Response {
    // A page that is gone to, or an image, shows cookies and no origin. Scripts ask in these modes (Fetch Metadata).
    let mode = request.headers().get("sec-fetch-mode");
    let by_script = mode.is_none_or(|mode| mode == "cors" || mode == "same-origin" || mode == "websocket");
    if !by_script || !origin_allowed(request.headers(), &hub.0.origins.read()) {
        return Problem::forbidden("Pages of this origin may not connect here.").into_response();
    }
    let origin = request.headers().get(header::ORIGIN).cloned();
    let mut response = if request.method() == Method::OPTIONS {
        let mut response = StatusCode::NO_CONTENT.into_response();
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, OPTIONS"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_S);
        response
    } else {
        next.run(request).await
    };
    if let Some(origin) = origin {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    response
}

#[derive(Deserialize)]
struct Opening {
    /// The first commands; of one that only listens, the request of `connect`.
    #[serde(default)]
    cf_connect: String,
}

async fn events_by_query(
    State(hub): State<Hub>,
    Query(opening): Query<Opening>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    open(&hub, Wire::Event, Said::Text(&opening.cf_connect), &headers).await
}

async fn events(State(hub): State<Hub>, request: Request<Body>) -> ProblemResult<Response> {
    let (first, headers) = said(request).await?;
    open(&hub, Wire::Event, first.said(), &headers).await
}

async fn lines(State(hub): State<Hub>, request: Request<Body>) -> ProblemResult<Response> {
    let (first, headers) = said(request).await?;
    let wire = if matches!(first, Kept::Binary(_)) { Wire::Delimited } else { Wire::Line };
    open(&hub, wire, first.said(), &headers).await
}

async fn one_way_by_query(
    State(hub): State<Hub>,
    Query(opening): Query<Opening>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    open(&hub, Wire::OneWayEvent, Said::Text(&opening.cf_connect), &headers).await
}

async fn one_way_events(State(hub): State<Hub>, request: Request<Body>) -> ProblemResult<Response> {
    let (first, headers) = said(request).await?;
    open(&hub, Wire::OneWayEvent, first.said(), &headers).await
}

async fn one_way_lines(State(hub): State<Hub>, request: Request<Body>) -> ProblemResult<Response> {
    let (first, headers) = said(request).await?;
    open(&hub, Wire::OneWayLine, first.said(), &headers).await
}

/// Of a body in protocol buffers.
const BINARY: &str = "application/octet-stream";

/// A body of commands, bounded as a frame is.
async fn said(request: Request<Body>) -> ProblemResult<(Kept, HeaderMap)> {
    let (parts, body) = request.into_parts();
    let patience = Duration::from_millis(limits::BODY_MS);
    let read = tokio::time::timeout(patience, to_bytes(body, limits::REALTIME_MESSAGE_BYTES)).await;
    let late = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "The body did not come in time.");
    let bytes = read.map_err(late)?.map_err(|_| {
        let detail = format!("The body must come whole and have {} bytes at most.", limits::REALTIME_MESSAGE_BYTES);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    })?;
    if parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == BINARY) {
        return Ok((Kept::Binary(bytes.into()), parts.headers));
    }
    let text = String::from_utf8(bytes.into()).map(Kept::Text);
    Ok((text.map_err(|_| Problem::bad_request("not_utf8", "The body must be UTF-8."))?, parts.headers))
}

async fn open(hub: &Hub, wire: Wire, first: Said<'_>, headers: &HeaderMap) -> ProblemResult<Response> {
    if matches!(first, Said::Binary(_)) && !wire.is_binary() {
        return Err(Problem::bad_request("protocol", "Only the JSON encoding is spoken here."));
    }
    if first.is_blank() && !wire.is_one_way() {
        let detail = "Say `connect` first: as the body, or with GET as the parameter cf_connect.";
        return Err(Problem::bad_request("connect_missing", detail));
    }
    let seat = hub.0.seat()?;
    let rights = hub.0.rights();
    let known = hub.0.at_the_door(headers).await;
    if let Err(why @ (Unknown::Bad | Unknown::Expired)) = known
        && !shows_token(first, wire)
    {
        return Err(why.into());
    }
    let client = Arc::new(Client::new(hub.0.clone(), known.into(), wire, false));
    let answer = Answer::new(client.clone(), first, seat);
    let member = Member::Socket(client.clone());
    hub.0.members.enter(member.clone(), limits::REALTIME_CONNECT_S as usize);
    hub.0.entered(&member, Some(rights)).await;
    if hub.0.is_draining() {
        client.outbox.close(Disconnect::SHUTDOWN);
    }
    let mut response = Response::new(Body::from_stream(answer));
    let kind = match wire {
        Wire::Event | Wire::OneWayEvent => "text/event-stream; charset=utf-8",
        Wire::Delimited => BINARY,
        _ => "application/json; charset=utf-8",
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Whether the `connect` that it begins with shows a token, which overrides what its headers show.
fn shows_token(first: Said<'_>, wire: Wire) -> bool {
    let connect = match first {
        Said::Text(text) if wire.is_one_way() => serde_json::from_str(text).ok(),
        _ => match first.next(&mut 0).ok().flatten().and_then(|command| command.keep().command(wire.is_binary())) {
            Some((_, Payload::Connect(connect))) => Some(connect),
            _ => None,
        },
    };
    connect.is_some_and(|connect: Connect| !connect.token.is_empty())
}

async fn emulate(State(hub): State<Hub>, mut request: Request<Body>) -> ProblemResult<StatusCode> {
    let share = request.extensions_mut().remove::<Share>();
    let asked = emulation(request).await;
    if let Some(share) = share {
        // Whether another process has the session is not known here.
        let session = asked.as_ref().ok().and_then(|asked| hub.0.session_of(asked));
        share.spend(session.as_deref()).await?;
    }
    match hub.0.emulate(&asked?).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(NotTaken::NoNode) => Err(Problem::not_found("No process has this name: connect again.")),
        Err(NotTaken::Away) => Err(Problem::unavailable(1, "the bus is away")),
    }
}

async fn emulation(request: Request<Body>) -> ProblemResult<Emulation> {
    let invalid = |error: &str| Problem::bad_request("invalid_body", format!("It is not what clients send: {error}."));
    match said(request).await?.0 {
        Kept::Text(text) => serde_json::from_str(&text).map_err(|error| invalid(&error.to_string())),
        Kept::Binary(message) => Emulation::of_protobuf(&message).ok_or_else(|| invalid("no such message")),
    }
}
