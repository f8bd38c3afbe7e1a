//! What programs may do by `POST /api/{method}`, and what they may not.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;

use axum::Router;
use bus::Bus;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::request::Parts;
use kernel::{Clock, Entropy, Problem, limits};
use parking_lot::Mutex;
use realtime::doorman::{Allowed, Gate, Strange};
use realtime::rpc::{Failed, Handler};
use realtime::{Caller, Load, Loaded, Namespace};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::guarded::Doors;
use crate::notary::{Notary, sealed};
use crate::support::{Client, Server, post_to};

const START_S: i64 = 1_700_000_000;

/// Believes the header `x-may`. Of `one` and `two` everybody is called 7, and is somebody else.
struct Word;

impl Gate for Word {
    fn allows<'a>(&'a self, parts: &'a mut Parts) -> BoxFuture<'a, Result<Allowed, Problem>> {
        let may = parts.headers.get("x-may").and_then(|may| may.to_str().ok());
        let allowed = may.map(|may| Allowed { read: may.contains("read"), write: may.contains("write") });
        async move { allowed.ok_or_else(|| Problem::unauthorized("Send a key.")) }.boxed()
    }

    fn user_of<'a>(&'a self, issuer: &'a str, subject: &'a str) -> BoxFuture<'a, Result<Option<String>, Strange>> {
        let user = match (issuer, subject) {
            ("one", "7") => Ok(Some("ann".to_owned())),
            ("two", "7") => Ok(Some("bob".to_owned())),
            ("one" | "two", _) => Ok(None),
            ("away", _) => Err(Strange::Away),
            _ => Err(Strange::Issuer),
        };
        async { user }.boxed()
    }
}

/// A table that knows every channel, and nothing on it.
struct Table;

impl Load for Table {
    fn load<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Loaded>, Box<dyn Error + Send + Sync>>> {
        async { Ok(Some(Loaded { epoch: "e".into(), top: 0, publications: Vec::new() })) }.boxed()
    }
}

struct Echo;

impl Handler for Echo {
    fn call<'a>(&'a self, caller: &'a Caller, data: bytes::Bytes) -> BoxFuture<'a, Result<bytes::Bytes, Failed>> {
        let refused = data == "0" || *caller != Caller::default();
        async move { if refused { Err(Failed::Refused { code: 400, message: "no".into() }) } else { Ok(data) } }.boxed()
    }
}

