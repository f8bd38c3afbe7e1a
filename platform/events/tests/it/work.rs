//! Work subscriptions: the job gets its event, or is discarded when there is none.

use std::sync::Arc;
use std::time::Duration;

use events::Appended;
use events::handler::WorkHandler;
use jobs::state::State;
use jobs::{Failure, NewJob};
use tokio::sync::mpsc;

use crate::support::{Bed, GITHUB, PUSH, next, small};

#[tokio::test]
async fn a_job_gets_the_event_that_it_is_owed_for() {
    let bed = Bed::new().await;
    let (send, mut ran) = mpsc::unbounded_channel();
    let handler: WorkHandler = Arc::new(move |event, run| {
        let send = send.clone();
        Box::pin(async move {
            send.send((event, run.event_position())).map_err(|_| Failure::Discard("the test is over".to_owned()))
        })
    });
    bed.jobs.serve(vec![(GITHUB, bed.events.work_handler(handler))], 1);
    for kind in ["github.push", "github.ping"] {
        bed.append(small(kind).id(kind).trace(Some("t1".to_owned()))).await.expect("appended");
        let (event, position) = next(&mut ran).await;
        assert_eq!((event.kind.as_str(), event.trace.as_deref()), (kind, Some("t1")));
        assert_eq!(position, Some(event.position));
    }
}

#[tokio::test]
async fn a_job_whose_event_is_gone_is_discarded_with_the_reason() {
    let bed = Bed::new().await;
    bed.append(small("github.push")).await.expect("appended");
    bed.execute("UPDATE event_top SET position = 1").await;
    bed.execute("DELETE FROM events").await;
    // What was on its way in memory is gone with the process.
    let bed = bed.reopen(&[]).await;
    bed.append(small("github.ping")).await.expect("appended");
    let (send, mut ran) = mpsc::unbounded_channel();
    let handler: WorkHandler = Arc::new(move |event, _| {
        let sent = send.send(event.position);
        Box::pin(async move { sent.map_err(|_| Failure::Discard("the test is over".to_owned())) })
    });
    bed.jobs.enqueue_now(NewJob::new(PUSH, &()).event(77)).await.expect("enqueued");
    bed.jobs.serve(vec![(GITHUB, bed.events.work_handler(handler))], 1);
    // One slot, in order: when the second event's job runs, the first's has ended.
    assert_eq!(next(&mut ran).await, 2);
    bed.jobs.stop(Duration::from_secs(30)).await;
    let query = jobs::Query { state: Some(State::Discarded), limit: 10, ..Default::default() };
    let discarded = bed.jobs.list(query).await.expect("listed");
    assert_eq!(discarded.len(), 1);
    assert_eq!((discarded[0].event_position, discarded[0].attempt), (Some(1), 1), "at its first attempt");
    let reason = discarded[0].last_error.clone().expect("a reason");
    assert!(reason.contains("event 1 is gone"), "{reason}");
}

#[tokio::test]
async fn an_event_on_its_way_to_its_jobs_is_the_one_in_the_log() {
    let bed = Bed::new().await;
    let new = small("github.push").id("a").subject(Some("x".to_owned())).trace(Some("t1".to_owned()));
    let new = new.attributes(Some(r#"{"trust":"low"}"#.to_owned()));
    let Appended::New(position) = bed.append(new).await.expect("appended") else { panic!("it is new") };
    let kept = bed.events.find(position).await.expect("read").expect("there");
    // It is not read again: nothing is left to read.
    bed.execute("DELETE FROM events").await;
    let (send, mut ran) = mpsc::unbounded_channel();
    let handler: WorkHandler = Arc::new(move |event, _| {
        let sent = send.send(event);
        Box::pin(async move { sent.map_err(|_| Failure::Discard("the test is over".to_owned())) })
    });
    bed.jobs.serve(vec![(GITHUB, bed.events.work_handler(handler))], 1);
    assert_eq!(next(&mut ran).await, kept);
}

#[test]
fn the_kinds_of_work_are_known_to_whoever_wires_them() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let bed = Bed::new().await;
        let names: Vec<_> = bed.events.work_kinds().map(|kind| kind.name).collect();
        assert_eq!(names, ["hear_phrase", "react_to_github", "react_to_push"]);
    });
}
