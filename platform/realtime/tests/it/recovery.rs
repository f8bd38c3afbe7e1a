//! Nobody misses a publication and nobody gets one twice.

use futures_util::StreamExt;
use kernel::limits;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::support::{Client, Server};

fn recover(channel: &str, offset: u64, epoch: &Value) -> Value {
    json!({"subscribe": {"channel": channel, "recover": true, "offset": offset, "epoch": epoch}})
}

fn offsets(publications: &Value) -> Vec<u64> {
    let publications = publications.as_array().cloned().unwrap_or_default();
    publications.iter().map(|publication| publication["offset"].as_u64().expect("an offset")).collect()
}

#[tokio::test]
async fn what_was_missed_comes_with_the_reply() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    let epoch = client.subscribe("news:a").await["epoch"].clone();
    for n in 1..=5 {
        server.publish("news:a", json!(n)).await;
    }
    let mut client = server.connect().await;
    let reply = client.ask(recover("news:a", 2, &epoch)).await["subscribe"].take();
    assert_eq!(offsets(&reply["publications"]), [3, 4, 5]);
    assert_eq!((&reply["recovered"], &reply["was_recovering"]), (&json!(true), &json!(true)));
    assert_eq!(reply["offset"], 2, "the one asked for");
    server.publish("news:a", json!(6)).await;
    assert_eq!(client.next().await["push"]["pub"]["offset"], 6);

    let mut client = server.connect().await;
    let reply = client.ask(recover("news:a", 6, &epoch)).await["subscribe"].take();
    assert_eq!((&reply["recovered"], reply.get("publications")), (&json!(true), None));
}

#[tokio::test]
async fn what_cannot_be_recovered_is_said() {
    let server = Server::start().await;
    for n in 1..=15 {
        server.publish("news:a", json!(n)).await;
    }
    let mut client = server.connect().await;
    let epoch = client.subscribe("news:a").await["epoch"].clone();
    for (offset, epoch, why) in [
        (1, &epoch, "gone from the ring"),
        (16, &epoch, "not there yet"),
        (u64::MAX, &epoch, "no offset at all"),
        (15, &json!("other"), "of another life"),
    ] {
        let mut client = server.connect().await;
        let reply = client.ask(recover("news:a", offset, epoch)).await["subscribe"].take();
        assert_eq!((reply.get("recovered"), reply.get("publications")), (None, None), "{why}");
        assert_eq!((&reply["offset"], &reply["was_recovering"]), (&json!(15), &json!(true)), "{why}");
        let mut strict = recover("news:b", 3, epoch);
        strict["subscribe"]["flag"] = 2.into();
        assert_eq!(client.error(strict).await, 112, "{why}");
        assert_eq!(server.hub.subscribers("news:b"), 0);
    }
}

#[tokio::test]
async fn more_than_one_recovery_gives_is_not_recovered() {
    let server = Server::start().await;
    for n in 1..=301 {
        server.publish("long:a", json!(n)).await;
    }
    let mut client = server.connect().await;
    assert_eq!(client.ask(recover("long:a", 0, &json!(""))).await["subscribe"].get("recovered"), None);
    let mut client = server.connect().await;
    let reply = client.ask(recover("long:a", 1, &json!(""))).await["subscribe"].take();
    assert_eq!(offsets(&reply["publications"]).len(), 300);
}

/// Publishes to the end, never further ahead of the reader than one recovery can give.
async fn publish_all(server: &Server, mut seen: watch::Receiver<u64>, count: u64) {
    for n in 1..=count {
        seen.wait_for(|seen| n <= seen + 200).await.expect("a reader");
        server.publish("long:a", json!(n)).await;
    }
}

