#![doc = include_str!("../README.md")]

mod github;
mod server;

pub use github::{GitHub, Received};
pub use server::{Admin, Server, Start};
