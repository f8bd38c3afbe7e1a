//! A server on a free port and the clients that talk to it. Every wait is for something that is read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bus::Bus;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt};
use http::HeaderMap;
use kernel::{Clock, Entropy};
use realtime::doorman::{Shown, Standing, Unknown};
use realtime::{Caller, Doorman, Hub, Namespace};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

pub(crate) const FOREVER_MS: u64 = u64::MAX;

/// Lets everybody in, and takes who sends the header `x-admin` for an admin.
struct Porter;

impl Doorman for Porter {
    fn at_the_door<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Caller, Unknown>> {
        let caller = Caller { admin: headers.contains_key("x-admin"), ..Caller::default() };
        async move { Ok(caller) }.boxed()
    }

    fn by_token<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Shown> {
        async { Shown::Bad }.boxed()
    }

    fn still<'a>(&'a self, _: &'a Caller) -> BoxFuture<'a, Standing> {
        async { Standing::Good }.boxed()
    }
}

pub(crate) struct Server {
    pub(crate) hub: Hub,
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// With the namespaces `plain` (no history), `news` (10 kept), `long` (2,000 kept) and `ops` (for admins).
    pub(crate) async fn start() -> Self {
        Self::with([]).await
    }

    pub(crate) async fn with(namespaces: impl IntoIterator<Item = Namespace>) -> Self {
        Self::on(Bus::memory(Clock::system(), &Entropy::system()), namespaces).await
    }

    /// As one of several on a bus.
    pub(crate) async fn on(bus: Bus, namespaces: impl IntoIterator<Item = Namespace>) -> Self {
        Self::behind(Arc::new(Porter), Clock::system(), bus, namespaces).await
    }

    /// With a doorman of the test's own.
    pub(crate) async fn behind(
        doorman: Arc<dyn Doorman>,
        clock: Clock,
        bus: Bus,
        namespaces: impl IntoIterator<Item = Namespace>,
    ) -> Self {
        let hub = Hub::new(bus, clock, Entropy::system(), doorman);
        hub.namespace(Namespace::public("plain"));
        hub.namespace(Namespace::public("news").history(10, FOREVER_MS));
        hub.namespace(Namespace::public("long").history(2_000, FOREVER_MS));
        hub.namespace(Namespace::admin("ops").history(10, FOREVER_MS));
        namespaces.into_iter().for_each(|namespace| hub.namespace(namespace));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let routes = hub.routes();
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.expect("serving") });
        Self { hub, address, task }
    }

    pub(crate) async fn publish(&self, channel: &str, value: Value) -> u64 {
        self.hub.publish(channel, &value).await.expect("published").offset
    }

    /// An open socket that has said nothing.
    pub(crate) async fn open(&self) -> Client {
        self.try_open(&[]).await.expect("a handshake")
    }

    pub(crate) async fn try_open(&self, headers: &[(&'static str, &str)]) -> Result<Client, Error> {
        self.open_at("", headers).await
    }

    pub(crate) async fn open_at(&self, query: &str, headers: &[(&'static str, &str)]) -> Result<Client, Error> {
        self.open_at_path(&format!("/connection/websocket{query}"), headers).await
    }

    /// A socket for somebody who only listens.
    pub(crate) async fn open_one_way(&self, query: &str) -> Client {
        self.open_at_path(&format!("/connection/uni_websocket{query}"), &[]).await.expect("a handshake")
    }

    pub(crate) async fn open_at_path(&self, path: &str, headers: &[(&'static str, &str)]) -> Result<Client, Error> {
        let url = format!("ws://{}{path}", self.address);
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a value"));
        }
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await?;
        Ok(Client { socket, next_id: 0 })
    }

    /// A client after its `connect`.
    pub(crate) async fn connect(&self) -> Client {
        let mut client = self.open().await;
        let reply = client.ask(json!({ "connect": {} })).await;
        assert_eq!(reply["connect"]["ping"], 25);
        client
    }

    pub(crate) async fn events(&self, path: &str, headers: &[(&str, &str)]) -> Events {
        self.request("GET", &format!("/api/v1/channels/{path}"), headers, "").await
    }

    /// The beginning of an answer, whose body may have no end.
    pub(crate) async fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Events {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let (host, length) = (self.address, body.as_ref().len());
        let request = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\n{headers}content-length: {length}\r\n\r\n");
        stream.write_all(&[request.as_bytes(), body.as_ref()].concat()).await.expect("written");
        let mut events = Events { reader: BufReader::new(stream), head: String::new(), text: String::new() };
        while !events.head.ends_with("\r\n\r\n") {
            let mut line = String::new();
            assert!(events.reader.read_line(&mut line).await.expect("a line") > 0);
            events.head.push_str(&line);
        }
        events
    }
}

/// A whole exchange: the status, and the body where it is JSON.
pub(crate) async fn post_to(to: SocketAddr, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(to).await.expect("a connection");
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n");
    let (mut reader, mut writer) = stream.split();
    // A server that refuses a long body may close before it has read it.
    let write = async { writer.write_all([head.as_bytes(), body.as_bytes()].concat().as_slice()).await };
    let mut answer = Vec::new();
    let (_, _) = in_time(async { tokio::join!(write, reader.read_to_end(&mut answer)) }).await;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
    (head[9..12].parse().expect("a status"), serde_json::from_str(body).unwrap_or_default())
}

pub(crate) async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("an answer in time")
}

/// A client that knows frames and nothing of the protocol above.
pub(crate) struct Client<S = TcpStream> {
    pub(crate) socket: WebSocketStream<S>,
    next_id: u32,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) async fn over(stream: S, url: &str) -> Self {
        let (socket, _) = tokio_tungstenite::client_async(url, stream).await.expect("a handshake");
        Self { socket, next_id: 0 }
    }

    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        self.socket.send(Message::text(text.into())).await.expect("sent");
    }

    /// The next frame as its lines of JSON.
    pub(crate) async fn next(&mut self) -> Value {
        match in_time(self.socket.next()).await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).expect("one JSON message a frame"),
            other => panic!("no text: {other:?}"),
        }
    }

    /// Sends a command and returns its reply; nothing else may come before.
    pub(crate) async fn ask(&mut self, mut command: Value) -> Value {
        self.next_id += 1;
        command["id"] = self.next_id.into();
        self.send(command.to_string()).await;
        let reply = self.next().await;
        assert_eq!(reply["id"], self.next_id, "{reply}");
        reply
    }

    pub(crate) async fn subscribe(&mut self, channel: &str) -> Value {
        self.ask(json!({ "subscribe": { "channel": channel } })).await["subscribe"].take()
    }

    pub(crate) async fn error(&mut self, command: Value) -> u64 {
        let reply = self.ask(command).await;
        reply["error"]["code"].as_u64().unwrap_or_else(|| panic!("no error: {reply}"))
    }

    /// The code and reason with which the server closes, after whatever it still sends.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            match in_time(self.socket.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => return (frame.code.into(), frame.reason.to_string()),
                Some(Ok(_)) => {}
                other => panic!("no close frame: {other:?}"),
            }
        }
    }
}

