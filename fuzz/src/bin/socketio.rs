//! Packets of Socket.IO are read as the protocol says, and written in the one form that means the same.
//!
//! - What is taken and written anew is taken again, and comes out as it went in.
//! - Nothing is invented, lost or moved: packet by packet the type, the namespace, the id, the JSON and the attachments are those
//!   that another reading of the input finds.
//! - Memory stays within a bound of what came: a number of attachments that is only announced costs nothing.
//!
//! Input: the body of a polling request.
#![no_main]

use fuzz::within;
use libfuzzer_sys::fuzz_target;
use realtime::fuzzing::socketio;
use serde_json::Value;

/// A value of JSON holds some hundred bytes for two of its text, and there are a few of each at a time.
const BYTES_PER_BYTE: usize = 400;

fuzz_target!(|bytes: &[u8]| {
    let Ok(body) = std::str::from_utf8(bytes) else { return };
    let Some(written) = within(16 * 1024 + BYTES_PER_BYTE * body.len(), || socketio(body)) else { return };
    if written.is_empty() {
        return assert!(messages(body).is_empty(), "lost");
    }
    assert_eq!(socketio(&written).as_ref(), Some(&written), "taken again");
    let (sent, said) = (messages(body), messages(&written));
    assert_eq!(sent.len(), said.len(), "as many");
    for (sent, said) in sent.iter().zip(&said) {
        assert_eq!(Model::read(sent), Model::read(said), "the same");
    }
});

/// The packets that carry something.
fn messages(body: &str) -> Vec<&str> {
    body.split('\x1e').filter(|packet| packet.starts_with(['4', 'b'])).collect()
}

/// A packet, by another reading of the protocol: from the back, where the JSON begins.
#[derive(Debug, PartialEq)]
enum Model<'a> {
    /// Of base 64: the one text for these bytes.
    Bytes(&'a str),
    Packet {
        kind: u8,
        attachments: u64,
        namespace: &'a str,
        id: Option<u64>,
        json: Option<Value>,
    },
}

impl<'a> Model<'a> {
    fn read(packet: &'a str) -> Self {
        let Some(text) = packet.strip_prefix('4') else { return Self::Bytes(packet) };
        let (kind, mut rest) = (text.as_bytes()[0], &text[1..]);
        let mut attachments = 0;
        if matches!(kind, b'5' | b'6') {
            let (number, behind) = rest.split_once('-').expect("a number of attachments");
            (attachments, rest) = (number.parse().expect("a number"), behind);
        }
        let (namespace, rest) = match rest.strip_prefix('/') {
            Some(named) => named.split_once(',').unwrap_or((named, "")),
            None => ("", rest),
        };
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (id, json) = rest.split_at(digits);
        let json: Option<Value> = (!json.is_empty()).then(|| serde_json::from_str(json).expect("JSON"));
        // A binary packet without attachments is a plain one, and nothing shown is as good as an empty object.
        let kind = if attachments == 0 && kind > b'4' { kind - 3 } else { kind };
        let json = json.filter(|json| kind != b'0' || json.as_object().is_some_and(|members| !members.is_empty()));
        Self::Packet { kind, attachments, namespace, id: id.parse().ok(), json }
    }
}
