//! Streams, parked events, replays and retention over random interleavings: append, deliver, crash, redeliver, park, retry,
//! replay, prune, clock jump. 100,000 stories run on the pure rules of `state.rs`; some of them on the SQL as well, which must
//! agree after every step. A failure prints its seed: `MAINSPRING_SEED=… cargo nextest run`.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{Clock, Entropy};
use store::{Durability, StoreError, Tx, params};

use crate::Filter;
use crate::state::{Next, Owed, PARKED_IN_A_ROW, Retry, Serving, may_go};
use crate::{replays, retention, store as sql};

const STORIES: u64 = 100_000;
const STORIES_IN_SQL: u64 = 150;
const STEPS: u64 = 30;
const WINDOW: usize = 8;
const RETRY: Retry = Retry { first_ms: 1, most_ms: 8, park_after: 3 };
const NAME: &str = "simulated";
const KEEP_MS: i64 = 1_000;

/// What is durable, as plain values.
#[derive(Clone, Debug, Default, PartialEq)]
struct Durable {
    log: BTreeMap<i64, i64>,
    cursor: i64,
    parked: BTreeSet<i64>,
    /// Where the running replay is, and its last position.
    replay: Option<(i64, i64)>,
}

/// A story: the durable state, the memory of the process, the world around, and what happened.
struct Story {
    dice: Entropy,
    now_ms: i64,
    durable: Durable,
    serving: Serving,
    latest: i64,
    poison: BTreeSet<i64>,
    outage: bool,
    outages: bool,
    /// How often each event had its effect: by the stream, and by replays.
    effects: BTreeMap<i64, u32>,
    again: BTreeMap<i64, u32>,
    discarded: BTreeSet<i64>,
    parked_in_a_row: u32,
}

impl Story {
    fn new(seed: u64) -> Self {
        Self {
            dice: Entropy::seeded(seed),
            now_ms: 0,
            durable: Durable::default(),
            serving: Serving::new(RETRY, WINDOW),
            latest: 0,
            poison: BTreeSet::new(),
            outage: false,
            outages: false,
            effects: BTreeMap::new(),
            again: BTreeMap::new(),
            discarded: BTreeSet::new(),
            parked_in_a_row: 0,
        }
    }

    fn one_in(&self, n: u64) -> bool {
        self.dice.below(n) == 0
    }

    /// One step of anybody; what it did to the durable state is returned for the SQL to do as well.
    fn step(&mut self) -> Vec<Did> {
        match self.dice.below(16) {
            0..3 => self.append(),
            3..9 => self.deliver(),
            9 => self.crash(),
            10 => {
                self.now_ms += self.dice.below(2 * KEEP_MS as u64) as i64 - KEEP_MS / 2;
                vec![]
            }
            11 => self.prune(),
            12 => self.retry_or_discard(),
            13 => self.begin_replay(),
            14 => self.replay_batch(),
            _ => {
                self.outage = !self.outage && self.one_in(3);
                self.outages |= self.outage;
                if self.one_in(3) {
                    self.poison.clear();
                }
                vec![]
            }
        }
    }

    fn append(&mut self) -> Vec<Did> {
        let count = 1 + self.dice.below(5) as i64;
        for position in self.latest + 1..=self.latest + count {
            self.durable.log.insert(position, self.now_ms);
            if self.one_in(12) {
                self.poison.insert(position);
            }
        }
        self.latest += count;
        vec![Did::Append(count, self.now_ms)]
    }

    /// One batch of the stream; the process may die before the commit, and then nothing of it happened.
    fn deliver(&mut self) -> Vec<Did> {
        let at = self.durable.cursor;
        let batch: Vec<i64> =
            self.durable.log.range(at + 1..).map(|(position, _)| *position).take(self.serving.window()).collect();
        let Some(last) = batch.last().copied() else { return vec![] };
        if self.one_in(10) {
            return self.crash();
        }
        if !self.outage && batch.iter().all(|position| !self.poison.contains(position)) {
            batch.iter().for_each(|position| *self.effects.entry(*position).or_default() += 1);
            self.durable.cursor = last;
            self.serving.succeeded(last);
            self.parked_in_a_row = 0;
            return vec![Did::Advance(at, last)];
        }
        match self.serving.failed(batch.len(), last) {
            Next::Again(pause_ms) => {
                assert!((1..=8).contains(&pause_ms));
                vec![]
            }
            Next::Park => {
                assert_eq!(batch.len(), 1, "only an event that failed alone is parked");
                assert!(self.poison.contains(&last) || self.outages, "a healthy event is parked");
                self.parked_in_a_row += 1;
                assert!(self.parked_in_a_row <= PARKED_IN_A_ROW, "an outage parks no more");
                self.durable.cursor = last;
                self.durable.parked.insert(last);
                self.serving.parked(last);
                vec![Did::Park(at, last)]
            }
        }
    }

