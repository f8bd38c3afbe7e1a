//! Who a connection acts for: by its headers or by a token, until its right ends or is taken back.

use std::sync::Arc;

use bus::Bus;
use futures_util::StreamExt;
use kernel::{Clock, Entropy};
use realtime::Caller;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::register::Register;
use crate::support::{Client, Events, Server, in_time};

const START_MS: i64 = 1_700_000_000_000;

struct House {
    server: Server,
    register: Arc<Register>,
    clock: Clock,
}

impl House {
    async fn new() -> Self {
        let clock = Clock::manual(START_MS);
        let register = Register::new(&clock);
        let bus = Bus::memory(clock.clone(), &Entropy::system());
        let server = Server::behind(register.clone(), clock.clone(), bus, []).await;
        Self { server, register, clock }
    }

    async fn open_as(&self, user: &str) -> Client {
        self.server.try_open(&[("x-user", user)]).await.expect("a handshake")
    }

    async fn connected_as(&self, user: &str) -> Client {
        let mut client = self.open_as(user).await;
        assert!(client.ask(json!({ "connect": {} })).await["connect"].is_object());
        client
    }

    async fn connected_by(&self, token: &str) -> (Client, Value) {
        let mut client = self.server.open().await;
        let reply = client.ask(json!({ "connect": { "token": token } })).await;
        assert!(reply["connect"].is_object(), "{reply}");
        (client, reply["connect"].clone())
    }

    async fn stream(&self, user: &str) -> Events {
        self.server.events("plain:a/events", &[("x-user", user)]).await
    }

    async fn emulated(&self, path: &str, user: &str) -> Events {
        let connect = r#"{"id":1,"connect":{}}"#;
        self.server.request("POST", path, &[("x-user", user)], connect).await
    }

    /// So much time passes, and the hub looks.
    fn pass(&self, ms: i64) {
        self.clock.advance(ms);
        self.server.hub.tick();
    }
}

fn token(user: &str, after_ms: i64) -> String {
    format!("{user}@{}", START_MS + after_ms)
}

/// The code of the farewell that ends an answer without end.
async fn farewell(mut answer: Events) -> u64 {
    let mut last = String::new();
    while let Some(line) = answer.line().await {
        if line.contains("disconnect") {
            last = line.trim_start_matches("data: ").to_owned();
        }
    }
    let push: Value = serde_json::from_str(&last).expect("a farewell");
    push["push"]["disconnect"]["code"].as_u64().expect("a code")
}

async fn ends(mut stream: Events) {
    while stream.next().await.is_some() {}
}

#[tokio::test]
async fn a_token_says_who_it_is_and_for_how_long() {
    let house = House::new().await;
    let (_client, connect) = house.connected_by(&token("ann", 60_500)).await;
    assert_eq!((&connect["expires"], &connect["ttl"]), (&json!(true), &json!(61)));
    let (_client, connect) = house.connected_by("ann").await;
    assert!(connect["expires"].is_null() && connect["ttl"].is_null(), "{connect}");
    // A good token overrides who the handshake said.
    let mut client = house.open_as("bob").await;
    client.ask(json!({ "connect": { "token": "ann" } })).await;
    house.register.ban("bob");
    house.server.hub.ask_again("bob").await;
    assert!(client.ask(json!({ "unsubscribe": { "channel": "plain:a" } })).await["unsubscribe"].is_object());
    house.register.ban("ann");
    house.server.hub.ask_again("ann").await;
    assert_eq!(client.closed().await, (3503, "force disconnect".to_owned()));
}

