//! Who makes a change, and whether they still may at the moment it is written.

use std::fmt;

use kernel::{PersonId, Problem, ProblemResult};
use store::Tx;

use crate::people::model::Role;
use crate::people::store as rows;

/// Somebody who administers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// Whoever has the data directory: by a link, or by the command line.
    Admin,
    /// A person.
    Person(PersonId),
}

impl Actor {
    /// The one that is written so.
    pub(crate) fn named(name: &str) -> Option<Self> {
        if name == "admin" { Some(Self::Admin) } else { name.parse().ok().map(Self::Person) }
    }

    /// Fails unless the actor is an administrator now: a request takes its time, and rights may be taken back meanwhile.
    pub(crate) async fn must_administer(self, tx: &mut Tx, now_ms: i64) -> ProblemResult<()> {
        match self {
            Self::Admin => Ok(()),
            Self::Person(id) => match rows::acting(tx, id, now_ms).await? {
                Some((Role::Admin, _)) => Ok(()),
                _ => Err(Problem::forbidden("Only an administrator may do this.")),
            },
        }
    }
}

/// `admin`, or the person's id. Stored: never changes.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Admin => f.write_str("admin"),
            Self::Person(id) => write!(f, "{id}"),
        }
    }
}
