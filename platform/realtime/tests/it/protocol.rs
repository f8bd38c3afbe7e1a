//! The Centrifuge protocol command by command.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::{Client, Server, in_time};

#[tokio::test]
async fn connect_subscribe_and_receive() {
    let server = Server::start().await;
    let mut client = server.open().await;
    // As the official client does: both commands in its first frame.
    client
        .send(
            "{\"id\":1,\"connect\":{\"name\":\"js\"}}\n{\"id\":2,\"subscribe\":{\"channel\":\"news:a\",\"flag\":1}}\n",
        )
        .await;
    let connect = client.next().await;
    assert_eq!(connect["id"], 1);
    assert_eq!((&connect["connect"]["ping"], &connect["connect"]["pong"]), (&json!(25), &json!(true)));
    assert_eq!(connect["connect"]["client"].as_str().map(str::len), Some(36));
    let subscribe = client.next().await;
    let epoch = subscribe["subscribe"]["epoch"].clone();
    assert_eq!(subscribe, json!({"id": 2, "subscribe": {"recoverable": true, "positioned": true, "epoch": epoch}}));
    server.publish("news:a", json!({"n": 1})).await;
    server.publish("news:b", json!("not for us")).await;
    server.publish("news:a", json!({"n": 2})).await;
    let publication = json!({"data": {"n": 1}, "offset": 1, "epoch": epoch});
    assert_eq!(client.next().await, json!({"push": {"channel": "news:a", "pub": publication}}));
    assert_eq!(client.next().await["push"]["pub"], json!({"data": {"n": 2}, "offset": 2}));
}

#[tokio::test]
async fn a_channel_without_history_has_no_positions() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    assert_eq!(client.subscribe("plain:a").await, json!({}));
    server.publish("plain:a", json!([1, "\n"])).await;
    assert_eq!(client.next().await, json!({"push": {"channel": "plain:a", "pub": {"data": [1, "\n"]}}}));
    assert_eq!(client.error(json!({"history": {"channel": "plain:a"}})).await, 108);
    let recover = json!({"subscribe": {"channel": "plain:b", "recover": true}});
    assert_eq!(client.ask(recover).await["subscribe"], json!({"was_recovering": true}));
}

#[tokio::test]
async fn errors_leave_the_connection_open() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    let subscribe = |channel: &str| json!({"subscribe": {"channel": channel}});
    for (command, code) in [
        (subscribe("nowhere:a"), 102),
        (subscribe("news"), 102),
        (subscribe("news:"), 102),
        (subscribe("ops:a"), 103),
        (subscribe(&format!("news:{}", "x".repeat(251))), 107),
        (json!({"subscribe": {"channel": "news:a", "token": "t"}}), 103),
        (json!({"subscribe": {"channel": "news:a", "type": 1}}), 108),
        (json!({"subscribe": {"channel": "news:a", "tf": {"op": "eq"}}}), 108),
        (json!({"publish": {"channel": "news:a", "data": 1}}), 103),
        (json!({"presence": {"channel": "news:a"}}), 108),
        (json!({"presence_stats": {"channel": "news:a"}}), 108),
        (json!({"rpc": {"method": "m", "data": 1}}), 108),
        (json!({"history": {"channel": "ops:a"}}), 103),
        (json!({"sub_refresh": {"channel": "news:a", "token": "t"}}), 103),
    ] {
        assert_eq!(client.error(command.clone()).await, code, "{command}");
    }
    assert!(client.subscribe(&format!("news:{}", "x".repeat(250))).await.is_object());
    client.subscribe("news:a").await;
    assert_eq!(client.error(subscribe("news:a")).await, 105);
    assert_eq!(client.error(json!({"sub_refresh": {"channel": "news:a"}})).await, 107);
}

#[tokio::test]
async fn a_connection_has_so_many_channels_and_no_more() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    for n in 0..128 {
        assert!(client.subscribe(&format!("plain:{n}")).await.is_object());
    }
    assert_eq!(server.hub.stats().subscriptions, 128);
    assert_eq!(client.error(json!({"subscribe": {"channel": "plain:more"}})).await, 106);
    client.ask(json!({"unsubscribe": {"channel": "plain:0"}})).await;
    assert!(client.subscribe("plain:more").await.is_object());
}

#[tokio::test]
async fn unsubscribed_is_silent() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.subscribe("news:a").await;
    client.subscribe("news:b").await;
    assert_eq!(server.hub.subscribers("news:a"), 1);
    for _ in 0..2 {
        assert_eq!(client.ask(json!({"unsubscribe": {"channel": "news:a"}})).await["unsubscribe"], json!({}));
    }
    assert_eq!(server.hub.subscribers("news:a"), 0);
    server.publish("news:a", json!(1)).await;
    server.publish("news:b", json!(2)).await;
    assert_eq!(client.next().await["push"]["channel"], "news:b");
}

