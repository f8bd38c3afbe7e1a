//! How a stream goes through failures, as pure rules.
//!
//! ```text
//!             a batch fails                  fails again, 3rd time             down to one event, n failures alone
//!  flowing ───────────────────► retrying ───────────────────────► isolating ──────────────────────────────► parked
//!     ▲     pause, doubling        │          half of the batch      │   a half went through: the other half    │
//!     └────────── success ─────────┴──────── past the suspects ──────┘◄──────────── next event ─────────────────┘
//! ```
//!
//! Three events parked with no success between them are no poison but an outage: the stream holds from then on.

/// A batch fails so often before it is halved.
pub(crate) const ISOLATE_AFTER: u32 = 3;
/// Events parked in a row before it is taken for an outage.
pub(crate) const PARKED_IN_A_ROW: u32 = 3;

/// How one stream is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retry {
    /// The first pause, milliseconds; it doubles.
    pub(crate) first_ms: u64,
    /// The longest pause, milliseconds.
    pub(crate) most_ms: u64,
    /// Failures of one event alone before it is parked; 0: never, the stream holds.
    pub(crate) park_after: u32,
}

/// Where a stream is between two batches. Lives in the memory of whoever serves it: after a crash it begins anew, which
/// repeats tries and loses nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Serving {
    retry: Retry,
    most: usize,
    window: usize,
    /// Failures since the last success, park or halving.
    failures: u32,
    /// The last position of a batch that was halved: the poison is not beyond it.
    suspect: i64,
    parked_in_a_row: u32,
    pause_ms: u64,
}

/// What comes after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next batch, as large as [`Serving::window`] now says, after this pause (milliseconds).
    Again(u64),
    /// The only event of the batch goes to the parked list; then at once the next batch.
    Park,
}

impl Serving {
    /// A stream whose batches have `most` events at most.
    pub(crate) fn new(retry: Retry, most: usize) -> Self {
        Self { retry, most, window: most, failures: 0, suspect: 0, parked_in_a_row: 0, pause_ms: retry.first_ms }
    }

    /// How many events the next batch may have.
    pub(crate) fn window(&self) -> usize {
        self.window
    }

    /// A batch that ends at `last` went through.
    pub(crate) fn succeeded(&mut self, last: i64) {
        if last >= self.suspect {
            (self.window, self.suspect) = (self.most, 0);
        }
        (self.failures, self.parked_in_a_row, self.pause_ms) = (0, 0, self.retry.first_ms);
    }

    /// The handler refused a batch of `count` events that ends at `last`.
    pub(crate) fn failed(&mut self, count: usize, last: i64) -> Next {
        self.failures += 1;
        if count > 1 {
            // While it looks for the culprit one failure of a part is enough.
            if self.retry.park_after > 0 && (self.suspect > 0 || self.failures >= ISOLATE_AFTER) {
                self.suspect = self.suspect.max(last);
                self.window = count.div_ceil(2);
                self.failures = 0;
            }
            return Next::Again(self.pause());
        }
        let may_park = self.retry.park_after > 0 && self.parked_in_a_row < PARKED_IN_A_ROW;
        if may_park && self.failures >= self.retry.park_after { Next::Park } else { Next::Again(self.pause()) }
    }

    /// The store did not take the batch, or could not be read: nobody's event is to blame.
    pub(crate) fn store_failed(&mut self) -> u64 {
        self.pause()
    }

    /// The only event of the batch, at `position`, is in the parked list.
    pub(crate) fn parked(&mut self, position: i64) {
        // Where there was one there may be another: the rest is tried whole, and halved again if it must be.
        let in_a_row = self.parked_in_a_row + 1;
        self.succeeded(position.max(self.suspect));
        self.parked_in_a_row = in_a_row;
    }

    fn pause(&mut self) -> u64 {
        let pause_ms = self.pause_ms;
        self.pause_ms = (pause_ms * 2).min(self.retry.most_ms);
        pause_ms
    }
}

/// What the log still owes: it must stay, whatever retention says.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owed {
    /// The stream has handled everything up to here.
    pub(crate) cursor: i64,
    /// A running replay begins here.
    pub(crate) replay: Option<i64>,
    /// This very event is parked, or an unfinished job is owed for it.
    pub(crate) held: bool,
}

/// Whether retention may remove the event at a position. `retention.rs` says the same in SQL.
#[cfg(test)]
pub(crate) fn may_go(position: i64, owed: Owed) -> bool {
    position <= owed.cursor && owed.replay.is_none_or(|next| position < next) && !owed.held
}
