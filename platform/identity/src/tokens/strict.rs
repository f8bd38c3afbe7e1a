//! JSON and base64url in one reading only: what two parsers could read differently is refused.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Base64url without padding (RFC 7515, section 2). Padding, white space and bits that lead nowhere are refused: each text is
/// the only one for its bytes.
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// As [`bytes`] reads it.
pub(crate) fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A JSON object in which no object has two members of one name: parsers differ in which of them counts (RFC 8259, section 4).
pub(crate) fn object(bytes: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(bytes) {
        Ok(Once(Value::Object(members))) => Some(members),
        _ => None,
    }
}

/// A value whose objects name each member once.
struct Once(Value);

impl<'de> Deserialize<'de> for Once {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number that is none"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Once(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let Once(value) = map.next_value()?;
            if members.insert(name, value).is_some() {
                return Err(A::Error::custom("a member twice"));
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_read_as_others_read_it() {
        let text = r#" {"a":[1,-2,3.5,null,true,"\u00e9"],"b":{"a":{}},"$serde_json::private::RawValue":"[1]"} "#;
        let expected: Value =
            json!({"a": [1, -2, 3.5, null, true, "é"], "b": {"a": {}}, "$serde_json::private::RawValue": "[1]"});
        assert_eq!(object(text.as_bytes()).map(Value::Object), Some(expected));
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_refused() {
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"b":{"a":1,"a":2}}"#,
            r#"{"b":[{"a":1,"a":2}]}"#,
            r#"{"a":1}{"a":1}"#,
            r#"{"a":1},"#,
            r#"{"a":1e999}"#,
            r#"{"a":NaN}"#,
            r#"{"a":"\ud800"}"#,
            "[]",
            "\"a\"",
            "null",
            "",
            "\u{feff}{}",
            &deep,
        ] {
            assert_eq!(object(text.as_bytes()), None, "{text}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}"), None);
    }

    #[test]
    fn base64url_has_one_text_for_its_bytes() {
        assert_eq!(bytes("AQAB"), Some(vec![1, 0, 1]));
        assert_eq!(bytes("_-8"), Some(vec![0xff, 0xef]));
        for wrong in ["AQAB=", "_-8=", "_-9", "_-_", "/+8", "A", "AQ AB", "AQAB\n", "\u{e9}"] {
            assert_eq!(bytes(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_the_only_text(text_ in "[A-Za-z0-9_-]{0,40}") {
            if let Some(read) = bytes(&text_) {
                prop_assert_eq!(text(read), text_);
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(any in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = object(&any);
        }
    }
}
