//! `mainspring.toml`: the commented file is the defaults; later layers win; a mistake names its setting and its place.

mod database;
mod derived;
mod load;
mod objects;
mod retention;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;

use kernel::Secret;
use serde::Deserialize;

pub use self::derived::Surplus;
pub use self::load::{ConfigError, Overrides, load};
pub use self::objects::Objects;
pub use self::retention::Retention;
pub use self::words::{LogFormat, MetricsFor, Role};

/// Every setting with its explanation and its default.
pub const DEFAULTS: &str = include_str!("../../mainspring.toml");
/// Settings whose values are never printed.
const SECRET: [&str; 10] = [
    "alerts.targets",
    "identity.issuers",
    "identity.sign_in",
    "store.url",
    "store.direct_url",
    "store.replica_url",
    "bus.url",
    "objects.s3_access_key",
    "objects.s3_secret_key",
    "mail.password",
];
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
    /// How people are written to.
    pub mail: Mail,
    /// Who may connect.
    pub realtime: Realtime,
    /// What of connections is told.
    pub lifecycle: Lifecycle,
    /// What may be published.
    pub events: Events,
    /// How much of us a client may have.
    pub limits: Limits,
    /// How long things are kept.
    pub retention: Retention,
    /// Where requests of ours may go.
    pub outbound: Outbound,
    /// Where files are.
    pub objects: Objects,
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

/// `[log]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
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
    pub confirm_email: bool,
    pub issuers: Vec<identity::issuers::Settings>,
    pub sign_in: Vec<identity::sign_in_with::Settings>,
}

/// `[mail]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Mail {
    pub host: String,
    pub port: u16,
    pub tls: mail::Tls,
    pub user: String,
    pub password: Secret,
    pub from: String,
}

impl Mail {
    /// The settings as the mail wants them.
    pub fn settings(&self) -> mail::Settings {
        let Self { host, port, tls, user, password, from } = self.clone();
        mail::Settings { host, port, tls, user, password, from }
    }
}

/// `[realtime]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Realtime {
    pub allowed_origins: Vec<String>,
    pub(crate) namespaces: Vec<crate::namespaces::Settings>,
    pub drain_s: u64,
    pub connections_per_address: usize,
    pub connections_per_person: usize,
    pub connections_per_person_policy: Surplus,
    pub socketio_ping_interval_ms: u64,
    pub socketio_ping_timeout_ms: u64,
    pub socketio_connect_timeout_ms: u64,
}

/// `[lifecycle]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "mainspring.toml explains each setting, once")]
pub struct Lifecycle {
    pub connections: bool,
    pub people: bool,
    pub occupancy: Vec<String>,
    pub subscriptions: Vec<String>,
    pub grace_s: u32,
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
        if self.alerts.targets.len() > ALERT_TARGETS || !self.alerts.targets.iter().all(is_address) {
            let why = "alerts.targets: give at most 10, each with a kind (slack, discord, webhook) and an https:// url";
            return Err(ConfigError::Wrong(why.into()));
        }
        let in_the_way = || self.objects.in_the_way(&self.server.data, &crate::backup::directory(self));
        let unfit = self.objects.unfit().or_else(in_the_way).or_else(|| self.realtime.unfit());
        if let Some((name, why)) = unfit.or_else(|| self.unfound()) {
            return wrong(name, why);
        }
        let mail = self.mail.settings();
        if let Some(mail::Wrong(name, why)) = mail.is_set().then(|| mail.check().err()).flatten() {
            return wrong(&format!("mail.{name}"), &why);
        }
        if self.identity.confirm_email && !mail.is_set() {
            return wrong("identity.confirm_email", "addresses are confirmed by mail: set mail.host and mail.from");
        }
        if self.endpoints.disable_after_days == 0 {
            return wrong("endpoints.disable_after_days", "give an endpoint one day at least");
        }
        if crate::telemetry::level::parse(&self.log.level).is_none() {
            return wrong("log.level", "give a level (error, warn, info, debug, trace), or target=level pairs");
        }
        Ok(())
    }
}

fn is_address(target: &slo::Target) -> bool {
    let url = target.url.expose();
    url.starts_with("https://") || url.starts_with("http://")
}

/// Days as milliseconds.
pub fn days_ms(days: u32) -> i64 {
    i64::from(days) * 86_400_000
}

#[cfg(test)]
mod tests;
