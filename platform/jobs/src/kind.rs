//! What a job is to its author: a kind with its policy, and a handler that runs one attempt.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kernel::limits;
use serde::de::DeserializeOwned;
use store::{StoreError, Tx};

use crate::Jobs;
use crate::state::Outcome;
use crate::store::{Claimed, Settlement};

/// A kind of job: its stable name and how it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Stored with every job: never changes once there are jobs.
    pub name: &'static str,
    /// The queue whose slots it uses. Jobs that wait already stay in the queue that they were put into.
    pub queue: &'static str,
    /// Lower runs earlier.
    pub priority: i16,
    /// Attempts before it is discarded.
    pub max_attempts: u32,
    /// Longest run of one attempt, milliseconds.
    pub timeout_ms: u64,
}

impl Kind {
    /// A kind on the queue `default`, with the usual policy.
    pub const fn new(name: &'static str) -> Self {
        let (max_attempts, timeout_ms) = (limits::JOB_ATTEMPTS, limits::JOB_TIMEOUT_MS);
        Self { name, queue: "default", priority: 0, max_attempts, timeout_ms }
    }

    /// On another queue.
    #[must_use]
    pub const fn on(self, queue: &'static str) -> Self {
        Self { queue, ..self }
    }

    /// With another number of attempts.
    #[must_use]
    pub const fn attempts(self, max_attempts: u32) -> Self {
        Self { max_attempts, ..self }
    }

    /// With another time-out for one attempt, milliseconds.
    #[must_use]
    pub const fn timeout_ms(self, timeout_ms: u64) -> Self {
        Self { timeout_ms, ..self }
    }
}

/// Why an attempt failed, and what is to happen: whoever sees the failure decides.
#[derive(Debug)]
pub enum Failure {
    /// Try again after the usual pause, while there are attempts left.
    Retry(String),
    /// Try again, not before this time (Unix milliseconds), while there are attempts left.
    RetryAt(i64, String),
    /// Trying again cannot help: a dead letter.
    Discard(String),
    /// The job was given to another worker meanwhile; what this one did in its transaction is rolled back.
    Lost,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Retry(kernel::problem::chain(&error))
    }
}

/// Runs one attempt.
pub type Handler = Arc<dyn Fn(Run) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>> + Send + Sync>;

/// A handler from an async function.
pub fn handler<F, Fut>(run: F) -> Handler
where
    F: Fn(Run) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Failure>> + Send + 'static,
{
    Arc::new(move |attempt| Box::pin(run(attempt)))
}

/// One attempt at a job.
#[derive(Clone)]
pub struct Run {
    pub(crate) jobs: Jobs,
    pub(crate) job: Arc<Claimed>,
    pub(crate) completed: Arc<AtomicBool>,
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

    /// The position of the event that caused the job.
    pub fn event_position(&self) -> Option<i64> {
        self.job.event_position
    }

    /// The trace it belongs to.
    pub fn trace(&self) -> Option<&str> {
        self.job.trace.as_deref()
    }

    /// The arguments.
    ///
    /// # Errors
    /// [`Failure::Discard`] when they are not of this type: trying again would read the same.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.job.args)
            .map_err(|error| Failure::Discard(format!("the arguments do not fit: {error}")))
    }

    /// Completes the job in the handler's own transaction: its effect and its outcome commit together, so the effect
    /// happens exactly once.
    ///
    /// # Errors
    /// [`Failure::Lost`] when the job is no longer this worker's: return it, so that the transaction is rolled back.
    pub async fn complete(&self, tx: &mut Tx) -> Result<(), Failure> {
        let engine = &self.jobs.0;
        let outcome = Outcome::Complete;
        let it = Settlement { id: self.job.id, claim: self.job.claim, outcome, errors: self.job.errors.clone() };
        if !crate::store::settle(tx, engine.lease, &it, engine.clock.now_ms()).await? {
            return Err(Failure::Lost);
        }
        let (completed, jobs) = (self.completed.clone(), self.jobs.clone());
        tx.on_commit(move || {
            completed.store(true, Ordering::Release);
            jobs.changed();
        });
        Ok(())
    }
}
