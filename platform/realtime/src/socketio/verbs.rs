//! What clients say to channels and see of them, in events: under the same conditions as every other client, see [`crate::asks`].

use std::sync::Arc;

use bus::{Position, Read};
use bytes::Bytes;
use kernel::limits;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::namespace::Call;
use super::{Args, Socket};
use crate::Caller;
use crate::asks::{self, Asks};
use crate::codes::ReplyError;
use crate::hub::Core;
use crate::presence;

/// Of an answer's list, bytes. Where other answers wait to be read there is less for it, so that who asks much at once is told less and
/// not sent away.
const LIST_BYTES: usize = limits::REALTIME_QUEUE_BYTES / 2;

impl Asks for Socket {
    fn core(&self) -> &Arc<Core> {
        &self.peer.core
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn caller(&self) -> Arc<Caller> {
        self.caller.clone()
    }

    /// Counted for the connection: it may be in several namespaces.
    fn has_turn(&self) -> bool {
        self.peer.turns.say(&self.peer.core.clock)
    }

    fn hears(&self, channel: &str) -> bool {
        self.rooms().has(channel)
    }

    fn shown(&self, channel: &str) -> Bytes {
        let info = self.rooms().info(channel);
        presence::present(self.name(), &self.caller, info.as_deref()).info
    }
}

/// What a client asks of a history, as in the Centrifuge protocol; but without a limit it gets as much as there is for it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Look {
    limit: Option<i64>,
    since: Option<Since>,
    reverse: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Since {
    offset: u64,
    epoch: String,
}

/// The event `publish`: a channel, and the data.
pub(super) async fn publish(call: Call) -> Args {
    answered(try_publish(&call).await)
}

async fn try_publish(call: &Call) -> Result<Value, ReplyError> {
    // A publication is JSON, whoever hears it: bytes have no place in it.
    let data = call.args.values.get(1).filter(|_| call.args.attachments.is_empty()).map(|data| data.to_string().into());
    asks::publish(&*call.socket, channel(call)?, data.ok_or(ReplyError::BAD_REQUEST)).await?;
    Ok(json!({}))
}

/// The event `history`: a channel, and what of it.
pub(super) async fn history(call: Call) -> Args {
    if call.acknowledged { answered(read_history(&call).await) } else { Args::default() }
}

async fn read_history(call: &Call) -> Result<Value, ReplyError> {
    let look: Look = match call.args.values.get(1) {
        None | Some(Value::Null) => Look::default(),
        Some(look) => Look::deserialize(look).map_err(|_| ReplyError::BAD_REQUEST)?,
    };
    let limit = look.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(limits::HISTORY_READ);
    let since = look.since.map(|since| Position { offset: since.offset, epoch: since.epoch.into() });
    let read = Read { since, limit, reverse: look.reverse };
    let history = asks::history(&*call.socket, channel(call)?, read).await?;
    let publications = fitting(&call.socket, history.publications.iter().map(|it| (&*it.data, &**it)));
    let publications = publications.map(|(data, it)| json!({ "data": data, "offset": it.offset }));
    let publications: Vec<_> = publications.collect();
    Ok(json!({ "publications": publications, "offset": history.top.offset, "epoch": &*history.top.epoch }))
}

/// The event `presence`: a channel. Somebody outside of a guarded one sees nobody.
pub(super) async fn presence(call: Call) -> Args {
    if call.acknowledged { answered(read_presence(&call).await) } else { Args::default() }
}

async fn read_presence(call: &Call) -> Result<Value, ReplyError> {
    let there = asks::presence(&*call.socket, channel(call)?).await?;
    let clients = there.map(|there| there.clients).unwrap_or_default();
    let shown = fitting(&call.socket, clients.iter().map(|it| (&*it.info, &it.client)));
    let shown: Map<_, _> = shown.map(|(info, client)| (client.to_string(), info)).collect();
    Ok(json!({ "presence": shown }))
}

/// The event `presence_stats`: a channel.
pub(super) async fn presence_stats(call: Call) -> Args {
    let stats = match channel(&call) {
        Ok(channel) => asks::presence_stats(&*call.socket, channel).await,
        Err(error) => Err(error),
    };
    answered(stats.map(|stats| {
        let (clients, people) = stats.map_or((0, 0), |stats| (stats.clients, stats.people));
        json!({ "num_clients": clients, "num_users": people })
    }))
}

/// As many as fit into an answer now, and one at least.
fn fitting<'a, T>(of: &Socket, all: impl Iterator<Item = (&'a [u8], T)>) -> impl Iterator<Item = (Value, T)> {
    let mut room = Some(LIST_BYTES.min(of.peer.outbox.room() / 2));
    all.enumerate().map_while(move |(at, (text, of))| {
        room = room?.checked_sub(text.len());
        // What is no JSON goes as null, as everywhere.
        (room.is_some() || at == 0).then(|| (serde_json::from_slice(text).unwrap_or_default(), of))
    })
}

fn channel(call: &Call) -> Result<&str, ReplyError> {
    let named = call.args.values.first().and_then(Value::as_str).filter(|channel| !channel.is_empty());
    named.ok_or(ReplyError::BAD_REQUEST)
}

/// As `subscribe` is answered.
fn answered(answer: Result<Value, ReplyError>) -> Args {
    Args::of(answer.unwrap_or_else(|error| json!({ "error": error })))
}
