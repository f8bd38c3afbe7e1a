//! What each stream of the chat sees of the log, and what becomes of it when it comes once more.

use attendance::facts::{Occupied, Vacated};
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use events::{EventType, NewEvent, Query};
use kernel::{Entropy, PersonId};
use serde_json::{Value, json};

use crate::support::Site;

fn fact<F: EventType>(fact: &F, channel: &str) -> NewEvent {
    NewEvent::of("/realtime", fact).subject(Some(channel.to_owned()))
}

fn heard(channel: &str) -> NewEvent {
    fact(&Occupied { channel: channel.to_owned(), at_ms: 1 }, channel)
}

fn unheard(channel: &str, at_ms: i64) -> NewEvent {
    fact(&Vacated { channel: channel.to_owned(), at_ms }, channel)
}

impl Site {
    /// Appends these; the position of each.
    async fn tell(&self, facts: Vec<NewEvent>) -> Vec<i64> {
        let ctx = self.ctx.clone();
        let append = async move |tx: &mut store::Tx| {
            let mut at = Vec::new();
            for fact in facts {
                at.push(ctx.events.append(tx, &ctx.events.check(fact).expect("an event")).await?.position());
            }
            Ok::<_, events::AppendError>(at)
        };
        self.ctx.store.write(append).await.expect("told")
    }

    /// A stretch of the log once more into one subscription, or how much of it that would see.
    async fn replay(&self, subscription: &str, (from, to): (i64, i64), only_count: bool) -> Value {
        let body = json!({ "subscription": subscription, "from": from, "to": to, "dry_run": only_count });
        let request = Request::post("/api/v1/events/replay").header("content-type", "application/json");
        let request = request.header("x-mainspring-console", "1").extension(identity::Caller::Admin);
        let router = events::routes(self.ctx.events.clone()).split_for_parts().0;
        let request = request.body(Body::from(body.to_string())).expect("a request");
        let response = tower::ServiceExt::oneshot(router, request).await.expect("answered");
        let expected = if only_count { StatusCode::OK } else { StatusCode::ACCEPTED };
        assert_eq!(response.status(), expected, "{subscription}");
        let body = http_body_util::BodyExt::collect(response.into_body()).await.expect("a body").to_bytes();
        serde_json::from_slice(&body).expect("JSON")
    }

    /// How many of the events of a stretch a subscription sees.
    async fn sees(&self, subscription: &str, (from, to): (i64, i64)) -> i64 {
        self.replay(subscription, (from, to), true).await["count"].as_i64().expect("a number")
    }

    /// What the log holds of a type: positions, oldest first.
    async fn log_of(&self, kind: &str) -> Vec<i64> {
        let query = Query { kind: Some(kind.to_owned()), limit: 200, ..Query::default() };
        let mut at: Vec<i64> =
            self.ctx.events.list(query).await.expect("listed").iter().map(|row| row.position).collect();
        at.reverse();
        at
    }
}

fn channel(kind: &str, who: PersonId) -> String {
    format!("{kind}:{who}")
}

#[tokio::test]
async fn a_stream_sees_no_type_that_it_does_not_act_upon() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let seq = site.say(ann, &room, "hello").await;
    site.post(ben, &format!("/rooms/{room}/messages/{seq}/reactions"), json!({ "emoji": "👍" })).await;
    site.post(ben, &format!("/rooms/{room}/receipts"), json!({ "read": seq })).await;
    site.ask(Some(ben), Method::PUT, &format!("/rooms/{room}/hidden/{seq}"), None).await;
    site.set(json!({ "max_members": 9 })).await;
    for away in [true, false] {
        site.ask(Some(ben), Method::PATCH, "/status", Some(&json!({ "away": away, "shows_last_seen": away }))).await;
    }
    let avatar = json!({ "person": ann, "avatar": null });
    let avatar = NewEvent::raw("chat.avatar.changed", "/chat", avatar.to_string()).subject(Some(ann.to_string()));
    site.tell(vec![avatar]).await;

    const STREAMS: [&str; 4] = ["chat.carry", "chat.notices", "chat.count", "chat.statuses"];
    for (kind, seen) in [
        ("chat.room.created", [true, true, true, false]),
        ("chat.message.sent", [true, true, true, false]),
        ("chat.reaction.changed", [true, false, true, false]),
        ("chat.receipt.moved", [true, true, false, false]),
        ("chat.message.hidden", [false, true, false, false]),
        ("chat.settings.changed", [false, true, true, false]),
        ("chat.avatar.changed", [false, false, false, false]),
        ("chat.status.changed", [false, false, false, true]),
    ] {
        let at = site.log_of(kind).await;
        assert!(!at.is_empty(), "{kind} happened");
        for position in at {
            for (stream, sees) in STREAMS.iter().zip(seen) {
                assert_eq!(site.sees(stream, (position, position)).await, i64::from(sees), "{stream} of {kind}");
            }
        }
    }
}

