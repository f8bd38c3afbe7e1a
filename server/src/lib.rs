//! Mainspring: the live backend in one binary. `wiring` makes every part once; `serve` runs them until they are told to
//! stop; the rest is what an operator sees.

pub mod cli;
pub mod config;
pub mod products;
pub mod serve;
mod slow_body;
pub mod wiring;

mod accept;
mod alerts;
mod backup;
mod control;
mod demo;
mod doctor;
mod doorman;
mod doors;
mod edge;
mod floors;
mod gauges;
mod health;
mod key_cli;
mod keys;
mod lagging;
mod lifecycle;
mod live;
mod minting;
mod move_cli;
mod namespaces;
mod openapi;
mod overview;
mod pages;
mod process;
mod programs;
mod refusal;
mod telemetry;
mod traceparent;
mod trust;
mod upkeep;
mod user_cli;
mod webhook_cli;
