//! What programs do to people's connections, wherever these are.

use serde::Deserialize;

use super::fault::Fault;
use super::{Api, Done, open};
use crate::claims::subscription::{Terms, TermsClaims};
use crate::codes::{Disconnect, ReplyError};
use crate::doorman::Strange;
use crate::hub::Hub;
use crate::orders::{Deed, Whom, is_reason};

/// Codes that end a connection (Centrifuge protocol).
const CODES: std::ops::RangeInclusive<u16> = 3000..=4999;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Subscribe {
    #[serde(flatten)]
    user: Named,
    channel: String,
    client: String,
    session: String,
    /// Seconds; 0 for never.
    expire_at: i64,
    recover_since: Option<Since>,
    #[serde(flatten)]
    terms: TermsClaims,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Since {
    offset: u64,
    epoch: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Unsubscribe {
    #[serde(flatten)]
    user: Named,
    channel: String,
    client: String,
    session: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct EndConnections {
    #[serde(flatten)]
    user: Named,
    client: String,
    session: String,
    whitelist: Vec<String>,
    disconnect: Option<Why>,
}

#[derive(Deserialize)]
#[serde(default)]
struct Why {
    code: u16,
    /// Those of the code where it is empty.
    reason: String,
}

impl Default for Why {
    fn default() -> Self {
        Self { code: Disconnect::FORCED.code, reason: String::new() }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Refresh {
    #[serde(flatten)]
    user: Named,
    client: String,
    session: String,
    expired: bool,
    /// Seconds; 0 for never.
    expire_at: i64,
    info: Option<serde_json::Value>,
}

/// Whose connections are meant.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Named {
    /// As we call them; with an issuer, as that one's tokens do.
    user: String,
    /// As its tokens name it (`iss`). A member of its own: whatever is in the other one, no two issuers have a user in common.
    issuer: Option<String>,
}

impl Api {
    /// Does it to whoever is meant, wherever they are. To somebody who has never come there is nothing to do.
    async fn order(&self, named: Named, (client, session): (String, String), deed: Deed) -> Result<Done, Fault> {
        // Nobody in particular cannot be found.
        if named.user.is_empty() {
            return Err(ReplyError::BAD_REQUEST.into());
        }
        let user = match named.issuer {
            None => named.user,
            Some(issuer) => match self.gate.user_of(&issuer, &named.user).await {
                Ok(Some(user)) => user,
                Ok(None) => return Ok(Done {}),
                Err(Strange::Issuer) => return Err(ReplyError::BAD_REQUEST.into()),
                Err(Strange::Away) => return Err(ReplyError::INTERNAL.into()),
            },
        };
        self.hub.order(Whom { user, client, session }, deed).await;
        Ok(Done {})
    }
}

/// When something is to end, Unix milliseconds; none for never.
fn until(hub: &Hub, expire_at_s: i64) -> Result<Option<i64>, Fault> {
    match expire_at_s.saturating_mul(1_000) {
        0 => Ok(None),
        at_ms if at_ms <= hub.0.clock.now_ms() => Err(ReplyError::EXPIRED.into()),
        at_ms => Ok(Some(at_ms)),
    }
}

pub(super) async fn subscribe(api: &Api, asked: Subscribe) -> Result<Done, Fault> {
    open(&api.hub, &asked.channel)?;
    let terms = Terms::try_from(asked.terms).map_err(|_| ReplyError::BAD_REQUEST)?;
    let terms = Terms { until_ms: until(&api.hub, asked.expire_at)?, ..terms };
    let since = asked.recover_since.map(|since| (since.offset, since.epoch));
    let deed = Deed::Subscribe { channel: asked.channel, terms: (&terms).into(), since };
    api.order(asked.user, (asked.client, asked.session), deed).await
}

pub(super) async fn unsubscribe(api: &Api, asked: Unsubscribe) -> Result<Done, Fault> {
    open(&api.hub, &asked.channel)?;
    let deed = Deed::Unsubscribe { channel: asked.channel };
    api.order(asked.user, (asked.client, asked.session), deed).await
}

pub(super) async fn disconnect(api: &Api, asked: EndConnections) -> Result<Done, Fault> {
    let Why { code, reason } = asked.disconnect.unwrap_or_default();
    if !CODES.contains(&code) || !is_reason(&reason) {
        return Err(ReplyError::BAD_REQUEST.into());
    }
    let words = (!reason.is_empty()).then_some(reason);
    let deed = Deed::Disconnect { code, spared: asked.whitelist, words };
    api.order(asked.user, (asked.client, asked.session), deed).await
}

pub(super) async fn refresh(api: &Api, asked: Refresh) -> Result<Done, Fault> {
    // What others are shown of a client they were told when it came.
    if asked.info.is_some() {
        return Err(ReplyError::NOT_AVAILABLE.into());
    }
    let deed = if asked.expired {
        Deed::Disconnect { code: Disconnect::EXPIRED.code, spared: Vec::new(), words: None }
    } else {
        Deed::Until { until_ms: until(&api.hub, asked.expire_at)? }
    };
    api.order(asked.user, (asked.client, asked.session), deed).await
}
