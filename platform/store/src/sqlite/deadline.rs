//! How long a closure may keep a connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::StoreError;

/// Steps of SQLite's machine between two looks: some ten microseconds.
const STEPS: i32 = 1_000;
const NEVER: u64 = u64::MAX;

/// A moment from which on every statement of a connection is interrupted. Clones are handles to the same.
#[derive(Clone)]
pub(crate) struct Deadline {
    /// Microseconds after `origin`.
    at: Arc<AtomicU64>,
    origin: Instant,
}

impl Deadline {
    pub(crate) fn on(connection: &mut Connection) -> Result<Self, StoreError> {
        let deadline = Self { at: Arc::new(AtomicU64::new(NEVER)), origin: Instant::now() };
        let watched = deadline.clone();
        connection.progress_handler(STEPS, Some(move || watched.is_over()))?;
        Ok(deadline)
    }

    pub(crate) fn set(&self, limit: Duration) {
        self.at.store((self.origin.elapsed() + limit).as_micros() as u64, Ordering::Relaxed);
    }

    /// Ends it; whether the time was over.
    pub(crate) fn clear(&self) -> bool {
        let over = self.is_over();
        self.at.store(NEVER, Ordering::Relaxed);
        over
    }

    /// The time is over now, if it runs at all.
    pub(crate) fn cut(&self) {
        let _ = self.at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |at| (at != NEVER).then_some(0));
    }

    pub(crate) fn is_over(&self) -> bool {
        let at = self.at.load(Ordering::Relaxed);
        at != NEVER && self.origin.elapsed().as_micros() as u64 >= at
    }
}
