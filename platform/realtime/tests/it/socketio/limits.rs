//! What one client may make the server hold.

use serde_json::{Value, json};

use super::client::{Client, request};
use super::{polling, server};
use crate::support::{Server, in_time};

async fn post(server: &Server, query: &str, body: &str) -> u16 {
    request(server, "POST", query, body).await.0
}

async fn is_gone(server: &Server) {
    in_time(async {
        while server.hub.stats().connections > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Somebody with 900 kB to catch up with: what it shows.
async fn behind(server: &Server) -> Value {
    let (mut client, granted) = Client::enter(server, "/same", json!({})).await;
    client.say(r#"42/same,["come","long:b"]"#).await;
    let event = super::client::json_of(&client.text().await);
    for _ in 0..15 {
        server.publish("long:b", "x".repeat(60_000).into()).await;
    }
    json!({ "pid": granted["pid"], "offset": event[2] })
}

#[tokio::test]
async fn coming_back_again_and_again_fills_no_memory() {
    let server = server().await;
    let shown = behind(&server).await;
    is_gone(&server).await;
    let query = polling::open(&server).await;
    let round = vec![format!("40/same,{shown}\x1e41/same"); 100].join("\x1e");
    let mut rounds = 0;
    while post(&server, &query, &round).await == 200 {
        rounds += 1;
        assert!(rounds < 1_000, "nobody takes what it asks for");
    }
    is_gone(&server).await;
}

#[tokio::test]
async fn more_than_may_wait_is_not_caught_up_with() {
    let server = server().await;
    let shown = behind(&server).await;
    let (_, again) = Client::enter(&server, "/same", shown.clone()).await;
    assert_eq!(again["pid"], shown["pid"]);
    for _ in 0..5 {
        server.publish("long:b", "x".repeat(60_000).into()).await;
    }
    let (_, again) = Client::enter(&server, "/same", shown.clone()).await;
    assert_ne!(again["pid"], shown["pid"], "it begins anew");
}

#[tokio::test]
async fn nobody_that_polls_and_takes_nothing_stays() {
    let server = server().await;
    let query = polling::open(&server).await;
    assert_eq!(post(&server, &query, r#"42["subscribe","plain:a"]"#).await, 200);
    in_time(async {
        while server.hub.subscribers("plain:a") == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for _ in 0..20 {
        server.publish("plain:a", "x".repeat(60_000).into()).await;
    }
    is_gone(&server).await;
}

#[tokio::test]
async fn a_session_that_does_nothing_is_kept_for_five_seconds() {
    let server = server().await;
    assert_eq!(polling::poll(&server, "EIO=4&transport=polling").await.0, 200);
    for _ in 0..4 {
        server.hub.tick();
    }
    assert_eq!(server.hub.stats().connections, 1);
    server.hub.tick();
    is_gone(&server).await;
}

#[tokio::test]
async fn a_packet_waits_with_all_its_bytes() {
    let server = server().await;
    let query = polling::open(&server).await;
    assert_eq!(post(&server, &query, "40/echo\x1e42/echo,[\"wait\"]").await, 200);
    let large = "A".repeat(900_000);
    let packet = r#"452-/echo,["echo",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let body = format!("{packet}\x1eb{large}\x1ebAQID");
    let mut taken = 0;
    while post(&server, &query, &body).await == 200 {
        taken += 1;
        assert!(taken < 10, "2 MB may wait");
    }
    assert_eq!(taken, 3);
    is_gone(&server).await;
}

#[tokio::test]
async fn what_is_large_goes_as_bytes() {
    let server = server().await;
    let (mut client, _) = Client::enter(&server, "/echo", json!({})).await;
    client.text().await;
    client.say(r#"451-/echo,1["echo",{"_placeholder":true,"num":0}]"#).await;
    client.say_bytes(&vec![7; 900_000]).await;
    assert_eq!(client.text().await, r#"461-/echo,1[{"_placeholder":true,"num":0}]"#);
    assert_eq!(client.next().await.len(), 900_000);
    client.say(&format!("42/echo,1{}", json!(["echo", "x".repeat(65_000)]))).await;
    assert_eq!(client.text().await.len(), 65_000 + r#"43/echo,1[""]"#.len());
    client.say(&format!("42/echo,1{}", json!(["echo", "x".repeat(66_000)]))).await;
    assert_eq!(client.closed().await, 1009);
}

#[tokio::test]
async fn what_was_polled_does_not_count_on_the_socket() {
    let server = server().await;
    let query = polling::open(&server).await;
    assert_eq!(post(&server, &query, r#"42["subscribe","plain:a"]"#).await, 200);
    assert_eq!(polling::poll(&server, &query).await.1, r#"42["subscribed","plain:a"]"#);
    let more = format!("&sid={}", query.split_once("sid=").expect("a name").1);
    let mut socket = Client::court(&server, &more, &[]).await.expect("a handshake");
    socket.say("2probe").await;
    assert_eq!(socket.text().await, "3probe");
    let large = Value::from("x".repeat(600_000));
    server.publish("plain:a", large.clone()).await;
    assert!(polling::poll(&server, &query).await.1.len() > 600_000);
    socket.say("5").await;
    socket.say(r#"421["unsubscribe","plain:b"]"#).await;
    assert_eq!(socket.text().await, "431[{}]");
    server.publish("plain:a", large).await;
    assert!(socket.text().await.len() > 600_000);
}
