//! Acting for another over Socket.IO: every event that its clients may say, by strangers, by members in somebody else's name, and by who
//! is banned or signed out. The events are those that are declared: a new one fails here until it is attacked.

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use identity::people::Actor;
use kernel::id::RoomId;
use kernel::{Entropy, PersonId};
use serde_json::{Map, Value, json};

use crate::sockets::Page;
use crate::support::Site;

/// What could name somebody.
const NAMES: [&str; 20] = [
    "sender",
    "senderId",
    "sender_id",
    "user",
    "userId",
    "user_id",
    "by",
    "from",
    "person",
    "author",
    "owner",
    "member",
    "sub",
    "as",
    "actor",
    "id",
    "sid",
    "client",
    "pid",
    "creator",
];
/// What clients of the predecessor said, and its server told everybody as it was said.
const RELAYED: [&str; 16] = [
    "user-connect",
    "get-online-users",
    "join-room",
    "leave-room",
    "send-message",
    "receive-message",
    "typing",
    "stop-typing",
    "message-updated",
    "message-deleted",
    "reaction-updated",
    "message-read",
    "message-delivered",
    "ping-room",
    "message",
    "publish",
];

/// Says by every name that it is somebody else's word.
fn forged(room: &str, whom: PersonId) -> Value {
    let names = NAMES.map(|name| (name.to_owned(), json!(whom)));
    let rooms = ["room", "roomId", "room_id"].map(|name| (name.to_owned(), json!(room)));
    let said = [("channel".to_owned(), json!(format!("chat:{room}"))), ("content".to_owned(), json!("forged"))];
    Value::Object(names.into_iter().chain(rooms).chain(said).collect::<Map<_, _>>())
}

/// Everything that can be heard of a room, and of a person.
fn channels(site: &Site, room: &str, person: PersonId) -> Vec<String> {
    let all = ["chat", "chat_typing", "chat_seen"].map(|kind| format!("{kind}:{room}"));
    let own = ["chat_me", "chat_active"].map(|kind| format!("{kind}:{person}"));
    let all: Vec<_> = all.into_iter().chain(own).collect();
    // The channel of all, which everybody may hear, is tried in `switches`.
    assert_eq!(all.len() + 1, chat::product().channels(&site.ctx.store).len(), "a kind of channel that nobody tries");
    all
}

/// Every event that clients may say, with its namespace.
fn declared(site: &Site) -> Vec<(Arc<str>, &'static str)> {
    let events = site.ctx.hub.socketio_events();
    assert!(events.contains(&("/".into(), "subscribe")), "{events:?}");
    events
}

/// What is tried of an event, in the name of somebody.
fn tries(event: (&str, &str), channel: &str, room: &str, whom: PersonId) -> Vec<Value> {
    let forged = forged(room, whom);
    match event {
        ("/", "subscribe" | "unsubscribe" | "publish" | "history" | "presence" | "presence_stats") => vec![
            json!([channel]),
            json!([channel, ""]),
            json!([channel, whom]),
            json!([channel, forged]),
            json!([channel, forged.to_string()]),
            json!([channel, "", forged]),
            json!([forged, channel]),
            json!([whom, channel]),
            json!([[channel, whom]]),
        ],
        other => panic!("nobody attacks {other:?}: say here what to try"),
    }
}

/// What there is, as far as anybody could have changed it.
async fn state(site: &Site, who: PersonId, room: &str) -> Value {
    let mut rows = Vec::new();
    for table in [
        "rooms",
        "members",
        "messages",
        "hidden",
        "people",
        "mentions",
        "reactions",
        "pins",
        "replies",
        "log",
        "avatars",
        "faces",
    ] {
        rows.push(site.rows(&format!("chat_{table}")).await);
    }
    let (room, messages) = (format!("/rooms/{room}"), format!("/rooms/{room}/messages"));
    json!([rows, site.get(who, &room).await, site.get(who, &messages).await, site.get(who, "/rooms").await])
}

/// A page that hears all these.
async fn listening(site: &Site, who: PersonId, channels: &[String]) -> Page {
    let mut page = Page::of(site, who, &json!({})).await;
    for channel in channels {
        assert_eq!(page.say("subscribe", &json!([channel])).await.0, "{}", "{channel}");
    }
    page
}

