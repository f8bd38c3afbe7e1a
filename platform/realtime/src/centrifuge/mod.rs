//! The Centrifuge client protocol, version 2, in JSON and in protocol buffers (centrifugal/protocol, `client.proto`).

pub(crate) mod client;
pub(crate) mod command;
mod connect;
pub(crate) mod connection;
pub(crate) mod emulated;
mod look;
mod one_way;
mod protobuf;
pub(crate) mod reply;
pub(crate) mod said;
mod say;
mod server_side;
mod sub_refresh;
mod subscribe;
pub(crate) mod subscriptions;
pub(crate) mod wire;
