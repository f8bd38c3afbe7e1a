//! What somebody hides from itself is gone for it by every way, and nobody else learns of it.

use axum::http::{Method, StatusCode};
use bus::Read;
use image::ImageFormat;
use jobs::policy::Pausable;
use kernel::{PersonId, limits};
use serde_json::{Value, json};

use crate::files::picture;
use crate::pushes::Street;
use crate::support::Site;
use crate::switches::settings;

async fn hide(site: &Site, who: PersonId, room: &str, seq: i64) -> StatusCode {
    site.ask(Some(who), Method::PUT, &format!("/rooms/{room}/hidden/{seq}"), None).await.0
}

async fn show(site: &Site, who: PersonId, room: &str, seq: i64) -> StatusCode {
    site.ask(Some(who), Method::DELETE, &format!("/rooms/{room}/hidden/{seq}"), None).await.0
}

/// Everything that the API answers somebody about what is said.
async fn answers(site: &Site, who: PersonId, room: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for path in [
        "/rooms",
        &format!("/rooms/{room}"),
        &format!("/rooms/{room}/messages"),
        &format!("/rooms/{room}/messages?after=0"),
        &format!("/rooms/{room}/pins"),
        "/search?q=walrus",
        &format!("/search?q=walrus&room={room}"),
        "/mentions",
    ] {
        all.push(site.get(who, path).await);
    }
    all
}

fn holds(answers: &[Value], text: &str) -> Vec<bool> {
    answers.iter().map(|answer| answer.to_string().contains(text)).collect()
}

