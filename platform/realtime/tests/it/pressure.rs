//! A reader that stands still, and what its namespace makes of it. Whatever it is, the others get everything at once.

use std::time::Duration;

use realtime::Namespace;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::task::JoinSet;

use crate::support::{Client, FOREVER_MS, Server, in_time};

/// More than the kernel buffers on both sides and the queue's own bound.
const MANY: u64 = 400;

async fn two(namespace: Namespace, channel: &str) -> (Server, Client, Client) {
    let server = Server::with([namespace]).await;
    let (mut fast, mut slow) = (server.connect().await, server.connect().await);
    for client in [&mut fast, &mut slow] {
        client.subscribe(channel).await;
    }
    (server, fast, slow)
}

fn data(n: u64) -> Value {
    let symbol = ["A", "B", "C"][n as usize % 3];
    json!({ "n": n, "symbol": symbol, "text": "x".repeat(100_000) })
}

/// Publishes, and sees that the one that reads gets it.
async fn publish(server: &Server, fast: &mut Client, channel: &str, n: u64) {
    server.publish(channel, data(n)).await;
    assert_eq!(fast.next().await["push"]["pub"]["data"]["n"], n);
}

/// Everything that waits for a client: the numbers of its publications, up to the answer to a command of now.
async fn drained(client: &mut Client) -> Vec<u64> {
    client.send(json!({ "id": 900, "history": { "channel": "news:none" } }).to_string()).await;
    let mut numbers = Vec::new();
    loop {
        let message = client.next().await;
        if message["id"] == 900 {
            return numbers;
        }
        numbers.push(message["push"]["pub"]["data"]["n"].as_u64().unwrap_or_else(|| panic!("{message}")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_reads_the_history_and_misses_nothing() {
    let namespace = Namespace::public("deep").history(2_000, FOREVER_MS).slow_recover();
    let (server, mut fast, mut slow) = two(namespace, "deep:a").await;
    slow.subscribe("plain:a").await;
    let mut sent = 0;
    while server.hub.subscribers("deep:a") == 2 {
        publish(&server, &mut fast, "deep:a", sent).await;
        sent += 1;
        assert!(sent < MANY, "what waits has a bound");
    }
    for n in sent..sent + 5 {
        publish(&server, &mut fast, "deep:a", n).await;
    }
    let (mut next, mut offset, mut epoch) = (0, 0, String::new());
    let ended = loop {
        let push = slow.next().await["push"].take();
        if !push["unsubscribe"].is_null() {
            break push;
        }
        assert_eq!(push["pub"]["data"]["n"], next);
        next += 1;
        offset = push["pub"]["offset"].as_u64().expect("an offset");
        epoch = push["pub"]["epoch"].as_str().map_or(epoch, str::to_owned);
    };
    assert_eq!(ended, json!({ "channel": "deep:a", "unsubscribe": { "code": 2500, "reason": "insufficient state" } }));
    assert!(next < sent, "something was given up");
    let again = json!({ "subscribe": { "channel": "deep:a", "recover": true, "offset": offset, "epoch": epoch } });
    let reply = slow.ask(again).await["subscribe"].take();
    assert_eq!(reply["recovered"], true);
    let missed = reply["publications"].as_array().expect("a list");
    let numbers: Vec<_> = missed.iter().map(|it| it["data"]["n"].as_u64().expect("a number")).collect();
    assert_eq!(numbers, (next..sent + 5).collect::<Vec<_>>());
    // Its other channel never stopped.
    server.publish("plain:a", json!(1)).await;
    assert_eq!(slow.next().await["push"]["channel"], "plain:a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_gets_the_latest_of_each() {
    let (server, mut fast, mut slow) = two(Namespace::public("ticks").slow_conflate(Some("symbol")), "ticks:a").await;
    for n in 0..MANY {
        publish(&server, &mut fast, "ticks:a", n).await;
    }
    let got = drained(&mut slow).await;
    assert!(got.len() < MANY as usize && got.is_sorted(), "{got:?}");
    assert_eq!(got[got.len() - 3..], [MANY - 3, MANY - 2, MANY - 1]);
    publish(&server, &mut fast, "ticks:a", MANY).await;
    assert_eq!(slow.next().await["push"]["pub"]["data"]["n"], MANY);
}

/// What it misses, with so many beside it who read everything.
async fn it_misses(crowd: usize) {
    let (server, mut fast, mut slow) = two(Namespace::public("noise").slow_drop(), "noise:a").await;
    let mut reading = JoinSet::new();
    for _ in 0..crowd {
        let mut client = server.connect().await;
        client.subscribe("noise:a").await;
        reading.spawn(async move {
            for n in 0..=MANY {
                assert_eq!(client.next().await["push"]["pub"]["data"]["n"], n);
            }
        });
    }
    for n in 0..MANY {
        publish(&server, &mut fast, "noise:a", n).await;
    }
    let got = drained(&mut slow).await;
    assert!(got.len() < MANY as usize, "{}", got.len());
    assert_eq!(got, (0..got.len() as u64).collect::<Vec<_>>(), "the first ones, whole");
    publish(&server, &mut fast, "noise:a", MANY).await;
    assert_eq!(slow.next().await["push"]["pub"]["data"]["n"], MANY);
    in_time(reading.join_all()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_misses_what_does_not_fit() {
    it_misses(0).await;
}

/// Whoever writes for all of them leaves what it does not take to its own task, in the middle of a frame.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_no_different_in_a_crowd() {
    it_misses(6).await;
}

/// Whose queue is given up is told so at once, whoever found it full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_crowd_it_is_sent_away_as_soon() {
    let (server, mut fast, _slow) = two(Namespace::public("crowded"), "crowded:a").await;
    let mut crowd = JoinSet::new();
    for _ in 0..6 {
        let mut client = server.connect().await;
        client.subscribe("crowded:a").await;
        crowd.spawn(async move {
            loop {
                client.next().await;
            }
        });
    }
    let mut sent = 0;
    while server.hub.subscribers("crowded:a") == 8 {
        publish(&server, &mut fast, "crowded:a", sent).await;
        sent += 1;
        assert!(sent < MANY, "what waits has a bound");
    }
}

/// A reader of events comes back by itself with the last that it got.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_ends_and_is_resumed() {
    let server = Server::with([Namespace::public("deep").history(2_000, FOREVER_MS).slow_recover()]).await;
    let mut reader = server.events("deep:a/events", &[]).await;
    let mut sent = 0;
    while server.hub.subscribers("deep:a") == 1 {
        server.publish("deep:a", data(sent)).await;
        sent += 1;
        assert!(sent < MANY);
    }
    let (mut last, mut got) = (String::new(), 0);
    while let Some(event) = reader.next().await {
        let id = event.lines().find_map(|line| line.strip_prefix("id: "));
        last = id.map_or(last, str::to_owned);
        got += u64::from(event.contains("data: "));
    }
    assert!(got < sent);
    let mut again = server.events("deep:a/events", &[("last-event-id", &last)]).await;
    again.event().await;
    for n in got..sent {
        assert!(again.event().await.contains(&format!("\"n\":{n},")));
    }
}

#[tokio::test]
async fn what_may_wait_goes_together_and_an_answer_takes_it_along() {
    const MOMENT_MS: u32 = 300;
    let server = Server::with([Namespace::public("calm").write_delay_ms(MOMENT_MS)]).await;
    let mut client = server.connect().await;
    client.subscribe("calm:a").await;
    let begun = std::time::Instant::now();
    for n in 0..20 {
        server.publish("calm:a", json!(n)).await;
    }
    let mut bytes = vec![0; 64 * 1024];
    let read = in_time(client.socket.get_mut().read(&mut bytes)).await.expect("read");
    assert!(begun.elapsed() >= Duration::from_millis(u64::from(MOMENT_MS)));
    let frames = bytes[..read].windows(6).filter(|window| window == b"\"data\"").count();
    assert_eq!(frames, 20, "one write");
    server.publish("calm:a", json!(20)).await;
    client.send(json!({ "id": 7, "unsubscribe": { "channel": "calm:a" } }).to_string()).await;
    assert_eq!(client.next().await["push"]["pub"]["data"], 20);
    assert_eq!(client.next().await["id"], 7);
}
