//! Where Redis is: the forms of `REDIS_URL`.

use std::fmt;

use kernel::{Secret, limits};
use percent_encoding::percent_decode_str;

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26_379;

/// Where Redis is and how to come in. Its `Debug` shows no password.
///
/// | URL | means |
/// |---|---|
/// | `redis://[user][:password@]host[:port][/db]` | one server |
/// | `redis://host:port,host:port`, or `redis-cluster://host:port` | a Cluster (Redis 7), found from any of these |
/// | `redis-sentinel://[user][:password@]host:port,host:port/master-name[/db]` | the master that these Sentinels name |
///
/// `rediss`, `rediss-cluster` and `rediss-sentinel` are the same over TLS. Behind a `?`: `prefix=` (see
/// [`RedisSettings::prefix`]), `cluster=true`, `sentinel_password=`. What is not plain in a name or a password is
/// percent-encoded.
#[derive(Clone)]
pub struct RedisSettings {
    pub(super) form: Form,
    pub(super) tls: bool,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) db: i64,
    pub(super) prefix: String,
    pub(super) streams: usize,
    pub(super) lease_ms: u64,
}

#[derive(Clone)]
pub(super) enum Form {
    Single(Address),
    Cluster(Vec<Address>),
    Sentinel { sentinels: Vec<Address>, master: String, password: Option<Secret> },
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

/// The text is no address of a Redis. It names what is wrong, and nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no address of a Redis: {0}")]
pub struct BadRedisUrl(&'static str);

impl RedisSettings {
    /// Reads a URL.
    ///
    /// # Errors
    /// [`BadRedisUrl`] for another scheme, no host, a port, database or option that is none.
    pub fn parse(url: &Secret) -> Result<Self, BadRedisUrl> {
        let (scheme, rest) = url.expose().trim().split_once("://").ok_or(BadRedisUrl("it has no scheme"))?;
        let (tls, kind) = match scheme {
            "redis" => (false, ""),
            "rediss" => (true, ""),
            "redis-cluster" => (false, "cluster"),
            "rediss-cluster" => (true, "cluster"),
            "redis-sentinel" => (false, "sentinel"),
            "rediss-sentinel" => (true, "sentinel"),
            _ => return Err(BadRedisUrl("its scheme is not redis, rediss, redis-cluster or redis-sentinel")),
        };
        let (rest, options) = rest.split_once('?').unwrap_or((rest, ""));
        let options = Options::parse(options)?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (who, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = who.split_once(':').unwrap_or((who, ""));
        let port = if kind == "sentinel" { SENTINEL_PORT } else { REDIS_PORT };
        let hosts = hosts.split(',').map(|host| Address::parse(host, port)).collect::<Result<Vec<_>, _>>()?;
        let (form, db) = match (kind, hosts) {
            ("sentinel", sentinels) => {
                let (master, db) = path.split_once('/').unwrap_or((path, ""));
                let master = plain(master)?.ok_or(BadRedisUrl("the name of the Sentinels' master is missing"))?;
                (Form::Sentinel { sentinels, master, password: options.sentinel_password }, db)
            }
            ("", hosts) if hosts.len() == 1 && !options.cluster => (Form::Single(hosts[0].clone()), path),
            (_, hosts) => (Form::Cluster(hosts), path),
        };
        let db = if db.is_empty() { 0 } else { db.parse().map_err(|_| BadRedisUrl("its database is no number"))? };
        if matches!(form, Form::Cluster(_)) && db != 0 {
            return Err(BadRedisUrl("a Cluster has no databases"));
        }
        let prefix = options.prefix.unwrap_or_else(|| "mainspring".to_owned());
        let password = plain(password)?.map(Secret::new);
        let (user, streams, lease_ms) = (plain(user)?, limits::STREAMS_KEPT, limits::PRESENCE_LEASE_MS);
        Self { form, tls, user, password, db, prefix: String::new(), streams, lease_ms }.prefix(&prefix)
    }

    /// Begins every key and channel with this, so that several installations share a Redis; `mainspring` otherwise.
    ///
    /// # Errors
    /// [`BadRedisUrl`] when it is empty, longer than 64 bytes, or has a brace (the Cluster reads those).
    pub fn prefix(self, prefix: &str) -> Result<Self, BadRedisUrl> {
        if prefix.is_empty() || prefix.len() > 64 || prefix.contains(['{', '}']) {
            return Err(BadRedisUrl("the prefix has 1 to 64 bytes and no braces"));
        }
        Ok(Self { prefix: prefix.to_owned(), ..self })
    }

    /// Room for so many live streams in all, divided among the partitions; `limits::STREAMS_KEPT` otherwise.
    #[must_use]
    pub fn streams(self, streams: usize) -> Self {
        Self { streams, ..self }
    }

    /// After so many milliseconds without a sign of life the clients of a process have left; 100 at least, the same in every
    /// process, `limits::PRESENCE_LEASE_MS` otherwise.
    #[must_use]
    pub fn lease_ms(self, lease_ms: u64) -> Self {
        Self { lease_ms: lease_ms.max(100), ..self }
    }
}

impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, hosts) = match &self.form {
            Form::Single(host) => ("single", std::slice::from_ref(host)),
            Form::Cluster(hosts) => ("cluster", &hosts[..]),
            Form::Sentinel { sentinels, .. } => ("sentinel", &sentinels[..]),
        };
        f.debug_struct("RedisSettings")
            .field("kind", &kind)
            .field("hosts", &hosts)
            .field("tls", &self.tls)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Address {
    /// `host:port` as servers say it: without brackets.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        Some(Self { host: host.to_owned(), port: port.parse().ok()? })
    }

    /// `host`, `host:port`, `[::1]:port`.
    fn parse(text: &str, default_port: u16) -> Result<Self, BadRedisUrl> {
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) => (host, rest.strip_prefix(':')),
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        if host.is_empty() {
            return Err(BadRedisUrl("a host is missing"));
        }
        let port = port.map_or(Ok(default_port), str::parse).map_err(|_| BadRedisUrl("a port is no number"))?;
        Ok(Self { host: host.to_owned(), port })
    }
}

