//! A closure on its way to a transaction, whatever the engine.

use std::pin::Pin;
use std::time::Duration;

use kernel::limits;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};

use crate::{StoreError, Tx};

/// A write or a read that waits for its turn: `run` once, then `answer` once, on a thread of the engine.
pub(crate) trait Waiting: Send {
    /// Runs the closure, once.
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> Pin<Box<dyn Future<Output = ()> + 'a>>;
    /// Whether it ran to its end and wants to be committed.
    fn kept(&self) -> bool;
    /// It did not end as it should: this is what its caller is told.
    fn refuse(&mut self, why: StoreError);
    /// Tells the caller. `commit` is the fate of the transaction that all writes of the batch shared.
    fn answer(self: Box<Self>, commit: Result<(), StoreError>);
    fn pace(&self) -> Pace;
}

/// What a write asks of the commit it is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Somebody was promised that it survives power loss.
    Synced,
    /// It may be done again after a power cut.
    Relaxed,
    /// Besides, nobody waits for it: it rides with the next commit that somebody does wait for.
    Lazy,
}

pub(crate) struct Closure<F, T, E> {
    closure: Option<F>,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
    pace: Pace,
}

impl<F, T, E> Closure<F, T, E>
where
    F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: From<StoreError> + Send + 'static,
{
    /// The closure, and where its answer will be.
    pub(crate) fn waiting(closure: F, pace: Pace) -> (Box<dyn Waiting>, oneshot::Receiver<Result<T, E>>) {
        let (reply, answer) = oneshot::channel();
        (Box::new(Self { closure: Some(closure), outcome: None, reply, pace }), answer)
    }
}

impl<F, T, E> Waiting for Closure<F, T, E>
where
    F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run<'a>(&'a mut self, tx: &'a mut Tx) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        let (closure, outcome) = (self.closure.take(), &mut self.outcome);
        Box::pin(async move {
            if let Some(closure) = closure {
                *outcome = Some(closure(tx).await);
            }
        })
    }

    fn kept(&self) -> bool {
        matches!(self.outcome, Some(Ok(_)))
    }

    fn refuse(&mut self, why: StoreError) {
        self.outcome = Some(Err(why.into()));
    }

    fn answer(self: Box<Self>, commit: Result<(), StoreError>) {
        let outcome = match (commit, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Err(error), Some(Ok(_)) | None) => Err(error.into()),
            (Err(_), Some(Err(own))) => Err(own),
            (Ok(()), None) => Err(StoreError::Closed.into()),
        };
        // The caller may have gone; the write is committed all the same.
        let _ = self.reply.send(outcome);
    }

    fn pace(&self) -> Pace {
        self.pace
    }
}

/// Where closures wait. Over its bound they wait outside, for a bounded time.
pub(crate) struct Door(Mutex<Option<mpsc::Sender<Box<dyn Waiting>>>>);

impl Door {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Box<dyn Waiting>>) {
        let (sender, queue) = mpsc::channel(limits::STORE_WAITING_WRITES);
        (Self(Mutex::new(Some(sender))), queue)
    }

    /// Lets the closure in, calls `inside`, and answers what came of it.
    pub(crate) async fn pass<T, E, F>(&self, closure: F, pace: Pace, inside: impl FnOnce()) -> Result<T, E>
    where
        F: AsyncFnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let queue = self.0.lock().clone().ok_or(StoreError::Closed)?;
        let place = tokio::time::timeout(Duration::from_millis(limits::STORE_ADMISSION_MS), queue.reserve());
        let place = place.await.map_err(|_| StoreError::Busy)?.map_err(|_| StoreError::Closed)?;
        let (closure, answer) = Closure::waiting(closure, pace);
        place.send(closure);
        inside();
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// How many are inside and not served yet.
    pub(crate) fn waiting(&self) -> u64 {
        self.0.lock().as_ref().map_or(0, |queue| (queue.max_capacity() - queue.capacity()) as u64)
    }

    /// Nobody is let in any more; the queue ends with what is in it.
    pub(crate) fn shut(&self) {
        self.0.lock().take();
    }
}
