//! Realtime through its sockets: a foreign WebSocket client and plain HTTP.

mod durable;
mod emulation;
mod guarded;
mod life;
mod protocol;
mod recovery;
mod slow;
mod sse;
mod support;
mod transport;