#[tokio::test]
async fn what_one_hides_is_in_no_answer_to_one_and_in_every_answer_to_others() {
    let site = Site::new().await;
    let [ann, ben, cem] = site.people().await;
    let room = site.group(&[ann, ben, cem]).await;
    let before = site.say(ann, &room, "a seal").await;
    let seq = site.say(ann, &room, "a walrus, @Ben and @Cem").await;
    let answer = json!({ "client_id": "re", "content": "really?", "reply_to": seq });
    let (_, reply) = site.post(cem, &format!("/rooms/{room}/messages"), answer).await;
    site.ask(Some(ann), Method::PUT, &format!("/rooms/{room}/pins/{seq}"), None).await;
    let emoji = format!("/rooms/{room}/messages/{seq}/reactions");
    site.post(cem, &emoji, json!({ "emoji": "🦭" })).await;
    let (bens, cems) = (answers(&site, ben, &room).await, answers(&site, cem, &room).await);
    // The list of rooms shows the answer alone.
    assert_eq!(holds(&bens, "walrus"), [false, false, true, true, true, true, true, true]);
    let events = site.rows("events").await;

    for _ in 0..2 {
        assert_eq!(hide(&site, ben, &room, seq).await, StatusCode::NO_CONTENT, "hidden twice is hidden");
    }
    assert_eq!(site.rows("events").await, events + 1, "and said once");
    let now = answers(&site, ben, &room).await;
    assert_eq!(holds(&now, "walrus"), [false; 8], "also not as what is answered: {now:?}");
    assert_eq!(now[2]["items"][1]["reply"], json!({ "seq": seq, "sender": null, "content": "", "deleted": true }));
    let line = &now[0]["items"][0];
    assert_eq!((&line["unread"], &line["mentions"]), (&json!(2), &json!(0)));
    assert_eq!(site.get(ben, &format!("/rooms/{room}/hidden")).await["items"], json!([seq]));
    assert_eq!(site.get(ben, &emoji).await["items"], json!([]));
    let at = format!("/rooms/{room}/messages/{seq}");
    for (method, path, body, status) in [
        (Method::GET, &at, json!({}), StatusCode::NOT_FOUND),
        (Method::PATCH, &at, json!({ "content": "mine" }), StatusCode::NOT_FOUND),
        (Method::POST, &emoji, json!({ "emoji": "🦭" }), StatusCode::NOT_FOUND),
        (
            Method::POST,
            &format!("/rooms/{room}/messages"),
            json!({ "client_id": "x", "content": "re", "reply_to": seq }),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ] {
        assert_eq!(site.ask(Some(ben), method.clone(), path, Some(&body)).await.0, status, "{method} {path}");
    }
    // To everybody else nothing happened.
    assert_eq!(answers(&site, cem, &room).await, cems);
    assert_eq!(site.get(cem, &format!("/rooms/{room}/hidden")).await["items"], json!([]));

    // The last message of a list is the last that is not hidden.
    for gone in [reply["seq"].as_i64().expect("a number"), seq] {
        hide(&site, ben, &room, gone).await;
    }
    let line = site.get(ben, "/rooms").await["items"][0].clone();
    assert_eq!((&line["last_message"]["seq"], &line["unread"]), (&json!(before), &json!(1)));
    for back in [reply["seq"].as_i64().expect("a number"), seq] {
        assert_eq!(show(&site, ben, &room, back).await, StatusCode::NO_CONTENT);
    }
    assert_eq!(answers(&site, ben, &room).await, bens, "as if nothing had been");
}

#[tokio::test]
async fn a_hidden_file_opens_no_more_and_ones_own_message_is_hidden_too() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let (_, sent) = site.upload(ann, &room, "name=x.png", picture(30, 20, ImageFormat::Png)).await;
    let id = sent["file"]["id"].as_str().expect("an id").to_owned();
    let body = json!({ "client_id": "1", "content": "the walrus", "file_id": id });
    let (_, message) = site.post(ann, &format!("/rooms/{room}/messages"), body.clone()).await;
    let seq = message["seq"].as_i64().expect("a number");
    let path = format!("/files/{id}");
    let (_, link) = site.ask(Some(ann), Method::POST, &format!("{path}/link"), None).await;
    let link = link["url"].as_str().expect("a link").trim_start_matches("/api/v1/chat").to_owned();
    assert_eq!(hide(&site, ann, &room, seq).await, StatusCode::NO_CONTENT);
    for path in [&path, &format!("{path}/preview"), &link] {
        assert_eq!(site.opens(ann, path).await, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(site.opens(ben, &path).await, StatusCode::OK);
    let (status, again) = site.post(ann, &format!("/rooms/{room}/messages"), body).await;
    assert_eq!((status, &again["seq"]), (StatusCode::OK, &json!(seq)), "it came");
    assert!(!again.to_string().contains("walrus") && again["file"] == Value::Null, "{again}");
    // It is still hers to delete for everybody.
    let (status, _) = site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/messages/{seq}"), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(site.get(ben, &format!("/rooms/{room}/messages/{seq}")).await["deleted"], true);
}

/// What is kept of a person's notices for when it comes back.
async fn kept(site: &Site, who: PersonId) -> String {
    let read = Read { limit: 100, ..Read::TOP };
    let history = site.ctx.bus.history(&format!("chat_me:{who}"), read).await.expect("read");
    history.publications.iter().map(|it| String::from_utf8_lossy(&it.data).into_owned()).collect()
}

#[tokio::test]
async fn every_device_of_the_person_hears_of_it_and_nobody_else() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let first = site.say(ann, &room, "a seal").await;
    let seq = site.say(ann, &room, "a walrus, @Ben").await;
    let mut devices = Vec::new();
    for _ in 0..2 {
        devices.push(site.listen(ben, &format!("chat_me:{ben}"), Some(0)).await);
    }
    for ear in &mut devices {
        while ear.hear("message").await.1["seq"] != seq {}
    }
    assert!(kept(&site, ben).await.contains("walrus"));
    let top = site.get(ann, &format!("/rooms/{room}")).await["top"].clone();
    hide(&site, ben, &room, seq).await;
    for ear in &mut devices {
        let (_, told) = ear.hear("hidden").await;
        let last = site.get(ben, "/rooms").await["items"][0]["last_message"].clone();
        assert_eq!(last["seq"], first);
        let expected = json!({ "type": "hidden", "room": room, "seq": seq, "on": true, "read": 0, "unread": 1, "mentions": 0,
            "last_message": last });
        assert_eq!(told, expected);
    }
    assert!(!kept(&site, ben).await.contains("walrus"), "nor does one that comes back");
    // What becomes of it is told to others.
    let mut anns = site.listen(ann, &format!("chat_me:{ann}"), None).await;
    let edit = json!({ "content": "two walruses, @Ben" });
    site.ask(Some(ann), Method::PATCH, &format!("/rooms/{room}/messages/{seq}"), Some(&edit)).await;
    assert_eq!(anns.hear("last").await.1["last_message"]["content"], "two walruses, @Ben");
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/messages/{first}"), None).await;
    assert_eq!(devices[0].hear("unread").await.1["unread"], 0);
    assert!(!kept(&site, ben).await.contains("walrus"), "{}", kept(&site, ben).await);
    assert_eq!(site.get(ann, &format!("/rooms/{room}")).await["top"], top.as_i64().expect("a number") + 2);
    assert!(!kept(&site, ann).await.contains("hidden"));
    show(&site, ben, &room, seq).await;
    let (_, told) = devices[1].hear("hidden").await;
    assert_eq!((&told["on"], &told["mentions"]), (&json!(false), &json!(1)));
    assert_eq!(told["last_message"]["content"], "two walruses, @Ben");
}

#[tokio::test]
async fn what_was_hidden_before_it_was_told_is_told_to_others_alone() {
    let site = Site::new().await;
    let [ann, ben, cem] = site.people().await;
    let room = site.group(&[ann, ben, cem]).await;
    // Nothing is told any more, until it begins again.
    site.ctx.events.stop().await;
    let seq = site.say(ann, &room, "a walrus").await;
    assert_eq!(hide(&site, ben, &room, seq).await, StatusCode::NO_CONTENT);
    let site = site.restart().await;
    let mut cems = site.listen(cem, &format!("chat_me:{cem}"), Some(0)).await;
    let mut bens = site.listen(ben, &format!("chat_me:{ben}"), Some(0)).await;
    assert_eq!(cems.hear("message").await.1["last_message"]["content"], "a walrus");
    loop {
        let (_, told) = bens.next().await.expect("open");
        assert!(!told.to_string().contains("walrus"), "{told}");
        if told["type"] == "hidden" {
            break;
        }
    }
}

#[tokio::test]
async fn so_much_is_hidden_of_a_room_and_no_more_and_it_goes_with_the_messages() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    assert_eq!(hide(&site, ben, &room, 1).await, StatusCode::NOT_FOUND, "that is no message");
    site.fill(&room, &[ann, ben], i64::try_from(limits::CHAT_HIDDEN).expect("few") + 1).await;
    let (inside, who) = (room.clone(), ben.to_string());
    let fill = async move |tx: &mut store::Tx| {
        let sql = "INSERT INTO chat_hidden (person, room, seq) SELECT $1, room, seq FROM chat_messages WHERE room = $2 AND seq > 1000";
        tx.execute(sql, store::params![&who, &inside]).await
    };
    let filled: Result<u64, store::StoreError> = site.ctx.store.write(fill).await;
    assert_eq!(filled.expect("written"), limits::CHAT_HIDDEN as u64);
    let (status, problem) = site.ask(Some(ben), Method::PUT, &format!("/rooms/{room}/hidden/1000"), None).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("too_many_hidden")));
    assert_eq!(hide(&site, ann, &room, 1_000).await, StatusCode::NO_CONTENT, "everybody's own");
    assert_eq!(show(&site, ben, &room, 1_001).await, StatusCode::NO_CONTENT);
    assert_eq!(hide(&site, ben, &room, 1_000).await, StatusCode::NO_CONTENT);
    let page = site.get(ben, &format!("/rooms/{room}/messages")).await;
    assert_eq!((page["items"].as_array().map(Vec::len), &page["items"][0]["seq"]), (Some(1), &json!(1_001)));
    site.office(Method::PUT, "/settings", Some(&settings(json!({ "retention_days": 1 })))).await;
    site.clock.advance(3 * 86_400_000);
    site.run_retention().await;
    assert_eq!((site.rows("chat_messages").await, site.rows("chat_hidden").await), (0, 0));
}

