//! Old events go; what somebody is still owed stays.

use events::handler::StreamHandler;
use events::{Filter, Stream};
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
    assert_eq!(bed.prune(DAY_MS).await, 0, "exactly a day old is not older than a day");
    bed.clock.advance(1);
    assert_eq!(bed.prune(DAY_MS).await, 1_000);
    assert_eq!(bed.prune(DAY_MS).await, 200);
    assert_eq!(bed.prune(DAY_MS).await, 0);
    assert_eq!(bed.number("SELECT MIN(position) FROM events").await, 1_201);
    bed.clock.advance(DAY_MS);
    assert_eq!(bed.prune(DAY_MS).await, 10);
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
    assert_eq!(bed.prune(DAY_MS).await, 0);
    let bed = bed.reopen(&[ALL_GITHUB]).await;
    let mut batches = bed.collect(ALL_GITHUB).await;
    assert_eq!(crate::support::take(&mut batches, 3).await, [1, 2, 3]);
    bed.cursor_reaches(ALL_GITHUB, 3).await;
    assert_eq!(bed.prune(DAY_MS).await, 3);
}

#[tokio::test]
async fn what_an_unfinished_job_needs_stays() {
    let bed = Bed::with(&[]).await;
    bed.append_many("github.ping", 3).await;
    bed.execute("DELETE FROM jobs WHERE event_position <> 2").await;
    bed.clock.advance(2 * DAY_MS);
    assert_eq!(bed.prune(DAY_MS).await, 2);
    assert!(bed.events.find(2).await.expect("read").is_some());
    bed.execute(FINISH_ALL).await;
    assert_eq!(bed.prune(DAY_MS).await, 1);
}

#[tokio::test]
async fn a_stream_that_wants_nothing_of_it_does_not_hold_the_log() {
    const NOTHING: Stream = Stream::new("nothing", Filter("gitlab.*"));
    let bed = Bed::with(&[NOTHING]).await;
    let _batches = bed.collect(NOTHING).await;
    let last = bed.append_many("github.push", 1_500).await;
    bed.cursor_reaches(NOTHING, last).await;
    bed.execute(FINISH_ALL).await;
    bed.clock.advance(2 * DAY_MS);
    assert_eq!(bed.prune(DAY_MS).await, 1_000);
    assert_eq!(bed.prune(DAY_MS).await, 500);
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
    assert_eq!(bed.prune(20 * DAY_MS).await, 0, "too young");
    bed.execute("UPDATE events SET time_ms = time_ms - 2592000000").await;
    assert_eq!(bed.prune(20 * DAY_MS).await, 0, "it moved not long ago: it may come back");
    bed.clock.advance(11 * DAY_MS);
    assert_eq!(bed.prune(20 * DAY_MS).await, 5);
}

#[tokio::test]
async fn a_log_over_its_size_loses_its_oldest_thousands() {
    let bed = Bed::with(&[]).await;
    bed.append_many("github.push", 4_500).await;
    bed.execute(FINISH_ALL).await;
    // About 258 bytes an event: 2,700 of them.
    let most = Some(700_000);
    let mut removed = 0;
    loop {
        let now = bed.events.prune(DAY_MS, most).await.expect("pruned");
        if now == 0 {
            break;
        }
        removed += now;
    }
    assert_eq!(removed, 1_999);
    assert_eq!(bed.number("SELECT MIN(position) FROM events").await, 2_000);
    assert_eq!(bed.number("SELECT MIN(segment) FROM event_segments").await, 2, "what is gone is not counted");
    let (_, status) = crate::http::get(&bed, "/api/v1/events/retention", Some(identity::Caller::Admin)).await;
    let bytes = status["bytes"].as_i64().expect("a number");
    assert!((600_000..700_000).contains(&bytes), "{status}");
    assert_eq!((status["oldest_position"].as_i64(), status["most_bytes"].as_i64()), (Some(2_000), Some(700_000)));
    bed.append_many("github.push", 1_000).await;
    bed.execute(FINISH_ALL).await;
    assert_eq!(bed.events.prune(DAY_MS, most).await.expect("pruned"), 1_000);
}

#[tokio::test]
async fn it_is_shown_who_holds_the_log() {
    let bed = Bed::new().await;
    bed.events.declare_streams().await.expect("declared");
    bed.append_many("github.push", 3).await;
    bed.execute("DELETE FROM jobs WHERE event_position < 3").await;
    let (_, status) = crate::http::get(&bed, "/api/v1/events/retention", Some(identity::Caller::Admin)).await;
    let held: Vec<_> = status["held_by"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| (it["what"].as_str(), it["position"].as_i64()))
        .collect();
    assert_eq!(held, [(Some("stream"), Some(1)), (Some("stream"), Some(1)), (Some("job"), Some(3))]);
}

#[tokio::test]
async fn a_forgotten_stream_that_comes_back_begins_at_the_end() {
    let bed = Bed::new().await;
    bed.events.declare_streams().await.expect("declared");
    let bed = bed.reopen(&[ALL_GITHUB]).await;
    bed.append_many("radio.phrase", 5).await;
    bed.execute(FINISH_ALL).await;
    bed.clock.advance(2 * DAY_MS);
    let _batches = bed.collect(ALL_GITHUB).await;
    bed.cursor_reaches(ALL_GITHUB, 5).await;
    assert_eq!(bed.prune(DAY_MS).await, 5);
    assert_eq!(bed.cursor(PHRASES).await, -1, "its cursor went with it");
    let bed = bed.reopen(&[ALL_GITHUB, PHRASES]).await;
    bed.events.declare_streams().await.expect("declared");
    assert_eq!(bed.cursor(PHRASES).await, 0);
}
