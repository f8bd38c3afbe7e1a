//! Stream subscriptions while all goes well: where they begin, what they see, where they go on.

use kernel::limits::STREAM_BATCH;
use tokio::sync::mpsc;

use crate::support::{ALL_GITHUB, Bed, PHRASES, next, phrase, sending, small, take, until};
use events::{Filter, NewEvent, Stream};

#[tokio::test]
async fn a_new_stream_begins_at_the_end_of_the_log() {
    let bed = Bed::new().await;
    bed.append_many("github.push", 5).await;
    let mut batches = bed.collect(ALL_GITHUB).await;
    assert_eq!(bed.cursor(ALL_GITHUB).await, 5);
    bed.append(small("github.push")).await.expect("appended");
    assert_eq!(take(&mut batches, 1).await, [6]);
}

#[tokio::test]
async fn a_stream_sees_what_its_filter_wants_in_order_and_whole() {
    let bed = Bed::new().await;
    let (mut all, mut phrases) = (bed.collect(ALL_GITHUB).await, bed.collect(PHRASES).await);
    for kind in ["github.push", "radio.phrase", "github.ping", "radio.phrase", "github.push"] {
        bed.append(small(kind)).await.expect("appended");
    }
    assert_eq!(take(&mut all, 3).await, [1, 3, 5]);
    assert_eq!(take(&mut phrases, 2).await, [2, 4]);
    bed.append(NewEvent::of("/radio", &phrase("ä")).subject(Some("s".to_owned()))).await.expect("appended");
    let event = next(&mut phrases).await.remove(0);
    assert_eq!((event.position, event.subject.as_deref()), (6, Some("s")));
    assert_eq!(event.data::<crate::support::Heard>().expect("a phrase"), phrase("ä"));
}

#[tokio::test]
async fn a_commit_wakes_its_stream() {
    let bed = Bed::new().await;
    let mut batches = bed.collect(ALL_GITHUB).await;
    // By polling alone, twelve turns of five seconds would not fit into the guard's minute.
    crate::support::within(async {
        for n in 1..=20 {
            bed.append(small("github.push")).await.expect("appended");
            assert_eq!(take(&mut batches, 1).await, [n]);
        }
    })
    .await;
}

#[tokio::test]
async fn batches_are_bounded_in_number_and_follow_each_other_at_once() {
    const FULL: usize = 14;
    let bed = Bed::new().await;
    drop(bed.collect(ALL_GITHUB).await);
    let bed = bed.reopen(&[ALL_GITHUB]).await;
    bed.append_many("github.push", STREAM_BATCH * FULL + 50).await;
    let mut batches = bed.collect(ALL_GITHUB).await;
    let mut sizes = Vec::new();
    // Fifteen batches with five seconds of polling between them would not fit into the guard's minute.
    crate::support::within(async {
        while sizes.len() <= FULL {
            sizes.push(next(&mut batches).await.len());
        }
    })
    .await;
    assert_eq!((&sizes[..FULL], sizes[FULL]), (&[STREAM_BATCH; FULL][..], 50));
}

/// Two hundred payloads of 25 MiB are more than a small machine has.
#[tokio::test]
async fn batches_are_bounded_in_bytes_and_no_event_is_too_large_for_one() {
    const MIB: usize = 1024 * 1024;
    let bed = Bed::new().await;
    drop(bed.collect(ALL_GITHUB).await);
    let bed = bed.reopen(&[ALL_GITHUB]).await;
    let sizes = [3 * MIB, 3 * MIB, 3 * MIB, 20 * MIB, 100, 100, 8 * MIB, 100];
    for size in sizes {
        let data = format!("{{\"a\":\"{}\"}}", "x".repeat(size));
        bed.append(NewEvent::raw("github.push", "/", data)).await.expect("appended");
    }
    let mut batches = bed.collect(ALL_GITHUB).await;
    let mut seen = Vec::new();
    while seen.len() < sizes.len() {
        let batch = next(&mut batches).await;
        let bytes: usize = batch.iter().map(|event| event.data.len()).sum();
        assert!(batch.len() == 1 || bytes <= 8 * MIB, "{} events of {bytes} bytes together", batch.len());
        seen.extend(batch.iter().map(|event| event.position));
    }
    assert_eq!(seen, (1..=sizes.len() as i64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_restart_goes_on_at_the_cursor() {
    let bed = Bed::new().await;
    let mut batches = bed.collect(ALL_GITHUB).await;
    let mut seen = Vec::new();
    let last = bed.append_many("github.push", 7).await;
    seen.extend(take(&mut batches, 7).await);
    bed.cursor_reaches(ALL_GITHUB, last).await;
    let mut bed = bed;
    for round in 0..3 {
        bed = bed.reopen(&[ALL_GITHUB]).await;
        let last = bed.append_many("github.push", 5 + round).await;
        let mut batches = bed.collect(ALL_GITHUB).await;
        seen.extend(take(&mut batches, 5 + round).await);
        bed.cursor_reaches(ALL_GITHUB, last).await;
        assert!(batches.try_recv().is_err());
    }
    assert_eq!(seen, (1..=seen.len() as i64).collect::<Vec<_>>(), "each once, in order, none skipped");
}

#[tokio::test]
async fn events_appended_while_nobody_served_the_stream_are_not_lost() {
    let bed = Bed::new().await;
    drop(bed.collect(ALL_GITHUB).await);
    let bed = bed.reopen(&[]).await;
    bed.append_many("github.push", 3).await;
    let bed = bed.reopen(&[ALL_GITHUB]).await;
    let mut batches = bed.collect(ALL_GITHUB).await;
    assert_eq!(take(&mut batches, 3).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_stream_that_wants_nothing_moves_on_now_and_then() {
    const NOTHING: Stream = Stream::new("nothing", Filter("gitlab.*"));
    let bed = Bed::with(&[NOTHING]).await;
    let (send, mut batches) = mpsc::unbounded_channel();
    bed.events.serve(NOTHING, sending(send));
    bed.cursor_reaches(NOTHING, 0).await;
    bed.append_many("github.push", 400).await;
    bed.append_many("github.push", 400).await;
    assert_eq!(bed.cursor(NOTHING).await, 0, "not at each event");
    let last = bed.append_many("github.push", 400).await;
    until(async || bed.cursor(NOTHING).await == last).await;
    // In a quiet log time does what numbers do not: a few old events must not stay for ever.
    let last = bed.append_many("github.push", 1).await;
    bed.clock.advance(24 * 3_600_000);
    bed.append_many("github.push", 1).await;
    bed.cursor_reaches(NOTHING, last).await;
    assert!(batches.try_recv().is_err());
}
