//! Coming back as the same, in another process too.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bus::Bus;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kernel::{Clock, Entropy};
use realtime::{Caller, Guard, Namespace};
use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

use super::client::{Client, json_of};
use super::{namespaces, on, server};
use crate::register::Register;
use crate::support::{FOREVER_MS, Server, in_time};

/// The last text of an event: where the client is.
fn place(event: &str) -> String {
    json_of(event).as_array().and_then(|list| list.last()?.as_str()).expect("a place").to_owned()
}

async fn heard(client: &mut Client, channel: &str, data: Value) -> String {
    let event = client.text().await;
    let list = json_of(&event);
    assert_eq!((&list[0], &list[1], &list[2]), (&json!("message"), &data, &json!(channel)), "{event}");
    place(&event)
}

async fn back(server: &Server, granted: &Value, place: &str) -> (Client, Value) {
    Client::enter(server, "/same", json!({ "pid": granted["pid"], "offset": place })).await
}

async fn join(client: &mut Client, channel: &str) -> String {
    client.say(&format!("42/same,1{}", json!(["subscribe", channel]))).await;
    let event = client.text().await;
    assert_eq!(client.text().await, "43/same,1[{}]");
    place(&event)
}

#[tokio::test]
async fn what_was_missed_comes_once_and_in_order_in_another_process() {
    let bus = Bus::memory(Clock::system(), &Entropy::system());
    let (one, two) = (on(bus.clone()).await, on(bus).await);
    let (mut client, granted) = Client::enter(&one, "/same", json!({})).await;
    join(&mut client, "news:a").await;
    join(&mut client, "long:b").await;
    one.publish("news:a", json!(1)).await;
    heard(&mut client, "news:a", json!(1)).await;
    one.publish("long:b", json!(2)).await;
    let at = heard(&mut client, "long:b", json!(2)).await;
    drop(client);
    two.publish("news:a", json!(3)).await;
    two.publish("long:b", json!(4)).await;
    two.publish("news:a", json!(5)).await;
    let (mut client, again) = back(&two, &granted, &at).await;
    assert_eq!((&again["sid"], &again["pid"]), (&granted["sid"], &granted["pid"]));
    heard(&mut client, "news:a", json!(3)).await;
    let at = heard(&mut client, "news:a", json!(5)).await;
    heard(&mut client, "long:b", json!(4)).await;
    two.publish("long:b", json!(6)).await;
    heard(&mut client, "long:b", json!(6)).await;
    // Cut off in the middle of that: from where it was, which is before the rest.
    drop(client);
    let (mut client, again) = back(&one, &granted, &at).await;
    assert_eq!(again["sid"], granted["sid"]);
    heard(&mut client, "long:b", json!(4)).await;
    heard(&mut client, "long:b", json!(6)).await;
    one.publish("news:a", json!(7)).await;
    heard(&mut client, "news:a", json!(7)).await;
}

#[tokio::test]
async fn who_comes_back_sooner_than_its_end_was_seen_takes_its_place() {
    let server = server().await;
    let (mut before, granted) = Client::enter(&server, "/same", json!({})).await;
    join(&mut before, "news:a").await;
    server.publish("news:a", json!(1)).await;
    let at = heard(&mut before, "news:a", json!(1)).await;
    let (mut client, again) = back(&server, &granted, &at).await;
    assert_eq!(again["sid"], granted["sid"]);
    assert_eq!(before.closed().await, 1000);
    assert_eq!(server.hub.subscribers("news:a"), 1);
    server.publish("news:a", json!(2)).await;
    heard(&mut client, "news:a", json!(2)).await;
}

