//! Letters as they leave and arrive, over a real store and a mail server of ours.

mod people;
mod sending;
mod server;
mod support;
