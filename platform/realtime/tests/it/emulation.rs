//! The Centrifuge protocol over plain HTTP: an answer without end, and commands that come by requests of their own.

use bus::Bus;
use kernel::{Clock, Entropy, limits};
use serde_json::{Value, json};

use crate::support::{Events, Server, in_time};

const CONNECT: &str = r#"{"id":1,"connect":{}}"#;
const BY_QUERY: &str = "/connection/sse?cf_connect=%7B%22id%22%3A1%2C%22connect%22%3A%7B%7D%7D";

/// A client, as the official one goes about it.
struct Client {
    answer: Events,
    as_events: bool,
    session: Value,
    node: Value,
}

impl Client {
    async fn over_lines(server: &Server) -> Self {
        Self::connected(server.request("POST", "/connection/http_stream", &[], CONNECT).await, false).await
    }

    async fn over_events(server: &Server) -> Self {
        Self::connected(server.request("GET", BY_QUERY, &[], "").await, true).await
    }

    async fn connected(answer: Events, as_events: bool) -> Self {
        assert_eq!(answer.status(), 200, "{}", answer.head);
        let mut it = Self { answer, as_events, session: Value::Null, node: Value::Null };
        let reply = it.next().await;
        assert_eq!((&reply["id"], &reply["connect"]["pong"]), (&json!(1), &json!(true)), "{reply}");
        (it.session, it.node) = (reply["connect"]["session"].clone(), reply["connect"]["node"].clone());
        assert!(it.session.as_str().is_some_and(|session| session.len() > 32), "{reply}");
        it
    }

    async fn text(&mut self) -> Option<String> {
        if !self.as_events {
            return self.answer.line().await;
        }
        let event = self.answer.next().await?;
        Some(event.strip_prefix("data: ").expect("data only").to_owned())
    }

    async fn next(&mut self) -> Value {
        serde_json::from_str(&self.text().await.expect("another message")).expect("JSON")
    }

    fn saying(&self, data: &str) -> String {
        json!({ "session": self.session, "node": self.node, "data": data }).to_string()
    }

    /// Sends command lines by way of any process; the status of the answer.
    async fn say(&self, through: &Server, data: &str) -> u16 {
        through
            .request("POST", "/emulation", &[("content-type", "application/json")], &self.saying(data))
            .await
            .status()
    }
}

const SUBSCRIBE: &str = r#"{"id":2,"subscribe":{"channel":"news:a"}}"#;

