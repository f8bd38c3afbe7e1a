//! What happens to connections is told in its order, whatever they speak.

use std::sync::Arc;

use parking_lot::Mutex;
use realtime::Namespace;
use realtime::witness::{Moment, What, Witness};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::support::{FOREVER_MS, Server, in_time};

struct Scribe(Mutex<mpsc::UnboundedSender<Moment>>);

impl Witness for Scribe {
    fn happened(&self, moment: Moment) {
        self.0.lock().send(moment).expect("the test reads");
    }
}

pub(crate) struct Told(mpsc::UnboundedReceiver<Moment>);

impl Told {
    pub(crate) async fn next(&mut self) -> (Arc<str>, What) {
        let moment = in_time(self.0.recv()).await.expect("told");
        (moment.client, moment.what)
    }

    pub(crate) async fn expect(&mut self, client: &str, what: What) {
        assert_eq!(self.next().await, (client.into(), what));
    }

    pub(crate) fn is_silent(&mut self) -> bool {
        self.0.try_recv().is_err()
    }
}

pub(crate) async fn watched() -> (Server, Told) {
    let lively = Namespace::public("lively").tell_subscriptions();
    let deep = Namespace::public("deep").history(10, FOREVER_MS).tell_occupancy();
    let server = Server::with([lively, deep]).await;
    let told = told_by(&server);
    (server, told)
}

pub(crate) fn told_by(server: &Server) -> Told {
    let (send, told) = mpsc::unbounded_channel();
    server.hub.witnessed_by(Arc::new(Scribe(Mutex::new(send))));
    Told(told)
}

pub(crate) fn subscribed(channel: &str) -> What {
    What::Subscribed { channel: channel.into() }
}

pub(crate) fn unsubscribed(channel: &str, code: u16, reason: &'static str) -> What {
    What::Unsubscribed { channel: channel.into(), code, reason }
}

#[tokio::test]
async fn a_socket_from_its_connect_to_its_end() {
    let (server, mut told) = watched().await;
    let mut refused = server.open().await;
    refused.send(json!({ "id": 1, "connect": { "token": "bad" } }).to_string()).await;
    assert_eq!(refused.closed().await.0, 3500);
    let mut client = server.open().await;
    let name = client.ask(json!({ "connect": {} })).await["connect"]["client"].as_str().expect("a name").to_owned();
    told.expect(&name, What::Connected).await;
    client.subscribe("plain:a").await;
    client.subscribe("deep:a").await;
    told.expect(&name, subscribed("deep:a")).await;
    client.subscribe("lively:a").await;
    told.expect(&name, subscribed("lively:a")).await;
    assert_eq!(client.error(json!({ "subscribe": { "channel": "lively:a" } })).await, 105, "not told twice");
    client.ask(json!({ "unsubscribe": { "channel": "deep:a" } })).await;
    told.expect(&name, unsubscribed("deep:a", 0, "client unsubscribed")).await;
    assert_eq!(
        server.hub.here().into_iter().map(|moment| moment.what).collect::<Vec<_>>(),
        [subscribed("lively:a"), What::Connected]
    );
    client.send("no command").await;
    told.expect(&name, unsubscribed("lively:a", 1, "client disconnected")).await;
    told.expect(&name, What::Disconnected { code: 3501, reason: "bad request" }).await;
    assert!(server.hub.here().is_empty());
    assert!(told.is_silent(), "who was never let in does not go");
}

#[tokio::test]
async fn a_client_that_is_gone_without_a_word() {
    let (server, mut told) = watched().await;
    let mut client = server.connect().await;
    let (name, what) = told.next().await;
    assert_eq!(what, What::Connected);
    client.subscribe("lively:a").await;
    told.expect(&name, subscribed("lively:a")).await;
    drop(client);
    told.expect(&name, unsubscribed("lively:a", 1, "client disconnected")).await;
    told.expect(&name, What::Disconnected { code: 1006, reason: "" }).await;
}

/// Its own codes say nothing about what the server did.
#[tokio::test]
async fn a_client_does_not_say_why_the_server_ended_it() {
    let (server, mut told) = watched().await;
    for code in [1000, 3001, 3503, 4321] {
        let mut client = server.connect().await;
        let (name, _) = told.next().await;
        client.socket.close(Some(CloseFrame { code: code.into(), reason: "".into() })).await.expect("sent");
        assert_eq!(client.closed().await.0, code, "echoed");
        told.expect(&name, What::Disconnected { code: 1000, reason: "" }).await;
    }
}

#[tokio::test]
async fn a_reader_of_events_and_one_over_http() {
    let (server, mut told) = watched().await;
    let mut reader = server.events("deep:a/events", &[]).await;
    let (name, what) = told.next().await;
    assert_eq!(what, What::Connected);
    told.expect(&name, subscribed("deep:a")).await;
    reader.event().await;
    drop(reader);
    server.publish("deep:a", json!(1)).await;
    told.expect(&name, unsubscribed("deep:a", 1, "client disconnected")).await;
    told.expect(&name, What::Disconnected { code: 1006, reason: "" }).await;
    let query = "/connection/sse?cf_connect=%7B%22id%22:1,%22connect%22:%7B%7D%7D";
    let mut over_http = server.request("GET", query, &[], "").await;
    over_http.event().await;
    let (name, what) = told.next().await;
    assert_eq!(what, What::Connected);
    server.hub.drain(std::time::Duration::ZERO).await;
    told.expect(&name, What::Disconnected { code: 3001, reason: "shutdown" }).await;
}
