//! Where the directory is limited to people one shares a room with, nobody else is found, written to or put into a room.

use axum::http::{Method, StatusCode};
use identity::people::Actor;
use identity::{By, Caller, Role};
use kernel::PersonId;
use serde_json::{Value, json};

use crate::support::Site;

async fn limit(site: &Site, directory: &str) {
    let (_, mut settings) = site.office(Method::GET, "/settings", None).await;
    settings["directory"] = json!(directory);
    let (status, saved) = site.office(Method::PUT, "/settings", Some(&settings)).await;
    assert_eq!((status, &saved["directory"]), (StatusCode::OK, &json!(directory)));
}

/// Whose names somebody finds, page by page.
async fn found(site: &Site, who: PersonId, query: &str) -> Vec<String> {
    let (mut names, mut after) = (Vec::new(), String::new());
    loop {
        let page = site.get(who, &format!("/people?{query}{after}")).await;
        let items = page["items"].as_array().expect("a list");
        names.extend(items.iter().map(|it| it["name"].as_str().expect("a name").to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    names.sort_unstable();
    names
}

async fn begin(site: &Site, who: PersonId, other: &str) -> (StatusCode, Value) {
    site.post(who, "/rooms/direct", json!({ "person": other })).await
}

#[tokio::test]
async fn only_roommates_are_found_and_written_to() {
    let site = Site::new().await;
    let [ann, ben, cem, dan] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    site.group(&[ben, cem]).await;
    assert_eq!(found(&site, ann, "").await, ["Ann", "Ben", "Cem", "Dan"], "as long as nobody says otherwise");
    limit(&site, "roommates").await;
    assert_eq!(found(&site, ann, "").await, ["Ann", "Ben"]);
    assert_eq!(found(&site, ben, "limit=1").await, ["Ann", "Ben", "Cem"], "page by page too");
    assert_eq!(found(&site, ben, "q=c").await, ["Cem"]);
    assert!(found(&site, ann, "q=c").await.is_empty(), "nor guessed");
    assert!(found(&site, dan, "").await.is_empty(), "who is in no room");

    // A stranger is answered for as nobody is: the same words, but for the id.
    let (cem_text, nobody) = (cem.to_string(), PersonId::new(&site.clock, &site.ctx.entropy).to_string());
    let (status, stranger) = begin(&site, ann, &cem_text).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{stranger}");
    let (_, none) = begin(&site, ann, &nobody).await;
    assert_eq!(stranger.to_string().replace(&cem_text, &nobody), none.to_string());
    let group = json!({ "name": "New ones", "people": [ben, cem] });
    assert_eq!(site.post(ann, "/rooms", group.clone()).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let members = format!("/rooms/{room}/members");
    let (status, _) = site.post(ann, &members, json!({ "people": [ben, cem] })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let (_, whole) = site.ask(Some(ann), Method::GET, &format!("/rooms/{room}"), None).await;
    assert_eq!(whole["members"].as_array().map(Vec::len), Some(2), "nothing of it was done");
    assert_eq!(site.post(ann, &members, json!({ "people": [ben] })).await.0, StatusCode::OK);

    // Who meets is found, and no more when they part; a direct room stays one.
    assert_eq!(begin(&site, ben, &cem_text).await.0, StatusCode::CREATED);
    assert_eq!(begin(&site, ann, &ben.to_string()).await.0, StatusCode::CREATED);
    site.post(ben, &format!("/rooms/{room}/leave"), json!(null)).await;
    assert_eq!(found(&site, ann, "").await, ["Ann", "Ben"]);
    assert_eq!(begin(&site, ann, &ben.to_string()).await.0, StatusCode::OK, "the room that is there");
    limit(&site, "everyone").await;
    assert_eq!(begin(&site, ann, &cem_text).await.0, StatusCode::CREATED);
}

#[tokio::test]
async fn administrators_bring_together_who_shares_no_room() {
    let site = Site::new().await;
    let [ann, ben, cem] = site.people().await;
    limit(&site, "roommates").await;
    let admin = || Caller::Person { id: ann, role: Role::Admin, by: By::Token };
    let (_, all) = site.ask_as(admin(), Method::GET, "/people", None).await;
    assert_eq!(all["items"].as_array().map(Vec::len), Some(3), "{all}");
    let group = json!({ "name": "Newcomers", "people": [ben, cem] });
    let (status, room) = site.ask_as(admin(), Method::POST, "/rooms", Some(&group)).await;
    assert_eq!(status, StatusCode::CREATED, "{room}");
    assert_eq!(found(&site, cem, "").await, ["Ann", "Ben", "Cem"]);
    // A room that was deleted brings nobody together.
    let path = format!("/rooms/{}", room["room"].as_str().expect("an id"));
    assert_eq!(site.ask(Some(ann), Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert!(found(&site, cem, "").await.is_empty());
    assert_eq!(begin(&site, cem, &ben.to_string()).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

/// Whoever may not know of somebody is not told either whether there is such a person, or whether it may come.
#[tokio::test]
async fn who_is_nobodys_roommate_is_as_if_it_were_not_there() {
    let site = Site::new().await;
    let [ann, ben, cem, dan] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    site.ctx.identity.ban(Actor::Admin, dan, None, "spam").await.expect("banned");
    limit(&site, "roommates").await;
    // Asked about in the order of their ids.
    let [nobody, other] = [(); 2].map(|()| {
        site.clock.advance(1);
        PersonId::new(&site.clock, &site.ctx.entropy)
    });
    for (path, name) in [("/rooms".to_owned(), Some("Found out")), (format!("/rooms/{room}/members"), None)] {
        for candidate in [cem, dan, nobody] {
            let mut body = json!({ "people": [candidate, other] });
            name.into_iter().for_each(|name| body["name"] = json!(name));
            let (status, answer) = site.post(ann, &path, body).await;
            let text = answer.to_string();
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
            assert!(text.contains(&candidate.to_string()) && !text.contains(&other.to_string()), "{text}");
        }
    }
}

#[tokio::test]
async fn of_more_roommates_than_a_page_holds_each_is_found() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    limit(&site, "roommates").await;
    // Accounts that are gone stay members: they fill pages and are nobody's find.
    let rooms: Vec<_> =
        (0..5).map(|n| (n, kernel::id::RoomId::new(&site.clock, &site.ctx.entropy).to_string())).collect();
    let (clock, entropy, me) = (site.clock.clone(), site.ctx.entropy.clone(), ann.to_string());
    let fill = async move |tx: &mut store::Tx| {
        for (_, room) in &rooms {
            for person in (0..90).map(|_| PersonId::new(&clock, &entropy).to_string()).chain([me.clone()]) {
                let sql = "INSERT INTO chat_members
                     (room, person, role, joined_at_ms, read_seq, delivered_seq, muted_until_ms, archived)
                     VALUES ($1, $2, 'member', 0, 0, 0, 0, 0)";
                tx.execute(sql, store::params![room.as_str(), person.as_str()]).await?;
            }
        }
        Ok::<_, store::StoreError>(())
    };
    site.ctx.store.write(fill).await.expect("written");
    let late = site.person(2).await;
    assert_eq!(
        site.post(ann, &format!("/rooms/{room}/members"), json!({ "people": [late] })).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    limit(&site, "everyone").await;
    assert_eq!(site.post(ann, &format!("/rooms/{room}/members"), json!({ "people": [late] })).await.0, StatusCode::OK);
    limit(&site, "roommates").await;
    assert_eq!(found(&site, ann, "").await, ["Ann", "Ben", "Cem"]);
    assert_eq!(found(&site, ann, "q=cem").await, ["Cem"], "though many stand between");
}
