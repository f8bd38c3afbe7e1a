//! Connections that only listen: bare pushes over three transports, channels from the beginning, and an end that is said.

use std::sync::Arc;

use bus::Bus;
use futures_util::{FutureExt, SinkExt, StreamExt};
use kernel::{Clock, Entropy, limits};
use realtime::Namespace;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::guarded::Doors;
use crate::register::Register;
use crate::support::{Client, Events, FOREVER_MS, Server, in_time};

/// A listener on one of the transports.
enum Listener {
    Socket(Box<Client>),
    Events(Events),
    Lines(Events),
}

impl Listener {
    /// On each transport, with the request in its address where it can be there, and without.
    async fn on_each(server: &Server, request: &Value) -> Vec<Self> {
        let (text, query) = (request.to_string(), query(request));
        let mut by_message = server.open_one_way("").await;
        by_message.send(text.clone()).await;
        let by_address = server.open_one_way(&query).await;
        let path = format!("/connection/uni_sse{query}");
        vec![
            Self::Socket(Box::new(by_message)),
            Self::Socket(Box::new(by_address)),
            Self::Events(server.request("GET", &path, &[], "").await),
            Self::Events(server.request("POST", "/connection/uni_sse", &[], &text).await),
            Self::Lines(server.request("POST", "/connection/uni_http_stream", &[], &text).await),
        ]
    }

    async fn on_lines(server: &Server, request: &Value) -> Self {
        Self::Lines(server.request("POST", "/connection/uni_http_stream", &[], request.to_string()).await)
    }

    /// The next push, or none at the end.
    async fn next(&mut self) -> Option<Value> {
        let text = match self {
            Self::Socket(client) => match in_time(client.socket.next()).await {
                Some(Ok(Message::Text(text))) => text.to_string(),
                Some(Ok(Message::Close(_))) => return None,
                other => panic!("no text: {other:?}"),
            },
            Self::Events(events) => events.next().await?.strip_prefix("data: ").expect("data only").to_owned(),
            Self::Lines(lines) => lines.line().await?,
        };
        Some(serde_json::from_str(&text).expect("JSON"))
    }

    async fn push(&mut self) -> Value {
        self.next().await.expect("another push")
    }

    /// The last push and its code, after whatever comes before.
    async fn ended(mut self) -> u64 {
        let mut last = Value::Null;
        while let Some(push) = self.next().await {
            last = push;
        }
        last["disconnect"]["code"].as_u64().unwrap_or_else(|| panic!("no farewell: {last}"))
    }
}

fn query(request: &Value) -> String {
    let hex: String = request.to_string().bytes().map(|byte| format!("%{byte:02x}")).collect();
    format!("?cf_connect={hex}")
}

#[tokio::test]
async fn pushes_come_bare_and_connect_comes_first() {
    let server = Server::start().await;
    server.publish("news:a", json!("before")).await;
    let mut listeners = Listener::on_each(&server, &json!({ "subs": { "news:a": {}, "plain:b": {} } })).await;
    for listener in &mut listeners {
        let first = listener.push().await;
        let connect = &first["connect"];
        assert_eq!(first.as_object().map(serde_json::Map::len), Some(1), "{first}");
        assert_eq!((connect["client"].as_str().map(str::len), &connect["ping"]), (Some(36), &json!(25)), "{first}");
        assert!(connect.get("pong").is_none() && connect.get("session").is_none(), "it says nothing more: {first}");
        let (news, plain) = (&connect["subs"]["news:a"], &connect["subs"]["plain:b"]);
        assert_eq!((&news["recoverable"], &news["offset"], plain), (&json!(true), &json!(1), &json!({})));
    }
    server.publish("plain:b", json!("line\nends")).await;
    server.publish("news:a", json!(2)).await;
    for listener in &mut listeners {
        assert_eq!(listener.push().await, json!({ "channel": "plain:b", "pub": { "data": "line\nends" } }));
        assert_eq!(listener.push().await, json!({ "channel": "news:a", "pub": { "data": 2, "offset": 2 } }));
    }
}

#[tokio::test]
async fn whoever_comes_back_gets_what_it_missed() {
    let server = Server::start().await;
    for number in 1..=12 {
        server.publish("news:a", json!(number)).await;
    }
    let epoch = server.connect().await.subscribe("news:a").await["epoch"].clone();
    let from = |offset: u64, epoch: &Value| json!({ "subs": { "news:a": { "recover": true, "offset": offset, "epoch": epoch } } });
    for mut listener in Listener::on_each(&server, &from(10, &epoch)).await {
        let sub = listener.push().await["connect"]["subs"]["news:a"].take();
        assert_eq!(
            (&sub["recovered"], &sub["was_recovering"], &sub["offset"]),
            (&json!(true), &json!(true), &json!(10))
        );
        let missed: Vec<_> = sub["publications"].as_array().expect("a list").iter().map(|it| &it["offset"]).collect();
        assert_eq!(missed, [11, 12]);
    }
    for lost in [from(1, &epoch), from(10, &json!("another"))] {
        let sub = Listener::on_lines(&server, &lost).await.push().await["connect"]["subs"]["news:a"].take();
        assert_eq!((sub.get("recovered"), &sub["was_recovering"], &sub["offset"]), (None, &json!(true), &json!(12)));
        assert!(sub.get("publications").is_none());
    }
}

