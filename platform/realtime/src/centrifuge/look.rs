//! What a client may look at: the history of a channel, and who is in it.

use std::sync::Arc;

use bus::{BusError, Position, PresenceStats, Read};
use kernel::limits;

use super::client::{Client, named};
use super::command::History;
use super::reply::{HistoryOut, PresenceOut, StatsOut};
use crate::claims::caps::Right;
use crate::codes::{Disconnect, ReplyError};
use crate::namespace::{ByToken, Namespace};
use crate::portion;

/// What the namespace offers and the guard says.
struct Sight {
    /// Not let in: sees a channel that nobody ever used.
    outside: bool,
}

impl Client {
    /// Whether the client may look, where the namespace `offers` that.
    async fn sight(
        &self,
        channel: &str,
        right: Right,
        offers: impl Fn(&Namespace) -> bool,
    ) -> Result<Sight, ReplyError> {
        if !self.has_turn() {
            return Err(ReplyError::TOO_MANY_REQUESTS);
        }
        let caller = self.caller();
        let namespace = self.core.open(channel, &caller).await.map_err(|refused| ReplyError::from(&refused))?;
        if !offers(&namespace) {
            return Err(ReplyError::NOT_AVAILABLE);
        }
        let given = namespace.heeds_tokens() && caller.is_given(channel, right);
        let inside = given || self.hears(channel) || self.core.admits(&namespace, channel, &caller).await;
        if !inside && namespace.by_token == ByToken::Alone {
            return Err(ReplyError::PERMISSION_DENIED);
        }
        Ok(Sight { outside: !inside })
    }

    pub(super) async fn history(&self, id: u32, history: History) -> Result<(), Disconnect> {
        match self.read_history(named(&history.channel)?, &history).await {
            Ok(read) => self.answer(id, "history", &HistoryOut::from(&read)),
            Err(error) => self.refuse(id, error),
        }
        Ok(())
    }

    async fn read_history(&self, channel: &str, asked: &History) -> Result<bus::History, ReplyError> {
        if self.sight(channel, Right::History, |namespace| namespace.history_size > 0).await?.outside {
            let nothing = self.core.nothing(channel, None).await.map_err(|_| ReplyError::INTERNAL)?;
            return Ok(bus::History { publications: Vec::new(), top: nothing.top });
        }
        let limit = usize::try_from(asked.limit).unwrap_or(limits::HISTORY_READ).min(limits::HISTORY_READ);
        let read = Read { since: asked.since.as_ref().map(Position::from), limit, reverse: asked.reverse };
        let mut history = self.core.bus.history(channel, read).await.map_err(|error| match error {
            BusError::Unrecoverable { .. } => ReplyError::UNRECOVERABLE,
            error => {
                tracing::warn!(%error, "a history could not be read");
                ReplyError::INTERNAL
            }
        })?;
        portion::cut(&mut history.publications);
        Ok(history)
    }

    pub(super) async fn presence(&self, id: u32, channel: &str) -> Result<(), Disconnect> {
        match self.sight(named(channel)?, Right::Presence, |namespace| namespace.presence).await {
            Ok(Sight { outside: true }) => {
                let alone: Vec<_> =
                    self.subscriptions.has(channel).then(|| Arc::new(self.present(None))).into_iter().collect();
                self.answer(id, "presence", &PresenceOut { presence: &alone });
            }
            Ok(_) => {
                self.core.stamp(channel, self.id, true);
                let there = self.core.bus.present(channel).await;
                self.core.stamp(channel, self.id, false);
                self.answer(id, "presence", &PresenceOut { presence: &there.clients });
            }
            Err(error) => self.refuse(id, error),
        }
        Ok(())
    }

    pub(super) async fn presence_stats(&self, id: u32, channel: &str) -> Result<(), Disconnect> {
        let stats = match self.sight(named(channel)?, Right::Presence, |namespace| namespace.presence).await {
            Ok(Sight { outside: true }) => {
                let alone = u64::from(self.subscriptions.has(channel));
                PresenceStats { clients: alone, people: alone, whole: true }
            }
            Ok(_) => self.core.presence_stats(channel).await,
            Err(error) => {
                self.refuse(id, error);
                return Ok(());
            }
        };
        self.answer(id, "presence_stats", &StatsOut { num_clients: stats.clients, num_users: stats.people });
        Ok(())
    }
}
