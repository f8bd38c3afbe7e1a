//! Old events go; what somebody is still owed stays.

use events::{Filter, Stream, StreamHandler};
use std::sync::Arc;

use crate::support::{ALL_GITHUB, Bed, PHRASES, small};

const DAY_MS: i64 = 86_400_000;
const FINISH_ALL: &str = "DELETE FROM jobs";

#[tokio::test]
async fn only_what_is_old_enough_goes_a_batch_at_a_time() {
    let bed = Bed::with(&[]).await;
    bed.append_many("github.push", 1_200).await;
    bed.clock.advance(DAY_MS);
    bed.append_many("github.push", 10).await;
    bed.execute(FINISH_ALL).await;
    assert_eq!(bed.events.prune(DAY_MS).await.expect("pruned"), 0, "exactly a day old is not older than a day");
    bed.clock.advance(1);
    assert_eq!(bed.events.prune(DAY_MS).await.expect("pruned"), 1_000);
    assert_eq!(bed.events.prune(DAY_MS).await.expect("pruned"), 200);
    assert_eq!(bed.events.prune(DAY_MS).await.expect("pruned"), 0);
    assert_eq!(bed.number("SELECT MIN(position) FROM events").await, 1_201);
    bed.clock.advance(DAY_MS);
    assert_eq!(bed.events.prune(DAY_MS).await.expect("pruned"), 10);
    assert_eq!(bed.events.latest().await.expect("read"), 0);
    let next = crate::support::position(bed.append(small("github.push")).await.expect("appended"));
    assert_eq!(next, 1_211, "a position is never used twice");
}

#[tokio::test]
async fn what_a_stream_has_not_passed_stays() {
    let bed = Bed::new().await;
    let broken: StreamHandler = Arc::new(|_| Box::pin(async { Err("never".to_owned()) }));
    bed.events.serve(ALL_GITHUB, broken);
    bed.cursor_reaches(ALL_GITHUB, 0).await;
    bed.append_many("github.push", 3).await;
    bed.execute(FINISH_ALL).await;
    bed.clock.advance(30 * DAY_MS);
    assert_eq!(bed.events.prune(DAY_MS).await.expect("pruned"), 0);
    let bed = bed.reopen(&[ALL_GITHUB]).await;
    let mut batches = bed.collect(ALL_GITHUB).await;
    assert_eq!(crate::support::take(&mut batches, 3).await, [1, 2, 3]);
    bed.cursor_reaches(ALL_GITHUB, 3).await;
    assert_eq!(bed.events.prune(DAY_MS).await.expect("pruned"), 3);
}

#[tokio::test]
async fn what_an_unfinished_job_needs_stays() {
    let bed = Bed::with(&[]).await;
    bed.append_many("github.ping", 3).await;
    bed.execute("DELETE FROM jobs WHERE event_position <> 2").await;
    bed.clock.advance(2 * DAY_MS);
    assert_eq!(bed.events.prune(DAY_MS).await.expect("pruned"), 2);
    assert!(bed.events.find(2).await.expect("read").is_some());
    bed.execute(FINISH_ALL).await;
    assert_eq!(bed.events.prune(DAY_MS).await.expect("pruned"), 1);
}

#[tokio::test]
async fn a_stream_that_wants_nothing_of_it_does_not_hold_the_log() {
    const NOTHING: Stream = Stream { name: "nothing", filter: Filter("gitlab.*") };
    let bed = Bed::with(&[NOTHING]).await;
    let _batches = bed.collect(NOTHING).await;
    let last = bed.append_many("github.push", 1_500).await;
    bed.cursor_reaches(NOTHING, last).await;
    bed.execute(FINISH_ALL).await;
    bed.clock.advance(2 * DAY_MS);
    assert_eq!(bed.events.prune(DAY_MS).await.expect("pruned"), 1_000);
    assert_eq!(bed.events.prune(DAY_MS).await.expect("pruned"), 500);
}

/// A stream that a product no longer declares would otherwise keep every event for ever.
#[tokio::test]
async fn a_stream_that_nobody_declares_any_more_holds_the_log_for_one_retention_time_only() {
    let bed = Bed::new().await;
    drop((bed.collect(PHRASES).await, bed.collect(ALL_GITHUB).await));
    let bed = bed.reopen(&[ALL_GITHUB]).await;
    let _batches = bed.collect(ALL_GITHUB).await;
    let last = bed.append_many("github.push", 5).await;
    bed.cursor_reaches(ALL_GITHUB, last).await;
    bed.execute(FINISH_ALL).await;
    bed.clock.advance(10 * DAY_MS);
    assert_eq!(bed.events.prune(20 * DAY_MS).await.expect("pruned"), 0, "too young");
    bed.execute("UPDATE events SET time_ms = time_ms - 2592000000").await;
    assert_eq!(bed.events.prune(20 * DAY_MS).await.expect("pruned"), 0, "it moved not long ago: it may come back");
    bed.clock.advance(11 * DAY_MS);
    assert_eq!(bed.events.prune(20 * DAY_MS).await.expect("pruned"), 5);
}
