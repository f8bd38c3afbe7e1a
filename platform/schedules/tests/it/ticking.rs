//! What a look fires, and what it does not.

use jobs::state::State;
use kernel::limits;
use schedules::Outcome;
use serde_json::json;
use store::StoreError;
use tokio_util::sync::CancellationToken;

use crate::support::{HOUR, LONG, MINUTE, REPORT, SECOND, START_MS, Site, open};

#[tokio::test]
async fn a_tick_enqueues_its_job_and_only_once() {
    let site = Site::new().await;
    let id = site.create("daily", json!({ "cron": "0 9 * * MON-FRI", "zone": "Europe/Berlin", "queue": "mail" })).await;
    site.pass(8 * HOUR - 1).await;
    assert!(site.all_jobs().await.is_empty(), "not early, not by a millisecond");
    site.pass(21).await;
    let jobs = site.all_jobs().await;
    let [job] = jobs.as_slice() else { panic!("one job, not {jobs:?}") };
    assert_eq!((job.kind.as_str(), job.queue.as_str(), job.state), ("report.send", "mail", State::Available));
    assert_eq!(job.run_at_ms, START_MS + 8 * HOUR, "the job carries its tick");
    assert!(job.trace_id.is_some());
    let rows = site.firings(id).await;
    assert_eq!((rows[0].tick_ms, rows[0].late_ms, rows.len()), (Some(START_MS + 8 * HOUR), Some(20), 1));
    assert_eq!(rows[0].job_id.as_deref(), Some(job.id.as_str()));
    assert_eq!(site.schedules.tick_of(job.id.parse().expect("a number")).await.expect("read"), rows[0].tick_ms);
    for _ in 0..3 {
        site.schedules.turn().await.expect("a look");
        site.beside().turn().await.expect("a look");
    }
    assert_eq!(site.all_jobs().await.len(), 1);
    site.pass(4 * 24 * HOUR).await;
    site.pass(24 * HOUR).await;
    assert_eq!(site.fired(id).await.len(), 2, "not on Saturday");
}

#[tokio::test]
async fn a_kind_that_is_served_brings_its_queue_and_policy() {
    let site = Site::new().await;
    site.jobs.serve(vec![(REPORT, jobs::handler(|_| async { Ok(()) }))], 1);
    site.create("served", json!({ "every_ms": MINUTE })).await;
    site.pass(MINUTE).await;
    let jobs = site.all_jobs().await;
    assert_eq!((jobs[0].queue.as_str(), jobs[0].max_attempts), ("reports", 3));
    site.jobs.stop(LONG).await;
}

/// The commit fails: neither the tick nor its job is there, and the next process finds it due.
#[tokio::test]
async fn a_crash_before_the_commit_leaves_the_tick_to_the_next() {
    let site = Site::new().await;
    let id = site.create("minutely", json!({ "every_ms": MINUTE, "missed": "skip" })).await;
    site.clock.advance(MINUTE);
    site.store.close().await;
    assert!(site.schedules.turn().await.is_err());
    let site = site.restart(SECOND).await;
    assert!(site.all_jobs().await.is_empty() && site.firings(id).await.is_empty());
    site.schedules.turn().await.expect("a look");
    assert_eq!((site.fired(id).await, site.all_jobs().await.len()), (vec![MINUTE], 1));
    let site = site.restart(SECOND).await;
    site.schedules.turn().await.expect("a look");
    assert_eq!(site.all_jobs().await.len(), 1, "after the commit there is nothing left");
}

#[tokio::test]
async fn a_downtime_is_made_up_for_as_the_policy_says() {
    let site = Site::new().await;
    let skip = site.create("skip", json!({ "cron": "@hourly", "missed": "skip" })).await;
    let one = site.create("one", json!({ "cron": "@hourly", "missed": "one" })).await;
    let all = site
        .create("all", json!({ "cron": "@hourly", "missed": "all", "missed_window_ms": 5 * HOUR, "missed_most": 3 }))
        .await;
    let site = site.restart(72 * HOUR + MINUTE).await;
    site.schedules.turn().await.expect("a look");
    assert!(site.fired(skip).await.is_empty());
    assert_eq!(site.fired(one).await, [72 * HOUR]);
    assert_eq!(site.fired(all).await, [70 * HOUR, 71 * HOUR, 72 * HOUR]);
    for (id, left_out) in [(skip, 72), (one, 71), (all, 69)] {
        let rows = site.firings(id).await;
        let missed = rows.iter().find(|row| row.outcome == Outcome::Missed).expect("it is said");
        assert_eq!(missed.left_out, left_out);
    }
    assert_eq!(site.all_jobs().await.len(), 4);
    site.pass(59 * MINUTE).await;
    assert_eq!(site.all_jobs().await.len(), 7, "and all go on");
}

