//! The Centrifuge protocol in protocol buffers: the same as in JSON, beside it, over every transport that has bytes.

use std::sync::Arc;

use bus::Bus;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, SinkExt, StreamExt};
use kernel::{Clock, Entropy};
use prost::Message as _;
use realtime::rpc::Failed;
use realtime::{Caller, Namespace};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::client_commands::{Command, Connect, Data, History, OfChannel, Publish, Rpc, Subscribe};
use crate::client_replies::{Emulation, Reply};
use crate::support::{Client, Events, FOREVER_MS, Server, in_time};

const SUBPROTOCOL: (&str, &str) = ("sec-websocket-protocol", "centrifuge-protobuf");

async fn server() -> Server {
    let talk = Namespace::public("talk").history(10, FOREVER_MS).presence().join_leave().allow_publish_for_subscriber();
    let server = Server::with([talk]).await;
    server.hub.answer("echo", Arc::new(Echo));
    server
}

struct Echo;

impl realtime::rpc::Handler for Echo {
    fn call<'a>(&'a self, _: &'a Caller, data: bytes::Bytes) -> BoxFuture<'a, Result<bytes::Bytes, Failed>> {
        async move { Ok(data) }.boxed()
    }
}

fn together(commands: &[Command]) -> Vec<u8> {
    commands.iter().flat_map(prost::Message::encode_length_delimited_to_vec).collect()
}

/// The messages of a frame.
fn replies(mut bytes: &[u8]) -> Vec<Reply> {
    let mut replies = Vec::new();
    while !bytes.is_empty() {
        replies.push(Reply::decode_length_delimited(&mut bytes).expect("a reply"));
    }
    replies
}

pub(crate) async fn say(client: &mut Client, commands: &[Command]) {
    client.socket.send(Message::binary(together(commands))).await.expect("sent");
}

pub(crate) async fn next(client: &mut Client) -> Reply {
    match in_time(client.socket.next()).await {
        Some(Ok(Message::Binary(bytes))) => {
            let mut replies = replies(&bytes);
            assert_eq!(replies.len(), 1, "one message a frame");
            replies.remove(0)
        }
        other => panic!("no binary frame: {other:?}"),
    }
}

fn connect(id: u32) -> Command {
    Command { id, connect: Some(Connect::default()), ..Command::default() }
}

pub(crate) fn subscribe(id: u32, subscribe: Subscribe) -> Command {
    Command { id, subscribe: Some(subscribe), ..Command::default() }
}

pub(crate) fn to(channel: &str) -> Subscribe {
    Subscribe { channel: channel.to_owned(), ..Subscribe::default() }
}

fn of(channel: &str) -> Option<OfChannel> {
    Some(OfChannel { channel: channel.to_owned(), ..OfChannel::default() })
}

pub(crate) async fn connected(server: &Server) -> Client {
    let mut client = server.try_open(&[SUBPROTOCOL]).await.expect("open");
    say(&mut client, &[connect(1)]).await;
    let reply = next(&mut client).await;
    let connected = reply.connect.expect("connected");
    assert_eq!((reply.id, connected.ping, connected.pong, connected.client.len()), (1, 25, true, 36));
    assert!(connected.time > 0 && connected.session.is_empty() && connected.node.is_empty());
    client
}