/// Reads until `until` or until `frames` pushes have come.
async fn read_some(client: &mut Client, seen: &watch::Sender<u64>, frames: usize, until: u64) {
    for _ in 0..frames {
        let last = *seen.borrow();
        if last == until {
            return;
        }
        let push = client.next().await;
        assert_eq!(push["push"]["pub"]["offset"], last + 1, "in order, once: {push}");
        assert_eq!(push["push"]["pub"]["data"], last + 1);
        seen.send_replace(last + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_between_history_and_live() {
    const COUNT: u64 = 1_000;
    let server = Server::start().await;
    let (seen, seen_by_publisher) = watch::channel(0);
    let mut client = server.connect().await;
    let epoch = client.subscribe("long:a").await["epoch"].clone();
    let reader = async {
        for round in 0.. {
            read_some(&mut client, &seen, 7 + round % 13, COUNT).await;
            if *seen.borrow() == COUNT {
                return round;
            }
            if round % 3 == 0 {
                // A new connection; the old one still has publications on the wire.
                client = server.connect().await;
            } else {
                client.send("{\"id\":99,\"unsubscribe\":{\"channel\":\"long:a\"}}").await;
                while client.next().await["id"] != 99 {}
            }
            let last = *seen.borrow();
            let reply = client.ask(recover("long:a", last, &epoch)).await["subscribe"].take();
            assert_eq!(reply["recovered"], true, "{reply}");
            let missed = offsets(&reply["publications"]);
            assert_eq!(missed, (last + 1..=last + missed.len() as u64).collect::<Vec<_>>());
            seen.send_replace(last + missed.len() as u64);
        }
        0
    };
    let ((), rounds) = tokio::join!(publish_all(&server, seen_by_publisher, COUNT), reader);
    assert!(rounds > 3, "the race was run {rounds} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribing_into_a_stream_begins_without_a_hole() {
    /// So many at most between two signs of a reader, however slow it is: what waits for it stays within its queue.
    const AHEAD: u64 = 4_000;
    let server = Server::start().await;
    let (sign, mut signs) = watch::channel(());
    let publisher = async {
        for n in 1.. {
            server.publish("news:a", json!(n)).await;
            if n % AHEAD == 0 {
                signs.changed().await.expect("it reads");
            }
            tokio::task::yield_now().await;
        }
    };
    let readers = async {
        for _ in 0..100 {
            let mut client = server.connect().await;
            sign.send_replace(());
            let first = client.subscribe("news:a").await["offset"].as_u64().unwrap_or(0);
            sign.send_replace(());
            for expected in first + 1..first + 4 {
                assert_eq!(client.next().await["push"]["pub"]["offset"], expected);
            }
        }
    };
    tokio::select! {
        () = publisher => panic!("the publisher ended"),
        () = readers => {}
    }
}

/// 64 KiB each: more of them are kept than one answer carries.
#[tokio::test]
async fn an_answer_carries_so_many_bytes_and_no_more() {
    let server = Server::start().await;
    let mut client = server.connect().await;
    let epoch = client.subscribe("long:a").await["epoch"].clone();
    drop(client);
    let text = "x".repeat(64 * 1024 - 2);
    let fit = u64::try_from(limits::HISTORY_READ_BYTES / (64 * 1024)).expect("few");
    let all = 2 * fit;
    for _ in 0..all {
        server.publish("long:a", json!(text)).await;
    }
    let mut client = server.connect().await;
    let mut since = 0;
    while since < all {
        let history =
            json!({ "history": { "channel": "long:a", "limit": -1, "since": { "offset": since, "epoch": epoch } } });
        let read = offsets(&client.ask(history).await["history"]["publications"]);
        assert_eq!(read, (since + 1..=since + fit).collect::<Vec<_>>(), "a page, and the next from there");
        since += fit;
    }
    let newest = json!({ "history": { "channel": "long:a", "limit": -1, "reverse": true } });
    let read = offsets(&client.ask(newest).await["history"]["publications"]);
    assert_eq!(read, (all - fit + 1..=all).rev().collect::<Vec<_>>());
    let reply = client.ask(recover("long:a", all - fit - 1, &epoch)).await["subscribe"].take();
    assert_eq!((reply.get("recovered"), reply.get("publications")), (None, None), "one too many");
    assert_eq!(reply["offset"], all);
    let mut client = server.connect().await;
    let reply = client.ask(recover("long:a", all - fit, &epoch)).await["subscribe"].take();
    assert_eq!((offsets(&reply["publications"]).len() as u64, &reply["recovered"]), (fit, &json!(true)));
}

/// One that is larger than an answer by itself is read all the same.
#[tokio::test]
async fn a_history_always_gets_on() {
    let server = Server::start().await;
    let text = "x".repeat(limits::HISTORY_READ_BYTES);
    for _ in 0..2 {
        server.publish("news:a", json!(text)).await;
    }
    let mut feed = server.hub.open_stream("news:a", None, 10, &realtime::Caller::default()).await.expect("a stream");
    assert_eq!(feed.next().await.map(|publication| publication.offset), Some(2), "the newest");
}
