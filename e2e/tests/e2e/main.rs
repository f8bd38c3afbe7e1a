//! The built binary over real sockets: used, cut, killed and started again, by clients that we did not write where there are
//! any.

mod browser;
mod centrifuge;
mod examples;
mod kill;
mod node;
mod operate;
mod sse;
