//! The Centrifuge client protocol, version 2, in JSON (centrifugal/protocol, `client.proto`).

pub(crate) mod client;
pub(crate) mod command;
mod connect;
pub(crate) mod connection;
pub(crate) mod emulated;
pub(crate) mod reply;
mod subscribe;
pub(crate) mod wire;
