//! Letters about what stayed unread: when, to whom, once; and no word of what was written.

use axum::http::{Method, StatusCode};
use identity::people::Actor;
use kernel::{PersonId, SealKey, Secret};
use mail::Tls;
use serde_json::{Value, json};

use crate::support::{Outside, Site};

/// Letters are posted, and taken out of their jobs: how they are sent is the mail's own.
async fn site() -> Site {
    let mail = mail::Settings {
        host: "127.0.0.1".into(),
        port: 1,
        tls: Tls::None,
        user: String::new(),
        password: Secret::new(""),
        from: "live@example.org".into(),
    };
    Site::with(Outside { mail, ..Outside::default() }).await
}

async fn letters(site: &Site) -> Vec<Value> {
    let read = async |tx: &mut store::Tx| {
        let sql = "SELECT COALESCE(p.args, j.args) FROM jobs j LEFT JOIN job_payloads p ON p.id = j.id
             WHERE j.kind = 'mail.send' ORDER BY j.id";
        tx.all::<(String,)>(sql, &[]).await
    };
    let rows: Result<Vec<(String,)>, store::StoreError> = site.ctx.store.read(read).await;
    let open = |(args,): (String,)| {
        let args: Value = serde_json::from_str(&args).expect("JSON");
        let sealed = hex::decode(args["sealed"].as_str().expect("text")).expect("hex");
        let purpose = format!("mail:{}", args["id"].as_str().expect("text"));
        let plain = SealKey::new([7; 32]).open(&purpose, &sealed).expect("ours");
        serde_json::from_str(plain.expose()).expect("JSON")
    };
    rows.expect("read").into_iter().map(open).collect()
}

async fn wants(site: &Site, who: PersonId, minutes: i64) -> StatusCode {
    let body = json!({ "mentions_through_mute": false, "digest_after_minutes": minutes });
    site.ask(Some(who), Method::PUT, "/notifications", Some(&body)).await.0
}

const MINUTE: i64 = 60_000;

#[tokio::test]
async fn who_wants_it_is_written_to_once_about_what_is_unread_for_long() {
    let site = site().await;
    let [ann, ben, cem] = site.people().await;
    let room = site.group(&[ann, ben, cem]).await;
    site.say(ann, &room, "before anybody wanted letters").await;
    assert_eq!(
        wants(&site, ben, 30).await,
        StatusCode::CONFLICT,
        "whoever made the account may have made the address up"
    );
    site.shows_address(ben).await;
    assert_eq!(wants(&site, ben, 30).await, StatusCode::NO_CONTENT);
    site.clock.advance(40 * MINUTE);
    site.run_job("chat.digest", "chat").await;
    assert!(letters(&site).await.is_empty(), "not about what was there before");
    site.say(ann, &room, "a secret for @Ben").await;
    let deleted = site.say(ann, &room, "regretted").await;
    site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/messages/{deleted}"), None).await;
    site.clock.advance(20 * MINUTE);
    site.run_job("chat.digest", "chat").await;
    assert!(letters(&site).await.is_empty(), "not yet");
    site.clock.advance(20 * MINUTE);
    for _ in 0..3 {
        site.run_job("chat.digest", "chat").await;
    }
    let sent = letters(&site).await;
    assert_eq!(sent.len(), 1, "once, and to nobody who did not ask: {sent:?}");
    let details = site.ctx.identity.person(ben).await.expect("read").expect("there");
    assert_eq!(json!(details.email), sent[0]["to"]);
    assert_eq!(sent[0]["subject"], "2 messages unread");
    let text = sent[0].to_string();
    assert!(text.contains("Everybody: 2, 1 mention you"), "{text}");
    assert!(!text.contains("secret") && !text.contains("regretted"), "{text}");
    // Something new, read in time; and something new, not read.
    let seq = site.say(ann, &room, "news").await;
    site.post(ben, &format!("/rooms/{room}/receipts"), json!({ "read": seq })).await;
    site.clock.advance(40 * MINUTE);
    site.run_job("chat.digest", "chat").await;
    assert_eq!(letters(&site).await.len(), 1);
    site.say(cem, &room, "news").await;
    site.clock.advance(40 * MINUTE);
    site.run_job("chat.digest", "chat").await;
    assert_eq!(letters(&site).await.len(), 2);
}

