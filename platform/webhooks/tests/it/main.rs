//! The promises of the door, attacked from outside: through its routes, with real signatures and a real store.

mod accepted;
mod api;
mod duplicates;
mod failures;
mod forgeries;
mod leaks;
mod order;
mod refusals;
mod secrets;
mod support;
mod unparsable;
