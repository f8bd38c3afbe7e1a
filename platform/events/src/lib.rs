#![doc = include_str!("../README.md")]

mod append;
mod asyncapi;
mod cloud_event;
pub mod compatibility;
mod condition;
mod event;
mod filter;
mod fresh;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod handler;
mod hints;
mod http;
mod migrations;
mod publish;
mod reading;
mod registry;
mod replay;
mod replays;
mod retention;
#[cfg(test)]
mod simulation;
mod state;
mod store;
mod stream;
mod subscriptions;
mod tail;
mod work;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use ::store::Store;
use fleet::Fleet;
use jobs::Jobs;
use kernel::{Clock, Entropy};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use fresh::Fresh;
use stream::Served;
use tail::Newest;

pub use append::{AppendError, Appended, Checked};
pub use condition::Condition;
pub use event::{Event, EventType, NewEvent};
pub use filter::Filter;
pub use http::routes;
pub use migrations::MIGRATIONS;
pub use reading::{EventRow, Query};
pub use registry::{Invalid, Registry, Stream, Work};

/// The event log of this process. Clones are handles to the same one.
#[derive(Clone)]
pub struct Events(pub(crate) Arc<Log>);

pub(crate) struct Log {
    pub(crate) store: Store,
    pub(crate) jobs: Jobs,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) registry: Registry,
    /// The streams that this process serves.
    pub(crate) served: Mutex<HashMap<&'static str, Served>>,
    /// What was appended here and is on its way to its jobs.
    pub(crate) fresh: Fresh,
    /// What the last round of pruning was told to keep.
    pub(crate) retention: Mutex<Option<retention::Keep>>,
    /// What live tails show.
    pub(crate) newest: Newest,
    /// The newest position that a commit of this process announced.
    pub(crate) head: tokio::sync::watch::Sender<i64>,
    /// Elects the one process that runs a stream; where there is none, this one does.
    pub(crate) fleet: OnceLock<Fleet>,
    /// Somebody here waits for what other processes do.
    pub(crate) attending: OnceLock<()>,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Events {
    /// Over a store and its jobs, with everything that was declared.
    pub fn new(store: Store, jobs: Jobs, clock: Clock, entropy: Entropy, registry: Registry) -> Self {
        let (head, _) = tokio::sync::watch::channel(0);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (served, fresh, retention, newest) = (Mutex::default(), Fresh::default(), Mutex::default(), Newest::new());
        Self(Arc::new(Log {
            store,
            jobs,
            clock,
            entropy,
            registry,
            served,
            fresh,
            retention,
            newest,
            head,
            fleet: OnceLock::new(),
            attending: OnceLock::new(),
            stop,
            tasks,
        }))
    }

    /// From now on each stream that is served here runs in one process of this fleet at a time. Before the first is served.
    pub fn led_by(&self, fleet: Fleet) {
        // The first stays: a process is of one fleet.
        let _ = self.0.fleet.set(fleet);
    }
}

impl Log {
    /// The log reaches so far: wakes tails.
    pub(crate) fn announce(&self, position: i64) {
        self.head.send_if_modified(|head| std::mem::replace(head, (*head).max(position)) < position);
    }

    /// An event of this type is in the log: wakes the streams that want it.
    pub(crate) fn wake(&self, kind: &str) {
        let served = self.served.lock();
        served.values().filter(|it| it.stream.filter.wants(kind)).for_each(|it| it.news.notify_one());
    }
}
