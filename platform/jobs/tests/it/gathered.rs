//! Many at once, in a process that shares its store: jobs that are enqueued together, and ends that are written beside the rest.

use std::collections::HashSet;

use futures_util::future::join_all;
use jobs::state::State;
use jobs::{EnqueueError, Enqueued, Life, NewJob};
use kernel::limits;
use store::{StoreError, params};

use crate::support::{LONG, PLAIN, Site, heard, new_id, until, works};

/// The arguments of all jobs, in the order of their numbers.
async fn args(site: &Site) -> Vec<String> {
    let rows: Result<Vec<(String,)>, StoreError> =
        site.store.read(async |tx| tx.all("SELECT args FROM jobs ORDER BY id", params![]).await).await;
    rows.expect("read").into_iter().map(|(args,)| args).collect()
}

#[tokio::test]
async fn callers_at_one_time_get_each_its_own_number() {
    let site = Site::new(Life::Renewed).await;
    let numbers = 0..300_i16;
    let calls = numbers
        .clone()
        .map(|n| site.jobs.enqueue_now(NewJob::new(PLAIN, &n).key(format!("key {}", n % 7)).priority(n)));
    let ids: Vec<i64> = join_all(calls).await.into_iter().map(|told| new_id(told.expect("enqueued"))).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len());
    assert_eq!(
        args(&site).await,
        numbers.clone().map(|n| n.to_string()).collect::<Vec<_>>(),
        "in the order of the calls"
    );
    for (n, id) in numbers.zip(ids) {
        let row = site.row(id).await;
        let expected = (Some(format!("key {}", n % 7)), i32::from(n), State::Available, 0);
        assert_eq!((row.key, row.priority, row.state, row.attempt), expected);
    }
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_the_others_their_answers() {
    let site = Site::new(Life::Renewed).await;
    let mut first = Box::pin(site.jobs.enqueue_now(NewJob::new(PLAIN, &"first")));
    assert!(futures_util::poll!(&mut first).is_pending());
    let second = site.jobs.enqueue_now(NewJob::new(PLAIN, &"second"));
    let mut second = Box::pin(second);
    assert!(futures_util::poll!(&mut second).is_pending());
    drop(first);
    new_id(tokio::time::timeout(LONG, second).await.expect("answered").expect("enqueued"));
    assert_eq!(args(&site).await, ["\"first\"", "\"second\""], "what was asked for is done");
}

#[tokio::test]
async fn one_that_the_store_refuses_spoils_no_other() {
    let site = Site::new(Life::Renewed).await;
    site.run_sql("CREATE UNIQUE INDEX odd ON jobs (args) WHERE args = '13'").await;
    let thirteen = [12, 13, 14, 13, 15];
    let told = join_all(thirteen.map(|n| site.jobs.enqueue_now(NewJob::new(PLAIN, &n)))).await;
    assert!(matches!(told[3], Err(EnqueueError::Store(StoreError::Statement(_)))), "{:?}", told[3]);
    assert_eq!(told.iter().filter(|told| told.is_ok()).count(), 4);
    assert_eq!(args(&site).await, ["12", "13", "14", "15"]);
    let refused = site.jobs.enqueue_now(NewJob::new(PLAIN, &"x".repeat(limits::JOB_ARGS_BYTES))).await;
    assert!(matches!(refused, Err(EnqueueError::Args(_))), "{refused:?}");
}

/// Those that need a look of their own come between those that do not.
#[tokio::test]
async fn many_keep_their_order_whatever_they_are() {
    let site = Site::new(Life::Renewed).await;
    let long = "x".repeat(limits::JOB_ARGS_INLINE + 1);
    let new = vec![
        NewJob::new(PLAIN, &1),
        NewJob::new(PLAIN, &2).trace(Some("of\0it".to_owned())).event(7),
        NewJob::new(PLAIN, &3).unique("only"),
        NewJob::new(PLAIN, &4).unique("only"),
        NewJob::new(PLAIN, &5).at(site.clock.now_ms() + 1_000),
        NewJob::new(PLAIN, &long),
        NewJob::new(PLAIN, &6).in_order("line"),
        NewJob::new(PLAIN, &7).in_order("line"),
        NewJob::new(PLAIN, &8),
    ];
    let told = site.jobs.enqueue_all(new).await.expect("enqueued");
    assert_eq!(
        told[3],
        match told[2] {
            Enqueued::New(id) => Enqueued::Known(id),
            known => panic!("{known:?}"),
        }
    );
    let ids: Vec<i64> = told
        .iter()
        .filter_map(|told| match told {
            Enqueued::New(id) => Some(*id),
            Enqueued::Known(_) => None,
        })
        .collect();
    assert!(ids.is_sorted() && ids.len() == 8);
    assert_eq!(args(&site).await, ["1", "2", "3", "5", "", "6", "7", "8"], "long ones lie elsewhere");
    let mut states = Vec::new();
    for id in &ids {
        states.push(site.row(*id).await.state);
    }
    let mut expected = [State::Available; 8];
    (expected[3], expected[6]) = (State::Scheduled, State::Pending);
    assert_eq!(states, expected);
    let second = site.row(ids[1]).await;
    assert_eq!((second.event_position, second.trace_id.as_deref()), (Some(7), Some("of\u{fffd}it")));
}

/// The end of the one is written beside the enqueuing of the other, which looks whether it has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_comes_after_one_that_is_just_ending_begins() {
    let site = Site::new(Life::Renewed).await;
    let (handler, _ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 8);
    let mut last = Vec::new();
    for n in 0..300 {
        let first = site.enqueue(NewJob::new(PLAIN, &n)).await;
        last.push(site.enqueue(NewJob::new(PLAIN, &n).after(&[first])).await);
    }
    for id in last {
        until(&site.jobs, "the second has ended", async || {
            (site.row(id).await.state == State::Completed).then_some(())
        })
        .await;
    }
    site.jobs.stop(LONG).await;
}

/// What ends among plain ones and is not plain goes its own way.
#[tokio::test]
async fn ends_of_every_kind_are_written_together() {
    let site = Site::new(Life::Renewed).await;
    let (handler, _ear) = heard(|run| async move {
        match run.args::<u32>().unwrap_or_default() % 4 {
            0 => {
                run.progress(50, "half");
                run.result(&"done")
            }
            1 => Err(jobs::Failure::Discard("no".to_owned())),
            _ => Ok(()),
        }
    });
    let new = (0..200_u32).map(|n| {
        let job = NewJob::new(PLAIN, &n);
        if n % 4 == 2 { job.unique(format!("only {n}")) } else { job }
    });
    let told = site.jobs.enqueue_all(new.collect()).await.expect("enqueued");
    site.jobs.serve(vec![(PLAIN, handler)], 50);
    for (n, told) in told.into_iter().enumerate() {
        let expected = if n % 4 == 1 { State::Discarded } else { State::Completed };
        assert_eq!(site.reaches(new_id(told), expected).await.attempt, 1);
    }
    site.jobs.stop(LONG).await;
}
