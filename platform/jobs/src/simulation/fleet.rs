//! Several processes and one table, in random stories of claims, deaths, suspensions, cut connections, answers that are lost or late,
//! wall clocks that jump in one of them, and outcomes that come too late. No store and no waiting: time is a number.
//!
//! `MAINSPRING_SEED` and `MAINSPRING_STORIES` as in the other simulation; a failure prints the story.

use std::collections::BTreeMap;
use std::time::Duration;

use kernel::Entropy;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::lease::{Beat, Hold, LEASE, RENEW, Watch};
use crate::state::{Command, Outcome, Record, State};

/// From a death to the jobs being others', milliseconds.
const KNOWN_MS: u64 = 15_000;
const LEASE_MS: u64 = LEASE.as_millis() as u64;
const RENEW_MS: u64 = RENEW.as_millis() as u64;
const JOBS: usize = 4;
const PROCESSES: u64 = 3;

/// A renewal that is under way.
struct Renewal {
    asked_ms: u64,
    commits_ms: u64,
    answers_ms: u64,
    /// Whether the answer is lost though it was committed.
    lost: bool,
    found: Option<(bool, Vec<Beat>)>,
}

struct Run {
    job: usize,
    claim: u32,
    fence: CancellationToken,
    begun: bool,
}

struct Process {
    lease: i64,
    begun_ms: u64,
    wall_off_ms: i64,
    hold: Hold,
    watch: Watch,
    pulses_ms: u64,
    renewal: Option<Renewal>,
    runs: Vec<Run>,
    died_ms: Option<u64>,
    /// Until when nothing of it runs, and until when it reaches nobody.
    suspended_ms: u64,
    cut_ms: u64,
    /// When a renewal of it was slow, or its answer was lost.
    slow_ms: u64,
}

impl Process {
    fn runs_code(&self, now_ms: u64) -> bool {
        self.died_ms.is_none() && self.suspended_ms <= now_ms
    }

    fn reaches(&self, now_ms: u64) -> bool {
        self.runs_code(now_ms) && self.cut_ms <= now_ms
    }

    /// Whether it had nothing to complain of for so long.
    fn was_well(&self, for_ms: u64, now_ms: u64) -> bool {
        self.died_ms.is_none() && self.suspended_ms.max(self.cut_ms) + for_ms <= now_ms
    }

    fn next_ms(&self, now_ms: u64, base: Instant) -> Option<u64> {
        if self.died_ms.is_some() {
            return None;
        }
        let fence = self.hold.expires_at().map(|at| (at - base).as_millis() as u64);
        let pulse = match &self.renewal {
            None => self.pulses_ms,
            Some(it) if it.commits_ms > now_ms => it.commits_ms,
            Some(it) => it.answers_ms,
        };
        Some(fence.map_or(pulse, |fence| fence.min(pulse)).max(self.suspended_ms).max(now_ms + 1))
    }
}

struct World {
    base: Instant,
    now_ms: u64,
    /// The numbers that were written last, by lease.
    leases: BTreeMap<i64, i64>,
    jobs: Vec<Record>,
    fleet: Vec<Process>,
    /// What happened, for whoever reads a failure.
    told: Vec<String>,
}

impl World {
    fn new() -> Self {
        let jobs = (0..JOBS).map(|_| Record::enqueued(0, 1_000, false, 0)).collect();
        let (leases, fleet, told) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { base: Instant::now(), now_ms: 0, leases, jobs, fleet, told }
    }

    fn at(&self, ms: u64) -> Instant {
        self.base + Duration::from_millis(ms)
    }

    fn say(&mut self, what: std::fmt::Arguments<'_>) {
        self.told.push(format!("{:>7} {what}", self.now_ms));
    }

    fn begin(&mut self) {
        let lease = self.fleet.len() as i64 + 1;
        self.leases.insert(lease, self.now_ms as i64);
        self.fleet.push(Process {
            lease,
            begun_ms: self.now_ms,
            wall_off_ms: 0,
            hold: Hold::since(self.at(self.now_ms)),
            watch: Watch::default(),
            pulses_ms: self.now_ms,
            renewal: None,
            runs: Vec::new(),
            died_ms: None,
            suspended_ms: 0,
            cut_ms: 0,
            slow_ms: 0,
        });
        self.say(format_args!("process {lease} begins"));
    }

    /// Lets time pass, and everything happen that happens by itself.
    fn pass(&mut self, ms: u64, dice: &Entropy) -> Result<(), String> {
        let until_ms = self.now_ms + ms;
        loop {
            let next_ms = self.fleet.iter().filter_map(|it| it.next_ms(self.now_ms, self.base)).min();
            self.now_ms = next_ms.map_or(until_ms, |next_ms| next_ms.min(until_ms));
            for at in 0..self.fleet.len() {
                if self.fleet[at].runs_code(self.now_ms) {
                    self.turn(at, dice)?;
                }
            }
            self.check()?;
            if self.now_ms >= until_ms {
                return Ok(());
            }
        }
    }

