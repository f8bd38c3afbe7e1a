//! What clients say to channels and see of them, under the conditions of everybody else; and that everybody else sees them.

use std::sync::Arc;

use bus::Bus;
use kernel::{Clock, Entropy, limits};
use realtime::Namespace;
use serde_json::{Value, json};

use super::client::Client;
use super::namespaces;
use crate::guarded::Doors;
use crate::register::Register;
use crate::say::Ann;
use crate::support::{self, Server};

const LOOKS: [&str; 3] = ["history", "presence", "presence_stats"];

struct House {
    server: Server,
    doors: Arc<Doors>,
    clock: Clock,
}

impl House {
    async fn new() -> Self {
        let clock = Clock::manual(1_700_000_000_000);
        let bus = Bus::memory(clock.clone(), &Entropy::system());
        let doors = Arc::new(Doors::default());
        doors.0.lock().insert("key");
        let talk = Namespace::public("talk").history(10, u64::MAX).presence().join_leave();
        let talk = talk.allow_publish_for_subscriber();
        let told = Namespace::public("told").guarded(Arc::new(Ann));
        let rooms = Namespace::public("rooms").history(10, u64::MAX).presence().join_leave();
        let rooms = rooms.allow_publish_for_subscriber().guarded(doors.clone());
        let server = Server::behind(Register::new(&clock), clock.clone(), bus, [talk, told, rooms]).await;
        namespaces().into_iter().for_each(|namespace| server.hub.socketio(namespace));
        Self { server, doors, clock }
    }

    async fn client(&self, token: &str) -> Client {
        let auth = if token.is_empty() { json!({}) } else { json!({ "token": token }) };
        Client::enter(&self.server, "/", auth).await.0
    }

    /// Somebody over the other protocol who is told who comes and goes; its own coming has been heard.
    async fn watcher(&self, channel: &str) -> support::Client {
        let mut watcher = self.server.connect().await;
        let subscribe = json!({ "channel": channel, "token": "key", "join_leave": true });
        let subscribe =
            if channel.starts_with("talk") { json!({ "channel": channel, "join_leave": true }) } else { subscribe };
        assert!(watcher.ask(json!({ "subscribe": subscribe })).await["subscribe"].is_object());
        assert!(watcher.next().await["push"]["join"].is_object());
        watcher
    }
}

/// The acknowledgement of an event; what is heard before it is left.
async fn ask(client: &mut Client, event: Value) -> Value {
    client.say(&format!("427{event}")).await;
    loop {
        if let Some(answer) = client.text().await.strip_prefix("437") {
            let mut answer: Vec<Value> = serde_json::from_str(answer).expect("JSON");
            assert_eq!(answer.len(), 1, "{answer:?}");
            return answer.remove(0);
        }
    }
}

async fn error(client: &mut Client, event: Value) -> u64 {
    let answer = ask(client, event).await;
    assert!(answer["error"]["message"].is_string(), "{answer}");
    answer["error"]["code"].as_u64().expect("a code")
}

