//! What an administrator watches: how it goes, minute by minute, and a room from outside.

use axum::http::{Method, StatusCode};
use kernel::id::RoomId;
use kernel::limits;
use serde_json::json;

use crate::sockets::Page;
use crate::support::{STEP_MS, Site};

const MINUTE_MS: i64 = 60_000;

#[tokio::test]
async fn it_is_shown_how_many_are_here_and_how_much_they_say() {
    let site = Site::new().await;
    let [ann, ben, _] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let pulse = async || {
        let (status, pulse) = site.office(Method::GET, "/pulse", None).await;
        assert_eq!(status, StatusCode::OK, "{pulse}");
        pulse
    };
    let none = pulse().await;
    assert_eq!((&none["registered"], &none["online"], &none["counting"]), (&json!(3), &json!(0), &json!(true)));
    assert_eq!((&none["messages"], &none["people"]), (&json!([]), &json!([])));

    // Two pages of one person are one who is online.
    let mut pages = Vec::new();
    for who in [ann, ann, ben] {
        let mut page = Page::of(&site, who, &json!({})).await;
        page.say("subscribe", &json!(["chat_state:all"])).await;
        pages.push(page);
    }
    site.say(ann, &room, "one").await;
    site.say(ann, &room, "two").await;
    site.run_job("chat.sample", "chat").await;
    let at_ms = site.clock.now_ms() - STEP_MS;
    site.clock.advance(MINUTE_MS);
    site.say(ben, &room, "three").await;
    let now = pulse().await;
    assert_eq!(now["online"], 2);
    let counts: Vec<_> = now["messages"].as_array().expect("minutes").iter().map(|it| it["count"].clone()).collect();
    assert_eq!(counts, [2, 1], "{now}");
    assert_eq!(now["messages"][0]["at_ms"].as_i64().expect("a time") % MINUTE_MS, 0);
    assert_eq!(now["people"][0]["count"], 2, "{now}");
    assert!((at_ms - now["people"][0]["at_ms"].as_i64().expect("a time")).abs() <= MINUTE_MS);

    site.set(json!({ "analytics": false })).await;
    site.clock.advance(MINUTE_MS);
    site.run_job("chat.sample", "chat").await;
    let off = pulse().await;
    assert_eq!((&off["counting"], &off["messages"]), (&json!(false), &json!([])));
    assert_eq!(off["people"].as_array().map(Vec::len), Some(1), "nothing was added");

    site.set(json!({})).await;
    site.clock.advance(25 * 60 * MINUTE_MS);
    site.run_job("chat.sample", "chat").await;
    assert_eq!(site.rows("chat_minutes").await, 1, "a day is kept");
}

#[tokio::test]
async fn how_it_goes_is_counted_once_for_all_who_look() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let pulse = async || site.office(Method::GET, "/pulse", None).await;
    let (_, mut first) = pulse().await;
    site.say(ann, &room, "hello").await;
    site.person(2).await;
    // Who is here is of this moment.
    let mut page = Page::of(&site, ann, &json!({})).await;
    page.say("subscribe", &json!(["chat_state:all"])).await;
    site.clock.advance(limits::PRESENCE_STATS_MS);
    assert_eq!(std::mem::replace(&mut first["online"], json!(1)), 0);
    // Many look at once, and again: all see what was counted for the first of them.
    let looks = futures_util::future::join_all((0..4).map(|_| pulse())).await;
    assert!(looks.iter().all(|(status, it)| (*status, it) == (StatusCode::OK, &first)), "{looks:?}");
    site.clock.advance(10_000);
    let looks = futures_util::future::join_all((0..6).map(|_| pulse())).await;
    assert!(looks.iter().all(|it| *it == looks[0]), "{looks:?}");
    let now = &looks[0].1;
    assert_eq!((&now["registered"], &now["messages"][0]["count"]), (&json!(3), &json!(1)), "{now}");
    assert_ne!(now["now_ms"], first["now_ms"]);
}

#[tokio::test]
async fn a_room_from_outside_is_who_is_in_it_and_how_much_there_is_and_no_word() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    site.say(ann, &room, "between us").await;
    let (status, shown) = site.office(Method::GET, &format!("/rooms/{room}"), None).await;
    assert_eq!(status, StatusCode::OK, "{shown}");
    assert_eq!((&shown["name"], &shown["messages"], &shown["members"]), (&json!("Everybody"), &json!(1), &json!(2)));
    assert_eq!((&shown["files"], &shown["bytes"]), (&json!(0), &json!(0)));
    assert_eq!(shown["inside"][0]["person"], json!(ann));
    assert_eq!(shown["inside"][0]["role"], "owner");
    assert_eq!(shown["people"].as_array().map(Vec::len), Some(2));
    assert!(!shown.to_string().contains("between"), "{shown}");
    let nowhere = RoomId::new(&site.clock, &kernel::Entropy::system());
    for missing in [nowhere.to_string(), "room_1".to_owned()] {
        assert_eq!(site.office(Method::GET, &format!("/rooms/{missing}"), None).await.0, StatusCode::NOT_FOUND);
    }
    site.office(Method::DELETE, &format!("/rooms/{room}"), None).await;
    assert_eq!(site.office(Method::GET, &format!("/rooms/{room}"), None).await.0, StatusCode::NOT_FOUND);
}
