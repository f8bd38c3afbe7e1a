//! Pushes: to whom, of what, when, and when no more; over a push service of ours, read as a browser reads them.

use axum::http::{Method, StatusCode};
use identity::people::Actor;
use kernel::{PersonId, limits};
use serde_json::{Value, json};

use crate::service::{Browser, Does, Service};
use crate::support::{Outside, Site};

pub(crate) struct Street {
    pub(crate) site: Site,
    pub(crate) service: Service,
}

impl Street {
    pub(crate) async fn new() -> Self {
        let outside = Outside { allow: &["127.0.0.0/8"], ..Outside::default() };
        Self { site: Site::with(outside).await, service: Service::new().await }
    }

    /// A browser of this person that wants to be told.
    pub(crate) async fn browser(&self, who: PersonId) -> Browser {
        let browser = self.service.browser();
        let (status, answer) = self.site.post(who, "/push", browser.given()).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "{answer}");
        browser
    }

    /// Until what waits for its time is due.
    pub(crate) async fn soon(&self) {
        self.settled("chat.notify").await;
        self.settled("chat.notify_edited").await;
        self.site.clock.advance(limits::CHAT_PUSH_DELAY_MS);
        self.site.ctx.jobs.wake();
    }

    /// Every job of a kind has ended, or waits for a time to come.
    pub(crate) async fn settled(&self, kind: &str) {
        self.site.jobs_settled(kind).await;
    }

    /// Whatever was to be pushed until now was.
    pub(crate) async fn quiet(&self) {
        self.soon().await;
        self.settled("chat.push").await;
    }
}

#[tokio::test]
async fn a_message_reaches_the_browsers_of_everybody_but_its_sender() {
    let mut street = Street::new().await;
    let [ann, ben, cem, dan] = street.site.people().await;
    let room = street.site.group(&[ann, ben, cem]).await;
    let browsers = [street.browser(ben).await, street.browser(ben).await, street.browser(cem).await];
    let (own, strange) = (street.browser(ann).await, street.browser(dan).await);
    let seq = street.site.say(ann, &room, "cake at four, @Ben").await;
    street.soon().await;
    let key = street.site.get(ben, "/push/key").await["key"].as_str().expect("a key").to_owned();
    let mut heard = Vec::new();
    for _ in 0..3 {
        let push = street.service.next().await;
        let signed = push.signed_by(&key);
        assert_eq!(signed["aud"], json!(street.service.origin()), "for this push service alone");
        let now_s = street.site.clock.now_ms() / 1_000;
        assert!(signed["exp"].as_i64().is_some_and(|exp| exp > now_s && exp <= now_s + 86_400), "{signed}");
        assert_eq!(signed["sub"], json!("https://live.example.org"));
        assert_eq!((push.header("content-encoding"), push.header("ttl")), ("aes128gcm", "14400"));
        let browser = browsers.iter().find(|it| it.path == push.path).expect("one of them");
        let news = browser.read(&push);
        let mentioned = browser.path != browsers[2].path;
        assert_eq!(push.header("urgency"), if mentioned { "high" } else { "normal" });
        assert_eq!(
            news,
            json!({ "type": "message", "room": room, "seq": seq, "room_name": "Everybody", "by": ann, "by_name": "Ann",
                "content": "cake at four, @Ben", "file": null, "at_ms": news["at_ms"], "mentions_you": mentioned })
        );
        for other in browsers.iter().filter(|it| it.path != push.path).chain([&own, &strange]) {
            assert!(other.try_read(&push).is_none(), "nobody else reads it");
        }
        heard.push(push.path.clone());
    }
    heard.sort_unstable();
    heard.dedup();
    assert_eq!(heard.len(), 3, "each once");
    street.quiet().await;
    assert!(street.service.seen().is_empty(), "and nobody else");
}

