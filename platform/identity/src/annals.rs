//! What becomes of people, for whoever keeps a log of it: said in the transaction that does it, so that neither is without the other.

use std::error::Error;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use kernel::{PersonId, Problem};
use store::{StoreError, Tx};

use crate::Identity;
use crate::people::Role;

/// What became of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// There is this person now.
    Registered {
        /// What they may do.
        role: Role,
        /// How they came.
        way: Way,
    },
    /// What was known of them is removed.
    Deleted,
    /// They may not come.
    Banned {
        /// Until then, Unix milliseconds.
        until_ms: i64,
    },
    /// They may come again.
    Unbanned,
}

/// How a person came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// An administrator made the account, on a page or by the command line.
    Made,
    /// By an invitation.
    Invited,
    /// By themselves.
    Joined,
    /// By the first token of an issuer.
    Issued,
}

/// Keeps a log of what becomes of people.
pub trait Annals: Send + Sync {
    /// Writes it down in the caller's transaction. What fails here has not happened.
    fn write<'a>(&'a self, tx: &'a mut Tx, who: PersonId, turn: Turn) -> LocalBoxFuture<'a, Result<(), Untold>>;
}

/// Nothing was written down.
#[derive(Debug, thiserror::Error)]
pub enum Untold {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log refused.
    #[error("what became of a person could not be written down")]
    Log(#[source] Box<dyn Error + Send + Sync>),
}

impl From<Untold> for Problem {
    fn from(untold: Untold) -> Self {
        match untold {
            Untold::Store(error) => error.into(),
            Untold::Log(error) => Self::internal(error),
        }
    }
}

impl Identity {
    /// Has what becomes of people written down there; the first one stays.
    pub fn written_down_by(&self, annals: Arc<dyn Annals>) {
        let _ = self.annals.set(annals);
    }

    pub(crate) async fn write_down(&self, tx: &mut Tx, who: PersonId, turn: Turn) -> Result<(), Untold> {
        match self.annals.get() {
            Some(annals) => annals.write(tx, who, turn).await,
            None => Ok(()),
        }
    }
}
