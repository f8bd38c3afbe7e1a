//! Subscriptions that a token of their own opens, keeps open and ends.

use std::collections::HashSet;
use std::sync::Arc;

use bus::Bus;
use kernel::{Clock, Entropy};
use parking_lot::Mutex;
use realtime::Namespace;
use serde_json::{Value, json};

use crate::guarded::Doors;
use crate::notary::{Notary, sealed};
use crate::support::{Client, Server};

pub(crate) const START_S: i64 = 1_700_000_000;

pub(crate) struct House {
    pub(crate) server: Server,
    clock: Clock,
}

impl House {
    pub(crate) async fn new() -> Self {
        let clock = Clock::manual(START_S * 1_000);
        let bus = Bus::memory(clock.clone(), &Entropy::system());
        let doors = || Arc::new(Doors(Mutex::new(HashSet::from(["key"]))));
        let namespaces = [
            Namespace::public("only").history(10, u64::MAX).presence().opened_by_tokens_alone(),
            Namespace::public("both").history(10, u64::MAX).guarded(doors()).opened_by_tokens(),
            Namespace::public("rooms").history(10, u64::MAX).guarded(doors()),
        ];
        let server = Server::behind(Arc::new(Notary(clock.clone())), clock.clone(), bus, namespaces).await;
        for channel in ["only:a", "both:a", "rooms:a"] {
            server.publish(channel, json!(1)).await;
        }
        Self { server, clock }
    }

    /// With its name among clients.
    async fn ann(&self) -> (Client, String) {
        let mut client = self.server.open().await;
        let reply = client.ask(json!({ "connect": { "token": sealed(&json!({ "sub": "ann" })) } })).await;
        (client, reply["connect"]["client"].as_str().expect("a name").to_owned())
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance(seconds * 1_000);
        self.server.hub.tick();
    }
}

fn subscribe(channel: &str, token: &str) -> Value {
    json!({ "subscribe": { "channel": channel, "token": token } })
}

pub(crate) fn ticket(channel: &str, more: &Value) -> String {
    let mut claims = json!({ "sub": "ann", "channel": channel });
    claims.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    sealed(&claims)
}

#[tokio::test]
async fn a_token_opens_its_channel_to_its_user() {
    let house = House::new().await;
    let (mut client, name) = house.ann().await;
    let more = json!({ "exp": START_S + 60, "client": name, "info": { "a": 1 }, "data": [2] });
    let reply = client.ask(subscribe("only:a", &ticket("only:a", &more))).await["subscribe"].take();
    assert_eq!((&reply["offset"], &reply["expires"], &reply["ttl"]), (&json!(1), &json!(true), &json!(60)), "{reply}");
    assert_eq!(reply["data"], json!([2]));
    let there = client.ask(json!({ "presence": { "channel": "only:a" } })).await["presence"]["presence"].take();
    assert_eq!(there[&name]["chan_info"], json!({ "a": 1 }), "{there}");
    let once = ticket("both:a", &json!({ "exp": START_S + 60, "expire_at": 0 }));
    let reply = client.ask(subscribe("both:a", &once)).await["subscribe"].take();
    assert!(reply["offset"] == 1 && reply["expires"].is_null(), "looked at once: {reply}");
    house.server.hub.recheck("both:a").await;
    assert_eq!(house.server.hub.subscribers("both:a"), 1, "its guard was never asked");
}

#[tokio::test]
async fn a_token_is_good_for_one_thing() {
    let house = House::new().await;
    for (mut more, channel) in [
        (json!({ "sub": "bob" }), "only:a"),
        (json!({ "sub": "" }), "only:a"),
        (json!({}), "only:b"),
        (json!({ "client": "somebody else" }), "only:a"),
        (json!({ "sub": "bob" }), "both:a"),
    ] {
        let (mut client, _) = house.ann().await;
        more["exp"] = json!(START_S + 60);
        let of = if channel == "only:b" { "only:a" } else { channel };
        client
            .send(json!({ "id": 7, "subscribe": { "channel": channel, "token": ticket(of, &more) } }).to_string())
            .await;
        assert_eq!(client.closed().await.0, 3500, "{more} on {channel}");
    }
    let (mut client, _) = house.ann().await;
    let connection = sealed(&json!({ "sub": "ann", "channels": ["only:a"] }));
    for (token, code) in [
        ("", 103),
        ("forged", 103),
        (connection.as_str(), 103),
        (&ticket("only:a", &json!({ "exp": START_S })), 109),
        (&ticket("only:a", &json!({ "exp": START_S + 60, "expire_at": START_S })), 110),
    ] {
        assert_eq!(client.error(subscribe("only:a", token)).await, code, "{token}");
    }
    assert_eq!(client.error(subscribe("plain:a", &ticket("plain:a", &json!({})))).await, 103, "it takes no tokens");
    assert_eq!(house.server.hub.subscribers("only:a"), 0);
    let mut stranger = house.server.open().await;
    stranger.send(json!({ "id": 1, "connect": { "token": ticket("only:a", &json!({})) } }).to_string()).await;
    assert_eq!(stranger.closed().await.0, 3500, "a subscription's token lets nobody in");
    let mut nobody = house.server.connect().await;
    nobody
        .send(
            json!({ "id": 9, "subscribe": { "channel": "only:a", "token": ticket("only:a", &json!({})) } }).to_string(),
        )
        .await;
    assert_eq!(nobody.closed().await.0, 3500, "nor is it good in other hands");
}