#[tokio::test]
async fn a_clock_that_jumps_fires_nothing_twice() {
    let site = Site::new().await;
    let id = site.create("hourly", json!({ "cron": "@hourly", "missed": "all" })).await;
    site.pass(HOUR).await;
    site.pass(-HOUR).await;
    site.pass(HOUR).await;
    site.pass(5 * SECOND).await;
    site.pass(-10 * SECOND).await;
    site.pass(10 * SECOND).await;
    assert_eq!(site.fired(id).await, [HOUR]);
    site.pass(3 * HOUR).await;
    site.pass(-2 * HOUR).await;
    site.pass(2 * HOUR).await;
    assert_eq!(site.fired(id).await, [HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR]);
}

#[tokio::test]
async fn what_does_not_overlap_is_left_out_until_the_former_has_ended() {
    let site = Site::new().await;
    let id = site.create("skip", json!({ "every_ms": MINUTE, "overlap": "skip" })).await;
    site.pass(MINUTE).await;
    site.pass(MINUTE).await;
    assert_eq!(site.fired(id).await, [MINUTE]);
    assert_eq!(site.firings(id).await[0].outcome, Outcome::Overlapped);
    site.cancel_all().await;
    site.pass(MINUTE).await;
    assert_eq!(site.fired(id).await, [MINUTE, 3 * MINUTE]);
    // Several ticks of one look: the first, and no other beside it.
    let busy = site.create("busy", json!({ "every_ms": SECOND, "overlap": "skip" })).await;
    site.pass(4 * SECOND).await;
    assert_eq!(site.fired(busy).await.len(), 1);
}

#[tokio::test]
async fn a_line_of_jobs_has_an_end() {
    let site = Site::new().await;
    let id = site.create("line", json!({ "every_ms": SECOND, "overlap": "queue" })).await;
    for _ in 0..limits::SCHEDULE_IN_LINE + 5 {
        site.pass(SECOND).await;
    }
    assert_eq!(site.fired(id).await.len(), limits::SCHEDULE_IN_LINE as usize);
    site.cancel_all().await;
    site.pass(SECOND).await;
    assert_eq!(site.fired(id).await.len(), limits::SCHEDULE_IN_LINE as usize + 1);
}

#[tokio::test]
async fn jobs_in_line_run_one_at_a_time_in_order() {
    let site = Site::new().await;
    let (begun, mut hear) = tokio::sync::mpsc::unbounded_channel();
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let held = gate.clone();
    let handler = jobs::handler(move |run| {
        begun.send(run.id()).expect("the test hears");
        let held = held.clone();
        async move {
            held.acquire().await.expect("open").forget();
            Ok(())
        }
    });
    site.jobs.serve(vec![(REPORT, handler)], 4);
    site.create("line", json!({ "every_ms": SECOND, "overlap": "queue" })).await;
    site.pass(3 * SECOND).await;
    let mut order = vec![hear.recv().await.expect("begun")];
    for _ in 0..2 {
        assert!(hear.try_recv().is_err(), "one at a time");
        gate.add_permits(1);
        order.push(tokio::time::timeout(LONG, hear.recv()).await.expect("in time").expect("begun"));
    }
    gate.add_permits(1);
    assert!(order.is_sorted() && order.len() == 3);
    site.jobs.stop(LONG).await;
}

