#![doc = include_str!("../README.md")]

mod calendar;
#[cfg(test)]
mod calendar_test;
mod changing;
mod cron;
#[cfg(fuzzing)]
pub mod fuzzing;
mod http;
mod migrations;
mod parse;
#[cfg(test)]
mod parse_test;
mod reading;
mod spec;
mod state;
#[cfg(test)]
mod state_test;
mod store;
mod ticking;
#[cfg(test)]
mod ticking_test;
mod words;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use fleet::Fleet;
use jobs::Jobs;
use kernel::{Clock, Entropy};
use tokio::sync::Notify;

pub use self::changing::ChangeError;
pub use self::http::routes;
pub use self::migrations::MIGRATIONS;
pub use self::reading::{Firing, FiringRow, Outcome, Run, ScheduleDetail, ScheduleRow};
pub use self::spec::{Invalid, Schedule, Spec};
pub use self::state::{Missed, Overlap};
use ::store::Store;

/// The schedules of a store. Clones are handles to the same; every process may run its own over one store.
#[derive(Clone)]
pub struct Schedules(pub(crate) Arc<Engine>);

pub(crate) struct Engine {
    pub(crate) store: Store,
    pub(crate) jobs: Jobs,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    /// Something may be due earlier than the loop thinks.
    pub(crate) look: Notify,
    pub(crate) changes: AtomicU64,
    /// Elects the one process that looks; where there is none, this one does.
    pub(crate) fleet: OnceLock<Fleet>,
}

/// What the other processes are told when something fired or was changed.
pub(crate) const TOPIC: &str = "schedules";

impl Schedules {
    /// Schedules over a store. Nothing fires before [`Schedules::run`].
    pub fn new(store: Store, jobs: Jobs, clock: Clock, entropy: Entropy) -> Self {
        let (look, changes, fleet) = (Notify::new(), AtomicU64::new(0), OnceLock::new());
        Self(Arc::new(Engine { store, jobs, clock, entropy, look, changes, fleet }))
    }

    /// From now on one process of this fleet looks at a time, which saves the others the work. Before [`Schedules::run`].
    pub fn led_by(&self, fleet: Fleet) {
        // The first stays: a process is of one fleet.
        let _ = self.0.fleet.set(fleet);
    }

    /// A number that grows whenever a process fired or changed a schedule; of another one it is heard while [`Schedules::run`] runs.
    pub fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    /// Looks again: for tests whose clock was moved, and for hints from elsewhere.
    pub fn wake(&self) {
        self.0.look.notify_one();
    }

    /// A change of this process is committed.
    pub(crate) fn changed(&self) {
        self.0.store.tell(TOPIC);
        self.heard();
    }

    pub(crate) fn heard(&self) {
        self.0.changes.fetch_add(1, Ordering::Release);
    }
}
