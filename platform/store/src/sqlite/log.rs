//! Keeps the write-ahead log short, off the writer's thread.
//!
//! A thread with a connection of its own copies the log into the file (a passive checkpoint: it waits for nobody and
//! nobody waits for it), on a signal after so many bytes and on a timer. Only the writer can start the log over from its
//! beginning: when the log has its full length and the thread has copied all but a small rest, it asks the writer to copy that
//! rest between two commits; the next commit then begins at the front. The file of the log is overwritten, never cut, so that
//! a sync of it has no length to write down.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kernel::limits;
use parking_lot::{Condvar, Mutex, MutexGuard};
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, DEFAULT_NAME};

use super::deadline::Deadline;
use super::writer::Figures;
use crate::StoreError;

/// A passive checkpoint repeated so often leaves only what was written during the last, shortest one.
const APPROACHES: u32 = 4;
/// What the writer copies itself at most, in pages, so that nobody waits for more than this.
const REST_PAGES: u64 = 256;

/// What the writer, the checkpointer and the figures share about the log.
pub(crate) struct Log {
    page_bytes: u64,
    state: Mutex<State>,
    changed: Condvar,
    /// The writer is asked to copy the rest.
    finish: AtomicBool,
    /// Held while the log is copied: SQLite refuses a second copier instead of letting it wait.
    copying: Mutex<()>,
    pub(crate) checkpoints: AtomicU64,
    pub(crate) last_checkpoint_us: AtomicU64,
}

#[derive(Default)]
struct State {
    /// Pages in the log since its last beginning.
    pages: u64,
    /// Of these, copied into the file.
    copied: u64,
    /// Of these, there when a copy was last tried: what a reader holds back is not tried again at every commit.
    tried: u64,
    /// How often it began again.
    beginnings: u64,
    /// A share is there to be copied.
    due: bool,
    closed: bool,
}

impl State {
    /// Pages that are only in the log.
    fn waiting(&self) -> u64 {
        self.pages.saturating_sub(self.copied)
    }
}

impl Log {
    pub(crate) fn new(page_bytes: u64) -> Self {
        Self {
            page_bytes,
            state: Mutex::default(),
            changed: Condvar::new(),
            finish: AtomicBool::new(false),
            copying: Mutex::default(),
            checkpoints: AtomicU64::new(0),
            last_checkpoint_us: AtomicU64::new(0),
        }
    }

    /// The writer committed; the log has so many pages now. A log that began again has fewer than it had.
    pub(crate) fn is_at(&self, pages: u64) {
        let mut state = self.state.lock();
        let rested = state.waiting() == 0;
        if pages < state.pages {
            (state.copied, state.tried, state.beginnings) = (0, 0, state.beginnings + 1);
        }
        state.pages = pages;
        state.due = pages.saturating_sub(state.tried) * self.page_bytes >= limits::STORE_CHECKPOINT_BYTES;
        // The first page after a rest starts the timer; a full share is copied at once.
        if rested || state.due {
            self.changed.notify_one();
        }
    }

    /// The writer's part, between two commits: the rest that it was asked for, or everything when the other thread cannot keep
    /// up with it.
    pub(crate) fn help(&self, connection: &Connection) -> rusqlite::Result<()> {
        if self.is_behind() {
            self.copy(connection, &self.copying.lock())?;
        } else if self.finish.load(Ordering::Relaxed)
            && let Some(copying) = self.copying.try_lock()
        {
            self.finish.store(false, Ordering::Relaxed);
            self.copy(connection, &copying)?;
        }
        Ok(())
    }

    /// Whether the log has twice its length, and it is worth another try.
    fn is_behind(&self) -> bool {
        let state = self.state.lock();
        state.pages * self.page_bytes >= 2 * limits::STORE_LOG_BYTES && state.due
    }

