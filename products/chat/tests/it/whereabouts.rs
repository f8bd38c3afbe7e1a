//! Who is online, away or gone, and since when: what others see, and nobody else.

use attendance::facts::{Occupied, Vacated};
use axum::http::{Method, StatusCode};
use events::{EventType, NewEvent};
use kernel::PersonId;
use serde_json::{Value, json};

use crate::support::{Ear, Site};

/// Realtime, or somebody else, tells of a channel.
async fn tells(site: &Site, facts: Vec<NewEvent>) {
    let ctx = site.ctx.clone();
    let append = async move |tx: &mut store::Tx| {
        for fact in facts {
            ctx.events.append(tx, &ctx.events.check(fact).expect("an event")).await?;
        }
        Ok::<_, events::AppendError>(())
    };
    site.ctx.store.write(append).await.expect("told");
}

fn fact<F: EventType>(source: &str, fact: &F, channel: &str) -> NewEvent {
    NewEvent::of(source, fact).subject(Some(channel.to_owned()))
}

fn heard(kind: &str, who: PersonId) -> NewEvent {
    let channel = format!("{kind}:{who}");
    fact("/realtime", &Occupied { channel: channel.clone(), at_ms: 1 }, &channel)
}

fn unheard(kind: &str, who: PersonId, at_ms: i64) -> NewEvent {
    let channel = format!("{kind}:{who}");
    fact("/realtime", &Vacated { channel: channel.clone(), at_ms }, &channel)
}

/// What a room hears next of where somebody is.
async fn hears(ear: &mut Ear) -> (Value, Value) {
    let (_, told) = ear.next().await.expect("open");
    let [it] = told["whereabouts"].as_array().expect("a list").as_slice() else { panic!("{told}") };
    (it["status"].clone(), it["last_seen_at_ms"].clone())
}

/// Where somebody is, as another sees it by every way.
async fn seen(site: &Site, by: PersonId, who: PersonId, room: &str, direct: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for path in ["/rooms", "/people", &format!("/rooms/{room}"), &format!("/rooms/{direct}")] {
        let answer = site.get(by, path).await;
        let list = answer["whereabouts"].as_array().expect("a list");
        let mut of_it = list.iter().filter(|it| it["person"] == json!(who));
        all.push(of_it.next().unwrap_or_else(|| panic!("{path}: {answer}")).clone());
        assert!(of_it.next().is_none(), "{path}");
    }
    all
}

async fn wants(site: &Site, who: PersonId, change: Value) {
    let (status, answer) = site.ask(Some(who), Method::PATCH, "/status", Some(&change)).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
}

#[tokio::test]
async fn who_comes_does_nothing_and_goes_is_online_away_and_was_last_seen_then() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let (_, direct) = site.post(ann, "/rooms/direct", json!({ "person": ben })).await;
    let direct = direct["room"].as_str().expect("an id").to_owned();
    let mut ear = site.listen(ann, &format!("chat_typing:{room}"), None).await;
    let is = |status: &str, last: Value| vec![json!({ "person": ben, "status": status, "last_seen_at_ms": last }); 4];
    assert_eq!(seen(&site, ann, ben, &room, &direct).await, is("offline", Value::Null), "never was");

    tells(&site, vec![heard("chat_me", ben), heard("chat_active", ben)]).await;
    assert_eq!(hears(&mut ear).await, (json!("online"), Value::Null), "and not away before it");
    tells(&site, vec![unheard("chat_active", ben, 5)]).await;
    assert_eq!(hears(&mut ear).await, (json!("away"), Value::Null));
    assert_eq!(seen(&site, ann, ben, &room, &direct).await, is("away", Value::Null));
    tells(&site, vec![heard("chat_active", ben)]).await;
    assert_eq!(hears(&mut ear).await.0, "online");
    tells(&site, vec![unheard("chat_active", ben, 7_000), unheard("chat_me", ben, 7_001)]).await;
    assert_eq!(hears(&mut ear).await, (json!("offline"), json!(7_001)));
    assert_eq!(seen(&site, ann, ben, &room, &direct).await, is("offline", json!(7_001)));
    let site = site.restart().await;
    assert_eq!(seen(&site, ann, ben, &room, &direct).await, is("offline", json!(7_001)), "it is kept");
}

#[tokio::test]
async fn who_says_away_is_away_and_who_does_not_show_it_was_never_seen() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let (_, direct) = site.post(ann, "/rooms/direct", json!({ "person": ben })).await;
    let direct = direct["room"].as_str().expect("an id").to_owned();
    let mut ear = site.listen(ann, &format!("chat_typing:{room}"), None).await;
    let mine = site.get(ben, "/status").await;
    assert_eq!(mine, json!({ "status": "offline", "away": false, "shows_last_seen": true }));
    tells(&site, vec![heard("chat_me", ben), heard("chat_active", ben)]).await;
    assert_eq!(hears(&mut ear).await.0, "online");
    wants(&site, ben, json!({ "away": true })).await;
    assert_eq!(hears(&mut ear).await.0, "away", "whatever it does");
    let events = site.rows("events").await;
    wants(&site, ben, json!({ "away": true })).await;
    assert_eq!(site.rows("events").await, events, "what changes nothing is not said");
    wants(&site, ben, json!({ "away": false, "shows_last_seen": false })).await;
    assert_eq!(hears(&mut ear).await.0, "online");
    tells(&site, vec![unheard("chat_active", ben, 9), unheard("chat_me", ben, 9)]).await;
    assert_eq!(hears(&mut ear).await, (json!("offline"), Value::Null));
    let nothing = json!({ "person": ben, "status": "offline", "last_seen_at_ms": null });
    assert_eq!(seen(&site, ann, ben, &room, &direct).await, vec![nothing; 4]);
    wants(&site, ben, json!({ "shows_last_seen": true })).await;
    assert_eq!(hears(&mut ear).await, (json!("offline"), json!(9)));
    let mine = site.get(ben, "/status").await;
    assert_eq!(mine, json!({ "status": "offline", "away": false, "shows_last_seen": true }));
}

