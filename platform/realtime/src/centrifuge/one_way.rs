//! Connections that only listen: they begin with a request, and hear pushes from then on. What they hear is theirs from the beginning, by
//! the `subs` of the request: there is no other word of theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use bus::Position;
use kernel::limits;

use super::client::Client;
use super::command::{Connect, Resume};
use super::reply::{self, Subscribed};
use super::said::{Kept, Said};
use super::subscribe::subscribed;
use crate::channels::Ticket;
use crate::codes::{Disconnect, ReplyError, Unsubscribed};
use crate::hub::Recovery;
use crate::members::Member;

/// A channel that was joined and is not heard yet, with what the client gets first.
pub(super) struct Joined {
    channel: String,
    /// Whether the guard let it in.
    inside: bool,
    asked: Resume,
    recovery: Option<Recovery>,
}

impl Client {
    /// Its only word: the request of `connect`, in JSON and without an id; or nothing at all, which asks for nothing.
    pub(crate) async fn begin(self: Arc<Self>, said: Kept) -> Result<(), Disconnect> {
        let connect = match said.said() {
            blank if blank.is_blank() => Connect::default(),
            // A list of the members in their order would be read as well.
            Said::Text(text) if text.trim_ascii_start().starts_with('{') => {
                serde_json::from_str(text).map_err(|_| Disconnect::BAD_REQUEST)?
            }
            _ => return Err(Disconnect::BAD_REQUEST),
        };
        self.connect(0, &connect).await
    }

    /// Joins the channels that the connection begins with, each from where the client says to have come.
    pub(super) async fn join_given(
        self: &Arc<Self>,
        subs: &BTreeMap<String, Resume>,
    ) -> Result<Vec<Joined>, ReplyError> {
        if !self.wire.is_one_way() {
            // Others ask for theirs by commands.
            return Ok(Vec::new());
        }
        if subs.len() > limits::CHANNELS_PER_CONNECTION {
            return Err(ReplyError::LIMIT_EXCEEDED);
        }
        let mut given = Vec::new();
        for (channel, asked) in subs {
            given.push(self.join_asked(channel, asked).await?);
        }
        Ok(given)
    }

    /// Joined first and asked then, as with every subscription. What was joined is left when the connection ends.
    async fn join_asked(self: &Arc<Self>, channel: &str, asked: &Resume) -> Result<Joined, ReplyError> {
        let caller = self.caller().showing(&asked.token);
        let namespace = self.core.open(channel, &caller).await.map_err(|refused| ReplyError::from(&refused))?;
        let guarded = namespace.guard.is_some();
        if !asked.token.is_empty() && !guarded {
            return Err(ReplyError::PERMISSION_DENIED);
        }
        let ticket = Ticket { caller: guarded.then(|| Arc::new(caller.clone())), ..Ticket::default() };
        let add = |name: &Arc<str>| self.subscriptions.add(name.clone());
        self.core.channels.join_as(channel, Member::Socket(self.clone()), ticket, add);
        let inside = self.core.admits(&namespace, channel, &caller).await;
        if !inside {
            self.core.channels.leave(channel, self.id);
        }
        let since = asked.recover.then(|| Position { offset: asked.offset, epoch: asked.epoch.as_str().into() });
        let recovery = match (namespace.history_size > 0, inside) {
            (false, _) => Ok(None),
            (true, true) => self.core.recover(channel, since).await.map(Some),
            (true, false) => self.core.nothing(channel, since.as_ref()).await.map(Some),
        };
        let recovery = recovery.map_err(|error| {
            tracing::warn!(%error, "a channel could not be recovered");
            ReplyError::INTERNAL
        })?;
        Ok(Joined { channel: channel.to_owned(), inside, asked: asked.clone(), recovery })
    }

    /// Behind the push that told the client of them.
    pub(super) fn hear_given(&self, given: &[Joined]) {
        for Joined { channel, recovery, .. } in given.iter().filter(|joined| joined.inside) {
            let top = recovery.as_ref().map(|recovery| recovery.top.clone());
            if self.core.channels.settle(channel, self.id, top, || self.subscriptions.goes_live(channel)) {
                self.reflect(channel);
            } else {
                // Turned out meanwhile; nobody has told it.
                let Unsubscribed { code, reason } = Unsubscribed::PERMISSION_DENIED;
                let push = reply::unsubscribe(self.wire, channel, code, reason);
                let bytes = push.len();
                self.outbox.push(push, bytes);
            }
        }
    }
}

impl Joined {
    pub(super) fn channel(&self) -> &str {
        &self.channel
    }

    pub(super) fn result(&self) -> Subscribed<'_> {
        subscribed(self.recovery.as_ref(), self.asked.recover, self.asked.offset)
    }
}

impl From<ReplyError> for Disconnect {
    /// Who asks nothing by commands is answered by the end of its connection.
    fn from(error: ReplyError) -> Self {
        match error {
            ReplyError::TOKEN_EXPIRED => Self::EXPIRED,
            ReplyError::UNKNOWN_CHANNEL | ReplyError::PERMISSION_DENIED | ReplyError::UNAUTHORIZED => {
                Self::PERMISSION_DENIED
            }
            ReplyError::LIMIT_EXCEEDED => Self::CHANNEL_LIMIT,
            ReplyError::BAD_REQUEST => Self::BAD_REQUEST,
            _ => Self::INTERNAL,
        }
    }
}
