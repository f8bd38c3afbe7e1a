//! The settings that turn something off: each really does, at once, and what was on its way meets it too.

use axum::http::{Method, StatusCode};
use identity::people::Actor;
use identity::{By, Caller, Role};
use kernel::limits;
use serde_json::{Value, json};

use crate::service::Service;
use crate::sockets::Page;
use crate::support::{LONG, Outside, Site};

/// The settings as they are at first, but for these.
pub(crate) fn settings(changed: Value) -> Value {
    let mut all = json!({ "version": 0, "max_members": 100, "max_message_chars": 2_000, "retention_days": 0, "directory": "everyone",
        "maintenance": false, "registrations": true, "notifications": true, "analytics": true });
    let (whole, Value::Object(changed)) = (all.as_object_mut().expect("an object"), changed) else {
        panic!("an object")
    };
    whole.extend(changed);
    all
}

impl Site {
    /// Saves the settings as they are at first, but for these.
    pub(crate) async fn set(&self, changed: Value) {
        let (_, now) = self.office(Method::GET, "/settings", None).await;
        let mut new = settings(changed);
        new["version"] = now["version"].clone();
        let (status, mut saved) = self.office(Method::PUT, "/settings", Some(&new)).await;
        saved["version"] = new["version"].clone();
        assert_eq!((status, saved), (StatusCode::OK, new));
    }
}

/// What is no GET and changes nothing of what is said.
const GOES_ON: [(&str, &str); 2] = [("DELETE", "/push"), ("POST", "/files/{id}/link")];

/// Everything that a person may ask for by another method than GET, as the product describes it, but for that.
fn writes(site: &Site, room: &str, other: &str) -> Vec<(Method, String)> {
    let mut all = Vec::new();
    for (path, operations) in site.api["paths"].as_object().expect("paths") {
        let Some(at) = path.strip_prefix("/api/v1/chat").filter(|at| !at.starts_with("/admin")) else { continue };
        for method in operations.as_object().expect("operations").keys().filter(|method| *method != "get") {
            let Ok(method) = method.to_uppercase().parse::<Method>() else { continue };
            if GOES_ON.contains(&(method.as_str(), at)) {
                continue;
            }
            let at = at.replace("{room}", room).replace("{seq}", "2").replace("{person}", other);
            all.push((method, at.replace("{shortcut}", "x").replace("{id}", "x")));
        }
    }
    assert!(all.len() >= 18, "{all:?}");
    all
}

#[tokio::test]
async fn while_the_chat_is_worked_on_members_read_and_administrators_write() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let seq = site.say(ann, &room, "before").await;
    let mut pages = site.listen(ben, "chat_state:all", None).await;
    site.set(json!({ "maintenance": true })).await;
    assert_eq!(pages.next().await.expect("open").1["maintenance"], true, "open pages hear of it");
    assert_eq!(site.get(ben, "/standing").await["maintenance"], true);

    for (method, path) in writes(&site, &room, &ben.to_string()) {
        site.clock.advance(60_000);
        let (status, problem) = site.ask(Some(ann), method.clone(), &path, Some(&json!({}))).await;
        assert_eq!((status, &problem["code"]), (StatusCode::LOCKED, &json!("maintenance")), "{method} {path}");
        let nobody = site.ask(None, method.clone(), &path, Some(&json!({}))).await.0;
        assert!(nobody == StatusCode::UNAUTHORIZED || nobody.is_client_error(), "{method} {path}: {nobody}");
        assert_ne!(nobody, StatusCode::LOCKED, "who is nobody is told nothing of it: {method} {path}");
    }
    let read = site.get(ben, &format!("/rooms/{room}/messages")).await;
    assert_eq!(read["items"][0]["seq"], seq, "what was said is read");
    assert_eq!(site.get(ben, "/rooms").await["items"][0]["room"], json!(room));

    // A member who is an administrator of the installation goes on.
    let admin = Caller::Person { id: ann, role: Role::Admin, by: By::Token };
    let messages = format!("/rooms/{room}/messages");
    let body = json!({ "client_id": "during", "content": "it takes an hour" });
    assert_eq!(site.ask_as(admin, Method::POST, &messages, Some(&body)).await.0, StatusCode::CREATED);
    // Jobs go on as well.
    site.run_retention().await;

    // It holds for the process that comes after, too.
    let site = site.restart().await;
    let body = json!({ "client_id": "kept", "content": "kept by a page until it is over" });
    let (status, problem) = site.post(ben, &messages, body.clone()).await;
    assert_eq!(status, StatusCode::LOCKED, "{problem}");
    let mut pages = site.listen(ben, "chat_state:all", None).await;
    site.set(json!({})).await;
    assert_eq!(pages.next().await.expect("open").1["maintenance"], false);
    assert_eq!(site.post(ben, &messages, body).await.0, StatusCode::CREATED, "and then it is sent");
}

