//! Who lives: leases that are renewed and watched, whatever the clocks say. The processes' own time is the runtime's, which the
//! tests move; their wall clocks stand where the tests put them.

use std::time::Duration;

use jobs::state::State;
use jobs::{Jobs, Kind, Life, NewJob};
use kernel::{Clock, limits};
use store::{Store, StoreError, params};
use tokio::time::Instant;

use crate::support::{
    Figures, LONG, PLAIN, START_MS, Site, answered, engine, heard, held, new_id, open, open_again, pass, polled, works,
};

/// Another process of the fleet, with a clock of its own.
async fn another(site: &Site, off_ms: i64) -> (Store, Jobs, Clock) {
    let clock = Clock::manual(START_MS + off_ms);
    let store = open_again(&site.store, site.dir.path(), &clock);
    let jobs = engine(&store, &clock, Life::Renewed).await;
    (store, jobs, clock)
}

/// Statements after which nobody can write into this lease, and after which they can again.
fn stuck(lease: i64) -> [String; 2] {
    if testkit::on_postgres() {
        [
            format!("ALTER TABLE job_leases ADD CONSTRAINT stuck CHECK (lease <> {lease}) NOT VALID"),
            "ALTER TABLE job_leases DROP CONSTRAINT stuck".to_owned(),
        ]
    } else {
        [
            format!(
                "CREATE TRIGGER stuck BEFORE UPDATE ON job_leases WHEN NEW.lease = {lease}
                     BEGIN SELECT RAISE(ABORT, 'stuck'); END"
            ),
            "DROP TRIGGER stuck".to_owned(),
        ]
    }
}

async fn leases(store: &Store) -> Vec<i64> {
    let read: Result<Vec<(i64,)>, StoreError> =
        store.read(async |tx| tx.all("SELECT lease FROM job_leases ORDER BY lease", params![]).await).await;
    read.expect("read").into_iter().map(|(lease,)| lease).collect()
}

#[tokio::test]
async fn clocks_that_are_minutes_apart_rob_nobody() {
    let site = Site::new(Life::Renewed).await;
    let (store, other, clock) = another(&site, 300_000).await;
    let (third_store, third, _) = another(&site, -300_000).await;
    let mut ears = Vec::new();
    // Each serves a queue of its own, so that none claims ahead what another is to run.
    let kinds = [PLAIN, Kind::new("other").on("other"), Kind::new("third").on("third")];
    for (jobs, kind) in [&site.jobs, &other, &third].into_iter().zip(kinds) {
        let (handler, mut ear, gate) = held(|_| Ok(()));
        jobs.serve(vec![(kind, handler)], 1);
        let id = new_id(jobs.enqueue_now(NewJob::new(kind, &())).await.expect("enqueued"));
        assert_eq!(ear.next().await, (id, 1));
        ears.push((id, ear, gate));
    }
    let stores = [&site.store, &store, &third_store];
    for jump_ms in [-600_000, 600_000, 0, -86_400_000, 300_000] {
        clock.advance(jump_ms);
        pass(&stores, 6_000).await;
    }
    assert_eq!(leases(&site.store).await.len(), 3, "all of them live");
    for (id, mut ear, gate) in ears {
        assert!(ear.rest().is_empty(), "it did not begin again");
        gate.add_permits(1);
        assert_eq!(site.settled(id).await, (State::Completed, 1));
    }
}

/// Killed, not stopped: nothing is given back.
#[test]
fn the_jobs_of_a_killed_process_run_again_within_fifteen_seconds_and_not_before_its_lease_is_over() {
    let (dir, clock) = (tempfile::tempdir().expect("a directory"), Clock::manual(START_MS));
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let store = open(dir.path(), &clock).expect("opened");
    let (killed, heir) = (runtime(), runtime());
    let others = open_again(&store, dir.path(), &clock);
    let jobs = heir.block_on(async {
        let jobs = engine(&others, &clock, Life::Renewed).await;
        jobs.attend();
        jobs
    });
    let caught = killed.block_on(async {
        let jobs = engine(&store, &clock, Life::Renewed).await;
        let (handler, mut ear, _gate) = held(|_| Ok(()));
        jobs.serve(vec![(PLAIN, handler)], 3);
        let mut caught = Vec::new();
        for n in 0..3 {
            caught.push(new_id(jobs.enqueue_now(NewJob::new(PLAIN, &n)).await.expect("enqueued")));
            ear.next().await;
        }
        caught
    });
    drop(killed);
    heir.block_on(async {
        let killed_at = Instant::now();
        let (handler, mut ear) = works();
        jobs.serve(vec![(PLAIN, handler)], 9);
        let mut begun: Vec<i64> = Vec::new();
        while begun.len() < caught.len() {
            pass(&[&others], 250).await;
            answered(&[&others, &others]).await;
            begun.extend(ear.rest().into_iter().map(|(id, _)| id));
            let silence = killed_at.elapsed();
            assert!(silence < Duration::from_secs(15), "{begun:?} of {caught:?} after {silence:?}");
            assert!(begun.is_empty() || silence > Duration::from_secs(11), "it might have lived: {silence:?}");
        }
        begun.sort_unstable();
        assert_eq!(begun, caught);
        jobs.stop(LONG).await;
    });
}

