//! The examples of the protocol's document, what it forbids, and every packet there and back.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::ws::encode::payloads;

fn one(text: &str) -> Result<Packet, Malformed> {
    Assembler::default().text(text).map(|packet| packet.expect("no attachments"))
}

fn packet(namespace: &str, body: Body) -> Packet {
    Packet { namespace: namespace.to_owned(), body }
}

fn event(id: Option<u64>, name: &str, values: Value) -> Body {
    Body::Event { id, name: name.to_owned(), args: Args::of(values) }
}

fn members(value: Value) -> Map<String, Value> {
    serde_json::from_value(value).expect("an object")
}

#[test]
fn the_examples_of_the_document_are_read_and_written() {
    for (text, expected) in [
        ("0", packet("/", Body::Connect(Map::new()))),
        ("0/admin,{\"sid\":\"oSO0\"}", packet("/admin", Body::Connect(members(json!({"sid": "oSO0"}))))),
        ("1/admin,", packet("/admin", Body::Disconnect)),
        ("2[\"foo\"]", packet("/", event(None, "foo", json!([])))),
        ("2/admin,[\"bar\"]", packet("/admin", event(None, "bar", json!([])))),
        ("212[\"foo\",1,\"2\",{\"3\":[true]}]", packet("/", event(Some(12), "foo", json!([1, "2", {"3": [true]}])))),
        ("3/admin,13[\"bar\"]", packet("/admin", Body::Ack { id: 13, args: Args::of(json!(["bar"])) })),
        ("30[]", packet("/", Body::Ack { id: 0, args: Args::default() })),
    ] {
        assert_eq!(one(text), Ok(expected.clone()), "{text}");
        assert_eq!(payloads(&expected.frames()).collect::<Vec<_>>(), [(true, format!("4{text}").as_bytes())]);
    }
    let refusal = packet("/", Body::ConnectError(members(json!({"message": "Not authorized"}))));
    let said = (true, &br#"44{"message":"Not authorized"}"#[..]);
    assert_eq!(payloads(&refusal.frames()).collect::<Vec<_>>(), [said]);
    assert_eq!(one("0/custom").expect("without its comma").namespace, "/custom");
    assert_eq!(one("50-[\"e\"]"), one("2[\"e\"]"), "labelled as binary, without any");
}

#[test]
fn attachments_are_put_together() {
    let mut assembler = Assembler::default();
    let text = r#"52-/admin,["baz",{"_placeholder":true,"num":0},{"a":[{"_placeholder":true,"num":1}]}]"#;
    assert_eq!(assembler.text(text), Ok(None));
    assert_eq!(assembler.binary(vec![1, 2]), Ok(None));
    let whole = assembler.binary(vec![3]).expect("taken").expect("whole");
    let Body::Event { args, .. } = &whole.body else { panic!("{whole:?}") };
    assert_eq!(args.attachment(&args.values[1]["a"][0]), Some(&Bytes::from_static(&[3])));
    assert_eq!(
        payloads(&whole.frames()).collect::<Vec<_>>(),
        [(true, format!("4{text}").as_bytes()), (false, &[1, 2][..]), (false, &[3][..])]
    );
    assert_eq!(assembler.binary(vec![4]), Err(Malformed), "nobody waits for it");
}

#[test]
fn attachments_come_next_to_their_packet_and_are_bounded() {
    let begun = || {
        let mut assembler = Assembler::default();
        assert_eq!(assembler.text(r#"51-["e",{"_placeholder":true,"num":0}]"#), Ok(None));
        assembler
    };
    assert_eq!(begun().text("2[\"e\"]"), Err(Malformed));
    assert_eq!(begun().binary(vec![0; limits::SOCKETIO_PAYLOAD_BYTES]), Err(Malformed));
    assert!(begun().binary(vec![0; limits::SOCKETIO_PAYLOAD_BYTES / 2]).is_ok_and(|packet| packet.is_some()));
}

#[test]
fn what_is_malformed_is_refused() {
    let long = format!("0/{}", "n".repeat(limits::CHANNEL_BYTES));
    let deep = format!("2[\"e\",{}1{}]", "[".repeat(200), "]".repeat(200));
    for text in [
        "",
        "abc",
        "7",
        "4{\"message\":\"x\"}",
        "0[]",
        "0\"x\"",
        "0{",
        "01",
        "0/a,7",
        "1[]",
        "11",
        "1/a,{}",
        "2",
        "2{}",
        "2[]",
        "2[1]",
        "2[null]",
        "2[\"e\"",
        "2[\"e\"] x",
        "2abc[\"e\"]",
        "2-1[\"e\"]",
        "21.5[\"e\"]",
        "207[\"e\"]",
        "29007199254740992[\"e\"]",
        "2/a[\"e\"]",
        "2[\"connect\"]",
        "2[\"disconnect\",1]",
        "2[\"newListener\"]",
        "3[]",
        "0/a\nb",
        "31",
        "31{}",
        "3[1]",
        "5[\"e\"]",
        "5-[\"e\"]",
        "51[\"e\"]",
        "501-[\"e\"]",
        "5-1-[\"e\"]",
        "511-[\"e\"]",
        "61-[]",
        "6[]",
        "52-[\"e\",{\"_placeholder\":true,\"num\":2}]",
        "51-[\"e\",{\"_placeholder\":true,\"num\":-1}]",
        "51-[\"e\",{\"_placeholder\":true}]",
        "2[\"e\",{\"_placeholder\":true,\"num\":0}]",
        &long,
        &deep,
    ] {
        assert_eq!(Assembler::default().text(text), Err(Malformed), "{text:.60}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from)
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z]{0,4}", inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn given() -> impl Strategy<Value = Args> {
    let bytes = prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from);
    (prop::collection::vec(value(), 0..4), prop::collection::vec(bytes, 0..4)).prop_map(|(values, attachments)| {
        let mut args = Args { values, attachments: Vec::new() };
        attachments.into_iter().for_each(|bytes| args.attach(bytes));
        args
    })
}

fn body() -> impl Strategy<Value = Body> {
    let id = 0..1_u64 << 53;
    let name = ".{0,8}".prop_filter("reserved", |name| !RESERVED.contains(&&**name));
    let shown = prop::collection::vec(("[a-z]{1,4}", value()), 0..3).prop_map(|members| members.into_iter().collect());
    prop_oneof![
        shown.prop_map(Body::Connect),
        Just(Body::Disconnect),
        (prop::option::of(id.clone()), name, given()).prop_map(|(id, name, args)| Body::Event { id, name, args }),
        (id, given()).prop_map(|(id, args)| Body::Ack { id, args }),
    ]
}

proptest! {
    #[test]
    fn every_packet_is_read_as_it_was_written(namespace in "/|/[^,\\x00-\\x1f\\x7f]{1,20}", body in body()) {
        let packet = Packet { namespace, body };
        let mut assembler = Assembler::default();
        let mut read = None;
        for said in payloads(&packet.frames()) {
            prop_assert!(read.is_none(), "more comes behind a whole packet");
            read = match said {
                (true, text) => assembler.text(std::str::from_utf8(&text[1..]).expect("text")),
                (false, bytes) => assembler.binary(bytes.to_vec()),
            }.expect("well formed");
        }
        prop_assert_eq!(read, Some(packet));
    }

    /// Whatever is taken is written in the one form that means the same.
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}|[0-6](/[a-z]{0,3},)?[0-9]{0,3}(\\[\"[a-z]{1,3}\"(,[0-9]{1,3})?\\]|\\{\\}|\\[\\])?") {
        if let Ok(Some(packet)) = Assembler::default().text(&text) {
            let frames = packet.frames();
            let again = std::str::from_utf8(&payloads(&frames).next().expect("one").1[1..]).expect("text");
            prop_assert_eq!(one(again), Ok(packet));
        }
    }
}
