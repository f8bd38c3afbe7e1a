//! The engine's SQL and its memory of lanes, held against the plain model: random stories of many workers, clocks that jump,
//! deaths, orders, dependencies, batches, limits and pauses, compared after every step.
//!
//! `MAINSPRING_SEED` repeats a run, `MAINSPRING_STORIES` asks for more than the usual number. `fleet.rs` does the same for what is
//! decided by time, without a store: who lives.

mod arrivals;
mod fleet;
mod model;
mod news;
mod plans;
mod play;
mod steps;

use kernel::{Clock, Entropy};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use store::{Durability, Store, StoreError, params};

use self::play::tell;
use self::steps::any_step;
use crate::claim::{Ask, Lane, Place, claim};
use crate::policy::QueuePolicy;
use crate::store::{self as sql, Effects};

/// One store for all stories: each is one transaction, which clears up at its end or is rolled back.
struct Floor {
    _dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    store: Store,
}

fn floor() -> Floor {
    let dir = tempfile::tempdir().expect("a directory");
    let (clock, entropy) = (Clock::manual(0), Entropy::seeded(0));
    let store = testkit::open(dir.path(), Durability::Normal, crate::MIGRATIONS, &clock, &entropy).expect("opened");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    Floor { _dir: dir, runtime, store }
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// A failure prints its shortest story.
#[test]
fn the_engine_does_what_the_model_says() {
    let Floor { _dir, runtime, store } = floor();
    let seed = asked("MAINSPRING_SEED").unwrap_or_else(|| Entropy::system().u64());
    println!("MAINSPRING_SEED={seed}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let cases = asked("MAINSPRING_STORIES").and_then(|cases| cases.try_into().ok()).unwrap_or(1_700);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let stories = prop::collection::vec(any_step(), 1..120);
    let told = TestRunner::new_with_rng(config, rng)
        .run(&stories, |story| runtime.block_on(store.write_relaxed(async move |tx| tell(tx, story).await)));
    told.unwrap_or_else(|failure| panic!("MAINSPRING_SEED={seed}: {failure}"));
}

#[test]
fn leases_are_taken_from_the_silent_and_come_back_by_renewing() {
    let Floor { _dir, runtime, store } = floor();
    let told: Result<(), StoreError> = runtime.block_on(store.write(async |tx| {
        let mut effects = Effects::default();
        let (one, two) = (sql::leases::take(tx, "one", 1000).await?, sql::leases::take(tx, "two", 5000).await?);
        assert_eq!(sql::leases::others(tx, two).await?, [(one, 1000)], "never its own");
        assert!(sql::leases::renew(tx, one, "one", 1000).await?, "its clock stands still");
        assert!(sql::leases::renew(tx, one, "one", 7).await?, "and is set back");
        assert_eq!(sql::leases::others(tx, two).await?, [(one, 1002)], "yet it is seen to live");
        assert!(!sql::leases::bury(tx, (one, 1000)).await?, "it has written since");
        let guest = sql::leases::take_until(tx, "a guest", "nonce", 1000, 2000).await?;
        assert_eq!(sql::leases::others(tx, two).await?.len(), 1, "it ends by itself");
        assert!(!sql::leases::bury(tx, (guest, 1000)).await?);
        assert_eq!(sql::leases::end(tx, 1999).await?, [0i64; 0], "its time is not over");
        assert!(!sql::leases::extend(tx, guest, "guess", 1999, 9000).await?, "only who has the nonce");
        assert!(sql::leases::extend(tx, guest, "nonce", 1999, 9000).await?);
        assert_eq!(sql::leases::end(tx, 2000).await?, [0i64; 0]);
        assert_eq!(sql::leases::end(tx, 9000).await?, [guest]);
        assert!(!sql::leases::is_held(tx, guest, "nonce").await?);
        assert!(sql::leases::bury(tx, (one, 1002)).await? && !sql::leases::bury(tx, (one, 1002)).await?);
        // It did not know that it was dead, and claimed.
        let job = |state: i32, lease: Option<i64>| {
            format!(
                "INSERT INTO jobs (queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms, created_at_ms,
                     lease, args, errors) VALUES ('q', 'k', {state}, 0, {0}, 1, {0}, 0, 0, {1}, 'null', '[]')",
                state / 2,
                lease.map_or("NULL".to_owned(), |lease| lease.to_string())
            )
        };
        tx.execute(&job(2, Some(one)), &[]).await?;
        assert_eq!(sql::leases::unheld(tx, two).await?, [one], "nobody holds it");
        assert!(!sql::leases::renew(tx, one, "one", 6000).await?, "it is told that it was away");
        assert_eq!(sql::leases::unheld(tx, two).await?, [0i64; 0], "it lives again");
        assert_eq!(sql::leases::executing(tx, one).await?.len(), 1);
        assert_eq!(sql::crash(tx, one, 10, 7000, &mut effects).await?, (0, 1));
        let errors: Vec<(String,)> = tx.all("SELECT errors FROM jobs WHERE state = 6", params![]).await?;
        assert_eq!(errors[0].0, r#"[{"attempt":1,"at_ms":7000,"message":"the worker died"}]"#);
        tx.execute(&job(0, None), &[]).await?;
        sql::leases::forget(tx, one).await?;
        let ask = Ask {
            queue: "q".to_owned(),
            lease: one,
            want: 10,
            free: 10,
            now_ms: 7000,
            declared: QueuePolicy::default(),
            places: vec![Place { lane: Lane { priority: 0, kind: "k".to_owned(), key: String::new() }, from: 0 }],
        };
        assert!(claim(tx, &ask).await?.jobs.is_empty(), "the dead claim nothing");
        sql::leases::renew(tx, one, "one", 7000).await?;
        assert_eq!(claim(tx, &ask).await?.jobs.len(), 1);
        Err(StoreError::Closed)
    }));
    assert!(matches!(told, Err(StoreError::Closed)), "rolled back: {told:?}");
}
