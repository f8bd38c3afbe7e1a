//! Endpoints over a real store, real jobs and real sockets, with a clock that stands still.

mod answers;
mod api;
mod health;
mod inside;
mod leaks;
mod owner;
mod recover;
mod support;
