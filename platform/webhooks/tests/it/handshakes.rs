//! Questions of senders: answered exactly as they expect, once verified, and never an event.

use axum::body::Body;
use axum::http::{HeaderMap, Request};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::json;

use crate::support::{Answer, Bed, START_MS, call};

/// The public half of the key that signs here, as in the vector of Discord.
pub(crate) const DISCORD_KEY: &str = "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8";

/// What Discord would send.
pub(crate) fn discord(body: &str, at_s: i64) -> HeaderMap {
    let seed: [u8; 32] = std::array::from_fn(|n| n as u8);
    let signature = SigningKey::from_bytes(&seed).sign(format!("{at_s}{body}").as_bytes());
    let pairs = [
        ("content-type", "application/json".to_owned()),
        ("x-signature-timestamp", at_s.to_string()),
        ("x-signature-ed25519", hex::encode(signature.to_bytes())),
    ];
    pairs.into_iter().map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value"))).collect()
}

async fn with_discord(sender: &str) -> Bed {
    let bed = Bed::new().await;
    bed.source(json!({"name": sender, "sender": sender, "secret": DISCORD_KEY})).await;
    bed
}

fn json_headers() -> HeaderMap {
    HeaderMap::from_iter([("content-type".parse().expect("a name"), "application/json".parse().expect("a value"))])
}

#[tokio::test]
async fn slack_is_answered_with_its_challenge_when_it_signed_it() {
    let bed = Bed::new().await;
    bed.source(json!({"name": "slack", "sender": "slack", "secret": "8f742231b10e8888abcd99yyyzzz85a5"})).await;
    let body = json!({"type":"url_verification","token":"t","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"});
    let answer = bed.send_to("slack", "", "", &body.to_string()).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, body["challenge"].as_str().expect("a challenge")));
    assert!(answer.headers["content-type"].to_str().expect("text").starts_with("text/plain"));
    let forged = bed.post("/in/slack", json_headers(), body.to_string()).await;
    assert_eq!(forged.status, 401);
    assert!(!forged.text.contains("3eZbrw"), "nobody is answered before he is known");
    assert_eq!(bed.events_count().await, 0);
    assert_eq!(bed.deliveries().await.len(), 1, "the forgery alone is recorded");
}

#[tokio::test]
async fn slack_commands_and_interactions_come_as_forms_and_get_an_empty_answer() {
    let bed = Bed::new().await;
    bed.source(json!({"name": "slack-support", "sender": "slack", "secret": "8f742231b10e8888abcd99yyyzzz85a5"})).await;
    let forms = [
        ("command=%2Fdeploy&text=now&team_id=T1&channel_id=C1&trigger_id=1.2.a", "slack.command", "C1"),
        (
            "payload=%7B%22type%22%3A%22view_submission%22%2C%22trigger_id%22%3A%22x%22%2C%22team%22%3A%7B%22id%22%3A%22T1%22%7D%7D",
            "slack.view_submission",
            "T1",
        ),
    ];
    for (form, kind, about) in forms {
        let draft = webhooks::Draft { id: "", kind: "", now_ms: START_MS, body: form.as_bytes() };
        let mut headers = bed.sources.sign("slack-support", &draft).expect("signed");
        headers.insert("content-type", "application/x-www-form-urlencoded".parse().expect("a value"));
        let answer = bed.post("/in/slack-support", headers, form).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
        let row = bed.last().await;
        assert_eq!((row.event_type.as_deref(), row.subject.as_deref()), (Some(kind), Some(about)));
    }
}

