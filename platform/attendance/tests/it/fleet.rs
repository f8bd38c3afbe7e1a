//! Two processes on one database.

use kernel::Clock;
use serde_json::json;

use crate::support::{GRACE_MS, Process};

/// Ann is at both, cem at the one that dies, bob at the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_one_is_killed_and_the_other_tells_it_once() {
    if !testkit::on_postgres() {
        return;
    }
    let (dir, clock) = (tempfile::tempdir().expect("a directory"), Clock::manual(1_000_000));
    let lives = Process::enter(dir.path(), &clock).await;
    let mut told = lives.reader();
    let dies = Process::enter(dir.path(), &clock).await;
    let mut expected = Vec::new();
    let mut clients = Vec::new();
    for (process, person) in [(&dies, "ann"), (&dies, "cem"), (&lives, "ann"), (&lives, "bob")] {
        let mut client = process.connect(person).await;
        client.subscribe("room:a").await;
        if person == "cem" {
            client.subscribe("room:cem").await;
        }
        clients.push((person, client));
    }
    for (person, client) in &clients {
        expected.push(("connected", json!({ "client": client.name, "person": person })));
        expected.push(("subscribed", json!({ "client": client.name, "person": person, "channel": "room:a" })));
    }
    let cem = clients[1].1.name.clone();
    expected.push(("subscribed", json!({ "client": cem, "person": "cem", "channel": "room:cem" })));
    expected.extend(["ann", "bob", "cem"].map(|person| ("person_online", json!({ "person": person }))));
    expected.extend(["room:a", "room:cem"].map(|channel| ("channel_occupied", json!({ "channel": channel }))));
    let sorted = |expected: Vec<(&str, serde_json::Value)>| {
        let mut all: Vec<_> = expected.into_iter().map(|(kind, data)| (kind.to_owned(), data)).collect();
        all.sort_by_key(|(kind, data)| (kind.clone(), data.to_string()));
        all
    };
    assert_eq!(told.some(expected.len()).await, sorted(expected));
    dies.kill().await;
    let (code, reason) = (1006, "its process is gone");
    let mut expected = Vec::new();
    for (person, client) in &clients[..2] {
        expected
            .push(("disconnected", json!({ "client": client.name, "person": person, "code": code, "reason": reason })));
    }
    for (at, channel) in [(0, "room:a"), (1, "room:a"), (1, "room:cem")] {
        let (person, client) = (clients[at].0, &clients[at].1.name);
        let ended = json!({ "client": client, "person": person, "channel": channel, "code": code, "reason": reason });
        expected.push(("unsubscribed", ended));
    }
    assert_eq!(told.some(expected.len()).await, sorted(expected));
    clock.advance(GRACE_MS);
    let gone =
        vec![("channel_vacated", json!({ "channel": "room:cem" })), ("person_offline", json!({ "person": "cem" }))];
    assert_eq!(told.some(2).await, sorted(gone));
    lives.stop().await;
}

/// Its clients are still there: it tells them anew, under a stay of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_stood_still_was_taken_for_dead_and_tells_anew_who_is_there() {
    if !testkit::on_postgres() {
        return;
    }
    let (dir, clock) = (tempfile::tempdir().expect("a directory"), Clock::manual(1_000_000));
    let lives = Process::enter(dir.path(), &clock).await;
    let mut told = lives.reader();
    let mut still = Process::enter(dir.path(), &clock).await;
    let ann = still.connect("ann").await;
    told.expect("connected", json!({ "client": ann.name, "person": "ann" })).await;
    told.expect("person_online", json!({ "person": "ann" })).await;
    still.stands_still();
    let gone = json!({ "client": ann.name, "person": "ann", "code": 1006, "reason": "its process is gone" });
    told.expect("disconnected", gone).await;
    // What it says meanwhile is not taken, and is not lost.
    let bob = still.connect("bob").await;
    still.goes_on();
    let mut back = vec![
        ("connected".to_owned(), json!({ "client": ann.name, "person": "ann" })),
        ("connected".to_owned(), json!({ "client": bob.name, "person": "bob" })),
        ("person_online".to_owned(), json!({ "person": "bob" })),
    ];
    back.sort_by_key(|(kind, data)| (kind.clone(), data.to_string()));
    assert_eq!(told.some(3).await, back);
    still.stop().await;
    assert_eq!(told.some(2).await.into_iter().map(|it| it.0).collect::<Vec<_>>(), ["disconnected"; 2]);
    lives.stop().await;
}
