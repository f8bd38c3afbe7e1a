//! What the server subscribes clients to, by their tokens and by a product's word, and what tokens let them do.

use std::collections::HashSet;
use std::sync::Arc;

use bus::Bus;
use kernel::{Clock, Entropy};
use parking_lot::Mutex;
use realtime::doorman::Terms;
use realtime::{Namespace, Refused};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::guarded::{Doors, Slow};
use crate::notary::{Notary, sealed};
use crate::support::{Client, Server};

const START_MS: i64 = 1_700_000_000_000;

struct House {
    server: Server,
    clock: Clock,
    bus: Bus,
}

/// `rooms` has a guard, `both` a guard and tokens, `only` opens by tokens alone.
fn namespaces() -> Vec<Namespace> {
    let doors = || Arc::new(Doors(Mutex::new(HashSet::from(["key"]))));
    vec![
        Namespace::public("rooms").history(10, u64::MAX).presence().guarded(doors()),
        Namespace::public("both").history(10, u64::MAX).presence().guarded(doors()).opened_by_tokens(),
        Namespace::public("only").history(10, u64::MAX).presence().join_leave().opened_by_tokens_alone(),
    ]
}

impl House {
    async fn new() -> Self {
        let clock = Clock::manual(START_MS);
        let bus = Bus::memory(clock.clone(), &Entropy::system());
        let server = Server::behind(Arc::new(Notary(clock.clone())), clock.clone(), bus.clone(), namespaces()).await;
        Self { server, clock, bus }
    }

    /// Another process on the same bus.
    async fn another(&self) -> Server {
        let notary = Arc::new(Notary(self.clock.clone()));
        Server::behind(notary, self.clock.clone(), self.bus.clone(), namespaces()).await
    }

    async fn connected(&self, claims: Value) -> (Client, Value) {
        connected(&self.server, &claims, json!({})).await
    }
}

async fn connected(server: &Server, claims: &Value, subs: Value) -> (Client, Value) {
    let mut client = server.open().await;
    let mut reply = client.ask(json!({ "connect": { "token": sealed(claims), "subs": subs } })).await;
    assert!(reply["connect"].is_object(), "{reply}");
    (client, reply["connect"].take())
}

#[tokio::test]
async fn a_token_names_what_its_client_hears_and_the_client_resumes_it() {
    let house = House::new().await;
    house.server.publish("news:a", json!(1)).await;
    let claims = json!({ "sub": "ann", "channels": ["news:a", "plain:b"],
        "subs": { "only:c": { "data": { "hello": 1 }, "info": "red" } } });
    let (mut client, connected_as) = house.connected(claims.clone()).await;
    let subs = &connected_as["subs"];
    assert_eq!(subs.as_object().expect("subs").len(), 3, "{subs}");
    assert_eq!((&subs["news:a"]["offset"], &subs["news:a"]["recoverable"]), (&json!(1), &json!(true)));
    assert_eq!((&subs["plain:b"], &subs["only:c"]["data"]), (&json!({}), &json!({ "hello": 1 })));
    let epoch = subs["news:a"]["epoch"].clone();
    house.server.publish("news:a", json!(2)).await;
    assert_eq!(client.next().await["push"], json!({ "channel": "news:a", "pub": { "data": 2, "offset": 2 } }));
    let shown = client.ask(json!({ "presence": { "channel": "only:c" } })).await["presence"]["presence"].take();
    assert_eq!(shown[connected_as["client"].as_str().expect("a name")]["chan_info"], "red", "{shown}");
    assert_eq!(client.error(json!({ "subscribe": { "channel": "news:a" } })).await, 105, "the server has done it");
    drop(client);

    house.server.publish("news:a", json!(3)).await;
    let position =
        json!({ "news:a": { "recover": true, "offset": 2, "epoch": epoch }, "rooms:x": { "recover": true } });
    let (mut client, connected_as) = connected(&house.server, &claims, position).await;
    let news = &connected_as["subs"]["news:a"];
    assert_eq!((&news["recovered"], &news["was_recovering"], &news["offset"]), (&json!(true), &json!(true), &json!(2)));
    assert_eq!(news["publications"], json!([{ "data": 3, "offset": 3 }]));
    assert!(connected_as["subs"]["rooms:x"].is_null(), "what a client resumes it must have been given");
    house.server.publish("news:a", json!(4)).await;
    assert_eq!(client.next().await["push"]["pub"]["offset"], 4);
    let lost = json!({ "news:a": { "recover": true, "offset": 2, "epoch": "other" } });
    let (_client, connected_as) = connected(&house.server, &claims, lost).await;
    let news = &connected_as["subs"]["news:a"];
    assert!(news["recovered"].is_null() && news["offset"] == 4 && news["was_recovering"] == true, "{news}");
}

