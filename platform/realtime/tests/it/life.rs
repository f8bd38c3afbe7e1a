//! Pings, stale connections and the end of the server. The test is the clock: it ticks.

use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, Server, in_time};

/// Ticks until the client has received something; returns it with the number of ticks.
async fn tick_until_something_comes(server: &Server, client: &mut Client) -> (Message, usize) {
    for ticks in 0..100_000 {
        if let Some(next) = client.socket.next().now_or_never() {
            return (next.expect("open").expect("whole"), ticks);
        }
        server.hub.tick();
        tokio::task::yield_now().await;
    }
    panic!("nothing came");
}

#[tokio::test]
async fn who_never_connects_is_stale() {
    let server = Server::start().await;
    let mut client = server.open().await;
    match tick_until_something_comes(&server, &mut client).await.0 {
        Message::Close(Some(frame)) => assert_eq!((u16::from(frame.code), frame.reason.as_str()), (3000, "stale")),
        other => panic!("{other:?}"),
    }
}

/// Ticks until a ping has come; what the server sent before the reply to a request was there before the tick's end.
async fn tick_until_pinged(server: &Server, client: &mut Client) -> usize {
    for ticks in 1..=30 {
        server.hub.tick();
        client.send(json!({"id": 9, "rpc": {}}).to_string()).await;
        let mut pinged = false;
        loop {
            match in_time(client.socket.next()).await.expect("open").expect("whole") {
                Message::Text(text) if text == "{}" => pinged = true,
                Message::Ping(_) => pinged = true,
                Message::Text(text) if text.starts_with("{\"id\":9") => break,
                other => panic!("{other:?}"),
            }
        }
        if pinged {
            return ticks;
        }
    }
    panic!("no ping came");
}

#[tokio::test]
async fn who_answers_pings_stays_and_who_does_not_goes() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    assert!((13..=25).contains(&tick_until_pinged(&server, &mut client).await), "the first is spread");
    for _ in 0..3 {
        client.send("{}").await;
        assert_eq!(tick_until_pinged(&server, &mut client).await, 25);
    }
    for _ in 0..10 {
        server.hub.tick();
    }
    assert_eq!(client.closed().await, (3012, "no pong".to_owned()));
    let mut client = server.connect().await;
    tick_until_pinged(&server, &mut client).await;
    client.send("{}\n{}").await;
    assert_eq!(client.closed().await.0, 3501, "a pong too many");
}

#[tokio::test]
async fn tools_get_pings_of_websocket_itself() {
    let server = Server::start().await;
    let mut client = server.open_at("?cf_ws_frame_ping_pong=true", &[]).await.expect("open");
    let connect = client.ask(json!({"connect": {}})).await;
    assert!(connect["connect"].get("ping").is_none() && connect["connect"].get("pong").is_none());
    // Reading the ping makes the client library answer it.
    tick_until_pinged(&server, &mut client).await;
    assert_eq!(tick_until_pinged(&server, &mut client).await, 25);
}

#[tokio::test]
async fn a_drained_hub_sends_everybody_elsewhere() {
    let server = Server::start().await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = server.connect().await;
        client.subscribe("news:a").await;
        clients.push(client);
    }
    let mut events = server.events("news:a/events", &[]).await;
    events.event().await;
    server.publish("news:a", json!("last words")).await;
    let hub = server.hub.clone();
    let drained = tokio::spawn(async move { hub.drain(std::time::Duration::ZERO).await });
    for client in &mut clients {
        assert_eq!(client.next().await["push"]["pub"]["data"], "last words");
        assert_eq!(client.closed().await, (3001, "shutdown".to_owned()));
        assert!(in_time(client.socket.next()).await.is_none());
    }
    assert!(events.event().await.contains("last words"));
    assert_eq!(events.next().await, None);
    drop(events);
    in_time(drained).await.expect("drained");
    let stats = server.hub.stats();
    assert_eq!((stats.connections, stats.channels, stats.subscriptions), (0, 0, 0));
    assert!(server.try_open(&[]).await.is_err());
}

#[tokio::test]
async fn a_cut_connection_leaves_nothing_behind() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.subscribe("news:a").await;
    client.subscribe("plain:b").await;
    assert_eq!(server.hub.stats().channels, 2);
    drop(client);
    in_time(async {
        while server.hub.stats().connections > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let stats = server.hub.stats();
    assert_eq!((stats.channels, stats.subscriptions), (0, 0));
}
