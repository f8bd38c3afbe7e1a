//! The same thing twice is one event and two successes.

use std::sync::Arc;

use kernel::limits::SAME_BYTES_WINDOW_MS;

use crate::support::{Answer, Bed, Delivery, PUSH};

fn told(answer: &Answer) -> (u16, &str, i64) {
    let status = answer.body["status"].as_str().unwrap_or("none");
    (answer.status.as_u16(), status, answer.body["event_position"].as_i64().unwrap_or(-1))
}

#[tokio::test]
async fn the_same_id_again_is_answered_as_a_duplicate_whatever_its_bytes() {
    let bed = Bed::new().await;
    assert_eq!(told(&bed.send(Delivery::signed("d-1", PUSH)).await), (200, "accepted", 1));
    assert_eq!(told(&bed.send(Delivery::signed("d-1", PUSH)).await), (200, "duplicate", 1));
    assert_eq!(told(&bed.send(Delivery::signed("d-1", "{}")).await), (200, "duplicate", 1));
    // A redelivery by hand, days later.
    bed.clock.advance(5 * 86_400_000);
    assert_eq!(told(&bed.send(Delivery::signed("d-1", PUSH)).await), (200, "duplicate", 1));
    assert_eq!(bed.events_count().await, 1);
    let verdicts: Vec<_> = bed.deliveries().await.into_iter().map(|row| row.verdict).collect();
    assert_eq!(verdicts, ["duplicate", "duplicate", "duplicate", "accepted"], "each is recorded");
    assert!(bed.last().await.reason.contains("id"), "{}", bed.last().await.reason);
}

#[tokio::test]
async fn the_same_signed_bytes_under_a_new_id_are_a_duplicate_for_ten_minutes() {
    let bed = Bed::new().await;
    assert_eq!(told(&bed.send(Delivery::signed("d-1", PUSH)).await), (200, "accepted", 1));
    bed.clock.advance(SAME_BYTES_WINDOW_MS - 1);
    assert_eq!(told(&bed.send(Delivery::signed("d-2", PUSH)).await), (200, "duplicate", 1));
    assert!(bed.last().await.reason.contains("same signed bytes"));
    let other_type = Delivery::signed("d-3", PUSH).header("x-github-event", "delete");
    assert_eq!(told(&bed.send(other_type).await), (200, "duplicate", 1), "the type is not signed either");
    assert_eq!(told(&bed.send(Delivery::signed("d-4", "{\"other\":1}")).await), (200, "accepted", 2));
    bed.clock.advance(1);
    // The duplicates in between did not make the time longer.
    assert_eq!(told(&bed.send(Delivery::signed("d-5", PUSH)).await), (200, "accepted", 3));
    assert_eq!(told(&bed.send(Delivery::signed("d-6", PUSH)).await), (200, "duplicate", 3));
    assert_eq!(bed.events_count().await, 3);
}

#[tokio::test]
async fn a_clock_that_steps_back_accepts_nothing_twice() {
    let bed = Bed::new().await;
    assert_eq!(told(&bed.send(Delivery::signed("d-1", PUSH)).await), (200, "accepted", 1));
    bed.clock.advance(-3_600_000);
    assert_eq!(told(&bed.send(Delivery::signed("d-2", PUSH)).await), (200, "duplicate", 1));
}

async fn storm(id: impl Fn(usize) -> String) {
    let bed = Arc::new(Bed::new().await);
    let mut senders = tokio::task::JoinSet::new();
    for n in 0..50 {
        let (bed, id) = (bed.clone(), id(n));
        senders.spawn(async move { bed.send(Delivery::signed(&id, PUSH)).await });
    }
    let answers = senders.join_all().await;
    assert!(answers.iter().all(|answer| answer.status == 200 && answer.body["event_position"] == 1));
    assert_eq!(answers.iter().filter(|answer| answer.body["status"] == "accepted").count(), 1);
    assert_eq!((bed.events_count().await, bed.events.latest().await.expect("read")), (1, 1));
    assert_eq!(bed.number("SELECT COUNT(*) FROM deliveries WHERE verdict = 'duplicate'").await, 49);
    let next = bed.send(Delivery::signed("another", "{}")).await;
    assert_eq!(told(&next), (200, "accepted", 2), "duplicates use no position up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_delivery_fifty_times_at_once_is_one_event_and_fifty_successes() {
    storm(|_| "d-1".to_owned()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_bytes_under_fifty_ids_at_once_are_one_event_and_fifty_successes() {
    storm(|n| format!("d-{n}")).await;
}