#[tokio::test]
async fn of_what_realtime_tells_the_channels_of_people_alone_are_followed() {
    let site = Site::new().await;
    let [ann] = site.people().await;
    let (mine, active) = (channel("chat_me", ann), channel("chat_active", ann));
    let ours = site.tell(vec![heard(&mine), heard(&active), unheard(&active, 5), unheard(&mine, 6)]).await;
    let others = ["chat:room_1", "chat_mention:x", "radio:x", "chat_me"].map(heard).to_vec();
    let others = site.tell(others).await;
    assert_eq!(site.sees("chat.whereabouts", (ours[0], ours[3])).await, 4);
    assert_eq!(site.sees("chat.whereabouts", (others[0], others[3])).await, 0);
}

/// A wave of people is some writes, and everybody of it is told of.
#[tokio::test]
async fn many_who_come_at_once_are_all_there() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let mut ear = site.listen(ann, &format!("chat_typing:{room}"), None).await;
    let crowd: Vec<PersonId> = (0..300).map(|_| PersonId::new(&site.clock, &site.ctx.entropy)).collect();
    let mut wave: Vec<NewEvent> = crowd.iter().map(|who| heard(&channel("chat_me", *who))).collect();
    wave.push(heard(&channel("chat_me", ben)));
    site.tell(wave).await;
    let (_, told) = ear.next().await.expect("open");
    assert_eq!((&told["whereabouts"][0]["person"], &told["whereabouts"][0]["status"]), (&json!(ben), &json!("away")));
    assert_eq!(site.rows("chat_people").await, 301);
    assert_eq!(site.rows("events WHERE type = 'chat.status.changed'").await, 301);
}

#[tokio::test]
async fn what_comes_once_more_puts_nobody_offline_who_is_there_since() {
    let site = Site::new().await;
    let [ann, ben] = site.people().await;
    let room = site.group(&[ann, ben]).await;
    let mut ear = site.listen(ann, &format!("chat_typing:{room}"), None).await;
    let (mine, active) = (channel("chat_me", ben), channel("chat_active", ben));
    let mut at = Vec::new();
    for (facts, status) in [
        (vec![heard(&mine), heard(&active)], "online"),
        (vec![unheard(&active, 5), unheard(&mine, 6)], "offline"),
        (vec![heard(&mine), heard(&active)], "online"),
    ] {
        at.extend(site.tell(facts).await);
        assert_eq!(ear.next().await.expect("open").1["whereabouts"][0]["status"], status);
    }
    let said = site.log_of("chat.status.changed").await;
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let entropy = Entropy::seeded(seed);
    // All of it, its beginning, its middle alone: in whatever order.
    let mut stretches = vec![(at[0], at[5]), (at[0], at[3]), (at[2], at[3]), (at[3], at[3]), (at[2], at[2])];
    for _ in 0..6 {
        let from = entropy.below(6) as usize;
        stretches.push((at[from], at[from + entropy.below(6 - from as u64) as usize]));
    }
    for stretch in stretches {
        site.replay("chat.whereabouts", stretch, false).await;
        site.ended("events.replay").await;
        let whereabouts = site.get(ann, &format!("/rooms/{room}")).await["whereabouts"].clone();
        let bens = whereabouts.as_array().expect("a list").iter().find(|it| it["person"] == json!(ben)).expect("Ben");
        assert_eq!((&bens["status"], &bens["last_seen_at_ms"]), (&json!("online"), &Value::Null), "{stretch:?}");
    }
    assert_eq!(site.log_of("chat.status.changed").await, said, "and nobody is told anything");
    // What is new still counts.
    site.tell(vec![unheard(&active, 8), unheard(&mine, 9)]).await;
    let (_, told) = ear.next().await.expect("open");
    let told = &told["whereabouts"][0];
    assert_eq!((&told["status"], &told["last_seen_at_ms"]), (&json!("offline"), &json!(9)));
}
