//! A private Redis Cluster.

use anyhow::{Context, Result, bail};

use crate::Redis;
use crate::private::until;
use crate::resp;

const SLOTS: usize = 16_384;
const NODES: usize = 3;
/// Keys moved at once.
const BATCH: &str = "100";

/// Three primaries that share the slots evenly, without replicas. Dropping it kills and removes them all. Its methods block.
pub struct Cluster {
    nodes: Vec<Redis>,
}

impl Cluster {
    /// Starts them, and waits until each says that the cluster is whole: a little over the two seconds that a primary of a cluster
    /// waits before it takes commands.
    ///
    /// # Errors
    /// When Redis is not installed (7.0 or newer), or one of them does not start.
    pub fn start() -> Result<Self> {
        let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
        let nodes = (0..NODES).map(|_| Redis::with(&arguments)).collect::<Result<Vec<_>>>()?;
        let it = Self { nodes };
        for (i, node) in it.nodes.iter().enumerate() {
            let (first, last) = (i * SLOTS / NODES, (i + 1) * SLOTS / NODES - 1);
            node.command(&["CLUSTER", "ADDSLOTSRANGE", &first.to_string(), &last.to_string()])?;
            // Different from the start: otherwise nodes that meet have to settle whose is the newer word.
            node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &(i + 1).to_string()])?;
        }
        // Each pair: by hearsay they would know one another a second later.
        for (i, node) in it.nodes.iter().enumerate() {
            for other in &it.nodes[i + 1..] {
                node.command(&["CLUSTER", "MEET", "127.0.0.1", &other.port().to_string()])?;
            }
        }
        it.whole()?;
        Ok(it)
    }

    /// The nodes, by the slots that they began with. A killed one that is started again comes back with its slots, empty.
    pub fn nodes(&mut self) -> &mut [Redis] {
        &mut self.nodes
    }

    /// `redis://127.0.0.1:{port}/` of each node.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Redis::url).collect()
    }

    /// Waits until each node says that all slots are served.
    ///
    /// # Errors
    /// When that is not so in time.
    pub fn whole(&self) -> Result<()> {
        let told = ["cluster_state:ok\r", "cluster_slots_ok:16384\r", "cluster_known_nodes:3\r", "cluster_size:3\r"];
        until("the cluster does not become whole", || {
            let infos = self.nodes.iter().map(|node| node.command(&["CLUSTER", "INFO"])).collect::<Result<Vec<_>>>()?;
            Ok(infos.iter().all(|info| told.iter().all(|line| info.contains(line))).then_some(()))
        })
    }

    /// The node that serves a slot, as the first node sees it.
    ///
    /// # Errors
    /// When it does not answer, or knows of none.
    pub fn owner(&self, slot: u16) -> Result<usize> {
        let known = self.node(0)?.command(&["CLUSTER", "NODES"])?;
        let serves = |range: &str| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            first.parse().is_ok_and(|first: u16| first <= slot) && last.parse().is_ok_and(|last: u16| slot <= last)
        };
        // `id address:port@bus flags primary ping pong epoch link slot slot …`
        let line = known.lines().find(|line| line.split(' ').skip(8).any(serves)).context("nobody serves it")?;
        let it = |node: &Redis| line.contains(&format!(":{}@", node.port()));
        self.nodes.iter().position(it).context("a node that is not ours")
    }

    /// Moves a slot with its keys from one node to another while both serve it, as `redis-cli --cluster reshard` does; the others
    /// are told.
    ///
    /// # Errors
    /// When `from` does not serve it, or a node does not answer.
    pub fn move_slot(&self, slot: u16, from: usize, to: usize) -> Result<()> {
        if from == to {
            bail!("a slot moves from one node to another");
        }
        let (source, target) = (self.node(from)?, self.node(to)?);
        let ids = (source.command(&["CLUSTER", "MYID"])?, target.command(&["CLUSTER", "MYID"])?);
        let slot = slot.to_string();
        // In this order: the source must not send clients on to somebody who does not expect them.
        target.command(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids.0])?;
        source.command(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids.1])?;
        let port = target.port().to_string();
        loop {
            let keys = resp::ask(source.port(), &["CLUSTER", "GETKEYSINSLOT", &slot, BATCH])?;
            if keys.is_empty() {
                break;
            }
            let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            migrate.extend(keys.iter().map(String::as_str));
            source.command(&migrate)?;
        }
        // The target first: if all ends here, one of the two serves it.
        let others = self.nodes.iter().enumerate().filter(|(i, _)| *i != from && *i != to).map(|(_, node)| node);
        for node in [target, source].into_iter().chain(others) {
            node.command(&["CLUSTER", "SETSLOT", &slot, "NODE", &ids.1])?;
        }
        Ok(())
    }

    fn node(&self, index: usize) -> Result<&Redis> {
        self.nodes.get(index).with_context(|| format!("there are {NODES} nodes"))
    }
}
