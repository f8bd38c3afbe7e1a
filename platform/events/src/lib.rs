#![doc = include_str!("../README.md")]

mod append;
mod event;
mod http;
mod reading;
mod registry;
mod stream;

use std::sync::Arc;

use jobs::Jobs;
use kernel::{Clock, Entropy};
use store::{Migration, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use append::{AppendError, Appended, Checked};
pub use event::{Event, EventType, Filter, NewEvent};
pub use http::routes;
pub use reading::{EventRow, Query};
pub use registry::{Invalid, Registry, Stream, Work};
pub use stream::{StreamHandler, WorkHandler};

/// The event log of this process. Clones are handles to the same one.
#[derive(Clone)]
pub struct Events(pub(crate) Arc<Log>);

pub(crate) struct Log {
    pub(crate) store: Store,
    pub(crate) jobs: Jobs,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) registry: Registry,
    /// The newest position that a commit of this process announced.
    pub(crate) head: tokio::sync::watch::Sender<i64>,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Events {
    /// Over a store and its jobs, with everything that was declared.
    pub fn new(store: Store, jobs: Jobs, clock: Clock, entropy: Entropy, registry: Registry) -> Self {
        let (head, _) = tokio::sync::watch::channel(0);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        Self(Arc::new(Log { store, jobs, clock, entropy, registry, head, stop, tasks }))
    }
}

/// The tables of this part.
pub const MIGRATIONS: &[Migration] = &[Migration {
    part: "events",
    version: 1,
    sql: "
CREATE TABLE events (
    position BIGSERIAL PRIMARY KEY,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    source TEXT NOT NULL,
    subject TEXT,
    time_ms BIGINT NOT NULL,
    schema_version INTEGER NOT NULL,
    trace TEXT,
    data TEXT NOT NULL
);
CREATE UNIQUE INDEX events_id ON events (source, id);
CREATE INDEX events_type ON events (type, position);
CREATE INDEX events_subject ON events (subject, position) WHERE subject IS NOT NULL;
CREATE TABLE event_cursors (
    stream TEXT NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL,
    moved_at_ms BIGINT NOT NULL
);
",
}];
