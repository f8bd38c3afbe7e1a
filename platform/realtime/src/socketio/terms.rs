//! Channels that a token of their own opened to a client of Socket.IO: until when, and what others are shown.

use std::sync::Arc;

use bytes::Bytes;

use super::Socket;
use super::join::JoinError;
use super::socket::Rooms;
use crate::claims::subscription::Terms;
use crate::codes::Refused;

impl Rooms {
    /// What others are shown of the client in the channel, if anything.
    pub(super) fn shown(&self, channel: &str) -> Option<Option<Bytes>> {
        let room = self.list.iter().find(|room| *room.channel == *channel)?;
        match &room.terms {
            Some(terms) if terms.hidden => None,
            Some(terms) => Some(terms.info.clone()),
            None => Some(None),
        }
    }

    /// What a token adds to that.
    pub(super) fn info(&self, channel: &str) -> Option<Bytes> {
        self.list.iter().find(|room| *room.channel == *channel)?.terms.as_ref()?.info.clone()
    }
}

impl Socket {
    /// A channel that is heard stays for as long as these say.
    pub(super) fn lasts(&self, rooms: &mut Rooms, channel: &str, terms: Option<Box<Terms>>) {
        let Some(room) = rooms.list.iter_mut().find(|room| *room.channel == *channel) else { return };
        let until_ms = |terms: &Option<Box<Terms>>| terms.as_ref().and_then(|terms| terms.until_ms);
        let lapses = &self.peer.core.lapses;
        if let Some(before_ms) = until_ms(&room.terms) {
            lapses.remove(before_ms, self.id, &room.channel);
        }
        if let Some(until_ms) = until_ms(&terms) {
            lapses.add(until_ms, self.id, &room.channel);
        }
        room.terms = terms;
    }

    /// Takes a channel off the list.
    pub(super) fn forget(&self, rooms: &mut Rooms, channel: &str) {
        self.lasts(rooms, channel, None);
        rooms.list.retain(|room| *room.channel != *channel);
    }

    /// When a channel that is heard ends by itself.
    pub(crate) fn subscribed_until(&self, channel: &str) -> Option<i64> {
        self.rooms().list.iter().find(|room| *room.channel == *channel)?.terms.as_ref()?.until_ms
    }

    /// A channel that a token opened, and that is heard, is joined again by another one. Others stay as they are.
    pub(super) async fn prolong(self: &Arc<Self>, channel: &str, token: &str) -> Result<(), JoinError> {
        let core = &self.peer.core;
        let by_token = self.rooms().list.iter().any(|room| *room.channel == *channel && room.terms.is_some());
        let Some(namespace) = core.find(channel).filter(|_| by_token && !token.is_empty()) else { return Ok(()) };
        let caller = self.caller.showing(token);
        let terms = core.opened(&namespace, channel, &caller, &self.name()).await.map_err(Refused::from)?;
        if let Some(terms) = terms {
            self.lasts(&mut self.rooms(), channel, Some(Box::new(terms)));
            self.reflect(channel);
        }
        Ok(())
    }
}