#[tokio::test]
async fn a_token_that_is_not_good_lets_nobody_in() {
    let house = House::new().await;
    let mut client = house.server.open().await;
    client.send(r#"{"id":1,"connect":{"token":"forged"}}"#).await;
    assert_eq!(client.closed().await, (3500, "invalid token".to_owned()));
    let late = token("ann", 0);
    let mut client = house.open_as("ann").await;
    client
        .send(
            json!({ "id": 1, "connect": { "token": late } }).to_string()
                + "\n{\"id\":2,\"history\":{\"channel\":\"news:a\"}}",
        )
        .await;
    let reply = client.next().await;
    assert_eq!((&reply["id"], &reply["error"]["code"]), (&json!(1), &json!(109)), "{reply}");
    client.send(r#"{"id":3,"connect":{"token":"ann"}}"#).await;
    for _ in 0..20 {
        house.server.hub.tick();
    }
    match in_time(client.socket.next()).await {
        Some(Ok(tokio_tungstenite::tungstenite::Message::Close(Some(frame)))) => {
            assert_eq!(u16::from(frame.code), 3000)
        }
        other => panic!("something was answered after the refusal: {other:?}"),
    }
}

#[tokio::test]
async fn a_right_ends_at_its_time_and_some_grace() {
    let house = House::new().await;
    let (mut client, _) = house.connected_by(&token("ann", 60_000)).await;
    let (mut other, _) = house.connected_by(&token("ann", 60_001)).await;
    house.pass(84_999);
    assert!(client.ask(json!({ "unsubscribe": { "channel": "plain:a" } })).await["unsubscribe"].is_object());
    house.pass(1);
    assert_eq!(client.closed().await, (3005, "connection expired".to_owned()));
    assert!(other.ask(json!({ "unsubscribe": { "channel": "plain:a" } })).await["unsubscribe"].is_object());
    house.pass(1);
    assert_eq!(other.closed().await.0, 3005);
}

#[tokio::test]
async fn a_session_ends_at_its_time() {
    let house = House::new().await;
    let session = token("ann", 60_000);
    let mut client = house.connected_as(&session).await;
    let lines = house.emulated("/connection/http_stream", &session).await;
    house.pass(59_999);
    assert!(client.ask(json!({ "unsubscribe": { "channel": "plain:a" } })).await["unsubscribe"].is_object());
    house.pass(1);
    assert_eq!(client.closed().await.0, 3005);
    assert_eq!(farewell(lines).await, 3005);
}

#[tokio::test]
async fn a_refresh_that_makes_an_admin_or_unmakes_one_is_a_new_beginning() {
    let house = House::new().await;
    let (plain, admin) = (token("ann", 60_000), token("ann", 60_000) + "/admin");
    for (before, after) in [(&plain, &admin), (&admin, &plain)] {
        let (mut client, _) = house.connected_by(before).await;
        client.send(json!({ "id": 2, "refresh": { "token": after } }).to_string()).await;
        assert_eq!(client.closed().await, (3014, "state invalidated".to_owned()));
    }
}

/// The ban comes between the look-up and the history.
#[tokio::test]
async fn who_is_cut_on_the_way_in_reads_no_history() {
    let house = House::new().await;
    let (hub, register) = (&house.server.hub, &house.register);
    let top = hub.publish("news:a", &json!("secret")).await.expect("published");
    let last = format!("0@{}", top.epoch);
    register.hold();
    let headers = [("x-user", "ann"), ("last-event-id", last.as_str())];
    let way_in = house.server.events("news:a/events", &headers);
    let taken_back = async {
        register.has_looked().await;
        register.ban("ann");
        hub.ask_again("ann").await;
        register.give();
    };
    let (mut stream, ()) = tokio::join!(way_in, taken_back);
    while let Some(event) = stream.next().await {
        assert!(!event.contains("secret"), "{event}");
    }
    // Read and not yet taken.
    let bob = Caller { user: "bob".to_owned(), ..Caller::default() };
    let mut feed = hub.open_stream("news:a", Some(0), 10, &bob).await.expect("a stream");
    register.ban("bob");
    hub.ask_again("bob").await;
    assert!(in_time(feed.next()).await.is_none());
}

#[tokio::test]
async fn a_reader_that_cannot_refresh_ends_at_its_time() {
    let house = House::new().await;
    let caller = Caller { user: "ann".to_owned(), until_ms: Some(START_MS + 1_000), ..Caller::default() };
    let mut feed = house.server.hub.open_stream("plain:a", None, 0, &caller).await.expect("a stream");
    house.pass(999);
    house.server.publish("plain:a", json!(1)).await;
    assert!(in_time(feed.next()).await.is_some());
    house.pass(1);
    assert!(in_time(feed.next()).await.is_none());
}

#[tokio::test]
async fn a_refresh_moves_the_end() {
    let house = House::new().await;
    let (mut client, _) = house.connected_by(&token("ann", 60_000)).await;
    let reply = client.ask(json!({ "refresh": { "token": token("ann", 600_000) } })).await;
    assert_eq!(reply["refresh"], json!({ "expires": true, "ttl": 600 }));
    house.pass(100_000);
    // Nearer is an end as well.
    let reply = client.ask(json!({ "refresh": { "token": token("ann", 110_000) } })).await;
    assert_eq!(reply["refresh"]["ttl"], 10);
    house.register.go_away(true);
    let reply = client.ask(json!({ "refresh": { "token": "ann" } })).await;
    assert_eq!((&reply["error"]["code"], &reply["error"]["temporary"]), (&json!(100), &json!(true)));
    house.register.go_away(false);
    assert_eq!(client.ask(json!({ "refresh": { "token": "ann" } })).await["refresh"], json!({}));
    house.pass(1_000_000);
    assert!(client.ask(json!({ "unsubscribe": { "channel": "plain:a" } })).await["unsubscribe"].is_object());
}

#[tokio::test]
async fn a_refresh_that_is_not_good_ends_the_connection() {
    let house = House::new().await;
    for (shown, code) in [("", 3501), ("forged", 3500), ("bob", 3500), (&token("ann", 0), 3005)] {
        let (mut client, _) = house.connected_by(&token("ann", 60_000)).await;
        client.send(json!({ "id": 2, "refresh": { "token": shown } }).to_string()).await;
        assert_eq!(client.closed().await.0, code, "{shown}");
    }
}

#[tokio::test]
async fn whoever_cannot_be_looked_up_is_told_to_come_again() {
    let house = House::new().await;
    house.register.go_away(true);
    let stream = house.stream("ann").await;
    assert_eq!(stream.status(), 503);
    assert!(stream.head.to_ascii_lowercase().contains("retry-after: 1\r\n"), "{}", stream.head);
    let temporary = |reply: &Value| (reply["error"]["code"].clone(), reply["error"]["temporary"].clone());
    let mut client = house.open_as("ann").await;
    let reply = client.ask(json!({ "connect": {} })).await;
    assert_eq!(temporary(&reply), (json!(100), json!(true)), "never as nobody: {reply}");
    let mut answer = house.emulated("/connection/http_stream", "ann").await;
    let reply: Value = serde_json::from_str(&answer.line().await.expect("a reply")).expect("JSON");
    assert_eq!(temporary(&reply), (json!(100), json!(true)));
    let mut client = house.server.open().await;
    let reply = client.ask(json!({ "connect": { "token": "ann" } })).await;
    assert_eq!(temporary(&reply), (json!(100), json!(true)));
    // Who says nothing about itself is nobody, and needs no look-up.
    assert!(house.server.open().await.ask(json!({ "connect": {} })).await["connect"].is_object());
    // A good token makes up for headers that could not be looked up.
    let mut client = house.open_as("ann").await;
    house.register.go_away(false);
    assert!(client.ask(json!({ "connect": { "token": "ann" } })).await["connect"].is_object());
}

#[tokio::test]
async fn whoever_is_banned_is_gone_from_every_transport() {
    let house = House::new().await;
    let hub = &house.server.hub;
    let mut socket = house.connected_as("ann").await;
    let mut silent = house.open_as("ann").await;
    let lines = house.emulated("/connection/http_stream", "ann").await;
    let events = house.emulated("/connection/sse", "ann").await;
    let stream = house.stream("ann").await;
    let ann = Caller { user: "ann".to_owned(), ..Caller::default() };
    let mut feed = hub.open_stream("plain:a", None, 0, &ann).await.expect("a stream");
    let mut bob = house.connected_as("bob").await;
    let mut nobody = house.server.connect().await;
    hub.ask_again("ann").await;
    house.register.ban("ann");
    hub.ask_again("bob").await;
    assert_eq!(hub.stats().connections, 8, "so far everybody may stay");
    hub.ask_again("ann").await;
    assert_eq!(socket.closed().await, (3503, "force disconnect".to_owned()));
    assert_eq!(silent.closed().await.0, 3503, "before its connect too");
    assert_eq!((farewell(lines).await, farewell(events).await), (3503, 3503));
    ends(stream).await;
    assert!(in_time(feed.next()).await.is_none());
    for other in [&mut bob, &mut nobody] {
        assert!(other.ask(json!({ "unsubscribe": { "channel": "plain:a" } })).await["unsubscribe"].is_object());
    }
}

#[tokio::test]
async fn whoever_lost_its_session_may_come_again() {
    let house = House::new().await;
    let mut socket = house.connected_as("ann").await;
    let lines = house.emulated("/connection/http_stream", "ann").await;
    let (mut by_token, _) = house.connected_by("ann").await;
    house.register.end("session ann");
    house.server.hub.ask_about_all().await;
    assert_eq!(socket.closed().await, (3014, "state invalidated".to_owned()));
    assert_eq!(farewell(lines).await, 3014);
    assert!(by_token.ask(json!({ "unsubscribe": { "channel": "plain:a" } })).await["unsubscribe"].is_object());
    house.register.end("ann");
    house.server.hub.ask_again("ann").await;
    assert_eq!(by_token.closed().await.0, 3014);
}

#[tokio::test]
async fn a_doorman_without_an_answer_is_asked_again() {
    let house = House::new().await;
    let mut socket = house.connected_as("ann").await;
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (hub, stop) = (house.server.hub.clone(), stop.clone());
        async move { hub.run(stop).await }
    });
    house.register.ban("ann");
    house.register.go_away(true);
    house.server.hub.ask_again("ann").await;
    assert!(socket.ask(json!({ "unsubscribe": { "channel": "plain:a" } })).await["unsubscribe"].is_object());
    house.register.go_away(false);
    assert_eq!(socket.closed().await.0, 3503);
    stop.cancel();
    running.await.expect("ended");
}

