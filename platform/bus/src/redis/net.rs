//! Who serves which part of the channels, and the connections to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kernel::limits;
use redis::aio::{MultiplexedConnection, SendError};
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, PushInfo,
    PushKind, RedisConnectionInfo, RedisResult, Value,
};
use tokio::sync::Notify;

use super::find::crc16;
use super::inbox::Inbox;
use super::settings::{Address, Form, RedisSettings};

/// Into how many parts the channels are divided, whatever their number: each is one subscription, and in a Cluster one slot.
/// Every process of an installation must have the same.
pub(super) const PARTITIONS: u8 = 128;

/// A set of partitions, a bit each.
pub(super) type Share = u128;

/// The partition of a channel or a key.
pub(super) fn partition_of(name: &str) -> u8 {
    (crc16(name.as_bytes()) % u16::from(PARTITIONS)) as u8
}

/// One server and what it serves.
pub(super) struct Node {
    pub(super) address: Address,
    pub(super) share: Share,
    /// The id of its present run.
    pub(super) life: String,
    pub(super) calls: MultiplexedConnection,
    /// Where the subscriptions are. Dropped, they end.
    ears: MultiplexedConnection,
    lost: Arc<AtomicBool>,
}

/// What can be reached now; replaced as a whole.
#[derive(Default)]
pub(super) struct Net {
    pub(super) nodes: Vec<Arc<Node>>,
    /// Processes that listen, this one included, as far as known.
    pub(super) processes: u32,
}

impl Net {
    pub(super) fn of(&self, partition: u8) -> Option<&Arc<Node>> {
        self.nodes.iter().find(|node| node.share & (1 << partition) != 0)
    }

    pub(super) fn at(&self, address: &Address) -> Option<&Arc<Node>> {
        self.nodes.iter().find(|node| node.address == *address)
    }

    /// Whether every partition is served.
    pub(super) fn is_whole(&self) -> bool {
        self.nodes.iter().fold(0, |share, node| share | node.share) == Share::MAX
    }

    /// Whether there are connections that `before` did not have.
    pub(super) fn has_more_than(&self, before: &Self) -> bool {
        self.nodes.iter().any(|node| !before.nodes.iter().any(|it| Arc::ptr_eq(it, node)))
    }
}

/// How nodes are reached, and who hears what comes from them.
pub(super) struct Dial {
    pub(super) settings: RedisSettings,
    pub(super) inbox: Arc<Inbox>,
    /// Rung when something is wrong with a node.
    pub(super) trouble: Arc<Notify>,
    /// Somebody was told that a partition is elsewhere.
    pub(super) moved: AtomicBool,
}

impl Dial {
    pub(super) fn new(settings: RedisSettings, inbox: Arc<Inbox>) -> Self {
        Self { settings, inbox, trouble: Arc::default(), moved: AtomicBool::new(false) }
    }

    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.settings.form, Form::Cluster(_))
    }

    /// The name of a partition: of its subscription, and the begin of its keys. The braces are the Cluster's: what stands in them
    /// decides the slot.
    pub(super) fn name(&self, partition: u8) -> String {
        format!("{{{}:{partition}}}", self.settings.prefix)
    }

    /// How a partition is told something. A Cluster's subscriptions stay with the slot (Redis 7).
    pub(super) fn publish_verb(&self) -> &'static str {
        if self.is_cluster() { "SPUBLISH" } else { "PUBLISH" }
    }

    /// A node with its subscriptions made.
    pub(super) async fn node(&self, address: &Address, share: Share) -> RedisResult<Node> {
        let lost = Arc::new(AtomicBool::new(false));
        let client = Client::open(self.info(address)?)?;
        let mut calls = client.get_multiplexed_async_connection_with_config(&bounded()).await?;
        let life = life(&mut calls).await?;
        let heard = bounded().set_push_sender(self.ear(lost.clone()));
        let mut ears = client.get_multiplexed_async_connection_with_config(&heard).await?;
        let mut pipe = redis::pipe();
        for partition in (0..PARTITIONS).filter(|partition| share & (1 << partition) != 0) {
            pipe.cmd(if self.is_cluster() { "SSUBSCRIBE" } else { "SUBSCRIBE" }).arg(self.name(partition));
        }
        if share != 0 {
            pipe.query_async::<Vec<Value>>(&mut ears).await?;
        }
        Ok(Node { address: address.clone(), share, life, calls, ears, lost })
    }

    /// A connection for a few questions about where things are.
    pub(super) async fn ask(&self, address: &Address) -> RedisResult<MultiplexedConnection> {
        Client::open(self.info(address)?)?.get_multiplexed_async_connection_with_config(&bounded()).await
    }

    /// As [`Dial::ask`], of a Sentinel: it has a password of its own, and no databases.
    pub(super) async fn ask_sentinel(
        &self,
        address: &Address,
        password: Option<&str>,
    ) -> RedisResult<MultiplexedConnection> {
        let ours = RedisConnectionInfo::default();
        let ours = password.map_or(ours.clone(), |password| ours.set_password(password));
        let info = self.info(address)?.set_redis_settings(ours);
        Client::open(info)?.get_multiplexed_async_connection_with_config(&bounded()).await
    }

    fn info(&self, Address { host, port }: &Address) -> RedisResult<ConnectionInfo> {
        let (host, port, settings) = (host.clone(), *port, &self.settings);
        let address = match settings.tls {
            true => ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None },
            false => ConnectionAddr::Tcp(host, port),
        };
        let mut redis = RedisConnectionInfo::default().set_db(settings.db).set_protocol(ProtocolVersion::RESP3);
        if let Some(user) = &settings.user {
            redis = redis.set_username(user);
        }
        if let Some(password) = &settings.password {
            redis = redis.set_password(password.expose());
        }
        Ok(address.into_connection_info()?.set_redis_settings(redis))
    }

    fn ear(&self, lost: Arc<AtomicBool>) -> impl Fn(PushInfo) -> Result<(), SendError> + Send + Sync + 'static {
        let (inbox, trouble) = (self.inbox.clone(), self.trouble.clone());
        move |push| {
            let mut data = push.data.into_iter();
            match (push.kind, data.next(), data.next()) {
                (
                    PushKind::Message | PushKind::SMessage,
                    Some(Value::BulkString(name)),
                    Some(Value::BulkString(message)),
                ) => inbox.arrive(&name, message.into()),
                // The server takes a subscription away when its slot moves.
                (PushKind::Disconnection | PushKind::Unsubscribe | PushKind::SUnsubscribe, ..) => {
                    lost.store(true, Ordering::SeqCst);
                    trouble.notify_one();
                }
                _ => {}
            }
            Ok(())
        }
    }
}

