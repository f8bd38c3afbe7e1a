//! Deltas: whoever asks for them where they are allowed gets what changed, and makes of it what everybody else gets.

use std::sync::Arc;

use bus::Bus;
use futures_util::{SinkExt, StreamExt};
use kernel::{Clock, Entropy};
use prost::Message as _;
use realtime::Namespace;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::client_commands::{Command, Connect, Subscribe};
use crate::client_replies::Reply;
use crate::guarded::Doors;
use crate::support::{Client, FOREVER_MS, Server, in_time};
use crate::undelta::apply;

async fn server() -> Server {
    let state = Namespace::public("state").history(10, FOREVER_MS).allow_delta();
    let live = Namespace::public("live").allow_delta();
    let doors = Arc::new(Doors::default());
    let rooms = Namespace::public("rooms").history(10, FOREVER_MS).allow_delta().guarded(doors);
    Server::with([state, live, rooms]).await
}

/// A long state of which little changes.
fn state(number: u64) -> Value {
    let names: Vec<String> =
        (0..30).map(|of| format!("é player {of}: {}", if of == number % 30 { number } else { 0 })).collect();
    json!({ "number": number, "players": names, "end\n": "\"" })
}

/// What the client has come to, and how it got it.
#[derive(Default)]
struct Reader {
    last: Option<String>,
    deltas: usize,
}

impl Reader {
    fn take(&mut self, publication: &Value) -> Value {
        let text = publication["data"].as_str().expect("a text");
        let whole = if publication["delta"] == true {
            self.deltas += 1;
            apply(self.last.as_deref().expect("something before"), text)
        } else {
            text.to_owned()
        };
        let value = serde_json::from_str(&whole).expect("JSON");
        self.last = Some(whole);
        value
    }
}

fn by_deltas(channel: &str) -> Value {
    json!({ "subscribe": { "channel": channel, "delta": "fossil" } })
}

async fn subscribed(client: &mut Client, channel: &str) -> Value {
    client.ask(by_deltas(channel)).await["subscribe"].take()
}

#[tokio::test]
async fn the_first_is_whole_and_then_come_deltas() {
    let server = server().await;
    server.publish("state:a", state(0)).await;
    let (mut short, mut other, mut plain) = (server.connect().await, server.connect().await, server.connect().await);
    for client in [&mut short, &mut other] {
        assert_eq!(subscribed(client, "state:a").await["delta"], true);
    }
    assert!(plain.subscribe("state:a").await.get("delta").is_none());
    let (mut reader, mut whole_bytes) = (Reader::default(), 0);
    for number in 1..=5 {
        server.publish("state:a", state(number)).await;
        let push = short.next().await["push"].take();
        let first = number == 1;
        assert_eq!(push["pub"].get("delta").is_none(), first, "{push}");
        let bytes = push.to_string().len();
        assert!(if first { bytes > 600 } else { bytes < whole_bytes / 3 }, "{bytes} bytes of {whole_bytes}");
        whole_bytes = whole_bytes.max(bytes);
        assert_eq!(reader.take(&push["pub"]), state(number));
        assert_eq!(other.next().await["push"], push, "the same for all");
        assert_eq!(plain.next().await["push"]["pub"]["data"], state(number), "and plain for the others");
    }
    // One that comes later begins with a whole one, and goes on with the others.
    let mut late = server.connect().await;
    subscribed(&mut late, "state:a").await;
    let mut its = Reader::default();
    for number in 6..=7 {
        server.publish("state:a", state(number)).await;
        assert_eq!(its.take(&late.next().await["push"]["pub"]), state(number));
        assert_eq!(reader.take(&short.next().await["push"]["pub"]), state(number));
    }
    assert_eq!((its.deltas, reader.deltas), (1, 6));
    // What is nothing like it is whole, and what comes then is told by that.
    server.publish("state:a", json!(1)).await;
    let push = short.next().await;
    assert_eq!((&push["push"]["pub"]["data"], push["push"]["pub"].get("delta")), (&json!("1"), None));
    assert_eq!(reader.take(&push["push"]["pub"]), 1);
}

