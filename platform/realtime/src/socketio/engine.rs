//! Engine.IO v4 packets: one in each frame of a WebSocket, or several in the body of a polling request (socketio/socket.io,
//! `docs/engine.io-protocol/v4-current.md`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use kernel::limits;

use super::{Beat, Malformed};
use crate::ws::encode::{TextFrame, payloads};

/// Between two packets of one body.
const SEPARATOR: char = '\x1e';

/// What a client may send. Opening, ping and noop are the server's to say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Packet<'a> {
    Close,
    /// A WebSocket asks whether it reaches its session.
    Probe,
    Pong,
    Message(&'a str),
    Binary(Vec<u8>),
    /// The WebSocket carries the session from here on.
    Upgrade,
}

impl<'a> Packet<'a> {
    /// The text frame of a WebSocket. A binary frame is a message as it is.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Malformed> {
        match text {
            "1" => Ok(Self::Close),
            "2probe" => Ok(Self::Probe),
            "3" => Ok(Self::Pong),
            "5" => Ok(Self::Upgrade),
            text => text.strip_prefix('4').map(Self::Message).ok_or(Malformed),
        }
    }

    /// The body of a POST, packet by packet; it has one at least.
    pub(crate) fn parse_body(body: &'a str) -> impl Iterator<Item = Result<Self, Malformed>> {
        body.split(SEPARATOR).map(|packet| match packet.strip_prefix('b') {
            Some(base64) => STANDARD.decode(base64).map(Self::Binary).map_err(|_| Malformed),
            None => Self::parse(packet),
        })
    }
}

/// What the server says, each ready as a frame: a polling request takes the frame's payload.
pub(crate) const CLOSE: Bytes = Bytes::from_static(b"\x81\x011");
pub(crate) const PING: Bytes = Bytes::from_static(b"\x81\x012");
pub(crate) const PROBE_ANSWER: Bytes = Bytes::from_static(b"\x81\x063probe");
pub(crate) const NOOP: Bytes = Bytes::from_static(b"\x81\x016");

/// The first packet of a session.
pub(crate) fn open(sid: &str, upgrades: bool, beat: Beat) -> Bytes {
    let upgrades: &[&str] = if upgrades { &["websocket"] } else { &[] };
    let handshake = serde_json::json!({
        "sid": sid,
        "upgrades": upgrades,
        "pingInterval": beat.ping.as_millis() as u64,
        "pingTimeout": beat.pong.as_millis() as u64,
        "maxPayload": limits::SOCKETIO_PAYLOAD_BYTES,
    });
    let mut frame = TextFrame::with_capacity(160);
    frame.payload().extend_from_slice(format!("0{handshake}").as_bytes());
    frame.finish()
}

/// A message; `write` appends its text, of about `bytes`.
pub(crate) fn message(bytes: usize, write: impl FnOnce(&mut Vec<u8>)) -> Bytes {
    let mut frame = TextFrame::with_capacity(1 + bytes);
    frame.payload().push(b'4');
    write(frame.payload());
    frame.finish()
}

/// The body that answers a polling request, from frames of which there is one at least.
pub(crate) fn body<'a>(frames: impl IntoIterator<Item = &'a Bytes>) -> Vec<u8> {
    let mut body = Vec::new();
    for (number, (is_text, payload)) in frames.into_iter().flat_map(|frames| payloads(frames)).enumerate() {
        if number > 0 {
            body.push(SEPARATOR as u8);
        }
        if is_text {
            body.extend_from_slice(payload);
        } else {
            body.push(b'b');
            body.extend_from_slice(STANDARD.encode(payload).as_bytes());
        }
    }
    body
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ws::encode;

    fn parsed(body: &str) -> Result<Vec<Packet<'_>>, Malformed> {
        Packet::parse_body(body).collect()
    }

    #[test]
    fn the_bodies_of_the_document_are_read() {
        assert_eq!(
            parsed("4hello\x1e3\x1e4world"),
            Ok(vec![Packet::Message("hello"), Packet::Pong, Packet::Message("world")])
        );
        assert_eq!(parsed("4hello\x1ebAQIDBA=="), Ok(vec![Packet::Message("hello"), Packet::Binary(vec![1, 2, 3, 4])]));
        assert_eq!(parsed("4"), Ok(vec![Packet::Message("")]));
        for bad in [
            "", "abc", "0{}", "2", "2other", "6", "1x", "3probe", "5x", "7", "4a\x1e", "\x1e4a", "bAQI", "bAQJ=", "b*",
            "😀",
        ] {
            assert_eq!(parsed(bad), Err(Malformed), "{bad:?}");
        }
    }

    #[test]
    fn an_opening_says_what_the_session_keeps() {
        let open = open("7-ab", true, Beat::default());
        let body = body([&open]);
        let handshake: serde_json::Value = serde_json::from_slice(&body[1..]).expect("JSON");
        assert_eq!(body[0], b'0');
        assert_eq!(handshake["sid"], "7-ab");
        assert_eq!(handshake["upgrades"], serde_json::json!(["websocket"]));
        assert_eq!((&handshake["pingInterval"], &handshake["pingTimeout"]), (&25_000.into(), &20_000.into()));
        assert_eq!(handshake["maxPayload"], 1_000_000);
    }

    #[test]
    fn the_ready_frames_are_one_packet_each() {
        for (frame, packet) in [(CLOSE, "1"), (PING, "2"), (PROBE_ANSWER, "3probe"), (NOOP, "6")] {
            assert_eq!(body([&frame]), packet.as_bytes());
        }
    }

    #[derive(Clone, Debug)]
    enum Sent {
        Text(String),
        Binary(Vec<u8>),
    }

    fn sent() -> impl Strategy<Value = Sent> {
        prop_oneof![
            "[^\u{1e}\r\n]{0,200}".prop_map(Sent::Text),
            prop::collection::vec(any::<u8>(), 0..200).prop_map(Sent::Binary),
        ]
    }

    proptest! {
        #[test]
        fn what_is_polled_is_what_was_sent(sent in prop::collection::vec(sent(), 1..8)) {
            let frames: Vec<Bytes> = sent.iter().map(|sent| match sent {
                Sent::Text(text) => message(text.len(), |bytes| bytes.extend_from_slice(text.as_bytes())),
                Sent::Binary(bytes) => encode::binary(bytes),
            }).collect();
            let body = String::from_utf8(body(&frames)).expect("text");
            let expected: Vec<Packet<'_>> = sent.iter().map(|sent| match sent {
                Sent::Text(text) => Packet::Message(text),
                Sent::Binary(bytes) => Packet::Binary(bytes.clone()),
            }).collect();
            prop_assert_eq!(parsed(&body), Ok(expected));
        }

        #[test]
        fn any_body_is_read_or_refused(body in "\\PC*|[0-6b\u{1e}a-z=]{0,64}") {
            if let Ok(packets) = parsed(&body) {
                prop_assert_eq!(packets.len(), body.matches(SEPARATOR).count() + 1);
            }
        }
    }
}
