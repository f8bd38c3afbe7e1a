//! Whether a replica may be asked: what it has proved, and how far it is behind.

use std::collections::VecDeque;
use std::time::Duration;

use kernel::limits;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::lagging::{self, Position};

const LAG: Duration = Duration::from_millis(limits::STORE_REPLICA_LAG_MS);
/// Looks at the primary that are remembered: those of the longest lag that is borne, and a few.
const LOOKS: usize = 64;

/// What a server says of itself, in the journey that begins a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) recovers: bool,
    /// What it has replayed of its timeline.
    pub(super) replayed: Option<Position>,
    /// The name of its database.
    pub(super) id: String,
    /// The name of its cluster, the same on every replica.
    pub(super) system: i64,
}

/// What is known of a replica, and of the primary that it should follow.
pub(super) struct Standing {
    id: String,
    known: Mutex<Known>,
}

struct Known {
    system: Option<i64>,
    /// Where the primary was, and when; the oldest first. Those that the replica has passed are forgotten, but for the newest.
    looks: VecDeque<(Instant, Position)>,
    /// What it had replayed, or why it is not asked.
    replica: Result<Position, String>,
    reads: u64,
}

impl Known {
    /// Since when the replica misses something that the primary had.
    fn lag(&self, now: Instant) -> Duration {
        let Ok(replayed) = &self.replica else { return Duration::ZERO };
        let missed = self.looks.iter().find(|(_, primary)| !replayed.covers(*primary));
        missed.map_or(Duration::ZERO, |(at, _)| now.duration_since(*at))
    }

    /// Why it is not asked now.
    fn refusal(&self, now: Instant) -> Option<String> {
        if let Err(why) = &self.replica {
            return Some(why.clone());
        }
        if self.looks.back().is_none_or(|(at, _)| now.duration_since(*at) > LAG) {
            return Some("how far it is behind is not known: the primary does not answer".to_owned());
        }
        let lag = self.lag(now);
        (lag > LAG).then(|| format!("it is {} ms behind", lag.as_millis()))
    }
}

impl Standing {
    pub(super) fn new(id: String) -> Self {
        let replica = Err("it has not been looked at yet".to_owned());
        let known = Known { system: None, looks: VecDeque::new(), replica, reads: 0 };
        Self { id, known: Mutex::new(known) }
    }

    /// The primary was here at this time.
    pub(super) fn primary(&self, system: i64, position: Position, now: Instant) {
        let mut known = self.known.lock();
        known.system = Some(system);
        // One that is far behind: of its lag the oldest look counts, and the newest.
        if known.looks.len() == LOOKS {
            known.looks.pop_back();
        }
        known.looks.push_back((now, position));
        Self::forget(&mut known);
    }

    /// What the replica said; where it is, if it may be asked.
    pub(super) fn heard(&self, proof: &Proof) -> Result<Position, String> {
        let mut known = self.known.lock();
        let judged = judge(proof, &self.id, known.system, known.looks.back().map(|(_, at)| at.timeline));
        known.replica.clone_from(&judged);
        Self::forget(&mut known);
        judged
    }

    /// It did not say anything, for this reason.
    pub(super) fn lost(&self, why: String) {
        self.known.lock().replica = Err(why);
    }

    pub(super) fn answered(&self) {
        self.known.lock().reads += 1;
    }

    /// Whether it is worth asking for everything up to `wanted`. What it has replayed meanwhile it says itself.
    pub(super) fn may_have(&self, wanted: Position, now: Instant) -> bool {
        let known = self.known.lock();
        known.refusal(now).is_none() && known.replica.as_ref().is_ok_and(|replayed| replayed.covers(wanted))
    }