impl Node {
    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }

    /// Whether both connections answer, and the server still takes writes; with how many processes listen to it.
    pub(super) async fn check(&self, dial: &Dial) -> RedisResult<u32> {
        let (mut calls, mut ears) = (self.calls.clone(), self.ears.clone());
        let mut pipe = redis::pipe();
        let listening = if dial.is_cluster() { "SHARDNUMSUB" } else { "NUMSUB" };
        let of = dial.name(self.share.trailing_zeros() as u8);
        pipe.cmd("ROLE").cmd("PUBSUB").arg(listening).arg(of);
        let ping = redis::cmd("PING");
        let (asked, heard) =
            tokio::join!(pipe.query_async::<(Vec<Value>, Value)>(&mut calls), ping.query_async::<String>(&mut ears));
        let (role, listening) = asked?;
        heard?;
        if !matches!(role.first(), Some(Value::BulkString(role)) if role == b"master") {
            return Err(redis::RedisError::from((redis::ErrorKind::Client, "it is a replica now")));
        }
        Ok(number_in(&listening).unwrap_or(1).max(1))
    }
}

/// The count in an answer `[channel, count]`, which newer protocols give as a map.
fn number_in(value: &Value) -> Option<u32> {
    match value {
        Value::Int(number) => u32::try_from(*number).ok(),
        Value::Array(all) => all.iter().find_map(number_in),
        Value::Map(all) => all.iter().find_map(|(_, count)| number_in(count)),
        _ => None,
    }
}

/// The server's id of its present run: another one after each start.
async fn life(calls: &mut MultiplexedConnection) -> RedisResult<String> {
    let info: String = redis::cmd("INFO").arg("server").query_async(calls).await?;
    let id = info.lines().find_map(|line| line.strip_prefix("run_id:")).map(str::trim);
    id.map(str::to_owned).ok_or_else(|| (redis::ErrorKind::Client, "the server does not tell its run_id").into())
}

fn bounded() -> AsyncConnectionConfig {
    AsyncConnectionConfig::new()
        .set_connection_timeout(Some(Duration::from_millis(limits::BUS_CONNECT_MS)))
        .set_response_timeout(Some(Duration::from_millis(limits::BUS_CALL_MS)))
        .set_pipeline_buffer_size(limits::BUS_PIPELINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_spread_evenly_and_stay_where_they_are() {
        let mut held = [0u32; PARTITIONS as usize];
        (0..128_000).for_each(|n| held[usize::from(partition_of(&format!("radio:owner/repo-{n}")))] += 1);
        assert!(held.iter().all(|count| (800..1_200).contains(count)), "{held:?}");
        // Another process, of another version, must find the same.
        assert_eq!((partition_of(""), partition_of("radio:octocat/hello-world")), (0, 64));
    }
}
