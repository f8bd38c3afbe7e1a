//! The promises of the door, attacked from outside: through its routes, with real signatures and a real store.

mod accepted;
mod api;
mod duplicates;
mod failures;
mod forgeries;
mod handshakes;
mod hints;
mod leaks;
mod managing;
mod order;
mod refusals;
mod replays;
mod schemes;
mod secrets;
mod spooled;
mod support;
mod unparsable;
