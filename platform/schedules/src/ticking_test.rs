//! A decision is made on a row, and holds only while the row is as it was: what a process saw before it was slow.

use ::store::{Durability, Migration};
use jobs::{Jobs, Life, Query};
use kernel::{Clock, Entropy};
use serde_json::json;

use crate::ticking::Prepared;
use crate::{Overlap, Schedules, Spec};

const START_MS: i64 = 1_803_859_200_000;

struct Site {
    _dir: tempfile::TempDir,
    clock: Clock,
    jobs: Jobs,
    schedules: Schedules,
}

async fn site() -> Site {
    let (dir, clock, entropy) =
        (tempfile::tempdir().expect("a directory"), Clock::manual(START_MS), Entropy::seeded(1));
    let migrations: Vec<Migration> = [jobs::MIGRATIONS, crate::MIGRATIONS].concat();
    let store = testkit::open(dir.path(), Durability::Normal, &migrations, &clock, &entropy).expect("opened");
    let jobs = Jobs::new(store.clone(), clock.clone(), entropy.clone(), "test".to_owned(), Life::Locked);
    let jobs = jobs.await.expect("a lease");
    let schedules = Schedules::new(store, jobs.clone(), clock.clone(), entropy);
    Site { _dir: dir, clock, jobs, schedules }
}

impl Site {
    async fn minutely(&self, overlap: Overlap) -> i64 {
        let spec = json!({ "every_ms": 60_000, "kind": "report.send" });
        let spec = Spec { overlap, ..serde_json::from_value(spec).expect("a specification") };
        self.schedules.create("it".to_owned(), spec).await.expect("created")
    }

    async fn job_count(&self) -> usize {
        self.jobs.list(Query { limit: 100, ..Query::default() }).await.expect("read").len()
    }

    /// What a process saw that is due now.
    async fn seen(&self, id: i64) -> Prepared {
        let of = self.schedules.0.store.read(async move |tx| crate::store::find(tx, id).await).await;
        self.schedules.prepare(of.expect("read").expect("there"), self.clock.now_ms()).await.expect("prepared")
    }
}

#[tokio::test]
async fn a_tick_that_was_seen_before_the_pause_does_not_fire_after_it() {
    let site = site().await;
    let id = site.minutely(Overlap::Allow).await;
    site.clock.advance(60_000);
    let seen = site.seen(id).await;
    site.schedules.pause(id).await.expect("paused");
    site.schedules.commit(vec![seen], site.clock.now_ms()).await.expect("written");
    assert_eq!(site.job_count().await, 0);
    let row = site.schedules.find(id).await.expect("read").expect("there").row;
    assert_eq!((row.next_ms, row.paused_at_ms), (None, Some(START_MS + 60_000)), "and it stays paused");
}

#[tokio::test]
async fn a_tick_that_was_seen_before_a_job_began_does_not_overlap_it() {
    let site = site().await;
    let id = site.minutely(Overlap::Skip).await;
    site.clock.advance(60_000);
    let seen = site.seen(id).await;
    site.schedules.fire_now(id).await.expect("fired");
    site.schedules.commit(vec![seen], site.clock.now_ms()).await.expect("written");
    assert_eq!(site.job_count().await, 1);
    site.schedules.turn().await.expect("a look");
    assert_eq!(site.job_count().await, 1, "it is looked at again, and left out");
    assert_eq!(site.schedules.firings(id, i64::MAX, 10).await.expect("read").len(), 2);
}
