//! How many connections a person may have, over all processes; and how much one may ask.

use std::sync::Arc;

use bus::{Bus, Present};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use kernel::{Clock, Entropy, limits};
use realtime::doorman::{Shown, Standing, Unknown};
use realtime::{Caller, Doorman};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Client, Server, in_time};

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

/// Two processes on one bus, where each person may have two connections.
struct Fleet {
    bus: Bus,
    clock: Clock,
    servers: [Server; 2],
    stop: CancellationToken,
}

impl Drop for Fleet {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Fleet {
    async fn new(close_oldest: bool) -> Self {
        let clock = Clock::manual(1_000_000);
        let (bus, stop) = (Bus::memory(clock.clone(), &Entropy::system()), CancellationToken::new());
        let server = async || {
            let server = Server::behind(Arc::new(Porter), clock.clone(), bus.clone(), []).await;
            server.hub.connections_per_person(2, close_oldest);
            let (hub, stop) = (server.hub.clone(), stop.clone());
            tokio::spawn(async move { hub.run(stop).await });
            server
        };
        let servers = [server().await, server().await];
        Self { bus, clock: clock.clone(), servers, stop }
    }

    /// A connection, later than all before.
    async fn open(&self, at: usize, user: &str) -> Client {
        self.clock.advance(1);
        self.servers[at].try_open(&[("x-user", user)]).await.expect("a handshake")
    }

    async fn connect(&self, at: usize, user: &str) -> Client {
        let mut client = self.open(at, user).await;
        let reply = client.ask(json!({ "connect": {} })).await;
        assert!(reply["connect"]["client"].is_string(), "{reply}");
        client
    }

    async fn refuse(&self, at: usize, user: &str) {
        let mut client = self.open(at, user).await;
        client.send(json!({ "id": 1, "connect": {} }).to_string()).await;
        assert_eq!(client.closed().await, (3504, "connection limit".to_owned()));
    }

    /// Waits until a person has so many.
    async fn counts(&self, user: &str, connections: usize) {
        in_time(async {
            while self.bus.present(&format!("@person:{user}")).await.clients.len() != connections {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_too_many_is_refused_wherever_it_comes() {
    let fleet = Fleet::new(false).await;
    let (first, mut second) = (fleet.connect(0, "ann").await, fleet.connect(1, "ann").await);
    fleet.refuse(0, "ann").await;
    fleet.refuse(1, "ann").await;
    let reader = fleet.servers[1].events("plain:a/events", &[("x-user", "ann")]).await;
    assert_eq!(reader.status(), 429);
    fleet.counts("ann", 2).await;
    let _others = [fleet.connect(0, "bob").await, fleet.connect(1, "bob").await];
    let mut nobodies = [fleet.connect(0, "").await, fleet.connect(0, "").await, fleet.connect(1, "").await];
    second.subscribe("plain:a").await;
    drop(first);
    fleet.counts("ann", 1).await;
    let reader = fleet.servers[0].events("plain:a/events", &[("x-user", "ann")]).await;
    assert_eq!(reader.status(), 200, "a reader is a connection too");
    fleet.refuse(1, "ann").await;
    let error = nobodies[0].error(json!({ "subscribe": { "channel": "@person:ann" } })).await;
    assert_eq!(error, 102);
}

/// It begins before its socket is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_only_listens_and_says_how_in_its_address_has_a_share_too() {
    let fleet = Fleet::new(false).await;
    let listen = async || {
        fleet.clock.advance(1);
        let path = "/connection/uni_websocket?cf_connect=%7B%7D";
        fleet.servers[0].open_at_path(path, &[("x-user", "ann")]).await.expect("a handshake")
    };
    let (mut first, mut second) = (listen().await, listen().await);
    for listener in [&mut first, &mut second] {
        assert!(listener.next().await["connect"]["client"].is_string());
    }
    fleet.counts("ann", 2).await;
    let mut third = listen().await;
    assert_eq!(third.next().await, json!({ "disconnect": { "code": 3504, "reason": "connection limit" } }));
    fleet.refuse(1, "ann").await;
    fleet.servers[0].hub.disconnect("ann", false);
    assert_eq!(first.next().await["disconnect"]["code"], 3503);
    drop((first, second, third));
    fleet.counts("ann", 0).await;
    fleet.connect(1, "ann").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_oldest_goes_wherever_it_is() {
    let fleet = Fleet::new(true).await;
    let (mut first, mut second) = (fleet.connect(0, "ann").await, fleet.connect(1, "ann").await);
    let mut third = fleet.connect(1, "ann").await;
    assert_eq!(first.closed().await, (3504, "connection limit".to_owned()));
    fleet.counts("ann", 2).await;
    let mut fourth = fleet.connect(0, "ann").await;
    assert_eq!(second.closed().await.0, 3504);
    for client in [&mut third, &mut fourth] {
        client.subscribe("plain:a").await;
    }
}

#[tokio::test]
async fn who_asks_too_much_is_sent_away() {
    let fleet = Fleet::new(false).await;
    let mut client = fleet.connect(0, "").await;
    let commands = limits::CLIENT_COMMANDS_PER_S - 1;
    let unsubscribe = |id: u32| json!({ "id": id, "unsubscribe": { "channel": "plain:a" } }).to_string();
    for id in 0..commands {
        client.send(unsubscribe(2 + id)).await;
        assert_eq!(client.next().await["id"], 2 + id);
    }
    fleet.clock.advance(1_000);
    for id in 0..=commands {
        client.send(unsubscribe(2 + id)).await;
        assert_eq!(client.next().await["id"], 2 + id);
    }
    client.send(unsubscribe(1)).await;
    assert_eq!(client.closed().await, (3013, "too many requests".to_owned()));
}

/// Each attempt may cost a read of the database.
#[tokio::test]
async fn who_tries_to_subscribe_to_everything_is_told_to_wait() {
    let fleet = Fleet::new(false).await;
    let mut client = fleet.connect(0, "").await;
    let subscribe = |n: u32| json!({ "subscribe": { "channel": format!("plain:{n}") } });
    let all = u32::try_from(limits::CHANNELS_PER_CONNECTION).expect("few");
    for n in 0..all {
        assert!(client.ask(subscribe(n)).await["subscribe"].is_object(), "all of its channels at once: {n}");
    }
    client.ask(json!({ "unsubscribe": { "channel": "plain:0" } })).await;
    let nowhere = || json!({ "subscribe": { "channel": "nowhere:a" } });
    for _ in all..limits::CLIENT_SUBSCRIBES_PER_S {
        assert_eq!(client.error(nowhere()).await, 102);
    }
    let reply = client.ask(subscribe(0)).await;
    assert_eq!((&reply["error"]["code"], &reply["error"]["temporary"]), (&json!(111), &json!(true)), "{reply}");
    fleet.clock.advance(1_000);
    assert!(client.ask(subscribe(0)).await["subscribe"].is_object());
}

/// The room for who is present in channels is used up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_presence_lets_nobody_have_more_than_its_share() {
    let fleet = Fleet::new(false).await;
    let _two = (fleet.connect(0, "ann").await, fleet.connect(1, "ann").await);
    let present = |n: usize| Present { client: n.to_string().into(), person: "".into(), info: Bytes::new() };
    for n in 0..limits::PRESENT_KEPT {
        fleet.bus.join("plain:a", present(n)).expect("room");
    }
    assert!(fleet.bus.join("plain:a", present(limits::PRESENT_KEPT)).is_err());
    fleet.refuse(0, "ann").await;
    let _another = fleet.connect(0, "bob").await;
    fleet.counts("bob", 1).await;
}
