//! Commands of the Centrifuge protocol as an independent library reads and writes them (centrifugal/protocol, `client.proto`).

use std::collections::BTreeMap;

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Command {
    #[prost(uint32, tag = "1")]
    pub(crate) id: u32,
    #[prost(message, optional, tag = "4")]
    pub(crate) connect: Option<Connect>,
    #[prost(message, optional, tag = "5")]
    pub(crate) subscribe: Option<Subscribe>,
    #[prost(message, optional, tag = "6")]
    pub(crate) unsubscribe: Option<OfChannel>,
    #[prost(message, optional, tag = "7")]
    pub(crate) publish: Option<Publish>,
    #[prost(message, optional, tag = "8")]
    pub(crate) presence: Option<OfChannel>,
    #[prost(message, optional, tag = "9")]
    pub(crate) presence_stats: Option<OfChannel>,
    #[prost(message, optional, tag = "10")]
    pub(crate) history: Option<History>,
    #[prost(bytes = "vec", optional, tag = "11")]
    pub(crate) ping: Option<Vec<u8>>,
    #[prost(message, optional, tag = "12")]
    pub(crate) send: Option<Data>,
    #[prost(message, optional, tag = "13")]
    pub(crate) rpc: Option<Rpc>,
    #[prost(message, optional, tag = "14")]
    pub(crate) refresh: Option<Connect>,
    #[prost(message, optional, tag = "15")]
    pub(crate) sub_refresh: Option<OfChannel>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Connect {
    #[prost(string, tag = "1")]
    pub(crate) token: String,
    #[prost(btree_map = "string, message", tag = "3")]
    pub(crate) subs: BTreeMap<String, Subscribe>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Subscribe {
    #[prost(string, tag = "1")]
    pub(crate) channel: String,
    #[prost(string, tag = "2")]
    pub(crate) token: String,
    #[prost(bool, tag = "3")]
    pub(crate) recover: bool,
    #[prost(string, tag = "6")]
    pub(crate) epoch: String,
    #[prost(uint64, tag = "7")]
    pub(crate) offset: u64,
    #[prost(bool, tag = "11")]
    pub(crate) join_leave: bool,
    #[prost(string, tag = "12")]
    pub(crate) delta: String,
    #[prost(bytes = "vec", optional, tag = "13")]
    pub(crate) tf: Option<Vec<u8>>,
    #[prost(int64, tag = "14")]
    pub(crate) flag: i64,
    #[prost(int32, tag = "15")]
    pub(crate) kind: i32,
}

/// Of `unsubscribe`, `presence` and `presence_stats`, and with a token of `sub_refresh`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct OfChannel {
    #[prost(string, tag = "1")]
    pub(crate) channel: String,
    #[prost(string, tag = "2")]
    pub(crate) token: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Publish {
    #[prost(string, tag = "1")]
    pub(crate) channel: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct History {
    #[prost(string, tag = "1")]
    pub(crate) channel: String,
    #[prost(int32, tag = "7")]
    pub(crate) limit: i32,
    #[prost(message, optional, tag = "8")]
    pub(crate) since: Option<Position>,
    #[prost(bool, tag = "9")]
    pub(crate) reverse: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Position {
    #[prost(uint64, tag = "1")]
    pub(crate) offset: u64,
    #[prost(string, tag = "2")]
    pub(crate) epoch: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Rpc {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) data: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(crate) method: String,
}

/// Of `send`, and the answer to `rpc`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Data {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) data: Vec<u8>,
}
