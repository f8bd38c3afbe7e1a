//! Channels that a token of a subscription opens to clients of Socket.IO.

use std::sync::Arc;

use bus::Bus;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, poll};
use http::HeaderMap;
use kernel::{Clock, Entropy};
use realtime::doorman::{Shown, Standing, Ticket, Unknown};
use realtime::socketio::JoinError;
use realtime::{Caller, Doorman, Namespace};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::client::Client;
use super::namespaces;
use super::together::handed_out;
use crate::notary::{Notary, sealed};
use crate::support::{Server, in_time};
use crate::tickets::{House, START_S, ticket};

/// A doorman who reads a subscription's token once it is let.
struct Patient(Notary, Semaphore);

impl Doorman for Patient {
    fn at_the_door<'a>(&'a self, headers: &'a HeaderMap) -> BoxFuture<'a, Result<Caller, Unknown>> {
        self.0.at_the_door(headers)
    }

    fn by_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Shown> {
        self.0.by_token(token)
    }

    fn by_ticket<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Ticket> {
        async {
            self.1.acquire().await.expect("open").forget();
            self.0.by_ticket(token).await
        }
        .boxed()
    }

    fn still<'a>(&'a self, caller: &'a Caller) -> BoxFuture<'a, Standing> {
        self.0.still(caller)
    }
}

async fn house() -> House {
    let house = House::new().await;
    namespaces().into_iter().for_each(|namespace| house.server.hub.socketio(namespace));
    house
}

async fn ann(house: &House) -> Client {
    Client::enter(&house.server, "/", json!({ "token": sealed(&json!({ "sub": "ann" })) })).await.0
}

/// The answer to `subscribe`, behind what else it hears.
async fn subscribe(client: &mut Client, channel: &str, token: &str) -> (Vec<String>, Value) {
    client.say(&format!("425{}", json!(["subscribe", channel, token]))).await;
    let mut before = Vec::new();
    loop {
        let text = client.text().await;
        match text.strip_prefix("435") {
            Some(answer) => return (before, serde_json::from_str::<Value>(answer).expect("JSON")[0].take()),
            None => before.push(text),
        }
    }
}

