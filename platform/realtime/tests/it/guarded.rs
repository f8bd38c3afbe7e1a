//! Guarded channels: the right token hears, everybody else finds an empty channel, a right that is taken back ends at once.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;

use bus::{Bus, Keep, Stored};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kernel::{Clock, Entropy, Secret};
use parking_lot::Mutex;
use realtime::{Caller, Guard, Load, Loaded, Namespace};
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::register::Register;
use crate::support::Server;

/// Lets in by tokens.
#[derive(Default)]
pub(crate) struct Doors(pub(crate) Mutex<HashSet<&'static str>>);

impl Guard for Doors {
    fn admits<'a>(
        &'a self,
        channel: &'a str,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        let open = channel.ends_with(":open") || caller.admin;
        let token = caller.token.as_ref().map(Secret::expose);
        let inside = open || token.is_some_and(|token| self.0.lock().contains(token));
        async move { if token == Some("broken") { Err("no answer".into()) } else { Ok(inside) } }.boxed()
    }
}

/// Three publications on every channel but `rooms:never`.
struct Table;

impl Load for Table {
    fn load<'a>(&'a self, channel: &'a str) -> BoxFuture<'a, Result<Option<Loaded>, Box<dyn Error + Send + Sync>>> {
        let top = if channel == "rooms:never" { 0 } else { 3 };
        let row = |offset| Stored { offset, time_ms: 0, data: format!("{offset}").into() };
        async move { Ok(Some(Loaded { epoch: "e".into(), top, publications: (1..=top).map(row).collect() })) }.boxed()
    }
}

async fn server() -> (Server, Arc<Doors>) {
    let doors = Arc::new(Doors(Mutex::new(HashSet::from(["key"]))));
    let rooms = Namespace::public("rooms").history(10, u64::MAX).durable(Arc::new(Table)).guarded(doors.clone());
    (Server::with([rooms]).await, doors)
}

fn without_id(mut reply: Value) -> Value {
    reply.as_object_mut().expect("an object").remove("id");
    reply
}

#[tokio::test]
async fn whoever_is_outside_cannot_tell_a_guarded_channel_from_one_that_was_never_used() {
    let (server, _doors) = server().await;
    let mut client = server.connect().await;
    for extra in [
        json!({}),
        json!({ "recover": true, "offset": 0, "epoch": "e" }),
        json!({ "recover": true, "offset": 2, "epoch": "e" }),
    ] {
        let mut answers = Vec::new();
        for channel in ["rooms:secret", "rooms:never"] {
            let mut subscribe = json!({ "channel": channel, "token": "wrong" });
            subscribe.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
            answers.push(without_id(client.ask(json!({ "subscribe": subscribe })).await));
            client.ask(json!({ "unsubscribe": { "channel": channel } })).await;
        }
        assert_eq!(answers[0], answers[1], "{extra}");
    }
    let history = |channel| json!({ "history": { "channel": channel, "limit": 10 } });
    let secret = without_id(client.ask(history("rooms:secret")).await);
    assert_eq!(secret, without_id(client.ask(history("rooms:never")).await));

    let outside = server.hub.open_stream("rooms:secret", None, 10, &Caller::default()).await.expect("a stream");
    assert_eq!(outside.top().offset, 0);
    assert_eq!(server.hub.subscribers("rooms:secret"), 0, "nobody is inside");
    let broken = server.hub.open_stream("rooms:secret", None, 10, &Caller::default().showing("broken")).await;
    assert_eq!(broken.expect("a stream").top().offset, 0, "a guard that fails lets nobody in");
}

#[tokio::test]
async fn a_token_opens_and_a_right_taken_back_closes_socket_and_stream() {
    let (server, doors) = server().await;
    let mut client = server.connect().await;
    let reply = client.ask(json!({ "subscribe": { "channel": "rooms:secret", "token": "key" } })).await;
    assert_eq!(reply["subscribe"]["offset"], 3, "{reply}");
    let mut feed =
        server.hub.open_stream("rooms:secret", Some(1), 10, &Caller::default().showing("key")).await.expect("a stream");
    assert!(feed.recovered());
    let mut muted =
        server.hub.open_stream("rooms:secret", None, 10, &Caller::default().showing("key")).await.expect("a stream");
    muted.mute();
    let admin = Caller { admin: true, ..Caller::default() };
    let _kept = server.hub.open_stream("rooms:secret", None, 0, &admin).await.expect("a stream");
    assert_eq!(server.hub.subscribers("rooms:secret"), 4);
    assert_eq!(server.hub.subscribers_by_kind("rooms:secret"), (1, 3));

    server.hub.recheck("rooms:secret").await;
    assert_eq!(server.hub.subscribers("rooms:secret"), 4, "nothing has changed");
    doors.0.lock().clear();
    server.hub.recheck("rooms:secret").await;
    assert_eq!(server.hub.subscribers("rooms:secret"), 1, "the administrator stays");
    let push = client.next().await;
    assert_eq!(push["push"]["unsubscribe"]["code"], 2100, "{push}");
    let mut left = 0;
    while futures_util::StreamExt::next(&mut feed).await.is_some() {
        left += 1;
    }
    assert_eq!(left, 2, "what it had, and then the end");
    assert!(futures_util::StreamExt::next(&mut muted).await.is_none(), "a presence ends too, and brings nothing");
    server.hub.publish_at("rooms:secret", 4, "4".into()).await.expect("published");
    let reply = client.ask(json!({ "subscribe": { "channel": "rooms:secret", "token": "key" } })).await;
    assert!(reply["subscribe"]["offset"].is_null() || reply["subscribe"]["offset"] == 0, "outside now: {reply}");
}

