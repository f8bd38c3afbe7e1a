//! A product as a value, plugged into real parts.

mod people;
mod schedules;