    fn crash(&mut self) -> Vec<Did> {
        self.serving = Serving::new(RETRY, WINDOW);
        self.parked_in_a_row = 0;
        vec![]
    }

    fn prune(&mut self) -> Vec<Did> {
        let before_ms = self.now_ms - KEEP_MS;
        let gone: Vec<i64> = self
            .durable
            .log
            .iter()
            .filter(|(position, time_ms)| **time_ms < before_ms && may_go(**position, self.owed(**position)))
            .map(|(position, _)| *position)
            .collect();
        for position in gone {
            let settled = self.effects.contains_key(&position) || self.discarded.contains(&position);
            assert!(settled, "event {position} went before it was handled");
            self.durable.log.remove(&position);
        }
        vec![Did::Prune(before_ms)]
    }

    fn owed(&self, position: i64) -> Owed {
        let replay = self.durable.replay.map(|(next, _)| next);
        Owed { cursor: self.durable.cursor, replay, held: self.durable.parked.contains(&position) }
    }

    fn retry_or_discard(&mut self) -> Vec<Did> {
        let Some(position) = self.durable.parked.first().copied() else { return vec![] };
        let give_up = self.one_in(4);
        if give_up {
            self.discarded.insert(position);
        } else if self.outage || self.poison.contains(&position) {
            return vec![];
        } else {
            *self.effects.entry(position).or_default() += 1;
        }
        self.durable.parked.remove(&position);
        vec![Did::Unpark(position)]
    }

    fn begin_replay(&mut self) -> Vec<Did> {
        if self.latest == 0 {
            return vec![];
        }
        if self.durable.replay.is_some() {
            // Called off, now and then.
            if self.one_in(3) {
                self.durable.replay = None;
                return vec![Did::Cancel];
            }
            return vec![];
        }
        let from = 1 + self.dice.below(self.latest as u64) as i64;
        let to = from + self.dice.below((self.latest - from + 1) as u64) as i64;
        self.durable.replay = Some((from, to));
        self.again.clear();
        vec![Did::Begin(from, to)]
    }

    fn replay_batch(&mut self) -> Vec<Did> {
        let Some((next, to)) = self.durable.replay else { return vec![] };
        let batch: Vec<i64> = self.durable.log.range(next..=to).map(|(position, _)| *position).take(WINDOW).collect();
        if self.outage || batch.iter().any(|position| self.poison.contains(position)) || self.one_in(8) {
            return vec![];
        }
        batch.iter().for_each(|position| *self.again.entry(*position).or_default() += 1);
        assert!(self.again.values().all(|times| *times == 1), "a position of a replay goes in once");
        let then = batch.last().map_or(to + 1, |last| last + 1);
        self.durable.replay = (then <= to).then_some((then, to));
        vec![Did::Replayed(next, then)]
    }

    /// Every event behind the cursor had its effect, is parked, or was given up; none had it twice.
    fn holds(&self) {
        for position in 1..=self.latest {
            let times = self.effects.get(&position).copied().unwrap_or_default();
            let parked = self.durable.parked.contains(&position);
            let settled = u32::from(parked) + u32::from(self.discarded.contains(&position)) + times;
            let expected = u32::from(position <= self.durable.cursor);
            assert_eq!(settled, expected, "event {position}, cursor {}", self.durable.cursor);
            assert!(!parked || self.durable.log.contains_key(&position), "a parked event stays in the log");
        }
    }

    /// When the world is well again everything gets through, soon.
    fn ends_well(&mut self) -> Vec<Did> {
        (self.outage, self.poison) = (false, BTreeSet::new());
        let mut did = Vec::new();
        let mut turns = 0;
        while self.durable.cursor < self.latest {
            did.extend(self.deliver());
            turns += 1;
            assert!(turns < 1_000, "it does not get on: {:?}", self.serving);
        }
        while !self.durable.parked.is_empty() {
            did.extend(self.retry_or_discard());
        }
        self.holds();
        did
    }
}

/// What a step did to the durable state.
#[derive(Clone, Copy, Debug)]
enum Did {
    Append(i64, i64),
    Advance(i64, i64),
    Park(i64, i64),
    Unpark(i64),
    Prune(i64),
    Begin(i64, i64),
    Replayed(i64, i64),
    Cancel,
}

