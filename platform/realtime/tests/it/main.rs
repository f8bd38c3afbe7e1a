//! Realtime through its sockets: a foreign WebSocket client and plain HTTP.

mod api;
mod durable;
mod emulation;
mod given;
mod guarded;
mod life;
mod notary;
mod people;
mod presence;
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