#[tokio::test]
async fn where_anything_is_missing_a_client_begins_anew() {
    let (server, elsewhere) = (server().await, server().await);
    let (mut client, granted) = Client::enter(&server, "/same", json!({})).await;
    let at = join(&mut client, "news:a").await;
    let plain = join(&mut client, "plain:a").await;
    drop(client);
    let forged = json!({ "pid": "AAAA", "sid": granted["sid"] });
    let admin = place_of_an_admin(&server).await;
    let epoch = {
        let (mut other, _) = Client::enter(&elsewhere, "/same", json!({})).await;
        join(&mut other, "news:a").await;
        elsewhere.publish("news:a", json!(0)).await;
        heard(&mut other, "news:a", json!(0)).await
    };
    for (granted, place, why) in [
        (&forged, &*at, "it is not its own"),
        (&granted, &*plain, "a channel without history"),
        (&granted, &*admin, "a channel that is not open to it"),
        (&granted, &*epoch, "another life of the channel"),
        (&granted, "", "no place"),
        (&granted, "[[", "nothing that can be read"),
    ] {
        let (_, again) = back(&server, granted, place).await;
        assert_ne!(again["sid"], granted["sid"], "{why}");
        assert!(again["pid"].is_string());
    }
    for number in 0..11 {
        server.publish("news:a", json!(number)).await;
    }
    let (mut client, again) = back(&server, &granted, &at).await;
    assert_ne!(again["sid"], granted["sid"], "more was published than is kept");
    join(&mut client, "news:a").await;
    server.publish("news:a", json!("now")).await;
    heard(&mut client, "news:a", json!("now")).await;
}

/// Of one channel alone, so of nobody in particular.
async fn place_of_an_admin(server: &Server) -> String {
    let mut admin = Client::open(server, &[("x-admin", "yes")]).await.expect("a handshake");
    admin.say("40/same").await;
    assert!(admin.text().await.starts_with("40/same,"));
    join(&mut admin, "ops:a").await;
    server.publish("ops:a", json!(1)).await;
    heard(&mut admin, "ops:a", json!(1)).await
}

async fn comes_back(server: &Server, granted: &Value, place: &str) -> bool {
    let (_, again) = back(server, granted, place).await;
    again["sid"] == granted["sid"]
}

