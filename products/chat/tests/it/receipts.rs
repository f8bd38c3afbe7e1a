//! When people got and read a message: exactly, or nothing.

use axum::http::{Method, StatusCode};
use kernel::{PersonId, limits};
use serde_json::{Value, json};

use crate::support::Site;
use crate::switches::settings;

/// Says up to where somebody has got and read: when that was.
async fn receive(site: &Site, who: PersonId, room: &str, receipt: Value) -> i64 {
    let at_ms = site.clock.now_ms();
    let (status, answer) = site.post(who, &format!("/rooms/{room}/receipts"), receipt).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    at_ms
}

async fn reached(site: &Site, by: PersonId, room: &str, seq: i64) -> Value {
    site.get(by, &format!("/rooms/{room}/messages/{seq}/receipts")).await["items"].clone()
}

#[tokio::test]
async fn each_message_has_the_time_at_which_it_was_read_and_not_a_later_one() {
    let site = Site::new().await;
    let [ann, ben, cem, dan] = site.people().await;
    let room = site.group(&[ann, ben, cem, dan]).await;
    let first = site.say(ann, &room, "one").await;
    let second = site.say(ann, &room, "two").await;
    let third = site.say(ann, &room, "three").await;
    let came = receive(&site, ben, &room, json!({ "delivered": third })).await;
    let cem_read = receive(&site, cem, &room, json!({ "read": second })).await;
    let ben_read = receive(&site, ben, &room, json!({ "read": first })).await;
    // Again, and backwards: nothing changes.
    receive(&site, ben, &room, json!({ "read": first, "delivered": first })).await;
    let ben_read_all = receive(&site, ben, &room, json!({ "read": third })).await;
    // Who is in the room since then was not told.
    site.post(ann, &format!("/rooms/{room}/members"), json!({ "people": [site.person(9).await] })).await;
    let is = |who: PersonId, delivered: Option<i64>, read: Option<i64>| {
        json!({ "person": who, "delivered": delivered.is_some(), "delivered_at_ms": delivered, "read": read.is_some(),
            "read_at_ms": read })
    };
    let nothing = is(dan, None, None);
    for by in [ann, dan] {
        let of_first = json!([is(cem, Some(cem_read), Some(cem_read)), is(ben, Some(came), Some(ben_read)), nothing]);
        assert_eq!(reached(&site, by, &room, first).await, of_first, "who read it first is the first");
        let of_second =
            json!([is(cem, Some(cem_read), Some(cem_read)), is(ben, Some(came), Some(ben_read_all)), nothing]);
        assert_eq!(reached(&site, by, &room, second).await, of_second);
        let mut last = vec![is(cem, None, None), nothing.clone()];
        last.sort_by_key(|it| it["person"].to_string());
        last.insert(0, is(ben, Some(came), Some(ben_read_all)));
        assert_eq!(reached(&site, by, &room, third).await, json!(last));
    }
    // What somebody has hidden has no receipts for that person.
    site.ask(Some(ann), Method::PUT, &format!("/rooms/{room}/hidden/{first}"), None).await;
    let path = format!("/rooms/{room}/messages/{first}/receipts");
    assert_eq!(site.ask(Some(ann), Method::GET, &path, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(site.ask(Some(ben), Method::GET, &path, None).await.0, StatusCode::OK);
    let path = format!("/rooms/{room}/messages/999/receipts");
    assert_eq!(site.ask(Some(ben), Method::GET, &path, None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn of_steps_long_ago_no_time_is_said_and_they_go() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let steps = i64::try_from(limits::CHAT_STEPS).expect("few");
    site.fill(&room, &[ann, ann], steps + 2).await;
    let bump = room.clone();
    let top = async move |tx: &mut store::Tx| {
        let sql = "UPDATE chat_rooms SET last_message = 1000 + $2 WHERE room = $1";
        tx.execute(sql, store::params![&bump, steps + 1]).await
    };
    let bumped: Result<u64, store::StoreError> = site.ctx.store.write(top).await;
    assert_eq!(bumped.expect("written"), 1);
    let mut times = Vec::new();
    for n in 0..steps + 2 {
        times.push(receive(&site, ben, &room, json!({ "read": 1_000 + n })).await);
    }
    assert_eq!(site.rows("chat_receipts").await, 2 * steps);
    for (n, known) in [(0, false), (1, false), (2, true), (steps + 1, true)] {
        let is = &reached(&site, ann, &room, 1_000 + n).await[0];
        let time = if known { json!(times[usize::try_from(n).expect("small")]) } else { Value::Null };
        assert_eq!((&is["read"], &is["read_at_ms"], &is["delivered_at_ms"]), (&json!(true), &time, &time), "{n}");
    }
    // Who leaves takes the times along, and who is back has read what was there.
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/members/{ben}"), None).await;
    assert_eq!(site.rows("chat_receipts").await, 0);
    site.post(ann, &format!("/rooms/{room}/members"), json!({ "people": [ben] })).await;
    let seq = site.say(ben, &room, "back").await;
    receive(&site, ann, &room, json!({ "read": seq })).await;
    assert!(site.rows("chat_receipts").await > 0);
    site.office(Method::PUT, "/settings", Some(&settings(json!({ "retention_days": 1 })))).await;
    site.clock.advance(3 * 86_400_000);
    site.run_retention().await;
    assert_eq!(site.rows("chat_receipts").await, 0, "and they go with the messages");
}

#[tokio::test]
async fn a_room_that_is_gone_leaves_no_times() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let seq = site.say(ann, &room, "one").await;
    receive(&site, ben, &room, json!({ "read": seq })).await;
    site.ask(Some(ann), Method::PUT, &format!("/rooms/{room}/hidden/{seq}"), None).await;
    assert_eq!((site.rows("chat_receipts").await, site.rows("chat_hidden").await), (2, 1));
    assert_eq!(site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}"), None).await.0, StatusCode::NO_CONTENT);
    site.ended("chat.sweep").await;
    assert_eq!((site.rows("chat_receipts").await, site.rows("chat_hidden").await), (0, 0));
}

#[tokio::test]
async fn who_does_not_show_when_it_was_last_seen_shows_no_time_of_a_receipt() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let seq = site.say(ann, &room, "one").await;
    let read = receive(&site, ben, &room, json!({ "read": seq })).await;
    assert_eq!(reached(&site, ann, &room, seq).await[0]["read_at_ms"], read);
    for (shows, times) in [(false, Value::Null), (true, json!(read))] {
        let change = json!({ "shows_last_seen": shows });
        assert_eq!(site.ask(Some(ben), Method::PATCH, "/status", Some(&change)).await.0, StatusCode::NO_CONTENT);
        let is = &reached(&site, ann, &room, seq).await[0];
        assert_eq!((&is["read"], &is["read_at_ms"], &is["delivered_at_ms"]), (&json!(true), &times, &times));
    }
}