#[tokio::test]
async fn what_is_missing_is_nothing_and_what_is_wrong_is_said() {
    let server = Server::start().await;
    for path in ["uni_sse", "uni_http_stream"] {
        let answer = server.request("POST", &format!("/connection/{path}"), &[], "").await;
        assert_eq!(answer.status(), 200);
    }
    let get = server.request("GET", "/connection/uni_sse", &[], "").await;
    assert!(get.head.contains("content-type: text/event-stream"), "{}", get.head);
    assert!(Listener::Events(get).push().await["connect"]["client"].is_string());
    let many: Value = (0..=limits::CHANNELS_PER_CONNECTION).map(|it| (format!("plain:{it}"), json!({}))).collect();
    for (request, code) in [
        (json!([{ "token": "" }]), 3501),
        (json!({ "subs": 1 }), 3501),
        (json!({ "subs": { "": {} } }), 3507),
        (json!({ "subs": { "nowhere:a": {} } }), 3507),
        (json!({ "subs": { "ops:a": {} } }), 3507),
        (json!({ "subs": { "@node:a": {} } }), 3507),
        (json!({ "subs": { "plain:a": { "token": "x" } } }), 3507),
        (json!({ "subs": { format!("plain:{}", "x".repeat(300)): {} } }), 3501),
        (json!({ "token": "forged" }), 3500),
        (json!({ "subs": many }), 3505),
    ] {
        for listener in Listener::on_each(&server, &request).await {
            assert_eq!(listener.ended().await, code, "{request:.60}");
        }
    }
    let mut socket = server.open_one_way("").await;
    socket.socket.send(Message::binary(vec![1])).await.expect("sent");
    assert_eq!(socket.closed().await.0, 3501);
    let protobuf = server.open_at_path("/connection/uni_websocket?format=protobuf", &[]).await;
    assert!(protobuf.is_err(), "only JSON");
    let binary = [("content-type", "application/octet-stream")];
    assert_eq!(server.request("POST", "/connection/uni_http_stream", &binary, "x").await.status(), 400);
    let large = "x".repeat(limits::REALTIME_MESSAGE_BYTES + 1);
    assert_eq!(server.request("POST", "/connection/uni_http_stream", &[], &large).await.status(), 413);
    let elsewhere = [("origin", "https://evil.example")];
    assert_eq!(server.request("GET", "/connection/uni_sse", &elsewhere, "").await.status(), 403);
    in_time(async {
        while server.hub.stats().subscriptions > 0 {
            server.publish("plain:0", json!(1)).await;
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_listens_is_pinged_and_need_not_answer() {
    let server = Server::start().await;
    let mut socket = server.open_one_way(&query(&json!({}))).await;
    assert!(socket.next().await["connect"].is_object());
    // Nothing that it says counts.
    for word in ["{}", r#"{"id":1,"connect":{}}"#, r#"{"id":2,"subscribe":{"channel":"news:a"}}"#, "nonsense", ""] {
        socket.send(word).await;
    }
    socket.socket.send(Message::binary(vec![0])).await.expect("sent");
    socket.socket.send(Message::Ping("it reads".into())).await.expect("sent");
    let pong = in_time(socket.socket.next()).await;
    assert!(matches!(&pong, Some(Ok(Message::Pong(payload))) if *payload == b"it reads"[..]), "{pong:?}");
    let mut lines = Listener::on_lines(&server, &json!({})).await;
    lines.push().await;
    let mut pings = 0;
    // Two minutes, of which a client that answers nothing would not see the second.
    for _ in 0..120 {
        server.hub.tick();
        tokio::task::yield_now().await;
        while let Some(frame) = socket.socket.next().now_or_never() {
            assert_eq!(frame.expect("a frame").expect("no error"), Message::text("{}"));
            pings += 1;
        }
    }
    assert!((3..=5).contains(&pings), "{pings} pings");
    assert_eq!(lines.push().await, json!({}));
    assert_eq!((server.hub.stats().connections, server.hub.subscribers("news:a")), (2, 0));
}

#[tokio::test]
async fn the_end_is_said_on_every_transport() {
    let server = Server::start().await;
    let mut listeners = Listener::on_each(&server, &json!({ "subs": { "news:a": {} } })).await;
    for listener in &mut listeners {
        listener.push().await;
    }
    server.hub.drain(std::time::Duration::ZERO).await;
    for listener in listeners {
        assert_eq!(listener.ended().await, 3001);
    }
    assert_eq!((server.hub.stats().connections, server.hub.subscribers("news:a")), (0, 0));
}

#[tokio::test]
async fn a_guarded_channel_shows_itself_to_the_right_token_alone() {
    let doors = Arc::new(Doors::default());
    doors.0.lock().insert("key");
    let server = Server::with([Namespace::public("rooms").history(10, FOREVER_MS).guarded(doors.clone())]).await;
    server.publish("rooms:a", json!("secret")).await;
    let with =
        |token: &str, channel: &str| json!({ "subs": { channel: { "token": token, "recover": true, "offset": 0 } } });
    let subs = async |request: &Value| {
        let mut listener = Listener::on_lines(&server, request).await;
        let sub = listener.push().await["connect"]["subs"].take();
        (listener, sub)
    };
    let (mut inside, sub) = subs(&with("key", "rooms:a")).await;
    assert_eq!(sub["rooms:a"]["publications"][0]["data"], "secret");
    let (mut outside, mut sub) = subs(&with("wrong", "rooms:a")).await;
    let (_never, mut never) = subs(&with("wrong", "rooms:never")).await;
    let without_epoch = |sub: &mut Value, channel: &str| {
        let mut sub = sub[channel].take();
        sub.as_object_mut().expect("an object").remove("epoch");
        sub
    };
    assert_eq!(without_epoch(&mut sub, "rooms:a"), without_epoch(&mut never, "rooms:never"));
    server.publish("rooms:a", json!("more")).await;
    assert_eq!(inside.push().await["pub"]["data"], "more");
    doors.0.lock().remove("key");
    server.hub.recheck("rooms:a").await;
    let turned_out = json!({ "channel": "rooms:a", "unsubscribe": { "code": 2100, "reason": "permission denied" } });
    assert_eq!(inside.push().await, turned_out);
    drop(inside);
    server.hub.drain(std::time::Duration::ZERO).await;
    assert_eq!(outside.push().await["disconnect"]["code"], 3001, "it heard nothing");
}

#[tokio::test]
async fn a_token_says_who_listens_and_until_when() {
    let clock = Clock::manual(1_700_000_000_000);
    let register = Register::new(&clock);
    let bus = Bus::memory(clock.clone(), &Entropy::system());
    let rooms = Namespace::public("room").presence();
    let server = Server::behind(register.clone(), clock.clone(), bus, [rooms]).await;
    let token = |token: String| json!({ "token": token, "subs": { "room:a": {} } });
    let until_ms = clock.now_ms() + 60_000;
    for mut listener in Listener::on_each(&server, &token(format!("ann@{until_ms}"))).await {
        let connect = listener.push().await["connect"].take();
        assert_eq!((&connect["expires"], &connect["ttl"]), (&json!(true), &json!(60)), "{connect}");
        let there = server.hub.presence("room:a").await;
        assert!(there.clients.iter().any(|it| *it.person == *"ann"), "{there:?}");
    }
    let mut ann = Listener::on_lines(&server, &token(format!("ann@{until_ms}"))).await;
    let mut bob = Listener::on_lines(&server, &token("bob".to_owned())).await;
    ann.push().await;
    bob.push().await;
    clock.advance(60_000);
    server.hub.tick();
    assert_eq!(ann.ended().await, 3005, "it cannot refresh: no time to");
    register.ban("bob");
    server.hub.ask_again("bob").await;
    assert_eq!(bob.ended().await, 3503);
    assert_eq!(Listener::on_lines(&server, &token(format!("ann@{until_ms}"))).await.ended().await, 3005);
    register.go_away(true);
    assert_eq!(Listener::on_lines(&server, &token("cem".to_owned())).await.ended().await, 3004, "comes again");
}

/// Over all its channels, which it names as many of as it likes.
#[tokio::test]
async fn a_beginning_carries_so_many_bytes_and_no_more() {
    let server = Server::start().await;
    let text = "x".repeat(limits::HISTORY_READ_BYTES / 2 - 2);
    let channels = ["news:a", "news:b", "news:c"];
    for channel in channels {
        server.publish(channel, json!(1)).await;
        server.publish(channel, json!(text)).await;
    }
    let subs: serde_json::Map<_, _> =
        channels.iter().map(|channel| ((*channel).to_owned(), json!({ "recover": true, "offset": 1 }))).collect();
    let mut listener = Listener::on_lines(&server, &json!({ "subs": subs })).await;
    let first = listener.push().await;
    let recovered = channels.map(|channel| first["connect"]["subs"][channel]["recovered"] == true);
    assert_eq!(recovered, [true, true, false]);
    let last = &first["connect"]["subs"]["news:c"];
    assert_eq!((last.get("publications"), &last["was_recovering"], &last["offset"]), (None, &json!(true), &json!(2)));
    server.publish("news:c", json!(3)).await;
    assert_eq!(listener.push().await, json!({ "channel": "news:c", "pub": { "data": 3, "offset": 3 } }));
}
