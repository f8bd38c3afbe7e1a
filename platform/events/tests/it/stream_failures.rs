//! Stream subscriptions when handlers fail, panic or are interrupted: nothing skipped, order kept, nobody else disturbed.

use std::sync::Arc;

use events::handler::StreamHandler;
use tokio::sync::{Notify, mpsc};

use crate::support::{ALL_GITHUB, Bed, PHRASES, answering, next, small, take, within};

fn positions(batch: &[events::Event]) -> Vec<i64> {
    batch.iter().map(|event| event.position).collect()
}

#[tokio::test]
async fn a_batch_that_failed_comes_again_with_nothing_skipped() {
    let bed = Bed::new().await;
    drop(bed.collect(ALL_GITHUB).await);
    let bed = bed.reopen(&[ALL_GITHUB]).await;
    bed.append_many("github.push", 3).await;
    let (send, mut batches) = mpsc::unbounded_channel();
    bed.events.serve(ALL_GITHUB, answering(send, vec![Err("again".to_owned()), Err("not yet".to_owned())]));
    assert_eq!(positions(&next(&mut batches).await), [1, 2, 3]);
    assert_eq!(bed.cursor(ALL_GITHUB).await, 0, "a failed batch moves nothing");
    bed.append(small("github.push")).await.expect("appended");
    assert_eq!(positions(&next(&mut batches).await)[..3], [1, 2, 3], "the same again, newcomers behind");
    assert_eq!(positions(&next(&mut batches).await), [1, 2, 3, 4]);
    bed.cursor_reaches(ALL_GITHUB, 4).await;
    bed.append(small("github.push")).await.expect("appended");
    assert_eq!(positions(&next(&mut batches).await), [5]);
}

#[tokio::test]
async fn a_handler_that_panics_holds_its_stream_and_does_not_end_it() {
    let bed = Bed::new().await;
    let (send, mut calls) = mpsc::unbounded_channel();
    let panics = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let handler: StreamHandler = Arc::new(move |batch| {
        send.send(positions(&batch)).expect("the test lives");
        match panics.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => panic!("before its first await"),
            1 => Box::pin(async { panic!("in the future") }),
            _ => Box::pin(async { Ok(()) }),
        }
    });
    bed.events.serve(ALL_GITHUB, handler);
    bed.cursor_reaches(ALL_GITHUB, 0).await;
    bed.append(small("github.push")).await.expect("appended");
    for _ in 0..3 {
        assert_eq!(next(&mut calls).await, [1]);
    }
    bed.cursor_reaches(ALL_GITHUB, 1).await;
}

#[tokio::test]
async fn a_failing_stream_does_not_disturb_another() {
    let bed = Bed::new().await;
    let (send, mut failing) = mpsc::unbounded_channel();
    let broken: StreamHandler = Arc::new(move |batch| {
        let sent = send.send(batch);
        Box::pin(async move { Err(format!("never: {}", sent.is_ok())) })
    });
    bed.events.serve(PHRASES, broken);
    bed.cursor_reaches(PHRASES, 0).await;
    let mut healthy = bed.collect(ALL_GITHUB).await;
    bed.append(small("radio.phrase")).await.expect("appended");
    assert_eq!(positions(&next(&mut failing).await), [1]);
    bed.append_many("github.push", 300).await;
    assert_eq!(take(&mut healthy, 300).await, (2..=301).collect::<Vec<_>>());
    bed.cursor_reaches(ALL_GITHUB, 301).await;
    assert_eq!(positions(&next(&mut failing).await), [1]);
    assert_eq!(bed.cursor(PHRASES).await, 0);
}

#[tokio::test]
async fn stopping_lets_the_current_batch_end_and_keeps_its_progress() {
    let bed = Bed::new().await;
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (send, mut done) = mpsc::unbounded_channel();
    let handler: StreamHandler = {
        let (entered, release) = (entered.clone(), release.clone());
        Arc::new(move |batch| {
            let (entered, release, send) = (entered.clone(), release.clone(), send.clone());
            Box::pin(async move {
                entered.notify_one();
                release.notified().await;
                send.send(positions(&batch)).map_err(|_| "the test is over".to_owned())
            })
        })
    };
    bed.events.serve(ALL_GITHUB, handler);
    bed.cursor_reaches(ALL_GITHUB, 0).await;
    bed.append(small("github.push")).await.expect("appended");
    within(entered.notified()).await;
    let events = bed.events.clone();
    let stopping = tokio::spawn(async move { events.stop().await });
    while !stopping.is_finished() && done.is_empty() {
        // The handler is let go only after the stop was asked for and had every chance to cut it.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        release.notify_one();
    }
    within(stopping).await.expect("stopped");
    assert_eq!(next(&mut done).await, [1]);
    assert_eq!(bed.cursor(ALL_GITHUB).await, 1, "what was handled is not handled again");
    bed.append(small("github.push")).await.expect("appended");
    let mut bed = bed.reopen(&[ALL_GITHUB]).await;
    let mut batches = bed.collect(ALL_GITHUB).await;
    assert_eq!(take(&mut batches, 1).await, [2]);
    bed = bed.reopen(&[]).await;
    assert_eq!(bed.cursor(ALL_GITHUB).await, 2);
}
