//! Who is not in a room finds none: every route, every method, every stranger, and every channel.

use axum::http::{Method, StatusCode};
use identity::people::Actor;
use identity::{By, Caller, Role};
use kernel::PersonId;
use kernel::id::RoomId;
use realtime::Caller as Listener;
use serde_json::{Value, json};

use crate::support::Site;

/// What can be asked of a room and its message 3: every operation that the product describes.
fn asks(site: &Site, room: &str, other: PersonId) -> Vec<(Method, String, Value)> {
    let mut all = Vec::new();
    for (path, operations) in site.api["paths"].as_object().expect("paths") {
        let Some(at) =
            path.strip_prefix("/api/v1/chat").filter(|at| at.contains("{room}") && !at.starts_with("/admin"))
        else {
            continue;
        };
        for method in operations.as_object().expect("operations").keys() {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            let body = match (method.as_str(), at.trim_start_matches("/rooms/{room}")) {
                ("PATCH", "") => json!({ "name": "Mine" }),
                ("POST", "/members") => json!({ "people": [other] }),
                ("PUT", "/members/{person}") => json!({ "role": "admin" }),
                ("POST", "/messages") => json!({ "client_id": "x", "content": "let me in, @ann" }),
                ("PATCH", "/messages/{seq}") => json!({ "content": "mine, @ann" }),
                ("POST", "/messages/{seq}/reactions") => json!({ "emoji": "👍" }),
                ("POST", "/receipts") => json!({ "read": 3 }),
                ("PATCH", "/mine") => json!({ "archived": true }),
                ("POST", "/typing") => json!({ "on": true }),
                _ => json!({}),
            };
            let at = at.replace("{room}", room).replace("{seq}", "3").replace("{person}", &other.to_string());
            all.push((method, at, body));
        }
    }
    assert!(all.len() >= 20, "{all:?}");
    all
}