#[tokio::test]
async fn nobody_hides_in_a_room_that_one_is_not_in_or_no_more() {
    let site = Site::new().await;
    let [ann, ben, eve] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let seq = site.say(ann, &room, "a walrus").await;
    assert_eq!(hide(&site, eve, &room, seq).await, StatusCode::NOT_FOUND);
    assert_eq!(hide(&site, ben, &room, seq).await, StatusCode::NO_CONTENT);
    assert_eq!(show(&site, eve, &room, seq).await, StatusCode::NOT_FOUND);
    assert_eq!(show(&site, ann, &room, seq).await, StatusCode::NO_CONTENT, "it is not hers: nothing changes");
    assert_eq!(site.get(ben, &format!("/rooms/{room}/hidden")).await["items"], json!([seq]));
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/members/{ben}"), None).await;
    assert_eq!(show(&site, ben, &room, seq).await, StatusCode::NOT_FOUND);
    site.post(ann, &format!("/rooms/{room}/members"), json!({ "people": [ben] })).await;
    assert_eq!(
        site.get(ben, &format!("/rooms/{room}/messages")).await["items"],
        json!([]),
        "who comes back sees it no more"
    );
}

#[tokio::test]
async fn what_was_hidden_is_not_pushed() {
    let mut street = Street::new().await;
    let [ann, ben] = street.site.people().await;
    let room = street.site.group(&[ann, ben]).await;
    let browser = street.browser(ben).await;
    let first = street.site.say(ann, &room, "a seal").await;
    let seq = street.site.say(ann, &room, "a walrus").await;
    street.settled("chat.notify").await;
    let path = format!("/rooms/{room}/hidden/{seq}");
    assert_eq!(street.site.ask(Some(ben), Method::PUT, &path, None).await.0, StatusCode::NO_CONTENT);
    street.soon().await;
    let push = street.service.next().await;
    assert_eq!(browser.read(&push)["seq"], first, "the newest that is not hidden");
    // Hidden before anybody looks for whom it is to reach.
    street.quiet().await;
    street.site.ctx.jobs.pause(Pausable::Queue, "chat").await.expect("paused");
    let seq = street.site.say(ann, &room, "another walrus").await;
    assert_eq!(hide(&street.site, ben, &room, seq).await, StatusCode::NO_CONTENT);
    street.site.ctx.jobs.resume(Pausable::Queue, "chat").await.expect("goes on");
    street.quiet().await;
    assert_eq!(street.site.jobs("chat.push").await.len(), 1, "there was nothing to push");
    // And after it: an edit that mentions is told of its own message.
    let path = format!("/rooms/{room}/messages/{first}");
    let edited = street.site.ask(Some(ann), Method::PATCH, &path, Some(&json!({ "content": "a seal, @Ben" }))).await;
    assert_eq!(edited.0, StatusCode::OK, "{}", edited.1);
    street.settled("chat.notify_edited").await;
    assert_eq!(hide(&street.site, ben, &room, first).await, StatusCode::NO_CONTENT);
    street.quiet().await;
    assert_eq!(street.site.jobs("chat.push").await.len(), 2);
    assert!(street.service.seen().is_empty(), "it was hidden meanwhile");
}

/// Whoever hid the last message sees the one before it in the list, and that one too may change or go.
#[tokio::test]
async fn a_list_that_shows_the_message_under_a_hidden_one_hears_what_becomes_of_it() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let second = site.say(ann, &room, "an otter").await;
    let last = site.say(ann, &room, "a walrus").await;
    site.post(ben, &format!("/rooms/{room}/receipts"), json!({ "read": last })).await;
    let mut ear = site.listen(ben, &format!("chat_me:{ben}"), Some(0)).await;
    assert_eq!(hide(&site, ben, &room, last).await, StatusCode::NO_CONTENT);
    assert_eq!(ear.hear("hidden").await.1["last_message"]["content"], "an otter");
    let path = format!("/rooms/{room}/messages/{second}");
    let edit = json!({ "content": "two otters" });
    assert_eq!(site.ask(Some(ann), Method::PATCH, &path, Some(&edit)).await.0, StatusCode::OK);
    assert_eq!(ear.hear("unread").await.1["last_message"]["content"], "two otters");
    assert_eq!(site.ask(Some(ann), Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    let told = ear.hear("unread").await.1;
    assert_eq!((&told["last_message"]["deleted"], &told["last_message"]["content"]), (&json!(true), &json!("")));
}
