//! Whom a client acts for, and what happens when a right ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bus::Bus;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use kernel::{Clock, Entropy};
use realtime::doorman::{Shown, Standing, Unknown};
use realtime::{Caller, Doorman, Namespace, socketio};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::client::{Client, json_of, request};
use super::{namespaces, polling};
use crate::guarded::Doors;
use crate::register::Register;
use crate::support::Server;

const START_MS: i64 = 1_700_000_000_000;

async fn house() -> (Server, Arc<Register>, Clock) {
    let clock = Clock::manual(START_MS);
    let register = Register::new(&clock);
    let bus = Bus::memory(clock.clone(), &Entropy::system());
    let server = Server::behind(register.clone(), clock.clone(), bus, []).await;
    namespaces().into_iter().for_each(|namespace| server.hub.socketio(namespace));
    (server, register, clock)
}

async fn refused(server: &Server, token: &str) -> Value {
    let mut client = Client::open(server, &[]).await.expect("a handshake");
    client.say(&format!("40{}", json!({ "token": token }))).await;
    let answer = client.text().await;
    assert!(answer.starts_with("44"), "{answer}");
    json_of(&answer)
}

#[tokio::test]
async fn a_token_lets_in_and_a_bad_one_does_not() {
    let (server, register, _) = house().await;
    Client::enter(&server, "/", json!({ "token": "ann" })).await;
    let forged = json!({ "message": "unauthorized", "data": { "code": 101, "message": "unauthorized" } });
    assert_eq!(refused(&server, "forged").await, forged);
    assert_eq!(refused(&server, &format!("ann@{START_MS}")).await["data"]["code"], 109);
    register.go_away(true);
    let mut later = Client::open(&server, &[]).await.expect("a handshake");
    later.say(r#"40{"token":"ann"}"#).await;
    assert_eq!(later.closed().await, 3004, "it comes again by itself");
    assert!(Client::open(&server, &[("x-user", "ann")]).await.is_err(), "nobody knows who that is");
}

#[tokio::test]
async fn who_is_banned_is_put_out_for_good() {
    let (server, register, _) = house().await;
    let (mut ann, _) = Client::enter(&server, "/", json!({ "token": "ann" })).await;
    let (mut bob, _) = Client::enter(&server, "/", json!({ "token": "bob" })).await;
    let mut at_the_door = Client::open(&server, &[("x-user", "ann")]).await.expect("a handshake");
    at_the_door.say("40").await;
    assert!(at_the_door.text().await.starts_with("40"));
    bob.subscribe("/", "news:a").await;
    ann.subscribe("/", "news:a").await;
    register.ban("ann");
    server.hub.ask_again("ann").await;
    for gone in [&mut ann, &mut at_the_door] {
        assert_eq!(gone.text().await, "41", "its library does not come back then");
        assert_eq!(gone.closed().await, 3503);
    }
    server.publish("news:a", json!(1)).await;
    assert_eq!(bob.text().await, r#"42["message",1,"news:a"]"#);
    assert_eq!(server.hub.subscribers("news:a"), 1);
}

#[tokio::test]
async fn what_let_it_in_may_end() {
    let (server, register, clock) = house().await;
    let (mut taken_back, _) = Client::enter(&server, "/", json!({ "token": "ann@/1" })).await;
    let until = START_MS + 5_000;
    let (mut ends, _) = Client::enter(&server, "/", json!({ "token": format!("ann@{until}") })).await;
    register.end("ann@/1");
    server.hub.ask_again("ann").await;
    assert_eq!(taken_back.closed().await, 3014, "it comes again, with another token");
    clock.advance(6_000);
    server.hub.tick();
    assert_eq!(ends.closed().await, 3005);
}

#[tokio::test]
async fn a_right_that_ends_on_the_way_in_opens_nothing() {
    let (server, register, _) = house().await;
    let welcomed = Arc::new(AtomicUsize::new(0));
    let counts = welcomed.clone();
    server.hub.socketio(socketio::Namespace::new("/counts").on_connect(move |_, _| {
        counts.fetch_add(1, Ordering::SeqCst);
        async {}
    }));
    let mut client = Client::open(&server, &[]).await.expect("a handshake");
    register.has_looked().await;
    register.hold();
    client.say(r#"40/counts,{"token":"ann"}"#).await;
    register.has_looked().await;
    register.ban("ann");
    server.hub.ask_again("ann").await;
    register.give();
    assert_eq!(client.text().await, "41/counts,", "and no word of a beginning");
    assert_eq!(client.closed().await, 3503);
    assert_eq!(welcomed.load(Ordering::SeqCst), 0, "the product has not seen it");
}

/// Lets in until a moment.
struct Until(i64);

impl Doorman for Until {
    fn at_the_door<'a>(&'a self, _: &'a HeaderMap) -> BoxFuture<'a, Result<Caller, Unknown>> {
        let caller = Caller { user: "ann".to_owned(), until_ms: Some(self.0), ..Caller::default() };
        async move { Ok(caller) }.boxed()
    }

    fn by_token<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Shown> {
        async { Shown::Bad }.boxed()
    }

    fn still<'a>(&'a self, _: &'a Caller) -> BoxFuture<'a, Standing> {
        async { Standing::Good }.boxed()
    }
}

#[tokio::test]
async fn what_the_headers_said_may_have_ended_before_a_namespace_is_entered() {
    let clock = Clock::manual(START_MS);
    let bus = Bus::memory(clock.clone(), &Entropy::system());
    let server = Server::behind(Arc::new(Until(START_MS + 5_000)), clock.clone(), bus, []).await;
    namespaces().into_iter().for_each(|namespace| server.hub.socketio(namespace));
    let mut client = Client::open(&server, &[]).await.expect("a handshake");
    client.say("40").await;
    assert!(client.text().await.starts_with("40{"));
    clock.advance(6_000);
    client.say("40/echo").await;
    match client.next().await {
        Message::Close(Some(frame)) => assert_eq!(u16::from(frame.code), 3005),
        other => panic!("it came in: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_farewell_is_seen_whoever_is_first() {
    let (server, register, _) = house().await;
    let mut all = Vec::new();
    for _ in 0..100 {
        all.push(Client::enter(&server, "/", json!({ "token": "ann" })).await.0);
    }
    register.ban("ann");
    server.hub.ask_again("ann").await;
    for mut gone in all {
        assert_eq!(gone.text().await, "41");
        assert_eq!(gone.closed().await, 3503);
    }
}

#[tokio::test]
async fn who_polls_sees_the_farewell() {
    let (server, register, _) = house().await;
    let query = polling::open(&server).await;
    let token = format!("41\x1e40{}", json!({ "token": "ann" }));
    assert_eq!(request(&server, "POST", &query, &token).await.0, 200);
    assert!(polling::poll(&server, &query).await.1.starts_with("40{"));
    register.ban("ann");
    let (farewell, ()) = tokio::join!(polling::poll(&server, &query), async {
        // Requests that came later are answered, and say nothing to the one that waits: it is there.
        for _ in 0..3 {
            assert_eq!(request(&server, "POST", &query, "3").await.0, 200);
        }
        server.hub.ask_again("ann").await;
    });
    assert_eq!(farewell, (200, "41\x1e1".to_owned()));
}

#[tokio::test]
async fn pages_of_other_sites_come_in_by_neither_way() {
    let (server, ..) = house().await;
    let (cookie, origin) = (("cookie", "session=ann"), ("origin", "https://evil.example"));
    let (image, script) = (("sec-fetch-mode", "no-cors"), ("sec-fetch-mode", "cors"));
    let own = format!("http://{}", server.address);
    for (headers, status) in [
        (vec![cookie, origin], 403),
        (vec![cookie, origin, script], 403),
        (vec![cookie, image], 403),
        (vec![cookie, ("sec-fetch-mode", "navigate")], 403),
        (vec![cookie, ("origin", &own), script], 200),
        (vec![cookie], 200),
    ] {
        let answer = server.request("GET", "/socket.io/?EIO=4&transport=polling", &headers, "").await;
        assert!(answer.head.starts_with(&format!("HTTP/1.1 {status}")), "{headers:?}: {}", answer.head);
    }
    for headers in [vec![cookie, origin], vec![cookie, image]] {
        assert!(Client::open(&server, &headers).await.is_err(), "{headers:?}");
    }
    Client::open(&server, &[("cookie", "session=ann"), ("origin", &own)]).await.expect("its own page");
    assert_eq!(server.hub.stats().connections, 3);
}

#[tokio::test]
async fn an_id_is_of_one_person() {
    let (server, ..) = house().await;
    let (mut ann, granted) = Client::enter(&server, "/same", json!({ "token": "ann" })).await;
    ann.say(r#"42/same,1["subscribe","news:a"]"#).await;
    let event = ann.text().await;
    let place = json_of(&event)[2].clone();
    drop(ann);
    for (token, same) in [("bob", false), ("ann", true)] {
        let shown = json!({ "token": token, "pid": granted["pid"], "offset": place });
        let (_, again) = Client::enter(&server, "/same", shown).await;
        assert_eq!(again["sid"] == granted["sid"], same, "{token}");
    }
}

#[tokio::test]
async fn a_product_ends_a_subscription_in_its_own_code() {
    let (server, ..) = house().await;
    let (mut ann, _) = Client::enter(&server, "/", json!({ "token": "ann" })).await;
    ann.subscribe("/", "news:a").await;
    assert_eq!(server.hub.unsubscribe("ann", "news:a"), 1);
    assert_eq!(ann.text().await, r#"42["unsubscribed","news:a",2000,"server unsubscribe"]"#);
}

#[tokio::test]
async fn a_guard_lets_in_and_turns_out() {
    let doors = Arc::new(Doors::default());
    let server = Server::with([Namespace::public("rooms").history(10, u64::MAX).guarded(doors.clone())]).await;
    namespaces().into_iter().for_each(|namespace| server.hub.socketio(namespace));
    doors.0.lock().insert("key");
    let (mut inside, _) = Client::enter(&server, "/", json!({})).await;
    let (mut outside, _) = Client::enter(&server, "/", json!({})).await;
    inside.say(r#"421["subscribe","rooms:a","key"]"#).await;
    outside.say(r#"421["subscribe","rooms:a","guess"]"#).await;
    for client in [&mut inside, &mut outside] {
        assert_eq!(client.text().await, r#"42["subscribed","rooms:a"]"#, "neither sees the other's answer");
        assert_eq!(client.text().await, "431[{}]");
    }
    server.publish("rooms:a", json!(1)).await;
    assert_eq!(inside.text().await, r#"42["message",1,"rooms:a"]"#);
    doors.0.lock().clear();
    server.hub.recheck("rooms:a").await;
    assert_eq!(inside.text().await, r#"42["unsubscribed","rooms:a",2100,"permission denied"]"#);
    server.publish("rooms:a", json!(2)).await;
    for client in [&mut inside, &mut outside] {
        client.say(r#"422["unsubscribe","rooms:b"]"#).await;
        assert_eq!(client.text().await, "432[{}]", "nothing of the second, and to one of them nothing at all");
    }
}
