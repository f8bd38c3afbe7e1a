//! What clients of one process do.

use attendance::Settings;
use kernel::{Clock, limits};
use serde_json::json;

use crate::support::{GRACE_MS, Process};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_does_is_told_once_and_in_order() {
    let (dir, clock) = (tempfile::tempdir().expect("a directory"), Clock::manual(1_000_000));
    let process = Process::enter(dir.path(), &clock).await;
    let mut told = process.reader();
    let mut ann = process.connect("ann").await;
    let client = ann.name.clone();
    let of_ann = |more: serde_json::Value| {
        let mut data = json!({ "client": client, "person": "ann" });
        let members = data.as_object_mut().expect("an object");
        members.extend(more.as_object().expect("an object").clone());
        data
    };
    told.expect("connected", of_ann(json!({}))).await;
    told.expect("person_online", json!({ "person": "ann" })).await;
    ann.subscribe("quiet:a").await;
    ann.subscribe("room:a").await;
    told.expect("subscribed", of_ann(json!({ "channel": "room:a" }))).await;
    told.expect("channel_occupied", json!({ "channel": "room:a" })).await;
    ann.unsubscribe("room:a").await;
    let left = json!({ "channel": "room:a", "code": 0, "reason": "client unsubscribed" });
    told.expect("unsubscribed", of_ann(left)).await;
    ann.subscribe("room:a").await;
    told.expect("subscribed", of_ann(json!({ "channel": "room:a" }))).await;
    assert_eq!(process.hub.unsubscribe("ann", "room:a"), 1);
    let ended = json!({ "channel": "room:a", "code": 2000, "reason": "server unsubscribe" });
    told.expect("unsubscribed", of_ann(ended)).await;
    clock.advance(GRACE_MS);
    told.expect("channel_vacated", json!({ "channel": "room:a" })).await;
    ann.close().await;
    told.expect("disconnected", of_ann(json!({ "code": 1000, "reason": "" }))).await;
    clock.advance(GRACE_MS);
    told.expect("person_offline", json!({ "person": "ann" })).await;
    process.stop().await;
}

/// By another connection, before the first is gone or after: the person is online as long as one is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_back_in_time_was_never_away() {
    let (dir, clock) = (tempfile::tempdir().expect("a directory"), Clock::manual(1_000_000));
    let process = Process::enter(dir.path(), &clock).await;
    let mut told = process.reader();
    let first = process.connect("ann").await;
    told.expect("connected", json!({ "client": first.name, "person": "ann" })).await;
    told.expect("person_online", json!({ "person": "ann" })).await;
    let second = process.connect("ann").await;
    told.expect("connected", json!({ "client": second.name, "person": "ann" })).await;
    for client in [first, second] {
        let gone = json!({ "client": client.name, "person": "ann", "code": 1000, "reason": "" });
        client.close().await;
        told.expect("disconnected", gone).await;
    }
    clock.advance(GRACE_MS - 1);
    let third = process.connect("ann").await;
    told.expect("connected", json!({ "client": third.name, "person": "ann" })).await;
    clock.advance(GRACE_MS);
    let bob = process.connect("bob").await;
    told.expect("connected", json!({ "client": bob.name, "person": "bob" })).await;
    told.expect("person_online", json!({ "person": "bob" })).await;
    let gone = json!({ "client": third.name, "person": "ann", "code": 1000, "reason": "" });
    third.close().await;
    told.expect("disconnected", gone).await;
    clock.advance(GRACE_MS);
    told.expect("person_offline", json!({ "person": "ann" })).await;
    process.stop().await;
}

