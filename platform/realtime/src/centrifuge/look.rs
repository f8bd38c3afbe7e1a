//! What a client asks to see: the history of a channel, and who is in it.

use std::sync::Arc;

use bus::{Position, PresenceStats, Read};
use kernel::limits;

use super::client::{Client, named};
use super::command::History;
use super::reply::{HistoryOut, PresenceOut, StatsOut};
use crate::asks;
use crate::codes::Disconnect;

impl Client {
    pub(super) async fn history(&self, id: u32, asked: History) -> Result<(), Disconnect> {
        let limit = usize::try_from(asked.limit).unwrap_or(limits::HISTORY_READ);
        let read = Read { since: asked.since.as_ref().map(Position::from), limit, reverse: asked.reverse };
        match asks::history(self, named(&asked.channel)?, read).await {
            Ok(read) => self.answer(id, "history", &HistoryOut::from(&read)),
            Err(error) => self.refuse(id, error),
        }
        Ok(())
    }

    /// Somebody outside of a guarded channel sees itself alone.
    pub(super) async fn presence(&self, id: u32, channel: &str) -> Result<(), Disconnect> {
        match asks::presence(self, named(channel)?).await {
            Ok(there) => {
                let alone = || self.subscriptions.has(channel).then(|| Arc::new(self.present(None)));
                let clients = there.map_or_else(|| alone().into_iter().collect(), |there| there.clients);
                self.answer(id, "presence", &PresenceOut { presence: &clients });
            }
            Err(error) => self.refuse(id, error),
        }
        Ok(())
    }

    pub(super) async fn presence_stats(&self, id: u32, channel: &str) -> Result<(), Disconnect> {
        match asks::presence_stats(self, named(channel)?).await {
            Ok(stats) => {
                let alone = u64::from(self.subscriptions.has(channel));
                let stats = stats.unwrap_or(PresenceStats { clients: alone, people: alone, whole: true });
                self.answer(id, "presence_stats", &StatsOut { num_clients: stats.clients, num_users: stats.people });
            }
            Err(error) => self.refuse(id, error),
        }
        Ok(())
    }
}
