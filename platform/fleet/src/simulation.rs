//! Ten thousand fleets whose processes crash, stall, restart, resign and lose their connections, whose clocks run at rates of their own,
//! and whose store answers late, does what it never answers, or starts anew. At no moment do two processes pass their own fence.
//!
//! `SEED=… cargo nextest run -p mainspring-fleet` repeats one.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Entropy, limits};

use crate::state::{Found, Other, View};

const SCHEDULES: u64 = 10_000;
const PROCESSES: usize = 3;
const NAME: &str = "what one should do";
/// How long faults happen, and how long a fleet has afterwards to have a leader, milliseconds.
const FAULTS_MS: u64 = 90_000;
const PROMISE_MS: u64 = 15_000;
/// How long a process does not notice that its connection has ended, milliseconds.
const UNNOTICED_MS: u64 = 150;

/// The rows, as `store.rs` treats them in one transaction.
#[derive(Default)]
struct Rows {
    /// The last beat of each, and the connection that it had then.
    beats: BTreeMap<String, (i64, i64)>,
    /// Connections that are open.
    open: BTreeSet<i64>,
    leader: Option<String>,
    ids: u64,
    connections: i64,
}

impl Rows {
    fn look(&mut self, id: &str, connection: i64, silent: &[(String, i64)]) -> Found {
        let mut own = id.to_owned();
        match self.beats.get_mut(id) {
            Some(last) => *last = (last.0 + 1, connection),
            None => {
                self.ids += 1;
                own = format!("i{}", self.ids);
                self.beats.insert(own.clone(), (1, connection));
            }
        }
        for (dead, beat) in silent {
            if self.beats.get(dead).is_some_and(|(last, _)| last == beat) {
                self.beats.remove(dead);
            }
        }
        if !self.leader.as_ref().is_some_and(|leader| self.beats.contains_key(leader)) {
            self.leader = Some(own.clone());
        }
        let others = self.beats.iter().filter(|(id, _)| **id != own);
        let others = others
            .map(|(id, (beat, connection))| Other { id: id.clone(), beat: *beat, connection: *connection })
            .collect();
        let led = self.leader.iter().filter(|leader| **leader == own).map(|_| NAME.to_owned()).collect();
        Found { id: own, others, led, news: false }
    }
}

/// A look on its way. Times are the world's.
enum Asked {
    /// The store has not done it yet.
    Sent { sent_ms: u64, connection: i64, silent: Vec<(String, i64)>, commits_at: u64, answers_at: u64 },
    /// It has; the answer is on its way, unless it is lost.
    Committed { sent_ms: u64, connection: i64, found: Found, answers_at: u64 },
}

struct Process {
    alive: bool,
    /// It does nothing before, and then goes on as if nothing were.
    stalled_until: u64,
    /// How fast its clock runs, in thousandths, and what it shows at the beginning.
    rate: u64,
    offset: u64,
    id: String,
    view: View,
    next_ms: u64,
    asked: Option<Asked>,
    /// There is a reason to look, also when a look is under way.
    news: bool,
    /// Of which it believes that it is open; 0 for none.
    connection: i64,
    /// By the world's clock: when it notices that its connection has ended, when it has another, and until when no look arrives.
    notices_at: Option<u64>,
    returns_at: u64,
    cut_until: u64,
    counts_ms: u64,
}

impl Process {
    fn new(entropy: &Entropy) -> Self {
        Self {
            news: false,
            connection: 0,
            notices_at: None,
            returns_at: 0,
            cut_until: 0,
            counts_ms: 0,
            alive: true,
            stalled_until: 0,
            // A quarter is what the bounds allow for: a tenth faster beside a tenth slower is less.
            rate: 900 + entropy.below(201),
            offset: entropy.below(1_000_000),
            id: String::new(),
            view: View::default(),
            next_ms: 0,
            asked: None,
        }
    }

    fn clock(&self, world_ms: u64) -> u64 {
        self.offset + world_ms * self.rate / 1000
    }

    fn leads(&self, world_ms: u64) -> bool {
        let runs = self.alive && world_ms >= self.stalled_until;
        runs && self.view.fence_ms(NAME).is_some_and(|fence_ms| self.clock(world_ms) < fence_ms)
    }

