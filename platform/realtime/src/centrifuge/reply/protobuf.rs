//! Replies and pushes in protocol buffers (centrifugal/protocol, `client.proto`).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    ClientInfo, Connected, DataOut, Empty, Ends, ErrorOut, HistoryOut, InfoOut, Join, Leave, PresenceOut, Pub,
    PublicationOut, Refreshed, StatsOut, Subscribe, Subscribed, SubscriptionRefreshed, Term, Unsubscribe,
};
use crate::centrifuge::protobuf::Writer;
use crate::codes::ReplyError;

/// What is said, in this encoding.
pub(crate) trait Encode {
    fn encode(&self, to: &mut Writer<'_>);
}

/// A whole `Reply` to a command.
pub(super) fn reply(bytes: &mut Vec<u8>, id: u32, method: &str, result: &impl Encode) {
    let mut reply = Writer(bytes);
    reply.number(1, id.into());
    reply.message(field(method), |to| result.encode(to));
}

/// A whole `Reply` that nobody asked for.
pub(super) fn push(bytes: &mut Vec<u8>, push: &impl Encode) {
    Writer(bytes).message(4, |to| push.encode(to));
}

/// Of the answer to a command, among those of a `Reply`.
fn field(method: &str) -> u32 {
    match method {
        "error" => 2,
        "connect" => 5,
        "subscribe" => 6,
        "unsubscribe" => 7,
        "publish" => 8,
        "presence" => 9,
        "presence_stats" => 10,
        "history" => 11,
        "rpc" => 13,
        "refresh" => 14,
        "sub_refresh" => 15,
        other => unreachable!("a reply has no field {other}"),
    }
}

impl Encode for Pub<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        to.text(2, self.channel);
        to.message(4, |to| self.publication.encode(to));
    }
}

impl Encode for PublicationOut<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        to.bytes(4, self.carried.bytes());
        if !self.info.is_empty() {
            to.message(5, |to| client_info(to, self.info));
        }
        to.number(6, self.offset);
        to.flag(8, self.delta);
        to.text(14, self.epoch);
    }
}

impl Encode for Join<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        to.text(2, self.channel);
        to.message(5, |to| self.join.encode(to));
    }
}

impl Encode for Leave<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        to.text(2, self.channel);
        to.message(6, |to| self.leave.encode(to));
    }
}

impl Encode for InfoOut<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        to.message(1, |to| client_info(to, self.info));
    }
}

/// It is kept as it is in JSON, in every process.
fn client_info(to: &mut Writer<'_>, info: &[u8]) {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Shown<'a> {
        user: String,
        client: String,
        #[serde(borrow)]
        conn_info: Option<&'a RawValue>,
        #[serde(borrow)]
        chan_info: Option<&'a RawValue>,
    }
    let shown: Shown<'_> = serde_json::from_slice(info).unwrap_or_else(|error| {
        tracing::error!(%error, "what is shown of a client cannot be read");
        Shown::default()
    });
    let bytes = |info: Option<&'_ RawValue>| info.map_or("", RawValue::get).as_bytes().to_owned();
    let (conn_info, chan_info) = (bytes(shown.conn_info), bytes(shown.chan_info));
    let (user, client) = (shown.user.as_str(), shown.client.as_str());
    ClientInfo { user, client, conn_info: &conn_info, chan_info: &chan_info }.encode(to);
}

impl Encode for ClientInfo<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        to.text(1, self.user);
        to.text(2, self.client);
        to.bytes(3, self.conn_info);
        to.bytes(4, self.chan_info);
    }
}

impl Encode for Subscribe<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        let Subscribed { recoverable, positioned, epoch, offset, data, .. } = self.subscribe;
        to.text(2, self.channel);
        to.message(9, |to| {
            to.flag(1, *recoverable);
            to.text(4, epoch);
            to.number(5, *offset);
            to.flag(6, *positioned);
            to.bytes(7, data);
        });
    }
}

impl Encode for Unsubscribe<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        to.text(2, self.channel);
        to.message(7, |to| {
            to.number(2, self.unsubscribe.code.into());
            to.text(3, self.unsubscribe.reason);
        });
    }
}

impl Encode for Ends<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        to.message(11, |to| {
            to.number(1, self.disconnect.code.into());
            to.text(2, self.disconnect.reason);
        });
    }
}

impl Encode for PresenceOut<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        for present in self.presence {
            to.message(1, |to| {
                to.text(1, &present.client);
                to.message(2, |to| client_info(to, &present.info));
            });
        }
    }
}

impl Encode for StatsOut {
    fn encode(&self, to: &mut Writer<'_>) {
        to.number(1, self.num_clients);
        to.number(2, self.num_users);
    }
}

impl Encode for Connected<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        to.text(1, &self.client);
        self.term.encode(to, 3);
        for (channel, subscribed) in &self.subs {
            to.message(6, |to| {
                to.text(1, channel);
                to.message(2, |to| subscribed.encode(to));
            });
        }
        to.number(7, self.ping);
        to.flag(8, self.pong);
        to.text(9, &self.session);
        to.text(10, self.node);
        to.number(11, self.time.cast_unsigned());
    }
}

impl Encode for Refreshed {
    fn encode(&self, to: &mut Writer<'_>) {
        self.term.encode(to, 3);
    }
}

impl Encode for SubscriptionRefreshed {
    fn encode(&self, to: &mut Writer<'_>) {
        self.term.encode(to, 1);
    }
}

impl Term {
    /// Of a connection from the third field on, of a subscription from the first.
    fn encode(&self, to: &mut Writer<'_>, first: u32) {
        to.flag(first, self.expires);
        to.number(first + 1, self.ttl);
    }
}

impl Encode for Subscribed<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        self.term.encode(to, 1);
        to.flag(3, self.recoverable);
        to.text(6, self.epoch);
        self.publications.iter().for_each(|publication| to.message(7, |to| publication.encode(to)));
        to.flag(8, self.recovered);
        to.number(9, self.offset);
        to.flag(10, self.positioned);
        to.bytes(11, self.data);
        to.flag(12, self.was_recovering);
        to.flag(13, self.delta);
    }
}

impl Encode for HistoryOut<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        self.publications.iter().for_each(|publication| to.message(1, |to| publication.encode(to)));
        to.text(2, self.epoch);
        to.number(3, self.offset);
    }
}

impl Encode for DataOut<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        to.bytes(1, self.data);
    }
}

impl Encode for ErrorOut<'_> {
    fn encode(&self, to: &mut Writer<'_>) {
        to.number(1, self.code.into());
        to.text(2, self.message);
    }
}

impl Encode for ReplyError {
    fn encode(&self, to: &mut Writer<'_>) {
        to.number(1, self.code().into());
        to.text(2, self.message());
        to.flag(3, self.is_temporary());
    }
}

impl Encode for Empty {
    fn encode(&self, _: &mut Writer<'_>) {}
}
