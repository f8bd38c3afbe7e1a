//! What a token says (RFC 7519), and whether that is good now and here. Pure.

use kernel::limits;
use serde_json::{Map, Value};

use super::Refusal;

/// The end of the year 9999, seconds: what is later is no date.
const LATEST_S: f64 = 253_402_300_799.0;

/// What a proved token says.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// Who made it (`iss`).
    pub issuer: String,
    /// Whom it speaks of (`sub`): 1 to 255 bytes without control characters.
    pub subject: String,
    /// For whom it was made (`aud`): us among them, or nobody where none is expected.
    pub audience: Vec<String>,
    /// When it ends (`exp`), Unix milliseconds, without leeway.
    pub expires_at_ms: i64,
    /// When it was made (`iat`), Unix milliseconds, where it says so.
    pub issued_at_ms: Option<i64>,
    /// Its own name (`jti`), where it has one.
    pub id: Option<String>,
    /// Everything else that it says.
    pub rest: Map<String, Value>,
}

/// Whose tokens are taken, made for whom and given to whom.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    /// Empty: one that names somebody was made for somebody else.
    pub(crate) audience: &'a str,
    /// Empty: whoever it was given to.
    pub(crate) parties: &'a [String],
}

impl Claims {
    /// Judges what a proved token says. That it has ended is found last: whoever hears [`Refusal::Expired`] may come again with a
    /// newer one, and it will be good.
    ///
    /// # Errors
    /// [`Refusal::Bad`], [`Refusal::Expired`].
    pub(crate) fn judge(mut said: Map<String, Value>, expected: &Expected<'_>, now_ms: i64) -> Result<Self, Refusal> {
        let issuer = text(&mut said, "iss")?.ok_or(Refusal::Bad("it does not say who made it"))?;
        if issuer != expected.issuer {
            return Err(Refusal::Bad("somebody else made it"));
        }
        let audience = audience(said.remove("aud"))?;
        let for_us = audience.iter().any(|name| name == expected.audience);
        if !(for_us || audience.is_empty() && expected.audience.is_empty()) {
            return Err(Refusal::Bad("it was made for somebody else"));
        }
        let party = said.get("azp").and_then(Value::as_str);
        if !(expected.parties.is_empty() || expected.parties.iter().any(|name| party == Some(name))) {
            return Err(Refusal::Bad("it was given to somebody else"));
        }
        let subject = text(&mut said, "sub")?.ok_or(Refusal::Bad("it speaks of nobody"))?;
        if !is_subject(&subject) {
            return Err(Refusal::Bad("its subject is no name"));
        }
        let id = text(&mut said, "jti")?;
        let expires_at_ms = date(&mut said, "exp")?.ok_or(Refusal::Bad("it has no end"))?;
        let issued_at_ms = date(&mut said, "iat")?;
        let latest_ms = now_ms.saturating_add(limits::TOKEN_LEEWAY_MS);
        if date(&mut said, "nbf")?.is_some_and(|begins_ms| begins_ms > latest_ms) {
            return Err(Refusal::Bad("it is not good yet"));
        }
        if issued_at_ms.is_some_and(|made_ms| made_ms > latest_ms || made_ms > expires_at_ms) {
            return Err(Refusal::Bad("it was made in the future"));
        }
        if expires_at_ms.saturating_add(limits::TOKEN_LEEWAY_MS) <= now_ms {
            return Err(Refusal::Expired);
        }
        Ok(Self { issuer, subject, audience, expires_at_ms, issued_at_ms, id, rest: said })
    }
}

/// Whether this can be somebody's name in a token.
pub(crate) fn is_subject(name: &str) -> bool {
    (1..=limits::TOKEN_SUBJECT_BYTES).contains(&name.len()) && !name.chars().any(char::is_control)
}

fn text(said: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Refusal> {
    match said.remove(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::Bad("a claim that is a text is none")),
    }
}

/// One name or a list of names.
fn audience(said: Option<Value>) -> Result<Vec<String>, Refusal> {
    match said {
        None => Ok(Vec::new()),
        Some(Value::String(name)) => Ok(vec![name]),
        Some(Value::Array(names)) => {
            let names = names.into_iter().map(|name| match name {
                Value::String(name) => Ok(name),
                _ => Err(Refusal::Bad("its audience is no list of names")),
            });
            names.collect()
        }
        Some(_) => Err(Refusal::Bad("its audience is no list of names")),
    }
}

