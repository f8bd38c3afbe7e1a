//! What an administrator does, and what goes on by itself.

use axum::http::{Method, StatusCode};
use kernel::id::RoomId;
use serde_json::{Value, json};

use crate::support::{LONG, STEP_MS, Site};
use crate::switches::settings;

const DAY_MS: i64 = 86_400_000;

#[tokio::test]
async fn the_office_is_for_administrators_and_shows_no_word() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let (_, direct) = site.post(ann, "/rooms/direct", json!({ "person": ben })).await;
    site.say(ann, direct["room"].as_str().expect("an id"), "between us two").await;
    site.say(ben, &room, "hello").await;
    let all =
        settings(json!({ "max_members": 10, "max_message_chars": 10, "retention_days": 1, "directory": "everyone" }));
    for (method, path) in [
        (Method::GET, "/rooms".to_owned()),
        (Method::DELETE, format!("/rooms/{room}")),
        (Method::GET, "/stats".to_owned()),
        (Method::GET, "/analytics".to_owned()),
        (Method::GET, "/settings".to_owned()),
        (Method::PUT, "/settings".to_owned()),
        (Method::GET, format!("/rooms/{room}")),
        (Method::GET, "/pulse".to_owned()),
    ] {
        let path = format!("/admin{path}");
        assert_eq!(site.ask(None, method.clone(), &path, Some(&all)).await.0, StatusCode::UNAUTHORIZED, "{path}");
        let (status, _) = site.ask(Some(ann), method, &path, Some(&all)).await;
        assert!([StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED].contains(&status), "{path}: {status}");
    }
    let (status, rooms) = site.office(Method::GET, "/rooms?limit=1", None).await;
    assert_eq!((status, &rooms["items"][0]["room"]), (StatusCode::OK, &json!(room)));
    assert_eq!((&rooms["items"][0]["members"], &rooms["items"][0]["messages"]), (&json!(2), &json!(1)));
    let next = rooms["next"].as_str().expect("more").to_owned();
    let (_, rest) = site.office(Method::GET, &format!("/rooms?before={next}"), None).await;
    assert_eq!((&rest["items"][0]["direct"], &rest["next"]), (&json!(true), &Value::Null));
    assert!(!format!("{rooms}{rest}").contains("between"), "{rest}");
    let (_, figures) = site.office(Method::GET, "/stats", None).await;
    let expected = json!({ "groups": 1, "direct_rooms": 1, "people": 2, "messages": 2, "messages_last_hour": 2, "speakers_last_day": 2 });
    assert_eq!(figures, expected);
}

#[tokio::test]
async fn figures_are_counted_once_for_all_who_look() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let messages = async || site.office(Method::GET, "/stats", None).await.1["messages"].clone();
    assert_eq!(messages().await, 0);
    site.say(ann, &room, "hello").await;
    assert_eq!(messages().await, 0, "as they were a moment ago");
    site.clock.advance(10_000);
    assert_eq!(messages().await, 1);
    // What an administrator asks for is in a share too.
    for (method, path, share) in [
        (Method::GET, "/stats".to_owned(), 200),
        (Method::GET, "/rooms".to_owned(), 200),
        (Method::GET, "/analytics".to_owned(), 200),
        (Method::GET, "/settings".to_owned(), 200),
        (Method::DELETE, format!("/rooms/{}", RoomId::new(&site.clock, &kernel::Entropy::system())), 20),
    ] {
        site.clock.advance(60_000);
        let mut last = StatusCode::OK;
        for _ in 0..=share {
            site.clock.advance(-STEP_MS);
            last = site.office(method.clone(), &path, None).await.0;
        }
        assert_eq!(last, StatusCode::TOO_MANY_REQUESTS, "{method} {path}");
    }
}

