//! A data directory of the first release is taken over as it is.

use jobs::state::State;
use jobs::{Life, NewJob};
use kernel::{Clock, Entropy};
use store::{Durability, StoreError};

use crate::support::{PLAIN, START_MS, engine, works};

const OLD: [&str; 3] = [
    "INSERT INTO jobs (id, queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms, created_at_ms, args, errors,
         unique_key) VALUES (7, 'default', 'plain', 0, 0, 1, 20, 1, 5, 5, '\"waits\"', '[]', 'key')",
    "INSERT INTO jobs (id, queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms, created_at_ms, args, errors,
         lease) VALUES (8, 'default', 'plain', 2, 0, 1, 20, 1, 5, 5, 'null', '[]', 77)",
    "INSERT INTO jobs_finished (id, queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms, created_at_ms,
         finished_at_ms, unique_key, args, errors)
     VALUES (3, 'default', 'plain', 6, 0, 20, 20, 20, 5, 5, 9, 'key', 'null', '[{\"attempt\":20,\"at_ms\":9,\"message\":\"m\"}]')",
];

#[tokio::test]
async fn jobs_of_the_first_schema_live_on_in_the_second() {
    let dir = tempfile::tempdir().expect("a directory");
    let clock = Clock::manual(START_MS);
    let first = &jobs::MIGRATIONS[..1];
    let store = testkit::open(dir.path(), Durability::Full, first, &clock, &Entropy::seeded(1)).expect("opened");
    for sql in OLD {
        let written: Result<u64, StoreError> = store.write(async move |tx| tx.execute(sql, &[]).await).await;
        assert_eq!(written.expect("written"), 1);
    }
    store.close().await;
    drop(store);
    let store = crate::support::open(dir.path(), &clock).expect("taken over");
    let jobs = engine(&store, &clock, Life::Locked).await;
    let row = async |id: i64| jobs.find(id).await.expect("read").expect("there");
    assert_eq!((row(7).await.state, row(8).await.state), (State::Available, State::Available));
    let dead = row(3).await;
    assert_eq!((dead.state, dead.finished_at_ms, dead.last_error.as_deref()), (State::Discarded, Some(9), Some("m")));
    let same = jobs.enqueue_now(NewJob::new(PLAIN, &()).unique("key")).await.expect("enqueued");
    assert_eq!(same, jobs::Enqueued::Known(7), "the key is still held");
    assert!(!jobs.run_now(3).await.expect("written"), "and not by the dead letter");
    let (handler, mut ear) = works();
    jobs.serve(vec![(PLAIN, handler)], 1);
    assert_eq!((ear.next().await, ear.next().await), ((7, 2), (8, 2)));
}