#[tokio::test]
async fn what_is_read_deleted_muted_or_put_away_meanwhile_is_not_pushed() {
    let mut street = Street::new().await;
    let [ann, ben] = street.site.people().await;
    let room = street.site.group(&[ann, ben]).await;
    street.browser(ben).await;
    let mine = format!("/rooms/{room}/mine");
    let patch = async |street: &Street, change: Value| {
        let (status, _) = street.site.ask(Some(ben), Method::PATCH, &mine, Some(&change)).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    };
    // Read, in a room that is open.
    let seq = street.site.say(ann, &room, "read").await;
    street.site.post(ben, &format!("/rooms/{room}/receipts"), json!({ "read": seq })).await;
    street.quiet().await;
    // Deleted.
    let seq = street.site.say(ann, &room, "regretted").await;
    street.site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/messages/{seq}"), None).await;
    street.quiet().await;
    // Muted, before and after.
    let for_long = street.site.clock.now_ms() + 3_600_000;
    street.site.say(ann, &room, "muted meanwhile").await;
    patch(&street, json!({ "muted_until_ms": for_long })).await;
    street.quiet().await;
    street.site.say(ann, &room, "muted, @Ben").await;
    street.quiet().await;
    assert!(street.service.seen().is_empty());
    // Mentions pass a mute for who wants that, and no archive.
    let wanted = json!({ "mentions_through_mute": true, "digest_after_minutes": 0 });
    street.site.ask(Some(ben), Method::PUT, "/notifications", Some(&wanted)).await;
    assert_eq!(street.site.get(ben, "/notifications").await, wanted);
    street.site.say(ann, &room, "muted, and not for Ben").await;
    street.quiet().await;
    patch(&street, json!({ "archived": true })).await;
    street.site.say(ann, &room, "put away, @Ben").await;
    street.quiet().await;
    assert!(street.service.seen().is_empty());
    patch(&street, json!({ "archived": false })).await;
    let seq = street.site.say(ann, &room, "now, @Ben").await;
    street.soon().await;
    street.service.next().await;
    street.quiet().await;
    // An edit is told as it is when it is told.
    patch(&street, json!({ "muted_until_ms": 0 })).await;
    let edited = street.site.say(ann, &room, "with a slip").await;
    let path = format!("/rooms/{room}/messages/{edited}");
    street.site.ask(Some(ann), Method::PATCH, &path, Some(&json!({ "content": "without" }))).await;
    street.soon().await;
    let browser = street.service.browsers().pop().expect("Ben's");
    assert_eq!(browser.read(&street.service.next().await)["content"], "without");
    // Who is not in the room any more hears nothing of it.
    assert!(edited > seq);
    street.site.say(ann, &room, "gone?").await;
    street.site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/members/{ben}"), None).await;
    street.quiet().await;
    assert!(street.service.seen().is_empty());
}

#[tokio::test]
async fn a_subscription_ends_with_what_its_owner_came_with() {
    let mut street = Street::new().await;
    let [ann, ben, cem] = street.site.people().await;
    let room = street.site.group(&[ann, ben, cem]).await;
    street.browser(ben).await;
    street.browser(cem).await;
    street.site.say(ann, &room, "both").await;
    street.soon().await;
    street.service.next().await;
    street.service.next().await;
    street.site.say(ann, &room, "on its way to Cem").await;
    street.site.ctx.identity.sign_out_everywhere(Actor::Person(cem), cem).await.expect("signed out");
    street.site.ctx.identity.ban(Actor::Admin, ben, None, "").await.expect("banned");
    street.quiet().await;
    assert!(street.service.seen().is_empty());
    assert_eq!(street.site.rows("chat_pushes").await, 0, "and are forgotten");
    street.browser(cem).await;
    street.site.ctx.identity.delete_person(Actor::Admin, cem).await.expect("deleted");
    street.site.run_job("chat.push.sweep", "chat").await;
    assert_eq!(street.site.rows("chat_pushes").await, 0, "also where nothing is said");
}

#[tokio::test]
async fn a_browser_in_a_session_is_told_until_that_session_ends() {
    let mut street = Street::new().await;
    let [ann, ben] = street.site.people().await;
    let room = street.site.group(&[ann, ben]).await;
    let (tied, other) = (street.site.session(ben).await, street.site.session(ben).await);
    let browser = street.service.browser();
    let status = street.site.in_session(ben, &tied, Method::POST, "/push", &browser.given()).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    street.site.end_session(&other).await;
    street.site.say(ann, &room, "there").await;
    street.soon().await;
    browser.read(&street.service.next().await);
    street.site.end_session(&tied).await;
    street.site.say(ann, &room, "gone").await;
    street.quiet().await;
    assert!(street.service.seen().is_empty());
    let late = street.site.in_session(ben, &tied, Method::POST, "/push", &browser.given()).await;
    assert_eq!(late, StatusCode::UNAUTHORIZED, "a session that has ended subscribes nothing");
}

