//! What a job is to its author: a kind with its policy, and a handler that runs one attempt.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use kernel::limits;
use store::StoreError;

use crate::Run;

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
    /// How long an attempt that was told to stop may take before it is aborted, milliseconds.
    pub grace_ms: u64,
}

impl Kind {
    /// A kind on the queue `default`, with the usual policy.
    pub const fn new(name: &'static str) -> Self {
        let (max_attempts, timeout_ms) = (limits::JOB_ATTEMPTS, limits::JOB_TIMEOUT_MS);
        Self { name, queue: "default", priority: 0, max_attempts, timeout_ms, grace_ms: limits::JOB_CANCEL_GRACE_MS }
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

    /// With another time to stop in, when a running job is called off, milliseconds.
    #[must_use]
    pub const fn grace_ms(self, grace_ms: u64) -> Self {
        Self { grace_ms, ..self }
    }
}

/// Why an attempt failed, and what is to happen: whoever sees the failure decides.
#[derive(Debug)]
pub enum Failure {
    /// Try again after the usual pause, while there are attempts left.
    Retry(String),
    /// Try again, not before this time (Unix milliseconds), while there are attempts left.
    RetryAt(i64, String),
    /// Not now, and nobody's fault: again, not before this time (Unix milliseconds). The attempt does not count.
    Snooze(i64),
    /// Trying again cannot help: a dead letter.
    Discard(String),
    /// The job was given to another worker meanwhile, or is called off; what this one did in its transaction is rolled back.
    Lost,
}

impl Failure {
    /// [`Failure::Retry`], because of an error.
    pub fn retry(error: impl std::error::Error) -> Self {
        Self::Retry(kernel::problem::chain(&error))
    }

    /// [`Failure::Discard`], because of an error that trying again meets again.
    pub fn discard(error: impl std::error::Error) -> Self {
        Self::Discard(kernel::problem::chain(&error))
    }
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