#[tokio::test]
async fn deltas_go_on_from_what_was_recovered() {
    let server = server().await;
    for number in 1..=4 {
        server.publish("state:a", state(number)).await;
    }
    let mut client = server.connect().await;
    let recovering = |offset: u64| json!({ "subscribe": { "channel": "state:a", "delta": "fossil", "recover": true, "offset": offset } });
    let reply = client.ask(recovering(2)).await["subscribe"].take();
    assert_eq!((&reply["recovered"], &reply["delta"]), (&json!(true), &json!(true)));
    let mut reader = Reader::default();
    let missed = reply["publications"].as_array().expect("a list");
    let missed: Vec<_> = missed.iter().map(|publication| reader.take(publication)).collect();
    assert_eq!(missed, [state(3), state(4)]);
    server.publish("state:a", state(5)).await;
    assert_eq!(reader.take(&client.next().await["push"]["pub"]), state(5));
    assert_eq!(reader.deltas, 1);
    // Whoever missed nothing has nothing that it could be sure of.
    client.ask(json!({ "unsubscribe": { "channel": "state:a" } })).await;
    client.ask(recovering(5)).await;
    server.publish("state:a", state(6)).await;
    assert_eq!(Reader::default().take(&client.next().await["push"]["pub"]), state(6));
    // And so has whoever missed too much.
    for number in 7..=20 {
        server.publish("state:a", state(number)).await;
        client.next().await;
    }
    client.ask(json!({ "unsubscribe": { "channel": "state:a" } })).await;
    let reply = client.ask(recovering(1)).await["subscribe"].take();
    assert!(reply.get("recovered").is_none() && reply["delta"] == true, "{reply}");
    server.publish("state:a", state(21)).await;
    assert_eq!(Reader::default().take(&client.next().await["push"]["pub"]), state(21));
}

#[tokio::test]
async fn whoever_comes_and_goes_reads_what_was_published() {
    let entropy = Entropy::seeded(7);
    let server = server().await;
    let mut client = server.connect().await;
    subscribed(&mut client, "state:a").await;
    let (mut reader, mut here, mut read, mut deltas) = (Reader::default(), true, 0, 0);
    for number in 1..=300 {
        server.publish("state:a", state(entropy.below(40))).await;
        let now = server.hub.stats();
        assert_eq!(now.subscriptions, usize::from(here));
        if here {
            let mut plain = server.connect().await;
            let history = json!({ "history": { "channel": "state:a", "limit": 1, "reverse": true } });
            let expected = plain.ask(history).await["history"]["publications"][0]["data"].take();
            assert_eq!(reader.take(&client.next().await["push"]["pub"]), expected, "publication {number}");
            read = number;
        }
        if entropy.below(5) == 0 {
            here = !here;
            if here {
                let asked = json!({ "channel": "state:a", "delta": "fossil", "recover": entropy.below(2) == 0, "offset": read });
                let reply = client.ask(json!({ "subscribe": asked })).await["subscribe"].take();
                deltas += std::mem::take(&mut reader).deltas;
                reply["publications"].as_array().into_iter().flatten().for_each(|it| _ = reader.take(it));
            } else {
                client.ask(json!({ "unsubscribe": { "channel": "state:a" } })).await;
            }
        }
    }
    assert!(deltas > 50, "{deltas} deltas");
}