/// The database answers everybody but one.
#[tokio::test]
async fn a_process_that_cannot_renew_ends_what_it_runs_before_others_may_begin_it() {
    let figures = Figures::default();
    let _guard = metrics::set_default_local_recorder(&figures);
    let site = Site::new(Life::Renewed).await;
    let (store, other, _) = another(&site, 0).await;
    let (say, mut ended) = tokio::sync::mpsc::unbounded_channel();
    struct Ends(tokio::sync::mpsc::UnboundedSender<Instant>);
    impl Drop for Ends {
        fn drop(&mut self) {
            let _ = self.0.send(Instant::now());
        }
    }
    let (handler, mut ear) = heard(move |_| {
        let ends = Ends(say.clone());
        async move {
            let _ends = ends;
            std::future::pending().await
        }
    });
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    assert_eq!(ear.next().await, (id, 1));
    // It is claimed ahead of a free slot.
    let ahead = site.enqueue(NewJob::new(PLAIN, &())).await;
    polled("it is claimed", async || (site.row(ahead).await.state == State::Executing).then_some(())).await;
    pass(&[&site.store, &store], 2_000).await;
    let [break_it, mend_it] = stuck(site.jobs.lease());
    site.run_sql(break_it).await;
    let broken_at = Instant::now();
    while figures.of("jobs_fenced_total") == 0 {
        assert!(ended.try_recv().is_err(), "not before it must");
        pass(&[&site.store, &store], 250).await;
    }
    let ended_at = tokio::time::timeout(LONG, ended.recv()).await.expect("it is ended").expect("and says so");
    let lease = Duration::from_millis(limits::LEASE_MS as u64);
    assert!(ended_at.duration_since(broken_at) < lease - Duration::from_secs(1), "{:?}", ended_at - broken_at);
    let last = site.reaches(id, State::Retryable).await;
    assert_eq!(last.last_error.as_deref(), Some("its process could not renew its lease"));
    // Nothing begins there any more; elsewhere it does.
    let late = site.enqueue(NewJob::new(PLAIN, &())).await;
    assert_eq!(site.row(late).await.state, State::Available);
    let (handler, mut others_ear) = works();
    other.serve(vec![(PLAIN, handler)], 4);
    assert_eq!(others_ear.next().await, (late, 1));
    let mut silent_ms = 0;
    while others_ear.rest().first() != Some(&(ahead, 2)) {
        pass(&[&site.store, &store], 250).await;
        silent_ms += 250;
        assert!(silent_ms < 15_000, "what it had claimed is taken from it");
    }
    assert!(ear.rest().is_empty(), "it has begun nothing");
    // And it goes on when it can.
    other.stop(LONG).await;
    site.run_sql(mend_it).await;
    let next = site.enqueue(NewJob::new(PLAIN, &())).await;
    pass(&[&site.store], 1_000).await;
    assert_eq!(ear.next().await, (next, 1));
}

/// Nobody could renew, so nobody's silence means anything.
#[tokio::test]
async fn when_the_database_was_away_nobody_is_robbed() {
    let site = Site::new(Life::Renewed).await;
    let (store, other, _) = another(&site, 0).await;
    let (handler, mut ear, gate) = held(|_| Ok(()));
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    other.attend();
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    assert_eq!(ear.next().await, (id, 1));
    pass(&[&site.store, &store], 4_000).await;
    let away = if testkit::on_postgres() {
        [
            "ALTER TABLE job_leases ADD CONSTRAINT away CHECK (lease < 0) NOT VALID",
            "ALTER TABLE job_leases DROP CONSTRAINT away",
        ]
    } else {
        ["CREATE TRIGGER away BEFORE UPDATE ON job_leases BEGIN SELECT RAISE(ABORT, 'away'); END", "DROP TRIGGER away"]
    };
    site.run_sql(away[0]).await;
    pass(&[&site.store, &store], 60_000).await;
    let failed = site.reaches(id, State::Retryable).await;
    assert_eq!(failed.attempt, 1, "it was ended, as nobody knew");
    site.run_sql(away[1]).await;
    pass(&[&site.store, &store], 20_000).await;
    let mut wanted = vec![site.jobs.lease(), other.lease()];
    wanted.sort_unstable();
    assert_eq!(leases(&site.store).await, wanted, "both live");
    site.clock.advance(60_000);
    site.jobs.wake();
    assert_eq!(ear.next().await, (id, 2));
    gate.add_permits(1);
    assert_eq!(site.settled(id).await, (State::Completed, 2));
}

