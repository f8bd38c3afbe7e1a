#![doc = include_str!("../README.md")]

pub mod clock;
pub mod entropy;
pub mod html;
pub mod id;
pub mod limits;
pub mod problem;
pub mod secret;
pub mod trace;

pub use clock::Clock;
pub use entropy::Entropy;
pub use id::{DeliveryId, EventId, PersonId, RequestId};
pub use problem::{Problem, ProblemResult};
pub use secret::{SealKey, Secret};
pub use trace::{RequestInfo, TraceId};
