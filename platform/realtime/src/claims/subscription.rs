//! The terms of a subscription, and the token that gives one.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::json_of;
use crate::doorman::BadClaims;

/// What a subscription comes with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// What others are shown of the client in this channel (`chan_info`): JSON of `limits::CLIENT_INFO_BYTES` at most.
    pub info: Option<Bytes>,
    /// What the client is told with its subscription: JSON of `limits::CLIENT_INFO_BYTES` at most.
    pub data: Option<Bytes>,
    /// When it ends by itself, Unix milliseconds; none for never.
    pub until_ms: Option<i64>,
    /// Not shown among those who are present.
    pub hidden: bool,
    /// Told who comes and goes, asked or not, where the namespace tells that.
    pub told_comings: bool,
    /// On what it hangs beside the user, by names of the doorman's own: see [`Hub::fell`](crate::Hub::fell).
    pub grounds: Vec<String>,
}

/// As tokens and the server API write them.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct TermsClaims {
    info: Option<Value>,
    b64info: String,
    data: Option<Value>,
    b64data: String,
    /// Null where nothing is.
    #[serde(rename = "override")]
    overridden: Option<Override>,
}

/// Positions are always kept where there is a history, and told: the other two say nothing here.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct Override {
    presence: Option<Flag>,
    join_leave: Option<Flag>,
    force_push_join_leave: Option<Flag>,
    force_positioning: Option<Flag>,
    force_recovery: Option<Flag>,
}

#[derive(Clone, Copy, Default, Deserialize, Serialize)]
#[serde(default)]
struct Flag {
    value: bool,
}

impl TryFrom<TermsClaims> for Terms {
    type Error = BadClaims;

    fn try_from(claims: TermsClaims) -> Result<Self, BadClaims> {
        let overridden = claims.overridden.unwrap_or_default();
        Ok(Self {
            info: json_of(claims.info.as_ref(), &claims.b64info)?,
            data: json_of(claims.data.as_ref(), &claims.b64data)?,
            until_ms: None,
            hidden: overridden.presence.is_some_and(|flag| !flag.value),
            told_comings: overridden.force_push_join_leave.is_some_and(|flag| flag.value),
            grounds: Vec::new(),
        })
    }
}

/// What a verified subscription token says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ticketed {
    /// Whose it is (`sub`); empty for somebody without a name.
    pub user: String,
    /// The one channel that it opens.
    pub channel: String,
    /// The one client that it is for, by its name among clients; empty for any.
    pub client: String,
    /// What the subscription comes with.
    pub terms: Terms,
}

#[derive(Deserialize)]
struct Subscription {
    #[serde(default)]
    sub: String,
    #[serde(default)]
    channel: String,
    #[serde(default)]
    client: String,
    exp: Option<i64>,
    expire_at: Option<i64>,
    #[serde(flatten)]
    terms: TermsClaims,
}

impl Ticketed {
    /// What a verified subscription token gives: `channel` to `sub` until `expire_at` (seconds; 0 for ever) or else `exp`. The doorman
    /// has looked at signature, issuer, audience and times.
    ///
    /// # Errors
    /// [`BadClaims`] where a claim has another form than it must have, and of a token without a channel: it is for a connection.
    pub fn of_claims(claims: &Value) -> Result<Self, BadClaims> {
        let claims = Subscription::deserialize(claims).map_err(|error| BadClaims::Form(error.to_string()))?;
        if claims.channel.is_empty() {
            return Err(BadClaims::OfConnection);
        }
        let until_s = match (claims.expire_at, claims.exp) {
            (Some(0), _) => None,
            (Some(at_s), _) => Some(at_s),
            (None, exp) => exp,
        };
        let terms = Terms { until_ms: until_s.map(|at_s| at_s.saturating_mul(1_000)), ..claims.terms.try_into()? };
        Ok(Self { user: claims.sub, channel: claims.channel, client: claims.client, terms })
    }

    /// Whether it is for this client on this channel.
    pub(crate) fn is_for(&self, user: &str, channel: &str, client: &str) -> bool {
        self.user == user && self.channel == channel && (self.client.is_empty() || self.client == client)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_opens_one_channel_to_one_user() {
        let said = json!({ "sub": "ann", "channel": "news:a", "client": "c", "exp": 7, "info": { "a": 1 } });
        let ticket = Ticketed::of_claims(&said).expect("good");
        assert_eq!((ticket.terms.until_ms, ticket.terms.info.as_deref()), (Some(7_000), Some(&b"{\"a\":1}"[..])));
        assert!(ticket.is_for("ann", "news:a", "c"));
        for (user, channel, client) in [("bob", "news:a", "c"), ("ann", "news:b", "c"), ("ann", "news:a", "d")] {
            assert!(!ticket.is_for(user, channel, client));
        }
        let until = |said: Value| Ticketed::of_claims(&said).expect("good").terms.until_ms;
        assert_eq!(until(json!({ "channel": "a", "exp": 7, "expire_at": 0 })), None, "asked once");
        assert_eq!(until(json!({ "channel": "a", "exp": 7, "expire_at": 9 })), Some(9_000));
    }

    #[test]
    fn what_is_no_subscription_token_opens_nothing() {
        for said in [json!({ "sub": "ann" }), json!({ "sub": "ann", "channel": "" })] {
            assert!(matches!(Ticketed::of_claims(&said), Err(BadClaims::OfConnection)), "{said}");
        }
        for said in [json!({ "channel": 7 }), json!({ "channel": ["a"] }), json!({ "channel": "a", "client": 7 })] {
            assert!(matches!(Ticketed::of_claims(&said), Err(BadClaims::Form(_))), "{said}");
        }
        assert!(matches!(Ticketed::of_claims(&json!({ "channel": "a", "b64info": "?" })), Err(BadClaims::Info)));
    }
}
