//! The server's half of RFC 6455: no extension, no client frames.

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod handshake;

pub(crate) const CONTINUATION: u8 = 0;
pub(crate) const TEXT: u8 = 1;
pub(crate) const BINARY: u8 = 2;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;
