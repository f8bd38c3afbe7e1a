//! Plays schedules: up to three processes over one store, in any order of looks, commits, crashes, clock jumps and changes.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use kernel::{Entropy, limits};

use crate::calendar::{Mark, Timing};
use crate::calendar_test::seed;
use crate::cron::Cron;
use crate::state::{COUNTED, Look, Missed, Policy, look};

const STORIES: u32 = 100_000;
const HOUR: i64 = 3_600_000;
const START: i64 = 1_800_000_000_000;

/// The row that the processes share.
#[derive(Clone)]
struct Shared {
    timing: Timing,
    policy: Policy,
    mark: Mark,
    paused: bool,
    version: u32,
}

struct World {
    row: Shared,
    now_ms: i64,
    /// What each process has looked at and not yet committed: the row it saw, its clock then, and what it found.
    looked: Vec<Option<(Shared, i64, Look)>>,
    /// How many jobs each tick of a timing enqueued: the rows of the firings.
    fired: BTreeMap<i64, u32>,
    /// Ticks that were found to have fired before: only possible after the mark was set anew.
    known: u32,
    marks_set: u32,
}

fn timings(entropy: &Entropy) -> Timing {
    match entropy.below(24) {
        0 => {
            let zone = jiff::tz::TimeZoneDatabase::bundled().get("Europe/Berlin").expect("a zone");
            Timing::Cron { cron: Cron::parse("*/20 1-3 * * *").expect("valid"), zone }
        }
        1 => Timing::Cron { cron: Cron::parse("*/5 * * * * *").expect("valid"), zone: TimeZone::UTC },
        _ => {
            let every_ms = [1_000, 7_000, 60_000, HOUR, 26 * HOUR][entropy.below(5) as usize];
            Timing::Every { every_ms, since_ms: START - entropy.below(100_000) as i64 }
        }
    }
}

fn policies(entropy: &Entropy) -> Policy {
    let missed = [Missed::Skip, Missed::One, Missed::All][entropy.below(3) as usize];
    Policy { missed, window_ms: entropy.below(3) as i64 * 20 * 60_000, most: 1 + entropy.below(5) as u32 }
}

/// What must fire, by listing every tick: slow, and plain. `None` when there are too many to list.
fn listed(row: &Shared, now_ms: i64) -> Option<(Vec<i64>, Vec<i64>)> {
    let next = |mark| row.timing.next(mark).filter(|tick| tick.at_ms <= now_ms);
    let all: Vec<i64> = std::iter::successors(next(row.mark), |tick| next((*tick).into()))
        .map(|tick| tick.at_ms)
        .take(COUNTED as usize)
        .collect();
    if all.len() == COUNTED as usize {
        return None;
    }
    let on_time: Vec<i64> = all.iter().copied().filter(|tick| now_ms - tick <= limits::SCHEDULE_GRACE_MS).collect();
    let missed: Vec<i64> = all.iter().copied().filter(|tick| now_ms - tick > limits::SCHEDULE_GRACE_MS).collect();
    let made_up = match row.policy.missed {
        Missed::Skip => Vec::new(),
        Missed::One if on_time.is_empty() => missed.last().copied().into_iter().collect(),
        Missed::One => Vec::new(),
        Missed::All => {
            let within = missed.iter().copied().filter(|tick| now_ms - tick <= row.policy.window_ms);
            let within: Vec<i64> = within.collect();
            within[within.len().saturating_sub(row.policy.most as usize)..].to_vec()
        }
    };
    let left_out = missed.into_iter().filter(|tick| !made_up.contains(tick)).collect();
    Some((made_up.into_iter().chain(on_time).collect(), left_out))
}

impl World {
    fn new(entropy: &Entropy) -> Self {
        let row = Shared {
            timing: timings(entropy),
            policy: policies(entropy),
            mark: Mark::since(START),
            paused: false,
            version: 0,
        };
        let looked = (0..=entropy.below(3)).map(|_| None).collect();
        Self { row, now_ms: START, looked, fired: BTreeMap::new(), known: 0, marks_set: 0 }
    }

    fn step(&mut self, entropy: &Entropy) {
        let process = entropy.below(self.looked.len() as u64) as usize;
        match entropy.below(16) {
            0..=3 => self.now_ms += [500, 9_000, 61_000, 2 * HOUR][entropy.below(4) as usize],
            4 => self.now_ms += [30 * 60_000, 80 * HOUR][entropy.below(2) as usize],
            5 => self.now_ms -= [500, 5_000, HOUR, 30 * HOUR][entropy.below(4) as usize],
            6..=8 => self.look(process),
            9..=11 => self.commit(process),
            // Before its commit: what it saw is gone. After it, a crash is a process that looks again.
            12 => self.looked[process] = None,
            13 => self.row.pause(),
            14 => {
                self.marks_set += u32::from(self.row.paused);
                self.row.resume(self.now_ms);
            }
            _ => {
                self.marks_set += 1;
                self.row.timing = timings(entropy);
                self.row.policy = policies(entropy);
                // Another timing is another schedule: what it has in common with the former fired there.
                self.row.mark = Mark::since(self.now_ms);
                self.row.version += 1;
            }
        }
    }

    fn look(&mut self, process: usize) {
        if !self.row.paused {
            let found = look(&self.row.timing, self.row.policy, self.row.mark, self.now_ms);
            self.looked[process] = Some((self.row.clone(), self.now_ms, found));
        }
    }

