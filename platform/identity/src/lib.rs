#![doc = include_str!("../README.md")]

mod actor;
mod admin;
mod changes;
mod doors;
mod http;
mod invitations;
mod keys;
mod pages;
mod pass;
mod passwords;
pub mod people;
mod person;
mod sessions;
mod sign_in;

pub use admin::{Admin, By, Caller, Key, Needs, scopes};
pub use http::{is_https, routes};
pub use keys::{ApiKey, NewKey, Scope};
pub use people::Role;
pub use person::Person;
pub use sessions::{Identity, LINK_TTL_MS, MIGRATIONS};