    /// What it does by itself at this moment.
    fn run(&mut self, rows: &mut Rows, world_ms: u64, late: impl Fn() -> (u64, u64, bool)) {
        // The store does what it was asked, also for one that stalls or is dead by now.
        if let Some(Asked::Sent { sent_ms, connection, silent, commits_at, answers_at }) = &self.asked
            && world_ms >= *commits_at
        {
            let found = rows.look(&self.id, *connection, silent);
            self.asked =
                Some(Asked::Committed { sent_ms: *sent_ms, connection: *connection, found, answers_at: *answers_at });
        }
        if !self.alive || world_ms < self.stalled_until {
            return;
        }
        let now_ms = self.clock(world_ms);
        self.connect(rows, world_ms, now_ms, late().2);
        match &self.asked {
            Some(Asked::Committed { sent_ms, connection, found, answers_at }) if world_ms >= *answers_at => {
                self.view.looked(*sent_ms, *connection, now_ms, found);
                (self.id, self.next_ms) = (found.id.clone(), self.view.next_ms(now_ms));
                self.asked = None;
            }
            None if self.news || now_ms >= self.next_ms => {
                self.news = false;
                let (commit_ms, answer_ms, lost) = late();
                let (commits_at, answers_at) = (world_ms + commit_ms, world_ms + commit_ms + answer_ms);
                self.next_ms = now_ms + 500;
                if !lost && world_ms >= self.cut_until {
                    let silent = self.view.silent(now_ms);
                    let connection = self.view.connection();
                    self.asked = Some(Asked::Sent { sent_ms: now_ms, connection, silent, commits_at, answers_at });
                }
            }
            _ => {}
        }
    }

    /// Minds its own connection and counts the others', as `liveness.rs` does.
    fn connect(&mut self, rows: &mut Rows, world_ms: u64, now_ms: u64, late: bool) {
        if self.notices_at.is_some_and(|at| world_ms >= at) {
            (self.notices_at, self.connection, self.news) = (None, 0, true);
            self.view.connects(now_ms, 0);
        }
        if self.connection == 0 && world_ms >= self.returns_at {
            rows.connections += 1;
            (self.connection, self.news) = (rows.connections, true);
            self.view.connects(now_ms, self.connection);
            rows.open.insert(self.connection);
        }
        let counts = self.connection != 0 && now_ms >= self.counts_ms && world_ms >= self.cut_until && !late;
        if counts && self.view.connection() == self.connection {
            self.counts_ms = now_ms + limits::FLEET_COUNT_MS;
            self.news |= self.view.counted(now_ms, now_ms, &rows.open);
        }
    }

    fn resign(&mut self, rows: &mut Rows) {
        self.view.resign();
        rows.beats.remove(&self.id);
        self.die(rows);
    }

    /// Its connection ends with it.
    fn die(&mut self, rows: &mut Rows) {
        rows.open.remove(&self.connection);
        self.alive = false;
    }

    /// Its connection ends, and for some time perhaps nothing of it arrives.
    fn loses(&mut self, rows: &mut Rows, now_ms: u64, cut_ms: u64, entropy: &Entropy) {
        rows.open.remove(&self.connection);
        self.notices_at = Some(now_ms + entropy.below(UNNOTICED_MS));
        self.returns_at = now_ms + UNNOTICED_MS + entropy.below(5_000);
        self.cut_until = now_ms + cut_ms;
    }
}

struct World {
    entropy: Entropy,
    rows: Rows,
    processes: Vec<Process>,
    now_ms: u64,
    elections: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let entropy = Entropy::seeded(seed);
        let processes = (0..PROCESSES).map(|_| Process::new(&entropy)).collect();
        Self { entropy, rows: Rows::default(), processes, now_ms: 0, elections: 0 }
    }

    /// A moment passes: whoever runs does what it does, in some order. Afterwards one leads at most.
    fn step(&mut self, faults: bool) {
        let entropy = &self.entropy;
        // Where nothing fails, a process is as quick as it is.
        self.now_ms += 1 + entropy.below(if faults { 400 } else { 100 });
        let late = || match entropy.below(if faults { 20 } else { 1 }) {
            0 if faults => (entropy.below(15_000), entropy.below(15_000), false),
            1 => (entropy.below(9_000), entropy.below(20), false),
            2 => (entropy.below(20), entropy.below(9_000), false),
            3 => (0, 0, true),
            _ => (entropy.below(30), entropy.below(30), false),
        };
        let first = entropy.below(PROCESSES as u64) as usize;
        let leader = self.rows.leader.clone();
        for n in 0..PROCESSES {
            self.processes[(first + n) % PROCESSES].run(&mut self.rows, self.now_ms, late);
        }
        self.elections += u64::from(self.rows.leader != leader);
        if faults {
            self.fault();
        }
    }

    fn fault(&mut self) {
        let one = self.entropy.below(PROCESSES as u64) as usize;
        let (now_ms, stall_ms) = (self.now_ms, self.entropy.below(30_000));
        let process = &mut self.processes[one];
        match self.entropy.below(250) {
            0 => process.die(&mut self.rows),
            1 => process.stalled_until = now_ms + stall_ms,
            // Nobody resigns while a look is on its way.
            2 if process.alive && process.asked.is_none() => process.resign(&mut self.rows),
            3..8 if !process.alive => *process = Process::new(&self.entropy),
            8..11 if process.alive => {
                let cut_ms = self.entropy.below(2) * self.entropy.below(5_000);
                process.loses(&mut self.rows, now_ms, cut_ms, &self.entropy);
            }
            // The server starts anew.
            11 => {
                let alive = self.processes.iter_mut().filter(|process| process.alive);
                alive.for_each(|process| process.loses(&mut self.rows, now_ms, stall_ms / 6, &self.entropy));
            }
            _ => {}
        }
    }

    fn leaders(&self) -> usize {
        self.processes.iter().filter(|process| process.leads(self.now_ms)).count()
    }
}

