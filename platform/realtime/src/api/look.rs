//! What programs look at.

use std::collections::BTreeMap;

use bus::{BusError, Position, Read};
use kernel::limits;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::fault::Fault;
use super::{Done, open, raw};
use crate::centrifuge::command::History;
use crate::centrifuge::reply::{HistoryOut, PresenceOut, StatsOut};
use crate::claims::caps::is_like;
use crate::codes::ReplyError;
use crate::hub::Hub;
use crate::portion;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct OfChannel {
    channel: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Which {
    /// `*` is any text; empty for all.
    pattern: String,
}

#[derive(Serialize)]
pub(super) struct Channels {
    channels: BTreeMap<String, Counted>,
}

#[derive(Serialize)]
struct Counted {
    num_clients: usize,
}

#[derive(Serialize)]
pub(super) struct Info {
    nodes: [Node; 1],
}

/// This process.
#[derive(Serialize)]
struct Node {
    uid: String,
    name: String,
    version: &'static str,
    num_clients: usize,
    num_users: usize,
    num_channels: usize,
    num_subs: usize,
    /// Seconds.
    uptime: i64,
}

pub(super) async fn presence(hub: &Hub, of: &OfChannel) -> Result<Box<RawValue>, Fault> {
    shows_presence(hub, &of.channel)?;
    let there = hub.presence(&of.channel).await;
    Ok(raw(&PresenceOut { presence: &there.clients }))
}

pub(super) async fn presence_stats(hub: &Hub, of: &OfChannel) -> Result<Box<RawValue>, Fault> {
    shows_presence(hub, &of.channel)?;
    let stats = hub.presence_stats(&of.channel).await;
    Ok(raw(&StatsOut { num_clients: stats.clients, num_users: stats.people }))
}

fn shows_presence(hub: &Hub, channel: &str) -> Result<(), Fault> {
    if open(hub, channel)?.presence { Ok(()) } else { Err(ReplyError::NOT_AVAILABLE.into()) }
}

pub(super) async fn history(hub: &Hub, asked: &History) -> Result<Box<RawValue>, Fault> {
    let (core, namespace) = (&hub.0, open(hub, &asked.channel)?);
    if namespace.history_size == 0 {
        return Err(ReplyError::NOT_AVAILABLE.into());
    }
    let failed = |error: &dyn std::fmt::Display| {
        tracing::warn!(%error, "a history could not be read");
        ReplyError::INTERNAL
    };
    let is_there = core.loads.ensure(&core.bus, &namespace, &asked.channel).await.map_err(|error| failed(&error))?;
    if !is_there {
        return Err(ReplyError::UNKNOWN_CHANNEL.into());
    }
    let limit = usize::try_from(asked.limit).unwrap_or(limits::HISTORY_READ).min(limits::HISTORY_READ);
    let read = Read { since: asked.since.as_ref().map(Position::from), limit, reverse: asked.reverse };
    let mut history = core.bus.history(&asked.channel, read).await.map_err(|error| match error {
        BusError::Unrecoverable { .. } => ReplyError::UNRECOVERABLE,
        error => failed(&error),
    })?;
    portion::cut(&mut history.publications);
    Ok(raw(&HistoryOut::from(&history)))
}

/// The position stays; what is durable is its product's.
pub(super) async fn history_remove(hub: &Hub, of: &OfChannel) -> Result<Done, Fault> {
    let namespace = open(hub, &of.channel)?;
    if namespace.history_size == 0 || namespace.durable.is_some() {
        return Err(ReplyError::NOT_AVAILABLE.into());
    }
    hub.0.bus.clear(&of.channel).await.map_err(|error| {
        tracing::warn!(%error, "a history could not be removed");
        ReplyError::INTERNAL
    })?;
    Ok(Done {})
}

/// Those with a subscriber in this process, in the order of their names.
pub(super) fn channels(hub: &Hub, which: &Which) -> Result<Channels, Fault> {
    let core = &hub.0;
    if which.pattern.len() > limits::CHANNEL_BYTES {
        return Err(ReplyError::BAD_REQUEST.into());
    }
    let wanted = |name: &str| which.pattern.is_empty() || is_like(which.pattern.as_bytes(), name.as_bytes());
    let open = |name: &str| core.find(name).is_some_and(|namespace| namespace.api);
    let mut names = core.channels.names();
    names.retain(|name| wanted(name) && open(name));
    names.sort_unstable();
    names.truncate(limits::REALTIME_API_CHANNELS);
    let counted = |name: &str| Counted { num_clients: core.channels.subscribers(name) };
    Ok(Channels { channels: names.iter().map(|name| (name.to_string(), counted(name))).collect() })
}

pub(super) fn info(hub: &Hub) -> Info {
    let (core, stats) = (&hub.0, hub.stats());
    let node = Node {
        uid: core.node.clone(),
        name: core.node.clone(),
        version: env!("CARGO_PKG_VERSION"),
        num_clients: stats.connections,
        num_users: core.members.people(),
        num_channels: stats.channels,
        num_subs: stats.subscriptions,
        uptime: core.clock.now_ms().saturating_sub(core.since_ms) / 1_000,
    };
    Info { nodes: [node] }
}