#[tokio::test]
async fn a_right_taken_back_closes_the_channel_in_every_process() {
    let doors = Arc::new(Doors(Mutex::new(HashSet::from(["key"]))));
    let bus = Bus::memory(Clock::system(), &Entropy::system());
    let rooms = || Namespace::public("rooms").history(10, u64::MAX).durable(Arc::new(Table)).guarded(doors.clone());
    let (here, there) = (Server::on(bus.clone(), [rooms()]).await, Server::on(bus, [rooms()]).await);
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (hub, stop) = (there.hub.clone(), stop.clone());
        async move { hub.run(stop).await }
    });
    let mut client = there.connect().await;
    let subscribe = json!({ "subscribe": { "channel": "rooms:secret", "token": "key" } });
    assert_eq!(client.ask(subscribe).await["subscribe"]["offset"], 3);
    here.hub.recheck_everywhere("rooms:secret").await;
    doors.0.lock().clear();
    here.hub.recheck_everywhere("rooms:secret").await;
    assert_eq!(client.next().await["push"]["unsubscribe"]["code"], 2100);
    assert_eq!(there.hub.subscribers("rooms:secret"), 0);
    stop.cancel();
    running.await.expect("it ends");
}

/// Lets in whoever shows `key`; says that it was asked, and answers when it may.
pub(crate) struct Slow {
    asked: Semaphore,
    gate: Semaphore,
    /// It has no answer.
    broken: Mutex<bool>,
    keys: Mutex<HashSet<&'static str>>,
}

impl Slow {
    pub(crate) fn new() -> Arc<Self> {
        let keys = Mutex::new(HashSet::from(["key", "other"]));
        Arc::new(Self { asked: Semaphore::new(0), gate: Semaphore::new(0), broken: Mutex::default(), keys })
    }

    pub(crate) async fn is_asked(&self) {
        crate::support::in_time(self.asked.acquire()).await.expect("open").forget();
    }

    pub(crate) fn answer(&self) {
        self.gate.add_permits(1);
    }
}

impl Guard for Slow {
    fn admits<'a>(
        &'a self,
        channel: &'a str,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        let inside = channel == "slow:open"
            || caller.token.as_ref().is_some_and(|token| self.keys.lock().contains(token.expose()));
        let answer = if *self.broken.lock() { Err("no answer".into()) } else { Ok(inside) };
        async move {
            self.asked.add_permits(1);
            self.gate.acquire().await.expect("open").forget();
            answer
        }
        .boxed()
    }
}

#[tokio::test]
async fn who_cannot_be_asked_about_stays_and_is_asked_about_again() {
    let guard = Slow::new();
    let server = Server::with([Namespace::public("rooms").guarded(guard.clone())]).await;
    let mut client = server.connect().await;
    guard.answer();
    client.ask(json!({ "subscribe": { "channel": "rooms:a", "token": "key" } })).await;
    *guard.broken.lock() = true;
    guard.answer();
    server.hub.recheck("rooms:a").await;
    assert_eq!(server.hub.subscribers("rooms:a"), 1, "nobody said no");
    *guard.broken.lock() = false;
    guard.keys.lock().clear();
    guard.answer();
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (hub, stop) = (server.hub.clone(), stop.clone());
        async move { hub.run(stop).await }
    });
    assert_eq!(client.next().await["push"]["unsubscribe"]["code"], 2100);
    stop.cancel();
    running.await.expect("it ends");
}

