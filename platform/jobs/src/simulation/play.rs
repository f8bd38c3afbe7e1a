//! Plays a story on the store and on the model at once.

use std::collections::HashMap;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use store::{Tx, params};

use super::arrivals::{add_callback, insert};
use super::model::{Batch, Job, Model};
use super::steps::{KINDS, Step};
use crate::claim::{Ask, Found, Given, Lane, Place, Rate, Seen, Shut, Turns, claim};
use crate::policy::{Pausable, QueuePolicy};
use crate::state::{Command, State};
use crate::store::{self as sql, Cancelled, Effects, Settlement};

pub(super) type Told = Result<(), TestCaseError>;

/// The model, and what the engine remembers beside its tables.
pub(super) struct World {
    pub(super) model: Model,
    pub(super) turns: Turns,
    pub(super) policy: QueuePolicy,
    pub(super) queue_paused: bool,
    pub(super) kind_paused: bool,
    /// When jobs began: by key, and all of them by the empty one. Forgotten when the clock goes back or a limit is changed.
    begun: HashMap<String, Vec<i64>>,
}

impl World {
    pub(super) fn heed(&mut self, effects: Effects) {
        effects.ready.into_iter().for_each(|ready| self.turns.came(ready.place));
    }

    pub(super) fn lane(&self, id: i64) -> Lane {
        let job = &self.model.jobs[&id];
        Lane { priority: job.priority, kind: job.kind.to_owned(), key: job.key.clone() }
    }

    fn is_paused(&self, kind: &str) -> bool {
        self.queue_paused || self.kind_paused && kind == KINDS[1]
    }

    fn begins(&mut self, id: i64) -> Told {
        let (now_ms, key) = (self.model.now_ms, self.model.jobs[&id].key.clone());
        let mut rates = vec![(String::new(), self.policy.rate)];
        if !key.is_empty() {
            rates.push((key, self.policy.key_rate));
        }
        for (key, rate) in rates {
            let begun = self.begun.entry(key).or_default();
            begun.push(now_ms);
            let Some(Rate { jobs, period_ms, burst }) = rate else { continue };
            let burst = f64::from(burst.unwrap_or(jobs / 10).max(1));
            for (i, from_ms) in begun.iter().enumerate() {
                let steady = (now_ms - from_ms) as f64 * f64::from(jobs) / f64::from(period_ms);
                prop_assert!((begun.len() - i) as f64 <= burst + steady + 0.01, "the rate {rate:?} is exceeded");
            }
        }
        Ok(())
    }
}

async fn claim_some(tx: &mut Tx, world: &mut World, lease: i64, want: usize, free: usize) -> Told {
    let now_ms = world.model.now_ms;
    if world.turns.take_stale() {
        sql::places(tx, "q", None, 1000).await?.into_iter().for_each(|place| world.turns.came(place));
    }
    if !world.turns.ready(now_ms, |_| true) {
        return Ok(());
    }
    let mut look = world.turns.take(want, |_| true);
    let places = std::mem::take(&mut look.places);
    let declared = QueuePolicy::default();
    let ask = Ask { queue: "q".to_owned(), lease, want, free, now_ms, declared, places };
    let given = claim(tx, &ask).await?;
    let limited = world.policy.concurrency.is_some() || world.policy.rate.is_some();
    prop_assert!(given.jobs.len() <= want && (free > 0 || !given.only_free || given.jobs.is_empty() || !limited));
    for job in &given.jobs {
        let lane = world.lane(job.id);
        prop_assert!(!world.is_paused(&lane.kind), "it is paused");
        let older = world.model.ids(|other| {
            let same = (other.priority, other.kind, &other.key) == (lane.priority, lane.kind.as_str(), &lane.key);
            same && other.record.state == State::Available
        });
        prop_assert_eq!(older.first(), Some(&job.id), "the oldest of a lane goes first");
        let claimed = world.model.apply(job.id, &Command::Claim { lease });
        prop_assert!(claimed, "it was not available");
        let record = &world.model.jobs[&job.id].record;
        prop_assert_eq!((job.attempt, job.claim), (record.attempt, record.claims));
        world.begins(job.id)?;
    }
    let most = |limit: Option<u32>| limit.map_or(usize::MAX, |limit| limit as usize);
    if !given.jobs.is_empty() {
        prop_assert!(world.model.executing(None) <= most(world.policy.concurrency), "more run than may");
    }
    for job in given.jobs.iter().filter(|job| !job.key.is_empty()) {
        prop_assert!(world.model.executing(Some(&job.key)) <= most(world.policy.key_concurrency), "more of a key run");
    }
    verdicts(world, &ask, &given)?;
    look.places = ask.places;
    world.turns.give_back(look, given.seen, given.shut);
    Ok(())
}

