//! One join of a channel after the other.
//!
//! A product may join a client to one channel twice at once. The second registration would take the place of the first: with what waits
//! for it, with the right that is asked about again, and with how far it has come; and whichever gives up would take the other one's
//! place away. So the second waits until the first has ended, and finds the channel joined, or tries for itself; unless the channel was left
//! since it came.

use std::sync::Arc;

use kernel::limits;
use tokio::sync::Notify;

use super::Socket;
use super::join::JoinError;

/// What a client is on its way into. There is none for most.
#[derive(Default)]
pub(super) struct Joining {
    all: Vec<Line>,
    changed: Arc<Notify>,
}

/// Joins of one channel, the first of which is under way.
struct Line {
    channel: Box<str>,
    joins: usize,
    /// How many times it was left since the line began.
    leaves: u64,
    /// Of the one whose turn it is: how many these were when it came.
    turn: Option<u64>,
}

/// A client's turn to join a channel, or the wait for it, until it is dropped.
pub(super) struct Turn {
    pub(super) socket: Arc<Socket>,
    channel: Box<str>,
    leaves: u64,
    has_come: bool,
}

impl Socket {
    /// Waits for the turn to join a channel; none where it is heard by then.
    pub(super) async fn turn(self: &Arc<Self>, channel: &str) -> Result<Option<Turn>, JoinError> {
        let mut turn = {
            let mut rooms = self.rooms();
            if rooms.has(channel) {
                return Ok(None);
            }
            let leaves = rooms.joining.get_or_insert_default().enter(channel);
            Turn { socket: self.clone(), channel: channel.into(), leaves, has_come: false }
        };
        loop {
            let changed = {
                let mut rooms = self.rooms();
                let (heard, is_heard) = (rooms.list.len(), rooms.has(channel));
                let Some(joining) = &mut rooms.joining else { return Err(JoinError::Gone) };
                let under_way = joining.all.iter().filter(|line| line.turn.is_some()).count();
                let Some(line) = joining.all.iter_mut().find(|line| *line.channel == *channel) else {
                    return Err(JoinError::Gone);
                };
                if line.leaves != turn.leaves {
                    return Err(JoinError::Gone);
                }
                if is_heard {
                    return Ok(None);
                }
                if line.turn.is_none() {
                    if heard + under_way >= limits::CHANNELS_PER_CONNECTION {
                        return Err(JoinError::TooMany);
                    }
                    line.turn = Some(turn.leaves);
                    turn.has_come = true;
                    return Ok(Some(turn));
                }
                joining.changed.clone().notified_owned()
            };
            changed.await;
        }
    }
}

impl Joining {
    /// Gets in line. How many times the channel was left before.
    fn enter(&mut self, channel: &str) -> u64 {
        if let Some(line) = self.all.iter_mut().find(|line| *line.channel == *channel) {
            line.joins += 1;
            return line.leaves;
        }
        self.all.push(Line { channel: channel.into(), joins: 1, leaves: 0, turn: None });
        0
    }

    /// A channel is left that may be on the way in.
    pub(super) fn leave(&mut self, channel: &str) {
        if let Some(line) = self.all.iter_mut().find(|line| *line.channel == *channel) {
            line.leaves += 1;
            self.changed.notify_waiters();
        }
    }

    pub(super) fn was_left(&self, channel: &str) -> bool {
        let line = self.all.iter().find(|line| *line.channel == *channel);
        line.is_some_and(|line| line.turn.is_some_and(|leaves| leaves != line.leaves))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut rooms = self.socket.rooms();
        let Some(joining) = &mut rooms.joining else { return };
        if let Some(line) = joining.all.iter_mut().find(|line| line.channel == self.channel) {
            line.joins -= 1;
            if self.has_come {
                line.turn = None;
            }
        }
        joining.all.retain(|line| line.joins > 0);
        joining.changed.notify_waiters();
        if joining.all.is_empty() {
            rooms.joining = None;
        }
    }
}