#[tokio::test]
async fn clients_of_both_encodings_share_a_channel() {
    let server = server().await;
    let (mut binary, mut text) = (connected(&server).await, server.connect().await);
    say(&mut binary, &[subscribe(2, Subscribe { join_leave: true, ..to("talk:a") })]).await;
    let subscribed = next(&mut binary).await.subscribe.expect("subscribed");
    assert!(subscribed.recoverable && subscribed.positioned && subscribed.epoch.len() > 3, "{subscribed:?}");
    let own = next(&mut binary).await.push.expect("a push");
    assert_eq!(own.channel, "talk:a");
    assert_eq!(own.join.and_then(|join| join.info).expect("info").client.len(), 36);
    text.subscribe("talk:a").await;
    assert!(next(&mut binary).await.push.and_then(|push| push.join).is_some());

    let data = json!({ "say": "é\n" });
    let publish = |data: &str| Publish { channel: "talk:a".to_owned(), data: data.as_bytes().to_vec() };
    say(&mut binary, &[Command { id: 3, publish: Some(publish(&data.to_string())), ..Command::default() }]).await;
    assert_eq!(text.next().await["push"]["pub"]["data"], data);
    let push = next(&mut binary).await.push.expect("its own");
    let first = push.publication.expect("a publication");
    assert_eq!((first.offset, serde_json::from_slice::<Value>(&first.data).expect("JSON")), (1, data));
    assert_eq!(first.epoch, subscribed.epoch, "the first says in which life of the stream");
    assert_eq!(next(&mut binary).await.publish.map(|_| ()), Some(()));

    server.publish("talk:a", json!("x".repeat(100_000))).await;
    assert_eq!(next(&mut binary).await.push.and_then(|push| push.publication).expect("long").data.len(), 100_002);
    let history = History { channel: "talk:a".to_owned(), limit: 1, reverse: true, since: None };
    let there = [
        Command { id: 4, presence: of("talk:a"), ..Command::default() },
        Command { id: 5, presence_stats: of("talk:a"), ..Command::default() },
        Command { id: 6, history: Some(history), ..Command::default() },
    ];
    say(&mut binary, &there).await;
    let presence = next(&mut binary).await.presence.expect("presence").presence;
    assert!(presence.len() == 2 && presence.iter().all(|(client, info)| *client == info.client), "{presence:?}");
    assert_eq!(next(&mut binary).await.presence_stats.expect("stats").num_clients, 2);
    let history = next(&mut binary).await.history.expect("history");
    assert_eq!((history.offset, history.publications[0].offset, history.publications.len()), (2, 2, 1));

    let rpc = Rpc { data: b"[1]".to_vec(), method: "echo".to_owned() };
    say(&mut binary, &[Command { id: 7, rpc: Some(rpc), ..Command::default() }]).await;
    assert_eq!(next(&mut binary).await.rpc.expect("an answer").data, b"[1]");
    say(
        &mut binary,
        &[subscribe(8, to("nowhere:a")), Command { id: 9, unsubscribe: of("talk:a"), ..Command::default() }],
    )
    .await;
    let refused = next(&mut binary).await;
    assert_eq!((refused.id, refused.error.expect("an error").code), (8, 102));
    assert_eq!(next(&mut binary).await.unsubscribe.map(|_| ()), Some(()));
}

#[tokio::test]
async fn what_was_missed_is_recovered() {
    let server = server().await;
    for number in 1..=3 {
        server.publish("talk:a", json!(number)).await;
    }
    for query in ["?format=protobuf", "?cf_protocol=protobuf"] {
        let mut client = server.open_at(query, &[]).await.expect("open");
        // In one frame, as the official client has it.
        let missed = Subscribe { recover: true, offset: 1, ..to("talk:a") };
        say(&mut client, &[connect(1), subscribe(2, missed)]).await;
        assert!(next(&mut client).await.connect.is_some());
        let subscribed = next(&mut client).await.subscribe.expect("subscribed");
        assert!(subscribed.recovered && subscribed.was_recovering && subscribed.offset == 1);
        let data: Vec<_> = subscribed.publications.iter().map(|it| (it.offset, it.data.clone())).collect();
        assert_eq!(data, [(2, b"2".to_vec()), (3, b"3".to_vec())]);
    }
}

