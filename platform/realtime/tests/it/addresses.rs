//! How many connections an address may have open.

use std::net::{IpAddr, SocketAddr};

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use realtime::{Caller, Hub, Refused, socketio};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Error;

use crate::support::{Client, Server, in_time, post_to};

/// A way in for those who come from one address.
async fn way_in(server: &Server, address: &str) -> SocketAddr {
    let from: IpAddr = address.parse().expect("an address");
    let routes: axum::Router = server.hub.routes();
    let routes =
        routes.layer(from_fn(move |request: Request, next: Next| Hub::opens_from(Some(from), next.run(request))));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let to = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, routes).await.expect("serving") });
    to
}

async fn connect(to: SocketAddr) -> Client {
    let stream = TcpStream::connect(to).await.expect("a connection");
    Client::over(stream, &format!("ws://{to}/connection/websocket")).await
}

async fn refuses_all(to: SocketAddr) {
    for path in ["connection/websocket", "connection/uni_websocket", "socket.io/?EIO=4&transport=websocket"] {
        let stream = TcpStream::connect(to).await.expect("a connection");
        match tokio_tungstenite::client_async(format!("ws://{to}/{path}"), stream).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 429, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
    for path in ["/connection/http_stream", "/connection/uni_http_stream", "/connection/uni_sse"] {
        let (status, problem) = post_to(to, path, &[], r#"{"id":1,"connect":{}}"#).await;
        assert_eq!((status, problem["code"].as_str()), (429, Some("too_many_connections")), "{path}");
    }
}

#[tokio::test]
async fn an_address_has_so_many_whatever_they_speak() {
    let server = Server::start().await;
    server.hub.connections_per_address(2);
    server.hub.socketio(socketio::Namespace::new("/"));
    let (office, other) = (way_in(&server, "203.0.113.9").await, way_in(&server, "203.0.113.10").await);
    let (_first, second) = (connect(office).await, connect(office).await);
    refuses_all(office).await;
    let mut others = [connect(other).await, connect(other).await];
    for client in &mut others {
        client.ask(serde_json::json!({ "connect": {} })).await;
    }
    assert_eq!(server.hub.stats().connections, 4, "who is refused keeps no seat");
    drop(second);
    in_time(async {
        while server.hub.stats().connections > 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let _third = connect(office).await;
    refuses_all(office).await;
}

#[tokio::test]
async fn what_is_not_counted_is_not_bounded() {
    let server = Server::start().await;
    server.hub.connections_per_address(1);
    let one = way_in(&server, "203.0.113.9").await;
    let _first = connect(one).await;
    // What a product opens by itself comes from nowhere.
    let mut feeds = Vec::new();
    for _ in 0..3 {
        feeds.push(server.hub.open_stream("plain:a", None, 0, &Caller::default()).await.expect("a stream"));
    }
    let here = "203.0.113.9".parse().expect("an address");
    let caller = Caller::default();
    let opened = Hub::opens_from(Some(here), server.hub.open_stream("plain:a", None, 0, &caller)).await;
    assert!(matches!(opened, Err(Refused::TooManyThere)), "a product's stream is one of the address too");
    let opened = Hub::opens_from(None, server.hub.open_stream("plain:a", None, 0, &caller)).await;
    assert!(opened.is_ok());
    server.hub.connections_per_address(0);
    let _more = [connect(one).await, connect(one).await];
}
