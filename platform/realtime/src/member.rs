//! One open connection, as the core sees it.

use std::sync::Arc;
use std::time::Duration;

use kernel::{Entropy, limits};

use crate::Caller;
use crate::broadcast::Broadcast;
use crate::centrifuge::client::Client;
use crate::codes::{Disconnect, Unsubscribed};
use crate::feed::FeedState;
use crate::outbox::Posted;
use crate::socketio;
use crate::socketio::peer::Peer;

/// One open connection, as the core sees it.
#[derive(Clone)]
pub(crate) enum Member {
    Socket(Arc<Client>),
    Feed(Arc<FeedState>),
    /// A connection of Socket.IO, which hears nothing by itself.
    Peer(Arc<Peer>),
    /// It in one of its namespaces.
    Socketio(Arc<socketio::Socket>),
}

impl Member {
    pub(crate) fn id(&self) -> u64 {
        match self {
            Self::Socket(client) => client.id,
            Self::Feed(feed) => feed.id,
            Self::Peer(peer) => peer.id,
            Self::Socketio(socket) => socket.id,
        }
    }

    /// What it is called among clients, where it has a name of its own.
    pub(crate) fn name(&self) -> Option<String> {
        match self {
            Self::Socket(client) => Some(client.name()),
            Self::Feed(_) | Self::Peer(_) => None,
            Self::Socketio(socket) => Some(socket.name()),
        }
    }

    /// Why its connection ends, once it does. A feed is nothing but its connection.
    pub(crate) fn ending(&self) -> Option<Disconnect> {
        match self {
            Self::Socket(client) => client.outbox.closing(),
            Self::Feed(feed) => feed.outbox.closing(),
            Self::Peer(peer) => peer.ending(),
            Self::Socketio(socket) => socket.peer.ending().or_else(|| socket.has_left().then_some(Disconnect::CLOSED)),
        }
    }

    /// Queues the publication. Whoever calls sees that it is written.
    pub(crate) fn deliver(&self, broadcast: &Arc<Broadcast>) -> Posted {
        match self {
            Self::Socket(client) => {
                let message = broadcast.message(client.wire);
                client.outbox.publish(message.clone(), message.len(), broadcast)
            }
            Self::Feed(feed) => feed.outbox.publish(broadcast.clone(), broadcast.weight(), broadcast),
            Self::Peer(_) => Posted::Done,
            Self::Socketio(socket) => socket.deliver(broadcast),
        }
    }

    /// Something waits for its task.
    pub(crate) fn wake(&self) {
        match self {
            Self::Socket(client) => client.outbox.wake(),
            Self::Feed(feed) => feed.outbox.wake(),
            Self::Peer(peer) => peer.outbox.wake(),
            Self::Socketio(socket) => socket.peer.outbox.wake(),
        }
    }

    /// Writes what waits, where that can be done for its task; else wakes it.
    pub(crate) fn flush(&self) {
        let done = match self {
            Self::Socket(client) => client.line.flush(&client.outbox),
            Self::Peer(peer) => peer.line.flush(&peer.outbox),
            Self::Socketio(socket) => socket.peer.line.flush(&socket.peer.outbox),
            Self::Feed(_) => false,
        };
        if !done {
            self.wake();
        }
    }

    pub(crate) fn close(&self, why: Disconnect) {
        match self {
            Self::Socket(client) => client.outbox.close(why),
            Self::Feed(feed) => feed.outbox.close(why),
            Self::Peer(peer) => peer.close(why),
            Self::Socketio(socket) => socket.peer.close(why),
        }
    }

    /// Ends it without what waits for it.
    pub(crate) fn cut(&self, why: Disconnect) {
        match self {
            Self::Socket(client) => client.outbox.cut(why),
            Self::Feed(feed) => feed.outbox.cut(why),
            Self::Peer(peer) => peer.cut(why),
            Self::Socketio(socket) => socket.peer.cut(why),
        }
    }

    /// Ends it by somebody's order: at once where it is not to come again. Centrifuge clients are told these words; Socket.IO and plain
    /// streams have no place for them.
    pub(crate) fn send_away(&self, why: Disconnect, words: Option<&str>) {
        match self {
            Self::Socket(client) => client.outbox.end(why, words, why.is_final()),
            other if why.is_final() => other.cut(why),
            other => other.close(why),
        }
    }

    /// Whom it acts for now.
    pub(crate) fn caller(&self) -> Arc<Caller> {
        match self {
            Self::Socket(client) => client.caller(),
            Self::Feed(feed) => feed.caller.clone(),
            Self::Peer(peer) => peer.core.nobody.clone(),
            Self::Socketio(socket) => socket.caller.clone(),
        }
    }

    /// When it is closed because its caller's right ends. A client that came by a token has some time more, to refresh it.
    pub(crate) fn ends_ms(&self, caller: &Caller) -> Option<i64> {
        let grace_ms = match self {
            Self::Socket(client) if client.came_by_token() => limits::REALTIME_EXPIRY_GRACE_MS,
            Self::Socket(_) | Self::Feed(_) | Self::Peer(_) | Self::Socketio(_) => 0,
        };
        caller.until_ms.map(|until_ms| until_ms.saturating_add(grace_ms))
    }

    /// The member missed a publication of the channel and is no longer subscribed: it must read the history again.
    pub(crate) fn lost(&self, channel: &str) {
        match self {
            Self::Socket(client) => {
                client.lost(channel);
                client.core.adrift(client.clone(), channel);
            }
            Self::Feed(feed) => feed.outbox.close(Disconnect::INSUFFICIENT_STATE),
            Self::Peer(_) => {}
            Self::Socketio(socket) => socket.lost(),
        }
    }

    /// The member hears the channel no longer.
    pub(crate) fn turned_out(&self, channel: &str, why: Unsubscribed) {
        match self {
            Self::Socket(client) => client.turned_out(channel, why),
            Self::Feed(feed) => feed.outbox.close(Disconnect::CLOSED),
            Self::Peer(_) => {}
            Self::Socketio(socket) => socket.turned_out(channel, why),
        }
    }

    /// Does what is due and says when to come again.
    pub(crate) fn tick(&self, entropy: &Entropy) -> Option<Duration> {
        let seconds = |seconds: usize| Duration::from_secs(seconds as u64);
        match self {
            Self::Socket(client) => client.tick(entropy).map(seconds),
            Self::Feed(feed) => Some(seconds(feed.beat())),
            Self::Peer(peer) => peer.tick(),
            Self::Socketio(_) => None,
        }
    }
}
