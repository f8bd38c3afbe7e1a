//! Enqueuing: with the caller's rows or not at all, once a key, in its time, in its order.

use std::collections::BTreeSet;

use jobs::state::State;
use jobs::{EnqueueError, Enqueued, Life, NewJob};
use store::StoreError;

use crate::support::{LONG, PLAIN, Site, add_effect, held, works};

#[tokio::test]
async fn a_job_exists_if_and_only_if_its_callers_rows_do() {
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    for (words, fails) in [("kept", false), ("undone", true), ("kept too", false)] {
        let jobs = site.jobs.clone();
        let told: Result<Enqueued, EnqueueError> = site
            .store
            .write(async move |tx| {
                add_effect(tx, words).await?;
                let enqueued = jobs.enqueue(tx, NewJob::new(PLAIN, &words)).await?;
                if fails { Err(StoreError::Busy.into()) } else { Ok(enqueued) }
            })
            .await;
        assert_eq!(told.is_err(), fails);
        if let Ok(Enqueued::New(id)) = told {
            assert_eq!(ear.next().await, (id, 1));
            site.reaches(id, State::Completed).await;
        }
    }
    assert_eq!(site.effects().await, ["kept", "kept too"]);
    assert_eq!(site.jobs.list(all()).await.expect("read").len(), 2);
    assert!(ear.rest().is_empty(), "nothing ran for what was rolled back");
}

/// One slot, many callers, and two of three that give the slot back unused: the one waiting must hear of it each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_of_writes_that_come_to_nothing_are_given_back() {
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let callers: Vec<_> = (0..300u32)
        .map(|n| {
            let (jobs, store) = (site.jobs.clone(), site.store.clone());
            tokio::spawn(async move {
                let told: Result<Enqueued, EnqueueError> = store
                    .write(async move |tx| {
                        let job = NewJob::new(PLAIN, &n);
                        let job = if n % 3 == 1 { job.unique("one") } else { job };
                        let enqueued = jobs.enqueue(tx, job).await?;
                        if n % 3 == 0 { Err(StoreError::Busy.into()) } else { Ok(enqueued) }
                    })
                    .await;
                told.ok()
            })
        })
        .collect();
    let mut wanted = BTreeSet::new();
    for (n, caller) in callers.into_iter().enumerate() {
        if let (2, Some(Enqueued::New(id))) = (n % 3, caller.await.expect("joined")) {
            wanted.insert(id);
        }
    }
    assert_eq!(wanted.len(), 100);
    let mut ran = BTreeSet::new();
    while !ran.is_superset(&wanted) {
        let (id, attempt) = ear.next().await;
        assert!(attempt == 1 && ran.insert(id), "job {id} ran once");
    }
}

/// The start costs the commit that the caller waits for anyhow: no claim of its own.
#[tokio::test]
async fn a_job_that_finds_a_free_slot_is_claimed_by_its_insertion() {
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    // At first the engine is looking for older jobs, which go before.
    for _ in 0..1000 {
        let jobs = site.jobs.clone();
        let told: Result<(i64, i64, Option<i64>), EnqueueError> = site
            .store
            .write(async move |tx| {
                let Enqueued::New(id) = jobs.enqueue(tx, NewJob::new(PLAIN, &())).await? else { panic!("no key") };
                let sql = "SELECT id, state, lease FROM jobs WHERE id = $1";
                Ok(tx.one(sql, store::params![id]).await?)
            })
            .await;
        let (id, state, lease) = told.expect("enqueued");
        assert_eq!(ear.next().await, (id, 1));
        site.reaches(id, State::Completed).await;
        if (state, lease) == (2, Some(site.jobs.lease())) {
            return;
        }
    }
    panic!("never claimed at insertion");
}

#[tokio::test]
async fn the_backlog_drains_by_priority_then_age() {
    let site = Site::new(Life::Locked).await;
    let mut wanted = Vec::new();
    for n in 0..60i16 {
        let priority = (n * 7) % 5 - 2;
        wanted.push((priority, site.enqueue(NewJob::new(PLAIN, &n).priority(priority)).await));
    }
    wanted.sort_unstable();
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    for (_, id) in wanted {
        assert_eq!(ear.next().await, (id, 1));
    }
}

