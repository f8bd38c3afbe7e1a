#![doc = include_str!("../README.md")]

mod api;
mod broadcast;
mod catch_up;
mod centrifuge;
mod channels;
mod claims;
mod codes;
mod comings;
pub mod doorman;
mod durable;
mod emulation;
mod feed;
#[cfg(fuzzing)]
pub mod fuzzing;
mod guarded;
mod hub;
mod lapses;
mod members;
mod namespace;
mod orders;
mod outbox;
mod people;
mod presence;
mod publish;
mod routes;
pub mod rpc;
mod socket;
pub mod socketio;
mod sse;
mod ws;

pub use bus::{Position, Publication, Stored};
pub use codes::Refused;
pub use doorman::{Caller, Doorman};
pub use feed::Feed;
pub use hub::{Hub, Stats};
pub use namespace::{Access, Guard, Load, LoadError, Loaded, Namespace};
pub use publish::PublishError;
pub use sse::sse_event;
