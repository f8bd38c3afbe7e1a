//! The client against servers that misbehave, over real sockets.

mod bodies;
mod inside;
mod leaks;
mod requests;
mod support;
