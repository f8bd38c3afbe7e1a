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
//!
//! A process that was killed need not be waited for so long: its connection to the database has ended with it.
//!
//! ```text
//!  leader      ── beat n, by connection c ──┼ killed
//!  the server                               ┼ c is closed
//!  follower    ── counts c ────────┴── misses c: looks ── sees beat n, by c ──── seen + GONE: takes over
//! ```
//!
//! A connection may end and the process live. Then it looks at once, and its beat says that it has none, or another: so nobody misses it,
//! and its silence counts. Until that beat is committed it trusts itself for LOST after its connection was counted last. That one is
//! closed says something only to who counted it by the same connection of its own: when the server is started anew, all are.

use std::collections::{BTreeSet, HashMap};

use kernel::limits;

/// Another instance as a look found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Other {
    pub(crate) id: String,
    /// Grows with every look of its own.
    pub(crate) beat: i64,
    /// The number of the connection that it had with this beat; 0 for none.
    pub(crate) connection: i64,
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
    connection: i64,
    count: Count,
}

/// What was counted of another's connection.
#[derive(Clone, Copy)]
enum Count {
    /// It was not: that it is closed says nothing.
    Never,
    Open,
    /// Missed at this time, milliseconds.
    Missed(u64),
    /// Closed before the look that found the beat that is known, and was answered at this time, milliseconds.
    Gone(u64),
}

impl Seen {
    fn dead_at_ms(&self) -> u64 {
        let silent_ms = self.first_ms + limits::FLEET_SILENT_MS;
        match self.count {
            Count::Gone(since_ms) => silent_ms.min(since_ms + limits::FLEET_GONE_MS),
            _ => silent_ms,
        }
    }
}

/// This process's connection; 0 for none.
#[derive(Clone, Copy, Default)]
struct Own {
    number: i64,
    /// When it was known to be open last.
    counted_ms: u64,
}

/// What one process knows of its fleet.
#[derive(Default)]
pub(crate) struct View {
    seen: HashMap<String, Seen>,
    led: BTreeSet<String>,
    fence_ms: u64,
    own: Own,
    /// The one before.
    lost: Own,
}

impl View {
    /// Whom to hold for dead now, with their last beats.
    pub(crate) fn silent(&self, now_ms: u64) -> Vec<(String, i64)> {
        let dead = self.seen.iter().filter(|(_, seen)| now_ms >= seen.dead_at_ms());
        dead.map(|(id, seen)| (id.clone(), seen.beat)).collect()
    }

    /// A look was begun at `sent_ms`, by a process with this `connection`, and its commit answered at `now_ms`.
    pub(crate) fn looked(&mut self, sent_ms: u64, connection: i64, now_ms: u64, found: &Found) {
        let mut seen = HashMap::new();
        for Other { id, beat, connection } in &found.others {
            let before = self.seen.remove(id).filter(|before| before.connection == *connection);
            let counted = before.as_ref().map_or(Count::Never, |before| before.count);
            let same = before.filter(|before| before.beat == *beat);
            let count = match counted {
                // Its last beat may be from before its end, and is the one that must not change any more.
                Count::Missed(at_ms) if sent_ms >= at_ms => Count::Gone(now_ms),
                // It lives: its silence will tell.
                Count::Gone(_) if same.is_none() => Count::Never,
                counted => counted,
            };
            let first_ms = same.map_or(now_ms, |same| same.first_ms);
            seen.insert(id.clone(), Seen { beat: *beat, first_ms, connection: *connection, count });
        }
        (self.seen, self.led) = (seen, found.led.clone());
        self.fence_ms = sent_ms + limits::FLEET_FENCE_MS;
        // It was lost meanwhile, and may be missed.
        if connection != 0 && connection != self.own.number {
            let lost = Some(self.lost).filter(|lost| lost.number == connection).unwrap_or_default();
            self.fence_ms = self.fence_ms.min(lost.counted_ms + limits::FLEET_LOST_MS);
        }
    }

    /// These connections were found open in a look at them that was begun at `sent_ms`. Whether it is worth a look at the fleet: somebody
    /// is missed, or the own one is.
    pub(crate) fn counted(&mut self, sent_ms: u64, now_ms: u64, open: &BTreeSet<i64>) -> bool {
        if !open.contains(&self.own.number) {
            self.connects(now_ms, 0);
            return true;
        }
        self.own.counted_ms = sent_ms;
        for seen in self.seen.values_mut() {
            seen.count = match seen.count {
                _ if open.contains(&seen.connection) => Count::Open,
                Count::Open => Count::Missed(now_ms),
                count => count,
            };
        }
        self.seen.values().any(|seen| matches!(seen.count, Count::Missed(_)))
    }

    /// This process has this connection now; 0 for none. By another one nobody was counted: the server may have been started anew.
    pub(crate) fn connects(&mut self, now_ms: u64, number: i64) {
        let before = std::mem::replace(&mut self.own, Own { number, counted_ms: now_ms });
        if before.number != 0 {
            self.lost = before;
            self.fence_ms = self.fence_ms.min(before.counted_ms + limits::FLEET_LOST_MS);
        }
        self.seen.values_mut().for_each(|seen| seen.count = Count::Never);
    }

    /// Until when this process leads in something unless it looks again; `None` where it does not.
    pub(crate) fn fence_ms(&self, name: &str) -> Option<u64> {
        self.led.contains(name).then_some(self.fence_ms)
    }

    /// The connection that this process has, as far as it knows.
    pub(crate) fn connection(&self) -> i64 {
        self.own.number
    }

    /// When to look again: a beat from now, or when somebody will be dead.
    pub(crate) fn next_ms(&self, now_ms: u64) -> u64 {
        let dead_ms = self.seen.values().map(Seen::dead_at_ms).min();
        dead_ms.unwrap_or(u64::MAX).clamp(now_ms + 1, now_ms + limits::FLEET_BEAT_MS)
    }

    /// It leads in nothing from now on.
    pub(crate) fn resign(&mut self) {
        self.led.clear();
    }
}
