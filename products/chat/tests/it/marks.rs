//! Emoji, receipts, pins, what a room is to one of its people, and shares.

use axum::http::{Method, StatusCode};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::Site;

#[tokio::test]
async fn an_emoji_is_there_once_for_each_person() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let seq = site.say(ann, &room, "cake!").await;
    let mut ear = site.listen(ben, &format!("chat:{room}"), Some(2)).await;
    let path = format!("/rooms/{room}/messages/{seq}/reactions");
    let put = json!({ "emoji": "🎂", "on": true });
    let answers = join_all((0..8).map(|_| site.post(ann, &path, put.clone()))).await;
    assert!(answers.iter().all(|(status, it)| (*status, &it["on"]) == (StatusCode::OK, &json!(true))), "{answers:?}");
    site.post(ben, &path, put).await;
    let (offset, said) = ear.next().await.expect("open");
    assert_eq!(
        (offset, &said["type"], &said["emoji"], &said["on"]),
        (3, &json!("reaction.changed"), &json!("🎂"), &json!(true))
    );
    assert_eq!(ear.next().await.expect("open").1["by"], json!(ben), "and once: what changes nothing is not said");
    let shown = site.get(ann, &format!("/rooms/{room}/messages")).await;
    assert_eq!(shown["items"][0]["reactions"], json!([{ "emoji": "🎂", "count": 2, "mine": true }]));

    // Without a word it is the other than what is.
    for on in [false, true, false] {
        assert_eq!(site.post(ann, &path, json!({ "emoji": "🎂" })).await.1["on"], on);
    }
    let who = site.get(ben, &path).await;
    assert_eq!((who["items"].as_array().map(Vec::len), &who["items"][0]["person"]), (Some(1), &json!(ben)));
    for wrong in ["", "a b", "12345678901"] {
        let (status, _) = site.post(ann, &path, json!({ "emoji": wrong })).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong:?}");
    }
    for n in 0..19 {
        assert_eq!(site.post(ann, &path, json!({ "emoji": char::from_u32(0x1f600 + n) })).await.0, StatusCode::OK);
    }
    let (status, problem) = site.post(ann, &path, json!({ "emoji": "🦊" })).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("too_many_emoji")));
    assert_eq!(
        site.post(ann, &path, json!({ "emoji": "🎂" })).await.0,
        StatusCode::OK,
        "one that is there may be joined"
    );
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/messages/{seq}"), None).await;
    assert_eq!(site.get(ann, &path).await["items"], json!([]), "gone with the message");
    assert_eq!(site.post(ann, &path, json!({ "emoji": "🎂" })).await.0, StatusCode::NOT_FOUND);
}

async fn unread(site: &Site, who: kernel::PersonId) -> i64 {
    site.get(who, "/rooms").await["items"][0]["unread"].as_i64().expect("a number")
}

#[tokio::test]
async fn receipts_go_forward_and_unread_is_what_is_behind_them() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let path = format!("/rooms/{room}/receipts");
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(site.say(ann, &room, &format!("{n}")).await);
    }
    site.say(ben, &room, "mine").await;
    assert_eq!((unread(&site, ben).await, unread(&site, ann).await), (5, 1), "one's own are read");
    let (_, stands) = site.post(ben, &path, json!({ "delivered": sent[4] })).await;
    assert_eq!(stands, json!({ "read": 0, "delivered": sent[4] }));
    assert_eq!(unread(&site, ben).await, 5);
    let (_, stands) = site.post(ben, &path, json!({ "read": sent[2] })).await;
    assert_eq!(stands, json!({ "read": sent[2], "delivered": sent[4] }));
    assert_eq!(unread(&site, ben).await, 2);

    // Back, and beyond the room, nobody gets.
    let top = site.get(ben, &format!("/rooms/{room}")).await["top"].as_i64().expect("a number");
    assert_eq!(site.post(ben, &path, json!({ "read": 1, "delivered": -3 })).await.1["read"], sent[2]);
    let again = site.get(ben, &format!("/rooms/{room}")).await;
    assert_eq!(again["top"], top, "what changes nothing is not said");
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/messages/{}", sent[3]), None).await;
    assert_eq!(unread(&site, ben).await, 1, "a deleted one is not unread");
    let (_, stands) = site.post(ben, &path, json!({ "read": i64::MAX })).await;
    assert!(stands["read"].as_i64().is_some_and(|read| read <= top + 2), "{stands}");
    assert_eq!(unread(&site, ben).await, 0);
    let late = site.say(ann, &room, "late").await;
    assert_eq!(unread(&site, ben).await, 1, "to come is not read");

    // All of it at once, in any order: the furthest stands.
    let all = join_all((1..=late).rev().map(|seq| site.post(ben, &path, json!({ "read": seq })))).await;
    assert!(all.iter().all(|(status, _)| *status == StatusCode::OK));
    let room = site.get(ann, &format!("/rooms/{room}")).await;
    let bens = room["members"].as_array().expect("a list").iter().find(|it| it["person"] == json!(ben)).cloned();
    assert_eq!(bens.expect("there")["read"], late);
}

