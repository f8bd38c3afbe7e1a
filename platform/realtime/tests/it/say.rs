//! What clients say: to channels that let them, and to products that answer.

use std::error::Error;
use std::sync::Arc;

use bus::Bus;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kernel::{Clock, Entropy, limits};
use parking_lot::Mutex;
use realtime::rpc::{Failed, Handler};
use realtime::{Caller, Guard, Namespace};
use serde_json::json;

use crate::register::Register;
use crate::support::Server;

/// Everybody may read; `ann` may publish.
pub(crate) struct Ann;

impl Guard for Ann {
    fn admits<'a>(&'a self, _: &'a str, _: &'a Caller) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        async { Ok(true) }.boxed()
    }

    fn may_publish<'a>(
        &'a self,
        channel: &'a str,
        caller: &'a Caller,
    ) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        let may = if channel == "told:broken" { Err("no answer".into()) } else { Ok(caller.user == "ann") };
        async { may }.boxed()
    }
}

/// Only reads are decided.
struct Open;

impl Guard for Open {
    fn admits<'a>(&'a self, _: &'a str, _: &'a Caller) -> BoxFuture<'a, Result<bool, Box<dyn Error + Send + Sync>>> {
        async { Ok(true) }.boxed()
    }
}

async fn server() -> Server {
    let clock = Clock::manual(1_700_000_000_000);
    let bus = Bus::memory(clock.clone(), &Entropy::system());
    let talk = Namespace::public("talk").history(10, u64::MAX).allow_publish_for_subscriber();
    let told = Namespace::public("told").guarded(Arc::new(Ann));
    let read = Namespace::public("read").guarded(Arc::new(Open));
    Server::behind(Register::new(&clock), clock, bus, [talk, told, read]).await
}

#[tokio::test]
async fn a_subscriber_publishes_where_the_namespace_lets_it() {
    let server = server().await;
    let (mut one, mut two) = (server.connect().await, server.connect().await);
    let publish = json!({ "publish": { "channel": "talk:a", "data": { "text": "hi" } } });
    assert_eq!(one.error(publish.clone()).await, 103, "not subscribed");
    two.subscribe("talk:a").await;
    one.subscribe("talk:a").await;
    one.send(json!({ "id": 9, "publish": publish["publish"] }).to_string()).await;
    let (first, second) = (one.next().await, one.next().await);
    assert!([&first, &second].iter().any(|reply| **reply == json!({ "id": 9, "publish": {} })), "{first} {second}");
    let push = two.next().await;
    let (epoch, info) = (&push["push"]["pub"]["epoch"], &push["push"]["pub"]["info"]);
    assert_eq!(
        push["push"]["pub"],
        json!({ "data": { "text": "hi" }, "info": { "user": "", "client": info["client"] }, "offset": 1, "epoch": epoch })
    );
    for channel in ["news:a", "plain:a", "read:a"] {
        one.subscribe(channel).await;
        assert_eq!(one.error(json!({ "publish": { "channel": channel, "data": 1 } })).await, 103, "{channel}");
    }
    one.send(r#"{"id":10,"publish":{"channel":"talk:a"}}"#).await;
    assert_eq!(one.closed().await.0, 3501, "without data");
}

#[tokio::test]
async fn a_guard_says_who_may_publish() {
    let server = server().await;
    let mut ann = server.try_open(&[("x-user", "ann")]).await.expect("a handshake");
    ann.ask(json!({ "connect": {} })).await;
    let mut nobody = server.connect().await;
    nobody.subscribe("told:a").await;
    let publish = json!({ "publish": { "channel": "told:a", "data": 7 } });
    assert_eq!(nobody.error(publish.clone()).await, 103);
    assert_eq!(ann.ask(publish).await["publish"], json!({}));
    assert_eq!(nobody.next().await["push"]["pub"]["data"], 7);
    assert_eq!(ann.error(json!({ "publish": { "channel": "told:broken", "data": 7 } })).await, 103);
}

#[tokio::test]
async fn one_client_does_not_talk_everybody_down() {
    let server = server().await;
    let mut client = server.try_open(&[("x-user", "ann")]).await.expect("a handshake");
    client.ask(json!({ "connect": {} })).await;
    let publish = json!({ "publish": { "channel": "told:a", "data": 7 } });
    for _ in 0..limits::CLIENT_SAYS_PER_S {
        assert_eq!(client.ask(publish.clone()).await["publish"], json!({}));
    }
    let reply = client.ask(publish).await;
    assert_eq!((&reply["error"]["code"], &reply["error"]["temporary"]), (&json!(111), &json!(true)));
    for look in ["history", "presence", "presence_stats"] {
        assert_eq!(client.error(json!({ look: { "channel": "news:a" } })).await, 111, "{look}");
    }
    let mut refused = server.connect().await;
    for _ in 0..limits::CLIENT_SAYS_PER_S {
        assert_eq!(refused.error(json!({ "publish": { "channel": "told:a", "data": 7 } })).await, 103);
    }
    assert_eq!(refused.error(json!({ "publish": { "channel": "told:a", "data": 7 } })).await, 111, "not asked about");
}

/// Answers with who asks and what; refuses what is empty; writes down what it was sent.
#[derive(Default)]
struct Echo(Mutex<Vec<String>>);

impl Handler for Echo {
    fn call<'a>(&'a self, caller: &'a Caller, data: Bytes) -> BoxFuture<'a, Result<Bytes, Failed>> {
        let text = String::from_utf8_lossy(&data).into_owned();
        self.0.lock().push(text.clone());
        let answer = match text.as_str() {
            "null" => Err(Failed::Refused { code: 400, message: "say something".to_owned() }),
            "0" => Err(Failed::Internal("it broke".into())),
            text => Ok(format!("[\"{}\",{text}]", caller.user).into()),
        };
        async { answer }.boxed()
    }
}

#[tokio::test]
async fn products_answer_calls() {
    let server = server().await;
    server.hub.answer("echo", Arc::new(Echo::default()));
    let mut client = server.try_open(&[("x-user", "ann")]).await.expect("a handshake");
    client.ask(json!({ "connect": {} })).await;
    let reply = client.ask(json!({ "rpc": { "method": "echo", "data": { "a": 1 } } })).await;
    assert_eq!(reply["rpc"]["data"], json!(["ann", { "a": 1 }]));
    let reply = client.ask(json!({ "rpc": { "method": "echo" } })).await;
    assert_eq!(reply["error"], json!({ "code": 400, "message": "say something" }));
    assert_eq!(client.error(json!({ "rpc": { "method": "echo", "data": 0 } })).await, 100);
    assert_eq!(client.error(json!({ "rpc": { "method": "other", "data": 1 } })).await, 108);
}

#[tokio::test]
async fn messages_are_taken_in_their_order() {
    let server = server().await;
    let echo = Arc::new(Echo::default());
    server.hub.take_messages(echo.clone());
    let mut client = server.connect().await;
    client.send("{\"send\":{\"data\":1}}\n{\"send\":{\"data\":2}}").await;
    client.ask(json!({ "unsubscribe": { "channel": "plain:a" } })).await;
    assert_eq!(*echo.0.lock(), ["1", "2"]);
}
