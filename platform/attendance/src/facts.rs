//! What is told, as typed events.

use events::{EventType, NewEvent, Registry};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who says so.
pub const SOURCE: &str = "/realtime";

/// A client was let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Connected {
    /// Names the connection.
    pub client: String,
    /// Whom it acts for; empty for nobody.
    pub person: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

/// A connection is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disconnected {
    /// Names the connection.
    pub client: String,
    /// Whom it acted for; empty for nobody.
    pub person: String,
    /// As in the close frame; 1006 where there was none.
    pub code: u16,
    /// In words; empty where the client gave none.
    pub reason: String,
    /// When it was let in, Unix milliseconds.
    pub since_ms: i64,
    /// When it ended, Unix milliseconds; where its process died, when that was found out.
    pub at_ms: i64,
}

/// A client hears a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subscribed {
    /// Names the connection.
    pub client: String,
    /// Whom it acts for; empty for nobody.
    pub person: String,
    /// The channel.
    pub channel: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

/// A client no longer hears a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unsubscribed {
    /// Names the connection.
    pub client: String,
    /// Whom it acted for; empty for nobody.
    pub person: String,
    /// The channel.
    pub channel: String,
    /// 0 by the client itself, 1 with its connection, else as the client was told.
    pub code: u16,
    /// In words.
    pub reason: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

/// Somebody hears a channel that nobody heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Occupied {
    /// The channel.
    pub channel: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

/// Nobody hears a channel any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Vacated {
    /// The channel.
    pub channel: String,
    /// When the last one went, Unix milliseconds.
    pub at_ms: i64,
}

/// A person who had no connection has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Online {
    /// Who.
    pub person: String,
    /// When, Unix milliseconds.
    pub at_ms: i64,
}

/// A person has no connection any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Offline {
    /// Who.
    pub person: String,
    /// When the last connection went, Unix milliseconds.
    pub at_ms: i64,
}

/// What each is about: events of one subject are in order.
pub(crate) trait Fact: EventType {
    fn subject(&self) -> &str;
}

macro_rules! fact {
    ($fact:ty, $kind:literal, $subject:ident) => {
        impl EventType for $fact {
            const TYPE: &'static str = $kind;
        }

        impl Fact for $fact {
            fn subject(&self) -> &str {
                &self.$subject
            }
        }
    };
}

fact!(Connected, "realtime.connected", client);
fact!(Disconnected, "realtime.disconnected", client);
fact!(Subscribed, "realtime.subscribed", channel);
fact!(Unsubscribed, "realtime.unsubscribed", channel);
fact!(Occupied, "realtime.channel_occupied", channel);
fact!(Vacated, "realtime.channel_vacated", channel);
fact!(Online, "realtime.person_online", person);
fact!(Offline, "realtime.person_offline", person);

pub(crate) fn declare(registry: &mut Registry) {
    registry.reserve(SOURCE);
    registry.event::<Connected>();
    registry.event::<Disconnected>();
    registry.event::<Subscribed>();
    registry.event::<Unsubscribed>();
    registry.event::<Occupied>();
    registry.event::<Vacated>();
    registry.event::<Online>();
    registry.event::<Offline>();
}

pub(crate) fn event<F: Fact>(fact: &F) -> NewEvent {
    NewEvent::of(SOURCE, fact).subject(Some(fact.subject().to_owned()))
}
