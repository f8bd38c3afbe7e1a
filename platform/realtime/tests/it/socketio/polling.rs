//! Requests instead of a socket, and the way from these to a socket.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::client::{Client, json_of, request};
use super::server;
use crate::support::{Server, in_time};

/// A client that polls, in `/`.
pub(super) async fn open(server: &Server) -> String {
    let (status, body) = request(server, "GET", "EIO=4&transport=polling", "").await;
    assert_eq!((status, &body[..1]), (200, "0"));
    let open = json_of(&body);
    assert_eq!(open["upgrades"], json!(["websocket"]));
    let query = format!("EIO=4&transport=polling&sid={}", open["sid"].as_str().expect("a name"));
    assert_eq!(request(server, "POST", &query, "40").await, (200, "ok".to_owned()));
    let (_, granted) = poll(server, &query).await;
    assert!(granted.starts_with("40{"), "{granted}");
    query
}

pub(super) async fn poll(server: &Server, query: &str) -> (u16, String) {
    request(server, "GET", query, "").await
}

/// Its packets, as far as they are several.
async fn polled(server: &Server, query: &str, at_least: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < at_least {
        let (status, body) = poll(server, query).await;
        assert_eq!(status, 200, "{body}");
        all.extend(body.split('\x1e').map(str::to_owned));
    }
    all
}

