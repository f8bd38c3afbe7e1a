//! One attempt, as its handler sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kernel::limits;
use parking_lot::Mutex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::Tx;
use tokio_util::sync::CancellationToken;

use crate::progress::Said;
use crate::state::{Outcome, State};
use crate::store::{Claimed, Effects, Settlement};
use crate::{Failure, Jobs};

/// One attempt at a job.
#[derive(Clone)]
pub struct Run {
    pub(crate) jobs: Jobs,
    pub(crate) job: Arc<Claimed>,
    pub(crate) stop: CancellationToken,
    pub(crate) completed: Arc<AtomicBool>,
    pub(crate) said: Arc<Mutex<Said>>,
}

impl Run {
    /// The job's number.
    pub fn id(&self) -> i64 {
        self.job.id
    }

    /// This attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.job.attempt
    }

    /// Whose job it is; empty when it was enqueued without a key.
    pub fn key(&self) -> &str {
        &self.job.key
    }

    /// The position of the event that caused the job.
    pub fn event_position(&self) -> Option<i64> {
        self.job.event_position
    }

    /// The trace it belongs to.
    pub fn trace(&self) -> Option<&str> {
        self.job.trace.as_deref()
    }

    /// Cancelled when the job is called off: stop soon, or be aborted after the kind's grace time. However this attempt
    /// ends then, the job ends cancelled.
    pub fn cancellation(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// The arguments.
    ///
    /// # Errors
    /// [`Failure::Discard`] when they are not of this type: trying again would read the same.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.job.args)
            .map_err(|error| Failure::Discard(format!("the arguments do not fit: {error}")))
    }

    /// Says how far it is, in percent (more than 100 is 100), and what it does, in [`limits::JOB_NOTE_BYTES`] at most.
    /// Whoever listens hears it within [`limits::JOB_PROGRESS_MS`]; of what is said faster than that, only the last is
    /// heard. Costs the caller nothing.
    pub fn progress(&self, percent: u8, note: impl Into<String>) {
        self.said.lock().progress(percent, note.into());
        self.jobs.report(&self.job, &self.said);
    }

    /// What the job leaves; stored when this attempt succeeds.
    ///
    /// # Errors
    /// [`Failure::Discard`] when it is no JSON, or over [`limits::JOB_RESULT_BYTES`].
    pub fn result(&self, result: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(result).map_err(|error| Failure::Discard(format!("the result: {error}")))?;
        if text.len() > limits::JOB_RESULT_BYTES {
            return Err(Failure::Discard(format!("the result is over {} bytes", limits::JOB_RESULT_BYTES)));
        }
        self.said.lock().result = Some(text);
        Ok(())
    }

    /// Completes the job in the handler's own transaction: its effect and its outcome commit together, so the effect
    /// happens exactly once.
    ///
    /// # Errors
    /// [`Failure::Lost`] when the job is no longer this worker's, or is called off: return it, so that the transaction is
    /// rolled back.
    pub async fn complete(&self, tx: &mut Tx) -> Result<(), Failure> {
        let engine = &self.jobs.0;
        let (now_ms, mut effects) = (engine.clock.now_ms(), Effects::default());
        let said = self.said.lock().clone();
        crate::progress::write(tx, engine.lease, &self.job, &said, now_ms).await?;
        let (id, claim, errors) = (self.job.id, self.job.claim, self.job.errors.clone());
        if !crate::store::is_wanted(tx, engine.lease, id, claim).await? {
            return Err(Failure::Lost);
        }
        let it = Settlement { id, claim, outcome: Outcome::Complete, errors };
        crate::store::settle(tx, engine.lease, &it, now_ms, &mut effects).await?;
        let (completed, jobs, job) = (self.completed.clone(), self.jobs.clone(), self.job.clone());
        tx.on_commit(move || {
            completed.store(true, Ordering::Release);
            jobs.job_ended(&job.queue, &job.key);
            jobs.apply(effects);
            jobs.tell_end(&job, &said, State::Completed);
        });
        Ok(())
    }
}
