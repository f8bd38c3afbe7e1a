//! Holds the SQL of `store.rs` against the pure model of `state.rs`: random stories, compared after every step.

use std::collections::BTreeMap;

use kernel::{Clock, Entropy};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use store::{Durability, Store, StoreError, Tx, params};

use crate::state::{Command, Outcome, Record, State};
use crate::store::{self as sql, Insert, Settlement};

/// One store for all stories: each is one transaction, which clears up at its end or is rolled back.
struct Floor {
    _dir: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
    store: Store,
}

fn floor() -> Floor {
    let dir = tempfile::tempdir().expect("a directory");
    let (clock, entropy) = (Clock::manual(0), Entropy::seeded(0));
    let store = Store::embedded(dir.path(), Durability::Normal, crate::MIGRATIONS, &clock, &entropy).expect("opened");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    Floor { _dir: dir, runtime, store }
}

/// Jobs are chosen by a number that is taken modulo the jobs there are, claims by how old they are (0: the newest).
#[derive(Clone, Debug)]
enum Step {
    Insert { delay: i64, priority: i16, max_attempts: u32, key: Option<u8>, lease: Option<i64> },
    Promote,
    Claim { lease: i64, limit: usize },
    Settle { job: usize, lease: i64, stale: u32, outcome: Outcome },
    HandBack { job: usize, lease: i64, stale: u32 },
    PutOff { job: usize, lease: i64, stale: u32, delay: i64 },
    Crash { lease: i64 },
    Cancel { job: usize },
    RunNow { job: usize },
    Clock { by: i64 },
}

fn any_step() -> impl Strategy<Value = Step> {
    let (job, lease) = (0..8usize, 1..4i64);
    let stale = prop_oneof![5 => Just(0u32), 1 => 1..3u32];
    let outcome = prop_oneof![
        2 => Just(Outcome::Complete),
        1 => Just(Outcome::Discard),
        3 => (0..3000i64).prop_map(Outcome::RetryAt)
    ];
    let key = prop_oneof![Just(None), (0..2u8).prop_map(Some)];
    let claimed = prop_oneof![2 => Just(None), 1 => (1..4i64).prop_map(Some)];
    prop_oneof![
        4 => (-500..2000i64, -1..2i16, 1..4u32, key, claimed)
            .prop_map(|(delay, priority, max_attempts, key, lease)| Step::Insert { delay, priority, max_attempts, key, lease }),
        2 => Just(Step::Promote),
        6 => (lease.clone(), 1..4usize).prop_map(|(lease, limit)| Step::Claim { lease, limit }),
        6 => (job.clone(), lease.clone(), stale.clone(), outcome)
            .prop_map(|(job, lease, stale, outcome)| Step::Settle { job, lease, stale, outcome }),
        1 => (job.clone(), lease.clone(), stale.clone())
            .prop_map(|(job, lease, stale)| Step::HandBack { job, lease, stale }),
        1 => (job.clone(), lease.clone(), stale, 0..3000i64)
            .prop_map(|(job, lease, stale, delay)| Step::PutOff { job, lease, stale, delay }),
        1 => lease.prop_map(|lease| Step::Crash { lease }),
        1 => job.clone().prop_map(|job| Step::Cancel { job }),
        2 => job.prop_map(|job| Step::RunNow { job }),
        3 => (-2000..3000i64).prop_map(|by| Step::Clock { by }),
    ]
}

#[derive(Default)]
struct Model {
    now_ms: i64,
    jobs: BTreeMap<i64, (Record, i16, Option<String>)>,
}

impl Model {
    fn id(&self, job: usize) -> Option<i64> {
        self.jobs.keys().nth(job.checked_rem(self.jobs.len())?).copied()
    }

    /// Applies the command to one job; whether the model takes it.
    fn apply(&mut self, id: i64, command: &Command) -> bool {
        let Some((record, ..)) = self.jobs.get_mut(&id) else { return false };
        let next = record.apply(command, self.now_ms);
        next.map(|next| *record = next).is_ok()
    }

    fn claim_of(&self, id: i64, stale: u32) -> u32 {
        self.jobs[&id].0.claims.saturating_sub(stale)
    }

    fn unfinished_with(&self, key: &Option<String>) -> Option<i64> {
        let same = |job: &(Record, i16, Option<String>)| key.is_some() && job.2 == *key && !job.0.state.is_end();
        self.jobs.iter().find(|(_, job)| same(job)).map(|(id, _)| *id)
    }

    fn ids(&self, wanted: impl Fn(&Record) -> bool) -> Vec<i64> {
        self.jobs.iter().filter(|(_, job)| wanted(&job.0)).map(|(id, _)| *id).collect()
    }
}

