//! What programs do to people's connections, wherever these are.

use serde::Deserialize;

use super::fault::Fault;
use super::{Done, open};
use crate::claims::subscription::{Terms, TermsClaims};
use crate::codes::{Disconnect, ReplyError};
use crate::hub::Hub;
use crate::orders::{Deed, Whom};

/// Codes that end a connection (Centrifuge protocol).
const CODES: std::ops::RangeInclusive<u16> = 3000..=4999;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Subscribe {
    user: String,
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
    user: String,
    channel: String,
    client: String,
    session: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct EndConnections {
    user: String,
    client: String,
    session: String,
    whitelist: Vec<String>,
    disconnect: Option<Why>,
}

/// The words are those of the code.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Why {
    code: u16,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Refresh {
    user: String,
    client: String,
    session: String,
    expired: bool,
    /// Seconds; 0 for never.
    expire_at: i64,
    info: Option<serde_json::Value>,
}

fn whom(user: String, client: String, session: String) -> Result<Whom, Fault> {
    // Nobody in particular cannot be found.
    if user.is_empty() { Err(ReplyError::BAD_REQUEST.into()) } else { Ok(Whom { user, client, session }) }
}

/// When something is to end, Unix milliseconds; none for never.
fn until(hub: &Hub, expire_at_s: i64) -> Result<Option<i64>, Fault> {
    match expire_at_s.saturating_mul(1_000) {
        0 => Ok(None),
        at_ms if at_ms <= hub.0.clock.now_ms() => Err(ReplyError::EXPIRED.into()),
        at_ms => Ok(Some(at_ms)),
    }
}

pub(super) async fn subscribe(hub: &Hub, asked: Subscribe) -> Result<Done, Fault> {
    open(hub, &asked.channel)?;
    let terms = Terms::try_from(asked.terms).map_err(|_| ReplyError::BAD_REQUEST)?;
    let terms = Terms { until_ms: until(hub, asked.expire_at)?, ..terms };
    let since = asked.recover_since.map(|since| (since.offset, since.epoch));
    let deed = Deed::Subscribe { channel: asked.channel, terms: (&terms).into(), since };
    hub.order(whom(asked.user, asked.client, asked.session)?, deed).await;
    Ok(Done {})
}

pub(super) async fn unsubscribe(hub: &Hub, asked: Unsubscribe) -> Result<Done, Fault> {
    open(hub, &asked.channel)?;
    let deed = Deed::Unsubscribe { channel: asked.channel };
    hub.order(whom(asked.user, asked.client, asked.session)?, deed).await;
    Ok(Done {})
}

pub(super) async fn disconnect(hub: &Hub, asked: EndConnections) -> Result<Done, Fault> {
    let code = asked.disconnect.map_or(Disconnect::FORCED.code, |why| why.code);
    if !CODES.contains(&code) {
        return Err(ReplyError::BAD_REQUEST.into());
    }
    let deed = Deed::Disconnect { code, spared: asked.whitelist };
    hub.order(whom(asked.user, asked.client, asked.session)?, deed).await;
    Ok(Done {})
}

pub(super) async fn refresh(hub: &Hub, asked: Refresh) -> Result<Done, Fault> {
    // What others are shown of a client they were told when it came.
    if asked.info.is_some() {
        return Err(ReplyError::NOT_AVAILABLE.into());
    }
    let deed = if asked.expired {
        Deed::Disconnect { code: Disconnect::EXPIRED.code, spared: Vec::new() }
    } else {
        Deed::Until { until_ms: until(hub, asked.expire_at)? }
    };
    hub.order(whom(asked.user, asked.client, asked.session)?, deed).await;
    Ok(Done {})
}
