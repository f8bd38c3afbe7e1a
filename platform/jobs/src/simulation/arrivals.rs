//! Jobs that come into a story.

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use store::Tx;

use super::model::{Batch, Job};
use super::play::{Told, World};
use super::steps::{KINDS, New};
use crate::claim::Place;
use crate::policy::QueuePolicy;
use crate::state::{Command, Record, State};
use crate::store::{self as sql, Effects, Insert, Inserted};
use crate::unique::Holds;

pub(super) async fn insert(tx: &mut Tx, world: &mut World, new: New) -> Told {
    let now_ms = world.model.now_ms;
    let model = &mut world.model;
    let unique = new.unique.map(|(key, mask)| (key.to_string(), mask));
    let known = unique.as_ref().and_then(|(key, _)| model.holder(new.kind, key));
    let order = new.order.map(|order| order.to_string());
    let after: Vec<i64> = new.after.iter().filter_map(|job| model.nth(*job)).collect();
    let open = |(id, batch): (&i64, &Batch)| (!batch.sealed).then_some(*id);
    let batch = new.batched.then(|| model.batches.iter().filter_map(open).next_back()).flatten();
    let may_start = new.delay <= 0 && unique.as_ref().is_none_or(|(_, mask)| mask & 4 != 0);
    let lease = new.lease.filter(|_| may_start && world.policy == QueuePolicy::default() && !world.queue_paused);
    let lease = lease.filter(|_| !(world.kind_paused && new.kind == KINDS[1]));
    let insert = Insert {
        kind: new.kind.into(),
        key: new.key.to_owned(),
        priority: new.priority,
        max_attempts: new.max_attempts,
        run_at_ms: now_ms + new.delay,
        lease,
        unique: unique.clone().map(|(key, mask)| Holds { key, mask, until_ms: None }),
        order_key: order.clone(),
        after: after.clone(),
        on_failure: new.on_failure,
        batch,
        ..plain(now_ms)
    };
    let mut effects = Effects::default();
    let (id, state) = match sql::insert(tx, &insert, &mut effects).await? {
        Inserted::Known(id) => {
            prop_assert_eq!(Some(id), known);
            return Ok(());
        }
        Inserted::New(id, state) => (id, state),
    };
    prop_assert!(known.is_none() && !model.jobs.contains_key(&id), "a number is given out once");
    let failed = |id: &i64| matches!(model.jobs[id].record.state, State::Cancelled | State::Discarded);
    let doomed = !new.on_failure && after.iter().any(failed);
    let waits = after.into_iter().filter(|id| !model.jobs[id].record.state.is_end()).collect::<Vec<_>>();
    let behind = order.as_ref().is_some_and(|order| !model.order(new.kind, order).is_empty());
    let pending = !waits.is_empty() || behind || doomed;
    let job = Job {
        record: Record::enqueued(insert.run_at_ms, new.max_attempts, pending, now_ms),
        priority: new.priority,
        kind: new.kind,
        key: new.key.to_owned(),
        holds: unique.is_some(),
        unique,
        order,
        after: waits.into_iter().collect(),
        on_failure: new.on_failure,
        batch,
        callback_of: None,
    };
    model.jobs.insert(id, job);
    if let Some(batch) = batch.and_then(|batch| model.batches.get_mut(&batch)) {
        batch.total += 1;
    }
    if doomed {
        model.apply(id, &Command::Cancel);
    }
    match (state, lease) {
        (State::Executing, Some(lease)) => {
            model.apply(id, &Command::Claim { lease });
        }
        (State::Available, _) => world.turns.came(Place { lane: world.lane(id), from: id }),
        _ => {}
    }
    world.heed(effects);
    Ok(())
}

pub(super) async fn add_callback(tx: &mut Tx, world: &mut World, batch: i64) -> Result<i64, TestCaseError> {
    let now_ms = world.model.now_ms;
    let insert = Insert { waits: 1, ..plain(now_ms) };
    let inserted = sql::insert(tx, &insert, &mut Effects::default()).await?;
    let Inserted::New(id, State::Pending) = inserted else { return Err(TestCaseError::fail("a callback waits")) };
    sql::batches::set_callback(tx, batch, id).await?;
    let job = Job {
        record: Record::enqueued(now_ms, 2, true, now_ms),
        priority: 0,
        kind: "k",
        key: String::new(),
        unique: None,
        holds: false,
        order: None,
        after: Default::default(),
        on_failure: false,
        batch: None,
        callback_of: Some(batch),
    };
    world.model.jobs.insert(id, job);
    Ok(id)
}

/// Nothing special.
fn plain(now_ms: i64) -> Insert {
    Insert {
        queue: "q".into(),
        kind: "k".into(),
        key: String::new(),
        priority: 0,
        max_attempts: 2,
        run_at_ms: now_ms,
        now_ms,
        lease: None,
        unique: None,
        order_key: None,
        after: Vec::new(),
        on_failure: false,
        batch: None,
        waits: 0,
        event_position: None,
        trace: None,
        args: "null".to_owned(),
    }
}
