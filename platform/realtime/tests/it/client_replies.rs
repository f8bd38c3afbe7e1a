//! What the server says in the Centrifuge protocol, as an independent library reads it (centrifugal/protocol, `client.proto`), and the envelope of
//! commands over HTTP.

use std::collections::BTreeMap;

use prost::Message;

use crate::client_commands::Data;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Emulation {
    #[prost(string, tag = "1")]
    pub(crate) node: String,
    #[prost(string, tag = "2")]
    pub(crate) session: String,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Reply {
    #[prost(uint32, tag = "1")]
    pub(crate) id: u32,
    #[prost(message, optional, tag = "2")]
    pub(crate) error: Option<Error>,
    #[prost(message, optional, tag = "4")]
    pub(crate) push: Option<Push>,
    #[prost(message, optional, tag = "5")]
    pub(crate) connect: Option<Connected>,
    #[prost(message, optional, tag = "6")]
    pub(crate) subscribe: Option<Subscribed>,
    #[prost(message, optional, tag = "7")]
    pub(crate) unsubscribe: Option<Empty>,
    #[prost(message, optional, tag = "8")]
    pub(crate) publish: Option<Empty>,
    #[prost(message, optional, tag = "9")]
    pub(crate) presence: Option<Presence>,
    #[prost(message, optional, tag = "10")]
    pub(crate) presence_stats: Option<Stats>,
    #[prost(message, optional, tag = "11")]
    pub(crate) history: Option<HistoryResult>,
    #[prost(message, optional, tag = "13")]
    pub(crate) rpc: Option<Data>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Empty {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Error {
    #[prost(uint32, tag = "1")]
    pub(crate) code: u32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(bool, tag = "3")]
    pub(crate) temporary: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Connected {
    #[prost(string, tag = "1")]
    pub(crate) client: String,
    #[prost(uint32, tag = "7")]
    pub(crate) ping: u32,
    #[prost(bool, tag = "8")]
    pub(crate) pong: bool,
    #[prost(string, tag = "9")]
    pub(crate) session: String,
    #[prost(string, tag = "10")]
    pub(crate) node: String,
    #[prost(int64, tag = "11")]
    pub(crate) time: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Subscribed {
    #[prost(bool, tag = "3")]
    pub(crate) recoverable: bool,
    #[prost(string, tag = "6")]
    pub(crate) epoch: String,
    #[prost(message, repeated, tag = "7")]
    pub(crate) publications: Vec<Publication>,
    #[prost(bool, tag = "8")]
    pub(crate) recovered: bool,
    #[prost(uint64, tag = "9")]
    pub(crate) offset: u64,
    #[prost(bool, tag = "10")]
    pub(crate) positioned: bool,
    #[prost(bool, tag = "12")]
    pub(crate) was_recovering: bool,
    #[prost(bool, tag = "13")]
    pub(crate) delta: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Publication {
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) data: Vec<u8>,
    #[prost(message, optional, tag = "5")]
    pub(crate) info: Option<ClientInfo>,
    #[prost(uint64, tag = "6")]
    pub(crate) offset: u64,
    #[prost(bool, tag = "8")]
    pub(crate) delta: bool,
    #[prost(string, tag = "14")]
    pub(crate) epoch: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Presence {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) presence: BTreeMap<String, ClientInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ClientInfo {
    #[prost(string, tag = "1")]
    pub(crate) user: String,
    #[prost(string, tag = "2")]
    pub(crate) client: String,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) conn_info: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) chan_info: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Stats {
    #[prost(uint32, tag = "1")]
    pub(crate) num_clients: u32,
    #[prost(uint32, tag = "2")]
    pub(crate) num_users: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct HistoryResult {
    #[prost(message, repeated, tag = "1")]
    pub(crate) publications: Vec<Publication>,
    #[prost(string, tag = "2")]
    pub(crate) epoch: String,
    #[prost(uint64, tag = "3")]
    pub(crate) offset: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Push {
    #[prost(string, tag = "2")]
    pub(crate) channel: String,
    #[prost(message, optional, tag = "4")]
    pub(crate) publication: Option<Publication>,
    #[prost(message, optional, tag = "5")]
    pub(crate) join: Option<Coming>,
    #[prost(message, optional, tag = "6")]
    pub(crate) leave: Option<Coming>,
    #[prost(message, optional, tag = "7")]
    pub(crate) unsubscribe: Option<Unsubscribed>,
    #[prost(message, optional, tag = "11")]
    pub(crate) disconnect: Option<Disconnected>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Coming {
    #[prost(message, optional, tag = "1")]
    pub(crate) info: Option<ClientInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Unsubscribed {
    #[prost(uint32, tag = "2")]
    pub(crate) code: u32,
    #[prost(string, tag = "3")]
    pub(crate) reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Disconnected {
    #[prost(uint32, tag = "1")]
    pub(crate) code: u32,
    #[prost(string, tag = "2")]
    pub(crate) reason: String,
}
