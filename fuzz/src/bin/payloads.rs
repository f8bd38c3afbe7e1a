//! The body of a delivery whose signature held: JSON, forms and feeds, and what is told about one whose signature did not.
//!
//! - What goes into the log is JSON, and the same JSON that names the event; a form has the fields that a plain reading finds.
//! - The type, the id and the subject of the event are of the letters and the length that the log wants.
//! - A challenge is given back as text, and nothing that a browser would run.
//! - A time is read as another library reads it, or not at all.
//! - A hint about a failed delivery never tells the secret. Memory is in proportion to what came.
//!
//! Input: sender, a byte; headers and, after an empty line, the body.
#![no_main]

use fuzz::{Input, within};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use kernel::limits;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use webhooks::fuzzing::{Read, hint_of, read, time_ms};
use webhooks::scheme::{Sender, Unit};
use webhooks::{Message, sources};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const NOW_MS: i64 = 1_762_000_000_000;

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    let sender = input.pick(sources::ALL);
    let (headers, body) = (input.headers(), input.0);
    let message = Message { headers: &headers, body };
    let granted = 64 * 1024 + 256 * bytes.len();
    if let Some(hint) = within(granted, || hint_of(sender, SECRET, message, NOW_MS)) {
        assert!(!hint.contains(&SECRET[6..]), "{hint}");
    }
    if let Some(read) = within(granted, || read(sender, message)) {
        said(sender, &headers, body, &read);
    }
    if let Ok(text) = std::str::from_utf8(body) {
        time(text);
        named(text.rsplit('\n').next().unwrap_or_default());
    }
});

/// A body that says nothing but a name: the last line, as the type of an event.
fn named(name: &str) {
    let generic = sources::find("generic").expect("a sender");
    let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let body = json!({ "type": name }).to_string();
    let read = read(generic, Message { headers: &headers, body: body.as_bytes() }).expect("JSON");
    said(generic, &headers, body.as_bytes(), &read);
}

fn said(sender: &Sender<'_>, headers: &HeaderMap, body: &[u8], read: &Read) {
    assert_eq!(serde_json::from_str::<Value>(&read.text).ok().as_ref(), Some(&read.value));
    let form = headers["content-type"].to_str().is_ok_and(|kind| kind.to_ascii_lowercase().contains("form"));
    if !form && sender.name != "youtube" {
        assert_eq!(read.text.as_bytes(), body, "JSON as it was written");
    }
    if let (true, Value::Object(fields)) = (form, &read.value) {
        let plain = plain_form(body);
        let whole = fields.iter().all(|(name, value)| plain.iter().rev().any(|(n, v)| n == name && value == v));
        assert!(whole || plain.iter().any(|(name, value)| name == "payload" && *value == read.text), "{}", read.text);
    }
    if let Some(kind) = &read.kind {
        let name = kind.strip_prefix(sender.family.trim_end_matches('*')).expect("of the family");
        let words = name.split('.').all(|word| !word.is_empty());
        let letters = name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'));
        assert!(words && letters && name.len() <= 64, "{kind}");
    }
    if let Some(id) = &read.id {
        assert!((1..=limits::SENDER_ID_BYTES).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()), "{id}");
    }
    if let Some(subject) = &read.subject {
        let bounded = (1..=limits::EVENT_ATTRIBUTE_BYTES).contains(&subject.len());
        assert!(bounded && !subject.contains(char::is_control), "{subject}");
    }
    if let Some(answer) = &read.answer {
        let kind = answer.headers().get("content-type").map(|kind| kind.as_bytes());
        assert!(matches!(kind, None | Some(b"application/json" | b"text/plain; charset=utf-8")), "{kind:?}");
    }
}

/// The fields of a form (URL Standard, 5.1), where nothing is escaped wrongly.
fn plain_form(body: &[u8]) -> Vec<(String, String)> {
    let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    let halves = pairs.map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=');
        (&pair[..at.unwrap_or(pair.len())], at.map_or(&b""[..], |at| &pair[at + 1..]))
    });
    halves.map(|(name, value)| (unescaped(name), unescaped(value))).collect()
}

fn unescaped(text: &[u8]) -> String {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut bytes, mut at) = (Vec::new(), 0);
    while at < text.len() {
        match (text[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) => bytes.push(b' '),
            (byte, ..) => bytes.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn time(text: &str) {
    // Another library reads more than RFC 3339 has, and a leap second as the one before.
    let Some(ms) = time_ms(Unit::Rfc3339, text).filter(|_| !text[10..].contains(":60")) else { return };
    let theirs = text.parse::<Timestamp>().map(|time| time.as_nanosecond().div_euclid(1_000_000));
    assert_eq!(theirs.ok(), Some(i128::from(ms)), "{text}");
}