/// Whatever was left has a reason.
fn verdicts(world: &World, ask: &Ask, given: &Given) -> Told {
    let most = |limit: Option<u32>| limit.map_or(usize::MAX, |limit| limit as usize);
    match given.shut {
        Some(Shut::Full) => prop_assert!(world.model.executing(None) >= most(world.policy.concurrency)),
        Some(Shut::Until(at_ms)) => prop_assert!(at_ms > ask.now_ms),
        Some(Shut::Paused) => prop_assert!(world.queue_paused),
        None if given.jobs.len() < ask.want && !given.only_free => {
            prop_assert!(given.seen.iter().all(|seen| !matches!(seen.found, Found::More | Found::Unseen)));
        }
        None => {}
    }
    for (Place { lane, .. }, Seen { found, from }) in ask.places.iter().zip(&given.seen) {
        let left = world.model.ids(|job| {
            job.record.state == State::Available
                && job.kind == lane.kind
                && job.key == lane.key
                && job.priority == lane.priority
        });
        prop_assert!(
            left.first().is_none_or(|id| id >= from) || world.is_paused(&lane.kind),
            "{left:?} are passed by {from}"
        );
        match found {
            Found::Empty => prop_assert!(left.is_empty() || world.is_paused(&lane.kind), "{left:?} are forgotten"),
            Found::Full => prop_assert!(
                world.model.executing(Some(&lane.key)) >= most(world.policy.key_concurrency),
                "its key is not full"
            ),
            Found::Rests(at_ms) => prop_assert!(*at_ms > ask.now_ms),
            Found::More | Found::Unseen => {}
        }
    }
    Ok(())
}

async fn take(tx: &mut Tx, world: &mut World, step: Step) -> Told {
    let now_ms = world.model.now_ms;
    let mut effects = Effects::default();
    match step {
        Step::Insert(new) => return insert(tx, world, new).await,
        Step::Claim { lease, want, free } => return claim_some(tx, world, lease, want, free).await,
        Step::Promote => {
            let due = world.model.ids(|job| job.record.apply(&Command::Promote, now_ms).is_ok());
            prop_assert_eq!(sql::promote(tx, (i64::MIN, now_ms), 1000, &mut effects).await?, due.len());
            for id in due {
                world.model.apply(id, &Command::Promote);
            }
            let next = world.model.ids(|job| matches!(job.record.state, State::Scheduled | State::Retryable));
            let next = next.into_iter().map(|id| world.model.jobs[&id].record.run_at_ms).min();
            prop_assert_eq!(sql::next_due(tx).await?, next);
        }
        Step::Crash { lease } => {
            let (again, last) = sql::crash(tx, lease, 1000, now_ms, &mut effects).await?;
            let held = world.model.ids(|job| job.record.lease == Some(lease));
            prop_assert_eq!(again + last, held.len() as u64);
            for id in held {
                world.model.apply(id, &Command::Crash { lease });
            }
            world.turns.doubt();
        }
        Step::Clock { by } => {
            world.model.now_ms += by;
            if by < 0 {
                world.begun.clear();
            }
        }
        Step::OpenBatch { callback } => open_batch(tx, world, callback).await?,
        Step::SealBatch => seal_batch(tx, world, &mut effects).await?,
        Step::PauseQueue { on } => {
            pause(tx, Pausable::Queue, "q", on, now_ms).await?;
            world.queue_paused = on;
            world.turns.doubt();
        }
        Step::PauseKind { on } => {
            pause(tx, Pausable::Kind, KINDS[1], on, now_ms).await?;
            world.kind_paused = on;
            world.turns.doubt();
        }
        Step::Limit(policy) => {
            sql::policy::set(tx, "q", Some(&policy)).await?;
            tx.execute("DELETE FROM job_rates", &[]).await?;
            world.policy = policy;
            world.begun.clear();
            world.turns.doubt();
        }
        Step::Settle { job, .. } | Step::HandBack { job, .. } | Step::Cancel { job } | Step::RunNow { job } => {
            if let Some(id) = world.model.nth(job) {
                take_on(tx, world, id, step, &mut effects).await?;
            }
        }
    }
    world.heed(effects);
    Ok(())
}

async fn open_batch(tx: &mut Tx, world: &mut World, callback: bool) -> Told {
    let id = sql::batches::create(tx, "batch", world.model.now_ms).await?;
    let callback = match callback {
        true => Some(add_callback(tx, world, id).await?),
        false => None,
    };
    world.model.batches.insert(id, Batch { callback, ..Batch::default() });
    Ok(())
}

async fn seal_batch(tx: &mut Tx, world: &mut World, effects: &mut Effects) -> Told {
    let open = world.model.batches.iter().find(|(_, batch)| !batch.sealed);
    let Some(id) = open.map(|(id, _)| *id) else { return Ok(()) };
    prop_assert!(sql::batches::seal(tx, id, world.model.now_ms, effects).await?);
    world.model.batches.entry(id).or_default().sealed = true;
    world.model.finish(id);
    Ok(())
}