#[tokio::test]
async fn a_room_in_which_somebody_always_writes_is_written_about_too() {
    let site = site().await;
    let [ann, ben] = site.people().await;
    site.shows_address(ben).await;
    assert_eq!(wants(&site, ben, 30).await, StatusCode::NO_CONTENT);
    let room = site.group(&[ann, ben]).await;
    let mut sent = Vec::new();
    for n in 0..6 {
        site.clock.advance(1);
        site.say(ann, &room, &format!("message {n}")).await;
        site.clock.advance(20 * MINUTE);
        site.run_job("chat.digest", "chat").await;
        sent.push(letters(&site).await.len());
    }
    // What came since the last letter is told when it has waited as long as the first did.
    assert_eq!(sent, [0, 1, 1, 2, 2, 3]);
    assert_eq!(letters(&site).await[0]["subject"], "2 messages unread", "and what came after it is in it");
    let read = site.get(ben, &format!("/rooms/{room}")).await["last_message"]["seq"].clone();
    site.post(ben, &format!("/rooms/{room}/receipts"), json!({ "read": read })).await;
    site.say(ben, &room, "I am here").await;
    site.clock.advance(40 * MINUTE);
    site.run_job("chat.digest", "chat").await;
    assert_eq!(letters(&site).await.len(), 3, "what was read, or one's own, is not unread");
}

#[tokio::test]
async fn what_waited_less_than_another_room_is_written_about_when_its_time_comes() {
    let site = site().await;
    let [ann, ben, cem] = site.people().await;
    site.shows_address(ben).await;
    assert_eq!(wants(&site, ben, 60).await, StatusCode::NO_CONTENT);
    let (first, second) = (site.group(&[ann, ben]).await, site.group(&[cem, ben]).await);
    site.clock.advance(1);
    site.say(ann, &first, "at nine").await;
    site.clock.advance(30 * MINUTE);
    site.say(cem, &second, "half an hour later").await;
    let mut sent = Vec::new();
    for _ in 0..4 {
        site.clock.advance(30 * MINUTE);
        site.run_job("chat.digest", "chat").await;
        sent.push(letters(&site).await.len());
    }
    assert_eq!(sent, [1, 2, 2, 2]);
    assert!(letters(&site).await.iter().all(|letter| letter["subject"] == "1 message unread"), "each about its own");
}

#[tokio::test]
async fn what_is_muted_put_away_or_nobodys_is_not_written_about() {
    let site = site().await;
    let [ann, ben, cem, dan] = site.people().await;
    for minutes in [-1, 1, 14, 10_081, i64::MAX] {
        assert_eq!(wants(&site, ben, minutes).await, StatusCode::UNPROCESSABLE_ENTITY, "{minutes}");
    }
    for who in [ben, cem, dan] {
        site.shows_address(who).await;
        assert_eq!(wants(&site, who, 15).await, StatusCode::NO_CONTENT);
    }
    let room = site.group(&[ann, ben, cem, dan]).await;
    let muted = json!({ "muted_until_ms": site.clock.now_ms() + 600 * MINUTE });
    site.ask(Some(ben), Method::PATCH, &format!("/rooms/{room}/mine"), Some(&muted)).await;
    site.ask(Some(cem), Method::PATCH, &format!("/rooms/{room}/mine"), Some(&json!({ "archived": true }))).await;
    site.say(ann, &room, "hello").await;
    site.ctx.identity.ban(Actor::Admin, dan, None, "").await.expect("banned");
    site.clock.advance(20 * MINUTE);
    site.run_job("chat.digest", "chat").await;
    assert!(letters(&site).await.is_empty());
    // Who wants none any more gets none.
    site.ask(Some(ben), Method::PATCH, &format!("/rooms/{room}/mine"), Some(&json!({ "muted_until_ms": 0 }))).await;
    assert_eq!(wants(&site, ben, 0).await, StatusCode::NO_CONTENT);
    site.run_job("chat.digest", "chat").await;
    assert!(letters(&site).await.is_empty());
}

#[tokio::test]
async fn without_mail_nobody_is_promised_a_letter() {
    let site = Site::new().await;
    let ann = site.person(0).await;
    let body = json!({ "mentions_through_mute": true, "digest_after_minutes": 30 });
    let (status, answer) = site.ask(Some(ann), Method::PUT, "/notifications", Some(&body)).await;
    assert_eq!((status, &answer["code"]), (StatusCode::CONFLICT, &json!("mail_off")));
    assert_eq!(wants(&site, ann, 0).await, StatusCode::NO_CONTENT, "and the rest holds");
    site.run_job("chat.digest", "chat").await;
}

#[tokio::test]
async fn no_letter_goes_while_notifications_are_off_and_what_still_waits_is_written_about_after() {
    let site = site().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    site.shows_address(ben).await;
    assert_eq!(wants(&site, ben, 30).await, StatusCode::NO_CONTENT);
    let read = site.say(ann, &room, "read before it is on again").await;
    site.set(json!({ "notifications": false })).await;
    site.clock.advance(40 * MINUTE);
    site.run_job("chat.digest", "chat").await;
    assert!(letters(&site).await.is_empty());
    site.post(ben, &format!("/rooms/{room}/receipts"), json!({ "read": read })).await;
    site.say(ann, &room, "still unread").await;
    site.clock.advance(40 * MINUTE);
    site.set(json!({})).await;
    site.run_job("chat.digest", "chat").await;
    let sent = letters(&site).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0]["subject"], "1 message unread", "of what is read meanwhile nothing");
}
