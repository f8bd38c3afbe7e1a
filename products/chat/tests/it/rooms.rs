//! Rooms begin, change hands and end.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Site;

#[tokio::test]
async fn two_people_have_one_direct_room_whoever_begins_and_however_often() {
    let site = Site::new().await;
    let [ann, ben, eve] = site.people().await;
    let mut asked = Vec::new();
    for n in 0..16 {
        let (by, other) = if n % 2 == 0 { (ann, ben) } else { (ben, ann) };
        asked.push(async move |site: &Site| site.post(by, "/rooms/direct", json!({ "person": other })).await);
    }
    let answers = futures_util::future::join_all(asked.iter().map(|ask| ask(&site))).await;
    let rooms: std::collections::BTreeSet<_> = answers.iter().map(|(_, room)| room["room"].to_string()).collect();
    assert_eq!(rooms.len(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|(status, _)| *status == StatusCode::CREATED).count(), 1);
    let (_, room) = &answers[0];
    assert_eq!((&room["direct"], room["members"].as_array().map(Vec::len)), (&json!(true), Some(2)));
    let of_ann = site.get(ann, "/rooms").await;
    assert_eq!(of_ann["items"][0]["other"], json!(ben));

    // It is of these two, and stays so.
    let path = format!("/rooms/{}", room["room"].as_str().expect("an id"));
    for (method, path, body) in [
        (Method::PATCH, path.clone(), json!({ "name": "Ours" })),
        (Method::POST, format!("{path}/members"), json!({ "people": [eve] })),
        (Method::DELETE, format!("{path}/members/{ben}"), Value::Null),
        (Method::POST, format!("{path}/leave"), json!({})),
        (Method::DELETE, path.clone(), Value::Null),
    ] {
        let (status, problem) = site.ask(Some(ann), method, &path, Some(&body)).await;
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("direct_room")), "{path}");
    }
    let (status, _) = site.post(ann, "/rooms/direct", json!({ "person": ann })).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "nobody is two");
}

#[tokio::test]
async fn a_group_is_managed_by_its_owner_and_admins_and_handed_over() {
    let site = Site::new().await;
    let [ann, ben, cem, dan] = site.people().await;
    let room = site.group(&[ann, ben, cem]).await;
    let path = format!("/rooms/{room}");
    let role = async |by, whom: kernel::PersonId, role: &str| {
        let path = format!("{path}/members/{whom}");
        site.ask(Some(by), Method::PUT, &path, Some(&json!({ "role": role }))).await.0
    };
    let roles = async || {
        let room = site.get(ann, &path).await;
        let members = room["members"].as_array().expect("a list").clone();
        members.iter().map(|it| format!("{} {}", it["person"], it["role"]).replace('"', "")).collect::<Vec<_>>()
    };
    assert_eq!(role(ben, cem, "admin").await, StatusCode::FORBIDDEN, "a member manages nothing");
    assert_eq!(role(ann, ben, "admin").await, StatusCode::NO_CONTENT);
    assert_eq!(role(ben, ann, "member").await, StatusCode::FORBIDDEN, "nobody demotes the owner");
    assert_eq!(role(ben, ben, "owner").await, StatusCode::FORBIDDEN, "nor takes the room");
    let (status, _) = site.ask(Some(ben), Method::DELETE, &format!("{path}/members/{ann}"), None).await;
    assert_eq!(status, StatusCode::CONFLICT, "nor removes him");
    assert_eq!(site.post(ann, &format!("{path}/leave"), json!({})).await.0, StatusCode::CONFLICT);
    let (status, added) = site.post(ben, &format!("{path}/members"), json!({ "people": [dan, cem] })).await;
    assert_eq!((status, added["members"].as_array().map(Vec::len)), (StatusCode::OK, Some(4)));
    let change = json!({ "description": " for all " });
    let (status, changed) = site.ask(Some(ben), Method::PATCH, &path, Some(&change)).await;
    assert_eq!(
        (status, &changed["name"], &changed["description"]),
        (StatusCode::OK, &json!("Everybody"), &json!("for all"))
    );
    assert_eq!(site.ask(Some(ben), Method::DELETE, &path, None).await.0, StatusCode::FORBIDDEN);

    assert_eq!(role(ann, ben, "owner").await, StatusCode::NO_CONTENT);
    assert_eq!(roles().await[..2], [format!("{ben} owner"), format!("{ann} admin")]);
    assert_eq!(site.post(ann, &format!("{path}/leave"), json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(site.ask(Some(ann), Method::GET, &path, None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(site.ask(Some(ben), Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    for who in [ben, cem, dan] {
        assert_eq!(site.ask(Some(who), Method::GET, &path, None).await.0, StatusCode::NOT_FOUND);
        assert_eq!(site.get(who, "/rooms").await["items"], json!([]));
    }
}

#[tokio::test]
async fn a_room_has_places_for_a_hundred_and_names_are_bounded() {
    let site = Site::new().await;
    let people = site.people::<102>().await;
    let body = |people: &[kernel::PersonId]| json!({ "name": "Full house", "people": people });
    assert_eq!(site.post(people[0], "/rooms", body(&people[1..])).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, problem) = site.post(people[0], "/rooms", body(&people[1..101])).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("room_full")));
    let room = site.group(&people[..100]).await;
    let add = json!({ "people": [people[100]] });
    let (status, problem) = site.post(people[0], &format!("/rooms/{room}/members"), add).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("room_full")));
    for wrong in [
        json!({ "name": "x", "people": [people[1]] }),
        json!({ "name": "Alone", "people": [] }),
        json!({ "name": "Alone", "people": [people[0]] }),
        json!({ "name": "Strange", "people": ["usr_1"] }),
        json!({ "name": "Long", "people": [people[1]], "description": "d".repeat(201) }),
    ] {
        assert_eq!(site.post(people[0], "/rooms", wrong.clone()).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
    }
}
