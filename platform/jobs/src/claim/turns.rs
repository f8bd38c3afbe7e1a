//! Whose turn it is, pure: the lanes of one queue in which jobs may wait, and why the others need not be looked at. What is
//! here is a hint; the table is the truth, and is looked through now and then.

use std::collections::{BTreeMap, HashMap, VecDeque};

use kernel::limits;

use super::place::{Found, Lane, Place, Seen, Shut};

#[derive(Debug, Default)]
pub(crate) struct Turns {
    classes: BTreeMap<i16, VecDeque<Lane>>,
    /// The lanes of the classes, and [`Place::from`] of each.
    known: HashMap<Lane, i64>,
    /// By key: what becomes ready when a job of that key ends.
    full: HashMap<String, Vec<Place>>,
    resting: HashMap<Lane, Rest>,
    shut: Option<Shut>,
    /// Lanes may exist that are in none of the sets.
    stale: bool,
    /// Grows with everything that may open what is full: a look that began before found out nothing about it.
    openings: u64,
}

#[derive(Debug)]
struct Rest {
    until_ms: i64,
    from: i64,
}

/// The places to look at, until they are given back.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) places: Vec<Place>,
    openings: u64,
}

impl Turns {
    /// Knows nothing yet.
    pub(crate) fn new() -> Self {
        Self { stale: true, ..Self::default() }
    }

    /// A job may wait there.
    pub(crate) fn came(&mut self, Place { lane, from }: Place) {
        if let Some(remembered) = self.remembered(&lane) {
            *remembered = from.min(*remembered);
        } else if self.is_crowded() {
            self.stale = true;
        } else {
            self.known.insert(lane.clone(), from);
            self.classes.entry(lane.priority).or_default().push_back(lane);
        }
    }

    fn remembered(&mut self, lane: &Lane) -> Option<&mut i64> {
        if let Some(from) = self.known.get_mut(lane) {
            return Some(from);
        }
        if let Some(rest) = self.resting.get_mut(lane) {
            return Some(&mut rest.from);
        }
        let place = self.full.get_mut(&lane.key)?.iter_mut().find(|place| place.lane == *lane)?;
        Some(&mut place.from)
    }

    /// A job of this key ended; whether that opened anything.
    pub(crate) fn ended(&mut self, key: &str) -> bool {
        self.openings += 1;
        let was_shut = self.shut == Some(Shut::Full);
        if was_shut {
            self.shut = None;
        }
        let places = self.full.remove(key).unwrap_or_default();
        let opened = was_shut || !places.is_empty();
        places.into_iter().for_each(|place| self.came(place));
        opened
    }

    /// Forget why lanes were not looked at, and look through the table: a limit was changed, or hints may have been lost.
    pub(crate) fn doubt(&mut self) {
        self.openings += 1;
        self.shut = None;
        let held: Vec<Place> = self.full.drain().flat_map(|(_, places)| places).collect();
        let resting: Vec<Place> = self.resting.drain().map(|(lane, rest)| Place { lane, from: rest.from }).collect();
        held.into_iter().chain(resting).for_each(|place| self.came(place));
        self.stale = true;
    }

