//! Enqueuing: checked, inserted in the caller's transaction, and started at once when a slot is free.

use ::store::Tx;
use kernel::limits;

use crate::claim::{Lane, Place};
use crate::new_job::{EnqueueError, Enqueued, NewJob};
use crate::progress::storable;
use crate::runner::Slot;
use crate::state::State;
use crate::store::{self, Claimed, Effects, Insert, Inserted};
use crate::{Jobs, Life, fleet};

/// A job to insert, and its slot.
type Prepared = (Insert, Option<Slot>);

impl Jobs {
    /// Enqueues in the caller's transaction.
    ///
    /// # Errors
    /// [`EnqueueError`]; then the transaction must be rolled back.
    pub async fn enqueue(&self, tx: &mut Tx, job: NewJob) -> Result<Enqueued, EnqueueError> {
        self.add(tx, job, 0).await
    }

    /// Enqueues many in the caller's transaction, in their order: as [`Jobs::enqueue`] for each, and faster where the store is on
    /// a server.
    ///
    /// # Errors
    /// [`EnqueueError`] of the first that is refused; then the transaction must be rolled back.
    pub async fn enqueue_many(&self, tx: &mut Tx, new: Vec<NewJob>) -> Result<Vec<Enqueued>, EnqueueError> {
        let (mut enqueued, mut plain) = (Vec::with_capacity(new.len()), Vec::new());
        for job in new {
            let prepared = self.prepare(job, 0)?;
            if tx.takes_lists() && prepared.0.is_plain() {
                plain.push(prepared);
                continue;
            }
            self.add_many(tx, std::mem::take(&mut plain), &mut enqueued).await?;
            enqueued.push(self.add_prepared(tx, prepared).await?);
        }
        self.add_many(tx, plain, &mut enqueued).await?;
        Ok(enqueued)
    }

    /// Enqueues in a transaction of its own; where the store is on a server, in one with others that come at the same time.
    ///
    /// # Errors
    /// [`EnqueueError`].
    pub async fn enqueue_now(&self, job: NewJob) -> Result<Enqueued, EnqueueError> {
        if self.0.life == Life::Renewed {
            return self.enqueue_gathered(job).await;
        }
        let jobs = self.clone();
        self.0.store.write(async move |tx| jobs.enqueue(tx, job).await).await
    }

    /// Enqueues all of them in one transaction, or none.
    ///
    /// # Errors
    /// [`EnqueueError`] of the first that is refused.
    pub async fn enqueue_all(&self, new: Vec<NewJob>) -> Result<Vec<Enqueued>, EnqueueError> {
        let jobs = self.clone();
        self.0.store.write(async move |tx| jobs.enqueue_many(tx, new).await).await
    }

    /// Enqueues a job that waits for `waits` things besides what it says itself.
    pub(crate) async fn add(&self, tx: &mut Tx, job: NewJob, waits: i64) -> Result<Enqueued, EnqueueError> {
        let prepared = self.prepare(job, waits)?;
        self.add_prepared(tx, prepared).await
    }

    /// What will be inserted, and where it will run if it may begin at once.
    fn prepare(&self, job: NewJob, waits: i64) -> Result<Prepared, EnqueueError> {
        let engine = &self.0;
        check(&job)?;
        let now_ms = engine.clock.now_ms();
        let unique = match job.unique {
            Some(unique) => Some(unique.holds(&job.args, now_ms).ok_or(EnqueueError::Name("the unique key"))?),
            None => None,
        };
        let run_at_ms = job.run_at_ms.unwrap_or(now_ms);
        // A key that is not held while its job executes must be held by a job that waits.
        let may_start = unique.as_ref().is_none_or(|unique| unique.mask & (1 << State::Executing.number()) != 0);
        let slot = (run_at_ms <= now_ms && may_start).then(|| self.free_slot(&job.queue, &job.kind)).flatten();
        let insert = Insert {
            queue: job.queue,
            kind: job.kind,
            key: job.key,
            priority: job.priority,
            max_attempts: job.max_attempts,
            run_at_ms,
            now_ms,
            lease: slot.is_some().then_some(engine.lease),
            unique,
            order_key: job.order_key,
            after: job.after,
            on_failure: job.on_failure,
            batch: job.batch,
            waits,
            event_position: job.event_position,
            trace: job.trace.map(storable),
            args: job.args,
        };
        Ok((insert, slot))
    }

