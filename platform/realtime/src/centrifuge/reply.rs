//! What a client is told, each as one message ready for its transport.

mod protobuf;

use std::collections::BTreeMap;
use std::sync::Arc;

use bus::{History, Present, Publication};
use bytes::Bytes;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

pub(crate) use self::protobuf::Encode;
use super::wire::Wire;
use crate::comings::Coming;

/// The answer to the command `id`: `{"id":7,"subscribe":{…}}`; of one that only listens, the push `{"connect":{…}}`.
pub(crate) fn reply(wire: Wire, id: u32, method: &'static str, result: &(impl Serialize + Encode)) -> Bytes {
    if wire.is_binary() {
        return wire.message(128, |bytes| protobuf::reply(bytes, id, method, result));
    }
    wire.message(128, |json| {
        let head = if wire.is_one_way() { format!("{{\"{method}\":") } else { format!("{{\"id\":{id},\"{method}\":") };
        json.extend_from_slice(head.as_bytes());
        write(json, result);
        json.push(b'}');
    })
}

/// One publication of a channel.
pub(crate) fn publication(wire: Wire, channel: &str, publication: &Publication) -> Bytes {
    let bytes = publication.bytes() + channel.len() + 80;
    push(wire, bytes, Pub { channel, publication: publication.into() })
}

/// As [`publication`], for a subscriber that takes deltas.
pub(crate) fn shortened(wire: Wire, channel: &str, publication: &Publication, carried: Carried<'_>) -> Bytes {
    let bytes = carried.bytes().len() + channel.len() + 120;
    let delta = matches!(carried, Carried::Delta(_));
    push(wire, bytes, Pub { channel, publication: PublicationOut { carried, delta, ..publication.into() } })
}

/// Who came and went, one message each.
pub(crate) fn comings<'a>(wire: Wire, channel: &str, comings: impl Iterator<Item = &'a Coming>) -> Bytes {
    let mut all = Vec::new();
    for coming in comings {
        let info = InfoOut { info: &coming.present.info };
        let bytes = channel.len() + coming.present.info.len() + 50;
        all.extend_from_slice(&match coming.joined {
            true => push(wire, bytes, Join { channel, join: info }),
            false => push(wire, bytes, Leave { channel, leave: info }),
        });
    }
    all.into()
}

/// The server ends the subscription. Codes from 2500 ask the client to subscribe again.
pub(crate) fn unsubscribe(wire: Wire, channel: &str, code: u16, reason: &'static str) -> Bytes {
    push(wire, channel.len() + 80, Unsubscribe { channel, unsubscribe: Reason { code, reason } })
}

/// The server has subscribed the client.
pub(crate) fn subscribe(wire: Wire, channel: &str, subscribe: &Subscribed<'_>) -> Bytes {
    push(wire, channel.len() + 120, Subscribe { channel, subscribe })
}

/// The server ends the connection, on a transport that has no word for it.
pub(crate) fn disconnect(wire: Wire, code: u16, reason: &str) -> Bytes {
    push(wire, 60 + reason.len(), Ends { disconnect: Reason { code, reason } })
}

/// What nobody asked for, of about `bytes`.
fn push(wire: Wire, bytes: usize, push: impl Serialize + Encode) -> Bytes {
    wire.message(bytes, |to| match wire.is_one_way() {
        true => write(to, &push),
        false if wire.is_binary() => protobuf::push(to, &push),
        false => write(to, &Push { push }),
    })
}

fn write(json: &mut Vec<u8>, value: &impl Serialize) {
    // These values are plain structures with text keys, for which JSON has no error.
    if let Err(error) = serde_json::to_writer(json, value) {
        tracing::error!(%error, "a reply could not be written");
    }
}

#[derive(Serialize)]
struct Push<T> {
    push: T,
}

#[derive(Serialize)]
struct Pub<'a> {
    channel: &'a str,
    #[serde(rename = "pub")]
    publication: PublicationOut<'a>,
}

#[derive(Serialize)]
struct Subscribe<'a> {
    channel: &'a str,
    subscribe: &'a Subscribed<'a>,
}

#[derive(Serialize)]
struct Unsubscribe<'a> {
    channel: &'a str,
    unsubscribe: Reason<'a>,
}