async fn pause(tx: &mut Tx, what: Pausable, name: &str, on: bool, now_ms: i64) -> Told {
    match on {
        true => sql::policy::pause(tx, what, name, now_ms).await?,
        false => sql::policy::resume(tx, what, name).await?,
    }
    Ok(())
}

/// The steps that concern one job: the SQL refuses exactly what the model refuses.
async fn take_on(tx: &mut Tx, world: &mut World, id: i64, step: Step, effects: &mut Effects) -> Told {
    let now_ms = world.model.now_ms;
    let claim = |stale: u32| world.model.jobs[&id].record.claims.saturating_sub(stale);
    let (done, command) = match step {
        Step::Settle { lease, stale, outcome, .. } => {
            let claim = claim(stale);
            let it = Settlement { id, claim, outcome, errors: "[]".to_owned() };
            (sql::settle(tx, lease, &it, now_ms, effects).await?, Command::Settle { lease, claim, outcome })
        }
        Step::HandBack { lease, stale, .. } => {
            let claim = claim(stale);
            (sql::hand_back(tx, lease, id, claim, now_ms, effects).await?, Command::HandBack { lease, claim })
        }
        Step::Cancel { .. } => (sql::cancel(tx, id, now_ms, effects).await? != Cancelled::No, Command::Cancel),
        _ => {
            let job = &world.model.jobs[&id];
            let taken = job.unique.as_ref().and_then(|(key, _)| world.model.holder(job.kind, key));
            let taken = job.record.state.is_end() && taken.is_some_and(|holder| holder != id);
            let behind = job.order.as_ref().is_some_and(|order| !world.model.order(job.kind, order).is_empty());
            let done = sql::run_now(tx, id, now_ms, effects).await?;
            prop_assert!(!(taken && done), "a revived job broke into a taken key");
            if taken {
                return Ok(());
            }
            (done, Command::RunNow { behind })
        }
    };
    prop_assert_eq!(done, world.model.apply(id, &command), "{:?}", command);
    if done {
        world.turns.ended(&world.model.jobs[&id].key);
    }
    Ok(())
}

type Stored = (i64, i64, u32, u32, Option<i64>, i64, bool, bool);

async fn compare(tx: &mut Tx, world: &mut World) -> Told {
    let sql = "SELECT id, state, attempt, claims, lease, run_at_ms,
             CASE WHEN state = 2 AND cancel_at_ms IS NOT NULL THEN 1 ELSE 0 END, CASE WHEN unique_mask > 0 THEN 1 ELSE 0 END
         FROM jobs ORDER BY id";
    let stored: Vec<Stored> = tx.all(sql, &[]).await?;
    let wanted = |(id, job): (&i64, &Job)| -> Stored {
        let r = &job.record;
        (*id, i64::from(r.state.number()), r.attempt, r.claims, r.lease, r.run_at_ms, r.cancelling, job.holds)
    };
    prop_assert_eq!(stored, world.model.jobs.iter().map(wanted).collect::<Vec<_>>());
    if let Some(broken) = world.model.broken() {
        return Err(TestCaseError::fail(broken));
    }
    let finished: Vec<(i64, bool)> = tx
        .all("SELECT id, CASE WHEN finished_at_ms IS NULL THEN 0 ELSE 1 END FROM job_batches ORDER BY id", params![])
        .await?;
    let wanted: Vec<(i64, bool)> = world.model.batches.iter().map(|(id, batch)| (*id, batch.finished)).collect();
    prop_assert_eq!(finished, wanted);
    for id in world.model.ids(|job| job.record.state == State::Available && !world.is_paused(job.kind)) {
        prop_assert!(world.turns.remembers(&world.lane(id), id), "job {id} waits and nobody will look for it");
    }
    Ok(())
}

pub(super) async fn tell(tx: &mut Tx, story: Vec<Step>) -> Told {
    let mut world = World {
        model: Model { now_ms: 10_000, ..Model::default() },
        turns: Turns::default(),
        policy: QueuePolicy::default(),
        queue_paused: false,
        kind_paused: false,
        begun: HashMap::new(),
    };
    for lease in 1..4 {
        sql::leases::renew(tx, lease, "a worker", world.model.now_ms).await?;
    }
    for step in story {
        let said = format!("{step:?}");
        let told = match take(tx, &mut world, step).await {
            Ok(()) => compare(tx, &mut world).await,
            told => told,
        };
        told.map_err(|error| TestCaseError::fail(format!("after {said}: {error}")))?;
    }
    for table in ["jobs", "job_edges", "job_loose", "job_batches", "job_policies", "job_pauses", "job_rates"] {
        tx.execute(&format!("DELETE FROM {table}"), &[]).await?;
    }
    Ok(())
}