/// Somebody says, writes and reads something: the page hears it on all its channels.
async fn something_happens(site: &Site, who: PersonId, room: &str, page: &mut Page, channels: &[String]) {
    let seq = site.say(who, room, "between us").await;
    for (act, body) in [("typing", json!({ "on": true })), ("receipts", json!({ "read": seq, "delivered": seq }))] {
        assert!(site.post(who, &format!("/rooms/{room}/{act}"), body).await.0.is_success(), "{act}");
    }
    // Nothing is told on the last kind.
    let mut waiting: Vec<_> = channels.iter().filter(|channel| !channel.starts_with("chat_active")).cloned().collect();
    while !waiting.is_empty() {
        let packet = page.next().await;
        assert!(!packet.contains("forged"), "{packet}");
        waiting.retain(|channel| !packet.contains(channel.as_str()));
    }
}

/// An answer, whatever the channel is called, whatever its history is, which is new each time it is empty, and wherever the client is.
fn shape((answer, before): (String, Vec<String>), channel: &str) -> (String, Vec<Value>) {
    let answer = match answer.split_once(r#""epoch":""#) {
        Some((head, rest)) => format!("{head}{}", rest.split_once('"').expect("an end").1),
        None => answer,
    };
    let event = |packet: String| {
        let said: Vec<Value> = serde_json::from_str(&packet["42".len()..]).expect("an event");
        assert_eq!((&said[1], said.len()), (&json!(channel), 3), "{said:?}");
        said[0].clone()
    };
    (answer, before.into_iter().map(event).collect())
}

#[tokio::test]
async fn a_stranger_gets_into_no_room_by_any_event() {
    let site = Site::new().await;
    let [ann, ben, eve] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let theirs = channels(&site, &room, ann);
    let mut anns = listening(&site, ann, &theirs).await;
    // Somebody who is in no room, and nobody at all; both say that they are Ann.
    let says = forged(&room, ann);
    let (unknown, answer) = Page::open(&site, &says).await;
    assert!(answer.starts_with("40{"), "{answer}");
    let mut strangers = [Page::of(&site, eve, &says).await, unknown];
    let ours = site.token(ann).await;
    let unsigned = &ours[..=ours.rfind('.').expect("a signature")];
    for token in [&ann.to_string(), unsigned, &format!("{unsigned}AAAA"), "service", "Bearer"] {
        let mut auth = says.clone();
        auth["token"] = json!(token);
        let (_, answer) = Page::open(&site, &auth).await;
        assert!(answer.starts_with("44{"), "{token}: {answer}");
    }

    let nowhere = RoomId::new(&site.clock, &Entropy::system()).to_string();
    let nobody = PersonId::new(&site.clock, &Entropy::system());
    let elsewhere = channels(&site, &nowhere, nobody);
    let before = state(&site, ann, &room).await;
    for (path, event) in declared(&site) {
        // So much at once is refused of everybody.
        site.clock.advance(1_000);
        for stranger in &mut strangers {
            for (channel, missing) in theirs.iter().zip(&elsewhere) {
                let tried = tries((&*path, event), channel, &room, ann);
                for (args, other) in tried.iter().zip(tries((&*path, event), missing, &nowhere, nobody)) {
                    let found = shape(stranger.say(event, args).await, channel);
                    assert_eq!(found, shape(stranger.say(event, &other).await, missing), "{event} {args}");
                }
            }
        }
    }
    for channel in &theirs {
        assert_eq!(site.ctx.hub.subscribers(channel), 1, "{channel} is heard by Ann alone");
    }
    assert_eq!(state(&site, ann, &room).await, before, "and nothing of all this was done");
    something_happens(&site, ben, &room, &mut anns, &theirs).await;
    for stranger in &mut strangers {
        assert_eq!(stranger.rest().await, [""; 0]);
    }
}

