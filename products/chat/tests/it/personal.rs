//! What a person hears of all of its rooms, and nobody else.

use axum::http::Method;
use bus::Read;
use kernel::PersonId;
use realtime::Caller;
use serde_json::json;

use crate::support::Site;

/// What is kept of a person's notices for when it comes back.
async fn kept(site: &Site, who: PersonId) -> String {
    let read = Read { limit: 100, ..Read::TOP };
    let history = site.ctx.bus.history(&format!("chat_me:{who}"), read).await.expect("read");
    history.publications.iter().map(|it| String::from_utf8_lossy(&it.data).into_owned()).collect()
}

#[tokio::test]
async fn a_person_hears_of_its_rooms_and_what_is_unread() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let mut ear = site.listen(ben, &format!("chat_me:{ben}"), None).await;
    let room = site.group(&[ann, ben]).await;
    assert_eq!(ear.hear("room").await.1["room"], json!(room));
    let seq = site.say(ann, &room, "hello").await;
    let (_, notice) = ear.hear("message").await;
    let last = site.get(ben, "/rooms").await["items"][0]["last_message"].clone();
    assert_eq!((&last["seq"], &last["content"]), (&json!(seq), &json!("hello")));
    let told =
        json!({ "type": "message", "room": room, "seq": seq, "by": ann, "mentions_you": false, "last_message": last });
    assert_eq!(notice, told, "all that a list shows of it is in it");
    let other = site.say(ann, &room, "again").await;
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/messages/{seq}"), None).await;
    assert_eq!(ear.hear("unread").await.1["unread"], 1, "a deleted message is not unread");
    site.post(ben, &format!("/rooms/{room}/receipts"), json!({ "read": other })).await;
    let last = site.get(ben, "/rooms").await["items"][0]["last_message"].clone();
    let told =
        json!({ "type": "unread", "room": room, "read": other, "unread": 0, "mentions": 0, "last_message": last });
    assert_eq!(ear.hear("unread").await.1, told);
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
    let mut cems = site.listen(cem, &format!("chat_me:{cem}"), None).await;
    assert_eq!((count(ben).await, count(cem).await), (json!(1), json!(0)));
    let found = site.get(ben, "/mentions").await;
    assert_eq!((&found["items"][0]["seq"], &found["people"][0]["name"]), (&message["seq"], &json!("Ann")));
    assert_eq!(site.get(dan, "/mentions").await["items"], json!([]));

    let at = format!("{path}/{}", message["seq"]);
    let edit = json!({ "content": "@cem, where?" });
    let (_, edited) = site.ask(Some(ann), Method::PATCH, &at, Some(&edit)).await;
    assert_eq!(edited["mentions"], json!([cem]));
    assert_eq!((count(ben).await, count(cem).await), (json!(0), json!(1)));
    for (who, mentions) in [(&mut ear, 0), (&mut cems, 1)] {
        let (_, told) = who.hear("unread").await;
        assert_eq!(told["mentions"], mentions, "whom an edit mentions, and whom no more, is told: {told}");
        assert_eq!(told["last_message"]["seq"], edited["seq"], "and up to where that was counted");
    }
    site.post(cem, &format!("/rooms/{room}/receipts"), json!({ "read": edited["seq"] })).await;
    assert_eq!(count(cem).await, 0, "it was read");
    assert_eq!(cems.hear("unread").await.1["mentions"], 0, "and every page of hers hears that");
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
    let (_, told) = ear.next().await.expect("open");
    assert_eq!((&told["type"], &told["last_message"]["content"]), (&json!("last"), &json!("the")));
    site.ask(Some(ann), Method::DELETE, &path, None).await;
    let (_, told) = ear.hear("last").await;
    assert_eq!((&told["last_message"]["deleted"], &told["last_message"]["content"]), (&json!(true), &json!("")));
    assert!(!kept(&site, ben).await.contains("\"the\""), "what was deleted is kept for nobody who comes back");
    // Taken out and put in again before anybody was told.
    site.ctx.events.stop().await;
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/members/{ben}"), None).await;
    site.post(ann, &format!("/rooms/{room}/members"), json!({ "people": [ben] })).await;
    let site = site.restart().await;
    let mut ear = site.listen(ben, &format!("chat_me:{ben}"), None).await;
    site.say(ann, &room, "back").await;
    ear.hear("message").await;
    let kept = kept(&site, ben).await;
    assert!(kept.contains("back") && !kept.contains("\"left\""), "{kept}");
}

#[tokio::test]
async fn what_somebody_may_read_no_more_is_not_kept_for_them() {
    let site = Site::new().await;
    let [ann, ben, cem] = site.people().await;
    let (room, other) = (site.group(&[ann, ben, cem]).await, site.group(&[ann, ben, cem]).await);
    let mut bens = site.listen(ben, &format!("chat_me:{ben}"), None).await;
    let mut cems = site.listen(cem, &format!("chat_me:{cem}"), None).await;
    for room in [&room, &other] {
        let seq = site.say(ann, room, "a walrus").await;
        let path = format!("/rooms/{room}/messages/{seq}");
        bens.hear("message").await;
        cems.hear("message").await;
        assert!(kept(&site, ben).await.contains("walrus"));
        site.ask(Some(ann), Method::PATCH, &path, Some(&json!({ "content": "a seal" }))).await;
        bens.hear("last").await;
        assert!(!kept(&site, ben).await.contains("walrus"), "it says something else");
    }
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/members/{ben}"), None).await;
    bens.hear("left").await;
    assert!(!kept(&site, ben).await.contains("seal"), "taken out");
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{other}"), None).await;
    cems.hear("left").await;
    assert!(!kept(&site, cem).await.contains("seal"), "and the room is gone");
}