#[tokio::test]
async fn while_the_chat_is_worked_on_a_browser_may_be_told_no_more_and_files_are_read_by_links() {
    let outside = Outside { allow: &["127.0.0.0/8"], ..Outside::default() };
    let (site, service) = (Site::with(outside).await, Service::new().await);
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let browser = service.browser();
    assert_eq!(site.post(ben, "/push", browser.given()).await.0, StatusCode::NO_CONTENT);
    let (status, sent) = site.upload(ann, &room, "name=notes.txt", b"what we said".to_vec()).await;
    assert_eq!(status, StatusCode::CREATED, "{sent}");
    let link = format!("/files/{}/link", sent["file"]["id"].as_str().expect("an id"));
    let read = async |link: &Value| {
        let url = link["url"].as_str().expect("an address");
        let request = axum::http::Request::get(url).body(axum::body::Body::empty()).expect("a request");
        let (head, body) = site.raw(request).await;
        (head.status, body)
    };
    let (_, before) = site.post(ann, &link, json!({})).await;
    site.set(json!({ "maintenance": true })).await;

    assert_eq!(read(&before).await, (StatusCode::OK, b"what we said"[..].into()), "a link that was made before");
    let (status, during) = site.post(ann, &link, json!({})).await;
    assert_eq!(status, StatusCode::OK, "{during}");
    assert_eq!(read(&during).await, (StatusCode::OK, b"what we said"[..].into()));
    let endpoint = json!({ "endpoint": browser.given()["endpoint"] });
    let (status, problem) = site.ask(Some(ben), Method::DELETE, "/push", Some(&endpoint)).await;
    assert_eq!((status, site.rows("chat_pushes").await), (StatusCode::NO_CONTENT, 0), "{problem}");
    // Their rights are what they were, and their neighbours are shut.
    let (status, _) = site.ask(None, Method::DELETE, "/push", Some(&endpoint)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(site.post(ben, &link, json!({})).await.0, StatusCode::NOT_FOUND, "nobody has sent it to him");
    assert_eq!(site.post(ben, "/push", browser.given()).await.0, StatusCode::LOCKED);
}

#[tokio::test]
async fn a_refusal_says_when_to_come_again() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    site.set(json!({ "maintenance": true })).await;
    let caller = Caller::Person { id: ben, role: Role::Member, by: By::Token };
    let request = axum::http::Request::post(format!("/api/v1/chat/rooms/{room}/typing")).extension(caller);
    let request = request.header("content-type", "application/json").body(axum::body::Body::from(r#"{"on":true}"#));
    let (head, _) = site.raw(request.expect("a request")).await;
    let seconds = limits::CHAT_MAINTENANCE_RETRY_S.to_string();
    assert_eq!((head.status, head.headers["retry-after"].to_str().expect("text")), (StatusCode::LOCKED, &*seconds));
}

#[tokio::test]
async fn the_channel_of_all_opens_to_who_is_signed_in_and_shows_nobody() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let _hers = site.listen(ann, "chat_state:all", None).await;
    let heard = site.ctx.hub.subscribers("chat_state:all");
    let stranger = realtime::Caller::default();
    let _ = site.ctx.hub.open_stream("chat_state:all", None, 300, &stranger).await.expect("a stream");
    assert_eq!(site.ctx.hub.subscribers("chat_state:all"), heard, "who is nobody hears nothing");

    let channel = json!(["chat_state:all"]);
    let (mut anns, mut bens) = (Page::of(&site, ann, &json!({})).await, Page::of(&site, ben, &json!({})).await);
    for page in [&mut anns, &mut bens] {
        page.say("subscribe", &channel).await;
    }
    assert_eq!(site.ctx.hub.presence_stats("chat_state:all").await.people, 2, "the server knows how many there are");
    let forged = json!({ "maintenance": true, "type": "presence" });
    for event in ["presence", "presence_stats", "history", "publish"] {
        for args in [channel.clone(), json!(["chat_state:all", forged])] {
            let (answer, _) = bens.say(event, &args).await;
            let tells = answer.contains(&ann.to_string()) || answer.contains("num_users");
            assert!(!tells, "{event} {args}: {answer}");
        }
    }
    assert_eq!(anns.rest().await, [""; 0], "and nobody is told what a client says");
}

#[tokio::test]
async fn nobody_joins_while_registrations_are_off() {
    let site = Site::new().await;
    let (_, token) = site.ctx.identity.invite(Actor::Admin, Role::Member, "").await.expect("made");
    let join = async || {
        let body = json!({ "name": "Fay", "email": "fay@example.com", "password": "correct horse",
            "invitation": token.expose() });
        let request = axum::http::Request::post("/api/v1/people/register").header("content-type", "application/json");
        let router = identity::routes(site.ctx.identity.clone()).split_for_parts().0;
        let request = request.body(axum::body::Body::from(body.to_string())).expect("a request");
        tower::ServiceExt::oneshot(router, request).await.expect("answered").status()
    };
    site.set(json!({ "registrations": false })).await;
    let (_, shown) = site.office(Method::GET, "/settings", None).await;
    assert_eq!(shown, settings(json!({ "version": 1, "registrations": false })));
    assert_eq!(join().await, StatusCode::FORBIDDEN);
    assert_eq!(site.rows("people").await, 0);
    site.set(json!({})).await;
    assert_eq!(join().await, StatusCode::ACCEPTED, "the invitation was not used up");
    assert_eq!(site.rows("people").await, 1);
}

#[tokio::test]
async fn pushes_that_are_due_while_notifications_are_off_are_dropped() {
    let outside = Outside { allow: &["127.0.0.0/8"], ..Outside::default() };
    let (site, mut service) = (Site::with(outside).await, Service::new().await);
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let browser = service.browser();
    assert_eq!(site.post(ben, "/push", browser.given()).await.0, StatusCode::NO_CONTENT);
    let quiet = async || {
        site.jobs_settled("chat.notify").await;
        site.clock.advance(limits::CHAT_PUSH_DELAY_MS);
        site.ctx.jobs.wake();
        site.jobs_settled("chat.push").await;
    };

    // Said before, due after it was turned off.
    site.say(ann, &room, "one").await;
    site.jobs_settled("chat.notify").await;
    site.set(json!({ "notifications": false })).await;
    quiet().await;
    // Said while it is off.
    site.say(ann, &room, "two").await;
    quiet().await;
    assert!(service.seen().is_empty());
    assert_eq!(site.get(ben, "/standing").await["notifications"], false, "pages can say so");

    site.set(json!({})).await;
    quiet().await;
    assert!(service.seen().is_empty(), "what was dropped is not told later");
    let seq = site.say(ann, &room, "three").await;
    quiet().await;
    let heard = service.seen();
    let heard: Vec<Value> = heard.iter().map(|push| browser.read(push)["seq"].clone()).collect();
    assert_eq!(heard, [json!(seq)]);
}

#[tokio::test]
async fn what_happens_while_analytics_are_off_is_never_counted() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    site.say(ann, &room, "counted").await;
    site.set(json!({ "analytics": false })).await;
    site.say(ben, &room, "not counted").await;
    let (_, shown) = site.office(Method::GET, "/analytics", None).await;
    assert_eq!(shown["counting"], false, "and the page can say so");
    site.set(json!({})).await;
    // The counter comes late: it goes by the order of the log, and not by what is set when it comes.
    let site = site.restart().await;
    let last = site.say(ann, &room, "counted again").await;
    assert!(last > 0);
    let counted = async {
        loop {
            let (_, all) = site.office(Method::GET, "/analytics?days=1", None).await;
            let messages: i64 =
                all["hours"].as_array().expect("hours").iter().filter_map(|it| it["messages"].as_i64()).sum();
            assert!(messages <= 2, "{all}");
            if messages == 2 {
                return all;
            }
            tokio::task::yield_now().await;
        }
    };
    let all = tokio::time::timeout(LONG, counted).await.expect("counted");
    assert_eq!((&all["days"][0]["speakers"], &all["counting"]), (&json!(1), &json!(true)), "Ben was not written down");
}
