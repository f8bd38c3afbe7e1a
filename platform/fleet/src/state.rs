//! Who lives, and until when this process may lead, as pure rules.
//!
//! ```text
//!               sent ──── answered                            sent + FENCE
//!  leader      ──┼──────────┼──────── leads ───────────────────────┼─ deposes itself
//!                │ commit of beat n                                │
//!  follower    ──┴──┼──────── hears nothing but beat n ────────────┴────────┼─ takes over
//!              sees beat n                                             seen + SILENT
//! ```
//!
//! Times are milliseconds of this process's own monotonic clock, and are never compared with another's. A beat is seen after its
//! commit, which is after it was sent: so whoever has seen nothing new for longer than a leader trusts itself knows that it no
//! longer does, as long as their clocks do not run at rates that differ by a quarter. A beat that was heard of since is found in
//! the transaction that would take over, and stops it.

use std::collections::{BTreeSet, HashMap};

use kernel::limits;

/// Another instance as a look found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Other {
    pub(crate) id: String,
    /// Grows with every look of its own.
    pub(crate) beat: i64,
}

/// What a look found, once it was committed.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// The own row.
    pub(crate) id: String,
    pub(crate) others: Vec<Other>,
    /// What the own row leads.
    pub(crate) led: BTreeSet<String>,
    /// Others should look as well: somebody came, or went.
    pub(crate) news: bool,
}

struct Seen {
    beat: i64,
    first_ms: u64,
}

/// What one process knows of its fleet.
#[derive(Default)]
pub(crate) struct View {
    seen: HashMap<String, Seen>,
    led: BTreeSet<String>,
    fence_ms: u64,
}

impl View {
    /// Whom to hold for dead now, with their last beats.
    pub(crate) fn silent(&self, now_ms: u64) -> Vec<(String, i64)> {
        let dead = self.seen.iter().filter(|(_, seen)| now_ms >= seen.first_ms + limits::FLEET_SILENT_MS);
        dead.map(|(id, seen)| (id.clone(), seen.beat)).collect()
    }

    /// A look was begun at `sent_ms`, and its commit answered at `now_ms`.
    pub(crate) fn looked(&mut self, sent_ms: u64, now_ms: u64, found: &Found) {
        let mut seen = HashMap::new();
        for Other { id, beat } in &found.others {
            let before = self.seen.remove(id).filter(|seen| seen.beat == *beat);
            seen.insert(id.clone(), before.unwrap_or(Seen { beat: *beat, first_ms: now_ms }));
        }
        (self.seen, self.led) = (seen, found.led.clone());
        self.fence_ms = sent_ms + limits::FLEET_FENCE_MS;
    }

    /// Until when this process leads in something unless it looks again; `None` where it does not.
    pub(crate) fn fence_ms(&self, name: &str) -> Option<u64> {
        self.led.contains(name).then_some(self.fence_ms)
    }

    /// When to look again: a beat from now, or when somebody has been silent for long enough.
    pub(crate) fn next_ms(&self, now_ms: u64) -> u64 {
        let dead = self.seen.values().map(|seen| seen.first_ms + limits::FLEET_SILENT_MS);
        dead.min().unwrap_or(u64::MAX).clamp(now_ms + 1, now_ms + limits::FLEET_BEAT_MS)
    }

    /// It leads in nothing from now on.
    pub(crate) fn resign(&mut self) {
        self.led.clear();
    }
}
