//! One join of a channel after the other.
//!
//! A product may join a client to one channel twice at once. The second registration would take the place of the first: with what waits
//! for it, with the right that is asked about again, and with how far it has come; and whichever gives up would take the other one's
//! place away. So the second waits until the first has ended, and finds the channel joined, or tries for itself.

use std::sync::Arc;

use kernel::limits;
use tokio::sync::Notify;

use super::Socket;
use super::join::JoinError;

/// What a client is on its way into. There is none for most.
#[derive(Default)]
pub(super) struct Joining {
    all: Vec<Under>,
    ended: Arc<Notify>,
}

struct Under {
    channel: Box<str>,
    /// It was left before it was in.
    left: bool,
}

/// A client's turn to join a channel, until it is dropped.
pub(super) struct Turn {
    pub(super) socket: Arc<Socket>,
    channel: Box<str>,
}

impl Socket {
    /// Waits for the turn to join a channel; none where it is heard by then.
    pub(super) async fn turn(self: &Arc<Self>, channel: &str) -> Result<Option<Turn>, JoinError> {
        loop {
            let ended = {
                let mut rooms = self.rooms();
                if rooms.has(channel) {
                    return Ok(None);
                }
                let heard = rooms.list.len();
                let joining = rooms.joining.get_or_insert_default();
                if joining.all.iter().all(|under| *under.channel != *channel) {
                    if heard + joining.all.len() >= limits::CHANNELS_PER_CONNECTION {
                        return Err(JoinError::TooMany);
                    }
                    joining.all.push(Under { channel: channel.into(), left: false });
                    return Ok(Some(Turn { socket: self.clone(), channel: channel.into() }));
                }
                joining.ended.clone().notified_owned()
            };
            ended.await;
        }
    }
}

impl Joining {
    /// A channel is left that may be on the way in.
    pub(super) fn leave(&mut self, channel: &str) {
        self.all.iter_mut().filter(|under| *under.channel == *channel).for_each(|under| under.left = true);
    }

    pub(super) fn was_left(&self, channel: &str) -> bool {
        self.all.iter().any(|under| *under.channel == *channel && under.left)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut rooms = self.socket.rooms();
        let Some(joining) = &mut rooms.joining else { return };
        joining.all.retain(|under| under.channel != self.channel);
        joining.ended.notify_waiters();
        if joining.all.is_empty() {
            rooms.joining = None;
        }
    }
}