#[tokio::test]
async fn who_is_not_in_a_room_cannot_tell_it_from_one_that_is_not_there() {
    let site = Site::new().await;
    let [ann, ben, eve] = site.people().await;
    let group = site.group(&[ann, ben]).await;
    let (_, direct) = site.post(ann, "/rooms/direct", json!({ "person": ben })).await;
    let direct = direct["room"].as_str().expect("an id").to_owned();
    let nowhere = RoomId::new(&site.clock, &kernel::Entropy::system()).to_string();
    site.say(ann, &group, "one").await;
    let seq = site.say(ann, &group, "two").await;
    assert_eq!(seq, 3, "the room's making is 1");
    site.say(ann, &direct, "secret").await;
    let removed = site.group(&[ann, ben, eve]).await;
    site.post(eve, &format!("/rooms/{removed}/leave"), json!({})).await;

    for ((method, missing, body), n) in asks(&site, &nowhere, ben).into_iter().zip(0..) {
        let (status, answer) = site.ask(Some(eve), method.clone(), &missing, Some(&body)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {missing}");
        for room in [&group, &direct, &removed, &"room_1".to_owned()] {
            let (_, path, body) = asks(&site, room, ben).swap_remove(n);
            let found = site.ask(Some(eve), method.clone(), &path, Some(&body)).await;
            assert_eq!(found, (status, answer.clone()), "{method} {path}");
            assert_eq!(site.ask(None, method.clone(), &path, Some(&body)).await.0, StatusCode::UNAUTHORIZED, "{path}");
        }
    }
    let messages = site.get(ann, &format!("/rooms/{group}/messages")).await;
    let said: Vec<_> = messages["items"].as_array().expect("a list").iter().map(|it| it["content"].clone()).collect();
    assert_eq!(said, ["one", "two"], "and nothing of all this was done");
}

#[tokio::test]
async fn a_channel_opens_to_members_alone() {
    let site = Site::new().await;
    let [ann, ben, eve] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    site.say(ann, &room, "between us").await;
    let strangers = [
        Listener::default(),
        Listener { user: eve.to_string(), ..Listener::default() },
        Listener { user: eve.to_string(), admin: true, ..Listener::default() },
        Listener { admin: true, ..Listener::default() }.showing(&ann.to_string()),
    ];
    let mut ear = site.listen(ben, &format!("chat:{room}"), Some(0)).await;
    assert_eq!(ear.next().await.expect("open").0, 1);
    for beside in ["chat", "chat_seen", "chat_typing"] {
        let channel = format!("{beside}:{room}");
        let _inside = site.listen(ann, &channel, None).await;
        let members = site.ctx.hub.subscribers(&channel);
        assert!(members > 0, "{channel}");
        for caller in &strangers {
            let feed = site.ctx.hub.open_stream(&channel, None, 300, caller).await.expect("a stream");
            assert_eq!(feed.top().offset, 0, "{caller:?}");
            assert_eq!(site.ctx.hub.subscribers(&channel), members, "{channel} {caller:?}");
        }
    }
}

#[tokio::test]
async fn who_is_taken_out_hears_no_more() {
    let site = Site::new().await;
    let [ann, ben, cem] = site.people().await;
    let room = site.group(&[ann, ben, cem]).await;
    let channel = format!("chat:{room}");
    let mut bens = site.listen(ben, &channel, Some(0)).await;
    let mut cems = site.listen(cem, &channel, Some(0)).await;
    let beside = ["chat_seen", "chat_typing"].map(|beside| format!("{beside}:{room}"));
    let mut bens_beside = Vec::new();
    for channel in &beside {
        bens_beside.push(site.listen(ben, channel, None).await);
    }
    site.say(ann, &room, "hello").await;
    let (status, _) = site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/members/{ben}"), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    site.say(ann, &room, "he is gone").await;
    let mut heard = Vec::new();
    while let Some((_, said)) = bens.next().await {
        heard.push(said["type"].as_str().unwrap_or_default().to_owned());
    }
    assert_eq!(heard, ["room.created", "message.sent", "member.left"], "what was said after it is not among it");
    // Who reads and who writes it hears neither.
    for (ear, channel) in bens_beside.iter_mut().zip(&beside) {
        assert!(ear.next().await.is_none(), "{channel} ends");
        assert_eq!(site.ctx.hub.subscribers(channel), 0);
    }
    cems.hear("message.sent").await;
    assert_eq!(cems.hear("message.sent").await.1["body"]["content"], "he is gone");
    assert_eq!(
        site.ask(Some(ben), Method::GET, &format!("/rooms/{room}/messages"), None).await.0,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn people_act_and_nobody_else_does() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let body = json!({ "client_id": "1", "content": "as somebody" });
    let path = format!("/rooms/{room}/messages");
    for (caller, status) in [
        (Caller::default(), StatusCode::UNAUTHORIZED),
        (Caller::Admin, StatusCode::FORBIDDEN),
        (Caller::Key { id: 1, scopes: u16::MAX }, StatusCode::FORBIDDEN),
        (Caller::Person { id: ann, role: Role::Member, by: By::Session }, StatusCode::FORBIDDEN),
        (Caller::Person { id: ann, role: Role::Member, by: By::Token }, StatusCode::CREATED),
    ] {
        assert_eq!(site.ask_as(caller, Method::POST, &path, Some(&body)).await.0, status, "{caller:?}");
    }
    let administrator = Caller::Person { id: site.person(9).await, role: Role::Admin, by: By::Token };
    let (status, _) = site.ask_as(administrator, Method::GET, &path, None).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "an administrator who is not in the room is a stranger");
}

#[tokio::test]
async fn who_is_gone_or_banned_is_put_into_no_room() {
    let site = Site::new().await;
    let [ann, ben, cem, dan] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    site.ctx.identity.delete_person(Actor::Admin, cem).await.expect("deleted");
    site.ctx.identity.ban(Actor::Admin, dan, None, "spam").await.expect("banned");
    let nobody = PersonId::new(&site.clock, &kernel::Entropy::system());
    for whom in [cem, dan, nobody] {
        let (status, _) = site.post(ann, "/rooms/direct", json!({ "person": whom })).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let (status, _) = site.post(ann, &format!("/rooms/{room}/members"), json!({ "people": [whom] })).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        let (status, _) = site.post(ann, "/rooms", json!({ "name": "With", "people": [ben, whom] })).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    // What somebody said stays when the account goes.
    let seq = site.say(ben, &room, "still here").await;
    site.ctx.identity.delete_person(Actor::Admin, ben).await.expect("deleted");
    let messages = site.get(ann, &format!("/rooms/{room}/messages")).await;
    assert_eq!((&messages["items"][0]["seq"], &messages["items"][0]["content"]), (&json!(seq), &json!("still here")));
    assert_eq!(messages["people"][0]["name"], "Deleted person");
}

#[tokio::test]
async fn an_admin_takes_over_from_an_owner_who_is_gone() {
    let site = Site::new().await;
    for (n, forever) in [(0, true), (10, false)] {
        let [ann, ben, cem] = [site.person(n).await, site.person(n + 1).await, site.person(n + 2).await];
        let room = site.group(&[ann, ben, cem]).await;
        let role = async |by, whom, role: &str| {
            let path = format!("/rooms/{room}/members/{whom}");
            site.ask(Some(by), Method::PUT, &path, Some(&json!({ "role": role }))).await.0
        };
        assert_eq!(role(ann, ben, "admin").await, StatusCode::NO_CONTENT);
        let until_ms = site.clock.now_ms() + 86_400_000;
        site.ctx.identity.ban(Actor::Admin, ann, Some(until_ms), "a day").await.expect("banned");
        assert_eq!(role(ben, ben, "owner").await, StatusCode::FORBIDDEN, "the owner comes back");
        assert_eq!(site.get(ben, &format!("/rooms/{room}")).await["gone"], json!([]));
        if forever {
            site.ctx.identity.ban(Actor::Admin, ann, None, "for ever").await.expect("banned");
        } else {
            site.ctx.identity.delete_person(Actor::Admin, ann).await.expect("deleted");
        }
        assert_eq!(role(cem, cem, "owner").await, StatusCode::FORBIDDEN, "a member manages nothing");
        assert_eq!(role(ben, ben, "owner").await, StatusCode::NO_CONTENT);
        let shown = site.get(ben, &format!("/rooms/{room}")).await;
        assert_eq!(shown["gone"], json!([ann]), "nobody waits for her to read");
        let owners: Vec<_> =
            shown["members"].as_array().expect("a list").iter().filter(|it| it["role"] == "owner").collect();
        assert_eq!((owners.len(), &owners[0]["person"]), (1, &json!(ben)));
        assert_eq!(
            site.ask(Some(ben), Method::DELETE, &format!("/rooms/{room}"), None).await.0,
            StatusCode::NO_CONTENT
        );
    }
}
