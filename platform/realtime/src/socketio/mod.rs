//! Socket.IO (protocol 5 over Engine.IO 4): clients of its own libraries, in the channels of everybody else.

mod args;
mod beat;
mod connect;
pub(crate) mod engine;
mod frames;
pub(crate) mod http;
mod join;
mod namespace;
pub(crate) mod packet;
pub(crate) mod peer;
pub(crate) mod publication;
mod recovery;
pub(crate) mod session;
mod shown;
pub(crate) mod socket;
mod terms;
mod turn;
mod verbs;

pub use args::Args;
pub use beat::Beat;
pub use join::JoinError;
pub(crate) use namespace::Namespaces;
pub use namespace::{Call, Namespace};
pub use socket::Socket;

/// What no client of the protocol sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;