#[tokio::test]
async fn nobody_says_where_another_is() {
    let site = Site::new().await;
    let [ann, ben, eve] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let mut ear = site.listen(ann, &format!("chat_typing:{room}"), None).await;
    // Another source; a channel of no person; rooms are no people.
    let bens = format!("chat_me:{ben}");
    let forged = fact("/evil", &Vacated { channel: bens.clone(), at_ms: 5 }, &bens);
    tells(&site, vec![fact("/evil", &Occupied { channel: bens.clone(), at_ms: 1 }, &bens), forged]).await;
    let other = ["chat_me:", "chat_me", "chat_me:nobody", "other:x"];
    let other = other.map(|channel| fact("/realtime", &Occupied { channel: channel.to_owned(), at_ms: 1 }, channel));
    tells(&site, other.to_vec()).await;
    tells(&site, vec![heard("chat", ben), heard("chat_active", ben), heard("chat_me", eve)]).await;
    for (who, change) in [(None, json!({ "away": true })), (Some(eve), json!({ "away": true, "person": ben }))] {
        let (status, _) = site.ask(who, Method::PATCH, "/status", Some(&change)).await;
        assert!(status == StatusCode::UNAUTHORIZED || status == StatusCode::UNPROCESSABLE_ENTITY, "{status}");
    }
    wants(&site, eve, json!({ "away": true })).await;
    tells(&site, vec![heard("chat_me", ann), heard("chat_active", ann)]).await;
    let (_, told) = ear.next().await.expect("open");
    let told = &told["whereabouts"][0];
    assert_eq!((&told["person"], &told["status"]), (&json!(ann), &json!("online")), "the first that is told");
    let (status, _) = site.ask(Some(eve), Method::GET, &format!("/rooms/{room}"), None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn of_an_account_that_is_gone_nothing_is_seen() {
    let site = Site::new().await;
    let [ann, ben, cem] = site.people().await;
    let room = site.group(&[ann, ben, cem]).await;
    let mut ear = site.listen(ann, &format!("chat_typing:{room}"), None).await;
    tells(&site, vec![heard("chat_me", ben)]).await;
    hears(&mut ear).await;
    tells(&site, vec![unheard("chat_me", ben, 5)]).await;
    assert_eq!(hears(&mut ear).await.1, 5);
    site.ctx.identity.delete_person(identity::people::Actor::Admin, ben).await.expect("deleted");
    let shown = site.get(ann, &format!("/rooms/{room}")).await;
    let people: Vec<_> =
        shown["whereabouts"].as_array().expect("a list").iter().map(|it| it["person"].clone()).collect();
    assert_eq!(people, [json!(ann), json!(cem)]);
}

#[tokio::test]
async fn what_was_kept_for_an_account_alone_goes_with_it() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    tells(&site, vec![heard("chat_me", ben)]).await;
    wants(&site, ben, json!({ "away": true })).await;
    let seq = site.say(ann, &room, "a walrus").await;
    for path in
        [format!("/rooms/{room}/receipts"), "/quick-replies/hi".to_owned(), format!("/rooms/{room}/hidden/{seq}")]
    {
        let (method, body) = match path.as_str() {
            "/quick-replies/hi" => (Method::PUT, json!({ "content": "hello" })),
            receipts if receipts.ends_with("receipts") => (Method::POST, json!({ "read": seq })),
            _ => (Method::PUT, Value::Null),
        };
        let (status, answer) = site.ask(Some(ben), method, &path, (!body.is_null()).then_some(&body)).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
    }
    let tables = ["chat_people", "chat_receipts", "chat_replies", "chat_hidden"];
    for table in tables {
        assert!(site.rows(table).await > 0, "{table}");
    }
    site.ctx.identity.delete_person(identity::people::Actor::Admin, ben).await.expect("deleted");
    site.ended("chat.forget").await;
    for table in tables {
        assert_eq!(site.rows(table).await, 0, "{table}");
    }
    assert_eq!(site.get(ann, "/rooms").await["whereabouts"], json!([]), "nobody but her");
    assert_eq!(site.rows("chat_messages").await, 1, "what was said stays");
    // Their pages close last.
    let mut ear = site.listen(ann, &format!("chat_typing:{room}"), None).await;
    tells(&site, vec![unheard("chat_me", ben, 9), heard("chat_me", ann)]).await;
    while ear.next().await.expect("open").1["whereabouts"][0]["person"] != json!(ann) {}
    assert_eq!(site.rows("chat_people").await, 1, "hers alone");
}
