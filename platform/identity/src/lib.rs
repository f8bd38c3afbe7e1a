#![doc = include_str!("../README.md")]

mod admin;
#[cfg(fuzzing)]
pub mod fuzzing;
mod http;
pub mod issuers;
mod keys;
mod page;
mod sessions;
pub mod tokens;

pub use admin::{Admin, Caller, Key, Needs, scopes};
pub use http::{is_https, routes};
pub use keys::{ApiKey, NewKey, Scope};
pub use sessions::{Identity, LINK_TTL_MS, MIGRATIONS};