#[tokio::test]
async fn a_room_keeps_some_messages_in_sight() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let mut sent = Vec::new();
    for n in 0..51 {
        sent.push(site.say(ben, &room, &format!("{n}")).await);
    }
    let pin = async |who, method: Method, seq: i64| {
        site.ask(Some(who), method, &format!("/rooms/{room}/pins/{seq}"), None).await.0
    };
    assert_eq!(pin(ben, Method::PUT, sent[0]).await, StatusCode::FORBIDDEN);
    assert_eq!(pin(ann, Method::PUT, 9_999).await, StatusCode::NOT_FOUND);
    for seq in &sent[..50] {
        assert_eq!(pin(ann, Method::PUT, *seq).await, StatusCode::NO_CONTENT);
    }
    assert_eq!(pin(ann, Method::PUT, sent[0]).await, StatusCode::NO_CONTENT, "it is pinned already");
    assert_eq!(pin(ann, Method::PUT, sent[50]).await, StatusCode::CONFLICT);
    assert_eq!(pin(ann, Method::DELETE, sent[0]).await, StatusCode::NO_CONTENT);
    site.ask(Some(ben), Method::DELETE, &format!("/rooms/{room}/messages/{}", sent[1]), None).await;
    let pins = site.get(ben, &format!("/rooms/{room}/pins")).await;
    assert_eq!(pins["items"].as_array().map(Vec::len), Some(48), "a deleted message is not in sight");
    assert_eq!((&pins["items"][0]["message"]["seq"], &pins["items"][0]["by"]), (&json!(sent[49]), &json!(ann)));
}

