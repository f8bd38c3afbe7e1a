//! Which processes of a fleet are connected to the database at this moment. A process's connection ends with it, however it ends, and the
//! server knows at once: so do the others, who need not wait for its silence.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::{Engine, Store, StoreError};

/// A process's seat at the database: a shared lock under a number of its own, held by the connection that carries its hints. On the
/// embedded engine nobody is seated.
#[derive(Clone, Debug)]
pub struct Seat {
    mark: i64,
    held: watch::Receiver<Option<u64>>,
}

impl Seat {
    /// The number: from 1 on, by chance; 0 for nobody's.
    pub fn mark(&self) -> i64 {
        self.mark
    }

    /// Which of this process's connections holds it, counted from 1; `None` while none does.
    pub fn held_by(&self) -> Option<u64> {
        *self.held.borrow()
    }

    /// Waits until a connection takes it, or loses it.
    pub async fn changed(&mut self) {
        if self.held.changed().await.is_err() {
            // The store is closed.
            std::future::pending::<()>().await;
        }
    }
}

/// The side of the connection.
pub(crate) struct Chair {
    mark: i32,
    held: watch::Sender<Option<u64>>,
    times: AtomicU64,
}

/// Held by a connection; dropped with it.
pub(crate) struct Sitting<'a>(&'a Chair);

impl Chair {
    pub(crate) fn new(mark: i32) -> Self {
        Self { mark, held: watch::channel(None).0, times: AtomicU64::new(0) }
    }

    pub(crate) fn mark(&self) -> i32 {
        self.mark
    }

    pub(crate) fn seat(&self) -> Seat {
        Seat { mark: self.mark.into(), held: self.held.subscribe() }
    }

    pub(crate) fn sit(&self) -> Sitting<'_> {
        self.held.send_replace(Some(self.times.fetch_add(1, Ordering::Relaxed) + 1));
        Sitting(self)
    }
}

impl Drop for Sitting<'_> {
    fn drop(&mut self) {
        self.0.held.send_replace(None);
    }
}

impl Store {
    /// This process's seat.
    pub fn seat(&self) -> Seat {
        match &self.0 {
            Engine::Sqlite(_) => Chair::new(0).seat(),
            Engine::Postgres(engine) => engine.chair().seat(),
        }
    }

    /// The marks of all seats that are held now. Whoever is missing has ended, or has lost its connection, or the server was started
    /// anew: whoever asks tells these apart.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn seated(&self) -> Result<BTreeSet<i64>, StoreError> {
        match &self.0 {
            Engine::Sqlite(_) => Ok(BTreeSet::new()),
            Engine::Postgres(engine) => engine.seated().await,
        }
    }
}
