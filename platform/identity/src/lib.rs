#![doc = include_str!("../README.md")]

mod actor;
mod admin;
mod admissions;
mod annals;
mod bearer;
mod changes;
mod cookies;
mod courier;
mod doors;
#[cfg(fuzzing)]
pub mod fuzzing;
mod grounds;
mod http;
mod invitations;
pub mod issuers;
mod joining;
mod keys;
mod pages;
mod pass;
mod passwords;
pub mod people;
mod person;
mod revocations;
mod sessions;
mod sign_in;
pub mod sign_in_with;
mod tickets;
mod tie;
pub mod tokens;

pub use admin::{Admin, By, Caller, Key, Needs, scopes};
pub use cookies::is_https;
pub use http::routes;
pub use keys::{ApiKey, NewKey, Scope};
pub use people::Role;
pub use person::Person;
pub use sessions::{Identity, LINK_TTL_MS, MIGRATIONS};
