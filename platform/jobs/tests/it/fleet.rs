//! Several engines on one store. Facts §3d, tests 6, 9 and 10.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jobs::state::State;
use jobs::{EnqueueError, Failure, Life, NewJob};

use crate::support::{
    Figures, LONG, PLAIN, Site, add_effect, engine, heard, held, open_again, polled, until, watched, works,
};

/// An engine that believes itself alone never renews its lease: to a fleet it looks like a process that was suspended, and
/// goes on later as if nothing had been.
const SUSPENDED: Life = Life::Locked;

#[tokio::test]
async fn a_worker_that_lost_its_lease_settles_nothing() {
    let figures = Figures::default();
    let _guard = metrics::set_default_local_recorder(&figures);
    let site = Site::new(SUSPENDED).await;
    let (handler, mut ear, gate) = held(|_| Err(Failure::Discard("from the grave".to_owned())));
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    assert_eq!(ear.next().await, (id, 1));
    let other = engine(&site.store, &site.clock, Life::Renewed).await;
    assert_eq!(other.rescue().await.expect("written"), 0, "not silent for long enough");
    assert_eq!(watched(&other, &site.store).await, 1);
    let (handler, mut ear) = works();
    other.serve(vec![(PLAIN, handler)], 1);
    assert_eq!(ear.next().await, (id, 2));
    until(&other, "it is completed", async || (site.row(id).await.state == State::Completed).then_some(())).await;
    gate.add_permits(1);
    let refused = "jobs_settlements_refused_total";
    until(&site.jobs, "the late outcome is refused", async || (figures.of(refused) == 1).then_some(())).await;
    let row = site.row(id).await;
    assert_eq!((row.state, row.attempt, row.last_error.as_deref()), (State::Completed, 2, Some("the worker died")));
    assert_eq!(figures.of("jobs_rescued_total"), 1);
}

#[tokio::test]
async fn an_effect_of_a_lost_attempt_is_rolled_back() {
    let figures = Figures::default();
    let _guard = metrics::set_default_local_recorder(&figures);
    let site = Site::new(SUSPENDED).await;
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let effect = |words: &'static str, gate: Option<Arc<tokio::sync::Semaphore>>| {
        let store = site.store.clone();
        heard(move |run| {
            let (store, gate) = (store.clone(), gate.clone());
            async move {
                if let Some(gate) = gate {
                    gate.acquire().await.expect("open").forget();
                }
                store
                    .write(async move |tx| {
                        add_effect(tx, words).await?;
                        run.complete(tx).await
                    })
                    .await
            }
        })
    };
    let (handler, mut ear) = effect("of the first", Some(gate.clone()));
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    assert_eq!(ear.next().await, (id, 1));
    let other = engine(&site.store, &site.clock, Life::Renewed).await;
    assert_eq!(watched(&other, &site.store).await, 1);
    let (handler, mut ear) = effect("of the second", None);
    other.serve(vec![(PLAIN, handler)], 1);
    assert_eq!(ear.next().await, (id, 2));
    until(&other, "it is completed", async || (site.row(id).await.state == State::Completed).then_some(())).await;
    gate.add_permits(1);
    let lost = "jobs_total kind=plain outcome=lost";
    polled("the first is told that it lost the job", async || (figures.of(lost) == 1).then_some(())).await;
    assert_eq!(site.effects().await, ["of the second"]);
    assert_eq!(site.row(id).await.attempt, 2);
}

/// A suspended process goes on, does not yet know that it was declared dead, enqueues for itself, and dies for good.
#[tokio::test]
async fn jobs_under_a_lease_that_nobody_holds_are_not_stuck() {
    let site = Site::new(SUSPENDED).await;
    let other = engine(&site.store, &site.clock, Life::Renewed).await;
    assert_eq!(watched(&other, &site.store).await, 0, "it had nothing, and is forgotten");
    assert_eq!(site.run_sql("DELETE FROM job_leases").await, 1);
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    let own = format!("UPDATE jobs SET state = 2, attempt = 1, claims = 1, lease = {}", site.jobs.lease());
    assert_eq!(site.run_sql(own).await, 1);
    assert_eq!(other.rescue().await.expect("written"), 1);
    let row = site.row(id).await;
    assert_eq!((row.state, row.attempt), (State::Available, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_engines_drain_one_queue_and_run_each_job_once() {
    const JOBS: usize = 2000;
    let site = Site::new(Life::Renewed).await;
    let jobs = site.jobs.clone();
    let told: Result<(), EnqueueError> = site
        .store
        .write(async move |tx| {
            for n in 0..JOBS {
                jobs.enqueue(tx, NewJob::new(PLAIN, &n)).await?;
            }
            Ok(())
        })
        .await;
    told.expect("enqueued");
    let ran = Arc::new(Mutex::new(HashMap::<i64, u32>::new()));
    let (say, mut said) = tokio::sync::mpsc::unbounded_channel();
    let store = open_again(&site.store, site.dir.path(), &site.clock);
    let other = engine(&store, &site.clock, Life::Renewed).await;
    for jobs in [&site.jobs, &other] {
        let (ran, say) = (ran.clone(), say.clone());
        let handler = jobs::handler(move |run| {
            *ran.lock().expect("unpoisoned").entry(run.id()).or_default() += 1;
            say.send(()).expect("the test counts");
            async { Ok(()) }
        });
        jobs.serve(vec![(PLAIN, handler)], 20);
    }
    for _ in 0..JOBS {
        tokio::time::timeout(LONG, said.recv()).await.expect("in time").expect("said");
    }
    site.jobs.stop(LONG).await;
    other.stop(LONG).await;
    let counts = site.jobs.counts().await.expect("read");
    assert_eq!((counts["completed"], counts["executing"], counts["available"]), (JOBS as i64, 0, 0));
    let ran = ran.lock().expect("unpoisoned");
    assert!(ran.len() == JOBS && ran.values().all(|times| *times == 1));
}