#[tokio::test]
async fn a_token_opens_only_what_namespaces_let_tokens_open() {
    let house = House::new().await;
    house.server.publish("rooms:secret", json!("secret")).await;
    house.server.publish("both:secret", json!("both")).await;
    let named = ["rooms:secret", "rooms:x:open", "ops:a", "nowhere:a", "both:secret", "only:a", "bare"];
    let caps = json!([{ "channels": ["*"], "match": "wildcard", "allow": ["sub", "pub", "prs", "hst"] }]);
    let claims = json!({ "sub": "ann", "channels": named, "caps": caps });
    let (mut client, connected_as) = house.connected(claims).await;
    let subs: Vec<_> = connected_as["subs"].as_object().expect("subs").keys().cloned().collect();
    assert_eq!(subs, ["both:secret", "only:a", "rooms:x:open"], "the guard has the last word where tokens have none");
    for channel in ["rooms:secret", "rooms:x"] {
        assert!(client.subscribe(channel).await["offset"].is_null(), "outside, and not told so");
        let history = client.ask(json!({ "history": { "channel": channel, "limit": 9 } })).await;
        assert_eq!(history["history"]["publications"], json!([]), "{history}");
        assert_eq!(client.error(json!({ "publish": { "channel": channel, "data": 1 } })).await, 103);
    }
    assert_eq!(
        client.error(json!({ "subscribe": { "channel": "ops:a" } })).await,
        103,
        "nobody administers by a token"
    );
    assert_eq!(house.server.hub.subscribers("rooms:secret"), 0);
}

#[tokio::test]
async fn a_refresh_that_gives_something_else_is_a_new_beginning() {
    let house = House::new().await;
    let claims = |channels: &[&str]| json!({ "sub": "ann", "channels": channels, "exp": START_MS / 1_000 + 600 });
    for (before, after) in [(vec!["only:a"], vec![]), (vec![], vec!["only:a"])] {
        let (mut client, _) = house.connected(claims(&before)).await;
        let same = client.ask(json!({ "refresh": { "token": sealed(&claims(&before)) } })).await;
        assert!(same["refresh"].is_object(), "{same}");
        client.send(json!({ "id": 9, "refresh": { "token": sealed(&claims(&after)) } }).to_string()).await;
        assert_eq!(client.closed().await, (3014, "state invalidated".to_owned()));
    }
}

#[tokio::test]
async fn caps_give_each_right_alone() {
    let house = House::new().await;
    house.server.publish("only:a", json!(1)).await;
    let (mut nobody, _) = house.connected(json!({ "sub": "bob" })).await;
    let (mut other, _) = house.connected(json!({ "sub": "cem", "channels": ["only:b"] })).await;
    let commands = |channel: &str| {
        [
            json!({ "subscribe": { "channel": channel } }),
            json!({ "publish": { "channel": channel, "data": 2 } }),
            json!({ "presence": { "channel": channel } }),
            json!({ "history": { "channel": channel, "limit": 5 } }),
        ]
    };
    for command in commands("only:a") {
        assert_eq!(nobody.error(command.clone()).await, 103, "{command}");
        assert_eq!(other.error(command.clone()).await, 103, "{command}");
    }
    for (at, allow) in ["sub", "pub", "prs", "hst"].into_iter().enumerate() {
        let caps = json!([{ "channels": ["^only:a$"], "match": "regex", "allow": [allow] }]);
        let (mut client, _) = house.connected(json!({ "sub": "ann", "caps": caps })).await;
        let given = &commands("only:a")[at];
        let reply = client.ask(given.clone()).await;
        assert!(reply["error"].is_null(), "{allow}: {given} got {reply}");
        assert_eq!(client.error(commands("only:ab")[at].clone()).await, 103);
        if allow != "sub" {
            assert_eq!(client.error(json!({ "subscribe": { "channel": "only:a" } })).await, 103, "{allow}");
        }
    }
    let (mut guarded, _) =
        house.connected(json!({ "sub": "ann", "caps": [{ "channels": ["both:a"], "allow": ["sub"] }] })).await;
    house.server.publish("both:a", json!(1)).await;
    assert_eq!(guarded.subscribe("both:a").await["offset"], 1);
    house.server.hub.recheck("both:a").await;
    assert_eq!(house.server.hub.subscribers("both:a"), 1, "its token still says so");
    let events = house.server.events("only:a/events", &[]).await;
    assert_eq!(events.status(), 403, "a stream has no token to show");
}

