//! One publication on its way to many: encoded at most once for each protocol, and not at all for none.

use std::sync::{Arc, OnceLock};

use bus::Publication;
use bytes::Bytes;

use crate::centrifuge::reply;
use crate::centrifuge::wire::Wire;
use crate::shortened::Shortened;
use crate::slow::{Manner, said};
use crate::socketio::publication::Events;
use crate::sse;

pub(crate) struct Broadcast {
    channel: Arc<str>,
    pub(crate) publication: Arc<Publication>,
    pub(crate) manner: Manner,
    messages: [OnceLock<Bytes>; Wire::COUNT],
    event: OnceLock<Bytes>,
    socketio: Events,
    shortened: OnceLock<Box<Shortened>>,
    /// What its data say under the name by which its namespace conflates.
    about: OnceLock<Option<Box<str>>>,
}

impl Broadcast {
    pub(crate) fn new(channel: Arc<str>, publication: Arc<Publication>, manner: Manner) -> Arc<Self> {
        Arc::new(Self {
            channel,
            publication,
            manner,
            messages: Default::default(),
            event: OnceLock::new(),
            socketio: Events::default(),
            shortened: OnceLock::new(),
            about: OnceLock::new(),
        })
    }

    /// The whole message for Centrifuge clients.
    pub(crate) fn message(&self, wire: Wire) -> &Bytes {
        self.messages[wire as usize].get_or_init(|| reply::publication(wire, &self.channel, &self.publication))
    }

    /// As [`Broadcast::message`], for a client that takes deltas and had `before` last.
    pub(crate) fn shortened(&self, wire: Wire, before: Option<&Arc<Publication>>) -> &Bytes {
        let shortened = self.shortened.get_or_init(Box::default);
        shortened.message(wire, &self.channel, &self.publication, before)
    }

    /// The whole event for readers of plain server-sent events.
    pub(crate) fn event(&self) -> &Bytes {
        self.event.get_or_init(|| sse::event(&self.publication))
    }

    /// The whole event for clients of Socket.IO in the namespace `path`; with `alone`, which writes their place, for those who hear no
    /// other channel.
    pub(crate) fn socketio(&self, path: &Arc<str>, alone: Option<&dyn Fn() -> String>) -> Bytes {
        self.socketio.shared(&self.channel, &self.publication, path, alone)
    }

    /// The same for the one client of Socket.IO that is at `place`.
    pub(crate) fn socketio_apart(&self, path: &str, place: &str) -> Bytes {
        self.socketio.frame(&self.channel, &self.publication, path, Some(place))
    }

    pub(crate) fn channel(&self) -> &Arc<str> {
        &self.channel
    }

    /// Whether it is what another one is about, by the member of their data.
    pub(crate) fn replaces(&self, other: &Self, by: Option<&str>) -> bool {
        self.channel == other.channel && self.about(by) == other.about(by)
    }

    /// Read once, however many are slow.
    fn about(&self, by: Option<&str>) -> Option<&str> {
        let read = || by.and_then(|name| said(&self.publication.data, name)).map(Into::into);
        self.about.get_or_init(read).as_deref()
    }

    /// What it adds to a queue's account, bytes.
    pub(crate) fn weight(&self) -> usize {
        self.publication.bytes() + 64
    }
}
