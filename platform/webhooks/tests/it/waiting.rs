//! How long deliveries wait for their jobs is a figure of each source.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jobs::NewJob;
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Bed, Delivery, PUSH, within};

/// Keeps gauges by the source that they are of, on the thread of a single-threaded test.
#[derive(Clone, Default)]
struct Ages(Arc<Mutex<HashMap<String, Arc<AtomicU64>>>>);

impl Ages {
    fn of(&self, source: &str) -> Option<f64> {
        let known = self.0.lock().expect("a lock");
        known.get(source).map(|bits| f64::from_bits(bits.load(Ordering::SeqCst)))
    }
}

impl Recorder for Ages {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match key.labels().next().filter(|_| key.name() == "webhook_oldest_pending_seconds") {
            Some(source) => {
                Gauge::from_arc(self.0.lock().expect("a lock").entry(source.value().into()).or_default().clone())
            }
            None => Gauge::noop(),
        }
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// What a process that starts now shows first, of these sources.
async fn shown(bed: &Bed, sources: [&str; 3]) -> [Option<f64>; 3] {
    let ages = Ages::default();
    let _here = metrics::set_default_local_recorder(&ages);
    let stop = CancellationToken::new();
    let running = tokio::spawn(bed.webhooks.clone().run(stop.clone()));
    within(async {
        while ages.of("github").is_none() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stop.cancel();
    within(running).await.expect("ended");
    sources.map(|source| ages.of(source))
}

#[tokio::test]
async fn the_oldest_delivery_whose_jobs_have_not_ended_is_shown_by_source() {
    let bed = Bed::new().await;
    bed.source(json!({"name": "ours", "sender": "generic"})).await;
    let owe = async || {
        let position = bed.last().await.event_position.expect("in the log");
        bed.jobs.enqueue_now(NewJob::dynamic("react", "default", &()).event(position)).await.expect("enqueued");
        position
    };
    let ages = async || shown(&bed, ["github", "ours", "gone"]).await;
    assert_eq!(bed.send(Delivery::signed("d-0", "{}")).await.status, 200);
    assert_eq!(ages().await, [Some(0.0), Some(0.0), None], "nobody works on it");
    bed.clock.advance(1_000);
    bed.send(Delivery::signed("d-1", PUSH)).await;
    let first = owe().await;
    bed.clock.advance(60_000);
    bed.send(Delivery::signed("d-2", "{\"n\":2}")).await;
    owe().await;
    bed.send_to("ours", "", "", "{}").await;
    owe().await;
    bed.clock.advance(30_000);
    assert_eq!(ages().await, [Some(90.0), Some(30.0), None]);
    let ended: Result<u64, store::StoreError> = bed
        .store
        .write(async move |tx| {
            let sql = "UPDATE jobs SET state = 4, finished_at_ms = 1 WHERE event_position = $1";
            tx.execute(sql, store::params![first]).await
        })
        .await;
    assert_eq!(ended.expect("ended"), 1);
    assert_eq!(ages().await, [Some(30.0), Some(30.0), None], "the next is the oldest now");
    bed.change("DELETE", "/sources/ours", &json!(null)).await;
    assert_eq!(ages().await, [Some(30.0), None, None], "no label of a source that is gone");
}
