//! What a person hears of all of its rooms, and nobody else.

use axum::http::Method;
use realtime::Caller;
use serde_json::json;

use crate::support::Site;

#[tokio::test]
async fn a_person_hears_of_its_rooms_and_what_is_unread() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let mut ear = site.listen(ben, &format!("chat_me:{ben}"), None).await;
    let room = site.group(&[ann, ben]).await;
    assert_eq!(ear.hear("room").await.1["room"], json!(room));
    let seq = site.say(ann, &room, "hello").await;
    let (_, notice) = ear.hear("message").await;
    assert_eq!(notice, json!({ "type": "message", "room": room, "seq": seq, "by": ann, "mentions_you": false }));
    let other = site.say(ann, &room, "again").await;
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/messages/{seq}"), None).await;
    assert_eq!(ear.hear("unread").await.1["unread"], 1, "a deleted message is not unread");
    site.post(ben, &format!("/rooms/{room}/receipts"), json!({ "read": other })).await;
    assert_eq!(ear.hear("unread").await.1, json!({ "type": "unread", "room": room, "read": other, "unread": 0 }));
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/members/{ben}"), None).await;
    assert_eq!(ear.hear("left").await.1["room"], json!(room));
}

#[tokio::test]
async fn nobody_hears_what_another_is_told() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let channel = format!("chat_me:{ben}");
    for caller in [
        Caller::default(),
        Caller { user: ann.to_string(), admin: true, ..Caller::default() },
        Caller { user: ann.to_string(), ..Caller::default() }.showing(&ben.to_string()),
    ] {
        let _feed = site.ctx.hub.open_stream(&channel, None, 10, &caller).await.expect("a stream");
        assert_eq!(site.ctx.hub.subscribers(&channel), 0, "{caller:?}");
    }
    let nameless = site.ctx.hub.open_stream("chat_me:", None, 10, &Caller::default()).await;
    assert!(nameless.is_err(), "nobody has no channel");
}

#[tokio::test]
async fn who_is_writing_is_told_to_the_room() {
    let site = Site::new().await;
    let [ann, ben, eve] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let mut ear = site.listen(ben, &format!("chat_typing:{room}"), None).await;
    let path = format!("/rooms/{room}/typing");
    assert_eq!(site.post(eve, &path, json!({ "on": true })).await.0, 404);
    assert_eq!(site.post(ann, &path, json!({ "on": true })).await.0, 204);
    assert_eq!(ear.next().await.expect("open").1, json!({ "person": ann, "on": true }));
    assert_eq!(site.get(ben, &format!("/rooms/{room}")).await["top"], 1, "it is kept nowhere");
}

#[tokio::test]
async fn who_is_mentioned_is_told_and_finds_it_again() {
    let site = Site::new().await;
    let [ann, ben, cem, dan] = site.people().await;
    let room = site.group(&[ann, ben, cem]).await;
    let mut ear = site.listen(ben, &format!("chat_me:{ben}"), None).await;
    let path = format!("/rooms/{room}/messages");
    // Dan is not in the room, Bennie is nobody, and nobody mentions himself.
    let content = "@ann asks @BEN: where is @Dan, and @Bennie? mail@cem";
    let (_, message) = site.post(ann, &path, json!({ "client_id": "1", "content": content })).await;
    assert_eq!(message["mentions"], json!([ben]));
    assert_eq!(ear.hear("message").await.1["mentions_you"], true);
    let count = async |who| site.get(who, "/rooms").await["items"][0]["mentions"].clone();
    assert_eq!((count(ben).await, count(cem).await), (json!(1), json!(0)));
    let found = site.get(ben, "/mentions").await;
    assert_eq!((&found["items"][0]["seq"], &found["people"][0]["name"]), (&message["seq"], &json!("Ann")));
    assert_eq!(site.get(dan, "/mentions").await["items"], json!([]));

    let at = format!("{path}/{}", message["seq"]);
    let edit = json!({ "content": "@cem, where?" });
    let (_, edited) = site.ask(Some(ann), Method::PATCH, &at, Some(&edit)).await;
    assert_eq!(edited["mentions"], json!([cem]));
    assert_eq!((count(ben).await, count(cem).await), (json!(0), json!(1)));
    site.post(cem, &format!("/rooms/{room}/receipts"), json!({ "read": edited["seq"] })).await;
    assert_eq!(count(cem).await, 0, "it was read");
    site.ask(Some(ann), Method::DELETE, &at, None).await;
    assert_eq!(site.get(cem, "/mentions").await["items"], json!([]));
}

#[tokio::test]
async fn a_changed_last_message_and_a_return_are_told_to_everybodys_list() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let seq = site.say(ann, &room, "teh").await;
    let mut ear = site.listen(ben, &format!("chat_me:{ben}"), Some(0)).await;
    ear.hear("message").await;
    let path = format!("/rooms/{room}/messages/{seq}");
    site.ask(Some(ann), Method::PATCH, &path, Some(&json!({ "content": "the" }))).await;
    assert_eq!(ear.next().await.expect("open").1, json!({ "type": "room", "room": room }));
    site.ask(Some(ann), Method::DELETE, &path, None).await;
    assert_eq!(ear.hear("room").await.1, json!({ "type": "room", "room": room }));
    // Taken out and put in again before anybody was told.
    site.ctx.events.stop().await;
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/members/{ben}"), None).await;
    site.post(ann, &format!("/rooms/{room}/members"), json!({ "people": [ben] })).await;
    let site = site.restart().await;
    site.say(ann, &room, "back").await;
    let mut ear = site.listen(ben, &format!("chat_me:{ben}"), Some(0)).await;
    loop {
        let (_, said) = ear.next().await.expect("open");
        assert_ne!(said["type"], "left");
        if said["type"] == "message" {
            break;
        }
    }
}
