//! Keeps the connections: finds the servers, connects, looks whether they answer, and begins again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use kernel::{Entropy, limits};
use redis::{RedisError, RedisResult};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::find::Found;
use super::net::{Dial, Net, Node, Share};
use super::settings::{Address, Form};
use crate::memory::Memory;

/// How long all that is asked before a look ends may take together.
const LOOK: Duration = Duration::from_millis(limits::BUS_CONNECT_MS + limits::BUS_CALL_MS);

pub(super) struct Keeper {
    dial: Arc<Dial>,
    memory: Arc<Memory>,
    entropy: Entropy,
    net: watch::Sender<Arc<Net>>,
    /// The reason why Redis is away was logged.
    said: AtomicBool,
}

impl Keeper {
    pub(super) fn new(dial: Arc<Dial>, memory: Arc<Memory>, entropy: Entropy, net: watch::Sender<Arc<Net>>) -> Self {
        Self { dial, memory, entropy, net, said: AtomicBool::new(false) }
    }

    /// Looks once a second, and at once when there is trouble; with growing pauses while something is missing.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut failures = 0u32;
        let mut found_at = None;
        while !stop.is_cancelled() {
            let (net, found) = self.look(found_at).await;
            found_at = if found { Some(Instant::now()) } else { found_at };
            let whole = net.is_whole();
            // What was published while nobody listened is lost here: listeners are told, and durable streams are read again.
            if net.has_more_than(&self.net.borrow()) {
                self.memory.interrupted();
            }
            self.publish(net);
            failures = if whole { 0 } else { failures.saturating_add(1) };
            let pause = self.pause(failures);
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
                () = self.dial.trouble.notified(), if failures == 0 => {}
            }
        }
    }

    /// Who is there, and whether they were looked for and not only asked again.
    async fn look(&self, found_at: Option<Instant>) -> (Net, bool) {
        let before = self.net.borrow().clone();
        let alive = join_all(before.nodes.iter().map(|node| self.check(node))).await;
        let processes = alive.iter().flatten().copied().max().unwrap_or(before.processes.max(1));
        let nodes = before.nodes.iter().zip(&alive).filter(|(_, alive)| alive.is_some());
        let checked = Net { nodes: nodes.map(|(node, _)| node.clone()).collect(), processes };
        let stays = matches!(self.dial.settings.form, Form::Single(_));
        let recently = found_at.is_some_and(|at| at.elapsed() < Duration::from_millis(limits::BUS_FIND_MS));
        let recently = recently && !self.dial.moved.swap(false, Ordering::SeqCst);
        if checked.is_whole() && (stays || recently) {
            return (checked, false);
        }
        // Calls that would go to the dead fail at once meanwhile.
        let checked = self.publish(checked);
        match timeout(LOOK, self.dial.find(&checked)).await {
            Ok(Ok(found)) => (self.connect(&checked, found).await, true),
            Ok(Err(error)) => {
                self.complain(&error, "finding the servers");
                (Net { nodes: checked.nodes.clone(), ..*checked }, false)
            }
            Err(_) => (Net { nodes: checked.nodes.clone(), ..*checked }, false),
        }
    }

    async fn check(&self, node: &Arc<Node>) -> Option<u32> {
        if node.is_lost() {
            return None;
        }
        let within = Duration::from_millis(limits::BUS_CALL_MS);
        match timeout(within, node.check(&self.dial)).await {
            Ok(Ok(processes)) => Some(processes),
            Ok(Err(error)) => {
                self.complain(&error, &node.address.host);
                None
            }
            Err(_) => {
                metrics::counter!("bus_redis_errors_total", "kind" => "timeout").increment(1);
                None
            }
        }
    }

    /// The found servers: those that are connected as they are, the others anew. One that changed is left only when its
    /// successor listens.
    async fn connect(&self, net: &Net, found: Found) -> Net {
        let nodes = found.into_iter().take(limits::BUS_NODES).map(|(address, share)| async move {
            match net.at(&address).filter(|node| node.share == share && !node.is_lost()) {
                Some(node) => Some(node.clone()),
                None => self.connect_to(&address, share).await,
            }
        });
        let nodes = join_all(nodes).await.into_iter().flatten().collect();
        Net { nodes, processes: net.processes }
    }

    async fn connect_to(&self, address: &Address, share: Share) -> Option<Arc<Node>> {
        let node = async {
            let node = self.dial.node(address, share).await?;
            node.check(&self.dial).await?;
            RedisResult::Ok(Arc::new(node))
        };
        match timeout(LOOK, node).await {
            Ok(Ok(node)) => Some(node),
            Ok(Err(error)) => {
                self.complain(&error, &address.host);
                None
            }
            Err(_) => None,
        }
    }

    fn publish(&self, net: Net) -> Arc<Net> {
        let (was, is) = (self.net.borrow().is_whole(), net.is_whole());
        match (was, is) {
            (false, true) => {
                self.said.store(false, Ordering::SeqCst);
                tracing::info!(servers = net.nodes.len(), "Redis is there");
            }
            (true, false) => tracing::warn!("Redis is away: this process goes on alone"),
            _ => {}
        }
        metrics::gauge!("bus_redis_up").set(f64::from(u8::from(is)));
        let net = Arc::new(net);
        self.net.send_replace(net.clone());
        net
    }

    /// Counts, and logs the first reason of an outage: the others are the same or follow from it.
    fn complain(&self, error: &RedisError, about: &str) {
        super::count(error);
        if !self.said.swap(true, Ordering::SeqCst) {
            tracing::warn!(%error, about, "Redis cannot be reached");
        }
    }

    /// Doubles up to a bound; a half of it is chance, so that processes that lost it together do not come back together.
    fn pause(&self, failures: u32) -> Duration {
        let (first, longest) = limits::BUS_RETRY_MS;
        let ms = match failures {
            0 => limits::BUS_PING_MS,
            _ => first.saturating_mul(1 << (failures - 1).min(16)).min(longest),
        };
        let half = ms / 2;
        Duration::from_millis(ms - half + self.entropy.below(half + 1))
    }
}
