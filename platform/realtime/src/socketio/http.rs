//! Where clients of Socket.IO come in: polling requests, and the handshakes of WebSockets.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Query, State};
use axum::middleware;
use axum::response::Response;
use axum::routing::any;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use kernel::{Problem, ProblemResult, limits};
use serde::Deserialize;

use super::engine::{self, Packet};
use super::frames;
use super::peer::Peer;
use super::session::{Refused, Session};
use crate::Hub;
use crate::codes::Disconnect;
use crate::emulation::from_allowed_pages;
use crate::ws::handshake;

pub(crate) fn routes(hub: &Hub) -> Router<Hub> {
    Router::new()
        .route("/socket.io/", any(come))
        .route("/socket.io", any(come))
        .layer(middleware::from_fn_with_state(hub.clone(), from_allowed_pages))
}

#[derive(Deserialize)]
struct Asked {
    #[serde(rename = "EIO")]
    version: Option<String>,
    transport: Option<String>,
    sid: Option<String>,
}

async fn come(State(hub): State<Hub>, request: Request<Body>) -> ProblemResult<Response> {
    let asked = Query::<Asked>::try_from_uri(request.uri());
    let Ok(Query(asked)) = asked else {
        return Err(Problem::bad_request("invalid_query", "The query of the address cannot be read."));
    };
    if asked.version.as_deref() != Some("4") {
        return Err(Problem::bad_request("protocol_version", "Only protocol 4 of Engine.IO is spoken here: EIO=4."));
    }
    let peer = match &asked.sid {
        Some(sid) => Some(Peer::find(&hub.0, sid).ok_or_else(gone)?),
        None => None,
    };
    let method = request.method().clone();
    match (asked.transport.as_deref(), &method, peer) {
        (Some("polling"), &Method::GET, None) => open(&hub, request.headers()).await,
        (Some("polling"), &Method::GET, Some(peer)) => poll(peer).await,
        (Some("polling"), &Method::POST, Some(peer)) => post(&peer, request.into_body()).await,
        (Some("polling"), ..) => Err(Problem::bad_request("method", "A session is opened with GET.")),
        (Some("websocket"), _, peer) => upgrade(&hub, request, peer).await,
        _ => Err(Problem::bad_request("transport", "The parameter transport must be polling or websocket.")),
    }
}

/// The client opens another session then.
fn gone() -> Problem {
    Problem::bad_request("session_unknown", "There is no such session here, or it goes over a WebSocket.")
}

fn refused(why: Refused) -> Problem {
    match why {
        Refused::Gone => gone(),
        Refused::Twice => Problem::bad_request("request_twice", "Another request of this session is under way."),
    }
}

async fn begin(hub: &Hub, headers: &HeaderMap, session: Session) -> ProblemResult<Arc<Peer>> {
    let seat = hub.0.seat()?;
    let rights = hub.0.rights();
    let caller = hub.0.at_the_door(headers).await?;
    let peer = Peer::new(&hub.0, session, (caller, rights), seat);
    if hub.0.is_draining() {
        peer.close(Disconnect::SHUTDOWN);
    }
    Ok(peer)
}

async fn open(hub: &Hub, headers: &HeaderMap) -> ProblemResult<Response> {
    let peer = begin(hub, headers, Session::polling()).await?;
    Ok(text(engine::body([&engine::open(&peer.name(), true, hub.0.socketio.beat())])))
}

fn text(body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A GET that waits. Dropped before its answer, it was abandoned.
struct Polling(Arc<Peer>, bool);

impl Drop for Polling {
    fn drop(&mut self) {
        self.0.end_get(!self.1);
    }
}

async fn poll(peer: Arc<Peer>) -> ProblemResult<Response> {
    peer.begin_get().map_err(refused)?;
    let mut polling = Polling(peer, false);
    let frames = poll_fn(|cx| polling.0.poll_frames(cx)).await;
    polling.1 = true;
    Ok(text(engine::body(&frames)))
}

struct Posting<'a>(&'a Peer);

impl Drop for Posting<'_> {
    fn drop(&mut self) {
        self.0.end_post();
    }
}

async fn post(peer: &Arc<Peer>, body: Body) -> ProblemResult<Response> {
    peer.begin_post().map_err(refused)?;
    let _posting = Posting(peer);
    let patience = Duration::from_millis(limits::BODY_MS);
    let read = tokio::time::timeout(patience, to_bytes(body, limits::SOCKETIO_PAYLOAD_BYTES)).await;
    let late = |_| Problem::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "The body did not come in time.");
    let bytes = read.map_err(late)?.map_err(|_| {
        peer.close(Disconnect::TOO_BIG);
        let detail = format!("The body must come whole and have {} bytes at most.", limits::SOCKETIO_PAYLOAD_BYTES);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    })?;
    let malformed = |why| {
        peer.close(why);
        Problem::bad_request("invalid_packet", "The body is not what clients of Engine.IO send.")
    };
    let body = std::str::from_utf8(&bytes).map_err(|_| malformed(Disconnect::NOT_UTF8))?;
    for packet in Packet::parse_body(body) {
        let packet = packet.map_err(|_| malformed(Disconnect::BAD_REQUEST))?;
        match peer.receive(packet) {
            Ok(()) => {}
            Err(Disconnect::CLOSED) => peer.close(Disconnect::CLOSED),
            Err(why) => return Err(malformed(why)),
        }
    }
    Ok(text(b"ok".to_vec()))
}

async fn upgrade(hub: &Hub, mut request: Request<Body>, peer: Option<Arc<Peer>>) -> ProblemResult<Response> {
    let accept = handshake::accept(&request)?;
    let Some(on_upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return Err(Problem::internal("the server does not hand over upgraded connections"));
    };
    let (peer, carrying) = match peer {
        // The protocol wants it opened and closed: some clients make a failure of a handshake that is refused.
        Some(peer) if peer.court().is_err() => {
            frames::turn_away(on_upgrade);
            return Ok(handshake::switching(accept, None));
        }
        Some(peer) => (peer, false),
        None => {
            let peer = begin(hub, request.headers(), Session::socket()).await?;
            peer.post(engine::open(&peer.name(), false, hub.0.socketio.beat()));
            (peer, true)
        }
    };
    frames::serve(on_upgrade, peer, carrying);
    Ok(handshake::switching(accept, None))
}