#[tokio::test]
async fn jitter_delays_the_job_and_not_the_tick() {
    let site = Site::new().await;
    let id = site.create("jitter", json!({ "every_ms": SECOND, "jitter_ms": 50_000 })).await;
    for _ in 0..40 {
        site.pass(SECOND).await;
    }
    assert_eq!(site.fired(id).await.len(), 40);
    let jobs = site.all_jobs().await;
    let delays: std::collections::BTreeSet<i64> =
        jobs.iter().map(|job| job.run_at_ms - START_MS).zip((1..=40).rev()).map(|(at, n)| at - n * SECOND).collect();
    assert!(delays.iter().all(|delay| (0..=50_000).contains(delay)) && delays.len() > 20, "{delays:?}");
}

/// A zone that the database no longer has, and arguments over the bound: each is said, and holds up nobody.
#[tokio::test]
async fn a_broken_schedule_holds_up_no_other() {
    let site = Site::new().await;
    let lost = site.create("lost", json!({ "cron": "@hourly", "zone": "Europe/Berlin" })).await;
    let large = site.create("large", json!({ "cron": "@hourly" })).await;
    let well = site.create("well", json!({ "cron": "@hourly" })).await;
    site.run_sql("UPDATE schedules SET spec = REPLACE(spec, 'Berlin', 'Atlantis') WHERE name = 'lost'").await;
    let args = "x".repeat(limits::JOB_ARGS_BYTES);
    site.run_sql(format!("UPDATE schedules SET spec = REPLACE(spec, '\"all\"', '\"{args}\"') WHERE name = 'large'"))
        .await;
    site.pass(HOUR).await;
    assert_eq!(site.fired(well).await, [HOUR]);
    for id in [lost, large] {
        let rows = site.firings(id).await;
        assert_eq!((rows[0].outcome, rows.len()), (Outcome::Refused, 1));
        assert!(rows[0].note.as_ref().is_some_and(|note| !note.is_empty()));
    }
    site.pass(HOUR).await;
    assert_eq!(site.firings(lost).await.len(), 1, "said once");
    let seen = site.schedules.find(lost).await.expect("read").expect("there");
    assert!(seen.row.words.contains("No such time zone") && seen.next.is_empty());
}

#[tokio::test]
async fn the_history_is_bounded() {
    let site = Site::new().await;
    let id = site.create("second", json!({ "every_ms": SECOND, "missed": "all", "missed_window_ms": HOUR })).await;
    for _ in 0..4 {
        site.pass(200 * SECOND).await;
    }
    let count: Result<(i64,), StoreError> =
        site.store.read(async |tx| tx.one("SELECT COUNT(*) FROM schedule_firings", &[]).await).await;
    assert_eq!(count.expect("read").0, limits::SCHEDULE_FIRINGS_KEPT);
    assert_eq!(site.firings(id).await[0].tick_ms, Some(START_MS + 800 * SECOND), "the newest are kept");
}

/// Newer rules: the stored next tick is the old rules', and the loop begins by computing it anew.
#[tokio::test]
async fn a_loop_fires_until_it_is_told_to_stop() {
    let site = Site::new().await;
    let id = site.create("hourly", json!({ "cron": "@hourly" })).await;
    site.run_sql(format!("UPDATE schedules SET next_ms = {}", START_MS + 90 * MINUTE)).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(site.schedules.clone().run(stop.clone()));
    let (begun, mut hear) = tokio::sync::mpsc::unbounded_channel();
    let handler = jobs::handler(move |run| {
        begun.send(run.id()).expect("the test hears");
        async { Ok(()) }
    });
    site.jobs.serve(vec![(REPORT, handler)], 1);
    site.clock.advance(HOUR);
    site.schedules.wake();
    tokio::time::timeout(LONG, hear.recv()).await.expect("in time").expect("begun");
    assert_eq!(site.fired(id).await, [HOUR]);
    stop.cancel();
    tokio::time::timeout(LONG, running).await.expect("it ends").expect("well");
    site.jobs.stop(LONG).await;
}

#[tokio::test]
async fn an_older_binary_refuses_the_tables() {
    let site = Site::new().await;
    site.run_sql("INSERT INTO migrations (part, version, applied_at_ms) VALUES ('schedules', 99, 0)").await;
    site.store.close().await;
    let (dir, clock) = (site.dir, site.clock);
    let opened = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| open(dir.path(), &clock)));
    assert!(opened.is_err());
}