async fn insert(tx: &mut Tx, model: &mut Model, step: Insert) -> Result<(), TestCaseError> {
    let known = model.unfinished_with(&step.unique_key);
    let inserted = sql::insert(tx, &step).await?;
    prop_assert_eq!(inserted.is_none(), known.is_some());
    let Some(id) = inserted else {
        let key = step.unique_key.unwrap_or_default();
        prop_assert_eq!(sql::find_unique(tx, step.kind, &key).await?, known);
        return Ok(());
    };
    let record = Record::enqueued(step.run_at_ms, step.max_attempts, step.now_ms);
    prop_assert!(
        model.jobs.insert(id, (record, step.priority, step.unique_key)).is_none(),
        "a number is given out once"
    );
    if let Some(lease) = step.lease {
        model.apply(id, &Command::Claim { lease });
    }
    Ok(())
}

async fn take(tx: &mut Tx, model: &mut Model, step: Step) -> Result<(), TestCaseError> {
    let now_ms = model.now_ms;
    match step {
        Step::Insert { delay, priority, max_attempts, key, lease } => {
            let (run_at_ms, due) = (now_ms + delay, delay <= 0);
            let state = if due { State::Available } else { State::Scheduled };
            let unique_key = key.map(|key| key.to_string());
            let (event_position, trace, args) = (None, None, "null".to_owned());
            let lease = lease.filter(|_| due);
            let (queue, kind) = ("q", "k");
            let job = Insert {
                queue,
                kind,
                state,
                priority,
                max_attempts,
                run_at_ms,
                now_ms,
                lease,
                unique_key,
                event_position,
                trace,
                args,
            };
            insert(tx, model, job).await?;
        }
        Step::Promote => {
            let due = model.ids(|record| record.apply(&Command::Promote, now_ms).is_ok());
            prop_assert_eq!(sql::promote(tx, now_ms, 1000).await?.len(), due.len());
            for id in due {
                model.apply(id, &Command::Promote);
            }
            let next = model.ids(|record| matches!(record.state, State::Scheduled | State::Retryable));
            let next = next.into_iter().map(|id| model.jobs[&id].0.run_at_ms).min();
            prop_assert_eq!(sql::next_due(tx).await?, next);
        }
        Step::Claim { lease, limit } => {
            let mut wanted = model.ids(|record| record.state == State::Available);
            wanted.sort_by_key(|id| (model.jobs[id].1, *id));
            wanted.truncate(limit);
            let claimed = sql::claim(tx, "q", lease, limit, now_ms).await?;
            prop_assert_eq!(claimed.iter().map(|job| job.id).collect::<Vec<_>>(), wanted);
            for job in claimed {
                let claim = Command::Claim { lease };
                prop_assert!(model.apply(job.id, &claim));
                let record = &model.jobs[&job.id].0;
                prop_assert_eq!((job.attempt, job.claim), (record.attempt, record.claims));
            }
        }
        Step::Crash { lease } => {
            let (again, last) = sql::crash(tx, lease, 1000, now_ms).await?;
            let held = model.ids(|record| record.lease == Some(lease));
            prop_assert_eq!(again + last, held.len() as u64);
            for id in held {
                model.apply(id, &Command::Crash { lease });
            }
        }
        Step::Clock { by } => model.now_ms += by,
        Step::Settle { job, .. }
        | Step::HandBack { job, .. }
        | Step::PutOff { job, .. }
        | Step::Cancel { job }
        | Step::RunNow { job } => {
            if let Some(id) = model.id(job) {
                take_on(tx, model, id, step).await?;
            }
        }
    }
    Ok(())
}

/// The steps that concern one job: the SQL refuses exactly what the model refuses.
async fn take_on(tx: &mut Tx, model: &mut Model, id: i64, step: Step) -> Result<(), TestCaseError> {
    let now_ms = model.now_ms;
    let (done, command) = match step {
        Step::Settle { lease, stale, outcome, .. } => {
            let claim = model.claim_of(id, stale);
            let it = Settlement { id, claim, outcome, errors: "[]".to_owned() };
            (sql::settle(tx, lease, &it, now_ms).await?, Command::Settle { lease, claim, outcome })
        }
        Step::HandBack { lease, stale, .. } => {
            let claim = model.claim_of(id, stale);
            (sql::hand_back(tx, lease, id, claim).await?, Command::HandBack { lease, claim })
        }
        Step::PutOff { lease, stale, delay, .. } => {
            let (claim, until_ms) = (model.claim_of(id, stale), now_ms + delay);
            (sql::put_off(tx, lease, id, claim, until_ms).await?, Command::PutOff { lease, claim, until_ms })
        }
        Step::Cancel { .. } => (sql::cancel(tx, id, now_ms).await?, Command::Cancel),
        _ => {
            let (record, _, key) = &model.jobs[&id];
            let taken = record.state.is_end() && model.unfinished_with(key).is_some();
            let done = sql::run_now(tx, id, now_ms).await?.is_some();
            prop_assert!(!(taken && done), "a revived job broke into a taken key");
            if taken {
                return Ok(());
            }
            (done, Command::RunNow)
        }
    };
    prop_assert_eq!(done, model.apply(id, &command), "{:?}", command);
    Ok(())
}

