//! A room's channel is its log: the same order, nothing lost, nothing twice, whoever was away and whatever was restarted.

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::json;

use crate::support::Site;

#[tokio::test]
async fn the_order_of_the_room_is_the_order_of_its_channel_for_everybody() {
    let site = Site::new().await;
    let people = site.people::<8>().await;
    let room = site.group(&people).await;
    let channel = format!("chat:{room}");
    let mut ears = [site.listen(people[1], &channel, Some(0)).await, site.listen(people[2], &channel, Some(0)).await];
    let talk = async |who| {
        let mut sent = Vec::new();
        for n in 0..10 {
            sent.push((site.say(who, &room, &format!("{n}")).await, who));
        }
        assert!(sent.is_sorted(), "a sender's own order is kept");
        sent
    };
    let mut sent: Vec<_> = join_all(people.map(talk)).await.into_iter().flatten().collect();
    sent.sort_by_key(|(seq, _)| *seq);
    assert_eq!(sent.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), (2..=81).collect::<Vec<_>>(), "each number once");
    for ear in &mut ears {
        assert_eq!(ear.next().await.expect("open").1["type"], "room.created");
        for (seq, who) in &sent {
            let (offset, said) = ear.next().await.expect("open");
            assert_eq!((offset, &said["type"]), (seq.unsigned_abs(), &json!("message.sent")));
            assert_eq!((&said["by"], &said["body"]["seq"]), (&json!(who), &json!(seq)));
        }
    }
    let listed = site.get(people[3], &format!("/rooms/{room}/messages?limit=200")).await;
    let listed: Vec<_> = listed["items"].as_array().expect("a list").iter().map(|it| it["seq"].clone()).collect();
    assert_eq!(listed, sent.iter().map(|(seq, _)| json!(seq)).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_was_away_gets_exactly_what_was_missed_also_over_a_restart() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let channel = format!("chat:{room}");
    let mut ear = site.listen(ben, &channel, Some(0)).await;
    let first = site.say(ann, &room, "one").await;
    let (at, _) = ear.hear("message.sent").await;
    assert_eq!(at, first.unsigned_abs());
    drop(ear);

    let second = site.say(ann, &room, "two").await;
    let edit = json!({ "content": "2" });
    site.ask(Some(ann), Method::PATCH, &format!("/rooms/{room}/messages/{second}"), Some(&edit)).await;
    let site = site.restart().await;
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/messages/{first}"), None).await;

    let mut ear = site.listen(ben, &channel, Some(at)).await;
    assert!(ear.0.recovered(), "all of it");
    let mut heard = Vec::new();
    for _ in 0..3 {
        heard.push(ear.next().await.expect("open"));
    }
    let types: Vec<_> =
        heard.iter().map(|(offset, said)| format!("{offset} {}", said["type"]).replace('"', "")).collect();
    assert_eq!(types, ["3 message.sent", "4 message.edited", "5 message.deleted"]);
    assert_eq!(heard[0].1["body"]["content"], "2", "a message is told as it is");
    let third = site.say(ann, &room, "three").await;
    assert_eq!(ear.next().await.expect("open").0, third.unsigned_abs(), "and then what comes");

    // What was deleted is in no channel any more.
    let mut late = site.listen(ben, &channel, Some(0)).await;
    for offset in 1..=6 {
        let (at, said) = late.next().await.expect("open");
        assert_eq!(at, offset);
        assert!(!said.to_string().contains("\"one\""), "{said}");
    }
}

#[tokio::test]
async fn a_stream_that_stops_loses_nothing() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    // Nothing carries any more: what is said meanwhile is said in the log.
    site.ctx.events.stop().await;
    for n in 0..20 {
        site.say(ann, &room, &format!("{n}")).await;
    }
    let site = site.restart().await;
    let mut ear = site.listen(ben, &format!("chat:{room}"), Some(1)).await;
    let last = site.say(ann, &room, "last").await;
    for offset in 2..=last.unsigned_abs() {
        assert_eq!(ear.next().await.expect("open").0, offset, "each once, in order");
    }
}

#[tokio::test]
async fn what_was_deleted_or_edited_is_in_no_memory_any_more() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let channel = format!("chat:{room}");
    // Somebody listens, so that the room's channel is in memory.
    let mut ear = site.listen(ben, &channel, Some(0)).await;
    let (gone, edited) = (site.say(ann, &room, "regretted").await, site.say(ann, &room, "mistyped").await);
    let path = |seq: i64| format!("/rooms/{room}/messages/{seq}");
    site.ask(Some(ann), Method::DELETE, &path(gone), None).await;
    site.ask(Some(ann), Method::PATCH, &path(edited), Some(&json!({ "content": "typed" }))).await;
    // What is carried is carried in order: when this is heard, the others have been dealt with.
    let last = site.say(ann, &room, "last").await.unsigned_abs();
    while ear.hear("message.sent").await.0 < last {}
    let mut late = site.listen(ben, &channel, Some(0)).await;
    for offset in 1..=last {
        let (at, said) = late.next().await.expect("open");
        assert_eq!(at, offset);
        let said = said.to_string();
        assert!(!said.contains("regretted") && !said.contains("mistyped"), "{said}");
    }
}