#[tokio::test]
async fn a_ping_says_nothing_and_so_does_its_answer() {
    let server = server().await;
    let mut client = connected(&server).await;
    let mut pings = 0;
    while pings < 2 {
        server.hub.tick();
        if let Some(frame) = client.socket.next().now_or_never() {
            assert_eq!(frame.expect("a frame").expect("no error"), Message::binary(vec![0]));
            client.socket.send(Message::binary(vec![0])).await.expect("sent");
            pings += 1;
            say(&mut client, &[Command { id: 2, unsubscribe: of("talk:a"), ..Command::default() }]).await;
            assert_eq!(next(&mut client).await.id, 2, "it was heard");
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_no_command_ends_the_connection() {
    let server = server().await;
    let nothing = Command { id: 2, ..Command::default() };
    for wrong in [
        Message::binary(Vec::new()),
        Message::binary(vec![0]),
        Message::binary(vec![5, 1]),
        Message::binary(vec![1, 0xff]),
        Message::binary(vec![0x80; 12]),
        Message::binary(together(&[connect(2)])),
        Message::binary(together(&[nothing])),
        Message::binary(together(&[subscribe(0, to("talk:a"))])),
        Message::binary(together(&[subscribe(2, to(""))])),
        Message::text(r#"{"id":2,"subscribe":{"channel":"talk:a"}}"#),
    ] {
        let mut client = connected(&server).await;
        client.socket.send(wrong.clone()).await.expect("sent");
        assert_eq!(client.closed().await.0, 3501, "{wrong:?}");
    }
    let mut text = server.connect().await;
    text.socket.send(Message::binary(together(&[subscribe(2, to("talk:a"))]))).await.expect("sent");
    assert_eq!(text.closed().await.0, 3501, "nor does JSON mix with it");
    assert_eq!(server.hub.subscribers("talk:a"), 0);
}

/// As another user of the official client may send them: what is said is refused, and the connection goes on.
#[tokio::test]
async fn bytes_that_are_no_json_fail_by_themselves() {
    let server = server().await;
    server.hub.take_messages(Arc::new(Echo));
    let mut client = connected(&server).await;
    say(&mut client, &[subscribe(2, to("talk:a"))]).await;
    assert!(next(&mut client).await.subscribe.is_some());
    for data in [&b"{"[..], b"hello", &[0xff, 0xfe]] {
        let (data, channel) = (data.to_vec(), "talk:a".to_owned());
        let commands = [
            Command { send: Some(Data { data: data.clone() }), ..Command::default() },
            Command { id: 3, publish: Some(Publish { channel, data: data.clone() }), ..Command::default() },
            Command { id: 4, rpc: Some(Rpc { data, method: "echo".to_owned() }), ..Command::default() },
        ];
        say(&mut client, &commands).await;
        for id in [3, 4] {
            let refused = next(&mut client).await;
            assert_eq!((refused.id, refused.error.expect("an error").code), (id, 107));
        }
    }
    assert_eq!(server.publish("talk:a", json!(1)).await, 1, "nothing was published");
}

#[tokio::test]
async fn json_is_spoken_where_both_are_offered() {
    let server = server().await;
    let both = [("sec-websocket-protocol", "centrifuge-protobuf, centrifuge-json")];
    let mut client = server.try_open(&both).await.expect("open");
    assert!(client.ask(json!({ "connect": {} })).await["connect"].is_object());
}

const BINARY: &[(&str, &str)] = &[("content-type", "application/octet-stream")];

/// The next reply of an answer without end.
async fn next_of(answer: &mut Events) -> Option<Reply> {
    let chunk = in_time(answer.chunk()).await?;
    let mut replies = replies(&chunk);
    assert_eq!(replies.len(), 1);
    Some(replies.remove(0))
}

#[tokio::test]
async fn over_http_commands_come_by_requests_to_any_process() {
    let bus = Bus::memory(Clock::system(), &Entropy::system());
    let (one, two) = (Server::on(bus.clone(), []).await, Server::on(bus, []).await);
    let mut answer = one.request("POST", "/connection/http_stream", BINARY, together(&[connect(1)])).await;
    assert!(answer.head.contains("content-type: application/octet-stream\r\n"), "{}", answer.head);
    let connected = next_of(&mut answer).await.and_then(|reply| reply.connect).expect("connected");
    let said = |commands: &[u8]| {
        let (node, session) = (connected.node.clone(), connected.session.clone());
        Emulation { node, session, data: commands.to_vec() }.encode_to_vec()
    };
    for (server, channel, id) in [(&one, "news:a", 2), (&two, "news:b", 3)] {
        let commands = together(&[subscribe(id, to(channel))]);
        assert_eq!(server.request("POST", "/emulation", BINARY, said(&commands)).await.status(), 204);
        assert_eq!(next_of(&mut answer).await.expect("an answer").id, id);
    }
    two.publish("news:a", json!(1)).await;
    assert_eq!(next_of(&mut answer).await.and_then(|it| it.push?.publication).expect("a push").data, b"1");
    assert_eq!(one.request("POST", "/emulation", BINARY, b"\xff\xff").await.status(), 400);
    assert_eq!(one.request("POST", "/emulation", BINARY, "").await.status(), 404, "of no process");
    assert_eq!(one.request("POST", "/connection/sse", BINARY, together(&[connect(1)])).await.status(), 400);
    assert_eq!(one.request("POST", "/connection/http_stream", BINARY, "").await.status(), 400);
    assert_eq!(one.request("POST", "/emulation", BINARY, said(&[9, 1])).await.status(), 204);
    let farewell = next_of(&mut answer).await.and_then(|it| it.push?.disconnect).expect("a farewell");
    assert_eq!((farewell.code, farewell.reason.as_str()), (3501, "bad request"));
    assert!(next_of(&mut answer).await.is_none());
}
