//! `mainspring.toml`: the commented file is the defaults; later layers win; a mistake names its setting and its place.

mod database;
mod load;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use kernel::Secret;
use serde::Deserialize;

pub use self::load::{ConfigError, Overrides, load};

/// Every setting with its explanation and its default.
pub const DEFAULTS: &str = include_str!("../../mainspring.toml");
/// Settings whose values are never printed.
const SECRET: [&str; 6] =
    ["alerts.targets", "identity.issuers", "store.url", "store.direct_url", "store.replica_url", "bus.url"];
/// More would be a mailing list.
const ALERT_TARGETS: usize = 10;

/// The settings in force.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address, data directory, shutdown.
    pub server: Server,
    /// What is logged, and how.
    pub log: Log,
    /// Where rows are, and what an acknowledged write survives.
    pub store: Store,
    /// What carries messages between processes.
    pub bus: Bus,
    /// Scheduled backups.
    pub backup: Backup,
    /// How jobs run.
    pub jobs: Jobs,
    /// Who may have an account.
    pub identity: Identity,
    /// Who may connect.
    pub realtime: Realtime,
    /// What may be published.
    pub events: Events,
    /// How much of us a client may have.
    pub limits: Limits,
    /// How long things are kept.
    pub retention: Retention,
    /// Where requests of ours may go.
    pub outbound: Outbound,
    /// Outgoing webhooks.
    pub endpoints: Endpoints,
    /// What operators see.
    pub ops: Ops,
    /// Who is told when something is wrong.
    pub alerts: Alerts,
    /// Where each setting came from.
    #[serde(skip)]
    origins: BTreeMap<String, (String, String)>,
}

/// `[server]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Server {
    pub listen: String,
    pub public_url: String,
    pub data: PathBuf,
    pub trusted_proxies: Vec<ipnet::IpNet>,
    pub roles: Vec<Role>,
    pub key_file: PathBuf,
    pub drain_wait_s: u64,
    pub grace_s: u64,
}

impl Server {
    /// Whether this process does this part of the work.
    pub fn does(&self, role: Role) -> bool {
        self.roles.contains(&Role::All) || self.roles.contains(&role)
    }
}

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
    /// Schedules, alerts, retention.
    Scheduler,
    /// Jobs that fetch pages of others.
    Scraper,
}

impl Role {
    /// As it is written in the settings.
    pub fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// `[log]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
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

/// `[store]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Store {
    pub url: Secret,
    pub direct_url: Secret,
    pub replica_url: Secret,
    pub durability: store::Durability,
    pub min_free_mb: u64,
}

/// `[bus]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Bus {
    pub url: Secret,
}

/// `[backup]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Backup {
    pub every_hours: u32,
    pub keep: usize,
    pub directory: String,
}

/// `[jobs]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Jobs {
    pub concurrency: usize,
}

/// `[identity]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Identity {
    pub registration: identity::people::Registration,
    pub issuers: Vec<identity::issuers::Settings>,
}

/// `[realtime]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Realtime {
    pub allowed_origins: Vec<String>,
    pub(crate) namespaces: Vec<crate::namespaces::Settings>,
    pub drain_s: u64,
}

/// `[events]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Events {
    pub open: Vec<String>,
}

/// `[limits]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Limits {
    pub sign_in: String,
    pub api: String,
    pub key: String,
    pub person: String,
    pub ingress: String,
    pub public: String,
}

impl Limits {
    /// The settings as quotas.
    ///
    /// # Errors
    /// For a text that is no rate.
    pub fn policies(&self) -> Result<guard::Policies, guard::PolicyError> {
        guard::Policies::parse([&self.sign_in, &self.api, &self.key, &self.person, &self.ingress, &self.public])
    }
}

/// `[retention]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Retention {
    pub deliveries_days: u32,
    pub events_days: u32,
    pub audit_days: u32,
    pub jobs_completed_days: u32,
    pub jobs_cancelled_days: u32,
    pub jobs_discarded_days: u32,
    pub events_mb: u32,
}

impl Retention {
    /// How long ended jobs are kept.
    pub fn jobs(&self) -> jobs::policy::Keep {
        jobs::policy::Keep {
            completed_ms: days_ms(self.jobs_completed_days),
            cancelled_ms: days_ms(self.jobs_cancelled_days),
            discarded_ms: days_ms(self.jobs_discarded_days),
        }
    }

