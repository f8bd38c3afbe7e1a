//! The engine's promises, through its public door, on a real store.

mod enqueue;
mod fleet;
mod http;
mod leases;
mod running;
mod stopping;
mod support;
