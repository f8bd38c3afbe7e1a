//! The same over the ways in which a server can hold a connection.

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use realtime::Hub;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Client, Server};

fn serve(hub: &Hub, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let service = TowerToHyperService::new(hub.routes::<()>());
    tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service).with_upgrades());
}

async fn receives(server: &Server, mut client: Client<impl AsyncRead + AsyncWrite + Unpin>) {
    client.ask(json!({"connect": {}})).await;
    client.subscribe("news:a").await;
    let text = "x".repeat(100_000);
    for _ in 0..5 {
        server.publish("news:a", json!(text)).await;
    }
    for offset in 1..=5 {
        assert_eq!(client.next().await["push"]["pub"]["offset"], offset);
    }
}

#[tokio::test]
async fn any_byte_stream_will_do() {
    let server = Server::start().await;
    let (ours, theirs) = tokio::io::duplex(1_000);
    serve(&server.hub, theirs);
    receives(&server, Client::over(ours, "ws://localhost/connection/websocket").await).await;
}

#[tokio::test]
async fn hyper_without_axum_serves_too() {
    let server = Server::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let ours = TcpStream::connect(address).await.expect("a connection");
    serve(&server.hub, listener.accept().await.expect("accepted").0);
    receives(&server, Client::over(ours, &format!("ws://{address}/connection/websocket")).await).await;
}
