//! What is enqueued.

use std::borrow::Cow;

use store::StoreError;

use crate::Kind;
use crate::policy::Unique;

/// A job to enqueue.
#[derive(Clone, Debug)]
pub struct NewJob {
    pub(crate) kind: Cow<'static, str>,
    pub(crate) queue: Cow<'static, str>,
    pub(crate) args: String,
    pub(crate) run_at_ms: Option<i64>,
    pub(crate) priority: i16,
    pub(crate) max_attempts: u32,
    pub(crate) key: String,
    pub(crate) order_key: Option<String>,
    pub(crate) unique: Option<Unique>,
    pub(crate) after: Vec<i64>,
    pub(crate) on_failure: bool,
    pub(crate) batch: Option<i64>,
    pub(crate) event_position: Option<i64>,
    pub(crate) trace: Option<String>,
}

/// What enqueuing did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enqueued {
    /// A job was added.
    New(i64),
    /// This job of the kind counts as the same; nothing was added.
    Known(i64),
}

/// Why a job was not enqueued.
#[derive(Debug, thiserror::Error)]
pub enum EnqueueError {
    /// The arguments are over [`kernel::limits::JOB_ARGS_BYTES`] or are no JSON.
    #[error("the arguments of a {0} job are too large or cannot be written as JSON")]
    Args(String),
    /// A name is empty where it must not be, or over [`kernel::limits::JOB_NAME_BYTES`].
    #[error("{0} of a job is empty or too long")]
    Name(&'static str),
    /// More than [`kernel::limits::JOB_AFTER`] jobs to come after.
    #[error("a job comes after too many others")]
    TooMany,
    /// There is no job of this number to come after; finished jobs are removed after a while.
    #[error("there is no job {0} to come after")]
    After(i64),
    /// There is no batch of this number, or it is sealed.
    #[error("there is no batch {0}, or it is sealed")]
    Batch(i64),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NewJob {
    /// A job of `kind`, to run at once.
    pub fn new(kind: Kind, args: &impl serde::Serialize) -> Self {
        Self::of(kind.name.into(), kind.queue.into(), args).priority(kind.priority).attempts(kind.max_attempts)
    }

    /// A job whose kind is known only at run time: a schedule's, or one for a worker in another language. It has the
    /// usual policy; for a kind that this process serves, take [`NewJob::new`] with what [`crate::Jobs::kind`] finds.
    pub fn dynamic(kind: impl Into<String>, queue: impl Into<String>, args: &impl serde::Serialize) -> Self {
        Self::of(kind.into().into(), queue.into().into(), args)
    }

    fn of(kind: Cow<'static, str>, queue: Cow<'static, str>, args: &impl serde::Serialize) -> Self {
        Self {
            kind,
            queue,
            // An argument that cannot be written is found when the job is enqueued, where there is an error to return.
            args: serde_json::to_string(args).unwrap_or_default(),
            run_at_ms: None,
            priority: 0,
            max_attempts: kernel::limits::JOB_ATTEMPTS,
            key: String::new(),
            order_key: None,
            unique: None,
            after: Vec::new(),
            on_failure: false,
            batch: None,
            event_position: None,
            trace: None,
        }
    }

    /// Not before `run_at_ms` (Unix milliseconds).
    #[must_use]
    pub fn at(self, run_at_ms: i64) -> Self {
        Self { run_at_ms: Some(run_at_ms), ..self }
    }

    /// Lower runs earlier; a kind's own is 0 unless it says otherwise.
    #[must_use]
    pub fn priority(self, priority: i16) -> Self {
        Self { priority, ..self }
    }

    /// Attempts before it is discarded; the kind's own unless said.
    #[must_use]
    pub fn attempts(self, max_attempts: u32) -> Self {
        Self { max_attempts: max_attempts.max(1), ..self }
    }

    /// Whose job it is: a tenant, an account. Keys of one queue take turns, and limits per key count by it.
    #[must_use]
    pub fn key(self, key: impl Into<String>) -> Self {
        Self { key: key.into(), ..self }
    }

    /// Jobs with the same kind and order key run strictly one after the other, in the order in which they were enqueued.
    /// The next begins only when the former has ended, retries, snoozes and delays included; a discarded or cancelled
    /// one lets the next go.
    #[must_use]
    pub fn in_order(self, key: impl Into<String>) -> Self {
        Self { order_key: Some(key.into()), ..self }
    }

    /// At most one job of this kind that counts as the same: with a text, at most one unfinished job has it as its key.
    #[must_use]
    pub fn unique(self, unique: impl Into<Unique>) -> Self {
        Self { unique: Some(unique.into()), ..self }
    }

    /// Begins only when all of these jobs have completed. They must exist, so nothing can wait for itself; at most
    /// [`kernel::limits::JOB_AFTER`]. When one of them is discarded or cancelled, so is this one: cancelled, and with it
    /// those that come after it. What is asked is how they end first: one that is run again later changes nothing.
    #[must_use]
    pub fn after(self, ids: &[i64]) -> Self {
        Self { after: ids.to_vec(), ..self }
    }

    /// As [`NewJob::after`], and goes on whether they completed or not: begins when all of them have ended.
    #[must_use]
    pub fn after_ends(self, ids: &[i64]) -> Self {
        Self { on_failure: true, ..self.after(ids) }
    }

    /// Belongs to this batch.
    #[must_use]
    pub fn in_batch(self, batch: i64) -> Self {
        Self { batch: Some(batch), ..self }
    }

    /// The event that caused it.
    #[must_use]
    pub fn event(self, position: i64) -> Self {
        Self { event_position: Some(position), ..self }
    }

    /// The trace it belongs to.
    #[must_use]
    pub fn trace(self, trace: Option<String>) -> Self {
        Self { trace, ..self }
    }
}
