//! What a token says once it is verified: whom it lets in, and what it gives them (Centrifugo's claims for JWTs).

pub(crate) mod caps;
pub(crate) mod subscription;

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use kernel::limits;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use self::caps::{Cap, Caps};
use self::subscription::{Terms, TermsClaims};
use crate::doorman::{BadClaims, Caller};

/// The claims that are read here. Signature, issuer, audience and times are the doorman's.
#[derive(Deserialize)]
struct Connection {
    /// Absent or empty for somebody without a name.
    #[serde(default)]
    sub: String,
    exp: Option<i64>,
    expire_at: Option<i64>,
    info: Option<Value>,
    #[serde(default)]
    b64info: String,
    channel: Option<Value>,
    #[serde(default)]
    channels: Vec<String>,
    #[serde(default)]
    subs: BTreeMap<String, TermsClaims>,
    meta: Option<Value>,
    #[serde(default)]
    caps: Vec<Cap>,
}

/// What a token gives beside a name. What of it counts on a channel its namespace says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claimed {
    /// What the server subscribes the client to.
    pub(crate) subs: BTreeMap<String, Terms>,
    pub(crate) caps: Caps,
    /// JSON for the products, which no client is shown.
    pub meta: Option<Bytes>,
}

impl Caller {
    /// Whom a verified connection token lets in: `sub` until `expire_at` (seconds; 0 for ever) or else `exp`, shown to others with
    /// `info` or `b64info`, with what `channels`, `subs`, `caps` and `meta` give. The doorman adds its pass.
    ///
    /// # Errors
    /// [`BadClaims`] where a claim has another form than it must have, and of the token of a subscription.
    pub fn of_claims(claims: &Value) -> Result<Self, BadClaims> {
        let claims = Connection::deserialize(claims).map_err(|error| BadClaims::Form(error.to_string()))?;
        // Whoever may hear one channel may not come in by that.
        if claims.channel.is_some() {
            return Err(BadClaims::OfSubscription);
        }
        let mut subs = BTreeMap::new();
        for (channel, terms) in claims.subs {
            subs.insert(channel, Terms::try_from(terms)?);
        }
        for channel in claims.channels {
            subs.entry(channel).or_default();
        }
        let fits = |channel: &String| (1..=limits::CHANNEL_BYTES).contains(&channel.len());
        if subs.len() > limits::CHANNELS_PER_CONNECTION || !subs.keys().all(fits) {
            return Err(BadClaims::Form("more channels than a connection may have, or one without a name".to_owned()));
        }
        let meta = json_of(claims.meta.as_ref(), "")?;
        let claimed = Claimed { subs, caps: Caps::try_from(claims.caps)?, meta };
        let until_s = match (claims.expire_at, claims.exp) {
            (Some(0), _) => None,
            (Some(at_s), _) => Some(at_s),
            (None, exp) => exp,
        };
        Ok(Self {
            user: claims.sub,
            until_ms: until_s.map(|at_s| at_s.saturating_mul(1_000)),
            info: json_of(claims.info.as_ref(), &claims.b64info)?,
            claimed: (claimed != Claimed::default()).then(|| claimed.into()),
            ..Self::default()
        })
    }
}

/// JSON, the Base64 form before the plain one.
fn json_of(plain: Option<&Value>, base64: &str) -> Result<Option<Bytes>, BadClaims> {
    let bytes = match plain {
        _ if !base64.is_empty() => BASE64_STANDARD.decode(base64).map_err(|_| BadClaims::Info)?,
        Some(value) => value.to_string().into_bytes(),
        None => return Ok(None),
    };
    if bytes.len() > limits::CLIENT_INFO_BYTES || serde_json::from_slice::<&RawValue>(&bytes).is_err() {
        return Err(BadClaims::Info);
    }
    Ok(Some(bytes.into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(claims: &Value) -> Caller {
        Caller::of_claims(claims).expect("good claims")
    }

    #[test]
    fn a_token_says_who_until_when_and_what_others_see() {
        let caller = read(&json!({ "sub": "ann", "exp": 1_700_000_000, "info": { "name": "Ann" }, "jti": "7" }));
        assert_eq!((caller.user.as_str(), caller.until_ms, caller.admin), ("ann", Some(1_700_000_000_000), false));
        assert_eq!(caller.info, Some(Bytes::from_static(b"{\"name\":\"Ann\"}")));
        assert_eq!(read(&json!({})), Caller::default(), "somebody without a name");
        assert_eq!(read(&json!({ "exp": 7, "expire_at": 9 })).until_ms, Some(9_000));
        assert_eq!(
            read(&json!({ "exp": 7, "expire_at": 0 })).until_ms,
            None,
            "the token ends, the connection does not"
        );
        let both = json!({ "info": 1, "b64info": BASE64_STANDARD.encode("{\"a\":2}") });
        assert_eq!(read(&both).info, Some(Bytes::from_static(b"{\"a\":2}")));
    }

    #[test]
    fn what_is_no_connection_token_lets_nobody_in() {
        let of_subscription = Caller::of_claims(&json!({ "sub": "ann", "channel": "news:a" }));
        assert!(matches!(of_subscription, Err(BadClaims::OfSubscription)), "{of_subscription:?}");
        for form in [json!({ "sub": 7 }), json!({ "exp": "soon" }), json!([]), json!("ann")] {
            assert!(matches!(Caller::of_claims(&form), Err(BadClaims::Form(_))), "{form}");
        }
        let long = "x".repeat(limits::CLIENT_INFO_BYTES);
        for info in
            [json!({ "b64info": "?" }), json!({ "b64info": BASE64_STANDARD.encode("{") }), json!({ "info": long })]
        {
            assert!(matches!(Caller::of_claims(&info), Err(BadClaims::Info)), "{info}");
        }
    }

    #[test]
    fn a_token_says_what_its_client_is_subscribed_to_and_what_products_know_of_it() {
        let caller = read(&json!({
            "sub": "ann", "channels": ["news:a", "news:b"], "meta": { "plan": "gold" },
            "subs": { "news:b": { "info": 1, "data": { "a": 2 }, "override": { "presence": { "value": false } } } },
        }));
        let claimed = caller.claimed.expect("something");
        assert_eq!(claimed.subs.keys().collect::<Vec<_>>(), ["news:a", "news:b"]);
        let terms = &claimed.subs["news:b"];
        assert_eq!((terms.info.as_deref(), terms.data.as_deref()), (Some(&b"1"[..]), Some(&b"{\"a\":2}"[..])));
        assert!(terms.hidden && !claimed.subs["news:a"].hidden);
        assert_eq!(claimed.meta.as_deref(), Some(&b"{\"plan\":\"gold\"}"[..]));
        let many: Vec<_> = (0..=limits::CHANNELS_PER_CONNECTION).map(|number| format!("news:{number}")).collect();
        for wrong in [
            json!({ "channels": many }),
            json!({ "channels": [""] }),
            json!({ "channels": "news:a" }),
            json!({ "subs": { "news:a": { "override": { "presence": true } } } }),
            json!({ "subs": { "news:a": null } }),
            json!({ "caps": [{ "match": "glob", "channels": ["a"] }] }),
        ] {
            assert!(matches!(Caller::of_claims(&wrong), Err(BadClaims::Form(_))), "{wrong}");
        }
    }
}