#[tokio::test]
async fn a_subscriber_publishes_and_everybody_hears_it() {
    let house = House::new().await;
    let (mut ann, mut bob) = (house.client("ann").await, house.server.connect().await);
    let hello = json!(["publish", "talk:a", { "text": "hi" }]);
    assert_eq!(error(&mut ann, hello.clone()).await, 103, "not subscribed");
    bob.subscribe("talk:a").await;
    ann.subscribe("/", "talk:a").await;
    ann.say(&format!("427{hello}")).await;
    assert_eq!(ann.text().await, r#"42["message",{"text":"hi"},"talk:a"]"#, "its own");
    assert_eq!(ann.text().await, "437[{}]");
    assert_eq!(bob.next().await["push"]["pub"]["data"], json!({ "text": "hi" }));
    bob.send(json!({ "id": 9, "publish": { "channel": "talk:a", "data": 2 } }).to_string()).await;
    assert_eq!(ann.text().await, r#"42["message",2,"talk:a"]"#);
    for what in [Value::Null, json!("text"), json!([1, [2]])] {
        assert_eq!(ask(&mut ann, json!(["publish", "talk:a", what])).await, json!({}));
    }
    assert_eq!(ask(&mut ann, json!(["unsubscribe", "talk:a"])).await, json!({}));
    assert_eq!(error(&mut ann, json!(["publish", "talk:a", 3])).await, 103, "no longer subscribed");
}

#[tokio::test]
async fn who_has_no_right_to_it_publishes_nothing() {
    let house = House::new().await;
    let (mut ann, mut nobody) = (house.client("ann").await, house.client("").await);
    for channel in ["told:a", "news:a", "plain:a"] {
        nobody.subscribe("/", channel).await;
        ann.subscribe("/", channel).await;
        assert_eq!(error(&mut nobody, json!(["publish", channel, 1])).await, 103, "{channel}");
    }
    assert_eq!(error(&mut ann, json!(["publish", "told:broken", 1])).await, 103, "its guard does not answer");
    for (channel, code) in [("ops:a", 103), ("rooms:a", 103), ("never:a", 102), ("none", 102)] {
        assert_eq!(error(&mut ann, json!(["publish", channel, 1])).await, code, "{channel}");
    }
    let long = format!("talk:{}", "x".repeat(limits::CHANNEL_BYTES));
    assert_eq!(error(&mut ann, json!(["publish", long, 1])).await, 107);
    assert_eq!(ask(&mut ann, json!(["publish", "told:a", 7])).await, json!({}));
    assert_eq!(nobody.text().await, r#"42["message",7,"told:a"]"#, "and nothing before it");
}

#[tokio::test]
async fn who_is_outside_sees_a_channel_that_nobody_ever_used() {
    let house = House::new().await;
    let (mut inside, mut outside) = (house.client("").await, house.client("").await);
    assert_eq!(ask(&mut inside, json!(["subscribe", "rooms:a", "key"])).await, json!({}));
    assert_eq!(ask(&mut outside, json!(["subscribe", "rooms:a", "guess"])).await, json!({}));
    assert_eq!(ask(&mut inside, json!(["publish", "rooms:a", "secret"])).await, json!({}));
    assert_eq!(error(&mut outside, json!(["publish", "rooms:a", "forged"])).await, 103);
    let read = ask(&mut inside, json!(["history", "rooms:a"])).await;
    assert_eq!(read["publications"], json!([{ "data": "secret", "offset": 1 }]));
    assert_eq!(ask(&mut inside, json!(["presence_stats", "rooms:a"])).await["num_clients"], 1);
    for look in LOOKS {
        let (mut used, mut never) =
            (ask(&mut outside, json!([look, "rooms:a"])).await, ask(&mut outside, json!([look, "rooms:never"])).await);
        for answer in [&mut used, &mut never] {
            answer.as_object_mut().expect("an object").remove("epoch");
        }
        assert_eq!(used, never, "{look}");
        assert!(!used.to_string().contains("secret"), "{used}");
    }
    // Who is turned out is outside, whatever it knew.
    house.doors.0.lock().clear();
    house.server.hub.recheck("rooms:a").await;
    assert_eq!(error(&mut inside, json!(["publish", "rooms:a", "late"])).await, 103);
    assert_eq!(ask(&mut inside, json!(["history", "rooms:a"])).await["publications"], json!([]));
    assert_eq!(ask(&mut inside, json!(["presence", "rooms:a"])).await["presence"], json!({}));
}

#[tokio::test]
async fn a_history_is_read_as_it_is_asked_for() {
    let house = House::new().await;
    let mut ann = house.client("ann").await;
    for n in 1..=4 {
        house.server.publish("talk:a", n.into()).await;
    }
    let whole = ask(&mut ann, json!(["history", "talk:a"])).await;
    let epoch = &whole["epoch"];
    let offsets = |answer: &Value| -> Vec<u64> {
        let all = answer["publications"].as_array().expect("a list");
        all.iter().map(|it| it["offset"].as_u64().expect("an offset")).collect()
    };
    assert_eq!((offsets(&whole), &whole["offset"]), (vec![1, 2, 3, 4], &json!(4)));
    for (look, expected) in [
        (json!(null), vec![1, 2, 3, 4]),
        (json!({ "limit": -1 }), vec![1, 2, 3, 4]),
        (json!({ "limit": 0 }), vec![]),
        (json!({ "limit": 2, "since": { "offset": 1, "epoch": epoch } }), vec![2, 3]),
        (json!({ "reverse": true, "limit": 3 }), vec![4, 3, 2]),
    ] {
        let answer = ask(&mut ann, json!(["history", "talk:a", look])).await;
        assert_eq!((offsets(&answer), &answer["offset"]), (expected, &json!(4)), "{look}");
    }
    let other = json!({ "since": { "offset": 1, "epoch": "another" } });
    assert_eq!(error(&mut ann, json!(["history", "talk:a", other])).await, 112);
    for (channel, code) in [("plain:a", 108), ("ops:a", 103), ("never:a", 102)] {
        assert_eq!(error(&mut ann, json!(["history", channel])).await, code, "{channel}");
    }
    for look in ["presence", "presence_stats"] {
        assert_eq!(error(&mut ann, json!([look, "news:a"])).await, 108, "the namespace shows nobody");
    }
}

#[tokio::test]
async fn a_long_history_comes_in_parts() {
    let house = House::new().await;
    let mut ann = house.client("ann").await;
    for _ in 0..20 {
        house.server.publish("long:a", "x".repeat(60_000).into()).await;
    }
    let (mut since, mut heard) = (json!(null), Vec::new());
    while heard.len() < 20 {
        let answer = ask(&mut ann, json!(["history", "long:a", { "since": since }])).await;
        let all = answer["publications"].as_array().expect("a list");
        assert!(!all.is_empty() && all.len() < 10, "{} at once", all.len());
        heard.extend(all.iter().map(|it| it["offset"].as_u64().expect("an offset")));
        since = json!({ "offset": heard.last(), "epoch": answer["epoch"] });
    }
    assert_eq!(heard, (1..=20).collect::<Vec<_>>(), "from the oldest on, each once");
}

#[tokio::test]
async fn what_is_not_asked_properly_is_refused_and_nothing_else_happens() {
    let house = House::new().await;
    let mut ann = house.client("ann").await;
    ann.subscribe("/", "talk:a").await;
    for event in [
        json!(["publish"]),
        json!(["publish", "talk:a"]),
        json!(["publish", "", 1]),
        json!(["publish", 7, 1]),
        json!(["publish", ["talk:a"], 1]),
        json!(["history"]),
        json!(["history", { "channel": "talk:a" }]),
        json!(["history", "talk:a", 10]),
        json!(["history", "talk:a", { "limit": "all" }]),
        json!(["history", "talk:a", { "since": { "offset": -1 } }]),
        json!(["presence"]),
        json!(["presence_stats", null]),
    ] {
        assert_eq!(error(&mut ann, event.clone()).await, 107, "{event}");
    }
    // Bytes are no JSON, wherever they are.
    ann.say(r#"451-7["publish","talk:a",{"deep":[{"_placeholder":true,"num":0}]}]"#).await;
    ann.say_bytes(&[1, 2, 3]).await;
    assert_eq!(ann.text().await, r#"437[{"error":{"code":107,"message":"bad request"}}]"#);
    // Without an acknowledgement nothing is answered.
    ann.say(r#"42["publish","talk:b",1]"#).await;
    assert_eq!(ask(&mut ann, json!(["history", "talk:a"])).await["offset"], 0);
    let large = json!(["publish", "talk:a", "x".repeat(limits::REALTIME_MESSAGE_BYTES)]);
    ann.say(&format!("427{large}")).await;
    assert_eq!(ann.closed().await, 1009);
    let mut bob = house.client("bob").await;
    assert_eq!(ask(&mut bob, json!(["history", "talk:a"])).await["offset"], 0);
}

#[tokio::test]
async fn one_client_does_not_talk_everybody_down() {
    let house = House::new().await;
    let mut ann = house.client("ann").await;
    ann.say("40/same,{}").await;
    assert!(ann.text().await.starts_with("40/same"));
    ann.subscribe("/", "talk:a").await;
    for n in 0..limits::CLIENT_SAYS_PER_S {
        let event = if n % 2 == 0 { json!(["publish", "talk:a", n]) } else { json!(["publish", "news:a", n]) };
        assert_eq!(ask(&mut ann, event).await["error"]["code"].is_null(), n % 2 == 0, "refused ones count too");
    }
    let refused = ask(&mut ann, json!(["publish", "talk:a", 0])).await;
    assert_eq!(refused["error"], json!({ "code": 111, "message": "too many requests", "temporary": true }));
    for look in LOOKS {
        assert_eq!(error(&mut ann, json!([look, "talk:a"])).await, 111, "{look}");
    }
    ann.say(r#"42/same,8["history","talk:a"]"#).await;
    assert!(ann.text().await.contains("111"), "nor by another namespace");
    let mut bob = house.client("bob").await;
    assert_eq!(ask(&mut bob, json!(["history", "talk:a"])).await["offset"], limits::CLIENT_SAYS_PER_S / 2);
    house.clock.advance(1_000);
    assert_eq!(ask(&mut ann, json!(["publish", "talk:a", 0])).await, json!({}));
}

#[tokio::test]
async fn who_is_in_a_channel_is_seen_there_and_however_it_goes_that_is_told() {
    let house = House::new().await;
    for (channel, way) in
        [("talk:a", "unsubscribes"), ("talk:b", "leaves"), ("talk:c", "is gone"), ("rooms:d", "is turned out")]
    {
        let mut watcher = house.watcher(channel).await;
        let (mut client, granted) = Client::enter(&house.server, "/", json!({})).await;
        let token = if channel.starts_with("rooms") { "key" } else { "" };
        assert_eq!(ask(&mut client, json!(["subscribe", channel, token])).await, json!({}));
        let told = watcher.next().await["push"]["join"]["info"].take();
        let name = told["client"].as_str().expect("a name").to_owned();
        assert!(name.starts_with(granted["sid"].as_str().expect("an id")), "{told}");
        let there = ask(&mut client, json!(["presence", channel])).await["presence"].take();
        assert_eq!((there.as_object().map(serde_json::Map::len), &there[&name]), (Some(2), &told), "{way}");
        let counted = ask(&mut client, json!(["presence_stats", channel])).await;
        assert_eq!(counted, json!({ "num_clients": 2, "num_users": 1 }), "{way}: nobody is one person");
        match way {
            "unsubscribes" => assert_eq!(ask(&mut client, json!(["unsubscribe", channel])).await, json!({})),
            "leaves" => client.say("41").await,
            "is gone" => drop(client),
            _ => {
                house.doors.0.lock().clear();
                house.server.hub.recheck(channel).await;
            }
        }
        let told = watcher.next().await;
        if way != "is turned out" {
            assert_eq!(told["push"]["leave"]["info"]["client"], name, "{way}");
        }
        let there = house.server.hub.presence(channel).await;
        assert!(there.clients.iter().all(|it| *it.client != *name), "{way}");
    }
}

#[tokio::test]
async fn a_token_says_who_it_is_to_the_others() {
    let house = House::new().await;
    let (mut ann, mut watcher) = (house.client("ann").await, house.watcher("talk:a").await);
    ann.subscribe("/", "talk:a").await;
    let told = watcher.next().await["push"]["join"]["info"].take();
    assert_eq!((&told["user"], &told["conn_info"]), (&json!("ann"), &json!({ "name": "Ann" })), "{told}");
}
