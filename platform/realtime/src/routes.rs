//! Where clients come in.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use kernel::{Problem, ProblemResult, limits};
use serde::Deserialize;

use crate::centrifuge::client::Client;
use crate::centrifuge::connection;
use crate::centrifuge::said::Kept;
use crate::centrifuge::wire::Wire;
use crate::hub::Hub;
use crate::members::{Member, Seat};
use crate::people::Rights;
use crate::socket;
use crate::ws::handshake;
use crate::{codes::Disconnect, emulation, sessions, socketio, sse};

impl Hub {
    /// `GET /connection/websocket` and what stands in for it, and `GET /api/v1/channels/{channel}/events`.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        Router::new()
            .route("/connection/websocket", get(websocket))
            .route("/connection/uni_websocket", get(one_way))
            .route("/api/v1/channels/{channel}/events", get(events))
            .merge(emulation::routes(self))
            .merge(socketio::http::routes(self).layer(from_fn_with_state(self.clone(), sessions::of_socketio)))
            .with_state(self.clone())
    }
}

async fn websocket(State(hub): State<Hub>, request: Request<Body>) -> Response {
    upgraded(upgrade(&hub, request, false).await)
}

async fn one_way(State(hub): State<Hub>, request: Request<Body>) -> Response {
    upgraded(upgrade(&hub, request, true).await)
}

fn upgraded(response: ProblemResult<Response>) -> Response {
    match response {
        Ok(response) => response,
        Err(problem) => {
            let mut response = problem.into_response();
            if response.status() == StatusCode::UPGRADE_REQUIRED {
                let headers = response.headers_mut();
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
            }
            response
        }
    }
}

async fn upgrade(hub: &Hub, mut request: Request<Body>, one_way: bool) -> ProblemResult<Response> {
    let accept = handshake::accept(&request)?;
    if !handshake::origin_allowed(request.headers(), &hub.0.origins.read()) {
        return Err(Problem::forbidden("Pages of this origin may not connect here."));
    }
    let (protocol, binary) = handshake::protocol(&request);
    if one_way && binary {
        return Err(Problem::bad_request("protocol", "Only the JSON encoding is spoken here."));
    }
    let opening = if one_way { Query::<Beginning>::try_from_uri(request.uri()).ok() } else { None };
    let seat = hub.0.seat()?;
    let rights = hub.0.rights();
    // One that is unknown may have a token to show; if not, its `connect` is refused.
    let admission = hub.0.at_the_door(request.headers()).await.into();
    let Some(on_upgrade) = request.extensions_mut().remove::<OnUpgrade>() else {
        return Err(Problem::internal("the server does not hand over upgraded connections"));
    };
    let query = request.uri().query().unwrap_or_default();
    let native_ping = query.split('&').any(|pair| pair == "cf_ws_frame_ping_pong=true");
    let wire = match binary {
        _ if one_way => Wire::OneWayFrame,
        true => Wire::BinaryFrame,
        false => Wire::Frame,
    };
    let client = Arc::new(Client::new(hub.0.clone(), admission, wire, native_ping));
    match opening.and_then(|Query(opening)| opening.cf_connect) {
        Some(first) => tokio::spawn(serve_begun(first, on_upgrade, client, seat, rights)),
        None => tokio::spawn(serve(on_upgrade, client, seat, rights)),
    };
    Ok(handshake::switching(accept, protocol))
}

#[derive(Deserialize)]
struct Beginning {
    cf_connect: Option<String>,
}

/// Serves a client that only listens and said how in its address.
async fn serve_begun(first: String, on_upgrade: OnUpgrade, client: Arc<Client>, seat: Seat, rights: Rights) {
    // It is here before it begins: its share is given to who is here, and whoever sends it away finds it.
    client.core.members.enter(Member::Socket(client.clone()), limits::REALTIME_CONNECT_S as usize);
    let patience = Duration::from_secs(limits::REALTIME_CONNECT_S.into());
    let begun = tokio::time::timeout(patience, client.clone().begin_one_way(Kept::Text(first))).await;
    if let Err(why) = begun.unwrap_or(Err(Disconnect::STALE)) {
        client.outbox.close(why);
    }
    serve(on_upgrade, client, seat, rights).await;
}

async fn serve(on_upgrade: OnUpgrade, client: Arc<Client>, seat: Seat, rights: Rights) {
    let halves = match on_upgrade.await {
        Ok(upgraded) => socket::halves(upgraded),
        Err(error) => {
            tracing::debug!(%error, "a connection ended before its upgrade");
            client.leave(Disconnect::ABNORMAL);
            return;
        }
    };
    tracing::debug!(connection = client.id, "a connection opened");
    let core = client.core.clone();
    let member = Member::Socket(client.clone());
    if core.members.find(client.id).is_none() {
        core.members.enter(member.clone(), limits::REALTIME_CONNECT_S as usize);
    }
    // Boxed: it hardly ever waits, and every connection would carry the room for it.
    Box::pin(core.entered(&member, Some(rights))).await;
    drop(member);
    if core.is_draining() {
        client.outbox.close(Disconnect::SHUTDOWN);
    }
    drop(core);
    connection::serve(halves, client, seat).await;
}

#[derive(Deserialize)]
struct Resume {
    last_event_id: Option<String>,
    /// For a guarded channel.
    token: Option<String>,
}

async fn events(
    State(hub): State<Hub>,
    Path(channel): Path<String>,
    Query(query): Query<Resume>,
    headers: HeaderMap,
) -> ProblemResult<Response> {
    let rights = hub.0.rights();
    let caller = hub.0.at_the_door(&headers).await?;
    let caller = match query.token.as_deref().unwrap_or_default() {
        "" => caller,
        token => Arc::new(caller.showing(token)),
    };
    // The header is newer: the browser sends it when it comes back by itself to the address it was given.
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let last = last.or(query.last_event_id.as_deref()).map(sse::parse_id);
    let resuming = last.is_some();
    let feed = hub.open_since(&channel, last, 0, &caller, Some(rights)).await?;
    let opening = sse::opening(&feed, resuming);
    Ok(feed.into_plain_sse(opening))
}
#[cfg(test)]
mod tests {
    use super::*;

    /// What every idle connection costs beside its socket.
    #[test]
    fn an_idle_connection_is_small() {
        fn future_bytes<F>(_: fn(OnUpgrade, Arc<Client>, Seat, Rights) -> F) -> usize {
            size_of::<F>()
        }
        let (task, client) = (future_bytes(serve), size_of::<Client>());
        assert!(task <= 272 && client <= 304, "{task} and {client} bytes");
    }
}
