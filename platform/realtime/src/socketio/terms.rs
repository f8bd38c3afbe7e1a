//! Channels that a token of their own opened to a client of Socket.IO: until when, and what others are shown.

use std::sync::Arc;

use bytes::Bytes;

use super::Socket;
use super::join::JoinError;
use super::socket::Rooms;
use crate::claims::subscription::Terms;
use crate::codes::{Refused, Unsubscribed};

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
    /// A channel that is heard stays for as long as these say. Whether it is heard.
    pub(super) fn lasts(&self, rooms: &mut Rooms, channel: &str, terms: Option<Box<Terms>>) -> bool {
        let Some(room) = rooms.list.iter_mut().find(|room| *room.channel == *channel) else { return false };
        let until_ms = |terms: &Option<Box<Terms>>| terms.as_ref().and_then(|terms| terms.until_ms);
        let lapses = &self.peer.core.lapses;
        if let Some(before_ms) = until_ms(&room.terms) {
            lapses.remove(before_ms, self.id, &room.channel);
        }
        if let Some(until_ms) = until_ms(&terms) {
            lapses.add(until_ms, self.id, &room.channel);
        }
        room.terms = terms;
        true
    }

    /// Takes a channel off the list.
    pub(super) fn forget(&self, rooms: &mut Rooms, channel: &str) {
        self.lasts(rooms, channel, None);
        rooms.list.retain(|room| *room.channel != *channel);
    }

    /// Ends a channel that is past its end. Asked where nobody else is told so: what is prolonged stays, and what ends is not prolonged.
    pub(crate) fn lapses(&self, channel: &str, is_over: impl FnOnce(&Terms) -> bool) {
        let core = &self.peer.core;
        let gone = core.channels.turn_out_if(channel, self.id, Unsubscribed::EXPIRED, || {
            let mut rooms = self.rooms();
            let room = rooms.list.iter().find(|room| *room.channel == *channel);
            let over = room.and_then(|room| room.terms.as_deref()).is_some_and(is_over);
            if over {
                self.is_out(&mut rooms, channel, Unsubscribed::EXPIRED);
            }
            over
        });
        if gone {
            self.reflect(channel);
        }
    }

    /// Ends what hangs on a ground that `fell`.
    pub(crate) fn fell(&self, fell: impl Fn(&str) -> bool) {
        let on = |terms: &Terms| terms.grounds.iter().any(|ground| fell(ground));
        let rooms = self.rooms();
        let those = rooms.list.iter().filter(|room| room.terms.as_deref().is_some_and(on));
        let those: Vec<_> = those.map(|room| room.channel.clone()).collect();
        drop(rooms);
        those.iter().for_each(|channel| self.lapses(channel, on));
    }

    /// On what its channels hang.
    pub(crate) fn grounds(&self) -> Vec<String> {
        let rooms = self.rooms();
        rooms.list.iter().filter_map(|room| room.terms.as_ref()).flat_map(|terms| terms.grounds.clone()).collect()
    }

    /// A ground may have fallen while the token was looked at.
    pub(super) fn check_ground(&self, channel: &str) {
        self.lapses(channel, |terms| self.peer.core.asking.fallen.any(&terms.grounds));
    }

    /// A channel that a token opened, and that is heard, is joined again by another one. Others stay as they are.
    pub(super) async fn prolong(self: &Arc<Self>, channel: &str, token: &str) -> Result<(), JoinError> {
        let core = &self.peer.core;
        let by_token = self.rooms().list.iter().any(|room| *room.channel == *channel && room.terms.is_some());
        let Some(namespace) = core.find(channel).filter(|_| by_token && !token.is_empty()) else { return Ok(()) };
        let caller = self.caller.showing(token);
        let terms = core.opened(&namespace, channel, &caller, &self.name()).await.map_err(Refused::from)?;
        if let Some(terms) = terms {
            if !self.lasts(&mut self.rooms(), channel, Some(Box::new(terms))) {
                return Err(JoinError::Gone);
            }
            self.reflect(channel);
            self.check_ground(channel);
        }
        Ok(())
    }
}
