//! Which processes of a fleet are connected to the database at this moment. A process's connection ends with it, however it ends, and the
//! server knows at once: so do the others, who need not wait for its silence.
//!
//! Each connection that carries a process's hints holds a shared lock under a number of its own, which others find among the server's locks.

use std::collections::BTreeSet;

use kernel::Entropy;
use tokio::sync::watch;

use crate::{Engine, Store, StoreError};

/// The number of this process's connection as others see it. On the embedded engine there is none.
#[derive(Clone, Debug)]
pub struct Connection(watch::Receiver<i64>);

impl Connection {
    /// From 1 on, by chance, another one for each connection; 0 while there is none.
    pub fn number(&self) -> i64 {
        *self.0.borrow()
    }

    /// Waits until there is another one, or none any more.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            // The store is closed.
            std::future::pending::<()>().await;
        }
    }
}

/// The side of whoever makes the connections.
pub(crate) struct Connections {
    entropy: Entropy,
    number: watch::Sender<i64>,
}

/// Dropped with its connection.
pub(crate) struct Open<'a>(&'a Connections);

impl Connections {
    pub(crate) fn new(entropy: Entropy) -> Self {
        Self { entropy, number: watch::channel(0).0 }
    }

    /// A number for the next one.
    pub(crate) fn draw(&self) -> i32 {
        1 + self.entropy.below(i32::MAX as u64) as i32
    }

    /// Its lock is held from now on.
    pub(crate) fn open(&self, number: i32) -> Open<'_> {
        self.number.send_replace(number.into());
        Open(self)
    }

    pub(crate) fn own(&self) -> Connection {
        Connection(self.number.subscribe())
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.number.send_replace(0);
    }
}

impl Store {
    /// This process's own.
    pub fn connection(&self) -> Connection {
        match &self.0 {
            Engine::Sqlite(_) => Connection(watch::channel(0).1),
            Engine::Postgres(engine) => engine.connections().own(),
        }
    }

    /// The numbers of all that are open now. Whoever is missing has ended, or has lost its connection, or the server was started anew:
    /// whoever asks tells these apart.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn connected(&self) -> Result<BTreeSet<i64>, StoreError> {
        match &self.0 {
            Engine::Sqlite(_) => Ok(BTreeSet::new()),
            Engine::Postgres(engine) => engine.connected().await,
        }
    }
}
