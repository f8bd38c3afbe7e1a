//! Whom an edit mentions: told of it by itself, whatever was told before.

use axum::http::{Method, StatusCode};
use kernel::{PersonId, limits};
use serde_json::{Value, json};

use crate::pushes::Street;

async fn edit(street: &Street, who: PersonId, room: &str, seq: i64, content: &str) {
    let path = format!("/rooms/{room}/messages/{seq}");
    let (status, answer) = street.site.ask(Some(who), Method::PATCH, &path, Some(&json!({ "content": content }))).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

/// What a push is about, in a word each.
fn about(news: &Value) -> (&Value, &Value, &Value, &Value) {
    (&news["type"], &news["seq"], &news["content"], &news["mentions_you"])
}

#[tokio::test]
async fn whom_an_edit_mentions_is_told_and_nobody_else() {
    let mut street = Street::new().await;
    let [ann, ben, cem] = street.site.people().await;
    let room = street.site.group(&[ann, ben, cem]).await;
    let browser = street.browser(ben).await;
    let seq = street.site.say(ann, &room, "who comes?").await;
    street.soon().await;
    browser.read(&street.service.next().await);
    street.browser(cem).await;
    edit(&street, ann, &room, seq, "who comes, @Ben?").await;
    street.soon().await;
    let push = street.service.next().await;
    assert_eq!(push.header("urgency"), "high");
    let news = browser.read(&push);
    assert_eq!(about(&news), (&json!("mention"), &json!(seq), &json!("who comes, @Ben?"), &json!(true)));
    // Mentioned as before; and one who has read it.
    street.site.post(cem, &format!("/rooms/{room}/receipts"), json!({ "read": seq })).await;
    edit(&street, ann, &room, seq, "who comes, @Ben and @Cem?").await;
    street.quiet().await;
    assert!(street.service.seen().is_empty());
}

#[tokio::test]
async fn an_edit_under_newer_messages_is_told_of_its_own_message() {
    let mut street = Street::new().await;
    let [ann, ben] = street.site.people().await;
    let room = street.site.group(&[ann, ben]).await;
    let browser = street.browser(ben).await;
    let old = street.site.say(ann, &room, "who comes?").await;
    let newer = street.site.say(ann, &room, "at four").await;
    street.soon().await;
    let first = browser.read(&street.service.next().await);
    assert_eq!(about(&first), (&json!("message"), &json!(newer), &json!("at four"), &json!(false)));
    edit(&street, ann, &room, old, "who comes, @Ben?").await;
    // What comes at the same time is told too: neither is told instead of the other.
    let newest = street.site.say(ann, &room, "with cake").await;
    street.soon().await;
    let mut news = [browser.read(&street.service.next().await), browser.read(&street.service.next().await)];
    news.sort_by_key(|it| it["seq"].as_i64());
    assert_eq!(about(&news[0]), (&json!("mention"), &json!(old), &json!("who comes, @Ben?"), &json!(true)));
    assert_eq!(about(&news[1]), (&json!("message"), &json!(newest), &json!("with cake"), &json!(false)));
    // Long after the message, and soon after the edit, it is news.
    street.site.clock.advance(limits::CHAT_PUSH_NEWS_MS);
    edit(&street, ann, &room, newer, "at five, @Ben").await;
    street.soon().await;
    let late = browser.read(&street.service.next().await);
    assert_eq!(about(&late), (&json!("mention"), &json!(newer), &json!("at five, @Ben"), &json!(true)));
    street.quiet().await;
    assert!(street.service.seen().is_empty());
}

#[tokio::test]
async fn a_mention_that_is_taken_back_muted_or_deleted_is_told_to_nobody() {
    let mut street = Street::new().await;
    let [ann, ben] = street.site.people().await;
    let room = street.site.group(&[ann, ben]).await;
    let one = street.site.say(ann, &room, "one").await;
    let two = street.site.say(ann, &room, "two").await;
    street.quiet().await;
    let browser = street.browser(ben).await;
    edit(&street, ann, &room, one, "one, @Ben").await;
    edit(&street, ann, &room, one, "one for nobody").await;
    edit(&street, ann, &room, two, "two, @Ben").await;
    street.site.ask(Some(ann), Method::DELETE, &format!("/rooms/{room}/messages/{two}"), None).await;
    street.quiet().await;
    assert!(street.service.seen().is_empty());
    // A mute holds back a mention by an edit too, unless its owner wants to hear of those.
    let muted = json!({ "muted_until_ms": street.site.clock.now_ms() + 10 * limits::CHAT_PUSH_NEWS_MS });
    street.site.ask(Some(ben), Method::PATCH, &format!("/rooms/{room}/mine"), Some(&muted)).await;
    edit(&street, ann, &room, one, "muted, @Ben").await;
    street.quiet().await;
    assert!(street.service.seen().is_empty());
    let wanted = json!({ "mentions_through_mute": true, "digest_after_minutes": 0 });
    street.site.ask(Some(ben), Method::PUT, "/notifications", Some(&wanted)).await;
    edit(&street, ann, &room, one, "muted, for nobody").await;
    edit(&street, ann, &room, one, "wanted, @Ben").await;
    street.soon().await;
    assert_eq!(browser.read(&street.service.next().await)["content"], "wanted, @Ben");
}
