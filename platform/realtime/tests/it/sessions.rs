//! Whose share a request spends, of a client that polls or sends its commands apart: said before anything is done.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use http::StatusCode;
use kernel::Problem;
use kernel::problem::share::{Share, Spend, Spending};
use parking_lot::Mutex;
use realtime::socketio;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Events, Server, post_to};

/// Notes what is spent; refuses where it is told to.
#[derive(Default)]
struct Purse {
    spent: Mutex<Vec<Option<String>>>,
    empty: Mutex<bool>,
}

impl Spend for Purse {
    fn spend<'a>(&'a self, session: Option<&'a str>) -> Spending<'a> {
        self.spent.lock().push(session.map(str::to_owned));
        let refused = *self.empty.lock();
        let problem = || Problem::new(StatusCode::TOO_MANY_REQUESTS, "quota_exceeded", "Nothing is left.");
        Box::pin(async move { if refused { Err(problem()) } else { Ok(()) } })
    }
}

impl Purse {
    fn take(&self) -> Vec<Option<String>> {
        std::mem::take(&mut *self.spent.lock())
    }
}

/// The routes of a server, where somebody counts.
async fn counted(server: &Server) -> (SocketAddr, Arc<Purse>) {
    let purse = Arc::new(Purse::default());
    let share = Share::new(purse.clone());
    let give = from_fn(move |mut request: Request, next: Next| {
        request.extensions_mut().insert(share.clone());
        next.run(request)
    });
    let routes: axum::Router = server.hub.routes();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, routes.layer(give)).await.expect("serving") });
    (address, purse)
}

#[tokio::test]
async fn commands_that_come_apart_are_of_their_session() {
    let server = Server::start().await;
    let (to, purse) = counted(&server).await;
    let mut answer = server.request("POST", "/connection/http_stream", &[], r#"{"id":1,"connect":{}}"#).await;
    let connected: Value = serde_json::from_str(&answer.line().await.expect("a reply")).expect("JSON");
    let (session, node) = (&connected["connect"]["session"], &connected["connect"]["node"]);
    let session = session.as_str().expect("a session");
    let (number, secret) = session.split_once('-').expect("its number and its secret");
    let emulate = async |session: &str, node: &Value, id: u32| {
        let data = json!({ "id": id, "subscribe": { "channel": format!("plain:{id}") } }).to_string();
        let body = json!({ "session": session, "node": node, "data": data }).to_string();
        post_to(to, "/emulation", &[], &body).await.0
    };
    assert_eq!(emulate(session, node, 2).await, 204);
    assert!(answer.line().await.expect("a reply").contains("\"id\":2"));
    let own = format!("{}-{number}", node.as_str().expect("a name"));
    assert_eq!(purse.take(), [Some(own.clone())]);
    // The secret is what makes it that session's; that another process has it, nobody here can tell.
    assert_eq!(emulate(&format!("{number}-x{secret}"), node, 3).await, 204);
    assert_eq!(emulate("999-x", node, 4).await, 204);
    assert_eq!(emulate(session, &json!("abcdef"), 5).await, 204);
    assert_eq!(emulate(session, &json!("nobody"), 6).await, 404);
    assert_eq!(post_to(to, "/emulation", &[], "{").await.0, 400);
    assert_eq!(purse.take(), [const { None }; 5]);
    *purse.empty.lock() = true;
    assert_eq!(emulate(session, node, 7).await, 429);
    assert_eq!(purse.take(), [Some(own)]);
    *purse.empty.lock() = false;
    assert_eq!(emulate(session, node, 8).await, 204);
    assert!(answer.line().await.expect("a reply").contains("\"id\":8"), "what was refused was not done");
}

#[tokio::test]
async fn polls_are_of_their_session() {
    let server = Server::start().await;
    server.hub.socketio(socketio::Namespace::new("/"));
    let (to, purse) = counted(&server).await;
    let opened = server.request("GET", "/socket.io/?EIO=4&transport=polling", &[], "").await;
    assert_eq!(opened.status(), 200);
    let sid = in_body(opened).await;
    let post =
        async |sid: &str| post_to(to, &format!("/socket.io/?EIO=4&transport=polling&sid={sid}"), &[], "40").await.0;
    assert_eq!(post(&sid).await, 200);
    let spent = purse.take();
    assert!(matches!(&spent[..], [Some(name)] if !sid.contains(name.as_str()) && !name.contains(&sid)), "{spent:?}");
    assert_eq!(post(&format!("{sid}x")).await, 400);
    assert_eq!(post_to(to, "/socket.io/?EIO=4&transport=polling", &[], "").await.0, 400);
    assert_eq!(purse.take(), [None, None]);
    *purse.empty.lock() = true;
    assert_eq!(post_to(to, "/socket.io/?EIO=4&transport=websocket", &[], "").await.0, 429);
    assert_eq!(server.hub.stats().connections, 1, "nothing was opened");
}

/// The session that the first packet of a polling client names.
async fn in_body(mut opened: Events) -> String {
    let body = opened.body().await;
    let open: Value = serde_json::from_str(body.strip_prefix('0').expect("opened")).expect("JSON");
    open["sid"].as_str().expect("a session").to_owned()
}
