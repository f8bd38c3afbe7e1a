//! What the tests share. Time is passed in: a test moves the clock, and looks.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use jobs::{JobRow, Jobs, Kind, Life, Query};
use kernel::{Clock, Entropy};
use schedules::{FiringRow, Outcome, Schedules, Spec};
use serde_json::{Value, json};
use store::{Durability, Migration, Store, StoreError};

/// Monday, 1 March 2027, 00:00 in UTC.
pub(crate) const START_MS: i64 = 1_803_859_200_000;
pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60_000;
pub(crate) const HOUR: i64 = 3_600_000;
/// Later than anything that works, earlier than a person loses patience.
pub(crate) const LONG: Duration = Duration::from_secs(20);
pub(crate) const REPORT: Kind = Kind::new("report.send").on("reports").attempts(3);

pub(crate) fn seed() -> Entropy {
    let given = std::env::var("MAINSPRING_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| Entropy::system().u64());
    println!("MAINSPRING_SEED={seed}");
    Entropy::seeded(seed)
}

pub(crate) fn open(dir: &Path, clock: &Clock) -> Store {
    let migrations: Vec<Migration> = [jobs::MIGRATIONS, schedules::MIGRATIONS, fleet::MIGRATIONS].concat();
    testkit::open(dir, Durability::Normal, &migrations, clock, &Entropy::seeded(1)).expect("opened")
}

/// A store of its own, a clock that stands still, and schedules that nobody looks at but the test.
pub(crate) struct Site {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) clock: Clock,
    pub(crate) store: Store,
    pub(crate) jobs: Jobs,
    pub(crate) schedules: Schedules,
}

async fn over(dir: tempfile::TempDir, clock: Clock) -> Site {
    let store = open(dir.path(), &clock);
    let entropy = Entropy::system();
    let jobs = Jobs::new(store.clone(), clock.clone(), entropy.clone(), "test".to_owned(), Life::Locked);
    let jobs = jobs.await.expect("a lease");
    let schedules = Schedules::new(store.clone(), jobs.clone(), clock.clone(), entropy);
    Site { dir, clock, store, jobs, schedules }
}

impl Site {
    pub(crate) async fn new() -> Self {
        over(tempfile::tempdir().expect("a directory"), Clock::manual(START_MS)).await
    }

    /// The process ends and another begins, so much later.
    pub(crate) async fn restart(self, down_ms: i64) -> Self {
        self.store.close().await;
        self.clock.advance(down_ms);
        let Self { dir, clock, store, jobs, schedules } = self;
        drop((store, jobs, schedules));
        over(dir, clock).await
    }

    /// Another process over the same store.
    pub(crate) fn beside(&self) -> Schedules {
        Schedules::new(self.store.clone(), self.jobs.clone(), self.clock.clone(), Entropy::system())
    }

    pub(crate) async fn create(&self, name: &str, with: Value) -> i64 {
        self.schedules.create(name.to_owned(), spec(with)).await.expect("created")
    }

    /// Moves the clock and looks.
    pub(crate) async fn pass(&self, ms: i64) {
        self.clock.advance(ms);
        self.schedules.turn().await.expect("a look");
    }

    pub(crate) async fn firings(&self, id: i64) -> Vec<FiringRow> {
        self.schedules.firings(id, i64::MAX, 200).await.expect("read")
    }

    /// The ticks with a job, oldest first, in milliseconds since the start.
    pub(crate) async fn fired(&self, id: i64) -> Vec<i64> {
        let rows = self.firings(id).await;
        let fired = rows.iter().rev().filter(|row| row.outcome == Outcome::Enqueued);
        fired.filter_map(|row| row.tick_ms).map(|tick_ms| tick_ms - START_MS).collect()
    }

    pub(crate) async fn all_jobs(&self) -> Vec<JobRow> {
        let (mut all, mut before) = (Vec::new(), None);
        loop {
            let page = self.jobs.list(Query { before, limit: 200, ..Query::default() }).await.expect("read");
            let Some(last) = page.last() else { return all };
            before = Some(last.id.parse().expect("a number"));
            all.extend(page);
        }
    }

    /// Every job has one firing and every firing with a job has one: by schedule and tick, how many.
    pub(crate) async fn jobs_by_tick(&self) -> BTreeMap<(i64, i64), i64> {
        let sql = "SELECT schedule_id, tick_ms, COUNT(job_id) FROM schedule_firings
            WHERE job_id IS NOT NULL AND tick_ms IS NOT NULL GROUP BY schedule_id, tick_ms";
        let read: Result<Vec<(i64, i64, i64)>, StoreError> =
            self.store.read(async move |tx| tx.all(sql, &[]).await).await;
        read.expect("read").into_iter().map(|(id, tick, jobs)| ((id, tick), jobs)).collect()
    }

    pub(crate) async fn run_sql(&self, sql: impl AsRef<str> + Send + 'static) -> u64 {
        let changed: Result<u64, StoreError> =
            self.store.write(async move |tx| tx.execute(sql.as_ref(), &[]).await).await;
        changed.expect("the statement runs")
    }

    /// Ends every job that has not ended.
    pub(crate) async fn cancel_all(&self) {
        for job in self.all_jobs().await {
            self.jobs.cancel(job.id.parse().expect("a number")).await.expect("written");
        }
    }
}

/// A specification of a report, and what is given.
pub(crate) fn spec(with: Value) -> Spec {
    let Value::Object(given) = with else { panic!("an object, not {with}") };
    let mut all = json!({ "kind": "report.send", "args": { "to": "all" } });
    all.as_object_mut().expect("an object").extend(given);
    serde_json::from_value(all).expect("a specification")
}