#[tokio::test]
async fn history_is_read_in_both_directions() {
    let server = Server::start().await;
    for n in 1..=15 {
        server.publish("news:a", json!(n)).await;
    }
    let mut client = server.connect().await;
    let mut history = async |fields: Value| {
        let mut command = json!({"history": {"channel": "news:a"}});
        command["history"].as_object_mut().expect("an object").extend(fields.as_object().expect("one too").clone());
        client.ask(command).await
    };
    let offsets = |reply: &Value| -> Vec<u64> {
        let publications = reply["history"]["publications"].as_array().cloned().unwrap_or_default();
        publications.iter().map(|publication| publication["offset"].as_u64().expect("an offset")).collect()
    };
    let position = history(json!({})).await;
    let epoch = position["history"]["epoch"].as_str().expect("an epoch").to_owned();
    assert_eq!(position["history"], json!({"publications": [], "epoch": epoch, "offset": 15}));
    assert_eq!(offsets(&history(json!({"limit": -1})).await), (6..=15).collect::<Vec<_>>());
    assert_eq!(offsets(&history(json!({"limit": 2})).await), [6, 7]);
    assert_eq!(offsets(&history(json!({"limit": 2, "reverse": true})).await), [15, 14]);
    let since = json!({"offset": 12, "epoch": epoch});
    assert_eq!(offsets(&history(json!({"limit": -1, "since": since})).await), [13, 14, 15]);
    assert_eq!(offsets(&history(json!({"limit": 2, "since": since, "reverse": true})).await), [11, 10]);
    let other = history(json!({"limit": 1, "since": {"offset": 1, "epoch": "other"}})).await;
    assert_eq!(other["error"]["code"], 112);
}

#[tokio::test]
async fn bad_requests_end_the_connection() {
    let server = Server::start().await;
    for text in [
        "",
        "\n",
        "{}",
        "[]",
        "{\"id\":2}",
        "{\"id\":2,\"ping\":{}}",
        "{\"id\":2,\"connect\":{}}",
        "{\"subscribe\":{\"channel\":\"news:a\"}}",
        "{\"id\":2,\"subscribe\":{}}",
        "{\"id\":2,\"history\":{}}",
        "{\"id\":2,\"publish\":{}}",
        "{\"id\":2,\"unsubscribe\":{}}",
        "{\"id\":2,\"presence\":{}}",
        "{\"id\":2,\"refresh\":{}}",
        "{\"id\":2,\"refresh\":{\"token\":\"of one that came without\"}}",
        "{\"id\":-1,\"rpc\":{}}",
        "{\"id\":2,",
    ] {
        let mut client = server.connect().await;
        client.send(text).await;
        assert_eq!(client.closed().await, (3501, "bad request".to_owned()), "{text:?}");
    }
    let mut client = server.open().await;
    client.send("{\"id\":1,\"subscribe\":{\"channel\":\"news:a\"}}").await;
    assert_eq!(client.closed().await.0, 3501, "connect comes first");
    let mut client = server.connect().await;
    client.socket.send(Message::binary(vec![1])).await.expect("sent");
    assert_eq!(client.closed().await.0, 3501, "JSON is text");
}

#[tokio::test]
async fn what_is_not_there_ends_the_connection_for_good() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send("{\"send\":{\"data\":1}}").await;
    assert_eq!(client.closed().await, (3508, "not available".to_owned()));
    let mut client = server.open().await;
    client.send("{\"id\":1,\"connect\":{\"token\":\"t\"}}").await;
    assert_eq!(client.closed().await, (3500, "invalid token".to_owned()));
}

#[tokio::test]
async fn what_was_asked_before_the_fault_is_answered() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send("{\"id\":2,\"rpc\":{}}\n{\"id\":3,\"presence\":{\"channel\":\"news:a\"}}\nnonsense").await;
    assert_eq!((client.next().await["id"].clone(), client.next().await["id"].clone()), (json!(2), json!(3)));
    assert_eq!(client.closed().await.0, 3501);
}

#[tokio::test]
async fn frames_are_checked() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.send("x".repeat(64 * 1024 + 1)).await;
    assert_eq!(client.closed().await.0, 1009);
    let mut client = server.connect().await;
    client.socket.send(Message::Ping(b"hello".to_vec().into())).await.expect("sent");
    let pong = in_time(client.socket.next()).await;
    assert!(matches!(pong, Some(Ok(Message::Pong(payload))) if payload == b"hello"[..]));
    client.socket.close(None).await.expect("sent");
    assert!(matches!(in_time(client.socket.next()).await, Some(Ok(Message::Close(_)))));
    assert!(in_time(client.socket.next()).await.is_none());
}

fn status(opened: Result<Client, Error>) -> (u16, http::HeaderMap) {
    match opened {
        Ok(_) => (101, http::HeaderMap::new()),
        Err(Error::Http(response)) => (response.status().as_u16(), response.headers().clone()),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn the_handshake_says_who_may_enter() {
    let server = Server::start().await;
    let own = format!("http://{}", server.address);
    assert_eq!(status(server.try_open(&[("origin", &own)]).await).0, 101);
    assert_eq!(status(server.try_open(&[("origin", "http://elsewhere.example")]).await).0, 403);
    server.hub.allow_origin("http://elsewhere.example");
    assert_eq!(status(server.try_open(&[("origin", "http://elsewhere.example")]).await).0, 101);
    let (old, headers) = status(server.try_open(&[("sec-websocket-version", "8")]).await);
    assert_eq!((old, &headers["sec-websocket-version"]), (426, &"13".parse().expect("a value")));
    let mut admin = server.try_open(&[("x-admin", "yes")]).await.expect("open");
    admin.ask(json!({"connect": {}})).await;
    assert!(admin.subscribe("ops:a").await.is_object());
}

#[tokio::test]
async fn a_full_house_says_when_to_come_back() {
    let server = Server::start().await;
    server.hub.connections_at_most(1);
    let first = server.connect().await;
    let (code, headers) = status(server.try_open(&[]).await);
    assert_eq!(code, 503);
    assert!(headers.contains_key("retry-after"));
    let events = server.events("plain:a/events", &[]).await;
    assert_eq!(events.status(), 503, "readers of events are connections too");
    drop(first);
    in_time(async {
        while status(server.try_open(&[]).await).0 != 101 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