    /// Every setting that is a number of days.
    fn days(&self) -> [(&'static str, u32); 6] {
        [
            ("retention.deliveries_days", self.deliveries_days),
            ("retention.events_days", self.events_days),
            ("retention.audit_days", self.audit_days),
            ("retention.jobs_completed_days", self.jobs_completed_days),
            ("retention.jobs_cancelled_days", self.jobs_cancelled_days),
            ("retention.jobs_discarded_days", self.jobs_discarded_days),
        ]
    }
}

/// `[outbound]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Outbound {
    pub allow_private: Vec<outbound::IpNet>,
    pub ports: Vec<u16>,
}

impl Outbound {
    /// The settings as the client wants them.
    pub fn settings(&self) -> outbound::Settings {
        let Self { allow_private, ports } = self.clone();
        outbound::Settings { allow_private, ports, ..outbound::Settings::default() }
    }
}

/// `[endpoints]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Endpoints {
    pub disable_after_days: u32,
}

/// `[ops]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Ops {
    pub metrics: MetricsFor,
}

/// `[alerts]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Alerts {
    pub targets: Vec<slo::Target>,
}

/// Who may read the metrics.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "mainspring.toml explains each value, once")]
pub enum MetricsFor {
    Loopback,
    Anyone,
}

impl Config {
    fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |name: &str, why: &str| {
            let (value, origin) = self.origins.get(name).cloned().unwrap_or_default();
            Err(ConfigError::Wrong(format!("{name} = {value} (from {origin}): {why}")))
        };
        if self.server.listen.parse::<std::net::SocketAddr>().is_err() {
            return wrong("server.listen", "give an address and a port, such as 127.0.0.1:8080");
        }
        if !(self.server.public_url.is_empty() || self.server.public_url.starts_with("http")) {
            return wrong("server.public_url", "begin with https:// or http://");
        }
        if self.server.roles.is_empty() {
            return wrong("server.roles", "give one role at least, such as \"all\"");
        }
        if !self.bus.url.expose().is_empty() && !self.store.is_shared() {
            let why = "bus.url (REDIS_URL) is set, store.url (DATABASE_URL) is not: several processes cannot share SQLite. \
                       Set both for a fleet, neither for one process";
            return Err(ConfigError::Wrong(why.into()));
        }
        if self.store.past_the_pooler().is_some() && !self.store.is_shared() {
            let why = "give the pooler's address as store.url (DATABASE_URL); without a pooler, PostgreSQL's own, and leave this empty";
            return wrong("store.direct_url", why);
        }
        if self.store.replica().is_some() && !self.store.is_shared() {
            let why =
                "SQLite has no replicas: leave this empty, or give the primary's address as store.url (DATABASE_URL)";
            return wrong("store.replica_url", why);
        }
        if self.store.is_shared() && self.backup.every_hours > 0 {
            return wrong(
                "backup.every_hours",
                "PostgreSQL is backed up by its own tools; set it to 0 beside store.url",
            );
        }
        if !(1..=10_000).contains(&self.jobs.concurrency) {
            return wrong("jobs.concurrency", "give a number from 1 to 10000");
        }
        if self.backup.keep == 0 {
            return wrong("backup.keep", "keep one backup at least; every_hours = 0 makes none");
        }
        if let Some((name, _)) = self.retention.days().into_iter().find(|(_, days)| *days == 0) {
            return wrong(name, "keep it for one day at least");
        }
        if let Err(error) = self.limits.policies() {
            return Err(ConfigError::Wrong(format!("limits.{error}")));
        }
        let is_address = |target: &slo::Target| {
            let url = target.url.expose();
            url.starts_with("https://") || url.starts_with("http://")
        };
        if self.alerts.targets.len() > ALERT_TARGETS || !self.alerts.targets.iter().all(is_address) {
            let why = "alerts.targets: give at most 10, each with a kind (slack, discord, webhook) and an https:// url";
            return Err(ConfigError::Wrong(why.into()));
        }
        if self.endpoints.disable_after_days == 0 {
            return wrong("endpoints.disable_after_days", "give an endpoint one day at least");
        }
        if crate::telemetry::level::parse(&self.log.level).is_none() {
            return wrong("log.level", "give a level (error, warn, info, debug, trace), or target=level pairs");
        }
        Ok(())
    }

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

    /// Every setting in force with its origin, one a line.
    pub fn explain(&self) -> String {
        let mut text = String::new();
        for (name, (value, origin)) in &self.origins {
            let _ = writeln!(text, "{name} = {value}  # {origin}");
        }
        text
    }
}

/// Days as milliseconds.
pub fn days_ms(days: u32) -> i64 {
    i64::from(days) * 86_400_000
}

#[cfg(test)]
mod tests;
