//! Channels of a client: joined as by everybody else, so under the same conditions.

use std::sync::Arc;

use bus::Position;
use serde_json::{Value, json};

use super::namespace::Call;
use super::turn::Turn;
use super::{Args, Socket};
use crate::Caller;
use crate::channels::Ticket;
use crate::claims::subscription::Terms;
use crate::codes::{Refused, ReplyError, Unsubscribed};
use crate::hub::Recovery;
use crate::namespace::ByToken;

/// Why a channel was not joined.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// It is not open to this caller.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It hears `limits::CHANNELS_PER_CONNECTION` already.
    #[error("too many channels")]
    TooMany,
    /// The client is gone, or has left the namespace, or the channel before it was in.
    #[error("the client is gone")]
    Gone,
}

/// A channel that was joined and is not heard yet, with what the client gets first.
pub(super) struct Joined {
    held: Held,
    /// None where a guard does not let the client in, which it is not told.
    inside: Option<Option<Recovery>>,
    /// Where a token opened it.
    terms: Option<Box<Terms>>,
}

/// A place in a channel, which is given back unless it is heard in the end: whoever joins may give up in the middle.
struct Held {
    channel: Arc<str>,
    stays: bool,
    /// The last to be given back: whoever waits for it registers anew.
    turn: Turn,
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.stays {
            let socket = &self.turn.socket;
            socket.peer.core.channels.leave(&self.channel, socket.id);
        }
    }
}

impl Socket {
    /// Lets it hear a channel from now on: each publication comes as an event (see the README). It is told so by the event
    /// `subscribed`. A channel that it hears already is left as it is.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub async fn join(self: &Arc<Self>, channel: &str) -> Result<(), JoinError> {
        self.join_showing(channel, "").await
    }

    /// As [`Socket::join`], showing a token: to the channel's guard, or that of a subscription, where the namespace is open to these. The
    /// channel is left with its end (2501), unless it is joined again by another before.
    ///
    /// # Errors
    /// See [`JoinError`].
    pub async fn join_showing(self: &Arc<Self>, channel: &str, token: &str) -> Result<(), JoinError> {
        let Some(turn) = self.turn(channel).await? else { return self.prolong(channel, token).await };
        let joined = self.begin(turn, channel, token, None).await?;
        self.hear(joined, true)
    }

    /// Lets it hear a channel no longer. Joins that are under way, or wait for one that is, end with [`JoinError::Gone`].
    pub fn leave(&self, channel: &str) {
        {
            let mut rooms = self.rooms();
            if let Some(joining) = &mut rooms.joining {
                joining.leave(channel);
            }
            if !rooms.has(channel) {
                return;
            }
        }
        self.peer.core.channels.leave(channel, self.id);
        self.is_out(&mut self.rooms(), channel, Unsubscribed { code: 2000, reason: "unsubscribed" });
        self.reflect(channel);
    }

    /// Joins first and asks then: whoever loses its right in between is found by `Hub::recheck`.
    pub(super) async fn begin(
        self: &Arc<Self>,
        turn: Turn,
        channel: &str,
        token: &str,
        since: Option<Position>,
    ) -> Result<Joined, JoinError> {
        let core = &self.peer.core;
        let caller: Arc<Caller> =
            if token.is_empty() { self.caller.clone() } else { self.caller.showing(token).into() };
        let namespace = core.open(channel, &caller).await?;
        let terms = core.opened(&namespace, channel, &caller, &self.name()).await.map_err(Refused::from)?.map(Box::new);
        let guarded = namespace.guard.is_some() && terms.is_none();
        let ticket = Ticket { caller: guarded.then(|| caller.clone()), ..Ticket::default() };
        let name = core.channels.join(channel, self.member(), ticket);
        let held = Held { channel: name, stays: false, turn };
        if terms.is_none() && !core.admits(&namespace, channel, &caller).await {
            let told = namespace.by_token == ByToken::Alone;
            return if told { Err(Refused::Forbidden.into()) } else { Ok(Joined { held, inside: None, terms }) };
        }
        let recovery = match namespace.history_size {
            0 => None,
            _ => Some(core.recover(channel, since).await.map_err(|error| Refused::Unavailable(Arc::new(error)))?),
        };
        Ok(Joined { held, inside: Some(recovery), terms })
    }

    /// What was joined is heard from here on.
    pub(super) fn hear(self: &Arc<Self>, joined: Joined, told: bool) -> Result<(), JoinError> {
        let Joined { mut held, inside, terms } = joined;
        let channel = held.channel.clone();
        let Some(recovery) = inside else {
            let left = !self.rooms().lets_in(&channel);
            drop(held);
            if left {
                return Err(JoinError::Gone);
            }
            self.emit_in(&mut self.rooms(), "subscribed", Args::of(json!([&*channel])));
            return Ok(());
        };
        let core = &self.peer.core;
        let top = recovery.as_ref().map(|recovery| recovery.top.clone());
        held.stays = core.channels.settle(&channel, self.id, top.clone(), || {
            let mut rooms = self.rooms();
            let added = rooms.add(&channel, top);
            if added && terms.is_some() {
                self.lasts(&mut rooms, &channel, terms);
            }
            if added && told {
                self.emit_in(&mut rooms, "subscribed", Args::of(json!([&*channel])));
            }
            added
        });
        if !held.stays {
            // Left or turned out since it was let in: one that came back has the room already, and is not to keep it.
            self.forget(&mut self.rooms(), &channel);
            return Err(JoinError::Gone);
        }
        self.reflect(&channel);
        self.check_ground(&channel);
        Ok(())
    }
}

impl Joined {
    /// What was missed, all of it; none where that is not to be had.
    pub(super) fn missed(&self) -> Option<(&Arc<str>, &Recovery)> {
        let recovery = self.inside.as_ref()?.as_ref()?;
        recovery.recovered.then_some((&self.held.channel, recovery))
    }
}

/// The event `subscribe`: a channel, and a token where the channel is guarded.
pub(super) async fn subscribe(call: Call) -> Args {
    let text = |number: usize| call.args.values.get(number).and_then(Value::as_str).unwrap_or_default();
    let joined = match text(0) {
        "" => Err(ReplyError::BAD_REQUEST),
        _ if !call.socket.peer.turns.subscribe(&call.socket.peer.core.clock) => Err(ReplyError::TOO_MANY_REQUESTS),
        channel => call.socket.join_showing(channel, text(1)).await.map_err(|error| match &error {
            JoinError::Refused(refused) => refused.into(),
            JoinError::TooMany => ReplyError::LIMIT_EXCEEDED,
            JoinError::Gone => ReplyError::NOT_AVAILABLE,
        }),
    };
    Args::of(joined.map_or_else(|error| json!({ "error": error }), |()| json!({})))
}

/// The event `unsubscribe`: a channel.
pub(super) async fn unsubscribe(call: Call) -> Args {
    match call.args.values.first().and_then(Value::as_str) {
        Some(channel) => {
            call.socket.leave(channel);
            Args::of(json!({}))
        }
        None => Args::of(json!({ "error": ReplyError::BAD_REQUEST })),
    }
}
