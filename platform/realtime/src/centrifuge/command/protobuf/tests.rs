//! What a command says in protocol buffers, as an independent library writes it, is what it says in JSON.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use prost::Message;
use serde_json::{Value, json};

use super::{Command, Data, Payload, Publish};

#[path = "../../../../tests/it/client_commands.rs"]
mod client_commands;
use client_commands as proto;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z:é\"\\\\]{1,8}"]
}

fn data() -> impl Strategy<Value = Value> {
    prop_oneof![Just(json!({"a": [1, "é"]})), any::<i64>().prop_map(Value::from), text().prop_map(Value::from)]
}

type Both = (proto::Command, Value);

fn of_channel(channel: &str, token: &str) -> proto::OfChannel {
    proto::OfChannel { channel: channel.to_owned(), token: token.to_owned() }
}

/// One command in both encodings.
fn command() -> impl Strategy<Value = Both> {
    let words = (text(), text(), data());
    let numbers = (any::<u64>(), any::<i64>(), any::<i32>(), any::<bool>());
    (any::<u32>(), words, numbers, option::of(any::<u64>()), 0..12u8).prop_map(|(id, words, numbers, since, method)| {
        let (mut command, asked) = asked(method, words, numbers, since);
        command.id = id;
        let mut json = json!({ "id": id });
        json.as_object_mut().expect("an object").extend(asked.as_object().expect("an object").clone());
        (command, json)
    })
}

fn asked(
    method: u8,
    (channel, other, data): (String, String, Value),
    (offset, flag, kind, yes): (u64, i64, i32, bool),
    since: Option<u64>,
) -> Both {
    let empty = proto::Command::default();
    let (of, of_json) = (of_channel(&channel, ""), json!({ "channel": channel }));
    let bytes = data.to_string().into_bytes();
    match method {
        0 => {
            let (recover, token, epoch) = (yes, other.clone(), other.clone());
            let sub = proto::Subscribe { recover, token, epoch, offset, ..proto::Subscribe::default() };
            let subs = [(channel.clone(), sub)].into();
            let sub = json!({"recover": yes, "token": other, "epoch": other, "offset": offset});
            (
                proto::Command { connect: Some(proto::Connect { token: other.clone(), subs }), ..empty },
                json!({"connect": {"token": other, "subs": {channel: sub}}}),
            )
        }
        1 => {
            let subscribe = proto::Subscribe {
                channel: channel.clone(),
                token: other.clone(),
                recover: yes,
                epoch: other.clone(),
                offset,
                join_leave: !yes,
                delta: other.clone(),
                tf: yes.then(|| b"\x0a\x01a".to_vec()),
                flag,
                kind,
            };
            let mut json = json!({"subscribe": {"channel": channel, "token": other, "recover": yes, "epoch": other,
                "offset": offset, "join_leave": !yes, "delta": other, "flag": flag, "type": kind}});
            if yes {
                json["subscribe"]["tf"] = json!({"op": "a"});
            }
            (proto::Command { subscribe: Some(subscribe), ..empty }, json)
        }
        2 => (proto::Command { unsubscribe: Some(of), ..empty }, json!({ "unsubscribe": of_json })),
        3 => (
            proto::Command { publish: Some(proto::Publish { channel: channel.clone(), data: bytes }), ..empty },
            json!({"publish": {"channel": channel, "data": data}}),
        ),
        4 => (proto::Command { presence: Some(of), ..empty }, json!({ "presence": of_json })),
        5 => (proto::Command { presence_stats: Some(of), ..empty }, json!({ "presence_stats": of_json })),
        6 => {
            let position = since.map(|offset| proto::Position { offset, epoch: other.clone() });
            let history = proto::History { channel: channel.clone(), limit: kind, since: position, reverse: yes };
            let since = since.map(|offset| json!({"offset": offset, "epoch": other}));
            let json = json!({"history": {"channel": channel, "limit": kind, "since": since, "reverse": yes}});
            (proto::Command { history: Some(history), ..empty }, json)
        }
        7 => (proto::Command { ping: Some(Vec::new()), ..empty }, json!({"ping": {}})),
        8 => (proto::Command { send: Some(proto::Data { data: bytes }), ..empty }, json!({"send": {"data": data}})),
        9 => (
            proto::Command { rpc: Some(proto::Rpc { data: bytes, method: other.clone() }), ..empty },
            json!({"rpc": {"data": data, "method": other}}),
        ),
        10 => (
            proto::Command { refresh: Some(proto::Connect { token: other.clone(), ..Default::default() }), ..empty },
            json!({"refresh": {"token": other}}),
        ),
        _ => (
            proto::Command { sub_refresh: Some(of_channel(&channel, &other)), ..empty },
            json!({"sub_refresh": {"channel": channel, "token": other}}),
        ),
    }
}

fn meant(parsed: Option<&(u32, super::Payload)>) -> String {
    format!("{parsed:?}")
}

proptest! {
    #[test]
    fn both_encodings_say_the_same((command, json) in command()) {
        let (binary, text) = (Command::of_protobuf(&command.encode_to_vec()), Command::parse(&json.to_string()));
        prop_assert!(text.is_some());
        prop_assert_eq!(meant(binary.as_ref()), meant(text.as_ref()));
    }

    /// What was changed on the way is never taken for more than the other library takes it for.
    #[test]
    fn what_is_taken_is_a_command(
        (command, _) in command(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = command.encode_to_vec();
        for (at, byte) in changes.into_iter().filter(|_| !bytes.is_empty()).collect::<Vec<_>>() {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut.filter(|_| !bytes.is_empty()) {
            bytes.truncate(cut.index(bytes.len()));
        }
        if Command::of_protobuf(&bytes).is_some() {
            prop_assert!(proto::Command::decode(&*bytes).is_ok(), "{:?}", bytes);
        }
    }

    #[test]
    fn any_bytes_are_read_to_their_end(bytes in vec(any::<u8>(), 0..200)) {
        if Command::of_protobuf(&bytes).is_some() {
            prop_assert!(proto::Command::decode(&*bytes).is_ok(), "{:?}", bytes);
        }
    }
}

#[test]
fn data_that_is_no_json_is_known_as_that() {
    let command = |data: &[u8]| proto::Command {
        id: 1,
        publish: Some(proto::Publish { channel: "a:b".to_owned(), data: data.to_vec() }),
        ..Default::default()
    };
    let is_json = |data: &[u8]| match Command::of_protobuf(&command(data).encode_to_vec()) {
        Some((1, Payload::Publish(Publish { data, .. }))) => data.map(|Data(json)| json.is_some()),
        other => panic!("no publish: {other:?}"),
    };
    for bad in [&b"{"[..], b"\xff", b"1 2", b"nul", b" "] {
        assert_eq!(is_json(bad), Some(false), "{bad:?}");
    }
    for good in [&b"{}"[..], b"\"\xc3\xa9\"", b" 1 ", b"null"] {
        assert_eq!(is_json(good), Some(true), "{good:?}");
    }
    assert_eq!(is_json(b""), None, "empty is absent");
}