#[tokio::test]
async fn a_token_opens_its_channel_and_no_other() {
    let house = house().await;
    let mut client = ann(&house).await;
    let until = |more: Value| {
        let mut claims = json!({ "exp": START_S + 60 });
        claims.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        claims
    };
    for (channel, token, code) in [
        ("only:a", String::new(), 103),
        ("only:a", "forged".to_owned(), 103),
        ("only:a", sealed(&json!({ "sub": "ann", "channels": ["only:a"] })), 103),
        ("only:a", ticket("only:a", &until(json!({ "sub": "bob" }))), 103),
        ("only:a", ticket("only:b", &until(json!({}))), 103),
        ("only:a", ticket("only:a", &until(json!({ "client": "somebody else" }))), 103),
        ("both:a", ticket("both:a", &until(json!({ "sub": "bob" }))), 103),
        ("plain:a", ticket("plain:a", &until(json!({}))), 103),
        ("only:a", ticket("only:a", &json!({ "exp": START_S })), 109),
        ("only:a", ticket("only:a", &until(json!({ "expire_at": START_S }))), 109),
    ] {
        let (told, answer) = subscribe(&mut client, channel, &token).await;
        assert_eq!((told.len(), &answer["error"]["code"]), (0, &json!(code)), "{channel} {token}");
        assert_eq!(house.server.hub.subscribers(channel), 0, "{channel} {token}");
    }
    let token = ticket("only:a", &until(json!({ "info": { "a": 1 } })));
    assert_eq!(subscribe(&mut client, "only:a", &token).await.1, json!({}));
    assert_eq!(subscribe(&mut client, "both:a", &ticket("both:a", &until(json!({})))).await.1, json!({}));
    let there = house.server.hub.presence("only:a").await.clients;
    let shown: Value = serde_json::from_slice(&there[0].info).expect("JSON");
    assert_eq!((&shown["user"], &shown["chan_info"]), (&json!("ann"), &json!({ "a": 1 })));
    house.server.hub.recheck("both:a").await;
    house.server.publish("only:a", json!(2)).await;
    house.server.publish("both:a", json!(3)).await;
    assert_eq!(client.text().await, r#"42["message",2,"only:a"]"#);
    assert_eq!(client.text().await, r#"42["message",3,"both:a"]"#, "its guard was never asked");
}

#[tokio::test]
async fn it_is_left_with_the_tokens_end_unless_another_is_shown() {
    let house = house().await;
    let mut client = ann(&house).await;
    let until = |seconds: i64| ticket("only:a", &json!({ "exp": START_S + seconds }));
    assert_eq!(subscribe(&mut client, "only:a", &until(60)).await.1, json!({}));
    house.pass(50);
    assert_eq!(subscribe(&mut client, "only:a", &until(120)).await, (Vec::new(), json!({})), "told once");
    let other = sealed(&json!({ "sub": "bob", "channel": "only:a", "exp": START_S + 9_000 }));
    assert_eq!(subscribe(&mut client, "only:a", &other).await.1["error"]["code"], 103);
    assert_eq!(subscribe(&mut client, "only:a", &until(50)).await.1["error"]["code"], 109);
    house.pass(94);
    house.server.publish("only:a", json!(2)).await;
    assert_eq!(client.text().await, r#"42["message",2,"only:a"]"#, "within the grace");
    house.pass(1);
    assert_eq!(client.text().await, r#"42["unsubscribed","only:a",2501,"subscription expired"]"#);
    assert_eq!(house.server.hub.subscribers("only:a"), 0);
    // One that was left does not end another later.
    assert_eq!(subscribe(&mut client, "only:a", &until(160)).await.1, json!({}));
    client.say(r#"426["unsubscribe","only:a"]"#).await;
    while client.text().await != "436[{}]" {}
    assert_eq!(subscribe(&mut client, "only:a", &until(900)).await.1, json!({}));
    house.pass(200);
    house.server.publish("only:a", json!(3)).await;
    assert_eq!(client.text().await, r#"42["message",3,"only:a"]"#);
}

#[tokio::test]
async fn it_is_left_with_what_its_token_hangs_on() {
    let house = house().await;
    let mut client = ann(&house).await;
    let by = |key: i64| ticket("only:a", &json!({ "exp": START_S + 60, "key": key }));
    assert_eq!(subscribe(&mut client, "only:a", &by(1)).await.1, json!({}));
    assert_eq!(subscribe(&mut client, "only:a", &by(2)).await.1, json!({}), "it hangs on another now");
    house.server.hub.fell(&["key:1".to_owned()]).await;
    house.server.publish("only:a", json!(2)).await;
    assert_eq!(client.text().await, r#"42["message",2,"only:a"]"#);
    house.server.hub.fell(&["key:2".to_owned()]).await;
    assert_eq!(client.text().await, r#"42["unsubscribed","only:a",2501,"subscription expired"]"#);
    assert_eq!(house.server.hub.subscribers("only:a"), 0);
}

#[tokio::test]
async fn what_ends_while_its_next_token_is_read_is_not_prolonged() {
    let clock = Clock::manual(START_S * 1_000);
    let doorman = Arc::new(Patient(Notary(clock.clone()), Semaphore::new(1)));
    let only = Namespace::public("only").history(10, u64::MAX).opened_by_tokens_alone();
    let bus = Bus::memory(clock.clone(), &Entropy::system());
    let server = Server::behind(doorman.clone(), clock.clone(), bus, [only]).await;
    let (mut client, socket) = handed_out(&server).await;
    let until = |seconds: i64| sealed(&json!({ "channel": "only:a", "exp": START_S + seconds }));
    socket.join_showing("only:a", &until(60)).await.expect("joined");
    let next = until(900);
    let mut prolonged = Box::pin(socket.join_showing("only:a", &next));
    assert!(poll!(&mut prolonged).is_pending(), "it is being read");
    clock.advance(200_000);
    server.hub.tick();
    doorman.1.add_permits(1);
    let answered = in_time(prolonged).await;
    assert!(matches!(answered, Err(JoinError::Gone)), "{answered:?}");
    assert_eq!(server.hub.subscribers("only:a"), 0);
    assert_eq!(client.text().await, r#"42/race,["subscribed","only:a"]"#);
    assert_eq!(client.text().await, r#"42/race,["unsubscribed","only:a",2501,"subscription expired"]"#);
}
