//! What a connection token says, once the doorman has verified it (Centrifugo's claims for connection JWTs).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use kernel::limits;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

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
}

impl Caller {
    /// Whom a verified connection token lets in: `sub` until `expire_at` (seconds; 0 for ever) or else `exp`, shown to others with
    /// `info` or `b64info`. The doorman adds its pass.
    ///
    /// # Errors
    /// [`BadClaims`] where a claim has another form than it must have, and of the token of a subscription.
    pub fn of_claims(claims: &Value) -> Result<Self, BadClaims> {
        let claims = Connection::deserialize(claims).map_err(|error| BadClaims::Form(error.to_string()))?;
        // Whoever may hear one channel may not come in by that.
        if claims.channel.is_some() {
            return Err(BadClaims::OfSubscription);
        }
        let until_s = match (claims.expire_at, claims.exp) {
            (Some(0), _) => None,
            (Some(at_s), _) => Some(at_s),
            (None, exp) => exp,
        };
        Ok(Self {
            user: claims.sub,
            until_ms: until_s.map(|at_s| at_s.saturating_mul(1_000)),
            info: info(claims.info.as_ref(), &claims.b64info)?,
            ..Self::default()
        })
    }
}

/// JSON, the Base64 form before the plain one.
fn info(plain: Option<&Value>, base64: &str) -> Result<Option<Bytes>, BadClaims> {
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
}
