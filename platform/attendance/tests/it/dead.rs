//! The only process is killed.

use kernel::Clock;
use serde_json::json;

use crate::support::{GRACE_MS, Process};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_start_tells_the_end_of_whoever_was_there() {
    let (dir, clock) = (tempfile::tempdir().expect("a directory"), Clock::manual(1_000_000));
    let process = Process::enter(dir.path(), &clock).await;
    let mut told = process.reader();
    let (mut ann, bob) = (process.connect("ann").await, process.connect("bob").await);
    ann.subscribe("room:a").await;
    told.some(6).await;
    process.kill().await;
    let process = Process::enter(dir.path(), &clock).await;
    let mut told = process.reader();
    let (code, reason) = (1006, "its process is gone");
    let ended = json!({ "client": ann.name, "person": "ann", "channel": "room:a", "code": code, "reason": reason });
    told.expect("unsubscribed", ended).await;
    let mut ends = told.some(2).await;
    ends.sort_by_key(|(_, data)| data["person"].to_string());
    for ((kind, data), client) in ends.iter().zip([&ann, &bob]) {
        assert_eq!(
            (kind.as_str(), &data["client"], &data["code"]),
            ("disconnected", &json!(client.name), &json!(code))
        );
    }
    // Ann was never offline.
    let mut back = process.connect("ann").await;
    told.expect("connected", json!({ "client": back.name, "person": "ann" })).await;
    back.subscribe("room:b").await;
    told.expect("subscribed", json!({ "client": back.name, "person": "ann", "channel": "room:b" })).await;
    told.expect("channel_occupied", json!({ "channel": "room:b" })).await;
    clock.advance(GRACE_MS);
    let gone = told.some(2).await;
    let expected =
        [("channel_vacated", json!({ "channel": "room:a" })), ("person_offline", json!({ "person": "bob" }))];
    assert_eq!(gone, expected.map(|(kind, data)| (kind.to_owned(), data)));
    process.stop().await;
}
