//! Realtime through its sockets: a foreign WebSocket client and plain HTTP.

mod client_commands;
mod client_replies;
mod delta;
mod durable;
mod emulation;
mod given;
mod guarded;
mod life;
mod notary;
mod one_way;
mod people;
mod presence;
mod protobuf;
mod protocol;
mod recovery;
mod register;
mod say;
mod slow;
mod socketio;
mod sse;
mod support;
mod tickets;
mod transport;
mod undelta;
mod witness;