#[tokio::test]
async fn who_asks_in_vain_is_told_and_gets_plain_ones() {
    let server = server().await;
    for (channel, delta) in [("news:a", "fossil"), ("live:a", "fossil"), ("state:a", "xdelta"), ("state:a", "")] {
        let mut client = server.connect().await;
        let asked = json!({ "subscribe": { "channel": channel, "delta": delta } });
        assert!(client.ask(asked).await["subscribe"].get("delta").is_none(), "{channel} {delta}");
        for number in 1..=2 {
            server.publish(channel, state(number)).await;
            assert_eq!(client.next().await["push"]["pub"]["data"], state(number));
        }
    }
    let mut client = server.connect().await;
    client.send(r#"{"id":9,"subscribe":{"channel":"state:a","delta":1}}"#).await;
    assert_eq!(client.closed().await.0, 3501);
}

#[tokio::test]
async fn a_guarded_channel_looks_the_same_from_outside() {
    let server = server().await;
    let mut client = server.connect().await;
    let mut outside =
        client.ask(json!({ "subscribe": { "channel": "rooms:a", "delta": "fossil", "token": "wrong" } })).await;
    let mut inside = client.ask(json!({ "subscribe": { "channel": "rooms:b:open", "delta": "fossil" } })).await;
    for reply in [&mut outside, &mut inside] {
        reply["subscribe"].as_object_mut().expect("an object").remove("epoch");
    }
    assert_eq!((&outside["subscribe"], &outside["subscribe"]["delta"]), (&inside["subscribe"], &json!(true)));
}

#[tokio::test]
async fn in_protocol_buffers_deltas_are_bytes() {
    let server = server().await;
    let protobuf = [("sec-websocket-protocol", "centrifuge-protobuf")];
    let mut client = server.try_open(&protobuf).await.expect("open");
    let subscribe = Subscribe { channel: "state:a".to_owned(), delta: "fossil".to_owned(), ..Subscribe::default() };
    let commands = [
        Command { id: 1, connect: Some(Connect::default()), ..Command::default() },
        Command { id: 2, subscribe: Some(subscribe), ..Command::default() },
    ];
    let bytes: Vec<u8> = commands.iter().flat_map(prost::Message::encode_length_delimited_to_vec).collect();
    client.socket.send(Message::binary(bytes)).await.expect("sent");
    let mut next = async || match in_time(client.socket.next()).await {
        Some(Ok(Message::Binary(bytes))) => Reply::decode_length_delimited(&*bytes).expect("a reply"),
        other => panic!("no binary frame: {other:?}"),
    };
    next().await;
    assert!(next().await.subscribe.expect("subscribed").delta);
    let mut last = String::new();
    for number in 1..=3 {
        server.publish("state:a", state(number)).await;
        let publication = next().await.push.and_then(|push| push.publication).expect("a publication");
        let text = String::from_utf8(publication.data).expect("text");
        assert_eq!(publication.delta, number > 1);
        last = if publication.delta { apply(&last, &text) } else { text };
        assert_eq!(serde_json::from_str::<Value>(&last).expect("JSON"), state(number));
    }
}

/// What is published while the subscription is on its way waits for it, and is told by deltas as well.
#[tokio::test]
async fn what_is_held_back_comes_in_order() {
    let bus = Bus::memory(Clock::system(), &Entropy::system());
    let server = Server::on(bus, [Namespace::public("state").history(100, FOREVER_MS).allow_delta()]).await;
    let hub = server.hub.clone();
    let publishing = tokio::spawn(async move {
        for number in 1..=60 {
            hub.publish("state:a", &state(number)).await.expect("published");
            tokio::task::yield_now().await;
        }
    });
    let mut readers = Vec::new();
    for _ in 0..5 {
        let mut client = server.connect().await;
        let mut reader = Reader::default();
        let asked = json!({ "channel": "state:a", "delta": "fossil", "recover": true, "offset": 0 });
        let reply = client.ask(json!({ "subscribe": asked })).await["subscribe"].take();
        let missed: Vec<_> = reply["publications"].as_array().into_iter().flatten().map(|it| reader.take(it)).collect();
        assert_eq!(missed, (1..).take(missed.len()).map(state).collect::<Vec<_>>());
        readers.push((client, reader, missed.len() as u64));
    }
    publishing.await.expect("published");
    for (client, reader, read) in &mut readers {
        for number in *read + 1..=60 {
            assert_eq!(reader.take(&client.next().await["push"]["pub"]), state(number));
        }
    }
}
