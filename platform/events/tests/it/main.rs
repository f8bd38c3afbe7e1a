//! The promises of the event log, attacked.

mod append;
mod conditions;
mod declared;
mod fleet;
mod http;
mod names;
mod order;
mod parked;
mod publish;
mod reading;
mod replay;
mod reserved;
mod retention;
mod storm;
mod stream;
mod stream_failures;
mod stream_tx;
mod support;
mod tail;
mod work;