#[tokio::test]
async fn a_room_is_muted_and_archived_for_oneself_alone() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let path = format!("/rooms/{room}/mine");
    let change = json!({ "muted_until_ms": 4_000_000_000_000_i64, "archived": true });
    assert_eq!(site.ask(Some(ann), Method::PATCH, &path, Some(&change)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(site.get(ann, "/rooms").await["items"], json!([]));
    let archived = site.get(ann, "/rooms?archived=true").await;
    assert_eq!(archived["items"][0]["muted_until_ms"], 4_000_000_000_000_i64);
    let bens = site.get(ben, "/rooms").await;
    assert_eq!((&bens["items"][0]["muted_until_ms"], &bens["items"][0]["archived"]), (&json!(0), &json!(false)));
    let (status, _) = site.ask(Some(ann), Method::PATCH, &path, Some(&json!({ "muted_until_ms": -1 }))).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(site.get(ben, &format!("/rooms/{room}")).await["top"], 1, "it is nobody else's business");
}

#[tokio::test]
async fn quick_replies_are_ones_own() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let put = async |shortcut: &str, content: &str| {
        let path = format!("/quick-replies/{shortcut}");
        site.ask(Some(ann), Method::PUT, &path, Some(&json!({ "content": content }))).await.0
    };
    for n in 0..100 {
        assert_eq!(put(&format!("r{n}"), "on my way").await, StatusCode::NO_CONTENT);
    }
    assert_eq!(put("more", "no").await, StatusCode::CONFLICT);
    assert_eq!(put("r7", "<b>changed</b>").await, StatusCode::NO_CONTENT);
    assert_eq!(put("R7", "x").await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(site.get(ben, "/quick-replies").await["items"], json!([]));
    let mine = site.get(ann, "/quick-replies").await;
    let items = mine["items"].as_array().expect("a list");
    assert_eq!(items.len(), 100);
    assert!(items.contains(&json!({ "shortcut": "r7", "content": "<b>changed</b>" })));
    assert_eq!(site.ask(Some(ben), Method::DELETE, "/quick-replies/r7", None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(site.ask(Some(ann), Method::DELETE, "/quick-replies/r7", None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(site.ask(None, Method::GET, "/quick-replies", None).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nobody_says_more_than_a_share_at_once() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let path = format!("/rooms/{room}/messages");
    let body = |n: u32| json!({ "client_id": n.to_string(), "content": "spam" });
    // At one moment: the clock is turned back after each request.
    let mut answers = Vec::new();
    for n in 0..30 {
        site.clock.advance(-crate::support::STEP_MS);
        answers.push(site.post(ann, &path, body(n)).await);
    }
    let refused: Vec<&Value> =
        answers.iter().filter(|(status, _)| *status == StatusCode::TOO_MANY_REQUESTS).map(|(_, it)| it).collect();
    assert_eq!(refused.len(), 10, "twenty at once");
    assert!(refused.iter().all(|it| it["code"] == "quota_exceeded" && it["retry_after"] == 1), "{refused:?}");
    let (status, _) = site.post(ben, &path, body(0)).await;
    assert_eq!(status, StatusCode::CREATED, "others have a share of their own");
    assert_eq!(site.post(ann, &path, body(31)).await.0, StatusCode::CREATED, "it comes back");
}

#[tokio::test]
async fn receipts_take_no_place_in_the_log_and_are_told_beside_it() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let seq = site.say(ann, &room, "hello").await;
    let mut ear = site.listen(ann, &format!("chat_seen:{room}"), None).await;
    for _ in 0..5 {
        for who in [ann, ben] {
            let heard = site.get(who, &format!("/rooms/{room}")).await["top"].clone();
            let (_, stands) =
                site.post(who, &format!("/rooms/{room}/receipts"), json!({ "read": heard, "delivered": heard })).await;
            assert_eq!(stands, json!({ "read": seq, "delivered": seq }), "a receipt is for messages");
        }
    }
    assert_eq!(site.get(ann, &format!("/rooms/{room}")).await["top"], seq, "however much is acknowledged");
    let mut told = std::collections::BTreeMap::new();
    while told.len() < 2 {
        let (_, receipts) = ear.next().await.expect("open");
        assert_eq!(receipts["type"], "receipts");
        for one in receipts["people"].as_array().expect("people") {
            let before = told.insert(one["person"].to_string(), one.clone());
            assert_eq!(before, None, "each of them said so once");
            assert_eq!((&one["read"], &one["delivered"]), (&json!(seq), &json!(seq)));
        }
    }
}

#[tokio::test]
async fn counting_what_is_unread_looks_at_a_thousand_messages() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    site.fill(&room, &[ann, ben], 2_100).await;
    assert_eq!((unread(&site, ann).await, unread(&site, ben).await), (500, 500), "half of the newest thousand");
}

#[tokio::test]
async fn who_reads_has_a_share_and_who_has_none_is_asked_nothing_else() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let (messages, pins) = (format!("/rooms/{room}/messages"), format!("/rooms/{room}/pins"));
    for path in ["/rooms", "/mentions", "/quick-replies", "/notifications", &messages, &pins] {
        site.clock.advance(60_000);
        let mut last = StatusCode::OK;
        for _ in 0..201 {
            site.clock.advance(-crate::support::STEP_MS);
            last = site.ask(Some(ben), Method::GET, path, None).await.0;
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
    // Whom nobody knows is looked for within the share.
    let nobody = kernel::PersonId::new(&site.clock, &kernel::Entropy::system());
    let mut last = StatusCode::OK;
    for _ in 0..61 {
        site.clock.advance(-crate::support::STEP_MS);
        last = site.post(ben, "/rooms/direct", json!({ "person": nobody })).await.0;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    let eve = site.person(4).await;
    let add = json!({ "people": [nobody] });
    let (status, _) = site.post(eve, &format!("/rooms/{room}/members"), add).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "a stranger learns nothing of people by a room");
}
