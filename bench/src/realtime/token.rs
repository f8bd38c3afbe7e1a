//! Tokens of ten thousand people, signed with a secret that every server of the bench shares.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use kernel::Clock;
use realtime::doorman::{Shown, Standing, Unknown};
use realtime::{Caller, Doorman};
use serde_json::{Value, json};
use sha2::Sha256;

/// Not secret: it lives as long as a run.
pub(crate) const SECRET: &str = "a secret that only this bench shares";
pub(crate) const ISSUER: &str = "bench";
pub(crate) const AUDIENCE: &str = "mainspring";
const GOOD_FOR_S: i64 = 4 * 3600;

/// A token for the person of this number.
pub(crate) fn sign(clock: &Clock, number: usize) -> String {
    let until_s = clock.now_ms() / 1000 + GOOD_FOR_S;
    let claims = json!({ "sub": format!("person-{number}"), "iss": ISSUER, "aud": AUDIENCE, "exp": until_s });
    let signed = [r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string()].map(|part| BASE64.encode(part)).join(".");
    let seal = BASE64.encode(mac(&signed).finalize().into_bytes());
    format!("{signed}.{seal}")
}

fn mac(signed: &str) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length is a key");
    mac.chain_update(signed)
}

/// Lets in whoever shows a token that is signed and has not ended.
pub(crate) struct BySecret(pub(crate) Clock);

impl BySecret {
    fn read(&self, token: &str) -> Option<Caller> {
        let (signed, seal) = token.rsplit_once('.')?;
        mac(signed).verify_slice(&BASE64.decode(seal).ok()?).ok()?;
        let (head, claims) = signed.split_once('.')?;
        let json = |part: &str| serde_json::from_slice::<Value>(&BASE64.decode(part).ok()?).ok();
        let (head, claims) = (json(head)?, json(claims)?);
        let caller = Caller::of_claims(&claims).ok()?;
        (head["alg"] == "HS256" && caller.until_ms? > self.0.now_ms()).then_some(caller)
    }
}

impl Doorman for BySecret {
    fn at_the_door<'a>(&'a self, _: &'a axum::http::HeaderMap) -> BoxFuture<'a, Result<Caller, Unknown>> {
        std::future::ready(Ok(Caller::default())).boxed()
    }

    fn by_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Shown> {
        std::future::ready(self.read(token).map_or(Shown::Bad, Shown::Good)).boxed()
    }

    fn still<'a>(&'a self, _: &'a Caller) -> BoxFuture<'a, Standing> {
        std::future::ready(Standing::Good).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_lets_in_its_person_until_it_ends_and_no_other_does() {
        let clock = Clock::manual(1_700_000_000_000);
        let (token, door) = (sign(&clock, 7), BySecret(clock.clone()));
        assert_eq!(door.read(&token).map(|caller| caller.user).as_deref(), Some("person-7"));
        let (head, rest) = token.split_once('.').expect("three parts");
        let forged =
            token.replace(rest.split('.').next().expect("claims"), &BASE64.encode(r#"{"sub":"x","exp":9999999999}"#));
        let unsigned = format!("{}.{rest}", BASE64.encode(r#"{"alg":"none"}"#));
        for bad in [forged.as_str(), &unsigned, head, "", ".."] {
            assert_eq!(door.read(bad), None, "{bad}");
        }
        clock.advance(GOOD_FOR_S * 1000);
        assert_eq!(door.read(&token), None);
    }
}
