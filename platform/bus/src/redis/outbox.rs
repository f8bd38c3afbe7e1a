//! What this process tells the others, on its way to Redis. Whoever publishes does not wait for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use kernel::limits;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::net::{Dial, Net, PARTITIONS};
use super::roll::Member;
use super::roster::Roster;
use super::wire::Carried;

/// A queue for each partition, with one bound over all. Of what lies in it while Redis is away, durable publications wait for
/// it, and who came or went is remembered by the roster; the rest is dropped.
pub(super) struct Outbox {
    origin: Arc<str>,
    roster: Arc<Roster>,
    queues: Mutex<Queues>,
    filled: Notify,
    /// Rung when nothing is left that could be told.
    empty: Notify,
}

/// What is told, in the order of the process.
#[derive(Clone)]
pub(super) enum Item {
    Carried(Carried),
    /// This client came or went: which, is looked up when it is told.
    Member(Member),
}

struct Queues {
    of: Vec<Queue>,
    count: usize,
    bytes: usize,
}

#[derive(Clone, Default)]
struct Queue {
    waiting: VecDeque<Item>,
    /// Of the last batch: who hears one batch over two connections tells it once.
    number: u64,
}

/// Part of a queue, on its way: items of one kind. Without any it is about what is due by the roster.
struct Batch {
    partition: u8,
    number: u64,
    items: Vec<Item>,
}

impl Item {
    /// Bytes that it takes in a queue.
    fn weight(&self) -> usize {
        match self {
            Self::Carried(carried) => carried.weight(),
            Self::Member(Member { channel, client }) => channel.len() + client.len(),
        }
    }

    fn is_member(&self) -> bool {
        matches!(self, Self::Member(_))
    }
}

impl Outbox {
    pub(super) fn new(origin: Arc<str>, roster: Arc<Roster>) -> Self {
        let queues = Queues { of: vec![Queue::default(); usize::from(PARTITIONS)], count: 0, bytes: 0 };
        Self { origin, roster, queues: Mutex::new(queues), filled: Notify::new(), empty: Notify::new() }
    }

    /// Puts it in line. What finds no room is lost, and counted; of a durable stream the others find the hole by the next
    /// offset. Who came or went is told in any case, without room out of line.
    pub(super) fn push(&self, partition: u8, item: Item) {
        let mut queues = self.queues.lock();
        if queues.count >= limits::BUS_OUTBOX.0 || queues.bytes + item.weight() > limits::BUS_OUTBOX.1 {
            return match item {
                Item::Carried(_) => metrics::counter!("bus_redis_dropped_total").increment(1),
                Item::Member(member) => self.roster.put_off(partition, [member]),
            };
        }
        queues.count += 1;
        queues.bytes += item.weight();
        queues.of[usize::from(partition)].waiting.push_back(item);
        drop(queues);
        self.filled.notify_one();
    }

    /// Waits until nothing is left, or nobody is there to be told.
    pub(super) async fn emptied(&self, net: &watch::Receiver<Arc<Net>>) {
        while net.borrow().is_whole() && !(self.queues.lock().is_empty() && self.roster.is_done()) {
            self.empty.notified().await;
        }
    }

    /// Sends what lies in it until `stop`.
    pub(super) async fn run(&self, dial: &Dial, mut net: watch::Receiver<Arc<Net>>, stop: CancellationToken) {
        let pause = Duration::from_millis(limits::BUS_PING_MS);
        while !stop.is_cancelled() {
            let now = net.borrow_and_update().clone();
            let batches = self.queues.lock().take(&now, &self.roster);
            let more = !batches.is_empty();
            if !more {
                self.empty.notify_one();
            }
            let sent = join_all(batches.into_iter().map(|batch| self.send(dial, &now, batch))).await;
            let failed = sent.contains(&false);
            tokio::select! {
                () = stop.cancelled() => {}
                // Who was refused is not asked again at once.
                () = tokio::time::sleep(pause), if failed => {}
                _ = net.changed() => {}
                // A batch may have left some behind.
                () = std::future::ready(()), if more && !failed => {}
                () = self.filled.notified(), if !failed => {}
                () = self.roster.due.notified(), if !failed => {}
            }
        }
    }

    async fn send(&self, dial: &Dial, net: &Net, batch: Batch) -> bool {
        let Batch { partition, number, items } = &batch;
        let sent = match items.first() {
            Some(Item::Carried(_)) => self.publish(dial, net, &batch).await,
            _ => {
                let members = items.iter().filter_map(|item| match item {
                    Item::Member(member) => Some(member.clone()),
                    Item::Carried(_) => None,
                });
                let told = self.roster.tell(dial, net, *partition, *number, members.collect()).await;
                // Those that were not told are the roster's now.
                self.queues.lock().sent(&batch);
                return told;
            }
        };
        let mut queues = self.queues.lock();
        match sent {
            true => queues.sent(&batch),
            false => queues.put_back(batch, &self.roster),
        }
        sent
    }

    async fn publish(&self, dial: &Dial, net: &Net, Batch { partition, number, items }: &Batch) -> bool {
        let carried = items.iter().filter_map(|item| match item {
            Item::Carried(carried) => Some(carried),
            Item::Member(_) => None,
        });
        let message = Carried::write(&self.origin, *number, carried);
        let mut publish = redis::cmd(dial.publish_verb());
        publish.arg(dial.name(*partition)).arg(&message[..]);
        let Some(node) = net.of(*partition) else { return false };
        let sent = publish.query_async::<()>(&mut node.calls.clone()).await;
        if let Err(error) = &sent {
            super::count(error);
            dial.trouble.notify_one();
        }
        sent.is_ok()
    }
}

impl Queues {
    fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// A batch of each partition that somebody serves. What cannot go and is not durable is dropped.
    fn take(&mut self, net: &Net, roster: &Roster) -> Vec<Batch> {
        let mut batches = Vec::new();
        for partition in 0..PARTITIONS {
            let due = roster.has_due(partition);
            let queue = &mut self.of[usize::from(partition)];
            if queue.waiting.is_empty() && !due {
                continue;
            }
            if net.of(partition).is_none() {
                self.keep_durable(partition, roster);
                continue;
            }
            // What is due goes with members, and before publications.
            let members = due || queue.waiting.front().is_some_and(Item::is_member);
            let alike = queue.waiting.iter().take(limits::BUS_BATCH).take_while(|item| item.is_member() == members);
            let some = alike.count();
            queue.number += 1;
            batches.push(Batch { partition, number: queue.number, items: queue.waiting.drain(..some).collect() });
        }
        batches
    }

    fn sent(&mut self, batch: &Batch) {
        self.count -= batch.items.len();
        self.bytes -= batch.items.iter().map(Item::weight).sum::<usize>();
    }

    fn put_back(&mut self, batch: Batch, roster: &Roster) {
        let queue = &mut self.of[usize::from(batch.partition)];
        batch.items.into_iter().rev().for_each(|item| queue.waiting.push_front(item));
        self.keep_durable(batch.partition, roster);
    }

    fn keep_durable(&mut self, partition: u8, roster: &Roster) {
        let queue = &mut self.of[usize::from(partition)];
        let (stay, go): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut queue.waiting)
            .into_iter()
            .partition(|item| matches!(item, Item::Carried(carried) if carried.placed.is_some()));
        queue.waiting = stay;
        self.count -= go.len();
        self.bytes -= go.iter().map(Item::weight).sum::<usize>();
        let members = go.into_iter().filter_map(|item| match item {
            Item::Member(member) => Some(member),
            Item::Carried(_) => None,
        });
        roster.put_off(partition, members);
    }
}