type Seen = (i64, bool, i64, u32, u32, u32, Option<i64>, i64);

async fn compare(tx: &mut Tx, model: &Model) -> Result<(), TestCaseError> {
    let columns = "state, attempt, max_attempts, claims";
    let both = format!(
        "SELECT id, 0, {columns}, lease, run_at_ms FROM jobs
         UNION ALL SELECT id, 1, {columns}, NULL, run_at_ms FROM jobs_finished ORDER BY id"
    );
    let stored: Vec<Seen> = tx.all(&both, &[]).await?;
    let wanted: Vec<Seen> = model
        .jobs
        .iter()
        .map(|(id, (r, ..))| {
            let state = i64::from(r.state.number());
            (*id, r.state.is_end(), state, r.attempt, r.max_attempts, r.claims, r.lease, r.run_at_ms)
        })
        .collect();
    prop_assert_eq!(stored, wanted);
    Ok(())
}

async fn tell(tx: &mut Tx, story: Vec<Step>) -> Result<(), TestCaseError> {
    let mut model = Model { now_ms: 10_000, ..Model::default() };
    for lease in 1..4 {
        sql::renew_lease(tx, lease, "a worker", model.now_ms).await?;
    }
    for step in story {
        let said = format!("{step:?}");
        take(tx, &mut model, step).await?;
        compare(tx, &model).await.map_err(|error| TestCaseError::fail(format!("after {said}: {error}")))?;
    }
    tx.execute("DELETE FROM jobs", &[]).await?;
    tx.execute("DELETE FROM jobs_finished", &[]).await?;
    Ok(())
}

/// A failure prints its shortest story, and its seed is kept beside this crate.
#[test]
fn the_sql_does_what_the_model_says() {
    let Floor { _dir, runtime, store } = floor();
    let config = ProptestConfig { cases: 1500, source_file: Some(file!()), ..ProptestConfig::default() };
    let stories = prop::collection::vec(any_step(), 1..60);
    let told = TestRunner::new(config)
        .run(&stories, |story| runtime.block_on(store.write_relaxed(async move |tx| tell(tx, story).await)));
    told.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn leases_die_of_silence_and_come_back_by_renewing() {
    let Floor { _dir, runtime, store } = floor();
    let told: Result<(), StoreError> = runtime.block_on(store.write(async |tx| {
        let (one, two) = (sql::take_lease(tx, "one", 1000).await?, sql::take_lease(tx, "two", 5000).await?);
        assert_eq!(sql::dead_leases(tx, two, 1000).await?, [0i64; 0]);
        assert_eq!(sql::dead_leases(tx, two, 1001).await?, [one]);
        assert_eq!(sql::dead_leases(tx, one, i64::MAX).await?, [two], "never its own");
        sql::forget_lease(tx, one).await?;
        assert_eq!(sql::dead_leases(tx, two, i64::MAX).await?, [0i64; 0]);
        // It did not know that it was dead, and claimed.
        tx.execute(
            "INSERT INTO jobs (queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms, created_at_ms, lease,
                 args, errors)
             VALUES ('q', 'k', 2, 0, 1, 1, 1, 0, 0, $1, 'null', '[]')",
            params![one],
        )
        .await?;
        assert_eq!(sql::dead_leases(tx, two, 0).await?, [one], "nobody holds it");
        sql::renew_lease(tx, one, "one", 6000).await?;
        assert_eq!(sql::dead_leases(tx, two, 6000).await?, [0i64; 0], "it lives again");
        assert_eq!(sql::crash(tx, one, 10, 7000).await?, (0, 1));
        let job = "INSERT INTO jobs (queue, kind, state, priority, attempt, max_attempts, claims, run_at_ms, created_at_ms, args, errors)
             VALUES ('q', 'k', 0, 0, 0, 1, 0, 0, 0, 'null', '[]')";
        tx.execute(job, &[]).await?;
        sql::forget_lease(tx, one).await?;
        assert!(sql::claim(tx, "q", one, 10, 7000).await?.is_empty(), "the dead claim nothing");
        sql::renew_lease(tx, one, "one", 7000).await?;
        assert_eq!(sql::claim(tx, "q", one, 10, 7000).await?.len(), 1);
        let (errors,): (String,) = tx.one("SELECT errors FROM jobs_finished", &[]).await?;
        assert_eq!(errors, r#"[{"attempt":1,"at_ms":7000,"message":"the worker died"}]"#);
        Err(StoreError::Closed)
    }));
    assert!(matches!(told, Err(StoreError::Closed)), "rolled back: {told:?}");
}