#[tokio::test]
async fn a_guards_own_tokens_are_the_guards() {
    let house = House::new().await;
    let (mut client, _) = house.ann().await;
    assert_eq!(client.ask(subscribe("both:a", "key")).await["subscribe"]["offset"], 1);
    assert_eq!(client.ask(subscribe("rooms:a", "key")).await["subscribe"]["offset"], 1);
    client.ask(json!({ "unsubscribe": { "channel": "rooms:a" } })).await;
    let outside = client.ask(subscribe("rooms:a", &ticket("rooms:a", &json!({})))).await;
    assert!(outside["subscribe"]["offset"].is_null(), "it means nothing to this guard: {outside}");
    assert_eq!(client.error(json!({ "sub_refresh": { "channel": "rooms:x", "token": "key" } })).await, 103);
    client.send(json!({ "id": 70, "sub_refresh": { "channel": "rooms:a", "token": "key" } }).to_string()).await;
    assert_eq!(client.closed().await.0, 3500);
}

#[tokio::test]
async fn a_subscription_ends_unless_its_token_is_refreshed() {
    let house = House::new().await;
    let (mut client, _) = house.ann().await;
    let until = |seconds: i64| ticket("only:a", &json!({ "exp": START_S + seconds }));
    client.ask(subscribe("only:a", &until(60))).await;
    house.pass(50);
    let refresh = |token: &str| json!({ "sub_refresh": { "channel": "only:a", "token": token } });
    let reply = client.ask(refresh(&until(120))).await;
    assert_eq!(reply["sub_refresh"], json!({ "expires": true, "ttl": 70 }), "{reply}");
    for (token, code) in [
        (String::new(), 107),
        (until(50), 110),
        (ticket("only:a", &json!({ "exp": START_S + 300, "expire_at": START_S + 50 })), 110),
    ] {
        assert_eq!(client.error(refresh(&token)).await, code, "{token}");
    }
    house.pass(94);
    house.server.publish("only:a", json!(2)).await;
    assert_eq!(client.next().await["push"]["pub"]["offset"], 2, "within the grace");
    house.pass(1);
    let push = client.next().await["push"].take();
    assert_eq!(push["unsubscribe"], json!({ "code": 2501, "reason": "subscription expired" }), "{push}");
    assert_eq!(house.server.hub.subscribers("only:a"), 0);
    assert_eq!(client.error(refresh(&until(900))).await, 103, "not subscribed");
    client.ask(subscribe("only:a", &until(300))).await;
    let forever = ticket("only:a", &json!({ "exp": START_S + 300, "expire_at": 0 }));
    assert_eq!(client.ask(refresh(&forever)).await["sub_refresh"], json!({}));
    house.pass(1_000);
    house.server.publish("only:a", json!(3)).await;
    assert_eq!(client.next().await["push"]["pub"]["offset"], 3, "for as long as the connection");
    let other = sealed(&json!({ "sub": "bob", "channel": "only:a", "exp": START_S + 9_000 }));
    client.send(json!({ "id": 99, "sub_refresh": { "channel": "only:a", "token": other } }).to_string()).await;
    assert_eq!(client.closed().await.0, 3500);
}

#[tokio::test]
async fn one_that_was_left_does_not_end_another_later() {
    let house = House::new().await;
    let (mut client, _) = house.ann().await;
    let until = |seconds: i64| ticket("only:a", &json!({ "exp": START_S + seconds }));
    client.ask(subscribe("only:a", &until(10))).await;
    client.ask(json!({ "unsubscribe": { "channel": "only:a" } })).await;
    client.ask(subscribe("only:a", &until(500))).await;
    house.pass(100);
    house.server.publish("only:a", json!(2)).await;
    assert_eq!(client.next().await["push"]["pub"]["offset"], 2);
}

#[tokio::test]
async fn a_reader_of_plain_events_shows_one_too() {
    let house = House::new().await;
    let read = async |channel: &str, token: &str| {
        // Nobody stands at the door: what is for nobody in particular is theirs.
        let token = percent(token);
        house.server.events(&format!("{channel}/events?last_event_id=0@x&token={token}"), &[]).await
    };
    let nobodys = |more: Value| {
        let mut claims = json!({ "sub": "", "channel": "only:a", "exp": START_S + 60 });
        claims.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        sealed(&claims)
    };
    let mut events = read("only:a", &nobodys(json!({}))).await;
    assert_eq!(events.status(), 200, "{}", events.head);
    events.event().await;
    house.server.publish("only:a", json!(2)).await;
    assert!(events.event().await.ends_with("data: 2"));
    for (token, status) in [
        (String::new(), 403),
        ("forged".to_owned(), 403),
        (sealed(&json!({ "channels": ["only:a"] })), 403),
        (nobodys(json!({ "sub": "ann" })), 403),
        (nobodys(json!({ "channel": "only:b" })), 403),
        (nobodys(json!({ "client": "somebody" })), 403),
        (nobodys(json!({ "exp": START_S })), 401),
        (nobodys(json!({ "expire_at": START_S })), 401),
    ] {
        assert_eq!(read("only:a", &token).await.status(), status, "{token}");
    }
    let guarded = sealed(&json!({ "sub": "", "channel": "both:a", "exp": START_S + 60 }));
    let mut second = read("both:a", &guarded).await;
    second.event().await;
    house.server.hub.recheck("both:a").await;
    assert_eq!(house.server.hub.subscribers("both:a"), 1, "its guard was never asked");
    house.pass(61);
    house.server.hub.tick();
    // It cannot be refreshed, and ends on time. A beat may have been on the way.
    for mut reader in [events, second] {
        while let Some(event) = reader.next().await {
            assert!(!event.contains("data:"), "{event}");
        }
    }
}

pub(crate) fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