#[test]
fn never_two_leaders_and_always_one_again_within_fifteen_seconds() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| Entropy::system().u64());
    println!("SEED={seed}");
    let (mut elections, mut led) = (0, 0);
    for schedule in 0..SCHEDULES {
        let mut world = World::new(seed.wrapping_add(schedule));
        while world.now_ms < FAULTS_MS {
            world.step(true);
            assert!(world.leaders() <= 1, "two lead at {} ms of schedule {schedule} of {seed}", world.now_ms);
            led += world.leaders();
        }
        // The faults are over: whoever is dead stays dead, one lives, and everything on its way arrives.
        let quiet_ms = world.now_ms;
        for process in &mut world.processes {
            process.stalled_until = process.stalled_until.min(quiet_ms);
            process.asked = None;
            (process.cut_until, process.returns_at) = (0, process.returns_at.min(quiet_ms));
        }
        if world.processes.iter().all(|process| !process.alive) {
            world.processes[0] = Process::new(&world.entropy);
        }
        while world.leaders() == 0 {
            world.step(false);
            let waited_ms = world.now_ms - quiet_ms;
            // Clocks that are a tenth slow take so much longer.
            assert!(waited_ms < PROMISE_MS, "nobody leads after {waited_ms} ms of schedule {schedule} of {seed}");
        }
        elections += world.elections;
    }
    println!("{SCHEDULES} schedules, {elections} elections, a leader at {led} moments");
    assert!(elections > 2 * SCHEDULES, "the faults depose nobody");
}

/// Three that know one another; the leader is killed. The others miss its connection, and need not wait for its silence.
#[test]
fn a_killed_leader_is_followed_within_four_seconds() {
    for seed in 0..1_000 {
        let mut world = World::new(seed);
        while world.now_ms < 5_000 {
            world.step(false);
        }
        let leader = world.processes.iter().position(|it| it.leads(world.now_ms)).expect("somebody leads");
        world.processes[leader].die(&mut world.rows);
        let killed_ms = world.now_ms;
        while world.leaders() == 0 {
            world.step(false);
            assert!(
                world.now_ms - killed_ms < 4_000,
                "nobody leads after {} ms of seed {seed}",
                world.now_ms - killed_ms
            );
        }
    }
}

/// Connections end, of one process or, with the server, of all; whatever is asked is answered. Whoever beats stays.
#[test]
fn nobody_who_beats_is_taken_for_dead() {
    for seed in 0..1_000 {
        let mut world = World::new(seed);
        let mut lost_ms = 0;
        while world.now_ms < FAULTS_MS {
            world.step(false);
            if world.now_ms - lost_ms < 8_000 {
                continue;
            }
            lost_ms = world.now_ms;
            let (one, all) = (world.entropy.below(PROCESSES as u64) as usize, world.entropy.below(3) == 0);
            let away_ms = if all { world.entropy.below(5_000) } else { 0 };
            for process in world.processes.iter_mut().enumerate().filter(|(n, _)| all || *n == one).map(|(_, it)| it) {
                process.loses(&mut world.rows, lost_ms, away_ms, &world.entropy);
            }
        }
        assert_eq!(world.rows.ids, PROCESSES as u64, "somebody came back under another id, seed {seed}");
    }
}

#[test]
fn the_bounds_keep_the_promise() {
    let (beat, fence, silent) = (limits::FLEET_BEAT_MS, limits::FLEET_FENCE_MS, limits::FLEET_SILENT_MS);
    assert!(silent * 4 >= fence * 5, "clocks may differ by a quarter in their rates");
    assert!(beat * 3 < fence, "two looks may fail");
    assert!(beat + silent + 500 < PROMISE_MS, "seen a beat late, then silent for long enough");
    let (gone, lost) = (limits::FLEET_GONE_MS, limits::FLEET_LOST_MS);
    assert!(gone * 4 >= lost * 5, "who lost its connection stops before it is missed for long enough");
    assert!(lost > limits::FLEET_COUNT_MS, "between two counts it goes on");
}
