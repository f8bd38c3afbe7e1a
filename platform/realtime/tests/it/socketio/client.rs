//! A client that knows packets and little of what they mean.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{Server, in_time};

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
    pub(crate) sid: String,
}

/// What a packet of the server says behind its type.
pub(crate) fn json_of(text: &str) -> Value {
    let at = text.find(['[', '{']).unwrap_or_else(|| panic!("no JSON: {text}"));
    serde_json::from_str(&text[at..]).expect("JSON")
}

impl Client {
    /// A WebSocket of Engine.IO, with its opening read. `more` is of the query.
    pub(crate) async fn open(server: &Server, headers: &[(&'static str, &str)]) -> Result<Self, Error> {
        let mut client = Self::court(server, "", headers).await?;
        let open = client.text().await;
        assert!(open.starts_with('0'), "{open}");
        client.sid = json_of(&open)["sid"].as_str().expect("a name").to_owned();
        Ok(client)
    }

    pub(crate) async fn court(server: &Server, more: &str, headers: &[(&'static str, &str)]) -> Result<Self, Error> {
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket{more}", server.address);
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a value"));
        }
        let stream = TcpStream::connect(server.address).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await?;
        Ok(Self { socket, sid: String::new() })
    }

    /// In a namespace; with what the server granted.
    pub(crate) async fn enter(server: &Server, path: &str, auth: Value) -> (Self, Value) {
        let mut client = Self::open(server, &[]).await.expect("a handshake");
        client.say(&format!("40{path},{auth}")).await;
        let granted = client.text().await;
        assert!(granted.starts_with("40"), "{granted}");
        (client, json_of(&granted))
    }

    pub(crate) async fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.expect("sent");
    }

    pub(crate) async fn say_bytes(&mut self, bytes: &[u8]) {
        self.socket.send(Message::binary(bytes.to_vec())).await.expect("sent");
    }

    pub(crate) async fn next(&mut self) -> Message {
        in_time(self.socket.next()).await.expect("another message").expect("a message")
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Message::Text(text) => text.as_str().to_owned(),
            other => panic!("no text: {other:?}"),
        }
    }

    /// Joins a channel in a namespace: past its event and its acknowledgement.
    pub(crate) async fn subscribe(&mut self, path: &str, channel: &str) {
        self.say(&format!("42{path},1{}", json!(["subscribe", channel]))).await;
        assert_eq!(json_of(&self.text().await).as_array().expect("a list")[..2], [json!("subscribed"), json!(channel)]);
        assert!(self.text().await.ends_with("1[{}]"));
    }

    /// The code with which the server closes, after whatever it still sends.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Message::Close(Some(frame)) = self.next().await {
                return frame.code.into();
            }
        }
    }
}

/// One request, and its whole answer.
pub(crate) async fn request(server: &Server, method: &str, query: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    let (host, length) = (server.address, body.len());
    let head = format!("{method} /socket.io/?{query} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    let request = format!("{head}content-length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    in_time(stream.read_to_string(&mut answer)).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head[9..12].parse().expect("a status"), body.to_owned())
}