/// A NumericDate: seconds since 1970, with or without a fraction. Milliseconds come out.
fn date(said: &mut Map<String, Value>, name: &str) -> Result<Option<i64>, Refusal> {
    let Some(value) = said.remove(name) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| (0.0..=LATEST_S).contains(seconds));
    // In this range a double holds every millisecond.
    seconds.map(|seconds| Some((seconds * 1000.0) as i64)).ok_or(Refusal::Bad("one of its times is no date"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW_S: i64 = 1_700_000_000;
    const EXPECTED: Expected<'static> = Expected { issuer: "https://issuer.example", audience: "us", parties: &[] };

    fn good() -> Value {
        json!({"iss": "https://issuer.example", "aud": "us", "sub": "ann", "exp": NOW_S + 60, "channels": ["a"]})
    }

    fn judge(said: &Value) -> Result<Claims, Refusal> {
        Claims::judge(said.as_object().expect("an object").clone(), &EXPECTED, NOW_S * 1000)
    }

    fn with(name: &str, value: Value) -> Result<Claims, Refusal> {
        let mut said = good();
        said[name] = value;
        judge(&said)
    }

    #[test]
    fn what_is_not_ours_is_kept_for_the_caller() {
        let claims = judge(&good()).expect("good");
        assert_eq!((claims.subject.as_str(), claims.expires_at_ms), ("ann", (NOW_S + 60) * 1000));
        assert_eq!(Value::Object(claims.rest), json!({"channels": ["a"]}));
    }

    #[test]
    fn what_must_be_said_is_said() {
        for name in ["iss", "aud", "sub", "exp"] {
            let mut said = good();
            said.as_object_mut().expect("an object").remove(name);
            assert!(matches!(judge(&said), Err(Refusal::Bad(_))), "without {name}");
            for wrong in [json!(null), json!(true), json!([]), json!({}), json!("")] {
                assert!(matches!(with(name, wrong.clone()), Err(Refusal::Bad(_))), "{name} is {wrong}");
            }
        }
        for (name, wrong) in [
            ("iss", json!("https://issuer.example/")),
            ("iss", json!(["https://issuer.example"])),
            ("iss", json!("HTTPS://issuer.example")),
            ("aud", json!("US")),
            ("aud", json!(["them"])),
            ("aud", json!(["us", 1])),
            ("aud", json!([["us"]])),
            ("sub", json!("a".repeat(256))),
            ("sub", json!("a\nb")),
            ("sub", json!("a\u{0}")),
            ("sub", json!("a\u{85}")),
            ("sub", json!(7)),
            ("jti", json!(7)),
        ] {
            assert!(matches!(with(name, wrong.clone()), Err(Refusal::Bad(_))), "{name} is {wrong}");
        }
        assert!(with("aud", json!(["them", "us"])).is_ok());
        assert!(with("sub", json!("é".repeat(127))).is_ok());
    }

    /// Claims as Clerk has them in version 2 of its session tokens, and as Keycloak has them in an access token.
    #[test]
    fn whom_it_was_given_to_is_judged_where_that_is_expected() {
        let parties = ["https://app.example".to_owned(), "web".to_owned()];
        let clerk = json!({
            "iss": "https://issuer.example", "sub": "user_2", "azp": "https://app.example", "exp": NOW_S + 60, "iat": NOW_S,
            "nbf": NOW_S - 10, "sid": "sess_2", "fva": [7, -1], "v": 2,
        });
        let keycloak = json!({
            "iss": "https://issuer.example", "sub": "f:1", "aud": "account", "azp": "web", "exp": NOW_S + 60, "typ": "Bearer",
        });
        let judge = |said: &Value, audience: &str| {
            let expected = Expected { issuer: "https://issuer.example", audience, parties: &parties };
            Claims::judge(said.as_object().expect("an object").clone(), &expected, NOW_S * 1000)
        };
        assert_eq!(judge(&clerk, "").expect("good").subject, "user_2");
        assert_eq!(judge(&keycloak, "account").expect("good").subject, "f:1");
        for (said, audience) in [(&clerk, "us"), (&keycloak, ""), (&keycloak, "us")] {
            assert!(matches!(judge(said, audience), Err(Refusal::Bad("it was made for somebody else"))), "{said}");
        }
        for elsewhere in [json!("https://app.example.attacker.example"), json!(""), json!(["web"]), json!(null)] {
            let mut said = clerk.clone();
            said["azp"] = elsewhere;
            assert!(matches!(judge(&said, ""), Err(Refusal::Bad("it was given to somebody else"))), "{said}");
        }
        let mut silent = clerk;
        silent.as_object_mut().expect("an object").remove("azp");
        assert!(judge(&silent, "").is_err());
    }

    #[test]
    fn a_time_is_judged_with_half_a_minute_of_leeway() {
        for (name, value, expected) in [
            ("exp", json!(NOW_S - 29), "good"),
            ("exp", json!(NOW_S - 30), "expired"),
            ("exp", json!(NOW_S as f64 - 29.5), "good"),
            ("exp", json!(0), "expired"),
            ("exp", json!(-1), "bad"),
            ("exp", json!(LATEST_S), "good"),
            ("exp", json!(LATEST_S * 2.0), "bad"),
            ("exp", json!(i64::MAX), "bad"),
            ("exp", json!(u64::MAX), "bad"),
            ("exp", json!(f64::MAX), "bad"),
            ("exp", json!((NOW_S + 60).to_string()), "bad"),
            ("nbf", json!(NOW_S + 30), "good"),
            ("nbf", json!(NOW_S + 31), "bad"),
            ("nbf", json!("soon"), "bad"),
            ("iat", json!(NOW_S + 30), "good"),
            ("iat", json!(NOW_S + 31), "bad"),
            ("iat", json!(NOW_S - 1_000_000), "good"),
            ("iat", json!(-0.5), "bad"),
        ] {
            let said = match with(name, value.clone()) {
                Ok(_) => "good",
                Err(Refusal::Expired) => "expired",
                Err(_) => "bad",
            };
            assert_eq!(said, expected, "{name} is {value}");
        }
        let mut both = good();
        (both["exp"], both["iat"]) = (json!(NOW_S + 5), json!(NOW_S + 10));
        assert!(matches!(judge(&both), Err(Refusal::Bad(_))), "made after its end");
    }

    #[test]
    fn that_it_has_ended_is_said_of_an_otherwise_good_one_alone() {
        let mut said = good();
        (said["exp"], said["aud"]) = (json!(0), json!("them"));
        assert!(matches!(judge(&said), Err(Refusal::Bad(_))));
    }

    proptest! {
        #[test]
        fn any_time_is_judged(exp: f64, nbf: i64, iat: u64, now_ms: i64) {
            let mut said = good();
            (said["exp"], said["nbf"], said["iat"]) = (json!(exp), json!(nbf), json!(iat));
            let _ = Claims::judge(said.as_object().expect("an object").clone(), &EXPECTED, now_ms);
        }
    }
}
