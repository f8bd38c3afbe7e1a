//! What a client asks. Unknown fields are ignored; zero values may be absent.

mod protobuf;

use std::collections::BTreeMap;

use bus::Position;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// One line of a frame.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Command {
    pub(crate) id: u32,
    connect: Option<Connect>,
    subscribe: Option<Box<Subscribe>>,
    unsubscribe: Option<OfChannel>,
    publish: Option<Publish>,
    presence: Option<OfChannel>,
    presence_stats: Option<OfChannel>,
    history: Option<History>,
    ping: Option<IgnoredAny>,
    send: Option<Call>,
    rpc: Option<Call>,
    refresh: Option<WithToken>,
    sub_refresh: Option<OfChannel>,
}

/// The one payload of a command.
#[cfg_attr(any(fuzzing, test), derive(Debug))]
pub(crate) enum Payload {
    /// The empty object.
    Pong,
    Connect(Connect),
    Subscribe(Box<Subscribe>),
    Unsubscribe(OfChannel),
    Publish(Publish),
    Presence(OfChannel),
    PresenceStats(OfChannel),
    History(History),
    Send(Call),
    Rpc(Call),
    Refresh(WithToken),
    SubRefresh(OfChannel),
    /// Nothing that a client may ask.
    Unknown,
}

#[cfg_attr(any(fuzzing, test), derive(Debug))]
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Connect {
    pub(crate) token: String,
    /// How far it had come in what it is subscribed to from the beginning; what one that only listens is to hear.
    pub(crate) subs: BTreeMap<String, Resume>,
}

#[cfg_attr(any(fuzzing, test), derive(Debug))]
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Resume {
    pub(crate) recover: bool,
    pub(crate) offset: u64,
    pub(crate) epoch: String,
    /// For a guarded channel.
    pub(crate) token: String,
}

#[cfg_attr(any(fuzzing, test), derive(Debug))]
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct WithToken {
    pub(crate) token: String,
}

#[cfg_attr(any(fuzzing, test), derive(Debug))]
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct OfChannel {
    pub(crate) channel: String,
    pub(crate) token: String,
}

#[cfg_attr(any(fuzzing, test), derive(Debug))]
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Publish {
    pub(crate) channel: String,
    pub(crate) data: Option<Data>,
}

/// JSON as the client wrote it; none where it wrote bytes that are something else, which only this request fails by.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Data(pub(crate) Option<Box<RawValue>>);

/// As what it means, however it is written.
#[cfg(any(fuzzing, test))]
impl std::fmt::Debug for Data {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let read = |json: &RawValue| serde_json::from_str::<serde_json::Value>(json.get());
        std::fmt::Debug::fmt(&self.0.as_deref().map(read), f)
    }
}

/// Of `rpc`, and of `send`, which has no method.
#[cfg_attr(any(fuzzing, test), derive(Debug))]
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) data: Option<Data>,
}

#[cfg_attr(any(fuzzing, test), derive(Debug))]
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Subscribe {
    pub(crate) channel: String,
    pub(crate) token: String,
    pub(crate) recover: bool,
    pub(crate) offset: u64,
    pub(crate) epoch: String,
    /// Wants to be told who comes and goes.
    pub(crate) join_leave: bool,
    /// How publications may be shortened: `fossil`, or not at all.
    pub(crate) delta: String,
    /// A bit mask: 1 offers channel compaction (not taken), 2 wants an error where recovery fails.
    pub(crate) flag: i64,
    /// 0 is a stream; maps and polls are not spoken here.
    #[serde(rename = "type")]
    pub(crate) kind: i32,
    /// A filter by tags: publications here have none.
    pub(crate) tf: Option<IgnoredAny>,
}

impl Subscribe {
    /// The one way to shorten publications.
    pub(crate) const FOSSIL: &str = "fossil";
    pub(crate) const REJECT_UNRECOVERED: i64 = 2;
}

#[cfg_attr(any(fuzzing, test), derive(Debug))]
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct History {
    pub(crate) channel: String,
    /// −1 for as many as the server gives; 0 for the position only.
    pub(crate) limit: i32,
    pub(crate) since: Option<Since>,
    pub(crate) reverse: bool,
}

#[cfg_attr(any(fuzzing, test), derive(Debug))]
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Since {
    offset: u64,
    epoch: String,
}

impl From<&Since> for Position {
    fn from(since: &Since) -> Self {
        Self { offset: since.offset, epoch: since.epoch.as_str().into() }
    }
}

impl Command {
    pub(crate) fn parse(line: &str) -> Option<(u32, Payload)> {
        // A list of the members in their order would be read as well.
        let command: Self = line.starts_with('{').then(|| serde_json::from_str(line).ok())??;
        let id = command.id;
        Some((id, command.payload()))
    }

    fn payload(self) -> Payload {
        match self {
            Self { connect: Some(connect), .. } => Payload::Connect(connect),
            Self { subscribe: Some(subscribe), .. } => Payload::Subscribe(subscribe),
            Self { unsubscribe: Some(of), .. } => Payload::Unsubscribe(of),
            Self { publish: Some(publish), .. } => Payload::Publish(publish),
            Self { presence: Some(of), .. } => Payload::Presence(of),
            Self { presence_stats: Some(of), .. } => Payload::PresenceStats(of),
            Self { history: Some(history), .. } => Payload::History(history),
            Self { send: Some(message), .. } => Payload::Send(message),
            Self { rpc: Some(call), .. } => Payload::Rpc(call),
            Self { refresh: Some(refresh), .. } => Payload::Refresh(refresh),
            Self { sub_refresh: Some(of), .. } => Payload::SubRefresh(of),
            Self { ping: None, id: 0, .. } => Payload::Pong,
            Self { .. } => Payload::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_is_a_command() {
        assert!(matches!(Command::parse(r#"{"id":1,"connect":{}}"#), Some((1, Payload::Connect(_)))));
        for line in [r#"[1,{"token":""}]"#, "[]", "null", "1", ""] {
            assert!(Command::parse(line).is_none(), "{line}");
        }
    }
}
