//! What subscriptions call: the forms of handlers, and how one is run.

use std::error::Error;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jobs::{Failure, Run};
use kernel::limits;
use store::{Store, StoreError, Tx};

use crate::Event;

/// Handles one batch, in order. An error holds the stream: the same batch comes again.
pub type StreamHandler =
    Arc<dyn Fn(Vec<Event>) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> + Send + Sync>;

/// Handles one event as a job.
pub type WorkHandler =
    Arc<dyn Fn(Event, Run) -> Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>> + Send + Sync>;

type InTx = Arc<
    dyn for<'t> Fn(&'t mut Tx, Vec<Event>) -> Pin<Box<dyn Future<Output = Result<(), StreamFailure>> + 't>>
        + Send
        + Sync,
>;

/// Why a stream does not get on. Any error becomes one with `?`.
#[derive(Clone, Debug)]
pub struct StreamFailure {
    words: String,
    /// The store is away: no event is to blame.
    outage: bool,
}

impl StreamFailure {
    /// The event, or what it asks for, is to blame.
    pub fn new(words: impl Into<String>) -> Self {
        Self { words: storable(words.into()), outage: false }
    }

    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    pub(crate) fn is_outage(&self) -> bool {
        self.outage
    }
}

impl<E: Error + 'static> From<E> for StreamFailure {
    fn from(error: E) -> Self {
        let mut link: Option<&(dyn Error + 'static)> = Some(&error);
        let mut outage = false;
        while let Some(error) = link {
            outage |= error.downcast_ref::<StoreError>().is_some_and(StoreError::is_temporary);
            link = error.source();
        }
        Self { words: storable(kernel::problem::chain(&error)), outage }
    }
}

/// Words that quote an event may hold a NUL, which not every store keeps in a text.
fn storable(words: String) -> String {
    if words.contains('\0') { words.replace('\0', "\u{fffd}") } else { words }
}

/// A stream's handler, with or without a transaction of its own.
#[derive(Clone)]
pub(crate) enum Serve {
    Plain(StreamHandler),
    InTx(InTx),
}

impl Serve {
    pub(crate) fn in_tx<F>(handler: F) -> Self
    where
        F: AsyncFn(&mut Tx, Vec<Event>) -> Result<(), StreamFailure> + Send + Sync + 'static,
    {
        let handler = Arc::new(handler);
        Self::InTx(Arc::new(move |tx, events| {
            let handler = handler.clone();
            Box::pin(async move { handler(tx, events).await })
        }))
    }

    /// Handles a batch, then does `after` (moves a cursor) in a transaction: the handler's own where it has one. A panic or
    /// a batch without end is a failed batch, since whoever serves must outlive both. Where `more` wait behind it, `after` does
    /// not look out for a commit to ride with.
    pub(crate) async fn run<A>(
        &self,
        store: &Store,
        events: Vec<Event>,
        more: bool,
        after: A,
    ) -> Result<bool, StreamFailure>
    where
        A: AsyncFnOnce(&mut Tx) -> Result<bool, StoreError> + Send + 'static,
    {
        match self {
            Self::Plain(handler) => {
                let handler = handler.clone();
                let guarded = AssertUnwindSafe(async move { handler(events).await }).catch_unwind();
                match tokio::time::timeout(Duration::from_millis(limits::JOB_TIMEOUT_MS), guarded).await {
                    Ok(Ok(outcome)) => outcome.map_err(StreamFailure::new)?,
                    Ok(Err(_)) => return Err(StreamFailure::new("the handler panicked")),
                    Err(_) => {
                        let most_s = limits::JOB_TIMEOUT_MS / 1000;
                        return Err(StreamFailure::new(format!("the batch took longer than {most_s} s")));
                    }
                }
                let moved = if more { store.write_relaxed(after).await } else { store.write_lazy(after).await };
                moved.map_err(StreamFailure::from)
            }
            Self::InTx(handler) => {
                let handler = handler.clone();
                let both = async move |tx: &mut Tx| {
                    // First the cursor: who is not owed the batch does nothing with it.
                    let moved = after(tx).await.map_err(StreamFailure::from)?;
                    if moved {
                        handler(tx, events).await?;
                    }
                    Ok(moved)
                };
                store.write(both).await
            }
        }
    }
}