#[derive(Default)]
struct Options {
    cluster: bool,
    prefix: Option<String>,
    sentinel_password: Option<Secret>,
}

impl Options {
    fn parse(text: &str) -> Result<Self, BadRedisUrl> {
        let mut options = Self::default();
        for option in text.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=').unwrap_or((option, "")) {
                ("cluster", "true") => options.cluster = true,
                ("prefix", prefix) => options.prefix = plain(prefix)?,
                ("sentinel_password", password) => options.sentinel_password = plain(password)?.map(Secret::new),
                _ => return Err(BadRedisUrl("an option is not cluster=true, prefix= or sentinel_password=")),
            }
        }
        Ok(options)
    }
}

/// A percent-encoded text; nothing when empty.
fn plain(text: &str) -> Result<Option<String>, BadRedisUrl> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| BadRedisUrl("a part of it is no text"))?;
    Ok((!decoded.is_empty()).then(|| decoded.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<RedisSettings, BadRedisUrl> {
        RedisSettings::parse(&Secret::new(url))
    }

    fn at(host: &str, port: u16) -> Address {
        Address { host: host.to_owned(), port }
    }

    #[test]
    fn every_form_is_read() {
        let one = read("redis://:p%40ss%2Fword@cache:7000/3?prefix=shop").expect("a URL");
        assert!(matches!(&one.form, Form::Single(host) if *host == at("cache", 7000)));
        assert_eq!((one.db, one.user, &*one.prefix, one.tls), (3, None, "shop", false));
        assert_eq!(one.password, Some(Secret::new("p@ss/word")));
        let tls = read("rediss://me:x@[::1]").expect("a URL");
        assert!(matches!(&tls.form, Form::Single(host) if *host == at("::1", 6379)));
        assert_eq!((tls.user.as_deref(), tls.tls, &*tls.prefix), (Some("me"), true, "mainspring"));
        for cluster in ["redis://a:1,b", "redis://a:1,b?cluster=true", "redis-cluster://a:1,b"] {
            let cluster = read(cluster).expect("a URL");
            assert!(matches!(&cluster.form, Form::Cluster(hosts) if *hosts == [at("a", 1), at("b", 6379)]));
        }
        assert!(matches!(read("redis://a?cluster=true").expect("a URL").form, Form::Cluster(_)));
        let watched = read("redis-sentinel://:p@a,b:1/main/2?sentinel_password=s").expect("a URL");
        let Form::Sentinel { sentinels, master, password } = watched.form else { panic!("not by Sentinel") };
        assert_eq!((sentinels, &*master, watched.db), (vec![at("a", 26_379), at("b", 1)], "main", 2));
        assert_eq!(password, Some(Secret::new("s")));
    }

    #[test]
    fn what_is_no_address_is_refused_and_no_password_is_shown() {
        let wrong = [
            "cache:6379",
            "http://cache",
            "redis://",
            "redis://a,,b",
            "redis://a:port",
            "redis://a/one",
            "redis://a,b/1",
            "redis-sentinel://a",
            "redis://a?tls=yes",
            "redis://a?prefix={x}",
        ];
        for url in wrong {
            assert!(read(url).is_err(), "{url}");
        }
        let shown = format!("{:?}{:?}", read("redis://me:hunter2@a"), read("redis://me:hunter2@a:port"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