#[tokio::test]
async fn settings_are_saved_and_hold() {
    let site = Site::new().await;
    let people = site.people::<4>().await;
    let (_, before) = site.office(Method::GET, "/settings", None).await;
    assert_eq!(
        before,
        settings(
            json!({ "max_members": 100, "max_message_chars": 2_000, "retention_days": 0, "directory": "everyone" })
        )
    );
    let room = site.group(&people[..3]).await;
    site.group(&[people[0], people[3]]).await;
    let mut new =
        settings(json!({ "max_members": 3, "max_message_chars": 5, "retention_days": 7, "directory": "roommates" }));
    let (status, saved) = site.office(Method::PUT, "/settings", Some(&new)).await;
    new["version"] = json!(1);
    assert_eq!((status, &saved), (StatusCode::OK, &new));
    for wrong in [
        settings(json!({ "max_members": 1, "max_message_chars": 5, "retention_days": 7, "directory": "everyone" })),
        settings(json!({ "max_members": 101, "max_message_chars": 5, "retention_days": 7, "directory": "everyone" })),
        settings(json!({ "max_members": 3, "max_message_chars": 0, "retention_days": 7, "directory": "everyone" })),
        settings(json!({ "max_members": 3, "max_message_chars": 2_001, "retention_days": 7, "directory": "everyone" })),
        settings(json!({ "max_members": 3, "max_message_chars": 5, "retention_days": 3_651, "directory": "everyone" })),
        json!({ "max_members": 3, "max_message_chars": 5 }),
        json!({ "max_members": 3, "max_message_chars": 5, "retention_days": 7 }),
        settings(json!({ "max_members": 3, "max_message_chars": 5, "retention_days": 7, "directory": "nobody" })),
        json!({ "max_members": 3, "max_message_chars": 5, "retention_days": 7, "directory": "everyone" }),
        settings(json!({ "maintenance": 1 })),
        settings(json!({ "registration": true })),
    ] {
        let (status, _) = site.office(Method::PUT, "/settings", Some(&wrong)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
    let site = site.restart().await;
    assert_eq!(site.office(Method::GET, "/settings", None).await.1, new);
    let (status, _) = site.post(people[0], &format!("/rooms/{room}/members"), json!({ "people": [people[3]] })).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let (status, _) = site.post(people[0], "/rooms", json!({ "name": "Four", "people": people })).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let path = format!("/rooms/{room}/messages");
    let say = |content: &str| site.post(people[0], &path, json!({ "client_id": content, "content": content }));
    assert_eq!(say("short").await.0, StatusCode::CREATED);
    assert_eq!(say("longer").await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn what_is_too_old_goes_with_everything_that_hangs_on_it() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let old = site.say(ann, &room, "ancient words").await;
    site.post(ben, &format!("/rooms/{room}/messages/{old}/reactions"), json!({ "emoji": "👍" })).await;
    site.ask(Some(ann), Method::PUT, &format!("/rooms/{room}/pins/{old}"), None).await;
    site.clock.advance(8 * DAY_MS);
    let new = site.say(ann, &room, "fresh words").await;
    let settings = settings(json!({ "retention_days": 7 }));
    site.office(Method::PUT, "/settings", Some(&settings)).await;
    site.run_retention().await;
    let left = site.get(ben, &format!("/rooms/{room}/messages")).await;
    let left: Vec<_> = left["items"].as_array().expect("a list").iter().map(|it| it["seq"].clone()).collect();
    assert_eq!(left, [json!(new)]);
    assert_eq!(site.get(ben, &format!("/rooms/{room}/pins")).await["items"], json!([]));
    assert_eq!(site.get(ben, "/search?q=words").await["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(site.get(ben, "/rooms").await["items"][0]["unread"], 1);
    assert_eq!(site.rows("chat_reactions").await, 0);

    // The channel goes on, and tells nothing of what is gone.
    let site = site.restart().await;
    let mut ear = site.listen(ben, &format!("chat:{room}"), Some(0)).await;
    for _ in 0..5 {
        let (_, said) = ear.next().await.expect("open");
        assert!(!said.to_string().contains("ancient"), "{said}");
    }
}

#[tokio::test]
async fn a_deleted_room_is_gone_at_once_and_its_rows_soon() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let (_, direct) = site.post(ann, "/rooms/direct", json!({ "person": ben })).await;
    let room = direct["room"].as_str().expect("an id").to_owned();
    for n in 0..30 {
        site.say(ann, &room, &format!("{n}")).await;
    }
    let mut ear = site.listen(ben, &format!("chat:{room}"), Some(31)).await;
    assert_eq!(site.office(Method::DELETE, &format!("/rooms/{room}"), None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(site.office(Method::DELETE, &format!("/rooms/{room}"), None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(site.ask(Some(ann), Method::GET, &format!("/rooms/{room}"), None).await.0, StatusCode::NOT_FOUND);
    while ear.next().await.is_some() {}
    let gone = async {
        while site.rows("chat_messages").await + site.rows("chat_log").await + site.rows("chat_rooms").await > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, gone).await.expect("the rows go");
    let (status, again) = site.post(ben, "/rooms/direct", json!({ "person": ann })).await;
    assert_eq!(status, StatusCode::CREATED, "two people may begin anew");
    assert_ne!(again["room"], json!(room));
}

#[tokio::test]
async fn however_much_is_too_old_all_of_it_goes() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let settings = settings(json!({ "retention_days": 7 }));
    site.office(Method::PUT, "/settings", Some(&settings)).await;
    site.fill(&room, &[ann, ben], 1_200).await;
    site.post(ben, &format!("/rooms/{room}/messages/1900/reactions"), json!({ "emoji": "👍" })).await;
    assert_eq!(site.rows("chat_reactions").await, 1);
    site.clock.advance(8 * DAY_MS);
    let kept = site.say(ann, &room, "kept").await;
    site.run_retention().await;
    assert_eq!((site.rows("chat_messages").await, site.rows("chat_reactions").await), (1, 0));
    assert_eq!(site.get(ben, &format!("/rooms/{room}/messages")).await["items"][0]["seq"], kept);
}

#[tokio::test]
async fn what_is_said_is_counted_by_the_hour_once_and_stays_counted() {
    const HOUR_MS: i64 = 3_600_000;
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let seq = site.say(ann, &room, "one").await;
    let messages = format!("/rooms/{room}/messages");
    // Sent again it is the same one.
    for _ in 0..2 {
        site.post(ann, &messages, json!({ "client_id": "two", "content": "two" })).await;
    }
    let reactions = format!("{messages}/{seq}/reactions");
    for on in [true, false, true] {
        site.post(ben, &reactions, json!({ "emoji": "👍", "on": on })).await;
    }
    site.clock.advance(24 * HOUR_MS);
    site.say(ben, &room, "a day later").await;
    site.say(ann, &room, "so am I").await;
    site.ask(Some(ann), Method::DELETE, &format!("{messages}/{seq}"), None).await;
    let site = site.restart().await;
    let counted = async {
        loop {
            let (status, all) = site.office(Method::GET, "/analytics?days=2", None).await;
            assert_eq!(status, StatusCode::OK, "{all}");
            let sum = |what: &str| -> i64 {
                all["hours"].as_array().expect("hours").iter().filter_map(|hour| hour[what].as_i64()).sum()
            };
            assert!(sum("messages") <= 4 && sum("reactions") <= 2 && sum("rooms") <= 1, "each once: {all}");
            if sum("messages") == 4 && all["days"].as_array().is_some_and(|days| days.len() == 2) {
                return all;
            }
            tokio::task::yield_now().await;
        }
    };
    let all = tokio::time::timeout(LONG, counted).await.expect("all is counted");
    let first = &all["hours"][0];
    assert_eq!((&first["messages"], &first["reactions"], &first["rooms"]), (&json!(2), &json!(2), &json!(1)), "{all}");
    assert_eq!(first["at_ms"].as_i64().expect("a time") % HOUR_MS, 0);
    let speakers: Vec<_> = all["days"].as_array().expect("days").iter().map(|day| day["speakers"].clone()).collect();
    assert_eq!(speakers, [json!(1), json!(2)]);
    for wrong in ["0", "91"] {
        let (status, _) = site.office(Method::GET, &format!("/analytics?days={wrong}"), None).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    // Who spoke is forgotten; how much was said is not.
    site.clock.advance(91 * DAY_MS);
    site.run_retention().await;
    assert_eq!((site.rows("chat_speakers").await, site.rows("chat_hours").await), (0, 2));
}
