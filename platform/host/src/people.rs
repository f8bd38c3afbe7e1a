//! What becomes of people, as events: identity says it, and the log has it in the same transaction. Neither name nor address is in
//! them, which could not be taken back from a log.

use std::sync::Arc;

use events::{AppendError, EventType, Events, NewEvent, Registry};
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use identity::Identity;
use identity::people::{Annals, FOR_EVER_MS, Turn, Untold, Way};
use kernel::PersonId;
use serde::{Deserialize, Serialize};
use store::Tx;

/// Who says so.
const SOURCE: &str = "/people";

/// There is a new person.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
struct Registered {
    /// Who.
    person: String,
    /// What they may do: `member` or `admin`.
    role: String,
    /// How they came.
    by: By,
}

#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
enum By {
    /// An administrator made the account.
    Administrator,
    Invitation,
    /// By themselves.
    Registration,
    /// By the first token of an issuer.
    Issuer,
}

/// What was known of a person is removed.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
struct Deleted {
    /// Who.
    person: String,
}

/// A person may not come.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
struct Banned {
    /// Who.
    person: String,
    /// Until then, Unix milliseconds; absent for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until_ms: Option<i64>,
}

/// A ban was taken back.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
struct Unbanned {
    /// Who.
    person: String,
}

macro_rules! kinds {
    ($($fact:ty = $kind:literal,)*) => {
        $(impl EventType for $fact {
            const TYPE: &'static str = $kind;
        })*

        /// Declares what is said of people.
        pub fn declare(registry: &mut Registry) {
            registry.reserve(SOURCE);
            $(registry.event::<$fact>();)*
        }
    };
}

kinds! {
    Registered = "user.registered",
    Deleted = "user.deleted",
    Banned = "user.banned",
    Unbanned = "user.unbanned",
}

/// Has identity say what becomes of people in this log, at set-up.
pub fn tell(identity: &Identity, events: &Events) {
    identity.written_down_by(Arc::new(Log(events.clone())));
}

struct Log(Events);

impl Annals for Log {
    fn write<'a>(&'a self, tx: &'a mut Tx, who: PersonId, turn: Turn) -> LocalBoxFuture<'a, Result<(), Untold>> {
        async move {
            let person = who.to_string();
            let event = match turn {
                Turn::Registered { role, way } => {
                    let by = match way {
                        Way::Made => By::Administrator,
                        Way::Invited => By::Invitation,
                        Way::Joined => By::Registration,
                        Way::Issued => By::Issuer,
                    };
                    NewEvent::of(SOURCE, &Registered { person: person.clone(), role: role.name().to_owned(), by })
                }
                Turn::Deleted => NewEvent::of(SOURCE, &Deleted { person: person.clone() }),
                Turn::Banned { until_ms } => {
                    let until_ms = Some(until_ms).filter(|until_ms| *until_ms < FOR_EVER_MS);
                    NewEvent::of(SOURCE, &Banned { person: person.clone(), until_ms })
                }
                Turn::Unbanned => NewEvent::of(SOURCE, &Unbanned { person: person.clone() }),
            };
            let told = async {
                let event = self.0.check(event.subject(Some(person)))?;
                self.0.append(tx, &event).await
            };
            match told.await {
                Ok(_) => Ok(()),
                Err(AppendError::Store(error)) => Err(Untold::Store(error)),
                Err(error) => Err(Untold::Log(error.into())),
            }
        }
        .boxed_local()
    }
}
