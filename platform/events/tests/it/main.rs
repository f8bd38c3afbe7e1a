//! The promises of the event log, attacked.

mod append;
mod http;
mod reading;
mod retention;
mod storm;
mod stream;
mod stream_failures;
mod support;
mod work;
