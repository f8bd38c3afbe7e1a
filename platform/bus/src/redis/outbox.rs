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
use super::wire::Carried;

/// A queue for each partition, with one bound over all. Of what lies in it while Redis is away, durable publications wait for
/// it; the rest is dropped.
pub(super) struct Outbox {
    origin: Arc<str>,
    queues: Mutex<Queues>,
    filled: Notify,
}

struct Queues {
    of: Vec<Queue>,
    count: usize,
    bytes: usize,
}

#[derive(Clone, Default)]
struct Queue {
    waiting: VecDeque<Carried>,
    /// Of the last batch: who hears one batch over two connections tells it once.
    number: u64,
}

/// Part of a queue, on its way.
struct Batch {
    partition: u8,
    number: u64,
    carried: Vec<Carried>,
}

impl Outbox {
    pub(super) fn new(origin: Arc<str>) -> Self {
        let queues = Queues { of: vec![Queue::default(); usize::from(PARTITIONS)], count: 0, bytes: 0 };
        Self { origin, queues: Mutex::new(queues), filled: Notify::new() }
    }

    /// Puts it in line. What finds no room is lost, and counted; of a durable stream the others find the hole by the next
    /// offset.
    pub(super) fn push(&self, partition: u8, carried: Carried) {
        let mut queues = self.queues.lock();
        if queues.count >= limits::BUS_OUTBOX.0 || queues.bytes + carried.weight() > limits::BUS_OUTBOX.1 {
            metrics::counter!("bus_redis_dropped_total").increment(1);
            return;
        }
        queues.count += 1;
        queues.bytes += carried.weight();
        queues.of[usize::from(partition)].waiting.push_back(carried);
        drop(queues);
        self.filled.notify_one();
    }

    /// Sends what lies in it until `stop`.
    pub(super) async fn run(&self, dial: &Dial, mut net: watch::Receiver<Arc<Net>>, stop: CancellationToken) {
        let pause = Duration::from_millis(limits::BUS_PING_MS);
        while !stop.is_cancelled() {
            let now = net.borrow_and_update().clone();
            let batches = self.queues.lock().take(&now);
            let more = !batches.is_empty();
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
            }
        }
    }

    async fn send(&self, dial: &Dial, net: &Net, batch: Batch) -> bool {
        let message = Carried::write(&self.origin, batch.number, batch.carried.iter());
        let mut publish = redis::cmd(dial.publish_verb());
        publish.arg(dial.name(batch.partition)).arg(&message[..]);
        let sent = match net.of(batch.partition) {
            None => false,
            Some(node) => match publish.query_async::<()>(&mut node.calls.clone()).await {
                Ok(()) => true,
                Err(error) => {
                    super::count(&error);
                    dial.trouble.notify_one();
                    false
                }
            },
        };
        let mut queues = self.queues.lock();
        match sent {
            true => queues.sent(&batch),
            false => queues.put_back(batch),
        }
        sent
    }
}

impl Queues {
    /// A batch of each partition that somebody serves. What cannot go and is not durable is dropped.
    fn take(&mut self, net: &Net) -> Vec<Batch> {
        if self.count == 0 {
            return Vec::new();
        }
        let mut batches = Vec::new();
        for partition in 0..PARTITIONS {
            let queue = &mut self.of[usize::from(partition)];
            if queue.waiting.is_empty() {
                continue;
            }
            if net.of(partition).is_none() {
                self.keep_durable(partition);
                continue;
            }
            let some = queue.waiting.len().min(limits::BUS_BATCH);
            queue.number += 1;
            batches.push(Batch { partition, number: queue.number, carried: queue.waiting.drain(..some).collect() });
        }
        batches
    }

    fn sent(&mut self, batch: &Batch) {
        self.count -= batch.carried.len();
        self.bytes -= batch.carried.iter().map(Carried::weight).sum::<usize>();
    }

    fn put_back(&mut self, batch: Batch) {
        let queue = &mut self.of[usize::from(batch.partition)];
        batch.carried.into_iter().rev().for_each(|carried| queue.waiting.push_front(carried));
        self.keep_durable(batch.partition);
    }

    fn keep_durable(&mut self, partition: u8) {
        let (mut count, mut bytes) = (0, 0);
        self.of[usize::from(partition)].waiting.retain(|carried| {
            let stays = carried.placed.is_some();
            if !stays {
                count += 1;
                bytes += carried.weight();
            }
            stays
        });
        self.count -= count;
        self.bytes -= bytes;
    }
}