#[tokio::test]
async fn a_client_that_polls_is_served_as_well() {
    let server = server().await;
    let query = open(&server).await;
    let said = "421[\"subscribe\",\"news:a\"]\x1e40/echo,{\"t\":1}\x1e451-/echo,2[\"echo\",{\"_placeholder\":true,\"num\":0}]\x1ebAQID";
    assert_eq!(request(&server, "POST", &query, said).await.0, 200);
    let got = polled(&server, &query, 6).await;
    assert_eq!(got[..2], ["42[\"subscribed\",\"news:a\"]", "431[{}]"]);
    assert!(got[2].starts_with("40/echo,"), "{got:?}");
    assert_eq!(got[3..], ["42/echo,[\"auth\",{\"t\":1}]", "461-/echo,2[{\"_placeholder\":true,\"num\":0}]", "bAQID"]);
    // One that waits is answered as soon as there is something.
    let (waiting, ()) = tokio::join!(poll(&server, &query), async {
        server.publish("news:a", json!("now")).await;
    });
    assert_eq!(waiting, (200, r#"42["message","now","news:a"]"#.to_owned()));
    assert_eq!(request(&server, "POST", &query, "1").await.0, 200);
    assert_eq!(poll(&server, &query).await.0, 400);
    let stats = server.hub.stats();
    assert_eq!((stats.connections, stats.subscriptions), (0, 0));
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let server = server().await;
    let query = open(&server).await;
    let sid = query.split_once("sid=").expect("a name").1;
    let number = sid.split_once('-').expect("a number").0;
    let guess = format!("EIO=4&transport=polling&sid={number}-{}", "0".repeat(32));
    for (method, query, status) in [
        ("GET", "transport=polling", 400),
        ("GET", "EIO=abc&transport=polling", 400),
        ("GET", "EIO=3&transport=polling", 400),
        ("GET", "EIO=4", 400),
        ("GET", "EIO=4&transport=abc", 400),
        ("POST", "EIO=4&transport=polling", 400),
        ("PUT", "EIO=4&transport=polling", 400),
        ("DELETE", &query, 400),
        ("GET", "EIO=4&transport=polling&sid=unknown", 400),
        ("GET", &guess, 400),
        ("GET", "EIO=4&transport=websocket", 426),
    ] {
        assert_eq!(request(&server, method, query, "").await.0, status, "{method} {query}");
    }
    for body in ["abc", "", "4", "42[\"connect\"]", "2probe", "5", "40"] {
        let query = open(&server).await;
        // The last is well formed, and comes a second time: it is found out behind the answer.
        let status = request(&server, "POST", &query, body).await.0;
        assert_eq!(status, if body == "40" { 200 } else { 400 }, "{body}");
        if body != "40" {
            assert_eq!(poll(&server, &query).await.0, 400, "{body}");
        }
    }
    let query = open(&server).await;
    assert_eq!(request(&server, "POST", &query, &"4".repeat(1_000_001)).await.0, 413);
    assert_eq!(poll(&server, &query).await.0, 400);
}

#[tokio::test]
async fn a_second_poll_ends_both() {
    let server = server().await;
    let query = open(&server).await;
    let (one, two) = tokio::join!(poll(&server, &query), poll(&server, &query));
    let mut both = [one, two];
    both.sort();
    assert_eq!((both[0].0, &*both[0].1, both[1].0), (200, "1", 400));
    assert_eq!(poll(&server, &query).await.0, 400);
    assert_eq!(server.hub.stats().connections, 0);
}

async fn turned_away(server: &Server, more: &str) -> u16 {
    Client::court(server, more, &[]).await.expect("a handshake").closed().await
}

#[tokio::test]
async fn a_client_moves_to_a_socket_and_misses_nothing() {
    let server = server().await;
    let query = open(&server).await;
    request(&server, "POST", &query, "421[\"subscribe\",\"news:a\"]").await;
    polled(&server, &query, 2).await;
    let sid = query.split_once("sid=").expect("a name").1;
    let more = format!("&sid={sid}");
    let mut socket = Client::court(&server, &more, &[]).await.expect("a handshake");
    assert_eq!(turned_away(&server, &more).await, 3501, "one is enough");
    let waiting = async {
        let body = poll(&server, &query).await;
        assert_eq!(body, (200, "6".to_owned()), "it is let go");
    };
    tokio::join!(waiting, async {
        socket.say("2probe").await;
        assert_eq!(socket.text().await, "3probe");
    });
    server.publish("news:a", json!(1)).await;
    socket.say("5").await;
    assert_eq!(socket.text().await, r#"42["message",1,"news:a"]"#);
    server.publish("news:a", json!(2)).await;
    assert_eq!(socket.text().await, r#"42["message",2,"news:a"]"#);
    assert_eq!((poll(&server, &query).await.0, request(&server, "POST", &query, "3").await.0), (400, 400));
    assert_eq!(turned_away(&server, &more).await, 3501, "too late");
    server.publish("news:a", json!(3)).await;
    assert_eq!(socket.text().await, r#"42["message",3,"news:a"]"#, "the first is not disturbed");
    assert_eq!(server.hub.stats().connections, 1);
}

#[tokio::test]
async fn a_poll_that_is_abandoned_ends_the_session() {
    let server = server().await;
    let query = open(&server).await;
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    let request = format!("GET /socket.io/?{query} HTTP/1.1\r\nhost: {}\r\n\r\n", server.address);
    stream.write_all(request.as_bytes()).await.expect("written");
    drop(stream);
    in_time(async {
        while server.hub.stats().connections > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(poll(&server, &query).await.0, 400);
}

#[tokio::test]
async fn a_socket_that_fails_leaves_the_client_where_it_was() {
    let server = server().await;
    let query = open(&server).await;
    let more = format!("&sid={}", query.split_once("sid=").expect("a name").1);
    let mut wrong = Client::court(&server, &more, &[]).await.expect("a handshake");
    wrong.say("5").await;
    assert_eq!(wrong.closed().await, 3501);
    let gone = Client::court(&server, &more, &[]).await.expect("another may come");
    drop(gone);
    request(&server, "POST", &query, "421[\"subscribe\",\"news:a\"]").await;
    assert_eq!(polled(&server, &query, 2).await[1], "431[{}]");
}

#[tokio::test]
async fn an_end_is_said_to_who_waits_and_takes_away_who_does_not() {
    let server = server().await;
    let (waits, _absent) = (open(&server).await, open(&server).await);
    let (mut socket, _) = Client::enter(&server, "/", json!({})).await;
    let (answer, ()) = tokio::join!(poll(&server, &waits), async {
        request(&server, "POST", &waits, "421[\"subscribe\",\"news:a\"]").await;
        in_time(server.hub.drain(Duration::ZERO)).await;
    });
    // Whichever comes first: what was asked for, the end, or a request that is too late for both.
    let (status, body) = &answer;
    assert!(*status == 400 || body.ends_with('1') || body.contains("subscribed"), "{answer:?}");
    assert_eq!(socket.closed().await, 3001);
    assert_eq!(server.hub.stats().connections, 0);
    assert_eq!(request(&server, "GET", "EIO=4&transport=polling", "").await.0, 503);
}

#[tokio::test]
async fn who_never_enters_or_never_answers_is_taken_away() {
    let server = server().await;
    let (status, _) = request(&server, "GET", "EIO=4&transport=polling", "").await;
    assert_eq!(status, 200);
    let mut stale = Client::open(&server, &[]).await.expect("a handshake");
    let (mut quick, _) = Client::enter(&server, "/", json!({})).await;
    let (mut dead, _) = Client::enter(&server, "/", json!({})).await;
    let mut pinged = 0;
    // Two minutes in ticks; each is over when the next event is answered.
    for _ in 0..120 {
        server.hub.tick();
        quick.say("429[\"unsubscribe\",\"news:a\"]").await;
        loop {
            match quick.text().await.as_str() {
                "2" => {
                    quick.say("3").await;
                    pinged += 1;
                }
                "439[{}]" => break,
                other => panic!("{other}"),
            }
        }
    }
    assert!(pinged >= 3, "{pinged}");
    assert_eq!(stale.closed().await, 3000);
    assert_eq!(dead.closed().await, 3012);
    assert_eq!(server.hub.stats().connections, 1);
}