/// A process that ends in order tells the end of everybody; who comes back to the next one in time was never offline.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_is_a_flap() {
    let (dir, clock) = (tempfile::tempdir().expect("a directory"), Clock::manual(1_000_000));
    let mut process = Process::enter(dir.path(), &clock).await;
    let mut told = process.reader();
    let (mut ann, bob) = (process.connect("ann").await, process.connect("bob").await);
    ann.subscribe("room:a").await;
    told.some(6).await;
    process.drain().await;
    let shutdown = |client: &str, person: &str| {
        let data = json!({ "client": client, "person": person, "code": 3001, "reason": "shutdown" });
        ("disconnected".to_owned(), data)
    };
    let mut ends = told.some(3).await;
    let unsubscribed =
        json!({ "client": ann.name, "person": "ann", "channel": "room:a", "code": 1, "reason": "client disconnected" });
    assert_eq!(ends.pop(), Some(("unsubscribed".to_owned(), unsubscribed)));
    let mut expected = vec![shutdown(&ann.name, "ann"), shutdown(&bob.name, "bob")];
    expected.sort_by_key(|(_, data)| data.to_string());
    assert_eq!(ends, expected);
    process.stop().await;
    // However long it takes to start again.
    clock.advance(GRACE_MS * 10);
    let process = Process::enter(dir.path(), &clock).await;
    let mut told = process.reader();
    let back = process.connect("ann").await;
    told.expect("connected", json!({ "client": back.name, "person": "ann" })).await;
    clock.advance(GRACE_MS);
    let gone = told.some(2).await;
    let expected =
        [("channel_vacated", json!({ "channel": "room:a" })), ("person_offline", json!({ "person": "bob" }))];
    assert_eq!(gone, expected.map(|(kind, data)| (kind.to_owned(), data)));
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_wants_is_not_told_and_a_strange_name_stops_nothing() {
    let (dir, clock) = (tempfile::tempdir().expect("a directory"), Clock::manual(1_000_000));
    let settings = Settings { connections: false, people: true, grace_ms: GRACE_MS };
    let process = Process::with(dir.path(), &clock, settings).await;
    let mut told = process.reader();
    let mut nobody = process.connect("").await;
    nobody.subscribe("room:\0").await;
    nobody.unsubscribe("room:\0").await;
    nobody.subscribe("room:a").await;
    told.expect("subscribed", json!({ "client": nobody.name, "person": "", "channel": "room:a" })).await;
    told.expect("channel_occupied", json!({ "channel": "room:a" })).await;
    let ann = process.connect("ann").await;
    told.expect("person_online", json!({ "person": "ann" })).await;
    ann.close().await;
    nobody.unsubscribe("room:a").await;
    let left =
        json!({ "client": nobody.name, "person": "", "channel": "room:a", "code": 0, "reason": "client unsubscribed" });
    told.expect("unsubscribed", left).await;
    clock.advance(GRACE_MS);
    assert_eq!(
        told.some(2).await.into_iter().map(|it| it.0).collect::<Vec<_>>(),
        ["channel_vacated", "person_offline"]
    );
    process.stop().await;
}

/// More happens than may wait: what is so in the end is told, and what came and went meanwhile is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_count_compares_the_account_with_who_is_there() {
    let (dir, clock) = (tempfile::tempdir().expect("a directory"), Clock::manual(1_000_000));
    let mut process = Process::enter(dir.path(), &clock).await;
    let mut told = process.reader();
    let (mut ann, bob) = (process.connect("ann").await, process.connect("bob").await);
    ann.subscribe("room:stays").await;
    ann.subscribe("room:goes").await;
    told.some(8).await;
    process.stops_writing().await;
    let bobs = bob.name.clone();
    bob.close().await;
    for n in 0..=limits::ATTENDANCE_WAITING / 2 {
        // As often as it may within a second.
        if n % (limits::CLIENT_SUBSCRIBES_PER_S as usize / 2) == 0 {
            clock.advance(1_000);
        }
        ann.subscribe("room:busy").await;
        ann.unsubscribe("room:busy").await;
    }
    ann.unsubscribe("room:goes").await;
    ann.subscribe("room:comes").await;
    let cem = process.connect("cem").await;
    process.writes_again();
    let of_ann = |channel: &str| json!({ "client": ann.name, "person": "ann", "channel": channel });
    let mut gone = of_ann("room:goes");
    (gone["code"], gone["reason"]) = (json!(1006), json!("unknown"));
    told.expect("unsubscribed", gone).await;
    let left = json!({ "client": bobs, "person": "bob", "code": 1006, "reason": "unknown" });
    told.expect("disconnected", left).await;
    told.expect("connected", json!({ "client": cem.name, "person": "cem" })).await;
    told.expect("subscribed", of_ann("room:comes")).await;
    told.expect("person_online", json!({ "person": "cem" })).await;
    told.expect("channel_occupied", json!({ "channel": "room:comes" })).await;
    process.stop().await;
}