fn seed() -> u64 {
    let given = std::env::var("MAINSPRING_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| Entropy::system().u64() >> 16);
    println!("MAINSPRING_SEED={seed}");
    seed
}

#[test]
fn nothing_is_lost_or_done_twice_in_a_hundred_thousand_stories() {
    let seed = seed();
    let mut parked = 0;
    for n in 0..STORIES {
        let mut story = Story::new(seed.wrapping_add(n));
        for _ in 0..STEPS {
            story.step();
            parked += story.durable.parked.len();
        }
        story.holds();
        story.ends_well();
    }
    assert!(parked > 1_000, "the stories are dull: {parked}");
}

#[test]
fn the_sql_agrees_with_the_rules_after_every_step() {
    let seed = seed();
    let dir = tempfile::tempdir().expect("a directory");
    let migrations = [jobs::MIGRATIONS, crate::MIGRATIONS].concat();
    let (clock, entropy) = (Clock::manual(0), Entropy::seeded(seed));
    let store = testkit::open(dir.path(), Durability::Normal, &migrations, &clock, &entropy).expect("opened");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    for n in 0..STORIES_IN_SQL {
        let mut story = Story::new(seed.wrapping_add(n));
        let told = runtime.block_on(store.write(async move |tx| {
            tx.execute("DELETE FROM events", &[]).await?;
            tx.execute("DELETE FROM event_cursors", &[]).await?;
            tx.execute("DELETE FROM event_parked", &[]).await?;
            tx.execute("DELETE FROM event_replays", &[]).await?;
            sql::declare(tx, NAME, 0).await?;
            for step in 0..STEPS {
                let did = if step + 1 == STEPS { story.ends_well() } else { story.step() };
                for did in did {
                    apply(tx, did, story.now_ms).await?;
                }
                assert_eq!(read(tx).await?, story.durable, "story {n}, step {step}");
            }
            Ok::<_, StoreError>(())
        }));
        told.expect("told");
    }
}

/// The same in SQL, refused where it must be.
async fn apply(tx: &mut Tx, did: Did, now_ms: i64) -> Result<(), StoreError> {
    match did {
        Did::Append(count, time_ms) => {
            for _ in 0..count {
                let sql = "INSERT INTO events (position, id, type, source, time_ms, schema_version, data)
                     SELECT p, 'i' || p, 't', 's', $1, 1, '{}' FROM (SELECT COALESCE(MAX(position), 0) + 1 AS p FROM (
                         SELECT position FROM events UNION ALL SELECT position FROM event_cursors
                         UNION ALL SELECT to_position FROM event_replays) AS known) AS next";
                tx.execute(sql, params![time_ms]).await?;
            }
        }
        Did::Advance(from, to) => {
            let batch = sql::batch(tx, Filter("*"), from, WINDOW).await?;
            assert!(batch.events.iter().any(|event| event.position == to));
            assert!(!sql::advance(tx, NAME, from + 1, to, now_ms).await?, "a stale cursor moves nothing");
            assert!(sql::advance(tx, NAME, from, to, now_ms).await?);
        }
        Did::Park(from, at) => {
            assert!(!sql::park(tx, NAME, (from + 1, at), (3, "poison"), now_ms).await?);
            assert!(sql::park(tx, NAME, (from, at), (3, "poison"), now_ms).await?);
        }
        Did::Unpark(position) => {
            assert!(sql::unpark(tx, NAME, position).await?);
            assert!(!sql::unpark(tx, NAME, position).await?);
        }
        Did::Prune(before_ms) => drop(retention::delete(tx, before_ms, 0, i64::MAX).await?),
        Did::Begin(from, to) => {
            assert!(replays::begin(tx, NAME, (from, to), "{}", now_ms).await?.is_some());
            assert!(replays::begin(tx, NAME, (from, to), "{}", now_ms).await?.is_none(), "one at a time");
        }
        Did::Replayed(from, next) => {
            let id = newest_replay(tx).await?;
            assert!(!replays::advance(tx, id, (from - 1, next), 1, now_ms).await?, "a stale replay moves nothing");
            assert!(replays::advance(tx, id, (from, next), 1, now_ms).await?);
        }
        Did::Cancel => {
            let id = newest_replay(tx).await?;
            assert!(replays::cancel(tx, id, now_ms).await?);
            assert!(!replays::cancel(tx, id, now_ms).await?);
        }
    }
    Ok(())
}

async fn newest_replay(tx: &mut Tx) -> Result<i64, StoreError> {
    let row: (i64,) = tx.one("SELECT MAX(id) FROM event_replays", &[]).await?;
    Ok(row.0)
}

async fn read(tx: &mut Tx) -> Result<Durable, StoreError> {
    let log: Vec<(i64, i64)> = tx.all("SELECT position, time_ms FROM events", &[]).await?;
    let cursor = sql::cursor(tx, NAME).await?.expect("declared").position;
    let parked = sql::parked(tx, NAME, false, 0).await?.into_iter().map(|parked| parked.position);
    let replay = tx.first("SELECT next_position, to_position FROM event_replays WHERE state = 'running'", &[]).await?;
    Ok(Durable { log: log.into_iter().collect(), cursor, parked: parked.collect(), replay })
}
