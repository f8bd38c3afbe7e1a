//! Several administrators set what holds: nobody undoes what another did meanwhile, and the log says who did what.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use identity::people::{Actor, NewPerson};
use identity::{By, Caller, Role};
use kernel::{PersonId, Secret};
use serde_json::{Value, json};

use crate::support::Site;

const AT: &str = "/settings";

async fn read(site: &Site) -> Value {
    let (status, settings) = site.office(Method::GET, AT, None).await;
    assert_eq!(status, StatusCode::OK, "{settings}");
    settings
}

/// As these, but for one.
fn but(settings: &Value, name: &str, value: Value) -> Value {
    let mut other = settings.clone();
    other[name] = value;
    other
}

async fn save(site: &Site, settings: &Value) -> (StatusCode, Value) {
    site.office(Method::PUT, AT, Some(settings)).await
}

/// Saves by a page of an administrator who is a person.
async fn save_as(site: &Site, who: PersonId, settings: &Value) -> (StatusCode, Value) {
    let request = Request::put(format!("/api/v1/chat/admin{AT}")).header("content-type", "application/json");
    let caller = Caller::Person { id: who, role: Role::Admin, by: By::Session };
    let request = request.header("x-mainspring-console", "1").extension(caller);
    let (head, body) = site.raw(request.body(Body::from(settings.to_string())).expect("a request")).await;
    (head.status, serde_json::from_slice(&body).expect("JSON"))
}

/// What the log says of the settings, oldest first.
async fn told(site: &Site) -> Vec<Value> {
    let query = events::Query { kind: Some("chat.settings.changed".to_owned()), limit: 50, ..events::Query::default() };
    let mut all = Vec::new();
    for row in site.ctx.events.list(query).await.expect("listed") {
        let event = site.ctx.events.find(row.position).await.expect("read").expect("there");
        all.push(serde_json::from_str(&event.data).expect("JSON"));
    }
    all.reverse();
    all
}

#[tokio::test]
async fn what_was_read_before_another_saved_overwrites_nothing() {
    let site = Site::new().await;
    let stale = read(&site).await;
    let (status, saved) = save(&site, &but(&stale, "maintenance", json!(true))).await;
    assert_eq!((status, &saved["maintenance"]), (StatusCode::OK, &json!(true)));
    assert_ne!(saved["version"], stale["version"]);

    // Another page has seen nothing of it, whatever it wants to change, or claims to have seen.
    for claims in [stale["version"].clone(), json!(2), json!(u32::MAX)] {
        let mine = but(&but(&stale, "retention_days", json!(30)), "version", claims);
        let (status, problem) = save(&site, &mine).await;
        assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("settings_changed")), "{problem}");
        assert_eq!(read(&site).await, saved, "nothing of it was done");
    }
    for none in [Value::Null, json!("1"), json!(-1)] {
        let (status, _) = save(&site, &but(&stale, "version", none)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "a version is named");
    }
    let mut nameless = stale.clone();
    nameless.as_object_mut().expect("an object").remove("version");
    assert_eq!(save(&site, &nameless).await.0, StatusCode::UNPROCESSABLE_ENTITY);

    // It holds for the process that comes after, and who has read what is there saves.
    let site = site.restart().await;
    assert_eq!(save(&site, &but(&stale, "analytics", json!(false))).await.0, StatusCode::CONFLICT);
    let (status, both) = save(&site, &but(&saved, "retention_days", json!(30))).await;
    assert_eq!((status, &both["maintenance"], &both["retention_days"]), (StatusCode::OK, &json!(true), &json!(30)));
    assert_eq!(read(&site).await, both);
}

#[tokio::test]
async fn of_many_who_save_at_once_one_does() {
    let site = Site::new().await;
    let before = read(&site).await;
    let tries: Vec<Value> = (1..=8).map(|days| but(&before, "retention_days", json!(days))).collect();
    let all = futures_util::future::join_all(tries.iter().map(|settings| save(&site, settings))).await;
    let saved: Vec<&Value> = all.iter().filter(|(status, _)| *status == StatusCode::OK).map(|(_, it)| it).collect();
    assert_eq!(saved.len(), 1, "{all:?}");
    assert!(all.iter().all(|(status, _)| [StatusCode::OK, StatusCode::CONFLICT].contains(status)), "{all:?}");
    assert_eq!(&read(&site).await, saved[0]);
    assert_eq!(told(&site).await.len(), 1, "what was refused is no fact");
}

#[tokio::test]
async fn the_log_says_who_changed_what() {
    let site = Site::new().await;
    let new = NewPerson { name: "Ann".to_owned(), email: "ann@example.com".to_owned(), role: Role::Admin };
    let ann = site.ctx.identity.make_person(Actor::Admin, &new, &Secret::new("correct horse")).await.expect("made");
    let before = read(&site).await;
    let (_, first) = save(&site, &but(&but(&before, "maintenance", json!(true)), "registrations", json!(false))).await;
    let (status, second) = save_as(&site, ann, &but(&first, "max_members", json!(7))).await;
    assert_eq!(status, StatusCode::OK, "{second}");
    // Saved as they are they are not changed, and nothing is said.
    assert_eq!(save_as(&site, ann, &second).await, (StatusCode::OK, second.clone()));

    let told = told(&site).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((&told[0]["by"], &told[0]["changed"]), (&json!("admin"), &json!(["maintenance", "registrations"])));
    assert_eq!((&told[1]["by"], &told[1]["changed"]), (&json!(ann), &json!(["max_members"])));
    assert_eq!((&told[1]["version"], &told[1]["max_members"]), (&second["version"], &json!(7)));
}
