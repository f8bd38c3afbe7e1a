//! While the store is away: what a sender will not send again waits on disk, in order, and is kept once.

use store::StoreError;
use tokio_util::sync::CancellationToken;
use webhooks::Webhooks;

use crate::support::{Bed, Delivery, within};
use serde_json::json;

/// Lets the database grow to so many pages: a full disk, for SQLite.
async fn pages(bed: &Bed, most: i64) {
    let set: Result<Vec<(i64,)>, StoreError> =
        bed.store.write(async move |tx| tx.all(&format!("PRAGMA max_page_count = {most}"), &[]).await).await;
    set.expect("set");
}

fn big(n: usize) -> String {
    format!("{{\"n\":{n},\"a\":\"{}\"}}", "x".repeat(300_000))
}

#[tokio::test]
async fn github_is_kept_on_disk_and_others_are_told_to_come_again() {
    if testkit::on_postgres() {
        return; // Its disk is not ours to fill.
    }
    let bed = Bed::new().await;
    let webhooks = bed.webhooks.clone().spool_in(bed.dir.path()).expect("a spool");
    bed.source(json!({"name": "ours", "sender": "generic"})).await;
    pages(&bed, 1).await;
    for n in 0..3 {
        let answer = bed.send(Delivery::signed(&format!("d-{n}"), big(n))).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body["status"].as_str()),
            (202, Some("accepted")),
            "{}",
            answer.text
        );
        assert!(answer.body["event_position"].is_null());
    }
    let other = bed.send_to("ours", "", "", &big(9)).await;
    assert_eq!((other.status.as_u16(), other.headers["retry-after"].to_str().ok()), (503, Some("5")));
    assert_eq!(bed.events_count().await, 0);
    // The same again, before the store is back.
    assert_eq!(bed.send(Delivery::signed("d-0", big(0))).await.status, 202);
    pages(&bed, 1_000_000).await;
    // What comes now waits behind what came before.
    assert_eq!(bed.send(Delivery::signed("d-3", "{}")).await.status, 202);
    let stop = CancellationToken::new();
    let draining = tokio::spawn(webhooks.run(stop.clone()));
    within(async {
        while bed.deliveries().await.len() < 5 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let rows = bed.deliveries().await;
    let ids: Vec<_> =
        rows.iter().rev().map(|row| (row.delivery_id.as_deref().unwrap_or(""), row.verdict.as_str())).collect();
    assert_eq!(
        ids,
        [("d-0", "accepted"), ("d-1", "accepted"), ("d-2", "accepted"), ("d-0", "duplicate"), ("d-3", "accepted")]
    );
    assert_eq!(bed.events_count().await, 4);
    within(async {
        while std::fs::metadata(bed.dir.path().join("webhooks.spool")).expect("there").len() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let direct = bed.send(Delivery::signed("d-4", "{\"n\":4}")).await;
    assert_eq!((direct.status.as_u16(), direct.body["event_position"].as_i64()), (200, Some(5)));
    stop.cancel();
    within(draining).await.expect("ended");
}

/// The process died after it had kept what waited, and before the file knew; and in the middle of writing one more.
#[tokio::test]
async fn what_was_kept_just_before_a_crash_is_kept_once_and_a_torn_record_is_none() {
    if testkit::on_postgres() {
        return; // Its disk is not ours to fill.
    }
    let bed = Bed::new().await;
    let webhooks = bed.webhooks.clone().spool_in(bed.dir.path()).expect("a spool");
    pages(&bed, 1).await;
    for n in 0..3 {
        assert_eq!(bed.send(Delivery::signed(&format!("d-{n}"), big(n))).await.status, 202);
    }
    let file = bed.dir.path().join("webhooks.spool");
    let waiting = std::fs::read(&file).expect("read");
    pages(&bed, 1_000_000).await;
    empties(webhooks, &file).await;
    assert_eq!((bed.events_count().await, bed.deliveries().await.len()), (3, 3));
    // Every place at which the second record may have been torn, and the whole with a piece of a fourth.
    let second = waiting.len() / 3;
    for end in [second + 1, second + 11, second + 12, 2 * second - 1] {
        std::fs::write(&file, &waiting[..end]).expect("written");
        empties(again(&bed), &file).await;
    }
    std::fs::write(&file, [&waiting[..], &waiting[..40]].concat()).expect("written");
    empties(again(&bed), &file).await;
    assert_eq!((bed.events_count().await, bed.deliveries().await.len()), (3, 3), "each is known by its own id");
}

/// The next process over the same store and directory.
fn again(bed: &Bed) -> Webhooks {
    let (store, events, jobs) = (bed.store.clone(), bed.events.clone(), bed.jobs.clone());
    let entropy = kernel::Entropy::system();
    let webhooks = Webhooks::new(store, events, jobs, bed.clock.clone(), entropy, bed.sources.clone());
    webhooks.spool_in(bed.dir.path()).expect("a spool")
}

/// Runs until nothing waits.
async fn empties(webhooks: Webhooks, file: &std::path::Path) {
    let stop = CancellationToken::new();
    let running = tokio::spawn(webhooks.run(stop.clone()));
    within(async {
        while std::fs::metadata(file).expect("there").len() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stop.cancel();
    within(running).await.expect("ended");
}