/// A reader of server-sent events, over chunked HTTP/1.1.
pub(crate) struct Events {
    reader: BufReader<TcpStream>,
    pub(crate) head: String,
    text: String,
}

impl Events {
    pub(crate) fn status(&self) -> u16 {
        self.head[9..12].parse().expect("a status")
    }

    /// The whole body of an answer that has a length.
    pub(crate) async fn body(&mut self) -> String {
        let length = self.head.to_ascii_lowercase();
        let length = length.split_once("content-length: ").expect("a length").1;
        let length: usize = length.split("\r\n").next().expect("a line").parse().expect("a number");
        let mut body = vec![0; length];
        in_time(self.reader.read_exact(&mut body)).await.expect("a whole body");
        String::from_utf8(body).expect("text")
    }

    /// The next event without its blank line, or `None` at the end of the response.
    pub(crate) async fn next(&mut self) -> Option<String> {
        self.next_until("\n\n").await
    }

    /// The next line.
    pub(crate) async fn line(&mut self) -> Option<String> {
        self.next_until("\n").await
    }

    async fn next_until(&mut self, end: &str) -> Option<String> {
        in_time(async {
            loop {
                if let Some((event, rest)) = self.text.split_once(end) {
                    let event = event.to_owned();
                    self.text = rest.to_owned();
                    return Some(event);
                }
                let chunk = self.chunk().await?;
                self.text.push_str(std::str::from_utf8(&chunk).expect("text"));
            }
        })
        .await
    }

    /// The next bytes as they come.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut size = String::new();
        self.reader.read_line(&mut size).await.expect("a chunk");
        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
        let mut chunk = vec![0; size + 2];
        self.reader.read_exact(&mut chunk).await.expect("a whole chunk");
        chunk.truncate(size);
        (size > 0).then_some(chunk)
    }

    pub(crate) async fn event(&mut self) -> String {
        self.next().await.expect("another event")
    }
}