#[tokio::test]
async fn discords_interactions_are_ponged_and_bad_signatures_are_401() {
    let bed = with_discord("discord").await;
    let now_s = START_MS / 1000;
    let pong = bed.post("/in/discord", discord(r#"{"type":1}"#, now_s), r#"{"type":1}"#).await;
    assert_eq!((pong.status.as_u16(), pong.text.as_str()), (200, r#"{"type":1}"#));
    assert_eq!(pong.headers["content-type"], "application/json");
    let forged = bed.post("/in/discord", discord(r#"{"type":1} "#, now_s), r#"{"type":1}"#).await;
    assert_eq!(forged.status, 401);
    let stale = bed.post("/in/discord", discord(r#"{"type":1}"#, now_s - 301), r#"{"type":1}"#).await;
    assert_eq!(stale.status, 401);
    let command = r#"{"type":2,"id":"1","guild_id":"G","data":{"name":"help"}}"#;
    let answer = bed.post("/in/discord", discord(command, now_s), command).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, ""), "the answer goes through the callback");
    let row = bed.last().await;
    assert_eq!(
        (row.event_type.as_deref(), row.delivery_id.as_deref()),
        (Some("discord.application_command"), Some("1"))
    );
}

#[tokio::test]
async fn discords_events_are_answered_with_204_and_nothing() {
    let bed = with_discord("discord-events").await;
    let now_s = START_MS / 1000;
    let ping = r#"{"version":1,"application_id":"1","type":0}"#;
    let answer = bed.post("/in/discord-events", discord(ping, now_s), ping).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    assert_eq!(bed.events_count().await, 0);
    let event = r#"{"version":1,"type":1,"event":{"type":"ENTITLEMENT_CREATE","timestamp":"x","data":{}}}"#;
    for (apart_s, verdict) in [(0, "accepted"), (1, "duplicate")] {
        let answer = bed.post("/in/discord-events", discord(event, now_s + apart_s), event).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        assert_eq!(bed.last().await.verdict, verdict, "sent again under a new time it is the same event");
    }
    assert_eq!(bed.last().await.event_type.as_deref(), Some("discord.entitlement_create"));
}

#[tokio::test]
async fn twitchs_callback_is_confirmed_and_a_revocation_is_an_event() {
    let bed = Bed::new().await;
    bed.source(json!({"name": "twitch", "sender": "twitch"})).await;
    let ask = json!({"challenge":"pogchamp-kappa-360noscope","subscription":{"status":"webhook_callback_verification_pending","type":"channel.follow"}});
    let answer = bed.send_to("twitch", "m-1", "", &ask.to_string()).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "pogchamp-kappa-360noscope"));
    assert!(answer.headers["content-type"].to_str().expect("text").starts_with("text/plain"));
    assert_eq!(bed.post("/in/twitch", json_headers(), ask.to_string()).await.status, 401);
    let revoked = json!({"subscription":{"status":"authorization_revoked","type":"channel.follow","condition":{"broadcaster_user_id":"7"}}});
    let answer = bed.send_to("twitch", "m-2", "", &revoked.to_string()).await;
    assert_eq!(answer.status, 204);
    let row = bed.last().await;
    assert_eq!((row.event_type.as_deref(), row.subject.as_deref()), (Some("twitch.revocation"), Some("7")));
}

async fn ask_hub(bed: &Bed, query: &str) -> Answer {
    call(&bed.door, Request::get(format!("/in/youtube?{query}")).body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn a_hub_is_confirmed_only_what_was_asked_for() {
    let bed = Bed::new().await;
    bed.source(json!({"name": "youtube", "sender": "youtube"})).await;
    let topic = "https://www.youtube.com/xml/feeds/videos.xml?channel_id=UC1";
    let query = |mode: &str| {
        format!(
            "hub.mode={mode}&hub.challenge=c-1&hub.lease_seconds=432000&hub.topic={}",
            topic.replace('?', "%3F").replace('=', "%3D")
        )
    };
    assert_eq!(ask_hub(&bed, &query("subscribe")).await.status, 404, "nobody asked");
    let asked = bed.change("POST", "/sources/youtube/topics", &json!({"topic": topic})).await;
    assert_eq!(asked.status, 204, "{}", asked.text);
    assert_eq!(ask_hub(&bed, &query("unsubscribe")).await.status, 404, "the end was not asked for");
    assert_eq!(ask_hub(&bed, &query("dance")).await.status, 404);
    let answer = ask_hub(&bed, &query("subscribe")).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, "c-1"));
    let topics = bed.get("/api/v1/webhooks/sources/youtube/topics").await.body;
    assert_eq!(
        (topics["items"][0]["state"].as_str(), topics["items"][0]["lease_until_ms"].as_i64()),
        (Some("active"), Some(START_MS + 432_000_000))
    );
    bed.change("POST", "/sources/youtube/topics", &json!({"topic": topic, "end": true})).await;
    assert_eq!(ask_hub(&bed, &query("unsubscribe")).await.status, 200);
    assert_eq!(ask_hub(&bed, &query("unsubscribe")).await.status, 404);
    assert_eq!(ask_hub(&bed, "").await.body["source"], "youtube", "a person who looks is told that it is there");
}

#[tokio::test]
async fn a_feed_becomes_an_event_and_a_wrong_signature_is_ignored_with_a_success() {
    let bed = Bed::new().await;
    bed.source(json!({"name": "youtube", "sender": "youtube"})).await;
    let feed = r#"<feed xmlns:yt="http://www.youtube.com/xml/schemas/2015" xmlns="http://www.w3.org/2005/Atom"><entry>
        <yt:videoId>V</yt:videoId><yt:channelId>UC1</yt:channelId><title>T</title><updated>2026-01-01T00:00:00+00:00</updated></entry></feed>"#;
    for verdict in ["accepted", "duplicate"] {
        let answer = bed.send_to("youtube", "", "", feed).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        let row = bed.last().await;
        assert_eq!(
            (row.verdict.as_str(), row.event_type.as_deref(), row.subject.as_deref()),
            (verdict, Some("youtube.video"), Some("UC1"))
        );
    }
    let mut headers = HeaderMap::new();
    headers.insert("content-type", "application/atom+xml".parse().expect("a value"));
    headers.insert("x-hub-signature", format!("sha1={}", "0".repeat(40)).parse().expect("a value"));
    let ignored = bed.post("/in/youtube", headers, feed.replace('V', "W")).await;
    assert_eq!((ignored.status.as_u16(), ignored.text.as_str()), (202, ""));
    assert_eq!((bed.events_count().await, bed.last().await.cause.as_deref()), (1, Some("VERIFICATION_FAILED")));
}