#[derive(Serialize)]
struct Join<'a> {
    channel: &'a str,
    join: InfoOut<'a>,
}

#[derive(Serialize)]
struct Leave<'a> {
    channel: &'a str,
    leave: InfoOut<'a>,
}

#[derive(Serialize)]
struct InfoOut<'a> {
    #[serde(serialize_with = "raw")]
    info: &'a [u8],
}

/// What others are shown of a client. Made once, when it joins. Nobody is said to be that: clients read the member.
#[derive(Serialize)]
pub(crate) struct ClientInfo<'a> {
    pub(crate) user: &'a str,
    pub(crate) client: &'a str,
    #[serde(serialize_with = "raw", skip_serializing_if = "<[u8]>::is_empty")]
    pub(crate) conn_info: &'a [u8],
    #[serde(serialize_with = "raw", skip_serializing_if = "<[u8]>::is_empty")]
    pub(crate) chan_info: &'a [u8],
}

/// Who is in a channel.
#[derive(Serialize)]
pub(crate) struct PresenceOut<'a> {
    #[serde(serialize_with = "by_client")]
    pub(crate) presence: &'a [Arc<Present>],
}

fn by_client<S: Serializer>(clients: &&[Arc<Present>], serializer: S) -> Result<S::Ok, S::Error> {
    struct Raw<'a>(&'a [u8]);
    impl Serialize for Raw<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            raw(self.0, serializer)
        }
    }
    serializer.collect_map(clients.iter().map(|it| (&*it.client, Raw(&it.info))))
}

/// Zeros are said, where most of the protocol leaves them out (`generate.sh` of centrifugal/protocol names the members).
#[derive(Serialize)]
pub(crate) struct StatsOut {
    pub(crate) num_clients: u64,
    pub(crate) num_users: u64,
}

#[derive(Serialize)]
struct Ends<'a> {
    disconnect: Reason<'a>,
}

#[derive(Serialize)]
struct Reason<'a> {
    code: u16,
    reason: &'a str,
}

/// A publication in pushes and in histories.
#[derive(Serialize)]
pub(crate) struct PublicationOut<'a> {
    #[serde(rename = "data")]
    carried: Carried<'a>,
    /// Of the client that published it.
    #[serde(serialize_with = "raw", skip_serializing_if = "<[u8]>::is_empty")]
    info: &'a [u8],
    #[serde(skip_serializing_if = "is_zero")]
    offset: u64,
    /// Only with the first of a stream.
    #[serde(skip_serializing_if = "str::is_empty")]
    epoch: &'a str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    delta: bool,
}

/// The data of a publication on its way.
#[derive(Clone, Copy)]
pub(crate) enum Carried<'a> {
    /// The publisher's JSON.
    Plain(&'a [u8]),
    /// The same as a text, for who takes deltas.
    Whole(&'a str),
    /// What makes it of the one before.
    Delta(&'a str),
}

impl<'a> Carried<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Self::Plain(data) => data,
            Self::Whole(text) | Self::Delta(text) => text.as_bytes(),
        }
    }
}

impl Serialize for Carried<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Plain(data) => raw(data, serializer),
            Self::Whole(text) | Self::Delta(text) => serializer.serialize_str(text),
        }
    }
}

/// The JSON of a publication as deltas are made of it.
pub(crate) fn json_text(data: &[u8]) -> &str {
    serde_json::from_slice::<&RawValue>(data).map_or("null", RawValue::get)
}

impl<'a> From<&'a Publication> for PublicationOut<'a> {
    fn from(publication: &'a Publication) -> Self {
        let epoch = if publication.offset == 1 { &*publication.epoch } else { "" };
        let info = publication.info.as_ref().map_or(&[][..], |info| info);
        Self { carried: Carried::Plain(&publication.data), info, offset: publication.offset, epoch, delta: false }
    }
}

/// The publisher's JSON as it is. One that is none must not break the stream of every subscriber: it becomes null.
fn raw<S: Serializer>(data: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    match serde_json::from_slice::<&RawValue>(data) {
        Ok(value) => value.serialize(serializer),
        Err(error) => {
            tracing::error!(%error, "a publication is not JSON and is delivered as null");
            serializer.serialize_unit()
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Connected<'a> {
    pub(crate) client: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) ping: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) pong: bool,
    pub(crate) time: i64,
    #[serde(flatten)]
    pub(crate) term: Term,
    /// For clients whose commands come by other requests.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) session: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) node: &'a str,
    /// What the server subscribed it to, by channel.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) subs: BTreeMap<&'a str, Subscribed<'a>>,
}

