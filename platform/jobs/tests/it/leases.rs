//! A process that dies, and the next one on the same data directory. Facts §3d, tests 7 and 8.

use std::path::Path;

use jobs::state::State;
use jobs::{Handler, Jobs, Kind, Life, NewJob};
use kernel::Clock;
use store::StoreError;
use tokio::runtime::Runtime;

use crate::support::{Ear, LONG, PLAIN, START_MS, Site, engine, held, open, until, watched, works};

/// An engine with a runtime of its own, which can die.
struct Process {
    runtime: Runtime,
    site: Site,
}

impl Process {
    fn begin(clock: &Clock, dir: tempfile::TempDir) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let (store, jobs) = runtime.block_on(async {
            let store = opened(dir.path(), clock).await;
            let jobs = engine(&store, clock, Life::Locked).await;
            (store, jobs)
        });
        Self { runtime, site: Site { dir, clock: clock.clone(), store, jobs } }
    }

    fn serve(&self, kind: Kind, handler: Handler, concurrency: usize) {
        self.runtime.block_on(async { self.site.jobs.serve(vec![(kind, handler)], concurrency) });
    }

    fn next(&self, ear: &mut Ear) -> (i64, u32) {
        self.runtime.block_on(ear.next())
    }

    /// Drops every task wherever it is; nothing is given back.
    fn dies(self) -> tempfile::TempDir {
        let Site { dir, store, jobs, .. } = self.site;
        drop((store, jobs));
        self.runtime.shutdown_timeout(LONG);
        dir
    }
}

async fn opened(dir: &Path, clock: &Clock) -> store::Store {
    crate::support::polled("the dead process let go of its files", async || match open(dir, clock) {
        Err(StoreError::Locked(_)) => None,
        opened => Some(opened.expect("opened")),
    })
    .await
}

fn clock_and_dir() -> (Clock, tempfile::TempDir) {
    (Clock::manual(START_MS), tempfile::tempdir().expect("a directory"))
}

fn states(jobs: &Jobs, runtime: &Runtime, ids: &[i64]) -> Vec<(State, u32, Option<String>)> {
    let row = |id: &i64| runtime.block_on(jobs.find(*id)).expect("read").expect("there");
    ids.iter().map(row).map(|row| (row.state, row.attempt, row.last_error)).collect()
}

#[test]
fn the_next_process_takes_back_at_once_what_was_executing() {
    let (clock, dir) = clock_and_dir();
    let first = Process::begin(&clock, dir);
    let (handler, mut ear, gate) = held(|_| Ok(()));
    first.serve(PLAIN, handler, 3);
    let enqueue = |job: NewJob| first.runtime.block_on(first.site.enqueue(job));
    let done = enqueue(NewJob::new(PLAIN, &"done"));
    assert_eq!(first.next(&mut ear), (done, 1));
    gate.add_permits(1);
    first.runtime.block_on(first.site.reaches(done, State::Completed));
    let caught = [enqueue(NewJob::new(PLAIN, &1)), enqueue(NewJob::new(PLAIN.attempts(1), &2))];
    assert_eq!(begun(&first, &mut ear, 2), caught);
    let delayed = enqueue(NewJob::new(PLAIN, &3).at(START_MS + 1));
    let dir = first.dies();

    let second = Process::begin(&clock, dir);
    let died = || Some("the worker died".to_owned());
    assert_eq!(
        states(&second.site.jobs, &second.runtime, &[done, caught[0], caught[1], delayed]),
        [
            (State::Completed, 1, None),
            (State::Available, 1, died()),
            (State::Discarded, 1, died()),
            (State::Scheduled, 0, None)
        ]
    );
    let (handler, mut ear) = works();
    second.serve(PLAIN, handler, 3);
    assert_eq!(second.next(&mut ear), (caught[0], 2));
    second.runtime.block_on(second.site.reaches(caught[0], State::Completed));
}

#[test]
fn a_job_that_kills_its_process_each_time_ends_as_a_dead_letter() {
    let (clock, mut dir) = clock_and_dir();
    let mut id = 0;
    for attempt in 1..=3 {
        let process = Process::begin(&clock, dir);
        if attempt == 1 {
            id = process.runtime.block_on(process.site.enqueue(NewJob::new(PLAIN.attempts(3), &())));
        }
        let (handler, mut ear, _gate) = held(|_| Ok(()));
        process.serve(PLAIN, handler, 3);
        assert_eq!(process.next(&mut ear), (id, attempt));
        dir = process.dies();
    }
    let last = Process::begin(&clock, dir);
    let died = Some("the worker died".to_owned());
    assert_eq!(states(&last.site.jobs, &last.runtime, &[id]), [(State::Discarded, 3, died)]);
}

/// What waits in memory for a slot has been claimed, and a death costs it an attempt; it must not be its last one.
#[test]
fn no_job_is_discarded_that_never_began() {
    let (clock, dir) = clock_and_dir();
    let first = Process::begin(&clock, dir);
    let enqueue = |n: usize| first.runtime.block_on(first.site.enqueue(NewJob::new(PLAIN.attempts(1), &n)));
    let ids: Vec<i64> = (0..12).map(enqueue).collect();
    let (handler, mut ear, gate) = held(|_| Ok(()));
    first.serve(PLAIN, handler, 2);
    gate.add_permits(3);
    assert_eq!(begun(&first, &mut ear, 5), ids[..5]);
    let (jobs, three) = (&first.site.jobs, async || jobs_in(&first.site.jobs, "completed").await == 3);
    first.runtime.block_on(until(jobs, "three are done", async || three().await.then_some(())));
    let dir = first.dies();
    let second = Process::begin(&clock, dir);
    let count = |state| second.runtime.block_on(jobs_in(&second.site.jobs, state));
    assert_eq!((count("completed"), count("discarded"), count("available")), (3, 2, 7));
    for (state, attempt, _) in states(&second.site.jobs, &second.runtime, &ids[5..]) {
        assert_eq!((state, attempt), (State::Available, 0));
    }
    let (handler, mut ear) = works();
    second.serve(PLAIN, handler, 2);
    assert_eq!(begun(&second, &mut ear, 7), ids[5..]);
}

/// Which jobs begin next, in the order of their numbers: with several slots they begin in any.
fn begun(process: &Process, ear: &mut Ear, count: usize) -> Vec<i64> {
    let mut ids: Vec<i64> = (0..count).map(|_| process.next(ear).0).collect();
    ids.sort_unstable();
    ids
}

async fn jobs_in(jobs: &Jobs, state: &str) -> i64 {
    jobs.counts().await.expect("read")[state]
}

#[tokio::test]
async fn a_dead_worker_is_found_behind_many_others() {
    let site = Site::new(Life::Renewed).await;
    let many = "INSERT INTO job_leases (holder, started_at_ms, renewed_at_ms)
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 250) SELECT 'dead', 0, 0 FROM n";
    assert_eq!(site.run_sql(many).await, 250);
    let id = site.enqueue(NewJob::new(PLAIN, &())).await;
    let taken = "UPDATE jobs SET state = 2, attempt = 1, claims = 1, lease = (SELECT MAX(lease) FROM job_leases)";
    assert_eq!(site.run_sql(taken).await, 1);
    assert_eq!(watched(&site.jobs, &site.store).await, 1);
    assert_eq!(site.row(id).await.state, State::Available);
    assert_eq!(site.run_sql("DELETE FROM job_leases").await, 1, "the dead are forgotten");
}
