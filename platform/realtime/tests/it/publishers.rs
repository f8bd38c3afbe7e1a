//! Who published: subscribers are shown the client, in whatever way they hear of it, and nobody where the server spoke.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bus::{Bus, RedisSettings};
use kernel::{Clock, Entropy, Secret, limits};
use realtime::Namespace;
use serde_json::{Value, json};

use crate::client_commands::{Command, History};
use crate::notary::{Notary, sealed};
use crate::protobuf;
use crate::socketio::client::Client as Socketio;
use crate::socketio::namespaces;
use crate::support::{Client, Server};

const START_S: i64 = 1_700_000_000;

async fn server(bus: Bus) -> Server {
    let clock = Clock::manual(START_S * 1_000);
    let talk = Namespace::public("talk").history(10, u64::MAX).allow_publish_for_subscriber().allow_delta();
    let said = Namespace::public("said").allow_publish_for_subscriber();
    let only = Namespace::public("only").history(10, u64::MAX).allow_publish_for_subscriber().opened_by_tokens_alone();
    let server = Server::behind(std::sync::Arc::new(Notary(clock.clone())), clock, bus, [talk, said, only]).await;
    namespaces().into_iter().for_each(|namespace| server.hub.socketio(namespace));
    server
}

fn memory() -> Bus {
    Bus::memory(Clock::manual(START_S * 1_000), &Entropy::system())
}

/// A client that came by a token, and its name.
async fn come(server: &Server, claims: &Value) -> (Client, String) {
    let mut client = server.open().await;
    let reply = client.ask(json!({ "connect": { "token": sealed(claims) } })).await;
    (client, reply["connect"]["client"].as_str().unwrap_or_else(|| panic!("{reply}")).to_owned())
}

/// What others are told; the publisher hears it as well.
async fn publish(from: &mut Client, channel: &str, data: &Value) -> Value {
    from.send(json!({ "id": 900, "publish": { "channel": channel, "data": data } }).to_string()).await;
    let both = [from.next().await, from.next().await];
    assert!(both.iter().any(|it| *it == json!({ "id": 900, "publish": {} })), "{both:?}");
    let push = both.iter().find(|it| it["push"]["pub"]["data"] == *data);
    push.unwrap_or_else(|| panic!("{both:?}"))["push"]["pub"].clone()
}

#[tokio::test]
async fn subscribers_are_shown_who_published_now_and_later() {
    let server = server(memory()).await;
    // Its info has line ends, as its owner wrote it.
    let info = BASE64_STANDARD.encode("{\n \"name\":\r\n\"Ann\" }");
    let (mut ann, name) = come(&server, &json!({ "sub": "ann", "b64info": info })).await;
    let (mut bob, _) = come(&server, &json!({ "sub": "bob" })).await;
    let shown = json!({ "user": "ann", "client": name, "conn_info": { "name": "Ann" } });
    for channel in ["said:a", "talk:a"] {
        ann.subscribe(channel).await;
        bob.subscribe(channel).await;
        assert_eq!(publish(&mut ann, channel, &json!(1)).await["info"], shown, "{channel}");
        assert_eq!(bob.next().await["push"]["pub"]["info"], shown, "{channel}");
        server.publish(channel, json!(2)).await;
        assert!(bob.next().await["push"]["pub"].get("info").is_none(), "the server shows nobody");
        ann.next().await;
    }
    let history = bob.ask(json!({ "history": { "channel": "talk:a", "limit": -1 } })).await["history"].take();
    let infos = |all: &Value| all.as_array().expect("a list").iter().map(|it| it["info"].clone()).collect::<Vec<_>>();
    assert_eq!(infos(&history["publications"]), [shown.clone(), Value::Null]);
    let (mut late, _) = come(&server, &json!({ "sub": "eve" })).await;
    let recover = json!({ "subscribe": { "channel": "talk:a", "recover": true, "epoch": history["epoch"] } });
    let recovered = late.ask(recover).await["subscribe"].take();
    assert_eq!(infos(&recovered["publications"]), [shown.clone(), Value::Null], "{recovered}");
    let (mut shorter, _) = come(&server, &json!({ "sub": "fay" })).await;
    shorter.ask(json!({ "subscribe": { "channel": "talk:a", "delta": "fossil" } })).await;
    publish(&mut ann, "talk:a", &json!("x".repeat(99))).await;
    assert_eq!(shorter.next().await["push"]["pub"]["info"], shown, "beside a delta as well");
}

