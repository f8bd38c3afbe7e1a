//! Who comes to this process and goes, told to whoever keeps account of it.
//!
//! What happens is told in the order in which it happened to each client, inside the locks that order it. A witness that lost count asks
//! [`Hub::here`] how things stand: what is told after that call is newer than, or contained in, its answer.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use parking_lot::RwLock;

use crate::codes::Unsubscribed;
use crate::hub::Hub;
use crate::members::Member;
use crate::namespace::Namespace;
pub use crate::namespace::Tells;

/// Why an unsubscription came without a word of the server: the client said so, or its connection ended (as in Centrifuge).
const BY_CLIENT: Unsubscribed = Unsubscribed { code: 0, reason: "client unsubscribed" };
const BY_DISCONNECT: Unsubscribed = Unsubscribed { code: 1, reason: "client disconnected" };

/// Is told what happens to the connections of this process.
pub trait Witness: Send + Sync {
    /// Called inside locks of the hub: must not block, and must not call the hub.
    fn happened(&self, moment: Moment);
}

/// Something that happened to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Names the connection; no other one in this process is called so. Of a Centrifuge client, what others see in a presence.
    pub client: Arc<str>,
    /// Whom it acts for; empty for nobody.
    pub person: Arc<str>,
    /// What.
    pub what: What,
}

/// What happened to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// It was let in. Of Socket.IO: into a namespace.
    Connected,
    /// Its connection is over. Comes behind the end of its subscriptions.
    Disconnected {
        /// As in the close frame; 1006 where there was none.
        code: u16,
        /// In words; empty where the client gave none.
        reason: &'static str,
    },
    /// It hears a channel of a namespace that tells this.
    Subscribed {
        /// The channel.
        channel: Arc<str>,
    },
    /// It hears it no longer.
    Unsubscribed {
        /// The channel.
        channel: Arc<str>,
        /// 0 by the client itself, 1 with its connection, else as the client was told.
        code: u16,
        /// In words.
        reason: &'static str,
    },
}

/// Where what happens is told.
#[derive(Default)]
pub(crate) struct Witnessing {
    /// Begins the names of connections that have none of their own.
    node: String,
    witness: OnceLock<Arc<dyn Witness>>,
    /// Those that tell something.
    namespaces: RwLock<HashMap<&'static str, Tells>>,
}

impl Witnessing {
    pub(crate) fn of(node: &str) -> Arc<Self> {
        Arc::new(Self { node: node.to_owned(), ..Self::default() })
    }

    pub(crate) fn learn(&self, namespace: &Namespace) {
        if namespace.tells != Tells::default() {
            self.namespaces.write().insert(namespace.name, namespace.tells);
        }
    }

    /// What is told of a channel; nothing where nobody listens.
    pub(crate) fn tells(&self, channel: &str) -> Tells {
        let name = channel.split_once(':').map(|(name, _)| name).filter(|_| self.witness.get().is_some());
        name.and_then(|name| self.namespaces.read().get(name).copied()).unwrap_or_default()
    }

    pub(crate) fn listens(&self) -> bool {
        self.witness.get().is_some()
    }

    pub(crate) fn subscribed(&self, member: &Member, channel: &Arc<str>) {
        self.say(member, What::Subscribed { channel: channel.clone() });
    }

    /// `why` is the server's, where it was the server that ended it.
    pub(crate) fn unsubscribed(&self, member: &Member, channel: &Arc<str>, why: Option<Unsubscribed>) {
        let own = || if member.ending().is_some() { BY_DISCONNECT } else { BY_CLIENT };
        let Unsubscribed { code, reason } = why.unwrap_or_else(own);
        self.say(member, What::Unsubscribed { channel: channel.clone(), code, reason });
    }

    pub(crate) fn connected(&self, member: &Member) {
        self.say(member, What::Connected);
    }

    pub(crate) fn disconnected(&self, member: &Member) {
        let why = member.ending().unwrap_or(crate::codes::Disconnect::ABNORMAL);
        self.say(member, What::Disconnected { code: why.code, reason: why.reason });
    }

    fn say(&self, member: &Member, what: What) {
        if let Some(witness) = self.witness.get() {
            witness.happened(self.moment(member, what));
        }
    }

    /// Names a connection among those of all processes.
    pub(crate) fn name_of(&self, member: &Member) -> String {
        member.name().unwrap_or_else(|| format!("{}:{}", self.node, member.id()))
    }

    pub(crate) fn moment(&self, member: &Member, what: What) -> Moment {
        Moment { client: self.name_of(member).into(), person: member.caller().user.as_str().into(), what }
    }
}

impl Hub {
    /// Tells somebody from now on what happens to the connections here, and to their subscriptions in namespaces that tell it. Before
    /// the first connection; the first witness stays.
    pub fn witnessed_by(&self, witness: Arc<dyn Witness>) {
        let _ = self.0.witnessing.witness.set(witness);
    }

    /// How things stand, as moments: who is connected here, and the subscriptions that are told of.
    pub fn here(&self) -> Vec<Moment> {
        // Subscriptions first: whose client is gone by then, of that the witness hears.
        let mut here = self.0.channels.told();
        here.extend(self.0.members.told());
        here
    }

    /// What is told of a channel.
    pub fn tells(&self, channel: &str) -> Tells {
        self.0.witnessing.tells(channel)
    }
}
