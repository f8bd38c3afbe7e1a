//! Whose turn it is, pure: the lanes of one queue in which jobs may wait, and why the others need not be looked at. What is
//! here is a hint; the table is the truth, and is looked through now and then.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use kernel::limits;

/// Jobs of a queue that differ only in age. Lanes of one priority take turns, so that a key with a hundred thousand waiting
/// jobs delays another key's first by one turn.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Lane {
    pub(crate) priority: i16,
    pub(crate) kind: String,
    pub(crate) key: String,
}

/// What a look at a lane found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing waits there any more.
    Empty,
    /// There may be more.
    More,
    /// It was not looked at.
    Unseen,
    /// Its key has as many running as it may.
    Full,
    /// Its key may begin another at this time, Unix milliseconds.
    Rests(i64),
}

/// Why a whole queue gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shut {
    /// Until a person opens it.
    Paused,
    /// Until a job of it ends.
    Full,
    /// Until this time, Unix milliseconds.
    Until(i64),
}

#[derive(Debug, Default)]
pub(crate) struct Turns {
    classes: BTreeMap<i16, VecDeque<Lane>>,
    known: HashSet<Lane>,
    /// By key: what becomes ready when a job of that key ends.
    full: HashMap<String, Vec<Lane>>,
    resting: HashMap<Lane, i64>,
    shut: Option<Shut>,
    /// Lanes may exist that are in none of the sets.
    stale: bool,
    /// Grows with everything that may open what is full: a look that began before found out nothing about it.
    openings: u64,
}

/// The lanes to look at, until they are given back.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) lanes: Vec<Lane>,
    openings: u64,
}

