#![doc = include_str!("../README.md")]

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
mod fossil;
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
mod seat;
mod shares;
mod shortened;
mod slow;
mod socket;
pub mod socketio;
mod sse;
mod waking;
mod wheel;
pub mod witness;
mod ws;

pub use bus::{Position, Publication, Stored};
pub use codes::Refused;
pub use doorman::{Caller, Doorman};
pub use feed::Feed;
pub use hub::{Hub, Stats};
use namespace::LoadError;
pub use namespace::{Access, Guard, Load, Loaded, Namespace};
pub use publish::PublishError;
pub use sse::sse_event;
