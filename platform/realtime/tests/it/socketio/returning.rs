//! Coming back as the same, in another process too.

use bus::Bus;
use kernel::{Clock, Entropy};
use serde_json::{Value, json};

use super::client::{Client, json_of};
use super::{on, server};
use crate::support::Server;

/// The last text of an event: where the client is.
fn place(event: &str) -> String {
    json_of(event).as_array().and_then(|list| list.last()?.as_str()).expect("a place").to_owned()
}

async fn heard(client: &mut Client, channel: &str, data: Value) -> String {
    let event = client.text().await;
    let list = json_of(&event);
    assert_eq!((&list[0], &list[1], &list[2]), (&json!("message"), &data, &json!(channel)), "{event}");
    place(&event)
}

async fn back(server: &Server, granted: &Value, place: &str) -> (Client, Value) {
    Client::enter(server, "/same", json!({ "pid": granted["pid"], "offset": place })).await
}

async fn join(client: &mut Client, channel: &str) -> String {
    client.say(&format!("42/same,1{}", json!(["subscribe", channel]))).await;
    let event = client.text().await;
    assert_eq!(client.text().await, "43/same,1[{}]");
    place(&event)
}

#[tokio::test]
async fn what_was_missed_comes_once_and_in_order_in_another_process() {
    let bus = Bus::memory(Clock::system(), &Entropy::system());
    let (one, two) = (on(bus.clone()).await, on(bus).await);
    let (mut client, granted) = Client::enter(&one, "/same", json!({})).await;
    join(&mut client, "news:a").await;
    join(&mut client, "long:b").await;
    one.publish("news:a", json!(1)).await;
    heard(&mut client, "news:a", json!(1)).await;
    one.publish("long:b", json!(2)).await;
    let at = heard(&mut client, "long:b", json!(2)).await;
    drop(client);
    two.publish("news:a", json!(3)).await;
    two.publish("long:b", json!(4)).await;
    two.publish("news:a", json!(5)).await;
    let (mut client, again) = back(&two, &granted, &at).await;
    assert_eq!((&again["sid"], &again["pid"]), (&granted["sid"], &granted["pid"]));
    heard(&mut client, "news:a", json!(3)).await;
    let at = heard(&mut client, "news:a", json!(5)).await;
    heard(&mut client, "long:b", json!(4)).await;
    two.publish("long:b", json!(6)).await;
    heard(&mut client, "long:b", json!(6)).await;
    // Cut off in the middle of that: from where it was, which is before the rest.
    drop(client);
    let (mut client, again) = back(&one, &granted, &at).await;
    assert_eq!(again["sid"], granted["sid"]);
    heard(&mut client, "long:b", json!(4)).await;
    heard(&mut client, "long:b", json!(6)).await;
    one.publish("news:a", json!(7)).await;
    heard(&mut client, "news:a", json!(7)).await;
}

#[tokio::test]
async fn who_comes_back_sooner_than_its_end_was_seen_takes_its_place() {
    let server = server().await;
    let (mut before, granted) = Client::enter(&server, "/same", json!({})).await;
    join(&mut before, "news:a").await;
    server.publish("news:a", json!(1)).await;
    let at = heard(&mut before, "news:a", json!(1)).await;
    let (mut client, again) = back(&server, &granted, &at).await;
    assert_eq!(again["sid"], granted["sid"]);
    assert_eq!(before.closed().await, 1000);
    assert_eq!(server.hub.subscribers("news:a"), 1);
    server.publish("news:a", json!(2)).await;
    heard(&mut client, "news:a", json!(2)).await;
}

#[tokio::test]
async fn where_anything_is_missing_a_client_begins_anew() {
    let server = server().await;
    let (mut client, granted) = Client::enter(&server, "/same", json!({})).await;
    let at = join(&mut client, "news:a").await;
    let plain = join(&mut client, "plain:a").await;
    drop(client);
    let forged = json!({ "pid": "AAAA", "sid": granted["sid"] });
    let admin = at.replace("news:a", "ops:a");
    let epoch = place_of_another_epoch(&at);
    for (granted, place, why) in [
        (&forged, &*at, "it is not its own"),
        (&granted, &*plain, "a channel without history"),
        (&granted, &*admin, "a channel that is not open to it"),
        (&granted, &*epoch, "another life of the channel"),
        (&granted, "", "no place"),
        (&granted, "[[", "nothing that can be read"),
    ] {
        let (_, again) = back(&server, granted, place).await;
        assert_ne!(again["sid"], granted["sid"], "{why}");
        assert!(again["pid"].is_string());
    }
    for number in 0..11 {
        server.publish("news:a", json!(number)).await;
    }
    let (mut client, again) = back(&server, &granted, &at).await;
    assert_ne!(again["sid"], granted["sid"], "more was published than is kept");
    join(&mut client, "news:a").await;
    server.publish("news:a", json!("now")).await;
    heard(&mut client, "news:a", json!("now")).await;
}

fn place_of_another_epoch(place: &str) -> String {
    let mut rooms: Value = serde_json::from_str(place).expect("a place");
    rooms[0][2] = json!("another");
    rooms.to_string()
}