    fn turn(&mut self, at: usize, dice: &Entropy) -> Result<(), String> {
        let (now_ms, now) = (self.now_ms, self.at(self.now_ms));
        let process = &mut self.fleet[at];
        process.hold.expire(now);
        // What is ended by its fence goes back as a failure when it can; what never began goes back as it was.
        let reaches = process.reaches(now_ms);
        let ended: Vec<Run> = process.runs.extract_if(.., |run| reaches && run.fence.is_cancelled()).collect();
        let lease = process.lease;
        for Run { job, claim, begun, .. } in ended {
            let outcome = Outcome::RetryAt(now_ms as i64);
            let command =
                if begun { Command::Settle { lease, claim, outcome } } else { Command::HandBack { lease, claim } };
            self.apply(job, &command);
        }
        let process = &mut self.fleet[at];
        match process.renewal.take() {
            None if process.pulses_ms <= now_ms => {
                let longest_ms = if dice.below(10) == 0 { 3_000 } else { 250 };
                let commits_ms = now_ms + dice.below(longest_ms);
                let (answers_ms, lost) = (commits_ms + dice.below(longest_ms), dice.below(20) == 0);
                if lost || longest_ms > 250 {
                    process.slow_ms = answers_ms;
                }
                process.renewal = Some(Renewal { asked_ms: now_ms, commits_ms, answers_ms, lost, found: None });
            }
            Some(mut renewal) if renewal.found.is_none() && renewal.commits_ms <= now_ms && reaches => {
                let wall_ms = now_ms as i64 + process.wall_off_ms;
                let kept = self.leases.contains_key(&lease);
                let number = self.leases.entry(lease).or_insert(i64::MIN);
                *number = if *number < wall_ms { wall_ms } else { *number + 1 };
                let others = self.leases.iter().filter(|(other, _)| **other != lease);
                renewal.found = Some((kept, others.map(|(lease, number)| (*lease, *number)).collect()));
                self.fleet[at].renewal = Some(renewal);
            }
            Some(renewal) if renewal.answers_ms <= now_ms => return self.answered(at, renewal),
            renewal => process.renewal = renewal,
        }
        Ok(())
    }

    fn answered(&mut self, at: usize, renewal: Renewal) -> Result<(), String> {
        let (now_ms, asked_at, now) = (self.now_ms, self.at(renewal.asked_ms), self.at(self.now_ms));
        let process = &mut self.fleet[at];
        process.pulses_ms = now_ms + 500;
        let Some((kept, others)) = renewal.found.filter(|_| !renewal.lost && process.cut_ms <= now_ms) else {
            return Ok(());
        };
        process.hold.renewed(asked_at, kept);
        let dead = process.watch.look(&others, asked_at, now);
        let death_ms = process.watch.next_death().map_or(u64::MAX, |at| (at - self.base).as_millis() as u64);
        process.pulses_ms = death_ms.clamp(now_ms + 500, now_ms + RENEW_MS);
        for (lease, number) in dead {
            if self.leases.get(&lease) == Some(&number) {
                self.leases.remove(&lease);
                self.bury(lease)?;
            }
        }
        // Whatever is executing under no lease is taken back by whoever sees it.
        for job in 0..JOBS {
            if let Some(lease) = self.jobs[job].lease.filter(|lease| !self.leases.contains_key(lease)) {
                self.apply(job, &Command::Crash { lease });
            }
        }
        Ok(())
    }

