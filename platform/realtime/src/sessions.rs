//! What a request of a client spends that polls, or sends its commands apart: of its connection's share where that is open here, else of
//! its address's.

use axum::body::Body;
use axum::extract::{Query, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Request;
use kernel::problem::share::Share;
use serde::Deserialize;

use crate::Hub;
use crate::hub::Core;
use crate::socketio::peer::Peer;

#[derive(Deserialize)]
struct Asked {
    sid: Option<String>,
}

/// Before everything of Socket.IO, whose requests name their session in their address.
pub(crate) async fn of_socketio(State(hub): State<Hub>, mut request: Request<Body>, next: Next) -> Response {
    if let Some(share) = request.extensions_mut().remove::<Share>() {
        let sid = Query::<Asked>::try_from_uri(request.uri()).ok().and_then(|Query(asked)| asked.sid);
        let peer = sid.and_then(|sid| Peer::find(&hub.0, &sid));
        let session = peer.map(|peer| name(&hub.0, peer.id));
        if let Err(refused) = share.spend(session.as_deref()).await {
            return refused.into_response();
        }
    }
    next.run(request).await
}

/// What a session is counted by: it opens nothing.
pub(crate) fn name(core: &Core, id: u64) -> String {
    format!("{}-{id}", core.node)
}