impl Turns {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self { stale: true, ..Self::default() }
    }

    /// A job may wait in this lane.
    pub(crate) fn came(&mut self, lane: Lane) {
        if self.known.contains(&lane) || self.resting.contains_key(&lane) {
            return;
        }
        if self.full.get(&lane.key).is_some_and(|lanes| lanes.contains(&lane)) {
            return;
        }
        if self.is_crowded() {
            self.stale = true;
            return;
        }
        self.known.insert(lane.clone());
        self.classes.entry(lane.priority).or_default().push_back(lane);
    }

    /// A job of this key ended; whether that opened anything.
    pub(crate) fn ended(&mut self, key: &str) -> bool {
        self.openings += 1;
        let was_shut = self.shut == Some(Shut::Full);
        if was_shut {
            self.shut = None;
        }
        let lanes = self.full.remove(key).unwrap_or_default();
        let opened = was_shut || !lanes.is_empty();
        lanes.into_iter().for_each(|lane| self.came(lane));
        opened
    }

    /// Forget why lanes were not looked at, and look through the table: a limit was changed, or hints may have been lost.
    pub(crate) fn doubt(&mut self) {
        self.openings += 1;
        self.shut = None;
        let held: Vec<Lane> = self.full.drain().flat_map(|(_, lanes)| lanes).collect();
        let resting: Vec<Lane> = self.resting.drain().map(|(lane, _)| lane).collect();
        held.into_iter().chain(resting).for_each(|lane| self.came(lane));
        self.stale = true;
    }

    /// Other processes have put jobs there: look through the table when there is room.
    pub(crate) fn hint(&mut self) {
        self.stale = true;
    }

    /// A job of some key ended in another process; whether that may have opened anything.
    pub(crate) fn ended_elsewhere(&mut self) -> bool {
        self.openings += 1;
        let was_shut = self.shut == Some(Shut::Full);
        if was_shut {
            self.shut = None;
        }
        let lanes: Vec<Lane> = self.full.drain().flat_map(|(_, lanes)| lanes).collect();
        let opened = was_shut || !lanes.is_empty();
        lanes.into_iter().for_each(|lane| self.came(lane));
        opened
    }

    /// Whether the table must be looked through; asking is agreeing to do it.
    pub(crate) fn take_stale(&mut self) -> bool {
        std::mem::take(&mut self.stale)
    }

    /// Whether anything may be had now; time may have ended a rest.
    pub(crate) fn ready(&mut self, now_ms: i64, serves: impl Fn(&Lane) -> bool) -> bool {
        if matches!(self.shut, Some(Shut::Until(at_ms)) if at_ms <= now_ms) {
            self.shut = None;
        }
        if !self.resting.is_empty() {
            let rested: Vec<Lane> =
                self.resting.iter().filter(|(_, at_ms)| **at_ms <= now_ms).map(|(lane, _)| lane.clone()).collect();
            for lane in rested {
                self.resting.remove(&lane);
                self.came(lane);
            }
        }
        self.shut.is_none() && (self.stale || self.known.iter().any(serves))
    }

    /// Whether jobs may wait here, for whatever reason they do: then newcomers queue up behind them.
    pub(crate) fn anybody(&self, serves: impl Fn(&Lane) -> bool) -> bool {
        let limited = self.shut.is_some() || !self.full.is_empty() || !self.resting.is_empty();
        self.stale || limited || self.known.iter().any(serves)
    }

    /// Whether there is no room for more lanes.
    pub(crate) fn is_crowded(&self) -> bool {
        self.known.len() + self.resting.len() + self.full.len() >= limits::JOB_LANES
    }

    /// When [`Turns::ready`] changes its mind by itself, Unix milliseconds.
    pub(crate) fn next_ms(&self) -> Option<i64> {
        match self.shut {
            Some(Shut::Until(at_ms)) => Some(at_ms),
            Some(_) => None,
            None => self.resting.values().min().copied(),
        }
    }

    /// Whether a job of this lane would be found, sooner or later.
    #[cfg(test)]
    pub(crate) fn remembers(&self, lane: &Lane) -> bool {
        let full = self.full.get(&lane.key).is_some_and(|lanes| lanes.contains(lane));
        self.stale || full || self.known.contains(lane) || self.resting.contains_key(lane)
    }

    /// The lanes whose turn it is, at most `most`, of which `serves` is true: lower priorities first.
    pub(crate) fn take(&mut self, most: usize, serves: impl Fn(&Lane) -> bool) -> Look {
        let mut taken = Vec::new();
        for class in self.classes.values_mut() {
            let mut kept = VecDeque::new();
            while let Some(lane) = class.pop_front() {
                if taken.len() < most && serves(&lane) {
                    taken.push(lane)
                } else {
                    kept.push_back(lane)
                }
                if taken.len() == most {
                    break;
                }
            }
            kept.append(class);
            *class = kept;
        }
        self.classes.retain(|_, class| !class.is_empty());
        for lane in &taken {
            self.known.remove(lane);
        }
        Look { lanes: taken, openings: self.openings }
    }

    /// What became of the lanes of a look, in their order. Those that were not looked at keep their place in front.
    pub(crate) fn give_back(&mut self, look: Look, found: Vec<Found>, shut: Option<Shut>) {
        let opened = look.openings != self.openings;
        self.shut = match shut {
            Some(Shut::Full | Shut::Paused) if opened => self.shut,
            shut => shut.or(self.shut),
        };
        let found = found.into_iter().chain(std::iter::repeat(Found::Unseen));
        let (unseen, seen): (Vec<_>, Vec<_>) =
            look.lanes.into_iter().zip(found).partition(|(_, it)| *it == Found::Unseen);
        for (lane, _) in unseen.into_iter().rev() {
            // A hint that came meanwhile put it at the end.
            if !self.known.insert(lane.clone())
                && let Some(class) = self.classes.get_mut(&lane.priority)
            {
                class.retain(|other| *other != lane);
            }
            self.classes.entry(lane.priority).or_default().push_front(lane);
        }
        for (lane, found) in seen {
            match found {
                Found::Empty => {}
                Found::More | Found::Unseen => self.came(lane),
                Found::Full if opened => self.came(lane),
                Found::Full | Found::Rests(_) if self.known.contains(&lane) => {}
                Found::Full => self.full.entry(lane.key.clone()).or_default().push(lane),
                Found::Rests(at_ms) => drop(self.resting.insert(lane, at_ms)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(_: &Lane) -> bool {
        true
    }

    fn lane(priority: i16, key: &str) -> Lane {
        Lane { priority, kind: "k".to_owned(), key: key.to_owned() }
    }

    fn keys(look: &Look) -> Vec<&str> {
        look.lanes.iter().map(|lane| lane.key.as_str()).collect()
    }

    #[test]
    fn lanes_take_turns_and_lower_priorities_go_first() {
        let mut turns = Turns::new();
        for (priority, key) in [(0, "a"), (1, "z"), (0, "b"), (0, "c"), (0, "a")] {
            turns.came(lane(priority, key));
        }
        let look = turns.take(2, all);
        assert_eq!(keys(&look), ["a", "b"]);
        turns.give_back(look, vec![Found::More], None);
        assert_eq!(keys(&turns.take(9, all)), ["b", "c", "a", "z"]);
        assert_eq!(keys(&turns.take(9, all)), [""; 0]);
    }

    #[test]
    fn what_one_may_not_serve_stays_in_its_place() {
        let mut turns = Turns::new();
        ["a", "b", "c", "d"].into_iter().for_each(|key| turns.came(lane(0, key)));
        assert_eq!(keys(&turns.take(1, |lane| lane.key.as_str() > "a")), ["b"]);
        assert_eq!(keys(&turns.take(9, all)), ["a", "c", "d"]);
    }

    #[test]
    fn full_and_resting_lanes_are_left_until_they_may_go_on() {
        let mut turns = Turns::new();
        turns.take_stale();
        for key in ["full", "rests", "free"] {
            turns.came(lane(0, key));
        }
        let look = turns.take(9, all);
        turns.give_back(look, vec![Found::Full, Found::Rests(500), Found::Empty], None);
        ["full", "rests"].into_iter().for_each(|key| turns.came(lane(0, key)));
        assert!(!turns.ready(499, all) && turns.anybody(all));
        assert_eq!(turns.next_ms(), Some(500));
        assert!(turns.ready(500, all));
        assert_eq!(keys(&turns.take(9, all)), ["rests"]);
        turns.ended("other");
        assert!(!turns.ready(500, all));
        turns.ended("full");
        assert_eq!(keys(&turns.take(9, all)), ["full"]);
        assert!(!turns.anybody(all));
    }

    /// The end that makes room comes between the look and its verdict.
    #[test]
    fn an_end_during_the_look_is_not_lost() {
        let mut turns = Turns::default();
        turns.came(lane(0, "a"));
        let look = turns.take(9, all);
        turns.ended("a");
        turns.give_back(look, vec![Found::Full], Some(Shut::Full));
        assert!(turns.ready(0, all));
        assert_eq!(keys(&turns.take(9, all)), ["a"]);
    }

    fn shut(turns: &mut Turns, why: Shut) {
        let look = turns.take(0, all);
        turns.give_back(look, Vec::new(), Some(why));
    }

    #[test]
    fn a_shut_queue_gives_nothing_until_it_opens() {
        let mut turns = Turns::default();
        turns.came(lane(0, "a"));
        shut(&mut turns, Shut::Until(50));
        assert!(!turns.ready(49, all) && turns.ready(50, all));
        shut(&mut turns, Shut::Full);
        assert!(!turns.ready(i64::MAX, all) && turns.next_ms().is_none());
        turns.ended("any");
        assert!(turns.ready(50, all));
        shut(&mut turns, Shut::Paused);
        turns.ended("any");
        assert!(!turns.ready(50, all));
        turns.doubt();
        assert!(turns.ready(50, all) && turns.take_stale() && !turns.take_stale());
    }

    #[test]
    fn what_happens_elsewhere_opens_what_is_full_and_nothing_else() {
        let mut turns = Turns::default();
        assert!(!turns.ended_elsewhere());
        ["full", "rests"].into_iter().for_each(|key| turns.came(lane(0, key)));
        let look = turns.take(9, all);
        turns.give_back(look, vec![Found::Full, Found::Rests(500)], Some(Shut::Full));
        turns.hint();
        assert!(!turns.ready(499, all), "a full queue is not looked through for each job that comes");
        assert!(turns.ended_elsewhere() && turns.ready(499, all));
        assert_eq!(keys(&turns.take(9, all)), ["full"]);
        shut(&mut turns, Shut::Paused);
        turns.hint();
        assert!(!turns.ended_elsewhere() && !turns.ready(499, all), "a pause is ended by a person");
    }

    #[test]
    fn memory_is_bounded_and_what_does_not_fit_is_looked_for_later() {
        let mut turns = Turns::new();
        turns.take_stale();
        (0..=limits::JOB_LANES).for_each(|n| turns.came(lane(0, &n.to_string())));
        assert_eq!(turns.take(usize::MAX, all).lanes.len(), limits::JOB_LANES);
        assert!(turns.take_stale());
    }
}