#[tokio::test]
async fn many_are_asked_about_beside_one_another() {
    let guard = Slow::new();
    let server = Server::with([Namespace::public("rooms").guarded(guard.clone())]).await;
    let mut feeds = Vec::new();
    for user in ["ann", "bob", "cem"] {
        guard.answer();
        let caller = Caller { user: user.to_owned(), ..Caller::default() }.showing("key");
        feeds.push(server.hub.open_stream("rooms:a", None, 0, &caller).await.expect("a stream"));
        guard.is_asked().await;
    }
    let all_asked = async {
        for _ in 0..3 {
            guard.is_asked().await;
        }
        (0..3).for_each(|_| guard.answer());
    };
    tokio::join!(server.hub.recheck("rooms:a"), all_asked);
    assert_eq!(server.hub.subscribers("rooms:a"), 3);
}

#[tokio::test]
async fn who_is_turned_out_while_it_joins_is_answered() {
    let guard = Slow::new();
    let clock = Clock::system();
    let bus = Bus::memory(clock.clone(), &Entropy::system());
    let rooms = Namespace::public("rooms").guarded(guard.clone());
    let server = Server::behind(Register::new(&clock), clock, bus, [rooms]).await;
    let mut client = server.try_open(&[("x-user", "ann")]).await.expect("a handshake");
    client.ask(json!({ "connect": {} })).await;
    let turned_out = async {
        guard.is_asked().await;
        assert_eq!(server.hub.unsubscribe("ann", "rooms:a"), 1);
        guard.answer();
    };
    let subscribe = json!({ "subscribe": { "channel": "rooms:a", "token": "key" } });
    let (reply, ()) = tokio::join!(client.ask(subscribe.clone()), turned_out);
    assert_eq!(reply["error"]["code"], 103, "{reply}");
    guard.answer();
    assert!(client.ask(subscribe).await["subscribe"].is_object(), "it may come again");
}

#[tokio::test]
async fn who_came_in_anew_is_not_turned_out_for_what_it_was() {
    let guard = Slow::new();
    let server = Server::with([Namespace::public("rooms").guarded(guard.clone())]).await;
    let mut client = server.connect().await;
    guard.answer();
    client.ask(json!({ "subscribe": { "channel": "rooms:a", "token": "key" } })).await;
    guard.is_asked().await;
    guard.keys.lock().remove("key");
    let anew = async {
        guard.is_asked().await;
        client.ask(json!({ "unsubscribe": { "channel": "rooms:a" } })).await;
        client.send(json!({ "id": 9, "subscribe": { "channel": "rooms:a", "token": "other" } }).to_string()).await;
        guard.is_asked().await;
        // Who asked first is answered first: the recheck.
        guard.answer();
    };
    tokio::join!(server.hub.recheck("rooms:a"), anew);
    guard.answer();
    assert!(client.next().await["subscribe"].is_object());
    assert_eq!(server.hub.subscribers("rooms:a"), 1);
}

/// Fails for `rooms:open` once it is told to, and says so.
#[derive(Default)]
struct Failing(Mutex<Option<Arc<Semaphore>>>);

impl Load for Failing {
    fn load<'a>(&'a self, channel: &'a str) -> BoxFuture<'a, Result<Option<Loaded>, Box<dyn Error + Send + Sync>>> {
        let failed = self.0.lock().clone().filter(|_| channel == "rooms:open");
        async move {
            if let Some(failed) = failed {
                failed.add_permits(1);
                return Err("no table".into());
            }
            Table.load(channel).await
        }
        .boxed()
    }
}

#[tokio::test]
async fn a_channel_that_cannot_be_loaded_holds_up_no_other() {
    let (doors, table) = (Arc::new(Doors(Mutex::new(HashSet::from(["key"])))), Arc::new(Failing::default()));
    let rooms = Namespace::public("rooms").history(10, u64::MAX).durable(table.clone()).guarded(doors.clone());
    // One stream is kept, so that the first must be loaded again.
    let bus = Bus::memory_of(Clock::system(), &Entropy::system(), 1);
    let server = Server::on(bus.clone(), [rooms]).await;
    let mut client = server.connect().await;
    client.subscribe("rooms:open").await;
    client.ask(json!({ "subscribe": { "channel": "rooms:secret", "token": "key" } })).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (hub, stop) = (server.hub.clone(), stop.clone());
        async move { hub.run(stop).await }
    });
    let failed = Arc::new(Semaphore::new(0));
    *table.0.lock() = Some(failed.clone());
    let any = async || bus.publish("@rights:*", "{}".into(), Keep::NOTHING).await.expect("carried");
    any().await;
    crate::support::in_time(failed.acquire_many(2)).await.expect("open").forget();
    doors.0.lock().clear();
    any().await;
    let push = client.next().await;
    assert_eq!(
        (&push["push"]["channel"], &push["push"]["unsubscribe"]["code"]),
        (&json!("rooms:secret"), &json!(2100))
    );
    stop.cancel();
    running.await.expect("it ends");
}
