//! A private Redis with Sentinel.

use anyhow::{Context, Result};

use crate::Redis;
use crate::private::{Private, until};
use crate::resp;

/// How many sentinels there are, and how many of them must agree that the primary is gone.
const SENTINELS: usize = 3;
const QUORUM: usize = 2;
/// Sentinels say that they are there every two seconds, and look for replicas every ten: too slow for a test.
/// (`SENTINEL DEBUG` takes milliseconds.)
const PACE: &[&str] = &["SENTINEL", "DEBUG", "publish-period", "100", "info-period", "500", "ask-period", "100"];

/// A primary and a replica, watched by three sentinels of which two must agree. Dropping it kills and removes them all. Its methods
/// block.
pub struct Sentinel {
    servers: Vec<Redis>,
    sentinels: Vec<Redis>,
}

impl Sentinel {
    /// The name under which the sentinels know the primary.
    pub const NAME: &'static str = "mainspring";

    /// Starts them, and waits until the replica follows and the sentinels know of one another.
    ///
    /// # Errors
    /// When Redis is not installed, or one of them does not start.
    pub fn start() -> Result<Self> {
        let primary = Redis::start()?;
        let port = primary.port();
        let replica = Redis::with(&["--replicaof", "127.0.0.1", &port.to_string()])?;
        let mut it = Self { servers: vec![primary, replica], sentinels: Vec::new() };
        it.replica_follows(port)?;
        for _ in 0..SENTINELS {
            it.sentinels.push(sentinel(port)?);
        }
        until("the sentinels do not find one another", || Ok(it.knows_all().then_some(())))?;
        Ok(it)
    }

    /// The primary that the sentinels name: its port.
    ///
    /// # Errors
    /// When the first sentinel does not answer.
    pub fn primary(&self) -> Result<u16> {
        named_by(self.sentinels.first().context("no sentinel")?)
    }

    /// The two that hold data, the first primary first.
    pub fn servers(&mut self) -> &mut [Redis] {
        &mut self.servers
    }

    /// The sentinels.
    pub fn sentinels(&mut self) -> &mut [Redis] {
        &mut self.sentinels
    }

    /// Kills the primary, and waits until all sentinels name the other server, and it takes writes: its port. About two seconds.
    ///
    /// # Errors
    /// When they do not in time.
    pub fn failover(&mut self) -> Result<u16> {
        let old = self.primary()?;
        self.servers.iter_mut().find(|it| it.port() == old).context("a primary that is not ours")?.kill()?;
        let heir = self.servers.iter().find(|it| it.port() != old).context("no replica")?.port();
        until("the sentinels do not fail over", || {
            let agreed = self.sentinels.iter().all(|it| named_by(it).is_ok_and(|port| port == heir));
            Ok((agreed && role(heir)? == "master").then_some(heir))
        })
    }

    /// Starts whoever was killed, empty, as a replica of the present primary, and waits until it follows.
    ///
    /// # Errors
    /// When it does not.
    pub fn revive(&mut self) -> Result<()> {
        let primary = self.primary()?;
        for server in self.servers.iter_mut().filter(|it| !it.runs()) {
            server.start_again_with(&["--replicaof", "127.0.0.1", &primary.to_string()])?;
        }
        self.replica_follows(primary)
    }

    fn replica_follows(&self, primary: u16) -> Result<()> {
        until("the replica does not follow", || {
            let replication = resp::ask(primary, &["INFO", "replication"])?.concat();
            Ok(replication.contains("state=online").then_some(()))
        })
    }

    /// Whether each sentinel knows enough others, and one replica that it can reach.
    fn knows_all(&self) -> bool {
        self.sentinels.iter().all(|it| {
            let ask = |about| resp::ask(it.port(), &["SENTINEL", about, Self::NAME]).unwrap_or_default();
            let others = ask("SENTINELS").iter().filter(|word| *word == "name").count();
            let reached = ask("REPLICAS").join(" ").contains("master-link-status ok");
            others == SENTINELS - 1 && reached && !ask("CKQUORUM").is_empty()
        })
    }
}

fn sentinel(primary: u16) -> Result<Redis> {
    let (name, server) = (Sentinel::NAME, Private::new("sentinel")?);
    // It writes down what it learns: a file of its own.
    let configuration = format!(
        "port {}\nbind 127.0.0.1\nsentinel monitor {name} 127.0.0.1 {primary} {QUORUM}\n\
         sentinel down-after-milliseconds {name} 500\nsentinel failover-timeout {name} 3000\n",
        server.port()
    );
    server.write("sentinel.conf", &configuration)?;
    let it = Redis::launch(server, vec!["sentinel.conf".to_owned(), "--sentinel".to_owned()])?;
    it.command(PACE)?;
    Ok(it)
}

fn named_by(sentinel: &Redis) -> Result<u16> {
    let address = resp::ask(sentinel.port(), &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", Sentinel::NAME])?;
    Ok(address.get(1).context("the sentinel knows no primary")?.parse()?)
}

/// `master` or `slave`, as Redis calls them.
fn role(port: u16) -> Result<String> {
    Ok(resp::ask(port, &["ROLE"])?.into_iter().next().unwrap_or_default())
}
