#![doc = include_str!("../README.md")]

pub mod alert;
pub mod burn;
mod dashboard;
mod engine;
mod http;
mod known;
mod meter;
mod migrations;
mod notify;
pub mod objective;
mod promql;
mod reading;
mod rules;
pub mod state;
mod store;

pub use self::dashboard::dashboard;
pub use self::engine::{Bridge, Setup, Slo};
pub use self::http::routes;
pub use self::meter::{Meter, Metered};
pub use self::migrations::MIGRATIONS;
pub use self::notify::{Target, TargetKind};
pub use self::reading::Status;
pub use self::rules::rules;
