//! Sends spans: what the layer queued, in batches.

use std::sync::Arc;
use std::time::Duration;

use outbound::Outbound;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use crate::telemetry::otel::collector::{Collector, FAREWELL, REQUEST_BYTES};
use crate::telemetry::otel::protobuf::Message;

/// Spans of one request to the collector.
const BATCH: usize = 512;

/// Sends what the layer queued. Clones are handles.
#[derive(Clone)]
pub(crate) struct Traces(Arc<Inner>);

struct Inner {
    collector: Collector,
    /// How long a span waits for others.
    delay: Duration,
    queue: Mutex<mpsc::Receiver<Message>>,
}

impl Traces {
    pub(super) fn new(collector: Collector, delay: Duration, queue: mpsc::Receiver<Message>) -> Self {
        Self(Arc::new(Inner { collector, delay, queue: Mutex::new(queue) }))
    }

    /// Sends until told to stop, and then what is left. While a batch is tried the queue fills, and then loses.
    pub(crate) async fn run(&self, outbound: Outbound, stop: CancellationToken) {
        let mut queue = self.0.queue.lock().await;
        let (mut well, mut batch) = (true, Vec::new());
        loop {
            let gathered = stop.run_until_cancelled(gather(&mut queue, &mut batch, self.0.delay)).await;
            if gathered.is_none() {
                break;
            }
            let Some(sent) = stop.run_until_cancelled(self.send(&outbound, &batch)).await else { break };
            batch.clear();
            self.0.collector.tell(&mut well, &sent);
        }
        while let Ok(span) = queue.try_recv() {
            batch.push(span);
        }
        for part in batch.chunks(BATCH) {
            let _ = tokio::time::timeout(FAREWELL, self.send(&outbound, part)).await;
        }
    }

    async fn send(&self, outbound: &Outbound, batch: &[Message]) -> Result<(), String> {
        let sent = self.0.collector.send(outbound, batch).await;
        let outcome = if sent.is_ok() { "exported" } else { "failed" };
        metrics::counter!("otel_spans_total", "outcome" => outcome).increment(batch.len() as u64);
        sent
    }
}

/// Fills the batch: from the first span on for `delay`, or until it is full. Waits for ever when nothing comes.
async fn gather(queue: &mut mpsc::Receiver<Message>, batch: &mut Vec<Message>, delay: Duration) {
    let Some(first) = queue.recv().await else { return std::future::pending().await };
    let mut bytes = first.len();
    batch.push(first);
    let more = async {
        while batch.len() < BATCH && bytes < REQUEST_BYTES {
            let Some(span) = queue.recv().await else { return };
            bytes += span.len();
            batch.push(span);
        }
    };
    let _ = tokio::time::timeout(delay, more).await;
}