#[tokio::test]
async fn a_client_is_served_by_events_and_by_lines() {
    let server = Server::start().await;
    for client in [Client::over_lines(&server).await, Client::over_events(&server).await] {
        let mut client = client;
        let before = server.publish("news:a", json!("before")).await;
        let commands =
            format!("{SUBSCRIBE}\n{}", r#"{"id":3,"history":{"channel":"news:a","limit":1,"reverse":true}}"#);
        assert_eq!(client.say(&server, &commands).await, 204);
        let reply = client.next().await;
        assert_eq!((&reply["id"], &reply["subscribe"]["offset"]), (&json!(2), &json!(before)), "{reply}");
        assert_eq!(client.next().await["history"]["publications"][0]["data"], "before", "in their order");
        server.publish("news:a", json!("line\nends")).await;
        let push = client.next().await;
        assert_eq!((&push["push"]["channel"], &push["push"]["pub"]["data"]), (&json!("news:a"), &json!("line\nends")));
        assert_eq!(client.say(&server, r#"{"id":4,"unsubscribe":{"channel":"news:a"}}"#).await, 204);
        assert_eq!(client.next().await["id"], 4);
        assert_eq!(server.hub.subscribers("news:a"), 0);
    }
}

#[tokio::test]
async fn commands_reach_their_connection_by_way_of_another_process() {
    let bus = Bus::memory(Clock::system(), &Entropy::system());
    let (one, two) = (Server::on(bus.clone(), []).await, Server::on(bus, []).await);
    let mut client = Client::over_lines(&one).await;
    assert_eq!(client.say(&two, SUBSCRIBE).await, 204);
    assert_eq!(client.next().await["id"], 2);
    two.publish("news:a", json!(1)).await;
    assert_eq!(client.next().await["push"]["pub"]["data"], 1);
    // The channel between processes is none for clients.
    let node = client.node.as_str().expect("a name").to_owned();
    let spying = json!({ "id": 3, "subscribe": { "channel": format!("@node:{node}") } }).to_string();
    assert_eq!(client.say(&one, &spying).await, 204);
    assert_eq!(client.next().await["error"]["code"], 102);
}

#[tokio::test]
async fn nobody_speaks_for_another() {
    let server = Server::start().await;
    let mut client = Client::over_lines(&server).await;
    let number = client.session.as_str().and_then(|session| session.split_once('-')).expect("a number").0.to_owned();
    let wrong =
        [format!("{number}-{}", "0".repeat(32)), number.clone(), format!("{number}-"), "-".to_owned(), String::new()];
    for session in wrong {
        let body = json!({ "session": session, "node": client.node, "data": SUBSCRIBE }).to_string();
        assert_eq!(server.request("POST", "/emulation", &[], &body).await.status(), 204, "as to one that is gone");
    }
    // A socket has no session at all.
    let mut socket = server.connect().await;
    for number in 0..10 {
        let body = json!({ "session": format!("{number}-"), "node": client.node, "data": SUBSCRIBE }).to_string();
        assert_eq!(server.request("POST", "/emulation", &[], &body).await.status(), 204);
    }
    assert_eq!(client.say(&server, r#"{"id":9,"unsubscribe":{"channel":"news:b"}}"#).await, 204);
    assert_eq!(client.next().await["id"], 9, "nothing of it was worked on");
    assert_eq!(socket.ask(json!({ "unsubscribe": { "channel": "news:b" } })).await["unsubscribe"], json!({}));
    assert_eq!(server.hub.subscribers("news:a"), 0);
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_status() {
    let server = Server::start().await;
    let client = Client::over_lines(&server).await;
    let large = "x".repeat(limits::REALTIME_MESSAGE_BYTES + 1);
    let node = |node: &str| json!({ "session": "1-2", "node": node, "data": "{}" }).to_string();
    let binary = [("content-type", "application/octet-stream")];
    let elsewhere = [("origin", "https://evil.example")];
    let (gone_to, image) = ([("sec-fetch-mode", "navigate")], [("sec-fetch-mode", "no-cors")]);
    for (method, path, headers, body, status) in [
        ("GET", "/connection/sse", &[][..], "", 400),
        ("POST", "/connection/sse", &[], " \n ", 400),
        ("POST", "/connection/http_stream", &[], "", 400),
        ("POST", "/connection/http_stream", &[], &large, 413),
        ("POST", "/connection/sse", &binary, CONNECT, 400),
        ("GET", "/connection/http_stream", &[], "", 405),
        ("POST", "/emulation", &[], "{", 400),
        ("POST", "/emulation", &[], r#"{"session":"1-2"}"#, 400),
        ("POST", "/emulation", &[], &large, 413),
        ("POST", "/emulation", &[], &node(""), 404),
        ("POST", "/emulation", &[], &node("no name"), 404),
        ("POST", "/emulation", &[], &node(&"a".repeat(33)), 404),
        ("POST", "/emulation", &elsewhere, &client.saying(SUBSCRIBE), 403),
        ("POST", "/connection/http_stream", &elsewhere, CONNECT, 403),
        ("GET", BY_QUERY, &elsewhere, "", 403),
        ("GET", BY_QUERY, &gone_to, "", 403),
        ("GET", BY_QUERY, &image, "", 403),
        ("OPTIONS", "/emulation", &elsewhere, "", 403),
    ] {
        let answer = server.request(method, path, headers, body).await;
        assert_eq!(answer.status(), status, "{method} {path} {:.40}: {}", body, answer.head);
    }
    assert_eq!(server.hub.stats().connections, 1, "none of them is a connection");
}

#[tokio::test]
async fn pages_of_listed_origins_may_come_in() {
    let server = Server::start().await;
    server.hub.allow_origin("https://app.example");
    let page = [("origin", "https://app.example"), ("sec-fetch-mode", "cors")];
    for (method, body, status) in [("OPTIONS", "", 204), ("POST", CONNECT, 200)] {
        let answer = server.request(method, "/connection/http_stream", &page, body).await;
        assert_eq!(answer.status(), status, "{}", answer.head);
        assert!(answer.head.contains("access-control-allow-origin: https://app.example\r\n"), "{}", answer.head);
        assert!(answer.head.contains("access-control-allow-credentials: true\r\n"), "{}", answer.head);
    }
}

/// The last message and its code, after whatever comes before.
async fn ended(client: &mut Client) -> u64 {
    let mut last = Value::Null;
    while let Some(text) = client.text().await {
        last = serde_json::from_str(&text).expect("JSON");
    }
    last["push"]["disconnect"]["code"].as_u64().unwrap_or_else(|| panic!("no farewell: {last}"))
}

#[tokio::test]
async fn the_end_is_said() {
    let server = Server::start().await;
    for (wrong, code) in [
        ("nonsense", 3501),
        (CONNECT, 3501),
        ("  \n ", 3501),
        ("{}", 3501),
        (r#"{"id":5,"refresh":{"token":"x"}}"#, 3501),
        (r#"{"send":{"data":1}}"#, 3508),
    ] {
        let mut client = Client::over_lines(&server).await;
        assert_eq!(client.say(&server, wrong).await, 204);
        assert_eq!(ended(&mut client).await, code, "{wrong}");
    }
    // What was not worth a connection.
    let mut answer = server.request("POST", "/connection/http_stream", &[], SUBSCRIBE).await;
    assert_eq!(answer.line().await.as_deref(), Some(r#"{"push":{"disconnect":{"code":3501,"reason":"bad request"}}}"#));
    assert_eq!(answer.line().await, None);
    let (mut events, mut lines) = (Client::over_events(&server).await, Client::over_lines(&server).await);
    server.hub.drain(std::time::Duration::ZERO).await;
    assert_eq!((ended(&mut events).await, ended(&mut lines).await), (3001, 3001));
    assert_eq!(server.hub.stats().connections, 0);
    assert_eq!(server.request("POST", "/connection/http_stream", &[], CONNECT).await.status(), 503, "it drains");
}

#[tokio::test]
async fn who_answers_pings_stays_and_who_does_not_is_sent_away() {
    let server = Server::start().await;
    let (mut quick, mut dead) = (Client::over_lines(&server).await, Client::over_events(&server).await);
    let mut pinged = false;
    // A minute in ticks; each is answered before the next.
    for _ in 0..60 {
        server.hub.tick();
        let said = quick.say(&server, r#"{"id":7,"unsubscribe":{"channel":"news:a"}}"#);
        assert_eq!(said.await, 204);
        loop {
            let message = quick.next().await;
            if message["id"] == 7 {
                break;
            }
            assert_eq!(message, json!({}));
            assert_eq!(quick.say(&server, "{}").await, 204);
            pinged = true;
        }
    }
    assert!(pinged);
    assert_eq!(dead.next().await, json!({}));
    assert_eq!(ended(&mut dead).await, 3012);
    assert_eq!(server.hub.stats().connections, 1);
}

#[tokio::test]
async fn one_that_goes_leaves_its_channels() {
    let server = Server::start().await;
    let mut client = Client::over_lines(&server).await;
    client.say(&server, SUBSCRIBE).await;
    client.next().await;
    assert_eq!(server.hub.subscribers("news:a"), 1);
    let (session, node) = (client.session.clone(), client.node.clone());
    drop(client);
    in_time(async {
        // A write is what finds out that nobody reads.
        while server.hub.stats().connections > 0 {
            server.publish("news:a", json!(1)).await;
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(server.hub.subscribers("news:a"), 0);
    let body = json!({ "session": session, "node": node, "data": SUBSCRIBE }).to_string();
    assert_eq!(server.request("POST", "/emulation", &[], &body).await.status(), 204, "its stream has ended: it knows");
    assert_eq!(server.hub.subscribers("news:a"), 0);
}
