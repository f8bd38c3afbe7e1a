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

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
}

impl Schedules {
    /// Schedules over a store. Nothing fires before [`Schedules::run`].
    pub fn new(store: Store, jobs: Jobs, clock: Clock, entropy: Entropy) -> Self {
        let (look, changes) = (Notify::new(), AtomicU64::new(0));
        Self(Arc::new(Engine { store, jobs, clock, entropy, look, changes }))
    }

    /// A number that grows whenever this process fired or changed a schedule.
    pub fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    /// Looks again: for tests whose clock was moved, and for hints from elsewhere.
    pub fn wake(&self) {
        self.0.look.notify_one();
    }

    pub(crate) fn changed(&self) {
        self.0.changes.fetch_add(1, Ordering::Release);
    }
}
