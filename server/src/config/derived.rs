//! What follows from the settings.

use std::fmt::Write as _;
use std::time::Duration;

use realtime::socketio::Beat;
use serde::Deserialize;

use super::{Config, Realtime};

/// Which connection of a person is one too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surplus {
    /// The last to come.
    RefuseNew,
    /// The longest open one.
    CloseOldest,
}

impl Realtime {
    pub(crate) fn socketio_beat(&self) -> Beat {
        let all = [self.socketio_ping_interval_ms, self.socketio_ping_timeout_ms, self.socketio_connect_timeout_ms];
        let [ping, pong, connect] = all.map(Duration::from_millis);
        Beat { ping, pong, connect }
    }

    /// The name of a setting that cannot be kept, and why.
    pub(super) fn unfit(&self) -> Option<(&'static str, &'static str)> {
        let why = "socketio_ping_interval_ms, socketio_ping_timeout_ms and socketio_connect_timeout_ms are whole hundreds up to 60000, \
                   the time-out no longer than the interval";
        (!self.socketio_beat().is_sound()).then_some(("realtime.socketio_ping_interval_ms", why))
    }
}

impl Config {
    /// How long it takes to send every connection away at a stop. One process alone has nobody else to send them to.
    pub fn drain_window(&self) -> Duration {
        Duration::from_secs(if self.store.is_shared() { self.realtime.drain_s } else { 0 })
    }

    /// Where people reach the server that listens here.
    pub fn base_url(&self, address: &str) -> String {
        match self.server.public_url.trim_end_matches('/') {
            "" => format!("http://{address}"),
            url => url.to_owned(),
        }
    }

    /// The setting for want of which issuers cannot send browsers back to us, and why: where people reach us is said, or is this machine.
    pub(super) fn unfound(&self) -> Option<(&'static str, &'static str)> {
        let listens = self.server.listen.parse::<std::net::SocketAddr>();
        let here = listens.is_ok_and(|address| address.ip().is_loopback() && address.port() != 0);
        let found = self.identity.sign_in.is_empty() || here || !self.server.public_url.is_empty();
        let why = "issuers send browsers back to it: set it beside identity.sign_in";
        (!found).then_some(("server.public_url", why))
    }

    /// Every setting in force with its origin, one a line.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        for (name, (value, origin)) in &self.origins {
            let _ = writeln!(text, "{name} = {value}  # {origin}");
        }
        text
    }
}
