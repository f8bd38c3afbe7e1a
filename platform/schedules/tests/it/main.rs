//! Schedules over a real store: what is fired, what is changed, what people see.

mod changing;
mod declaring;
mod fleet;
mod http;
mod race;
mod support;
mod ticking;
