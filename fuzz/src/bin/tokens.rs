//! Nobody has a token believed who did not sign it, and what is believed is what everybody else reads.
//!
//! - Of anything at all, only the one token that was ever signed is believed, byte for byte, and until its end.
//! - Of what the key did sign, whatever it is, only that is believed whose header another reader finds to say `EdDSA` and nothing that must be
//!   understood; whose claims that reader finds to be the same; in which neither names anything twice; that is for us, and good now.
//! - A key set gives no more keys than its bound. Memory is in proportion to what came.
//!
//! Input: kind, a byte; then a token (0), a key set (1), or the header, a line, and the payload (2).
#![no_main]

use std::fmt;

use fuzz::{Input, within};
use identity::fuzzing::{keys, read, sign};
use libfuzzer_sys::fuzz_target;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Value, json};

const NOW_S: i64 = 1_700_000_000;

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input(bytes);
    match input.byte() % 3 {
        0 => forged(input.0),
        1 => {
            let found = within(64 * 1024 + 256 * input.0.len(), || keys(input.0));
            assert!(found.is_none_or(|found| found <= 100));
        }
        _ => {
            let header = input.line();
            signed(header, input.0);
        }
    }
});

fn forged(bytes: &[u8]) {
    let Ok(token) = std::str::from_utf8(bytes) else { return };
    let said = json!({"iss": "it", "aud": "us", "sub": "ann", "exp": NOW_S + 60}).to_string();
    let known = sign(br#"{"alg":"EdDSA","kid":"k"}"#, said.as_bytes());
    let believed = within(64 * 1024 + 256 * token.len(), || read(token, NOW_S * 1000)).is_ok();
    assert_eq!(believed, token == known, "{token}");
    assert!(read(token, (NOW_S + 90) * 1000).is_err());
}

fn signed(header: &[u8], payload: &[u8]) {
    let token = sign(header, payload);
    let Ok(claims) = within(64 * 1024 + 256 * token.len(), || read(&token, NOW_S * 1000)) else { return };
    // A member of this name is no member to the other reader, but a text to be read in its place. To ours it is one.
    if [header, payload].iter().any(|object| String::from_utf8_lossy(object).contains("$serde_json::private")) {
        return;
    }
    for object in [header, payload] {
        let mut names = serde_json::from_slice::<Names>(object).expect("an object").0;
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "a name twice");
    }
    let header: Value = serde_json::from_slice(header).expect("JSON");
    assert!(header["alg"] == "EdDSA" && header.get("crit").is_none());
    assert!(header.get("kid").is_none_or(|kid| kid == "k"));
    let Value::Object(mut said) = serde_json::from_slice(payload).expect("JSON") else { panic!("no object") };
    let for_us = |aud: &Value| aud == "us" || aud.as_array().is_some_and(|list| list.iter().any(|name| name == "us"));
    assert!(said.remove("aud").is_some_and(|aud| for_us(&aud)) && claims.audience.contains(&"us".to_owned()));
    assert_eq!(said.remove("iss"), Some(json!("it")));
    assert_eq!(said.remove("sub"), Some(json!(claims.subject)));
    assert!(!claims.subject.is_empty() && claims.subject.len() <= 255);
    let second = |name: &Value| name.as_f64().expect("a number");
    assert!(said.remove("exp").is_some_and(|exp| second(&exp) > (NOW_S - 30) as f64 - 0.001));
    assert!(said.remove("nbf").is_none_or(|nbf| second(&nbf) < (NOW_S + 30) as f64 + 0.001));
    assert!(said.remove("iat").is_none_or(|iat| second(&iat) < (NOW_S + 30) as f64 + 0.001));
    said.remove("jti");
    assert_eq!(said, claims.rest);
}

/// The names of an object's members, in their order, as often as they come.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Names;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}
