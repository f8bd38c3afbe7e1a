//! The engine's promises, through its public door, on a real store.

mod batches;
mod bulk;
mod cancel;
mod enqueue;
mod fleet;
mod gathered;
mod hints;
mod http;
mod leases;
mod limits;
mod lives;
mod order;
mod outcomes;
mod running;
mod schema;
mod stopping;
mod support;
mod workers;
