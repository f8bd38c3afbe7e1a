//! The built binary over real sockets: used, cut, killed and started again, by clients that we did not write where there are
//! any.

mod backup;
mod bad_input;
mod broken_store;
mod browser;
mod centrifuge;
mod cloudevents;
mod deploy;
mod disk;
mod endpoints;
mod examples;
mod fleet;
mod fleet_faults;
mod keys;
mod kill;
mod measures;
mod moved;
mod node;
mod onair;
mod operate;
mod schema;
mod schemes;
mod spooled;
mod sse;
mod telemetry;
mod workers;