#[tokio::test]
async fn a_push_service_is_obeyed() {
    let mut street = Street::new().await;
    let [ann, ben] = street.site.people().await;
    let room = street.site.group(&[ann, ben]).await;
    let browser = street.browser(ben).await;
    // Throttled: not before it says, and not without end.
    let attempts = usize::try_from(limits::CHAT_PUSH_ATTEMPTS).expect("few");
    street.service.answers(&vec![Does::Says(429, Some("120")); attempts - 1]);
    street.site.say(ann, &room, "throttled").await;
    street.soon().await;
    for _ in 1..attempts {
        street.service.next().await;
        street.settled("chat.push").await;
        street.site.clock.advance(119_000);
        street.site.ctx.jobs.wake();
        street.settled("chat.push").await;
        assert!(street.service.seen().is_empty(), "not before");
        street.site.clock.advance(1_000);
        street.site.ctx.jobs.wake();
    }
    assert_eq!(browser.read(&street.service.next().await)["content"], "throttled");
    street.settled("chat.push").await;
    // Who says "at once" waits as anybody does.
    street.service.answers(&vec![Does::Says(429, Some("0")); attempts]);
    street.site.say(ann, &room, "always").await;
    street.soon().await;
    for _ in 0..attempts {
        street.service.next().await;
        street.settled("chat.push").await;
        street.site.clock.advance(limits::CHAT_PUSH_WAIT_MS.0 - 1);
        street.site.ctx.jobs.wake();
        street.settled("chat.push").await;
        assert!(street.service.seen().is_empty(), "not before");
        street.site.clock.advance(1);
        street.site.ctx.jobs.wake();
    }
    street.quiet().await;
    assert!(street.service.seen().is_empty(), "and it is given up");
    // Broken, then well again.
    street.service.answers(&[Does::Says(503, None), Does::Dies, Does::Says(201, None)]);
    street.site.say(ann, &room, "broken").await;
    street.soon().await;
    for _ in 0..3 {
        browser.read(&street.service.next().await);
        street.settled("chat.push").await;
        street.site.clock.advance(limits::JOB_BACKOFF_MAX_MS);
        street.site.ctx.jobs.wake();
    }
    // Refused: this one is over, the browser stays. Gone: the browser is.
    for (says, left) in [(403, 1), (301, 1), (410, 0)] {
        street.service.answers(&[Does::Says(says, None)]);
        street.site.say(ann, &room, "refused").await;
        street.soon().await;
        street.service.next().await;
        street.settled("chat.push").await;
        assert_eq!(street.site.rows("chat_pushes").await, left, "{says}");
    }
    // What is no news any more is not pushed.
    street.browser(ben).await;
    street.service.answers(&[Does::Says(503, Some("999999"))]);
    street.site.say(ann, &room, "late").await;
    street.soon().await;
    street.service.next().await;
    street.settled("chat.push").await;
    street.site.clock.advance(limits::CHAT_PUSH_NEWS_MS);
    street.site.ctx.jobs.wake();
    street.quiet().await;
    assert!(street.service.seen().is_empty());
}

#[tokio::test]
async fn what_comes_at_once_is_told_once_and_who_always_refuses_is_forgotten() {
    let mut street = Street::new().await;
    let [ann, ben] = street.site.people().await;
    let room = street.site.group(&[ann, ben]).await;
    let browser = street.browser(ben).await;
    street.site.say(ann, &room, "one").await;
    street.site.say(ann, &room, "two").await;
    let last = street.site.say(ann, &room, "three").await;
    let gone = street.site.say(ann, &room, "regretted").await;
    street.site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/messages/{gone}"), None).await;
    street.soon().await;
    let news = browser.read(&street.service.next().await);
    assert_eq!((&news["content"], &news["seq"]), (&json!("three"), &json!(last)), "the newest that is there");
    street.quiet().await;
    assert!(street.service.seen().is_empty(), "and once");
    // As many refusals, with a push that is taken among them, and then in a row.
    for (says, left) in [(403, 1), (403, 1), (201, 1), (403, 1), (400, 1), (401, 1), (413, 1), (403, 0)] {
        street.service.answers(&[Does::Says(says, None)]);
        street.site.say(ann, &room, "refused").await;
        street.soon().await;
        street.service.next().await;
        street.settled("chat.push").await;
        assert_eq!(street.site.rows("chat_pushes").await, left, "{says}");
    }
}

