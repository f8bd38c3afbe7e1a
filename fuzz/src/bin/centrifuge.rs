//! A client of the Centrifuge protocol says anything; what it hears stays in order and in the protocol.
//!
//! - A line means the same after its JSON was written anew, and only an object is a command.
//! - Every reply is one text frame with one JSON object; it answers the oldest unanswered command, by its id, and an error has a
//!   code that the protocol documents. So has the end of the connection, and nothing is heard after it.
//! - Nothing is answered before `connect`, and what a client held is given back when it is gone.
//!
//! Input: messages, with a zero byte between them. `tick` lets time pass, `publish` publishes on `news:a`; every other is a text
//! message of the client, a command a line.
#![no_main]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bus::Bus;
use futures_util::FutureExt;
use kernel::{Clock, Entropy};
use libfuzzer_sys::fuzz_target;
use realtime::doorman::Nobody;
use realtime::fuzzing::{Session, command, lines};
use realtime::{Hub, Namespace};
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// `ErrorInternal` to `ErrorUnrecoverablePosition` of the client protocol, without those of tokens that are refreshed.
const ERRORS: &[u64] = &[100, 101, 102, 103, 104, 105, 106, 107, 108, 111, 112];
/// Bad request, invalid token, stale, no pong, not available; 1000s are WebSocket's own.
const ENDS: &[u16] = &[1002, 1007, 1009, 3000, 3008, 3012, 3500, 3501, 3508];
const REPLIES: &[&str] = &["connect", "subscribe", "unsubscribe", "history", "error"];

fuzz_target!(|bytes: &[u8]| {
    let hub = hub();
    let mut client = Client { session: Session::open(&hub), waiting: VecDeque::new(), connected: false };
    for message in bytes.split(|byte| *byte == 0) {
        match message {
            b"tick" => client.session.tick(),
            b"publish" => drop(hub.publish("news:a", &json!({ "n": 1 })).now_or_never()),
            message => match std::str::from_utf8(message) {
                Ok(text) if client.says(text) => {}
                _ => break,
            },
        }
        if client.hears().is_some() {
            break;
        }
    }
    assert!(hub.stats().subscriptions <= kernel::limits::CHANNELS_PER_CONNECTION);
    drop(client);
    assert_eq!(hub.stats().subscriptions, 0, "somebody who is gone is subscribed");
});

fn hub() -> Hub {
    let (clock, entropy) = (Clock::manual(1_700_000_000_000), Entropy::seeded(1));
    let hub = Hub::new(Bus::memory(clock.clone(), &entropy), clock, entropy, Arc::new(Nobody));
    hub.namespace(Namespace::public("plain"));
    hub.namespace(Namespace::public("news").history(3, u64::MAX));
    hub.namespace(Namespace::admin("ops").history(3, u64::MAX));
    hub
}

struct Client {
    session: Session,
    /// The ids of commands that want an answer.
    waiting: VecDeque<u64>,
    connected: bool,
}

impl Client {
    /// Says every line of a message; whether the connection goes on.
    fn says(&mut self, text: &str) -> bool {
        for line in lines(text) {
            assert!(!line.contains('\n') && !line.is_empty());
            let meant = command(line);
            let value = serde_json::from_str::<Value>(line).ok();
            if let (Some(meant), Some(value)) = (&meant, &value) {
                assert!(value.is_object(), "no object, but a command: {line}");
                assert_eq!(command(&value.to_string()).as_ref(), Some(meant), "written anew: {line}");
            }
            self.waiting.extend(id(line).filter(|id| *id > 0));
            if let Err(code) = self.session.say(line) {
                assert!(ENDS.contains(&code), "no documented end: {code}");
                return false;
            }
            assert!(meant.is_some(), "no command, but taken: {line}");
            if self.hears().is_some() {
                return false;
            }
            assert!(self.waiting.is_empty(), "no answer: {line}");
        }
        true
    }

    /// Reads every frame that waits; the code with which the server closes.
    fn hears(&mut self) -> Option<u16> {
        let (frames, closing) = self.session.hear();
        for frame in frames {
            let text = payload(&frame);
            assert!(!text.contains(['\n', '\r']), "a line end would begin another message: {text}");
            let Value::Object(reply) = serde_json::from_str(text).expect("JSON") else { panic!("no object: {text}") };
            if reply.is_empty() || reply.contains_key("push") {
                assert!(self.connected, "pushed before `connect`: {text}");
                continue;
            }
            let id = reply.get("id").and_then(Value::as_u64);
            assert_eq!(id, self.waiting.pop_front(), "out of order: {text}");
            let kinds: Vec<_> = REPLIES.iter().filter(|kind| reply.contains_key(**kind)).collect();
            assert!(kinds.len() == 1 && reply.len() == 2, "one answer: {text}");
            self.connected |= *kinds[0] == "connect";
            assert!(self.connected, "answered before `connect`: {text}");
            if let Some(error) = reply.get("error") {
                assert!(
                    error["code"].as_u64().is_some_and(|code| ERRORS.contains(&code)),
                    "no documented error: {text}"
                );
            }
        }
        if let Some(code) = closing {
            assert!(ENDS.contains(&code), "no documented end: {code}");
        }
        closing
    }
}

/// The id of a command, whatever else is in it.
fn id(line: &str) -> Option<u64> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(line).ok()?;
    members.get("id")?.get().parse().ok()
}

/// What is in a server's text frame: final, unmasked, of the length that it says in the fewest bytes.
fn payload(frame: &[u8]) -> &str {
    assert_eq!(frame[0], 0x81, "a final text frame");
    let (said, rest) = match frame[1] {
        short @ 0..=125 => (usize::from(short), &frame[2..]),
        126 => (usize::from(u16::from_be_bytes([frame[2], frame[3]])), &frame[4..]),
        _ => (usize::MAX, frame),
    };
    assert_eq!(said, rest.len());
    assert!(frame[1] != 126 || said > 125);
    std::str::from_utf8(rest).expect("text")
}