    fn bury(&mut self, lease: i64) -> Result<(), String> {
        self.say(format_args!("the lease {lease} is taken away"));
        let dead = &self.fleet[lease as usize - 1];
        match dead.died_ms {
            None if dead.was_well(LEASE_MS, self.now_ms) => {
                return Err(format!("process {lease} lives and was robbed"));
            }
            Some(died_ms) if self.now_ms - died_ms > KNOWN_MS => {
                let for_ms = self.now_ms - died_ms + RENEW_MS;
                let watches = |it: &Process| {
                    it.begun_ms < died_ms && it.was_well(for_ms, self.now_ms) && it.slow_ms + for_ms <= self.now_ms
                };
                if self.fleet.iter().any(watches) {
                    return Err(format!("the death of process {lease} was known after {} ms", self.now_ms - died_ms));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn apply(&mut self, job: usize, command: &Command) -> bool {
        let Ok(next) = self.jobs[job].apply(command, self.now_ms as i64) else { return false };
        self.jobs[job] = next;
        // There is always something to do.
        for command in [Command::Promote, Command::RunNow { behind: false }] {
            if let Ok(next) = self.jobs[job].apply(&command, i64::MAX) {
                self.jobs[job] = next;
            }
        }
        true
    }

    /// No job runs in two processes.
    fn check(&self) -> Result<(), String> {
        let mut running = [None; JOBS];
        for process in self.fleet.iter().filter(|it| it.runs_code(self.now_ms)) {
            for run in process.runs.iter().filter(|run| run.begun && !run.fence.is_cancelled()) {
                if let Some(other) = running[run.job].replace(process.lease) {
                    return Err(format!("job {} runs in {other} and {}", run.job, process.lease));
                }
            }
        }
        Ok(())
    }

    fn claim(&mut self, at: usize) {
        let now = self.at(self.now_ms);
        let process = &self.fleet[at];
        let lease = process.lease;
        let Some(fence) = process.hold.fence(now).filter(|_| self.leases.contains_key(&lease)) else { return };
        let Some(job) = self.jobs.iter().position(|job| job.state == State::Available) else { return };
        self.apply(job, &Command::Claim { lease });
        let claim = self.jobs[job].claims;
        self.fleet[at].runs.push(Run { job, claim, fence, begun: false });
        self.say(format_args!("process {lease} claims job {job}"));
    }

    fn step(&mut self, dice: &Entropy) -> Result<(), String> {
        let at = dice.below(self.fleet.len() as u64) as usize;
        let (now_ms, lease) = (self.now_ms, self.fleet[at].lease);
        let now = self.at(now_ms);
        let process = &mut self.fleet[at];
        let for_ms = dice.below(25_000);
        match dice.below(16) {
            0..4 if process.reaches(now_ms) => self.claim(at),
            4..7 if process.runs_code(now_ms) && process.hold.fence(now).is_some() => {
                process.runs.iter_mut().filter(|run| !run.fence.is_cancelled()).for_each(|run| run.begun = true);
            }
            7..9 if process.reaches(now_ms) && process.runs.first().is_some_and(|run| run.begun) => {
                let Run { job, claim, .. } = process.runs.remove(0);
                let settled = self.apply(job, &Command::Settle { lease, claim, outcome: Outcome::Complete });
                self.say(format_args!("process {lease} ends job {job}: {settled}"));
            }
            9 => {
                process.suspended_ms = now_ms + for_ms;
                self.say(format_args!("process {lease} is suspended for {for_ms} ms"));
            }
            10 => {
                process.cut_ms = now_ms + for_ms;
                self.say(format_args!("process {lease} reaches nobody for {for_ms} ms"));
            }
            11 => {
                self.fleet.iter_mut().for_each(|it| it.cut_ms = it.cut_ms.max(now_ms + for_ms));
                self.say(format_args!("the database is away for {for_ms} ms"));
            }
            12 if process.died_ms.is_none() => {
                process.died_ms = Some(now_ms);
                self.say(format_args!("process {lease} dies"));
                self.begin();
            }
            13 => {
                process.wall_off_ms = dice.below(600_001) as i64 - 300_000;
                let off_ms = process.wall_off_ms;
                self.say(format_args!("the wall clock of process {lease} is {off_ms} ms off"));
            }
            _ => {}
        }
        self.check()?;
        self.pass(dice.below(2_500) + 1, dice)
    }

    /// When everything is well again, what the dead had is others'.
    fn end(&mut self, dice: &Entropy) -> Result<(), String> {
        self.begin();
        let troubled_ms = self.fleet.iter().map(|it| it.suspended_ms.max(it.cut_ms)).max().unwrap_or_default();
        self.pass(troubled_ms.saturating_sub(self.now_ms) + 2 * KNOWN_MS, dice)?;
        for (job, record) in self.jobs.iter().enumerate() {
            let Some(lease) = record.lease else { continue };
            let process = &self.fleet[lease as usize - 1];
            if process.died_ms.is_some() || !process.runs.iter().any(|it| (it.job, it.claim) == (job, record.claims)) {
                return Err(format!("job {job} is left with process {lease}"));
            }
        }
        Ok(())
    }
}

fn play(dice: &Entropy) -> Result<(), String> {
    let mut world = World::new();
    for _ in 0..PROCESSES {
        world.begin();
    }
    let mut told = Ok(());
    for _ in 0..dice.below(30) {
        told = told.and_then(|()| world.step(dice));
    }
    told.and_then(|()| world.end(dice)).map_err(|why| format!("{}\n{:>7} {why}", world.told.join("\n"), world.now_ms))
}

#[test]
fn nobody_alive_is_robbed_and_no_job_runs_twice_at_once() {
    let seed = super::asked("MAINSPRING_SEED").unwrap_or_else(|| Entropy::system().u64() >> 1);
    let stories = super::asked("MAINSPRING_STORIES").unwrap_or(10_000);
    println!("MAINSPRING_SEED={seed}");
    for story in 0..stories {
        let seed = seed + story;
        play(&Entropy::seeded(seed)).unwrap_or_else(|why| panic!("MAINSPRING_SEED={seed} MAINSPRING_STORIES=1\n{why}"));
    }
}