    /// Inserts plain jobs together.
    async fn add_many(
        &self,
        tx: &mut Tx,
        plain: Vec<Prepared>,
        enqueued: &mut Vec<Enqueued>,
    ) -> Result<(), EnqueueError> {
        let mut plain = plain.into_iter();
        while plain.len() > 0 {
            let some: Vec<Prepared> = plain.by_ref().take(limits::JOB_INSERT_MANY).collect();
            let inserts: Vec<&Insert> = some.iter().map(|(insert, _)| insert).collect();
            let inserted = store::insert_many(tx, &inserts).await?;
            for ((id, state), (insert, slot)) in inserted.into_iter().zip(some) {
                enqueued.push(Enqueued::New(id));
                self.after_commit(tx, id, state, insert, slot, Effects::default());
            }
        }
        Ok(())
    }

    async fn add_prepared(&self, tx: &mut Tx, (insert, slot): Prepared) -> Result<Enqueued, EnqueueError> {
        let now_ms = insert.now_ms;
        let mut effects = Effects::default();
        let mut inserted = store::insert(tx, &insert, &mut effects).await?;
        if let (Inserted::Known(_), Some(unique)) = (inserted, &insert.unique)
            && store::let_go(tx, &insert.kind, &unique.key, now_ms).await?
        {
            inserted = store::insert(tx, &insert, &mut effects).await?;
        }
        match inserted {
            Inserted::Known(id) => Ok(Enqueued::Known(id)),
            Inserted::New(id, state) => {
                self.after_commit(tx, id, state, insert, slot, effects);
                Ok(Enqueued::New(id))
            }
        }
    }

    /// Starts the job, or wakes whoever will, once the transaction that inserted it is committed.
    fn after_commit(&self, tx: &mut Tx, id: i64, state: State, job: Insert, slot: Option<Slot>, mut effects: Effects) {
        let jobs = self.clone();
        tx.on_commit(move || {
            match (state, slot) {
                (State::Executing, Some(slot)) => jobs.start_inserted(id, job, slot),
                (State::Available, _) => {
                    let lane = Lane { priority: job.priority, kind: job.kind.into_owned(), key: job.key };
                    jobs.hint(fleet::NEW);
                    jobs.came(&job.queue, Place { lane, from: id });
                }
                (State::Scheduled, _) => effects.due(job.run_at_ms),
                _ => {}
            }
            jobs.apply(effects);
        });
    }

    fn start_inserted(&self, id: i64, job: Insert, slot: Slot) {
        let claimed = Claimed {
            id,
            queue: job.queue.as_ref().into(),
            key: job.key.into(),
            kind: job.kind.into_owned(),
            attempt: 1,
            max_attempts: job.max_attempts,
            claim: 1,
            run_at_ms: job.run_at_ms,
            event_position: job.event_position,
            trace: job.trace,
            args: job.args,
            errors: "[]".to_owned(),
        };
        let attempt = self.attempt(claimed, slot.fence.clone());
        self.register(std::slice::from_ref(&attempt));
        let may_start = self.0.fence().is_some() && !attempt.fence.is_cancelled();
        if may_start && !self.0.stop.is_cancelled() {
            return self.start(attempt, slot);
        }
        if let Some(served) = self.0.served.get() {
            let jobs = self.clone();
            served.runtime.spawn(async move {
                jobs.hand_back(vec![attempt]).await;
                drop(slot);
            });
        }
    }
}

/// Whether it can be a name: not empty, within [`limits::JOB_NAME_BYTES`], and nothing that PostgreSQL cannot keep in a text.
pub(crate) fn named(text: &str) -> bool {
    !text.is_empty() && text.len() <= limits::JOB_NAME_BYTES && !text.contains('\0')
}

/// Whatever would be refused by a bound is refused before anything is written.
fn check(job: &NewJob) -> Result<(), EnqueueError> {
    if job.args.is_empty() || job.args.len() > limits::JOB_ARGS_BYTES {
        return Err(EnqueueError::Args(job.kind.clone().into_owned()));
    }
    if !named(&job.kind) {
        return Err(EnqueueError::Name("the kind"));
    }
    if !named(&job.queue) {
        return Err(EnqueueError::Name("the queue"));
    }
    if !job.key.is_empty() && !named(&job.key) {
        return Err(EnqueueError::Name("the key"));
    }
    if job.order_key.as_ref().is_some_and(|key| !named(key)) {
        return Err(EnqueueError::Name("the order key"));
    }
    if job.after.len() > limits::JOB_AFTER {
        return Err(EnqueueError::TooMany);
    }
    Ok(())
}