/// The right is looked up and found good; before the connection is there to be found, it is taken back.
#[tokio::test]
async fn a_right_taken_back_on_the_way_in_is_noticed() {
    let house = House::new().await;
    let (hub, register) = (&house.server.hub, &house.register);
    let (mut refreshing, _) = house.connected_by("dan").await;
    let mut connecting = house.server.open().await;
    register.has_looked().await;
    register.has_looked().await;
    register.has_looked().await;
    register.hold();
    let way_in = async {
        tokio::join!(
            house.open_as("ann"),
            house.emulated("/connection/http_stream", "ann"),
            house.stream("ann"),
            connecting.send(r#"{"id":1,"connect":{"token":"ann"}}"#),
            refreshing.send(r#"{"id":2,"refresh":{"token":"dan"}}"#),
        )
    };
    let taken_back = async {
        for _ in 0..5 {
            register.has_looked().await;
        }
        register.ban("ann");
        register.end("dan");
        hub.ask_again("ann").await;
        register.give();
    };
    let ((mut socket, lines, stream, ..), ()) = tokio::join!(way_in, taken_back);
    assert_eq!(socket.closed().await.0, 3503);
    assert_eq!(farewell(lines).await, 3503);
    ends(stream).await;
    assert_eq!(connecting.closed().await.0, 3503);
    assert_eq!(refreshing.closed().await.0, 3014);
}

#[tokio::test]
async fn a_product_ends_what_a_person_has_open() {
    let house = House::new().await;
    let hub = &house.server.hub;
    let (mut ann, mut again, mut bob) =
        (house.connected_as("ann").await, house.connected_as("ann").await, house.connected_as("bob").await);
    let stream = house.stream("ann").await;
    for client in [&mut ann, &mut again, &mut bob] {
        client.subscribe("plain:a").await;
    }
    again.ask(json!({ "unsubscribe": { "channel": "plain:a" } })).await;
    assert_eq!(hub.unsubscribe("ann", "plain:a"), 2, "a socket and a stream");
    let push = ann.next().await;
    assert_eq!(push["push"]["unsubscribe"], json!({ "code": 2000, "reason": "server unsubscribe" }), "{push}");
    ends(stream).await;
    assert_eq!(hub.subscribers("plain:a"), 1);
    assert!(ann.subscribe("plain:a").await.is_object(), "it may come again");
    assert!(hub.disconnect("ann", true) >= 2, "the stream may not have ended quite");
    assert_eq!(ann.closed().await, (3011, "force reconnect".to_owned()));
    assert_eq!(again.closed().await.0, 3011);
    assert_eq!(hub.disconnect("bob", false), 1);
    assert_eq!(bob.closed().await.0, 3503);
    assert_eq!(hub.disconnect("nobody", false), 0);
}
