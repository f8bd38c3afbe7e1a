//! The tests of this part over a real store, and its files under the eyes of promtool.

mod alerts;
mod delivery;
mod http;
mod minutes;
mod prometheus;
mod support;
