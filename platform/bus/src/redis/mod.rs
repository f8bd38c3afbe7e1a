//! The engine across processes: Redis carries, this process's memory holds what belongs to a table.
//!
//! A *live* stream lies in Redis; a script appends to it and tells everybody in one step. A *durable* stream lies in the memory
//! of each process that loaded it, and Redis only tells the others what was committed: so it never fails because Redis is away.

mod find;
mod inbox;
mod keeper;
mod net;
mod outbox;
mod presence;
mod roll;
mod roster;
mod scripts;
mod settings;
mod wire;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use kernel::{Clock, Entropy, limits};
use redis::{ErrorKind, FromRedisValue, RedisError, RedisResult, ServerErrorKind};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use self::inbox::Inbox;
use self::keeper::Keeper;
use self::net::{Dial, Net, PARTITIONS, partition_of};
use self::outbox::{Item, Outbox};
use self::roster::Roster;
use self::scripts::{Call, Script, Scripts};
use self::settings::Address;
pub use self::settings::{BadRedisUrl, RedisSettings};
use self::wire::Carried;
use crate::memory::Memory;
use crate::quota::{Quota, Taken};
use crate::stream::check_epoch;
use crate::{BusError, BusResult, Health, History, Keep, Placed, Position, Publication, Read, Sink, Stored};

/// Numbers in scripts are exact up to here.
const EXACT: u64 = 1 << 53;

pub(crate) struct Redis {
    memory: Arc<Memory>,
    clock: Clock,
    entropy: Entropy,
    dial: Arc<Dial>,
    inbox: Arc<Inbox>,
    outbox: Arc<Outbox>,
    roster: Arc<Roster>,
    scripts: Arc<Scripts>,
    net: watch::Receiver<Arc<Net>>,
    _stop: DropGuard,
}

