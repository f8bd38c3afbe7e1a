//! Whom a client acts for, and what happens when a right ends.

use std::sync::Arc;

use bus::Bus;
use kernel::{Clock, Entropy};
use realtime::Namespace;
use serde_json::{Value, json};

use super::client::{Client, json_of};
use super::namespaces;
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
    let mut client = Client::open(&server, &[]).await.expect("a handshake");
    register.has_looked().await;
    register.hold();
    client.say(r#"40{"token":"ann"}"#).await;
    register.has_looked().await;
    register.ban("ann");
    server.hub.ask_again("ann").await;
    register.give();
    assert_eq!(client.closed().await, 3503);
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
