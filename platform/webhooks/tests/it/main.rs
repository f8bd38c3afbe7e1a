//! The promises of the door, attacked from outside: through its routes, with real signatures and a real store.

mod accepted;
mod api;
mod duplicates;
mod elsewhere;
mod failures;
mod fleet;
mod forgeries;
mod handshakes;
mod hints;
mod leaks;
mod leases;
mod managing;
mod order;
mod published;
mod refusals;
mod replays;
mod schemes;
mod secrets;
mod spooled;
mod storms;
mod support;
mod unparsable;
mod waiting;