pub(crate) struct House {
    pub(crate) server: Server,
    pub(crate) clock: Clock,
    pub(crate) bus: Bus,
    address: std::net::SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for House {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn namespaces() -> Vec<Namespace> {
    let doors = Arc::new(Doors(Mutex::new(HashSet::new())));
    vec![
        Namespace::public("app").history(10, u64::MAX).presence().open_to_api(),
        Namespace::public("bare").open_to_api(),
        Namespace::public("table").history(10, u64::MAX).durable(Arc::new(Table)).open_to_api(),
        Namespace::public("rooms").guarded(doors).open_to_api(),
    ]
}

impl House {
    pub(crate) async fn new() -> Self {
        let clock = Clock::manual(START_S * 1_000);
        let bus = Bus::memory(clock.clone(), &Entropy::system());
        let server = Self::process(&clock, &bus).await;
        server.hub.answer("echo", Arc::new(Echo));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let routes: Router = server.hub.api_routes(Arc::new(Word));
        let task = tokio::spawn(async move { axum::serve(listener, routes).await.expect("serving") });
        Self { server, clock, bus, address, task }
    }

    pub(crate) async fn process(clock: &Clock, bus: &Bus) -> Server {
        Server::behind(Arc::new(Notary(clock.clone())), clock.clone(), bus.clone(), namespaces()).await
    }

    async fn post(&self, method: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
        post_to(self.address, &format!("/api/{method}"), headers, body).await
    }

    async fn ask(&self, method: &str, body: Value) -> Value {
        let (status, answer) = self.post(method, &[("x-may", "read write")], &body.to_string()).await;
        assert_eq!(status, 200, "{method} {body}: {answer}");
        answer
    }

    pub(crate) async fn result(&self, method: &str, body: Value) -> Value {
        let mut answer = self.ask(method, body.clone()).await;
        assert!(answer["result"].is_object(), "{method} {body}: {answer}");
        answer["result"].take()
    }

    pub(crate) async fn error(&self, method: &str, body: Value) -> u64 {
        let answer = self.ask(method, body.clone()).await;
        answer["error"]["code"].as_u64().unwrap_or_else(|| panic!("{method} {body}: {answer}"))
    }
}

pub(crate) async fn ann(server: &Server, claims: Value) -> (Client, String) {
    let mut client = server.open().await;
    let reply = client.ask(json!({ "connect": { "token": sealed(&claims) } })).await;
    (client, reply["connect"]["client"].as_str().expect("a name").to_owned())
}

#[tokio::test]
async fn a_program_publishes_where_it_may() {
    let house = House::new().await;
    let mut client = house.server.connect().await;
    client.subscribe("app:a").await;
    let first = house.result("publish", json!({ "channel": "app:a", "data": { "n": 1 } })).await;
    assert_eq!(first["offset"], 1);
    assert_eq!(client.next().await["push"]["pub"], json!({ "data": { "n": 1 }, "offset": 1, "epoch": first["epoch"] }));
    // {"n":2}
    let second = house.result("publish", json!({ "channel": "app:a", "b64data": "eyJuIjoyfQ==" })).await;
    assert_eq!((&second["offset"], &client.next().await["push"]["pub"]["data"]), (&json!(2), &json!({ "n": 2 })));
    assert_eq!(
        house.result("publish", json!({ "channel": "bare:a", "data": 1, "skip_history": true })).await,
        json!({})
    );
    for (body, code) in [
        (json!({ "channel": "app:a" }), 107),
        (json!({ "data": 1 }), 107),
        (json!({ "channel": "app:a", "b64data": "e30" }), 107),
        (json!({ "channel": "app:a", "b64data": "ew==" }), 107),
        (json!({ "channel": 7, "data": 1 }), 107),
        (json!(["app:a"]), 107),
        (json!({ "channel": format!("app:{}", "a".repeat(300)), "data": 1 }), 107),
        (json!({ "channel": "nowhere:a", "data": 1 }), 102),
        (json!({ "channel": "app", "data": 1 }), 102),
        (json!({ "channel": "news:a", "data": 1 }), 103),
        (json!({ "channel": "ops:a", "data": 1 }), 103),
        (json!({ "channel": "table:a", "data": 1 }), 108),
        (json!({ "channel": "app:a", "data": 1, "skip_history": true }), 108),
        (json!({ "channel": "app:a", "data": 1, "tags": { "a": "b" } }), 108),
    ] {
        assert_eq!(house.error("publish", body.clone()).await, code, "{body}");
    }
    let told = json!({ "channels": ["app:a", "news:a", "bare:b"], "data": 3 });
    let responses = house.result("broadcast", told).await["responses"].take();
    assert_eq!((&responses[0]["result"]["offset"], &responses[1]["error"]["code"]), (&json!(3), &json!(103)));
    assert_eq!(responses[2]["result"], json!({}));
    assert_eq!(house.error("broadcast", json!({ "channels": [], "data": 1 })).await, 107);
    let many = vec!["app:a"; limits::REALTIME_API_COMMANDS + 1];
    assert_eq!(house.error("broadcast", json!({ "channels": many, "data": 1 })).await, 106);
}

#[tokio::test]
async fn what_has_a_key_is_published_once() {
    let house = House::new().await;
    let said = json!({ "channel": "app:a", "data": 1, "idempotency_key": "k" });
    let both = futures_util::future::join_all((0..8).map(|_| house.result("publish", said.clone()))).await;
    assert!(both.iter().all(|result| result["offset"] == 1), "{both:?}");
    let other = json!({ "channel": "app:b", "data": 1, "idempotency_key": "k" });
    assert_eq!(house.result("publish", other).await["offset"], 1, "of another channel");
    house.clock.advance(limits::REALTIME_API_ONCE_MS);
    assert_eq!(house.result("publish", said).await["offset"], 2, "five minutes later");
}

#[tokio::test]
async fn without_the_right_nothing_is_done() {
    let house = House::new().await;
    let body = json!({ "channel": "app:a", "data": 1 }).to_string();
    assert_eq!(house.post("publish", &[], &body).await.0, 401);
    assert_eq!(house.post("publish", &[("x-may", "read")], &body).await.0, 403);
    assert_eq!(house.post("history", &[("x-may", "write")], &body).await.0, 403);
    assert_eq!(house.post("batch", &[("x-may", "")], &body).await.0, 403);
    assert_eq!(house.post("publish", &[("x-may", "write")], "{").await.0, 400);
    let long = format!("{{\"channel\":\"app:a\",\"data\":\"{}\"}}", "a".repeat(limits::REALTIME_API_BYTES));
    assert_eq!(house.post("publish", &[("x-may", "write")], &long).await.0, 413);
    let both = json!({ "commands": [
        { "publish": { "channel": "app:a", "data": 1 } },
        { "history": { "channel": "app:a", "limit": 5 } },
        { "batch": { "commands": [] } },
        { "dance": {} },
        { "publish": {}, "history": {} },
        {},
    ] });
    let (_, answer) = house.post("batch", &[("x-may", "read")], &both.to_string()).await;
    let replies = &answer["result"]["replies"];
    let code = |at: usize| replies[at]["error"]["code"].as_u64();
    assert_eq!([code(0), code(2), code(3), code(4), code(5)], [Some(103), Some(107), Some(103), Some(107), Some(107)]);
    assert_eq!(replies[1]["history"]["publications"], json!([]), "nothing was published: {replies}");
    let history = house.result("history", json!({ "channel": "app:a", "limit": 5 })).await;
    assert_eq!(history["publications"], json!([]));
}

#[tokio::test]
async fn an_error_is_a_status_for_who_wants_it_so() {
    let house = House::new().await;
    let ask = async |method: &str, body: Value| {
        let headers = [("x-may", "read write"), ("x-centrifugo-error-mode", "transport")];
        house.post(method, &headers, &body.to_string()).await.0
    };
    house.result("publish", json!({ "channel": "app:a", "data": 1 })).await;
    let since = json!({ "offset": 0, "epoch": "other" });
    for (method, body, status) in [
        ("publish", json!({ "channel": "app:a", "data": 1 }), 200),
        ("publish", json!({ "channel": "nowhere:a", "data": 1 }), 404),
        ("publish", json!({ "channel": "news:a", "data": 1 }), 403),
        ("publish", json!({ "channel": "app:a" }), 400),
        ("publish", json!({ "channel": "table:a", "data": 1 }), 400),
        ("rpc", json!({ "method": "unknown" }), 404),
        ("history", json!({ "channel": "app:a", "limit": 5, "since": since }), 416),
    ] {
        assert_eq!(ask(method, body.clone()).await, status, "{method} {body}");
    }
}

#[tokio::test]
async fn a_program_looks_at_channels() {
    let house = House::new().await;
    let (mut client, name) = ann(&house.server, json!({ "sub": "ann", "info": { "n": 1 } })).await;
    client.subscribe("app:a").await;
    client.subscribe("bare:b").await;
    client.subscribe("news:a").await;
    for n in 1..=3 {
        house.result("publish", json!({ "channel": "app:a", "data": n })).await;
    }
    let there = house.result("presence", json!({ "channel": "app:a" })).await;
    assert_eq!(there["presence"][&name], json!({ "client": name, "user": "ann", "conn_info": { "n": 1 } }));
    let stats = house.result("presence_stats", json!({ "channel": "app:a" })).await;
    assert_eq!(stats, json!({ "num_clients": 1, "num_users": 1 }));
    assert_eq!(house.error("presence", json!({ "channel": "bare:b" })).await, 108);
    let history = house.result("history", json!({ "channel": "app:a", "limit": 2, "reverse": true })).await;
    let offsets: Vec<_> = history["publications"].as_array().expect("a list").iter().map(|it| &it["offset"]).collect();
    assert_eq!((offsets, &history["offset"]), (vec![&json!(3), &json!(2)], &json!(3)));
    let epoch = history["epoch"].clone();
    let after = json!({ "channel": "app:a", "limit": -1, "since": { "offset": 2, "epoch": epoch } });
    assert_eq!(house.result("history", after).await["publications"], json!([{ "data": 3, "offset": 3 }]));
    assert_eq!(house.error("history", json!({ "channel": "bare:b", "limit": 1 })).await, 108);
    assert_eq!(house.result("history_remove", json!({ "channel": "app:a" })).await, json!({}));
    let history = house.result("history", json!({ "channel": "app:a", "limit": 9 })).await;
    assert_eq!(history, json!({ "publications": [], "epoch": epoch, "offset": 3 }), "the position stays");
    assert_eq!(house.error("history_remove", json!({ "channel": "table:a" })).await, 108);
    let channels = house.result("channels", json!({})).await["channels"].take();
    assert_eq!(channels, json!({ "app:a": { "num_clients": 1 }, "bare:b": { "num_clients": 1 } }), "no product's");
    let channels = house.result("channels", json!({ "pattern": "app:*" })).await["channels"].take();
    assert_eq!(channels.as_object().expect("channels").len(), 1);
    house.clock.advance(7_000);
    let node = house.result("info", json!({})).await["nodes"][0].take();
    assert_eq!(
        (&node["num_clients"], &node["num_users"], &node["uptime"]),
        (&json!(1), &json!(1), &json!(7)),
        "{node}"
    );
    assert_eq!(house.result("rpc", json!({ "method": "echo", "params": [1] })).await, json!({ "data": [1] }));
    assert_eq!(house.error("rpc", json!({ "method": "echo", "params": 0 })).await, 400);
    assert_eq!(house.error("rpc", json!({ "method": "none" })).await, 104);
}

#[tokio::test]
async fn a_program_subscribes_and_ends_people_in_every_process() {
    let house = House::new().await;
    let there = House::process(&house.clock, &house.bus).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (hub, stop) = (there.hub.clone(), stop.clone());
        async move { hub.run(stop).await }
    });
    let claims = json!({ "sub": "ann", "exp": START_S + 60 });
    let (mut near, near_name) = ann(&house.server, claims.clone()).await;
    let (mut far, far_name) = ann(&there, claims).await;
    for n in 1..=2 {
        house.result("publish", json!({ "channel": "app:a", "data": n })).await;
    }
    let subscribe = json!({ "user": "ann", "channel": "app:a", "client": far_name, "data": { "a": 1 },
        "recover_since": { "offset": 1 } });
    assert_eq!(house.result("subscribe", subscribe).await, json!({}));
    let push = far.next().await["push"].take();
    assert_eq!((&push["subscribe"]["offset"], &push["subscribe"]["data"]), (&json!(1), &json!({ "a": 1 })), "{push}");
    assert_eq!(far.next().await["push"]["pub"], json!({ "data": 2, "offset": 2 }), "what it missed");
    house.result("subscribe", json!({ "user": "ann", "channel": "app:a" })).await;
    assert_eq!(near.next().await["push"]["subscribe"]["offset"], 2);
    house.result("unsubscribe", json!({ "user": "ann", "channel": "app:a" })).await;
    for client in [&mut near, &mut far] {
        assert_eq!(client.next().await["push"]["unsubscribe"]["code"], 2000);
    }
    house.result("subscribe", json!({ "user": "ann", "channel": "rooms:a" })).await;
    assert_eq!(house.server.hub.subscribers("rooms:a"), 0, "its guard says no to a program as well");
    for (method, body, code) in [
        ("subscribe", json!({ "user": "", "channel": "app:a" }), 107),
        ("subscribe", json!({ "user": "ann", "channel": "news:a" }), 103),
        ("subscribe", json!({ "user": "ann", "channel": "app:a", "expire_at": START_S }), 110),
        ("subscribe", json!({ "user": "ann", "channel": "app:a", "b64info": "?" }), 107),
        ("unsubscribe", json!({ "user": "ann", "channel": "ops:a" }), 103),
        ("disconnect", json!({ "user": "ann", "disconnect": { "code": 1000 } }), 107),
        ("disconnect", json!({}), 107),
        ("refresh", json!({ "user": "ann", "expire_at": START_S }), 110),
    ] {
        assert_eq!(house.error(method, body.clone()).await, code, "{method} {body}");
    }
    house.result("refresh", json!({ "user": "ann", "expire_at": START_S + 600 })).await;
    house.clock.advance(300_000);
    house.server.hub.tick();
    house
        .result("disconnect", json!({ "user": "ann", "whitelist": [near_name], "disconnect": { "code": 4001 } }))
        .await;
    assert_eq!(far.closed().await.0, 4001);
    assert!(
        near.ask(json!({ "presence_stats": { "channel": "app:a" } })).await["error"].is_null(),
        "spared, prolonged"
    );
    house.result("refresh", json!({ "user": "ann", "expired": true })).await;
    assert_eq!(near.closed().await.0, 3005);
    stop.cancel();
    running.await.expect("it ends");
}