#[tokio::test]
async fn a_page_that_is_opened_again_takes_nothing_from_what_is_on_its_way() {
    let mut street = Street::new().await;
    let [ann, ben] = street.site.people().await;
    let room = street.site.group(&[ann, ben]).await;
    let browser = street.browser(ben).await;
    street.site.say(ann, &room, "on its way").await;
    street.settled("chat.notify").await;
    // Each window that is opened gives the browser again, and the one that is used stays when there are too many.
    for _ in 1..limits::CHAT_PUSHES {
        street.browser(ben).await;
    }
    street.site.clock.advance(1);
    assert_eq!(street.site.post(ben, "/push", browser.given()).await.0, StatusCode::NO_CONTENT);
    street.browser(ben).await;
    assert_eq!(street.site.rows("chat_pushes").await, i64::try_from(limits::CHAT_PUSHES).expect("few"));
    street.soon().await;
    let push = street.service.next().await;
    assert_eq!(browser.read(&push)["content"], "on its way");
    street.quiet().await;
    assert!(street.service.seen().is_empty(), "once");
}

#[tokio::test]
async fn what_is_no_browser_is_refused() {
    let street = Street::new().await;
    let [ben, cem] = street.site.people().await;
    let browser = street.service.browser();
    let given = browser.given();
    let changed = |pointer: &str, value: Value| {
        let mut given = given.clone();
        *given.pointer_mut(pointer).expect("a field") = value;
        given
    };
    for (pointer, value) in [
        ("/endpoint", json!("http://10.0.0.1/push")),
        ("/endpoint", json!("https://169.254.169.254/latest/meta-data")),
        ("/endpoint", json!("file:///etc/passwd")),
        ("/endpoint", json!("https://ann:secret@push.example/x")),
        ("/endpoint", json!("")),
        ("/endpoint", json!(format!("https://push.example/{}", "x".repeat(3_000)))),
        ("/keys/p256dh", json!("AAAA")),
        (
            "/keys/p256dh",
            json!("BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ),
        ("/keys/auth", json!("c2hvcnQ")),
        ("/keys", json!({})),
    ] {
        let (status, answer) = street.site.post(ben, "/push", changed(pointer, value.clone())).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{pointer} {value}: {answer}");
    }
    assert_eq!(street.site.rows("chat_pushes").await, 0);
    let expiring = json!({ "endpoint": given["endpoint"], "keys": given["keys"], "expirationTime": null });
    assert_eq!(street.site.post(ben, "/push", expiring).await.0, StatusCode::NO_CONTENT, "as a browser writes it");
    // Of nobody else's browser anything is said.
    let of = json!({ "endpoint": given["endpoint"] });
    assert_eq!(street.site.ask(Some(cem), Method::DELETE, "/push", Some(&of)).await.0, StatusCode::NOT_FOUND);
    assert_eq!(street.site.ask(Some(ben), Method::DELETE, "/push", Some(&of)).await.0, StatusCode::NO_CONTENT);
    assert_eq!(street.site.ask(Some(ben), Method::DELETE, "/push", Some(&of)).await.0, StatusCode::NOT_FOUND);
    // One browser is one person's; of too many the oldest goes.
    street.site.post(ben, "/push", given.clone()).await;
    street.site.post(cem, "/push", given.clone()).await;
    assert_eq!(street.site.rows("chat_pushes").await, 1);
    for _ in 0..limits::CHAT_PUSHES {
        street.browser(ben).await;
        street.browser(cem).await;
    }
    assert_eq!(street.site.rows("chat_pushes").await, 2 * i64::try_from(limits::CHAT_PUSHES).expect("few"));
    assert_eq!(street.site.ask(None, Method::GET, "/push/key", None).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_key_is_made_once_and_stays_over_a_restart() {
    let street = Street::new().await;
    let [ann] = street.site.people().await;
    let keys = futures_util::future::join_all((0..4).map(|_| street.site.get(ann, "/push/key"))).await;
    let site = street.site.restart().await;
    let after = site.get(ann, "/push/key").await;
    assert!(keys.iter().all(|key| *key == after), "{keys:?} {after}");
    assert_eq!(after["key"].as_str().map(str::len), Some(87));
}
