//! Processes that clients connect to, and a reader of what is told of them.

use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use attendance::{Attendance, Parts, Settings};
use bus::Bus;
use events::{Event, Events, Filter, Registry, Stream};
use fleet::Fleet;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt};
use http::HeaderMap;
use jobs::{Jobs, Life};
use kernel::{Clock, Entropy};
use realtime::doorman::{Shown, Standing, Unknown};
use realtime::{Caller, Doorman, Hub, Namespace};
use serde_json::{Value, json};
use store::{Durability, Store};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_util::sync::CancellationToken;

pub(crate) const GRACE_MS: i64 = 60_000;
const TOLD: Stream = Stream::new("told", Filter("realtime.*"));
const ALL: Settings = Settings { connections: true, people: true, grace_ms: GRACE_MS };

/// Takes the header `x-user` at its word.
struct Porter;

impl Doorman for Porter {
    fn at_the_door<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Caller, Unknown>> {
        let user = headers.get("x-user").and_then(|user| user.to_str().ok()).unwrap_or_default().to_owned();
        async move { Ok(Caller { user, ..Caller::default() }) }.boxed()
    }

    fn by_token<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Shown> {
        async { Shown::Bad }.boxed()
    }

    fn still<'a>(&'a self, _: &'a Caller) -> BoxFuture<'a, Standing> {
        async { Standing::Good }.boxed()
    }
}

/// One process.
pub(crate) struct Process {
    pub(crate) store: Store,
    pub(crate) hub: Hub,
    events: Events,
    fleet: Fleet,
    address: SocketAddr,
    /// Ends the account, and then the stay in the fleet.
    stop: (CancellationToken, CancellationToken),
    serving: JoinHandle<()>,
    attendance: Attendance,
    recording: JoinHandle<()>,
    staying: JoinHandle<()>,
}

impl Process {
    pub(crate) async fn enter(dir: &Path, clock: &Clock) -> Self {
        Self::with(dir, clock, ALL).await
    }

    /// The namespace `room` tells everything, `quiet` nothing.
    pub(crate) async fn with(dir: &Path, clock: &Clock, settings: Settings) -> Self {
        let entropy = Entropy::system();
        let parts = [jobs::MIGRATIONS, events::MIGRATIONS, fleet::MIGRATIONS, attendance::MIGRATIONS].concat();
        let store = testkit::open(dir, Durability::Normal, &parts, clock, &entropy).expect("opened");
        let life = if testkit::on_postgres() { Life::Renewed } else { Life::Locked };
        let jobs = Jobs::new(store.clone(), clock.clone(), entropy.clone(), "test".to_owned(), life).await;
        let mut registry = Registry::default();
        Attendance::declare(&mut registry);
        registry.stream(TOLD);
        let events = Events::new(store.clone(), jobs.expect("jobs"), clock.clone(), entropy.clone(), registry);
        events.declare_streams().await.expect("declared");
        let fleet = Fleet::new(store.clone(), clock.clone(), entropy.clone(), "test".to_owned(), vec![]).await;
        let fleet = fleet.expect("entered");
        let hub = Hub::new(Bus::memory(clock.clone(), &entropy), clock.clone(), entropy.clone(), Arc::new(Porter));
        hub.namespace(Namespace::public("room").tell_occupancy().tell_subscriptions());
        hub.namespace(Namespace::public("quiet"));
        let parts = Parts {
            store: store.clone(),
            events: events.clone(),
            fleet: fleet.clone(),
            hub: hub.clone(),
            clock: clock.clone(),
            entropy,
            settings,
        };
        let stop = (CancellationToken::new(), CancellationToken::new());
        let attendance = Attendance::new(parts);
        let recording = tokio::spawn(attendance.clone().run(stop.0.clone()));
        let staying = tokio::spawn(fleet.clone().run(stop.1.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let routes = hub.routes();
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.expect("serving") });
        Self { store, hub, events, fleet, address, stop, serving, attendance, recording, staying }
    }

    /// Everything that is told from the beginning, in its order.
    pub(crate) fn reader(&self) -> Reader {
        let (send, told) = mpsc::unbounded_channel();
        let handle = move |batch: Vec<Event>| {
            batch.into_iter().for_each(|event| _ = send.send(event));
            async { Ok(()) }.boxed()
        };
        self.events.serve(TOLD, Arc::new(handle));
        Reader(told)
    }