#[tokio::test]
async fn a_member_acts_as_itself_whoever_it_says_it_is() {
    let site = Site::new().await;
    let [ann, ben, cem] = site.people().await;
    let (shared, secret) = (site.group(&[ann, ben]).await, site.group(&[ann, cem]).await);
    let (both, alone) = (channels(&site, &shared, ann), channels(&site, &secret, ann));
    let mut anns = listening(&site, ann, &[both.clone(), alone[..3].to_vec()].concat()).await;
    let mut bens = Page::of(&site, ben, &forged(&secret, ann)).await;
    let before = [state(&site, ann, &shared).await, state(&site, ann, &secret).await];
    for (path, event) in declared(&site) {
        for channel in both.iter().chain(&alone) {
            for args in tries((&*path, event), channel, &secret, ann) {
                bens.say(event, &args).await;
                // Of what both may hear, Ann's ear is her own; what is hers alone has no other.
                let ears = site.ctx.hub.subscribers(channel);
                let may = both[..3].contains(channel);
                assert!(ears == 1 || (may && ears == 2), "{event} {args}: {ears}");
            }
        }
    }
    assert_eq!([state(&site, ann, &shared).await, state(&site, ann, &secret).await], before);
    something_happens(&site, cem, &secret, &mut anns, &alone).await;
    assert_eq!(bens.rest().await, [""; 0]);

    // Who is in by Ann's name would stay in.
    let talk = &both[0];
    bens.say("subscribe", &json!([talk, "", forged(&shared, ann)])).await;
    assert_eq!(site.ctx.hub.subscribers(talk), 2);
    let member = format!("/rooms/{shared}/members/{ben}");
    assert_eq!(site.ask(Some(ann), Method::DELETE, &member, None).await.0, StatusCode::NO_CONTENT);
    bens.hear("unsubscribed").await;
    site.say(ann, &shared, "he is gone").await;
    anns.hear("he is gone").await;
    assert_eq!(bens.rest().await, [""; 0]);
}

#[tokio::test]
async fn what_a_client_says_is_told_to_nobody() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    site.say(ann, &room, "one").await;
    let theirs = channels(&site, &room, ann);
    let mut anns = listening(&site, ann, &theirs).await;
    let mut bens = listening(&site, ben, &theirs[..3]).await;
    let known: Vec<_> = declared(&site).into_iter().map(|(_, event)| event).collect();
    let before = state(&site, ann, &room).await;
    for event in RELAYED.into_iter().filter(|event| !known.contains(event)) {
        for args in [json!([event, forged(&room, ann)]), json!([event, room, ann, 2, "forged"])] {
            assert_eq!(bens.post(&format!("429999{args}")).await, StatusCode::OK);
        }
        assert_eq!(bens.rest().await, [""; 0], "{event} is not even acknowledged");
    }
    assert_eq!(state(&site, ann, &room).await, before);
    assert_eq!(anns.rest().await, [""; 0]);
    something_happens(&site, ben, &room, &mut anns, &theirs).await;
}

#[tokio::test]
async fn who_is_banned_or_signed_out_does_nothing_by_any_event_any_more() {
    let site = Site::new().await;
    for (n, banned) in [(0, true), (10, false)] {
        let [ann, ben] = [site.person(n).await, site.person(n + 1).await];
        let room = site.group(&[ann, ben]).await;
        let (heard, own) = (channels(&site, &room, ann), channels(&site, &room, ben));
        let mut anns = listening(&site, ann, &heard).await;
        let token = json!({ "token": site.token(ben).await });
        let bens = listening(&site, ben, &own).await;
        let end = async {
            let identity = &site.ctx.identity;
            let ended = match banned {
                true => identity.ban(Actor::Admin, ben, None, "spam").await,
                false => identity.sign_out_everywhere(Actor::Admin, ben).await,
            };
            ended.expect("done");
            site.ctx.hub.ask_again(&ben.to_string()).await;
        };
        let (farewell, ()) = tokio::join!(bens.poll(), end);
        assert_eq!(farewell, (StatusCode::OK, if banned { "41\x1e1" } else { "1" }.to_owned()));
        let before = state(&site, ann, &room).await;
        for (path, event) in declared(&site) {
            for args in own.iter().flat_map(|channel| tries((&*path, event), channel, &room, ben)) {
                let Value::Array(args) = args else { panic!("a list") };
                let said = Value::Array([vec![json!(event)], args].concat());
                assert_eq!(bens.post(&format!("421{said}")).await, StatusCode::BAD_REQUEST, "{said}");
            }
        }
        let (_, refused) = Page::open(&site, &token).await;
        assert!(refused.starts_with("44{"), "{refused}");
        assert_eq!(state(&site, ann, &room).await, before);
        for (channel, ears) in own.iter().zip([1, 1, 1, 0, 0]) {
            assert_eq!(site.ctx.hub.subscribers(channel), ears, "{channel}");
        }
        something_happens(&site, ann, &room, &mut anns, &heard[..3]).await;
        assert_eq!(bens.poll().await.0, StatusCode::BAD_REQUEST);
    }
}