    /// The one write: it holds if the row is as it was seen, and then all of it does.
    fn commit(&mut self, process: usize) {
        let Some((seen, now_ms, found)) = self.looked[process].take() else { return };
        if seen.version != self.row.version {
            return;
        }
        if let Some((fire, left_out)) = listed(&seen, now_ms) {
            let found_ms: Vec<i64> = found.fire.iter().map(|tick| tick.at_ms).collect();
            assert_eq!(found_ms, fire, "{seen:?} at {now_ms}", seen = seen.timing);
            assert_eq!(found.left_out as usize, left_out.len());
            assert_eq!(found.left_out_last_ms, left_out.last().copied());
        }
        for tick in &found.fire {
            assert!(tick.at_ms <= now_ms, "a tick is never early");
            let jobs = self.fired.entry(tick.at_ms).or_default();
            // The row is there already: no second job.
            self.known += u32::from(*jobs == 1);
            *jobs = 1;
        }
        assert!(found.mark.at_ms >= seen.mark.at_ms && found.mark.at_ms <= now_ms.max(seen.mark.at_ms));
        assert!(found.next_ms.is_none_or(|next_ms| next_ms > found.mark.at_ms && next_ms > now_ms.min(next_ms - 1)));
        self.row.mark = found.mark;
        self.row.version += 1;
    }
}

impl Shared {
    fn pause(&mut self) {
        (self.paused, self.version) = (true, self.version + 1);
    }

    fn resume(&mut self, now_ms: i64) {
        if self.paused {
            (self.paused, self.mark, self.version) = (false, Mark::since(now_ms), self.version + 1);
        }
    }
}

#[test]
fn every_tick_fires_once_or_as_its_policy_says() {
    let entropy = seed();
    let (mut fired, mut set_anew) = (0, 0);
    for story in 0..STORIES {
        let mut world = World::new(&entropy);
        for _ in 0..6 + entropy.below(20) {
            world.step(&entropy);
        }
        world.row.resume(world.now_ms);
        // All come back, look and commit, in any order; then nothing is left.
        for process in 0..world.looked.len() {
            world.look(process);
        }
        for process in 0..world.looked.len() {
            world.commit(process);
        }
        let rest = look(&world.row.timing, world.row.policy, world.row.mark, world.now_ms);
        assert!(rest.fire.is_empty() && rest.left_out == 0, "story {story}: ticks are left");
        // Only a mark that was set anew can meet a tick again, and then the row refuses it.
        assert!(world.known == 0 || world.marks_set > 0, "story {story}: the mark let a tick fire twice");
        fired += world.fired.len();
        set_anew += world.known;
    }
    println!("{STORIES} stories, {fired} ticks fired, {set_anew} refused by their row");
    assert!(fired > STORIES as usize);
}

#[test]
fn downtimes_are_made_up_for_as_the_policy_says() {
    let hourly = Timing::Every { every_ms: HOUR, since_ms: START };
    let fired = |missed, window_ms, most, down_ms: i64| {
        let found = look(&hourly, Policy { missed, window_ms, most }, Mark::since(START), START + down_ms);
        (found.fire.iter().map(|tick| (tick.at_ms - START) / HOUR).collect::<Vec<_>>(), found.left_out)
    };
    let (minute, day) = (60_000, 24 * HOUR);
    let none = (vec![], 0);
    for (missed, window_ms, most) in [(Missed::Skip, 0, 1), (Missed::One, 0, 1), (Missed::All, day, 100)] {
        assert_eq!(fired(missed, window_ms, most, 0), none);
        assert_eq!(fired(missed, window_ms, most, HOUR - 1), none);
        assert_eq!(fired(missed, window_ms, most, HOUR + 10_000), (vec![1], 0), "late by the grace is on time");
    }
    assert_eq!(fired(Missed::Skip, 0, 1, HOUR + 10_001), (vec![], 1));
    assert_eq!(fired(Missed::Skip, 0, 1, 3 * day + minute), (vec![], 72));
    assert_eq!(fired(Missed::Skip, 0, 1, 3 * day), (vec![72], 71));
    assert_eq!(fired(Missed::One, 0, 1, 2 * HOUR + minute), (vec![2], 1));
    assert_eq!(fired(Missed::One, 0, 1, 3 * day + minute), (vec![72], 71));
    assert_eq!(fired(Missed::One, 0, 1, 3 * day), (vec![72], 71), "the tick that is on time makes up for them");
    assert_eq!(fired(Missed::All, day, 100, 2 * HOUR + minute), (vec![1, 2], 0));
    assert_eq!(fired(Missed::All, 4 * HOUR, 100, 3 * day + minute), (vec![69, 70, 71, 72], 68));
    assert_eq!(fired(Missed::All, day, 3, 3 * day + minute), (vec![70, 71, 72], 69));
    assert_eq!(fired(Missed::All, day, 3, 3 * day), (vec![69, 70, 71, 72], 68));
}

/// The worst there is: a second between ticks, and a clock that is years off.
#[test]
fn a_jump_of_years_is_dealt_with_at_once() {
    let every_second = Timing::Cron { cron: Cron::parse("* * * * * *").expect("valid"), zone: TimeZone::UTC };
    for missed in [Missed::Skip, Missed::One, Missed::All] {
        let policy = Policy { missed, window_ms: limits::SCHEDULE_WINDOW_MS, most: limits::SCHEDULE_CATCH_UP };
        let now_ms = START + 10 * 366 * 24 * HOUR;
        let found = look(&every_second, policy, Mark::since(START), now_ms);
        let made_up = if missed == Missed::All { 200 } else { 0 };
        assert_eq!((found.fire.len(), found.left_out), (made_up + 11, COUNTED));
        assert_eq!(found.mark.at_ms, now_ms);
    }
}