#[derive(Serialize)]
pub(crate) struct Refreshed {
    #[serde(flatten)]
    pub(crate) term: Term,
}

/// The same of a subscription.
#[derive(Serialize)]
pub(crate) struct SubscriptionRefreshed {
    #[serde(flatten)]
    pub(crate) term: Term,
}

/// Until when a token lets its client stay.
#[derive(Default, Serialize)]
pub(crate) struct Term {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) expires: bool,
    /// Seconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) ttl: u64,
}

#[derive(Serialize)]
pub(crate) struct Subscribed<'a> {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) recoverable: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) positioned: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) epoch: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) offset: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) publications: Vec<PublicationOut<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) recovered: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) was_recovering: bool,
    #[serde(flatten)]
    pub(crate) term: Term,
    /// What the subscription comes with.
    #[serde(serialize_with = "raw", skip_serializing_if = "<[u8]>::is_empty")]
    pub(crate) data: &'a [u8],
    /// Publications come by deltas.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) delta: bool,
}

impl Subscribed<'_> {
    /// As it is answered to who takes deltas from then on.
    pub(crate) fn by_deltas(mut self) -> Self {
        for publication in &mut self.publications {
            if let Carried::Plain(data) = publication.carried {
                publication.carried = Carried::Whole(json_text(data));
            }
        }
        Self { delta: true, ..self }
    }
}

/// As [`StatsOut`], all of it is said.
#[derive(Serialize)]
pub(crate) struct HistoryOut<'a> {
    publications: Vec<PublicationOut<'a>>,
    epoch: &'a str,
    offset: u64,
}

impl<'a> From<&'a History> for HistoryOut<'a> {
    fn from(history: &'a History) -> Self {
        let publications = history.publications.iter().map(|publication| (&**publication).into()).collect();
        Self { publications, epoch: &history.top.epoch, offset: history.top.offset }
    }
}

/// What a product answered.
#[derive(Serialize)]
pub(crate) struct DataOut<'a> {
    #[serde(serialize_with = "raw")]
    pub(crate) data: &'a [u8],
}

/// Why a product refused.
#[derive(Serialize)]
pub(crate) struct ErrorOut<'a> {
    pub(crate) code: u32,
    pub(crate) message: &'a str,
}

#[derive(Serialize)]
pub(crate) struct Empty {}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::ReplyError;

    fn text(frame: &Bytes) -> &str {
        std::str::from_utf8(&frame[2..]).expect("text")
    }

    fn publication_of(offset: u64, data: &'static str) -> Publication {
        Publication { offset, epoch: "abc".into(), time_ms: 1, data: Bytes::from_static(data.as_bytes()), info: None }
    }

    #[test]
    fn zero_values_are_left_out() {
        assert_eq!(
            text(&publication(Wire::Frame, "a:b", &publication_of(0, "1"))),
            r#"{"push":{"channel":"a:b","pub":{"data":1}}}"#
        );
        let first = publication(Wire::Frame, "a:\"", &publication_of(1, "{\n}"));
        assert_eq!(text(&first), r#"{"push":{"channel":"a:\"","pub":{"data":{ },"offset":1,"epoch":"abc"}}}"#);
        let second = publication(Wire::Frame, "a", &publication_of(2, "not json"));
        assert_eq!(text(&second), r#"{"push":{"channel":"a","pub":{"data":null,"offset":2}}}"#);
        assert_eq!(
            text(&reply(Wire::Frame, 3, "error", &ReplyError::INTERNAL)),
            r#"{"id":3,"error":{"code":100,"message":"internal server error","temporary":true}}"#
        );
        assert_eq!(
            disconnect(Wire::Line, 3001, "shutdown"),
            "{\"push\":{\"disconnect\":{\"code\":3001,\"reason\":\"shutdown\"}}}\n"
        );
        assert_eq!(text(&reply(Wire::Frame, 1, "unsubscribe", &Empty {})), r#"{"id":1,"unsubscribe":{}}"#);
    }
}