    pub(crate) async fn connect(&self, user: &str) -> Client {
        let mut request =
            format!("ws://{}/connection/websocket", self.address).into_client_request().expect("a request");
        request.headers_mut().insert("x-user", user.parse().expect("a name"));
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await.expect("a handshake");
        let mut client = Client { socket, name: String::new() };
        let connected = client.ask(json!({ "id": 1, "connect": {} })).await;
        client.name = connected["connect"]["client"].as_str().expect("a name").to_owned();
        client
    }

    /// As the kernel ends a process: nothing is said any more.
    pub(crate) async fn kill(self) {
        for task in [self.recording, self.staying, self.serving] {
            task.abort();
            let _ = task.await;
        }
        self.events.stop().await;
        self.store.close().await;
    }

    /// Nobody writes down what happens.
    pub(crate) async fn stops_writing(&mut self) {
        self.recording.abort();
        let _ = (&mut self.recording).await;
    }

    pub(crate) fn writes_again(&mut self) {
        self.recording = tokio::spawn(self.attendance.clone().run(self.stop.0.clone()));
    }

    /// It stands still: its place in the fleet is not renewed.
    pub(crate) fn stands_still(&self) {
        self.staying.abort();
    }

    /// It goes on.
    pub(crate) fn goes_on(&mut self) {
        self.staying = tokio::spawn(self.fleet.clone().run(self.stop.1.clone()));
    }

    /// Sends everybody away, and tells it.
    pub(crate) async fn drain(&mut self) {
        self.hub.drain(Duration::ZERO).await;
        self.stop.0.cancel();
        within(&mut self.recording).await.expect("it ends");
    }

    pub(crate) async fn stop(mut self) {
        if !self.recording.is_finished() {
            self.drain().await;
        }
        self.stop.1.cancel();
        within(self.staying).await.expect("it ends");
        self.serving.abort();
        self.events.stop().await;
        self.store.close().await;
    }
}

pub(crate) struct Reader(mpsc::UnboundedReceiver<Event>);

impl Reader {
    /// What is told next: the type without its family, and the payload without its times.
    pub(crate) async fn next(&mut self) -> (String, Value) {
        let event = within(self.0.recv()).await.expect("it is served");
        let mut data: Value = event.data().expect("JSON");
        let members = data.as_object_mut().expect("an object");
        members.remove("at_ms");
        members.remove("since_ms");
        (event.kind.trim_start_matches("realtime.").to_owned(), data)
    }

    /// So many, in any order.
    pub(crate) async fn some(&mut self, count: usize) -> Vec<(String, Value)> {
        let mut some = Vec::new();
        for _ in 0..count {
            some.push(self.next().await);
        }
        some.sort_by_key(|(kind, data)| (kind.clone(), data.to_string()));
        some
    }

    pub(crate) async fn expect(&mut self, kind: &str, data: Value) {
        assert_eq!(self.next().await, (kind.to_owned(), data));
    }
}

pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
    pub(crate) name: String,
}

impl Client {
    pub(crate) async fn ask(&mut self, command: Value) -> Value {
        self.socket.send(Message::text(command.to_string())).await.expect("sent");
        match within(self.socket.next()).await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("no answer: {other:?}"),
        }
    }

    pub(crate) async fn subscribe(&mut self, channel: &str) {
        let reply = self.ask(json!({ "id": 2, "subscribe": { "channel": channel } })).await;
        assert!(reply["subscribe"].is_object(), "{reply}");
    }

    pub(crate) async fn unsubscribe(&mut self, channel: &str) {
        let reply = self.ask(json!({ "id": 3, "unsubscribe": { "channel": channel } })).await;
        assert!(reply["unsubscribe"].is_object(), "{reply}");
    }

    pub(crate) async fn close(mut self) {
        self.socket.close(None).await.expect("closed");
        while within(self.socket.next()).await.is_some_and(|message| message.is_ok()) {}
    }
}

/// A guard against a test that would hang.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(40), future).await.expect("in time")
}
