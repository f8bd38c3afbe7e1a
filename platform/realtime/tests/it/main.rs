//! Realtime through its sockets: a foreign WebSocket client and plain HTTP.

mod durable;
mod emulation;
mod guarded;
mod life;
mod people;
mod presence;
mod pressure;
mod protocol;
mod recovery;
mod register;
mod say;
mod shares;
mod slow;
mod socketio;
mod sse;
mod support;
mod transport;
mod witness;