    pub(super) fn now(&self, now: Instant) -> lagging::Standing {
        let known = self.known.lock();
        let (why, lag) = (known.refusal(now), known.lag(now));
        let primary = known.looks.back().map_or(0, |(_, at)| at.byte);
        let replayed = known.replica.as_ref().map_or(primary, |at| at.byte);
        lagging::Standing {
            up: why.is_none(),
            why,
            lag_bytes: primary.saturating_sub(replayed),
            lag_ms: lag.as_millis() as u64,
            reads_total: known.reads,
        }
    }

    fn forget(known: &mut Known) {
        let Ok(replayed) = known.replica else { return };
        while known.looks.len() > 1 && known.looks.front().is_some_and(|(_, primary)| replayed.covers(*primary)) {
            known.looks.pop_front();
        }
    }
}

/// Whether a server is a replica of this database that follows its primary; else why not.
fn judge(proof: &Proof, id: &str, system: Option<i64>, timeline: Option<u32>) -> Result<Position, String> {
    let (Some(system), Some(timeline)) = (system, timeline) else {
        return Err("the primary has not been seen yet".to_owned());
    };
    if proof.system != system {
        return Err("it is of another cluster than the primary".to_owned());
    }
    if proof.id != id {
        return Err("it is another database than the primary's".to_owned());
    }
    if !proof.recovers {
        return Err("it is no replica, or not any more".to_owned());
    }
    let Some(replayed) = proof.replayed else { return Err("it has not replayed anything yet".to_owned()) };
    if replayed.timeline != timeline {
        return Err(format!("it is on timeline {}, the primary on {timeline}", replayed.timeline));
    }
    Ok(replayed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: i64 = 7;

    fn at(byte: u64) -> Position {
        Position { timeline: 1, byte }
    }

    fn proof(byte: u64) -> Proof {
        Proof { recovers: true, replayed: Some(at(byte)), id: "us".into(), system: SYSTEM }
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn only_a_replica_of_this_very_database_is_asked() {
        let (standing, now) = (Standing::new("us".into()), Instant::now());
        assert!(standing.heard(&proof(5)).is_err(), "of whom is not known yet");
        standing.primary(SYSTEM, at(5), now);
        assert_eq!(standing.heard(&proof(5)), Ok(at(5)));
        assert!(standing.may_have(at(5), now) && !standing.may_have(at(6), now));
        let left = Position { timeline: 2, byte: 5 };
        let wrong = [
            Proof { recovers: false, ..proof(5) },
            Proof { replayed: None, ..proof(5) },
            Proof { replayed: Some(left), ..proof(5) },
            Proof { id: "them".into(), ..proof(5) },
            Proof { system: 8, ..proof(5) },
        ];
        for proof in wrong {
            assert!(standing.heard(&proof).is_err(), "{proof:?}");
            assert!(!standing.may_have(Position::default(), now), "{proof:?}");
        }
        // The primary has failed over, and the replica has not followed.
        standing.primary(SYSTEM, left, now);
        assert!(standing.heard(&proof(9)).is_err_and(|why| why.contains("timeline")));
    }

    #[test]
    fn one_that_is_too_far_behind_is_not_asked_until_it_has_caught_up() {
        let (standing, begin) = (Standing::new("us".into()), Instant::now());
        standing.primary(SYSTEM, at(10), begin);
        standing.heard(&proof(10)).expect("a replica");
        // Longer than there are places for looks.
        for second in 1..200 {
            standing.primary(SYSTEM, at(10 + second), begin + seconds(second));
            let now = begin + seconds(second);
            let is = standing.now(now);
            assert_eq!((is.lag_bytes, is.lag_ms), (second, (second - 1) * 1_000));
            assert_eq!(is.up, seconds(second - 1) <= LAG, "{second}");
            assert_eq!(standing.may_have(at(10), now), is.up);
        }
        standing.heard(&proof(209)).expect("a replica");
        let is = standing.now(begin + seconds(199));
        assert_eq!((is.up, is.lag_bytes, is.lag_ms), (true, 0, 0));
        assert!(!standing.may_have(at(1), begin + seconds(199) + LAG + seconds(1)), "nobody has looked since");
    }
}
