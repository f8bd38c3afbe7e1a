//! Settings that are one word of a few.

use clap::ValueEnum;
use serde::Deserialize;

/// A part of the work that a process can do.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Every one.
    All,
    /// The API, the console, pages.
    Api,
    /// Webhooks in.
    Ingress,
    /// Channels and streams to listeners.
    Realtime,
    /// Jobs and durable streams.
    Worker,
    /// Schedules, retention, backups by the clock.
    Scheduler,
    /// Jobs that fetch pages of others: there are none yet.
    Scraper,
}

impl Role {
    /// As it is written in the settings.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "mainspring.toml explains each value, once")]
pub enum LogFormat {
    Auto,
    Json,
    Text,
}

/// Who may read the metrics.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "mainspring.toml explains each value, once")]
pub enum MetricsFor {
    Loopback,
    Anyone,
}
