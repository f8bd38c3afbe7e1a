//! The end of an engine, and a store that fails meanwhile.

use std::time::Duration;

use jobs::state::State;
use jobs::{EnqueueError, Enqueued, Life, NewJob};
use store::StoreError;

use crate::support::{Figures, LONG, PLAIN, Site, engine, held, polled, works};

/// Facts §3d, test 34.
#[tokio::test]
async fn stopping_lets_attempts_finish_and_gives_back_what_never_began() {
    let site = Site::new(Life::Locked).await;
    let mut ids = Vec::new();
    for n in 0..12 {
        ids.push(site.enqueue(NewJob::new(PLAIN, &n)).await);
    }
    let (handler, mut ear, gate) = held(|_| Ok(()));
    site.jobs.serve(vec![(PLAIN, handler)], 4);
    for id in &ids[..4] {
        assert_eq!(ear.next().await, (*id, 1));
    }
    tokio::join!(site.jobs.stop(LONG), async { gate.add_permits(100) });
    assert!(ear.rest().is_empty());
    for (n, id) in ids.iter().enumerate() {
        let row = site.row(*id).await;
        let wanted = if n < 4 { (State::Completed, 1) } else { (State::Available, 0) };
        assert_eq!((row.state, row.attempt), wanted, "job {n}");
    }
    // A stopped engine still enqueues, for whoever comes next.
    let late = site.enqueue(NewJob::new(PLAIN, &"late")).await;
    assert_eq!(site.row(late).await.state, State::Available);
    site.jobs.stop(LONG).await;
}

/// The slot was taken before the stop, the commit comes after it.
#[tokio::test]
async fn a_job_that_is_committed_while_the_engine_stops_is_given_back() {
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let warm = site.enqueue(NewJob::new(PLAIN, &())).await;
    site.reaches(warm, State::Completed).await;
    assert_eq!(ear.next().await, (warm, 1));
    let (inserted, wait) = tokio::sync::oneshot::channel();
    let (go_on, gate) = std::sync::mpsc::sync_channel::<()>(1);
    let (jobs, store) = (site.jobs.clone(), site.store.clone());
    let caller = tokio::spawn(async move {
        let told: Result<Enqueued, EnqueueError> = store
            .write(async move |tx| {
                let enqueued = jobs.enqueue(tx, NewJob::new(PLAIN, &()).priority(1)).await?;
                inserted.send(()).expect("the test waits");
                gate.recv().expect("the test goes on");
                Ok(enqueued)
            })
            .await;
        told
    });
    wait.await.expect("inserted");
    tokio::join!(site.jobs.stop(LONG), async { go_on.send(()).expect("the writer waits") });
    let Ok(Ok(Enqueued::New(id))) = caller.await else { panic!("it was enqueued") };
    let row = site.row(id).await;
    assert_eq!((row.state, row.attempt, row.started_at_ms), (State::Available, 0, None));
    assert!(ear.rest().is_empty());
}

#[tokio::test]
async fn an_attempt_that_outlasts_the_grace_runs_again_later() {
    let site = Site::new(Life::Locked).await;
    let (handler, mut ear, _gate) = held(|_| Ok(()));
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    assert_eq!(ear.next().await, (id, 1));
    site.jobs.stop(Duration::ZERO).await;
    assert_eq!(site.row(id).await.state, State::Executing);
    let next = engine(&site.store, &site.clock, Life::Locked).await;
    let row = site.row(id).await;
    assert_eq!((row.state, row.attempt, row.last_error.as_deref()), (State::Available, 1, Some("the worker died")));
    let (handler, mut ear) = works();
    next.serve(vec![(PLAIN, handler)], 1);
    assert_eq!(ear.next().await, (id, 2));
    next.stop(LONG).await;
    assert_eq!(site.row(id).await.state, State::Completed);
}

/// Statements after which no outcome can be written, and after which it can again.
fn broken() -> (&'static str, &'static str) {
    if testkit::on_postgres() {
        (
            "ALTER TABLE jobs ADD CONSTRAINT broken CHECK (finished_at_ms IS NULL)",
            "ALTER TABLE jobs DROP CONSTRAINT broken",
        )
    } else {
        (
            "CREATE TRIGGER broken BEFORE UPDATE OF finished_at_ms ON jobs BEGIN SELECT RAISE(ABORT, 'broken'); END",
            "DROP TRIGGER broken",
        )
    }
}

#[tokio::test]
async fn outcomes_wait_for_a_store_that_fails_for_a_while() {
    let figures = Figures::default();
    let _guard = metrics::set_default_local_recorder(&figures);
    let site = Site::new(Life::Locked).await;
    site.run_sql(broken().0).await;
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 3);
    let mut ids = Vec::new();
    for n in 0..30 {
        ids.push(site.enqueue(NewJob::new(PLAIN, &n)).await);
    }
    polled("a write of outcomes fails", async || (figures.of("jobs_settlements_failed_total") > 0).then_some(())).await;
    let first = ear.next().await;
    assert_eq!(site.row(first.0).await.state, State::Executing);
    site.run_sql(broken().1).await;
    for id in &ids {
        assert_eq!(site.reaches(*id, State::Completed).await.attempt, 1);
    }
    assert_eq!(1 + ear.rest().len(), ids.len(), "nothing ran twice");
    assert_eq!(figures.of("jobs_settlements_refused_total"), 0);
}

#[tokio::test]
async fn a_broken_store_does_not_hold_up_the_end() {
    let site = Site::new(Life::Locked).await;
    site.run_sql(broken().0).await;
    let (handler, mut ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    assert_eq!(ear.next().await, (id, 1));
    let stopped = tokio::time::timeout(LONG, site.jobs.stop(Duration::from_millis(20))).await;
    assert!(stopped.is_ok());
    assert_eq!(site.row(id).await.state, State::Executing, "it runs again after the restart");
}

/// Everything the engine held is let go, so that the data directory can be opened again in the same process.
#[tokio::test]
async fn a_stopped_engine_lets_go_of_its_store() {
    let site = Site::new(Life::Locked).await;
    let (handler, _ear) = works();
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    site.reaches(id, State::Completed).await;
    let Site { dir, clock, store, jobs } = site;
    jobs.stop(LONG).await;
    store.close().await;
    drop((jobs, store));
    let again = polled("the directory is free", async || match crate::support::open(dir.path(), &clock) {
        Err(StoreError::Locked(_)) => None,
        opened => Some(opened.expect("opened")),
    });
    let jobs = engine(&again.await, &clock, Life::Locked).await;
    assert_eq!(jobs.find(id).await.expect("read").map(|job| job.state), Some(State::Completed));
}
