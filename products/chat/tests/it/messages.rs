//! What is said is there once, in one order, as it was written, until it is taken back.

use axum::http::{Method, StatusCode};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{START_MS, STEP_MS, Site};

fn numbers(page: &Value) -> Vec<i64> {
    page["items"].as_array().expect("a list").iter().filter_map(|it| it["seq"].as_i64()).collect()
}

#[tokio::test]
async fn a_message_sent_again_is_the_same_message_however_many_send_it_at_once() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let path = format!("/rooms/{room}/messages");
    let send = |who, client_id: &str| site.post(who, &path, json!({ "client_id": client_id, "content": "hi" }));
    let answers = join_all((0..16).map(|_| send(ann, "a-1"))).await;
    let (_, first) = &answers[0];
    assert!(answers.iter().all(|(_, it)| it["seq"] == first["seq"] && it["client_id"] == "a-1"), "{answers:?}");
    assert_eq!(answers.iter().filter(|(status, _)| *status == StatusCode::CREATED).count(), 1);
    let (status, other) = send(ben, "a-1").await;
    assert_eq!(status, StatusCode::CREATED, "a name belongs to who gave it");
    assert_ne!(other["seq"], first["seq"]);
    assert_eq!(site.get(ann, &path).await["items"].as_array().map(Vec::len), Some(2));

    // Also when it was changed or taken back since.
    let at = format!("{path}/{}", first["seq"]);
    site.ask(Some(ann), Method::DELETE, &at, None).await;
    let (status, again) = send(ann, "a-1").await;
    assert_eq!((status, &again["deleted"]), (StatusCode::OK, &json!(true)));
}

#[tokio::test]
async fn pages_go_both_ways_and_meet() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let mut sent = Vec::new();
    for n in 0..25 {
        sent.push(site.say(ann, &room, &format!("message {n}")).await);
    }
    let path = format!("/rooms/{room}/messages");
    let newest = site.get(ben, &format!("{path}?limit=10")).await;
    assert_eq!((numbers(&newest), &newest["more"]), (sent[15..].to_vec(), &json!(true)));
    assert_eq!(newest["top"], sent[24]);
    let before = site.get(ben, &format!("{path}?limit=200&before={}", sent[15])).await;
    assert_eq!((numbers(&before), &before["more"]), (sent[..15].to_vec(), &json!(false)));
    let after = site.get(ben, &format!("{path}?limit=10&after={}", sent[4])).await;
    assert_eq!((numbers(&after), &after["more"]), (sent[5..15].to_vec(), &json!(true)));
    let (status, _) = site.ask(Some(ben), Method::GET, &format!("{path}?before=3&after=3"), None).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn text_is_data_and_bounded() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let html = "<img src=x onerror=\"alert('x')\"> & \u{202e} ' OR 1=1 -- {{7*7}}";
    let seq = site.say(ann, &room, html).await;
    let message = site.get(ben, &format!("/rooms/{room}/messages/{seq}")).await;
    assert_eq!((&message["content"], &message["sender"]), (&json!(html), &json!(ann)));
    assert_eq!((&message["at_ms"], &message["edited_at_ms"]), (&json!(START_MS + STEP_MS), &Value::Null));
    let path = format!("/rooms/{room}/messages");
    for wrong in [
        json!({ "client_id": "1", "content": "" }),
        json!({ "client_id": "1", "content": "x".repeat(2_001) }),
        json!({ "client_id": "1", "content": "a\u{0}b" }),
        json!({ "client_id": "", "content": "x" }),
        json!({ "client_id": "1", "content": "x", "reply_to": 9_999 }),
        json!({ "client_id": "1", "content": "x", "reply_to": 1 }),
        json!({ "client_id": "1", "content": "x", "sender": ben }),
    ] {
        assert_eq!(site.post(ann, &path, wrong.clone()).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}

#[tokio::test]
async fn an_answer_is_to_a_message_of_the_same_room() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let (one, other) = (site.group(&[ann, ben]).await, site.group(&[ann, ben]).await);
    let asked = site.say(ann, &one, &"why? ".repeat(100)).await;
    site.say(ben, &one, "more").await;
    let elsewhere = site.say(ben, &one, "and more").await;
    let reply = |to: i64| json!({ "client_id": format!("r{to}"), "content": "because", "reply_to": to });
    let (status, answer) = site.post(ben, &format!("/rooms/{one}/messages"), reply(asked)).await;
    assert_eq!((status, &answer["reply"]["sender"]), (StatusCode::CREATED, &json!(ann)));
    assert!(answer["reply"]["content"].as_str().is_some_and(|text| text.chars().count() == 201), "shortened");
    let (status, _) = site.post(ben, &format!("/rooms/{other}/messages"), reply(elsewhere)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "another room's number is none of this one");
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{one}/messages/{asked}"), None).await;
    let shown = site.get(ann, &format!("/rooms/{one}/messages/{}", answer["seq"])).await;
    assert_eq!((&shown["reply"]["content"], &shown["reply"]["deleted"]), (&json!(""), &json!(true)));
}

