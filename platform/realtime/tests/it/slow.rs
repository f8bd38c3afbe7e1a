//! A client that does not read harms itself only.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use realtime::Caller;
use realtime::rpc::{Failed, Handler};
use serde_json::json;

use crate::support::{Server, in_time};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_slow_one_goes_and_the_others_go_on() {
    let server = Server::start().await;
    let mut fast = server.connect().await;
    let mut slow = server.connect().await;
    for client in [&mut fast, &mut slow] {
        client.subscribe("plain:a").await;
    }
    let text = "x".repeat(100_000);
    let mut sent = 0;
    while server.hub.subscribers("plain:a") == 2 {
        server.publish("plain:a", json!({ "n": sent, "text": text })).await;
        assert_eq!(fast.next().await["push"]["pub"]["data"]["n"], sent);
        sent += 1;
        // What the kernel buffers on both sides and the queue's own bound.
        assert!(sent < 1_000, "a hundred megabytes are no longer a queue");
    }
    server.publish("plain:a", json!({ "n": sent })).await;
    assert_eq!(fast.next().await["push"]["pub"]["data"]["n"], sent);
    // It reads again: what was on the way, and then why it was closed, or at least the end.
    let mut received = 0;
    in_time(async {
        use futures_util::StreamExt;
        use tokio_tungstenite::tungstenite::Message;
        while let Some(Ok(message)) = slow.socket.next().await {
            match message {
                Message::Close(frame) => {
                    let frame = frame.expect("a reason");
                    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (3008, "slow"));
                }
                _ => received += 1,
            }
        }
    })
    .await;
    assert!(received < sent);
}

/// Writes down how often it was called.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Handler for Calls {
    fn call<'a>(&'a self, _: &'a Caller, _: Bytes) -> BoxFuture<'a, Result<Bytes, Failed>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        async { Ok(Bytes::from_static(b"1")) }.boxed()
    }
}

#[tokio::test]
async fn who_reads_nothing_says_nothing_once_it_is_to_go() {
    let server = Server::start().await;
    let calls = Arc::new(Calls::default());
    server.hub.answer("count", calls.clone());
    let mut client = server.connect().await;
    client.subscribe("plain:a").await;
    server.publish("plain:a", json!("x".repeat(32 * 1024 * 1024))).await;
    let talk = async {
        for id in 10..20 {
            client.send(json!({ "id": id, "rpc": { "method": "count", "data": 1 } }).to_string()).await;
        }
    };
    in_time(async { tokio::join!(server.hub.drain(Duration::ZERO), talk) }).await;
    assert_eq!(server.hub.stats().connections, 0, "gone in time");
    assert_eq!(calls.0.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn one_publication_larger_than_the_queue_passes() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    client.subscribe("news:a").await;
    let text = "x".repeat(2 * 1024 * 1024);
    server.publish("news:a", json!(text)).await;
    assert_eq!(client.next().await["push"]["pub"]["data"], json!(text));
}

#[tokio::test]
async fn answers_larger_than_the_queue_come_one_by_one() {
    let server = Server::start().await;
    let text = "x".repeat(300_000);
    for _ in 0..10 {
        server.publish("news:a", json!(text)).await;
    }
    let mut client = server.connect().await;
    // 60 MB of answers are asked for at once.
    let commands: String =
        (2..22).map(|id| format!("{{\"id\":{id},\"history\":{{\"channel\":\"news:a\",\"limit\":-1}}}}\n")).collect();
    client.send(commands).await;
    for id in 2..22 {
        let reply = client.next().await;
        assert_eq!(reply["id"], id);
        assert_eq!(reply["history"]["publications"].as_array().map(Vec::len), Some(10));
    }
}