#[tokio::test]
async fn a_place_is_good_for_two_minutes_and_kept_fresh() {
    let clock = Clock::manual(1_700_000_000_000);
    let bus = Bus::memory(clock.clone(), &Entropy::system());
    let server = Server::behind(Register::new(&clock), clock.clone(), bus, []).await;
    namespaces().into_iter().for_each(|namespace| server.hub.socketio(namespace));
    let (mut client, granted) = Client::enter(&server, "/same", json!({})).await;
    let at = join(&mut client, "news:a").await;
    clock.advance(119_000);
    // Nothing is published: with some ping it gets a place anew.
    for _ in 0..60 {
        server.hub.tick();
    }
    assert_eq!(client.text().await, "2");
    let fresh = client.text().await;
    assert!(fresh.starts_with(r#"42/same,["place","#), "{fresh}");
    drop(client);
    assert!(comes_back(&server, &granted, &at).await);
    clock.advance(2_000);
    assert!(!comes_back(&server, &granted, &at).await, "two minutes are over");
    assert!(comes_back(&server, &granted, &place(&fresh)).await);
}

#[tokio::test]
async fn who_says_farewell_or_is_put_out_does_not_come_back_as_the_same() {
    let server = server().await;
    for (namespace, said) in [("/same", "41/same"), ("/led", r#"42/led,["leave"]"#)] {
        let (mut client, granted) = Client::enter(&server, namespace, json!({})).await;
        if namespace == "/led" {
            client.text().await;
        }
        client.say(&format!("42{namespace},1{}", json!(["come", "news:a"]))).await;
        let at = place(&client.text().await);
        client.text().await;
        client.say(said).await;
        client.say("40/echo").await;
        while !client.text().await.starts_with("40/echo") {}
        drop(client);
        let (_, again) = Client::enter(&server, namespace, json!({ "pid": granted["pid"], "offset": at })).await;
        assert_ne!(again["sid"], granted["sid"], "{namespace}");
    }
}

#[tokio::test]
async fn a_place_brings_nobody_where_it_was_not_or_is_no_longer() {
    let server = server().await;
    let come = async |channel: &str| {
        let (mut client, granted) = Client::enter(&server, "/led", json!({})).await;
        assert_eq!(client.text().await.split(',').nth(2), Some("false"), "welcome");
        client.say(&format!("42/led,1{}", json!(["come", channel]))).await;
        let at = place(&client.text().await);
        client.text().await;
        (client, granted, at)
    };
    let (mut ours, granted, at) = come("news:a").await;
    let (theirs, _, their_place) = come("long:b").await;
    drop(theirs);
    let shown = |at: &str| json!({ "pid": granted["pid"], "offset": at });
    let (_, again) = Client::enter(&server, "/led", shown(&their_place)).await;
    assert_ne!(again["sid"], granted["sid"], "a place of somebody else");
    server.publish("news:a", json!(1)).await;
    let heard = place(&ours.text().await);
    drop(ours);
    let (mut back, again) = Client::enter(&server, "/led", shown(&heard)).await;
    assert_eq!(again["sid"], granted["sid"]);
    assert_eq!(back.text().await.split(',').nth(2), Some("true"), "the product sees who comes back");
    back.say(r#"42/led,1["go","news:a"]"#).await;
    let out = back.text().await;
    assert!(out.starts_with(r#"42/led,["unsubscribed","news:a",2000"#), "{out}");
    back.text().await;
    drop(back);
    for old in [&at, &heard] {
        let (_, again) = Client::enter(&server, "/led", shown(old)).await;
        assert_ne!(again["sid"], granted["sid"], "it was put out of the channel since");
    }
    let (_, again) = Client::enter(&server, "/led", shown(&place(&out))).await;
    assert_eq!(again["sid"], granted["sid"]);
}

/// Of two rooms the second answers when it is let, and the first lets in while it is open.
struct Two {
    first: AtomicBool,
    second: Semaphore,
    asked: Notify,
}

impl Guard for Two {
    fn admits<'a>(
        &'a self,
        channel: &'a str,
        _: &'a Caller,
    ) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        async move {
            if channel == "room:1" {
                return Ok(self.first.load(Ordering::SeqCst));
            }
            self.asked.notify_one();
            self.second.acquire().await?.forget();
            Ok(true)
        }
        .boxed()
    }
}

#[tokio::test]
async fn who_is_turned_out_while_it_comes_back_is_out() {
    let guard = Arc::new(Two { first: AtomicBool::new(true), second: Semaphore::new(1), asked: Notify::new() });
    let rooms = Namespace::public("room").history(10, FOREVER_MS).guarded(guard.clone());
    let server = Server::with([rooms]).await;
    namespaces().into_iter().for_each(|namespace| server.hub.socketio(namespace));
    let (mut client, granted) = Client::enter(&server, "/same", json!({})).await;
    join(&mut client, "room:1").await;
    join(&mut client, "room:2").await;
    guard.asked.notified().await;
    server.publish("room:1", json!("between us")).await;
    let at = heard(&mut client, "room:1", json!("between us")).await;
    drop(client);
    let mut client = Client::open(&server, &[]).await.expect("a handshake");
    client.say(&format!("40/same,{}", json!({ "pid": granted["pid"], "offset": at }))).await;
    in_time(guard.asked.notified()).await;
    guard.first.store(false, Ordering::SeqCst);
    server.hub.recheck("room:1").await;
    guard.second.add_permits(1);
    // Told that it is out, and in the namespace, in whichever order.
    let mut told = [client.text().await, client.text().await];
    told.sort();
    assert!(told[0].starts_with("40/same,") && told[1].contains("unsubscribed"), "{told:?}");
    client.say(r#"42/same,1["history","room:1"]"#).await;
    let answer = client.text().await;
    assert_eq!(json_of(&answer)[0]["publications"], json!([]), "{answer}");
    server.publish("room:1", json!("a secret")).await;
    server.publish("room:2", json!("for all")).await;
    heard(&mut client, "room:2", json!("for all")).await;
    assert_eq!(server.hub.subscribers("room:1"), 0);
}
