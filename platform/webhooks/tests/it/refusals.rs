//! A flood of forgeries is not a flood of writes, and what is kept has an end.

use crate::support::{Bed, Delivery, PUSH};
use kernel::limits::REJECTED_KEPT;
use store::StoreError;

async fn forge(bed: &Bed, count: usize) {
    for _ in 0..count {
        assert_eq!(bed.send(Delivery::unsigned("d-1", "x")).await.status, 401, "every one is answered");
    }
}

#[tokio::test]
async fn twenty_refusals_a_second_are_recorded() {
    let bed = Bed::new().await;
    forge(&bed, 60).await;
    assert_eq!(bed.deliveries().await.len(), 20);
    bed.clock.advance(999);
    forge(&bed, 5).await;
    assert_eq!(bed.deliveries().await.len(), 20, "the second is not over");
    bed.clock.advance(1);
    forge(&bed, 5).await;
    assert_eq!(bed.deliveries().await.len(), 25);
    assert_eq!(bed.send(Delivery::signed("d-2", PUSH)).await.status, 200);
    assert_eq!(bed.deliveries().await.len(), 26, "what is accepted is always recorded");
}

#[tokio::test]
async fn a_flood_does_not_hide_what_comes_after_it() {
    let bed = Bed::new().await;
    forge(&bed, 3_000).await;
    bed.clock.advance(1000);
    forge(&bed, 1).await;
    assert_eq!(bed.deliveries().await.len(), 21, "the next second begins again");
    bed.clock.advance(-3_600_000);
    forge(&bed, 1).await;
    assert_eq!(bed.deliveries().await.len(), 22, "also when the clock was corrected");
}

#[tokio::test]
async fn only_the_newest_refusals_are_kept() {
    let bed = Bed::new().await;
    assert_eq!(bed.send(Delivery::signed("d-1", PUSH)).await.status, 200);
    forge(&bed, 1).await;
    let copies = "INSERT INTO deliveries (id, source, received_at_ms, verdict, reason, status, size_bytes, took_us, request_id, trace, headers)
         SELECT 'copy', source, received_at_ms, verdict, reason, status, size_bytes, took_us, request_id, trace, headers
         FROM deliveries WHERE verdict = 'rejected'";
    for _ in 0..12 {
        let copied: Result<u64, StoreError> = bed.store.write(async move |tx| tx.execute(copies, &[]).await).await;
        copied.expect("copied");
    }
    let rejected = async || bed.number("SELECT COUNT(*) FROM deliveries WHERE verdict = 'rejected'").await;
    assert_eq!(rejected().await, 4096);
    let mut rounds = 0;
    while bed.webhooks.prune(86_400_000).await.expect("pruned") > 0 {
        rounds += 1;
    }
    assert_eq!((rejected().await, rounds), (REJECTED_KEPT, 4), "a thousand at a time");
    bed.clock.advance(1000);
    forge(&bed, 15).await;
    assert_eq!(rejected().await, REJECTED_KEPT, "each pushes the oldest out");
    assert_eq!(bed.number("SELECT MIN(seq) FROM deliveries WHERE verdict = 'rejected'").await, 4113 - REJECTED_KEPT);
    assert_eq!(bed.number("SELECT COUNT(*) FROM deliveries WHERE verdict = 'accepted'").await, 1);
}

#[tokio::test]
async fn old_deliveries_go_and_their_events_have_their_own_retention() {
    let bed = Bed::new().await;
    bed.send(Delivery::signed("d-1", PUSH)).await;
    forge(&bed, 2).await;
    bed.clock.advance(86_400_000);
    bed.send(Delivery::signed("d-2", "{}")).await;
    assert_eq!(bed.webhooks.prune(86_400_000).await.expect("pruned"), 0, "exactly a day old is not older");
    bed.clock.advance(1);
    assert_eq!(bed.webhooks.prune(86_400_000).await.expect("pruned"), 3);
    assert_eq!((bed.deliveries().await.len(), bed.events_count().await), (1, 2));
}
