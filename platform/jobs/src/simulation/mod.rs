//! The engine's SQL and its memory of lanes, held against the plain model: random stories of many workers, clocks that jump,
//! deaths, orders, dependencies, batches, limits and pauses, compared after every step.
//!
//! `MAINSPRING_SEED` repeats a run, `MAINSPRING_STORIES` asks for more than the usual number.

mod arrivals;
mod model;
mod play;
mod steps;

use kernel::{Clock, Entropy};
use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use store::{Durability, Store, StoreError, params};

use self::play::tell;
use self::steps::any_step;
use crate::claim::{Ask, Lane, claim};
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
fn leases_die_of_silence_and_come_back_by_renewing() {
    let Floor { _dir, runtime, store } = floor();
    let told: Result<(), StoreError> = runtime.block_on(store.write(async |tx| {
        let mut effects = Effects::default();
        let (one, two) = (sql::leases::take(tx, "one", 1000).await?, sql::leases::take(tx, "two", 5000).await?);
        assert_eq!(sql::leases::dead(tx, two, 1000, 0).await?, [0i64; 0]);
        assert_eq!(sql::leases::dead(tx, two, 1001, 0).await?, [one]);
        assert_eq!(sql::leases::dead(tx, one, i64::MAX, 0).await?, [two], "never its own");
        let guest = sql::leases::take_until(tx, "a guest", "nonce", 1000, 2000).await?;
        assert_eq!(sql::leases::dead(tx, two, 0, 1999).await?, [0i64; 0], "its time is not over");
        assert_eq!(sql::leases::dead(tx, two, 0, 2000).await?, [guest]);
        assert!(!sql::leases::extend(tx, guest, "guess", 1999, 9000).await?, "only who has the nonce");
        assert!(sql::leases::extend(tx, guest, "nonce", 1999, 9000).await?);
        assert_eq!(sql::leases::dead(tx, two, 0, 2000).await?, [0i64; 0]);
        sql::leases::forget(tx, guest).await?;
        sql::leases::forget(tx, one).await?;
        assert_eq!(sql::leases::dead(tx, two, i64::MAX, 0).await?, [0i64; 0]);
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
        assert_eq!(sql::leases::dead(tx, two, 0, 0).await?, [one], "nobody holds it");
        sql::leases::renew(tx, one, "one", 6000).await?;
        assert_eq!(sql::leases::dead(tx, two, 6000, 0).await?, [0i64; 0], "it lives again");
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
            lanes: vec![Lane { priority: 0, kind: "k".to_owned(), key: String::new() }],
        };
        assert!(claim(tx, &ask).await?.jobs.is_empty(), "the dead claim nothing");
        sql::leases::renew(tx, one, "one", 7000).await?;
        assert_eq!(claim(tx, &ask).await?.jobs.len(), 1);
        Err(StoreError::Closed)
    }));
    assert!(matches!(told, Err(StoreError::Closed)), "rolled back: {told:?}");
}