impl Redis {
    pub(crate) async fn new(settings: RedisSettings, clock: Clock, entropy: Entropy) -> Self {
        let memory = Arc::new(Memory::new(clock.clone(), entropy.clone(), limits::STREAMS_KEPT));
        let origin: Arc<str> = entropy.token(8).into();
        let inbox = Arc::new(Inbox::new(memory.clone(), clock.clone(), origin.clone()));
        let scripts = Arc::new(Scripts::new());
        let roster = Arc::new(Roster::new(origin.clone(), memory.clone(), entropy.clone(), scripts.clone()));
        let outbox = Arc::new(Outbox::new(origin, roster.clone()));
        let dial = Arc::new(Dial::new(settings, inbox.clone()));
        let (sender, mut net) = watch::channel(Arc::new(Net::default()));
        let stop = CancellationToken::new();
        let (dial_of, memory_of, entropy_of) = (dial.clone(), memory.clone(), entropy.clone());
        let keeper = Keeper::new(dial_of, memory_of, entropy_of, sender);
        tokio::spawn(keeper.run(stop.clone()));
        let (dial_of, outbox_of, net_of, until) = (dial.clone(), outbox.clone(), net.clone(), stop.clone());
        tokio::spawn(async move { outbox_of.run(&dial_of, net_of, until).await });
        let (dial_of, roster_of, net_of, until) = (dial.clone(), roster.clone(), net.clone(), stop.clone());
        tokio::spawn(async move { roster_of.run(&dial_of, net_of, until).await });
        let there = net.wait_for(|net| net.is_whole());
        if timeout(Duration::from_millis(limits::BUS_CONNECT_MS), there).await.is_err() {
            tracing::warn!("Redis is not there: this process begins alone");
        }
        Self { memory, clock, entropy, dial, inbox, outbox, roster, scripts, net, _stop: stop.drop_guard() }
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(crate) async fn publish(
        &self,
        channel: &str,
        data: Bytes,
        keep: Keep,
        info: Option<Bytes>,
    ) -> BusResult<Position> {
        let partition = partition_of(channel);
        if keep.size == 0 {
            let (epoch, time_ms): (Arc<str>, _) = (Arc::from(""), self.clock.now_ms());
            let (data_of, info_of) = (data.clone(), info.clone().map(Box::new));
            let publication = Publication { offset: 0, epoch: epoch.clone(), time_ms, data: data_of, info: info_of };
            self.memory.carry(channel, &Arc::new(publication));
            if self.net.borrow().of(partition).is_some() {
                let carried = Carried { channel: channel.to_owned(), data, info, placed: None };
                self.outbox.push(partition, Item::Carried(carried));
            }
            return Ok(Position { offset: 0, epoch });
        }
        if self.memory.is_durable(channel) {
            return Err(BusError::Durable);
        }
        let ttl_ms = keep.ttl_ms.min(limits::BUS_STREAM_IDLE_MS);
        let name = self.dial.name(partition);
        let numbers = [keep.size as u64, ttl_ms, self.dial.settings.streams.div_ceil(usize::from(PARTITIONS)) as u64];
        let [size, ttl_ms, streams] = numbers.map(|number| number.min(EXACT).to_string());
        let mut call = self.stream_call(partition, channel);
        call.arguments.push(data);
        call.arguments.extend([size, ttl_ms, streams, self.dial.publish_verb().to_owned(), name].map(Bytes::from));
        call.arguments.push(info.unwrap_or_default());
        let (epoch, offset): (String, u64) = self.call(&self.scripts.publish, partition, &call).await?;
        Ok(Position { offset, epoch: epoch.into() })
    }

    pub(crate) fn publish_at(&self, channel: &str, offset: u64, data: Bytes, keep: Keep) -> Placed {
        let placed = self.memory.publish_at(channel, offset, data.clone(), keep);
        // Whatever it is here: the others may not have it.
        let carried = Carried { channel: channel.to_owned(), data, info: None, placed: Some((offset, keep)) };
        self.outbox.push(partition_of(channel), Item::Carried(carried));
        placed
    }

    pub(crate) fn load(&self, channel: &str, epoch: &str, stored: Vec<Stored>, top: u64, keep: Keep) {
        self.inbox.load(channel, epoch, stored, top, keep);
    }

    pub(crate) fn is_loaded(&self, channel: &str) -> bool {
        self.memory.is_loaded(channel)
    }

    pub(crate) async fn history(&self, channel: &str, read: &Read) -> BusResult<History> {
        if self.memory.is_durable(channel) {
            return self.memory.history(channel, read);
        }
        let since = read.since.as_ref();
        let after = since.map(|since| since.offset.min(EXACT).to_string()).unwrap_or_default();
        let epoch = since.map(|since| since.epoch.to_string()).unwrap_or_default();
        let limit = (read.limit as u64).min(EXACT).to_string();
        let newest_first = if read.reverse { "1" } else { "0" }.to_owned();
        let partition = partition_of(channel);
        let mut call = self.stream_call(partition, channel);
        call.arguments.extend([after, epoch, limit, newest_first].map(Bytes::from));
        let (epoch, top, first, found, by): (String, u64, u64, Vec<Vec<u8>>, Vec<Vec<u8>>) =
            self.call(&self.scripts.read, partition, &call).await?;
        let top = Position { offset: top, epoch: epoch.into() };
        check_epoch(read, &top)?;
        let mut infos: HashMap<u64, Bytes> = by.into_iter().filter_map(|it| info_of(&it.into(), &top.epoch)).collect();
        let found = found.into_iter().zip(first..).filter_map(|(entry, offset)| {
            // One whose client is no longer known must not pass for the server's.
            let info =
                (entry.first() == Some(&b'0')).then(|| infos.remove(&offset).unwrap_or(Bytes::from_static(b"{}")));
            entry_of(&entry.into(), offset, &top.epoch, info.map(Box::new))
        });
        let mut publications: Vec<_> = found.collect();
        if read.reverse {
            publications.reverse();
        }
        Ok(History { publications, top })
    }

    pub(crate) async fn clear(&self, channel: &str) -> BusResult<()> {
        if self.memory.is_durable(channel) {
            return Err(BusError::Durable);
        }
        let partition = partition_of(channel);
        self.call::<()>(&self.scripts.clear, partition, &self.stream_call(partition, channel)).await
    }

    pub(crate) fn listen(&self, sink: Arc<dyn Sink>) {
        self.memory.listen(sink);
    }

    /// Never fails: without Redis, each process gives its share.
    pub(crate) async fn take(&self, key: &str, quota: Quota) -> Taken {
        let partition = partition_of(key);
        let call = Call {
            keys: vec![format!("{}q:{key}", self.dial.name(partition))],
            arguments: [quota.one_us(), quota.period_us()].map(|number| Bytes::from(number.to_string())).into(),
            tells_life: false,
        };
        match self.call::<(bool, i64)>(&self.scripts.take, partition, &call).await {
            Ok((allowed, whole_in_us)) => quota.taken(allowed, whole_in_us),
            Err(_) => self.memory.take(key, quota.shared_by(self.net.borrow().processes)),
        }
    }

    pub(crate) fn sweep(&self) {
        self.memory.sweep();
    }

    pub(crate) fn health(&self) -> Health {
        let net = self.net.borrow();
        Health { up: net.is_whole(), processes: net.processes.max(1) }
    }

    /// What the scripts on streams have in common.
    fn stream_call(&self, partition: u8, channel: &str) -> Call {
        let name = self.dial.name(partition);
        let idle_ms = limits::BUS_STREAM_IDLE_MS.to_string();
        Call {
            keys: vec![format!("{name}streams"), format!("{name}r:{channel}")],
            arguments: [channel.to_owned(), self.entropy.token(8), idle_ms].map(Bytes::from).into(),
            tells_life: true,
        }
    }

    /// Runs a script, within `limits::BUS_CALL_MS`. It is run again only where the server said that it did nothing.
    async fn call<T: FromRedisValue>(&self, script: &Script, partition: u8, call: &Call) -> BusResult<T> {
        let bound = Duration::from_millis(limits::BUS_CALL_MS);
        match timeout(bound, self.attempt(script, partition, call)).await {
            Ok(answer) => answer.map_err(|error| {
                count(&error);
                BusError::Unavailable(Box::new(error))
            }),
            Err(late) => {
                metrics::counter!("bus_redis_errors_total", "kind" => "timeout").increment(1);
                self.dial.trouble.notify_one();
                Err(BusError::Unavailable(Box::new(late)))
            }
        }
    }

    async fn attempt<T: FromRedisValue>(&self, script: &Script, partition: u8, call: &Call) -> RedisResult<T> {
        let mut changes = self.net.clone();
        let mut sent_on = false;
        loop {
            let net = changes.borrow_and_update().clone();
            let Some(node) = net.of(partition) else {
                // While the keeper looks whose it is now.
                if sent_on && changes.changed().await.is_ok() {
                    continue;
                }
                return Err(away());
            };
            let mut answer = script.run(node, call).await;
            if let Err(error) = &answer
                && error.kind() == ErrorKind::Server(ServerErrorKind::Ask)
                && let Some((address, _)) = error.redirect_node()
                && let Some(taker) = Address::read(address).and_then(|taker| net.at(&taker))
            {
                answer = script.run_asking(taker, call).await;
            }
            let error = match answer {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::Server(
                    ServerErrorKind::Moved
                    | ServerErrorKind::TryAgain
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::ReadOnly
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::BusyLoading,
                ) => {
                    sent_on = true;
                    self.dial.moved.store(true, Ordering::SeqCst);
                    self.dial.trouble.notify_one();
                    // Until the keeper has looked; the caller's bound ends it.
                    tokio::select! {
                        _ = changes.changed() => {}
                        () = tokio::time::sleep(Duration::from_millis(limits::BUS_RETRY_MS.0)) => {}
                    }
                }
                _ => {
                    if error.is_unrecoverable_error() || error.is_io_error() {
                        self.dial.trouble.notify_one();
                    }
                    return Err(error);
                }
            }
        }
    }
}

fn away() -> RedisError {
    (ErrorKind::Client, "no server is connected").into()
}

/// An entry of a ring: `<Unix milliseconds>:<data>`, with a zero before it where something is said of the publisher.
fn entry_of(entry: &Bytes, offset: u64, epoch: &Arc<str>, info: Option<Box<Bytes>>) -> Option<Arc<Publication>> {
    let colon = entry.iter().position(|byte| *byte == b':')?;
    let time_ms = std::str::from_utf8(&entry[..colon]).ok()?.parse().ok()?;
    Some(Arc::new(Publication { offset, epoch: epoch.clone(), time_ms, data: entry.slice(colon + 1..), info }))
}

/// What is said of a publisher, `<epoch> <offset>:<info>`, and under which offset; nothing of another life of the stream.
fn info_of(said: &Bytes, epoch: &str) -> Option<(u64, Bytes)> {
    let colon = said.iter().position(|byte| *byte == b':')?;
    let (of, offset) = std::str::from_utf8(&said[..colon]).ok()?.split_once(' ')?;
    (of == epoch).then(|| Some((offset.parse().ok()?, said.slice(colon + 1..))))?
}

/// Counts an error by its kind.
fn count(error: &RedisError) {
    let kind = match error.kind() {
        _ if error.is_timeout() => "timeout",
        _ if error.is_connection_refusal() => "refused",
        _ if error.is_connection_dropped() || error.is_io_error() => "connection",
        ErrorKind::AuthenticationFailed => "authentication",
        ErrorKind::Server(ServerErrorKind::NoPerm) => "permission",
        ErrorKind::Server(_) => "server",
        ErrorKind::Client => "away",
        _ if error.code() == Some("OOM") => "memory",
        _ => "other",
    };
    metrics::counter!("bus_redis_errors_total", "kind" => kind).increment(1);
}