#[tokio::test]
async fn a_sender_edits_and_takes_back_and_a_manager_may_delete() {
    let site = Site::new().await;
    let [ann, ben, cem] = site.people().await;
    let room = site.group(&[ann, ben, cem]).await;
    let seq = site.say(ben, &room, "teh").await;
    let path = format!("/rooms/{room}/messages/{seq}");
    let edit = json!({ "content": "the" });
    for other in [ann, cem] {
        assert_eq!(site.ask(Some(other), Method::PATCH, &path, Some(&edit)).await.0, StatusCode::FORBIDDEN);
    }
    let sent_ms = site.get(cem, &path).await["at_ms"].clone();
    let now_ms = site.clock.now_ms();
    let (status, edited) = site.ask(Some(ben), Method::PATCH, &path, Some(&edit)).await;
    assert_eq!((status, &edited["content"], &edited["edited_at_ms"]), (StatusCode::OK, &json!("the"), &json!(now_ms)));
    assert_eq!(edited["at_ms"], sent_ms);
    assert_eq!(site.ask(Some(cem), Method::DELETE, &path, None).await.0, StatusCode::FORBIDDEN);
    assert_eq!(site.ask(Some(ann), Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT, "she owns the room");
    let gone = site.get(cem, &path).await;
    assert_eq!((&gone["content"], &gone["deleted"]), (&json!(""), &json!(true)));
    for method in [Method::PATCH, Method::DELETE] {
        assert_eq!(site.ask(Some(ben), method, &path, Some(&edit)).await.0, StatusCode::NOT_FOUND, "once is enough");
    }
}

#[tokio::test]
async fn no_event_tells_what_was_written() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let change = json!({ "name": "password room", "description": "the password" });
    site.ask(Some(ann), Method::PATCH, &format!("/rooms/{room}"), Some(&change)).await;
    let mut ear = site.listen(ben, &format!("chat:{room}"), Some(0)).await;
    assert_eq!(ear.hear("room.changed").await.1["name"], "password room", "its members are told, as it is then");
    let seq = site.say(ann, &room, "the password is swordfish").await;
    let edit = json!({ "content": "the password is herring" });
    site.ask(Some(ann), Method::PATCH, &format!("/rooms/{room}/messages/{seq}"), Some(&edit)).await;
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/messages/{seq}"), None).await;
    let query = events::Query { kind: Some("chat.*".to_owned()), limit: 200, ..events::Query::default() };
    let mut kinds = Vec::new();
    for row in site.ctx.events.list(query).await.expect("listed") {
        let event = site.ctx.events.find(row.position).await.expect("read").expect("there");
        assert!(!event.data.contains("password"), "{}", event.data);
        assert_eq!(event.subject.as_deref(), Some(room.as_str()));
        kinds.push(event.kind);
    }
    kinds.reverse();
    assert_eq!(
        kinds,
        ["chat.room.created", "chat.room.changed", "chat.message.sent", "chat.message.edited", "chat.message.deleted"]
    );
}