/// The lease is needed for as long as something runs, and not longer.
#[tokio::test]
async fn a_process_that_stops_keeps_its_lease_until_its_last_attempt_has_ended() {
    let site = Site::new(Life::Renewed).await;
    let (store, other, _) = another(&site, 0).await;
    let (handler, mut ear, gate) = held(|_| Ok(()));
    site.jobs.serve(vec![(PLAIN, handler)], 1);
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    assert_eq!(ear.next().await, (id, 1));
    let (theirs, mut others_ear) = works();
    other.serve(vec![(PLAIN, theirs)], 1);
    let stopping = tokio::spawn({
        let jobs = site.jobs.clone();
        async move { jobs.stop(Duration::from_secs(60)).await }
    });
    pass(&[&site.store, &store], 30_000).await;
    assert!(others_ear.rest().is_empty() && !stopping.is_finished());
    gate.add_permits(1);
    stopping.await.expect("stopped");
    assert_eq!(site.settled(id).await, (State::Completed, 1));
    assert_eq!(leases(&site.store).await, [other.lease()], "its lease is given up");
}

/// The connection broke at the commit of a claim: the jobs are ours, and nothing here knows of them.
#[tokio::test]
async fn jobs_whose_claim_was_never_answered_go_back_and_others_do_not() {
    let site = Site::new(Life::Renewed).await;
    let (handler, mut ear, gate) = held(|_| Ok(()));
    site.jobs.serve(vec![(PLAIN, handler)], 2);
    let long = site.enqueue(NewJob::new(PLAIN, &())).await;
    assert_eq!(ear.next().await, (long, 1));
    let lost = site.enqueue(NewJob::new(PLAIN, &()).at(START_MS + 60_000)).await;
    let claimed = format!(
        "UPDATE jobs SET state = 2, attempt = 1, claims = 1, run_at_ms = 0, lease = {} WHERE id = {lost}",
        site.jobs.lease()
    );
    assert_eq!(site.run_sql(claimed).await, 1);
    pass(&[&site.store], 10_000).await;
    assert_eq!(ear.next().await, (lost, 1), "it had not begun, so that counts for nothing");
    gate.add_permits(2);
    for id in [long, lost] {
        assert_eq!(site.settled(id).await, (State::Completed, 1));
    }
    assert!(ear.rest().is_empty(), "the other one was let alone");
}

#[tokio::test]
async fn a_dead_process_loses_all_it_had_and_two_that_take_it_do_so_once() {
    let site = Site::new(Life::Renewed).await;
    let (store, other, _) = another(&site, 0).await;
    let dead: Result<(i64,), StoreError> = site
        .store
        .write(async |tx| {
            let sql =
                "INSERT INTO job_leases (holder, started_at_ms, renewed_at_ms) VALUES ('dead', 0, 0) RETURNING lease";
            tx.one(sql, params![]).await
        })
        .await;
    let had = format!(
        "INSERT INTO jobs (queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms, created_at_ms, lease, args,
             errors)
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2500)
         SELECT 'default', 'plain', 2, 0, 1, 20, 1, 0, 0, {}, 'null', '[]' FROM n",
        dead.expect("written").0
    );
    assert_eq!(site.run_sql(had).await, 2_500);
    let mut rescued = 0;
    for _ in 0..14 {
        let (one, two) = tokio::join!(site.jobs.rescue(), other.rescue());
        rescued += one.expect("written") + two.expect("written");
        pass(&[&site.store, &store], 1_000).await;
    }
    assert_eq!((rescued, site.jobs.counts().await.expect("read")["available"]), (2_500, 2_500));
    answered(&[&site.store, &store]).await;
    assert_eq!(leases(&site.store).await.len(), 2);
}
