#![doc = include_str!("../README.md")]

mod address;
mod body;
mod client;
mod dns;
mod hosts;
mod request;
mod tls;

pub use address::{Policy, Refused};
pub use client::{Outbound, Settings};
pub use dns::{Looked, Lookup, System};
pub use ipnet::IpNet;
pub use request::{Error, Request, Response};