    /// Bytes in use since the log last began.
    pub(crate) fn bytes(&self) -> u64 {
        self.state.lock().pages * self.page_bytes
    }

    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_one();
    }

    /// Waits for a share to copy, or for the timer while anything waits at all. `false` at the end.
    fn wait(&self) -> bool {
        let mut state = self.state.lock();
        while !state.closed && state.waiting() == 0 {
            self.changed.wait(&mut state);
        }
        let until = Instant::now() + Duration::from_millis(limits::STORE_CHECKPOINT_MS);
        while !state.closed && !state.due && !self.changed.wait_until(&mut state, until).timed_out() {}
        state.due = false;
        !state.closed
    }

    /// Copies what can be copied without waiting for anybody; how many pages are left to copy.
    fn copy(&self, connection: &Connection, _alone: &MutexGuard<'_, ()>) -> rusqlite::Result<u64> {
        let begun = Instant::now();
        let beginnings = {
            let mut state = self.state.lock();
            state.tried = state.pages;
            state.beginnings
        };
        let (_, copied) = connection.wal_checkpoint_v2(DEFAULT_NAME, CheckpointMode::PASSIVE)?;
        let took = begun.elapsed();
        self.checkpoints.fetch_add(1, Ordering::Relaxed);
        self.last_checkpoint_us.store(took.as_micros() as u64, Ordering::Relaxed);
        metrics::histogram!("store_checkpoint_seconds").record(took.as_secs_f64());
        let mut state = self.state.lock();
        if state.beginnings == beginnings {
            state.copied = u64::try_from(copied).unwrap_or(0);
        }
        metrics::gauge!("store_log_bytes").set((state.pages * self.page_bytes) as f64);
        Ok(state.waiting())
    }
}

/// The thread that copies.
pub(crate) struct Checkpointer {
    pub(crate) connection: Connection,
    pub(crate) log: Arc<Log>,
    pub(crate) figures: Arc<Figures>,
    /// The readers' time limits: a reader that keeps the log from starting over loses its snapshot.
    pub(crate) readers: Vec<Deadline>,
}

impl Checkpointer {
    /// Serves until the log is closed.
    pub(crate) fn run(self) {
        let mut failing = false;
        while self.log.wait() {
            let copied = self.approach();
            if let Err(error) = &copied
                && !failing
            {
                // The log keeps everything meanwhile; the timer tries again.
                tracing::error!(error = %kernel::problem::chain(error), "a checkpoint failed");
            }
            failing = copied.is_err();
        }
    }

    fn approach(&self) -> Result<(), StoreError> {
        for _ in 0..APPROACHES {
            let copied = self.log.copy(&self.connection, &self.log.copying.lock()).map_err(StoreError::from);
            let rest = copied.inspect_err(|error| self.figures.note(error))?;
            if self.log.bytes() < limits::STORE_LOG_BYTES {
                return Ok(());
            }
            if rest <= REST_PAGES {
                break;
            }
        }
        self.log.finish.store(true, Ordering::Relaxed);
        if self.log.bytes() >= limits::STORE_LOG_MAX_BYTES {
            tracing::warn!(
                bytes = self.log.bytes(),
                "reads that keep the write-ahead log from starting over are ended"
            );
            self.readers.iter().for_each(Deadline::cut);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine so busy that the thread never gets its turn.
    #[test]
    fn a_writer_whose_checkpointer_never_comes_keeps_the_log_short_itself() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("log.db");
        let log = Arc::new(Log::new(4096));
        let mut connection = Connection::open(&file).expect("opened");
        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = NORMAL;
            CREATE TABLE t (id INTEGER PRIMARY KEY, bytes BLOB); INSERT INTO t VALUES (1, NULL);";
        connection.execute_batch(pragmas).expect("made");
        let grown = log.clone();
        let hook = move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            grown.is_at(pages.unsigned_abs().into());
            Ok(())
        };
        connection.wal_hook(Some(hook)).expect("hooked");
        let mut longest = 0;
        for n in 0..4 * limits::STORE_LOG_BYTES / 1_000_000 {
            connection.execute("UPDATE t SET bytes = ?1", [vec![n as u8; 1_000_000]]).expect("written");
            log.help(&connection).expect("copied");
            longest = longest.max(log.bytes());
        }
        assert!(longest < 2 * limits::STORE_LOG_BYTES + 2_000_000, "{longest}");
        assert!(file.with_extension("db-wal").metadata().expect("there").len() < 3 * limits::STORE_LOG_BYTES);
    }
}
