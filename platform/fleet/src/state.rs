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
//! A process that was killed need not be waited for so long: its connection has ended with it.
//!
//! ```text
//!  leader      ── beat n ──┼ killed
//!  the server              ┼ its seat is free
//!  follower    ── sees the seat ──┴── misses it: looks ── sees beat n ──────── seen + GONE: takes over
//! ```
//!
//! A connection may end and the process live. Then it beats often until it has another, which shows that it does, and trusts each beat,
//! and the last sight of its seat, for LOST only. That a seat is free says something only to who saw it taken over the same connection of
//! its own: when the server was started anew, everybody's are.

use std::collections::{BTreeSet, HashMap};

use kernel::limits;

/// Another instance as a look found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Other {
    pub(crate) id: String,
    /// Grows with every look of its own.
    pub(crate) beat: i64,
    /// Of its seat; 0 where it has none.
    pub(crate) mark: i64,
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
    mark: i64,
    seat: Seat,
}

/// Another's seat, as this process knows it by the connection that it has now.
#[derive(Clone, Copy)]
enum Seat {
    /// Not seen taken: that it is free says nothing.
    Unknown,
    Taken,
    /// Free at this time, milliseconds.
    Missed(u64),
    /// Free before the look that found the beat that is known, and was answered at this time, milliseconds.
    Gone(u64),
}

impl Seen {
    fn dead_at_ms(&self) -> u64 {
        let silent_ms = self.first_ms + limits::FLEET_SILENT_MS;
        match self.seat {
            Seat::Gone(since_ms) => silent_ms.min(since_ms + limits::FLEET_GONE_MS),
            _ => silent_ms,
        }
    }
}

/// What one process knows of its fleet.
#[derive(Default)]
pub(crate) struct View {
    seen: HashMap<String, Seen>,
    led: BTreeSet<String>,
    fence_ms: u64,
    /// Before the own seat was seen last.
    seated_ms: u64,
    /// Since when the own connection is open.
    connected_ms: Option<u64>,
}

impl View {
    /// Whom to hold for dead now, with their last beats.
    pub(crate) fn silent(&self, now_ms: u64) -> Vec<(String, i64)> {
        let dead = self.seen.iter().filter(|(_, seen)| now_ms >= seen.dead_at_ms());
        dead.map(|(id, seen)| (id.clone(), seen.beat)).collect()
    }

    /// A look was begun at `sent_ms`, and its commit answered at `now_ms`.
    pub(crate) fn looked(&mut self, sent_ms: u64, now_ms: u64, found: &Found) {
        let mut seen = HashMap::new();
        for Other { id, beat, mark } in &found.others {
            let before = self.seen.remove(id);
            let known = before.as_ref().map_or(Seat::Unknown, |before| before.seat);
            let same = before.filter(|before| before.beat == *beat);
            let seat = match known {
                // Its last beat may be from before its end, and is the one that must not change any more.
                Seat::Missed(at_ms) if sent_ms >= at_ms => Seat::Gone(now_ms),
                // It lives without a connection: its silence will tell.
                Seat::Gone(..) if same.is_none() => Seat::Unknown,
                known => known,
            };
            let first_ms = same.map_or(now_ms, |same| same.first_ms);
            seen.insert(id.clone(), Seen { beat: *beat, first_ms, mark: *mark, seat });
        }
        (self.seen, self.led) = (seen, found.led.clone());
        let seated = self.connected_ms.is_some_and(|connected_ms| connected_ms <= sent_ms);
        self.fence_ms = sent_ms + if seated { limits::FLEET_FENCE_MS } else { limits::FLEET_LOST_MS };
    }

    /// These seats were found taken, the own among them, in a look that was begun at `sent_ms`. Whether somebody is missed, which is a
    /// reason to look at once.
    pub(crate) fn sits(&mut self, sent_ms: u64, now_ms: u64, marks: &BTreeSet<i64>) -> bool {
        self.seated_ms = sent_ms;
        for seen in self.seen.values_mut() {
            seen.seat = match seen.seat {
                _ if marks.contains(&seen.mark) => Seat::Taken,
                Seat::Taken => Seat::Missed(now_ms),
                seat => seat,
            };
        }
        self.seen.values().any(|seen| matches!(seen.seat, Seat::Missed(_)))
    }

    /// This process has a connection of its own.
    pub(crate) fn connected(&mut self, now_ms: u64) {
        self.connected_ms = Some(now_ms);
    }

    /// It has ended. What was seen by it says nothing of the others any more: the server may have been started anew.
    pub(crate) fn lost(&mut self) {
        self.connected_ms = None;
        self.fence_ms = self.fence_ms.min(self.seated_ms + limits::FLEET_LOST_MS);
        self.seen.values_mut().for_each(|seen| seen.seat = Seat::Unknown);
    }

    /// Until when this process leads in something unless it looks again; `None` where it does not.
    pub(crate) fn fence_ms(&self, name: &str) -> Option<u64> {
        self.led.contains(name).then_some(self.fence_ms)
    }

    /// When to look again: a beat from now, or when somebody has been silent for long enough.
    pub(crate) fn next_ms(&self, now_ms: u64) -> u64 {
        let dead_ms = self.seen.values().map(Seen::dead_at_ms).min();
        let beat_ms = if self.connected_ms.is_some() { limits::FLEET_BEAT_MS } else { limits::FLEET_LOST_MS / 3 };
        dead_ms.unwrap_or(u64::MAX).clamp(now_ms + 1, now_ms + beat_ms)
    }

    /// It leads in nothing from now on.
    pub(crate) fn resign(&mut self) {
        self.led.clear();
    }
}
