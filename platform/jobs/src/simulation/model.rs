//! What should be: every job by `state.rs`, and what binds them, said in the plainest way and without a store.

use std::collections::{BTreeMap, BTreeSet};

use crate::state::{Command, Record, State};

#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) record: Record,
    pub(super) priority: i16,
    pub(super) kind: &'static str,
    pub(super) key: String,
    pub(super) unique: Option<(String, u32)>,
    /// Whether it keeps others of its unique key out.
    pub(super) holds: bool,
    pub(super) order: Option<String>,
    /// Unfinished jobs that it comes after.
    pub(super) after: BTreeSet<i64>,
    pub(super) on_failure: bool,
    pub(super) batch: Option<i64>,
    /// The batch that it is the callback of, while that is not finished.
    pub(super) callback_of: Option<i64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub(super) total: i64,
    pub(super) ended: i64,
    pub(super) sealed: bool,
    pub(super) finished: bool,
    pub(super) callback: Option<i64>,
}

#[derive(Default)]
pub(super) struct Model {
    pub(super) now_ms: i64,
    pub(super) jobs: BTreeMap<i64, Job>,
    pub(super) batches: BTreeMap<i64, Batch>,
}

impl Model {
    pub(super) fn nth(&self, job: usize) -> Option<i64> {
        self.jobs.keys().nth(job.checked_rem(self.jobs.len())?).copied()
    }

    pub(super) fn ids(&self, wanted: impl Fn(&Job) -> bool) -> Vec<i64> {
        self.jobs.iter().filter(|(_, job)| wanted(job)).map(|(id, _)| *id).collect()
    }

    pub(super) fn executing(&self, key: Option<&str>) -> usize {
        self.ids(|job| job.record.state == State::Executing && key.is_none_or(|key| job.key == key)).len()
    }

    pub(super) fn holder(&self, kind: &str, unique: &str) -> Option<i64> {
        let same =
            |job: &Job| job.holds && job.kind == kind && job.unique.as_ref().is_some_and(|(key, _)| key == unique);
        self.ids(same).first().copied()
    }

    /// Unfinished jobs of an order, oldest first.
    pub(super) fn order(&self, kind: &str, order: &str) -> Vec<i64> {
        self.ids(|job| job.kind == kind && job.order.as_deref() == Some(order) && !job.record.state.is_end())
    }

    /// Applies the command to one job, with everything that follows from it; whether the model takes it.
    pub(super) fn apply(&mut self, id: i64, command: &Command) -> bool {
        let now_ms = self.now_ms;
        let Some(job) = self.jobs.get_mut(&id) else { return false };
        let Ok(next) = job.record.apply(command, now_ms) else { return false };
        let before = std::mem::replace(&mut job.record, next);
        let state = job.record.state;
        if job.unique.as_ref().is_some_and(|(_, mask)| mask & (1 << state.number()) == 0) {
            job.holds = false;
        }
        if before.state.is_end() && !state.is_end() {
            (job.holds, job.after) = (job.unique.is_some(), BTreeSet::new());
            job.callback_of = None;
            if let Some(batch) = job.batch.and_then(|batch| self.batches.get_mut(&batch)).filter(|it| !it.finished) {
                batch.ended -= 1;
            }
            self.settle_orders();
        }
        if !before.state.is_end() && state.is_end() {
            self.ended(id, state);
        }
        true
    }

    fn ended(&mut self, id: i64, state: State) {
        if let Some(batch) = self.jobs[&id].batch {
            if let Some(batch) = self.batches.get_mut(&batch).filter(|batch| !batch.finished) {
                batch.ended += 1;
            }
            self.finish(batch);
        }
        self.settle_orders();
        for follower in self.ids(|job| job.after.contains(&id)) {
            let Some(job) = self.jobs.get_mut(&follower) else { continue };
            job.after.remove(&id);
            if state == State::Completed || job.on_failure {
                self.release(follower);
            } else if job.record.state == State::Pending {
                self.apply(follower, &Command::Cancel);
            }
        }
    }

    pub(super) fn finish(&mut self, id: i64) {
        let Some(batch) = self.batches.get_mut(&id) else { return };
        if batch.sealed && !batch.finished && batch.ended >= batch.total {
            batch.finished = true;
            if let Some(callback) = batch.callback {
                if let Some(job) = self.jobs.get_mut(&callback) {
                    job.callback_of = None;
                }
                self.release(callback);
            }
        }
    }

    fn release(&mut self, id: i64) {
        let Some(job) = self.jobs.get(&id) else { return };
        if job.order.is_some() {
            self.settle_orders();
        } else if job.after.is_empty() && job.callback_of.is_none() {
            self.apply(id, &Command::Release);
        }
    }

    /// In each order, the oldest may go when none is under way.
    fn settle_orders(&mut self) {
        let orders: BTreeSet<(&'static str, String)> =
            self.jobs.values().filter_map(|job| job.order.clone().map(|order| (job.kind, order))).collect();
        for (kind, order) in orders {
            let ids = self.order(kind, &order);
            if ids.iter().any(|id| self.jobs[id].record.state != State::Pending) {
                continue;
            }
            let Some(first) = ids.first() else { continue };
            let job = &self.jobs[first];
            if job.after.is_empty() && job.callback_of.is_none() {
                self.apply(*first, &Command::Release);
            }
        }
    }

    /// What must hold whatever happened.
    pub(super) fn broken(&self) -> Option<String> {
        let mut held = BTreeSet::new();
        for (id, job) in &self.jobs {
            if let Some((unique, _)) = job.unique.as_ref().filter(|_| job.holds)
                && !held.insert((job.kind, unique))
            {
                return Some(format!("two jobs hold the key {unique}"));
            }
            if !job.after.is_empty() && !matches!(job.record.state, State::Pending | State::Cancelled) {
                return Some(format!("job {id} did not wait for {:?}", job.after));
            }
            if let Some(order) = &job.order {
                let under_way = |id: &&i64| !matches!(self.jobs[id].record.state, State::Pending | State::Scheduled);
                if self.order(job.kind, order).iter().filter(under_way).count() > 1 {
                    return Some(format!("two jobs of the order {order} are under way"));
                }
            }
        }
        None
    }
}