#[tokio::test]
async fn a_delayed_job_waits_for_the_clock() {
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 4);
    let start_ms = site.clock.now_ms();
    let delayed = site.enqueue(NewJob::new(PLAIN, &"later").at(start_ms + 1000)).await;
    assert_eq!(site.row(delayed).await.state, State::Scheduled);
    site.advance(999);
    let other = site.enqueue(NewJob::new(PLAIN, &"now")).await;
    site.reaches(other, State::Completed).await;
    assert_eq!(ear.rest(), [(other, 1)]);
    // Back and forth: nothing runs early because the clock was once later.
    site.advance(-5000);
    site.advance(5000);
    assert_eq!(site.row(delayed).await.state, State::Scheduled);
    site.advance(1);
    let row = site.reaches(delayed, State::Completed).await;
    assert_eq!((row.run_at_ms, row.started_at_ms), (start_ms + 1000, Some(start_ms + 1000)));
}

#[tokio::test]
async fn a_job_of_any_time_runs_or_waits() {
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 4);
    let first = site.enqueue(NewJob::new(PLAIN, &1).at(i64::MIN)).await;
    let never = site.enqueue(NewJob::new(PLAIN, &2).at(i64::MAX)).await;
    site.reaches(first, State::Completed).await;
    assert_eq!(ear.rest(), [(first, 1)]);
    assert_eq!(site.row(never).await.state, State::Scheduled);
}

/// Facts §3d, test 17.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unique_key_makes_one_job_of_a_hundred() {
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear, gate) = held(|run| match run.attempt() {
        1 => Err(jobs::Failure::Retry("again".to_owned())),
        _ => Ok(()),
    });
    site.jobs.serve(vec![(PLAIN, handler)], 4);
    let job = NewJob::new(PLAIN, &"once").unique("key");
    let callers: Vec<_> = (0..100)
        .map(|_| {
            let (jobs, job) = (site.jobs.clone(), job.clone());
            tokio::spawn(async move { jobs.enqueue_now(job).await.expect("answered") })
        })
        .collect();
    let (mut new, mut known) = (Vec::new(), BTreeSet::new());
    for caller in callers {
        match caller.await.expect("joined") {
            Enqueued::New(id) => new.push(id),
            Enqueued::Known(id) => drop(known.insert(id)),
        }
    }
    let [id] = new[..] else { panic!("one job, not {new:?}") };
    assert_eq!(known, BTreeSet::from([id]));
    let again = async || site.jobs.enqueue_now(job.clone()).await.expect("answered");
    assert_eq!(ear.next().await, (id, 1));
    assert_eq!(again().await, Enqueued::Known(id), "while it runs");
    gate.add_permits(1);
    site.reaches(id, State::Retryable).await;
    assert_eq!(again().await, Enqueued::Known(id), "while it waits for its next attempt");
    site.advance(kernel::limits::JOB_BACKOFF_MS);
    gate.add_permits(1);
    site.reaches(id, State::Completed).await;
    let Enqueued::New(next) = again().await else { panic!("the first has ended") };
    assert_eq!(tokio::time::timeout(LONG, ear.next()).await.expect("it begins"), (id, 2));
    assert_eq!(ear.next().await, (next, 1));
    // The same key of another kind is another key.
    let other = NewJob::new(jobs::Kind::new("other"), &"once").unique("key");
    assert!(matches!(site.jobs.enqueue_now(other).await, Ok(Enqueued::New(_))));
}

#[tokio::test]
async fn arguments_that_cannot_be_stored_are_refused() {
    let site = Site::new(Life::Locked).await;
    let large = "x".repeat(kernel::limits::JOB_ARGS_BYTES - 1);
    let unwritable = std::collections::BTreeMap::from([((1, 2), 3)]);
    for job in [NewJob::new(PLAIN, &large), NewJob::new(PLAIN, &unwritable)] {
        assert!(matches!(site.jobs.enqueue_now(job).await, Err(EnqueueError::Args(kind)) if kind == "plain"));
    }
    let most = "x".repeat(kernel::limits::JOB_ARGS_BYTES - 2);
    site.enqueue(NewJob::new(PLAIN, &most)).await;
    assert_eq!(site.jobs.list(all()).await.expect("read").len(), 1);
}

fn all() -> jobs::Query {
    jobs::Query { limit: 100, ..jobs::Query::default() }
}
