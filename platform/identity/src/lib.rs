#![doc = include_str!("../README.md")]

mod admin;
mod http;
mod page;
mod sessions;

pub use admin::{Admin, Caller};
pub use http::{is_https, routes};
pub use sessions::{Identity, LINK_TTL_MS, MIGRATIONS};