    /// Jobs wait there that only the table knows: it is looked through when there is room.
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
        let places: Vec<Place> = self.full.drain().flat_map(|(_, places)| places).collect();
        let opened = was_shut || !places.is_empty();
        places.into_iter().for_each(|place| self.came(place));
        opened
    }

    /// Whether to look through the table: more may wait there, there is room for it, and the queue gives anything.
    pub(crate) fn wants_look(&self) -> bool {
        self.stale && self.shut.is_none() && !self.is_crowded()
    }

    /// Whether the table must be looked through; asking is agreeing to do it.
    pub(crate) fn take_stale(&mut self) -> bool {
        std::mem::take(&mut self.stale)
    }

    /// Whether jobs may wait in a lane that is known; time may have ended a rest.
    pub(crate) fn ready(&mut self, now_ms: i64, serves: impl Fn(&Lane) -> bool) -> bool {
        if matches!(self.shut, Some(Shut::Until(at_ms)) if at_ms <= now_ms) {
            self.shut = None;
        }
        if !self.resting.is_empty() {
            let rested = self.resting.extract_if(|_, rest| rest.until_ms <= now_ms);
            let rested: Vec<Place> = rested.map(|(lane, rest)| Place { lane, from: rest.from }).collect();
            rested.into_iter().for_each(|place| self.came(place));
        }
        self.shut.is_none() && self.known.keys().any(serves)
    }

    /// Whether jobs may wait here, for whatever reason they do: then newcomers queue up behind them.
    pub(crate) fn anybody(&self, serves: impl Fn(&Lane) -> bool) -> bool {
        let limited = self.shut.is_some() || !self.full.is_empty() || !self.resting.is_empty();
        self.stale || limited || self.known.keys().any(serves)
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
            None => self.resting.values().map(|rest| rest.until_ms).min(),
        }
    }

    /// Whether this job of the lane would be found, sooner or later.
    #[cfg(test)]
    pub(crate) fn remembers(&mut self, lane: &Lane, id: i64) -> bool {
        self.stale || self.remembered(lane).is_some_and(|from| *from <= id)
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
        let place = |lane| Place { from: self.known.remove(&lane).unwrap_or_default(), lane };
        Look { places: taken.into_iter().map(place).collect(), openings: self.openings }
    }

    /// What became of the places of a look, in their order. Those that were not looked at stay in front.
    pub(crate) fn give_back(&mut self, look: Look, seen: Vec<Seen>, shut: Option<Shut>) {
        let opened = look.openings != self.openings;
        self.shut = match shut {
            Some(Shut::Full | Shut::Paused) if opened => self.shut,
            shut => shut.or(self.shut),
        };
        let (mut unseen, mut seen) = (Vec::new(), seen.into_iter());
        for Place { lane, from } in look.places {
            let Some(Seen { found, from }) = seen.next().filter(|seen| seen.found != Found::Unseen) else {
                unseen.push(Place { lane, from });
                continue;
            };
            match found {
                Found::Empty => {}
                Found::Full if !opened && !self.known.contains_key(&lane) => {
                    self.full.entry(lane.key.clone()).or_default().push(Place { lane, from });
                }
                Found::Rests(until_ms) if !self.known.contains_key(&lane) => {
                    self.resting.insert(lane, Rest { until_ms, from });
                }
                Found::Full | Found::Rests(_) | Found::More | Found::Unseen => self.came(Place { lane, from }),
            }
        }
        for Place { lane, from } in unseen.into_iter().rev() {
            // A hint that came meanwhile put it at the end.
            let (hinted, class) = (self.known.get(&lane), self.classes.entry(lane.priority).or_default());
            if hinted.is_some() {
                class.retain(|other| *other != lane);
            }
            let from = hinted.map_or(from, |hinted| from.min(*hinted));
            class.push_front(lane.clone());
            self.known.insert(lane, from);
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

    fn place(priority: i16, key: &str, from: i64) -> Place {
        Place { lane: lane(priority, key), from }
    }

    fn keys(look: &Look) -> Vec<&str> {
        look.places.iter().map(|place| place.lane.key.as_str()).collect()
    }

    /// All of them with the numbers that they had.
    fn seen<const N: usize>(look: &Look, found: [Found; N]) -> Vec<Seen> {
        look.places.iter().zip(found).map(|(place, found)| Seen { found, from: place.from }).collect()
    }

    #[test]
    fn lanes_take_turns_and_lower_priorities_go_first() {
        let mut turns = Turns::new();
        for (priority, key) in [(0, "a"), (1, "z"), (0, "b"), (0, "c"), (0, "a")] {
            turns.came(place(priority, key, 0));
        }
        let look = turns.take(2, all);
        assert_eq!(keys(&look), ["a", "b"]);
        let seen = seen(&look, [Found::More]);
        turns.give_back(look, seen, None);
        assert_eq!(keys(&turns.take(9, all)), ["b", "c", "a", "z"]);
        assert_eq!(keys(&turns.take(9, all)), [""; 0]);
    }

    #[test]
    fn what_one_may_not_serve_stays_in_its_place() {
        let mut turns = Turns::new();
        ["a", "b", "c", "d"].into_iter().for_each(|key| turns.came(place(0, key, 0)));
        assert_eq!(keys(&turns.take(1, |lane| lane.key.as_str() > "a")), ["b"]);
        assert_eq!(keys(&turns.take(9, all)), ["a", "c", "d"]);
    }

    #[test]
    fn full_and_resting_lanes_are_left_until_they_may_go_on() {
        let mut turns = Turns::new();
        turns.take_stale();
        for key in ["full", "rests", "free"] {
            turns.came(place(0, key, 0));
        }
        let look = turns.take(9, all);
        let found = seen(&look, [Found::Full, Found::Rests(500), Found::Empty]);
        turns.give_back(look, found, None);
        ["full", "rests"].into_iter().for_each(|key| turns.came(place(0, key, 0)));
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
        turns.came(place(0, "a", 0));
        let look = turns.take(9, all);
        turns.ended("a");
        let found = seen(&look, [Found::Full]);
        turns.give_back(look, found, Some(Shut::Full));
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
        turns.came(place(0, "a", 0));
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
        ["full", "rests"].into_iter().for_each(|key| turns.came(place(0, key, 0)));
        let look = turns.take(9, all);
        let found = seen(&look, [Found::Full, Found::Rests(500)]);
        turns.give_back(look, found, Some(Shut::Full));
        turns.hint();
        assert!(!turns.ready(499, all), "a full queue is not looked through for each job that comes");
        assert!(turns.ended_elsewhere() && turns.ready(499, all));
        assert_eq!(keys(&turns.take(9, all)), ["full"]);
        shut(&mut turns, Shut::Paused);
        turns.hint();
        assert!(!turns.ended_elsewhere() && !turns.ready(499, all), "a pause is ended by a person");
    }

    /// Wherever a lane is remembered, and whatever a look found meanwhile.
    #[test]
    fn a_job_that_comes_back_is_not_passed() {
        for found in [Found::More, Found::Full, Found::Rests(500), Found::Unseen, Found::Empty] {
            for back_during_the_look in [true, false] {
                let mut turns = Turns::default();
                turns.came(place(0, "a", 10));
                let look = turns.take(9, all);
                if back_during_the_look {
                    turns.came(place(0, "a", 3));
                }
                turns.give_back(look, vec![Seen { found, from: 20 }], None);
                turns.came(place(0, "a", if back_during_the_look { 30 } else { 3 }));
                turns.ended("a");
                assert!(turns.ready(500, all));
                assert_eq!(turns.take(9, all).places, [place(0, "a", 3)], "{found:?}");
            }
        }
    }

    #[test]
    fn what_was_claimed_is_passed_only_once() {
        let mut turns = Turns::default();
        turns.came(place(0, "a", 10));
        let look = turns.take(9, all);
        turns.came(place(0, "a", 25));
        turns.give_back(look, vec![Seen { found: Found::Empty, from: 20 }], None);
        assert_eq!(turns.take(9, all).places, [place(0, "a", 25)]);
    }

    #[test]
    fn memory_is_bounded_and_what_does_not_fit_is_looked_for_later() {
        let mut turns = Turns::new();
        turns.take_stale();
        (0..=limits::JOB_LANES).for_each(|n| turns.came(place(0, &n.to_string(), 0)));
        assert_eq!(turns.take(usize::MAX, all).places.len(), limits::JOB_LANES);
        assert!(turns.take_stale());
    }
}