#[tokio::test]
async fn a_product_subscribes_people_wherever_they_are() {
    let house = House::new().await;
    let there = house.another().await;
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let (hub, stop) = (there.hub.clone(), stop.clone());
        async move { hub.run(stop).await }
    });
    let ann = json!({ "sub": "ann" });
    let (mut near, _) = house.connected(ann.clone()).await;
    let (mut far, _) = connected(&there, &ann, json!({})).await;
    let (mut bob, _) = connected(&there, &json!({ "sub": "bob" }), json!({})).await;
    house.server.publish("only:a", json!(1)).await;
    let terms = Terms { data: Some("{\"hi\":1}".into()), ..Terms::default() };
    house.server.hub.subscribe("ann", "only:a", &terms).await.expect("ordered");
    for client in [&mut near, &mut far] {
        let push = client.next().await["push"].take();
        assert_eq!((&push["channel"], &push["subscribe"]["offset"]), (&json!("only:a"), &json!(1)), "{push}");
        assert_eq!(
            (&push["subscribe"]["data"], &push["subscribe"]["recoverable"]),
            (&json!({ "hi": 1 }), &json!(true))
        );
    }
    house.server.hub.subscribe("ann", "only:a", &terms).await.expect("once more, and nothing more happens");
    house.server.hub.subscribe("ann", "rooms:secret", &Terms::default()).await.expect("for the guard to refuse");
    house.server.publish("only:a", json!(2)).await;
    for client in [&mut near, &mut far] {
        assert_eq!(client.next().await["push"]["pub"], json!({ "data": 2, "offset": 2 }));
    }
    assert_eq!(bob.error(json!({ "subscribe": { "channel": "only:a" } })).await, 103, "it was for another");
    house.server.hub.unsubscribe_everywhere("ann", "only:a").await;
    for client in [&mut near, &mut far] {
        assert_eq!(client.next().await["push"]["unsubscribe"]["code"], 2000);
    }
    assert_eq!(house.server.hub.subscribers("rooms:secret") + there.hub.subscribers("rooms:secret"), 0);
    let unknown = house.server.hub.subscribe("ann", "nowhere:a", &terms).await;
    assert!(matches!(unknown, Err(Refused::UnknownChannel)), "{unknown:?}");
    house.server.hub.disconnect_everywhere("ann", true).await;
    assert_eq!((near.closed().await.0, far.closed().await.0), (3011, 3011));
    stop.cancel();
    running.await.expect("it ends");
}

#[tokio::test]
async fn whoever_goes_while_it_is_being_subscribed_leaves_nothing_behind() {
    let guard = Slow::new();
    let clock = Clock::manual(START_MS);
    let bus = Bus::memory(clock.clone(), &Entropy::system());
    let namespaces = [Namespace::public("slow").guarded(guard.clone())];
    let server = Server::behind(Arc::new(Notary(clock.clone())), clock, bus, namespaces).await;
    let (mut client, _) = connected(&server, &json!({ "sub": "ann" }), json!({})).await;
    let hub = server.hub.clone();
    let ordered = tokio::spawn(async move { hub.subscribe("ann", "slow:open", &Terms::default()).await });
    guard.is_asked().await;
    assert_eq!(server.hub.subscribers("slow:open"), 1, "joined first, asked then");
    client.socket.close(None).await.expect("closed");
    while server.hub.stats().connections > 0 {
        tokio::task::yield_now().await;
    }
    guard.answer();
    ordered.await.expect("it ends").expect("ordered");
    assert_eq!((server.hub.subscribers("slow:open"), server.hub.stats().subscriptions), (0, 0));
}

#[tokio::test]
async fn what_the_server_subscribed_ends_the_connection_when_it_ends_or_is_lost() {
    let house = House::new().await;
    let (mut client, _) = house.connected(json!({ "sub": "ann" })).await;
    let terms = Terms { until_ms: Some(START_MS + 1_000), ..Terms::default() };
    house.server.hub.subscribe("ann", "plain:a", &terms).await.expect("ordered");
    assert_eq!(client.next().await["push"]["subscribe"], json!({}));
    house.clock.advance(25_999);
    house.server.hub.tick();
    house.server.publish("plain:a", json!(1)).await;
    assert_eq!(client.next().await["push"]["pub"]["data"], 1, "within the grace");
    house.clock.advance(1);
    house.server.hub.tick();
    assert_eq!(client.closed().await, (3006, "subscription expired".to_owned()));
}

#[tokio::test]
async fn what_the_server_subscribed_and_lost_the_client_connects_anew_for() {
    let clock = Clock::manual(START_MS);
    let bus = Bus::memory_of(clock.clone(), &Entropy::system(), 1);
    let server = Server::behind(Arc::new(Notary(clock.clone())), clock, bus, []).await;
    server.publish("news:a", json!(1)).await;
    let (mut client, _) = connected(&server, &json!({ "sub": "ann", "channels": ["news:a"] }), json!({})).await;
    // There is room for one stream only: it begins anew.
    server.publish("news:b", json!(1)).await;
    server.publish("news:a", json!(1)).await;
    assert_eq!(client.closed().await, (3010, "insufficient state".to_owned()));
}