#[tokio::test]
async fn a_subscriptions_token_adds_what_it_says_and_nobody_is_shown_as_another() {
    let server = server(memory()).await;
    let (mut ann, name) = come(&server, &json!({ "sub": "ann" })).await;
    let hidden = json!({ "presence": { "value": false } });
    let ticket = json!({ "sub": "ann", "channel": "only:a", "exp": START_S + 60, "info": [1], "override": hidden });
    let subscribe = json!({ "channel": "only:a", "token": sealed(&ticket) });
    assert!(ann.ask(json!({ "subscribe": subscribe })).await["subscribe"].is_object());
    let shown = json!({ "user": "ann", "client": name, "chan_info": [1] });
    assert_eq!(publish(&mut ann, "only:a", &json!(1)).await["info"], shown);
    // Whoever says themselves who they are is not believed: in the data, and beside it.
    ann.subscribe("talk:a").await;
    let forged = json!({ "info": { "user": "root" } });
    ann.send(
        json!({ "id": 7, "publish": { "channel": "talk:a", "data": forged, "info": { "user": "root" } } }).to_string(),
    )
    .await;
    let both = [ann.next().await, ann.next().await];
    let push = both.iter().find(|it| it["push"].is_object()).expect("its own");
    assert_eq!(push["push"]["pub"]["info"], json!({ "user": "ann", "client": name }), "of this channel it has no more");
    // One whose name would not fit would pass for the server.
    let (mut long, _) = come(&server, &json!({ "sub": "x".repeat(limits::PRESENT_BYTES) })).await;
    long.subscribe("talk:a").await;
    assert_eq!(long.error(json!({ "publish": { "channel": "talk:a", "data": 1 } })).await, 106);
}

#[tokio::test]
async fn both_encodings_show_it_and_socketio_is_as_before() {
    let server = server(memory()).await;
    let (mut ann, name) = come(&server, &json!({ "sub": "ann", "info": { "a": "é" } })).await;
    let mut binary = protobuf::connected(&server).await;
    protobuf::say(&mut binary, &[protobuf::subscribe(2, protobuf::to("talk:a"))]).await;
    assert!(protobuf::next(&mut binary).await.subscribe.is_some());
    let mut other = Socketio::enter(&server, "/", json!({ "token": sealed(&json!({ "sub": "cem" })) })).await.0;
    other.subscribe("/", "talk:a").await;
    ann.subscribe("talk:a").await;
    publish(&mut ann, "talk:a", &json!({ "n": 1 })).await;
    let first = protobuf::next(&mut binary).await.push.and_then(|push| push.publication).expect("a publication");
    let info = first.info.expect("a client");
    assert_eq!((info.user.as_str(), &info.client), ("ann", &name));
    assert_eq!((&*info.conn_info, &*info.chan_info), ("{\"a\":\"é\"}".as_bytes(), &b""[..]));
    assert_eq!(other.text().await, r#"42["message",{"n":1},"talk:a"]"#);
    let history = History { channel: "talk:a".to_owned(), limit: 9, reverse: false, since: None };
    protobuf::say(&mut binary, &[Command { id: 3, history: Some(history), ..Command::default() }]).await;
    let history = protobuf::next(&mut binary).await.history.expect("a history");
    assert_eq!(history.publications[0].info.as_ref().expect("a client").user, "ann");
    other.say(r#"427["publish","talk:a",2]"#).await;
    let theirs = ann.next().await["push"]["pub"].take();
    assert_eq!(
        (&theirs["data"], &theirs["info"]["user"]),
        (&json!(2), &json!("cem")),
        "who speaks otherwise is shown too"
    );
    server.publish("talk:a", json!(3)).await;
    assert!(protobuf::next(&mut binary).await.push.and_then(|push| push.publication).expect("2").info.is_some());
    assert!(protobuf::next(&mut binary).await.push.and_then(|push| push.publication).expect("3").info.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_shown_in_every_process() {
    let redis = testkit::Redis::start().expect("a Redis");
    let bus = async || {
        let settings = RedisSettings::parse(&Secret::new(redis.url())).expect("a URL");
        Bus::redis(settings, Clock::system(), Entropy::system()).await
    };
    let (one, two) = (server(bus().await).await, server(bus().await).await);
    let (mut ann, name) = come(&one, &json!({ "sub": "ann", "info": { "name": "Ann B" } })).await;
    let (mut bob, _) = come(&two, &json!({ "sub": "bob" })).await;
    let shown = json!({ "user": "ann", "client": name, "conn_info": { "name": "Ann B" } });
    for channel in ["said:a", "talk:a"] {
        ann.subscribe(channel).await;
        bob.subscribe(channel).await;
        publish(&mut ann, channel, &json!(1)).await;
        assert_eq!(bob.next().await["push"]["pub"]["info"], shown, "{channel}");
    }
    let history = bob.ask(json!({ "history": { "channel": "talk:a", "limit": -1 } })).await["history"].take();
    assert_eq!(history["publications"][0]["info"], shown, "{history}");
}
